/*
 * What was seen and what was decided on it, beside DECIDE. Changes nothing.
 */
#include "export/list.h"

#include <stdlib.h>
#include <string.h>

#include "export/board.h"
#include "export/pick.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/say.h"

#include "lib/banned.h"

const struct option_def list_options[] = {
	{"state", 0, "STATE", "only pending, approved, declined, revoked, gone or superseded revisions", true},
	{"ring", 0, "RING", "only what is approved for this ring", true},
	{"all", 0, NULL, "every item, but not what was declined or revoked", false},
	{0},
};

enum state { PENDING, APPROVED, DECLINED, REVOKED, GONE, SUPERSEDED, STATES };
static const char *const words[STATES] = {"pending", "approved", "declined", "revoked", "gone", "superseded"};

struct list {
	struct station s;
	struct draft *draft;
	struct board *board;
	uint8_t *picked;	/* NULL: every item */
	uint64_t rings;		/* 0: whatever the rings */
	bool wanted[STATES];
	const struct approval **superseding;	/* decisions that supersede something */
	size_t superseding_n;
};

static enum state state_of(const struct list *l, size_t i)
{
	const struct draft_revision *r = &l->draft->revisions[i];
	const struct board_row *row = &l->board->rows[i];
	bool newest = i + 1 == l->draft->revisions_n || strcmp(r->item, r[1].item) != 0;

	if (row->rings != 0)
		return APPROVED;
	if (row->revoked)
		return REVOKED;
	if (!newest)
		return SUPERSEDED;
	if (row->declined != 0)
		return DECLINED;
	return r->gone ? GONE : PENDING;
}

/* An approved item that says it takes the place of this one, or NULL. */
static const char *superseder(const struct list *l, const char *item)
{
	for (size_t i = 0; i < l->superseding_n; i++)
		for (size_t k = 0; k < l->superseding[i]->supersedes_n; k++)
			if (strcmp(l->superseding[i]->supersedes[k], item) == 0)
				return l->superseding[i]->item;
	return NULL;
}

static json_t *texts(char *const *list, size_t n)
{
	json_t *out = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(out, json_text(list[i]));
	return out;
}

/* Some of the rings it was declined for; 0 where it was declined as such. */
static uint64_t declined_for(const struct board_row *row)
{
	return row->declined == UINT64_MAX ? 0 : row->declined;
}

static void print_object(const struct list *l, size_t i, enum state state, const char *by)
{
	const struct draft_revision *r = &l->draft->revisions[i];
	const struct board_row *row = &l->board->rows[i];
	const struct approval *p = row->entry;
	char *names[MAX_RINGS], time[32];
	json_t *o = json_object();

	json_put_text(o, "item", r->item);
	json_put_number(o, "revision", r->revision);
	json_put_text(o, "state", words[state]);
	json_put(o, "rings", texts(names, board_ring_names(l->board, row->rings, names)));
	if (declined_for(row) != 0)
		json_put(o, "declined_for", texts(names, board_ring_names(l->board, declined_for(row), names)));
	json_put_number(o, "files", r->contents.files);
	json_put_number(o, "bytes", r->contents.bytes);
	json_put_text(o, "seen", num_format_time(r->seen, time));
	json_put(o, "requires", texts(row->requires, row->requires_n));
	if (p != NULL && p->title != NULL)
		json_put_text(o, "title", p->title);
	if (p != NULL && p->has_deadline)
		json_put_text(o, "deadline", num_format_time(p->deadline, time));
	json_put(o, "gone", json_boolean(r->gone));
	if (by != NULL)
		json_put_text(o, "superseded_by", by);
	say_object(o);
}

static void print(const struct list *l, size_t i, enum state state)
{
	const struct draft_revision *r = &l->draft->revisions[i];
	const struct board_row *row = &l->board->rows[i];
	const struct approval *p = row->entry;
	char rings[512], declined[512], size[24], time[32];
	const char *by = state == APPROVED ? superseder(l, r->item) : NULL;

	print_object(l, i, state, by);
	say_line("%-10s %s  revision %llu%s%s, %s, %s%s%s%s%s%s", words[state], r->item, (unsigned long long)r->revision,
		 row->rings != 0 ? " for " : "", board_ring_text(l->board, row->rings, rings, sizeof rings),
		 num_of(r->contents.files, "file"), num_format_size(r->contents.bytes, size),
		 declined_for(row) != 0 ? ", declined for " : "",
		 board_ring_text(l->board, declined_for(row), declined, sizeof declined),
		 r->gone && state != GONE ? ", gone from the content root" : "",
		 p != NULL && p->title != NULL ? ": " : "", p != NULL && p->title != NULL ? p->title : "");
	if (state == APPROVED && p != NULL && p->has_deadline)
		say_line("           to be in effect by %s%s", num_format_time(p->deadline, time), p->deadline < l->s.now ? ", which is past" : "");
	if (by != NULL)
		say_line("           superseded by %s; 'revoke --superseded' revokes it", by);
}

/* Of an item that is gone and still approved --state gone shows what is approved. */
static bool wanted(const struct list *l, size_t i, enum state state)
{
	size_t first, end;

	if (l->wanted[state] || !l->wanted[GONE] || state != APPROVED)
		return l->wanted[state];
	board_item(l->board, i, &first, &end);
	return l->draft->revisions[end - 1].gone;
}

static bool meant(const struct list *l, size_t i)
{
	size_t first, end;

	if (l->picked == NULL)
		return true;
	board_item(l->board, i, &first, &end);
	return l->picked[end - 1] != PICK_NO;
}

static int read_states(struct list *l, const struct args *a, struct err *e)
{
	size_t n = args_count(a, "state");

	for (int i = 0; i < STATES; i++)
		l->wanted[i] = n == 0 && i != SUPERSEDED && !(args_has(a, "all") && (i == DECLINED || i == REVOKED));
	for (size_t i = 0; i < n; i++) {
		int k = 0;

		while (k < STATES && strcmp(words[k], args_nth(a, "state", i)) != 0)
			k++;
		if (k == STATES)
			return err_set(e, ERR_USAGE, "--state %s: must be pending, approved, declined, revoked, gone or superseded",
				       args_nth(a, "state", i));
		l->wanted[k] = true;
	}
	return 0;
}

static int run(struct list *l, const struct args *a, struct err *e)
{
	l->draft = draft_load(&l->s, e);
	l->board = l->draft == NULL ? NULL : board_open(&l->s, l->draft, e);
	if (l->board == NULL || read_states(l, a, e) == -1)
		return -1;
	if (args_has(a, "ring") && board_rings(l->board, a, "ring", false, &l->rings, e) == -1)
		return -1;
	if (args_len(a) > 0 && pick_items(a, l->draft, &l->picked, e) == -1)
		return -1;
	l->superseding = arena_alloc(&l->draft->arena, (l->draft->decisions_n + 1) * sizeof *l->superseding);
	if (l->superseding == NULL)
		return err_mem(e);
	for (size_t i = 0; i < l->draft->decisions_n; i++)
		if (l->draft->decisions[i].supersedes_n > 0)
			l->superseding[l->superseding_n++] = &l->draft->decisions[i];
	for (size_t i = 0; i < l->draft->revisions_n; i++) {
		enum state state = state_of(l, i);

		if (wanted(l, i, state) && (l->rings == 0 || (l->board->rows[i].rings & l->rings)) && meant(l, i))
			print(l, i, state);
	}
	return 0;
}

int list_run(const struct args *a, struct err *e)
{
	struct list l = {.picked = NULL};
	int rc;

	if (station_open(a, STATION_READ, &l.s, e) == -1)
		return -1;
	rc = run(&l, a, e);
	free(l.picked);
	board_free(l.board);
	draft_free(l.draft);
	station_close(&l.s);
	return rc;
}
