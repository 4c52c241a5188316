/*
 * DECIDE: approving. Refuses what isn't there, what was revoked unless it is named, what requires something that can't be
 * approved with it, items that would lie in one another, bytes that changed since the scan; and if anything is refused,
 * everything is.
 *
 * Order on disk: the approved bytes, then the ledger's lines, then the draft. After a crash in between there are bytes
 * that nothing needs, or lines of a decision that was not made; repeating the command mends both.
 */
#include "export/approve.h"

#include <stdlib.h>
#include <string.h>

#include "export/board.h"
#include "export/keep.h"
#include "export/pick.h"
#include "export/supersede.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/path.h"
#include "lib/pool.h"
#include "lib/say.h"
#include "manifests/reason.h"

#include "lib/banned.h"

const struct option_def approve_options[] = {
	{"ring", 0, "RING", "approve for this ring; needed where the station has several", true},
	{"all", 0, NULL, "everything that waits; never what was declined or revoked", false},
	{"revision", 0, "N", "this revision instead of the newest; goes with one item", false},
	{"from-ring", 0, "RING", "the revision that this ring has", false},
	{"no-requires", 0, NULL, "refuse, instead of approving, what the items require", false},
	{"recut", 0, NULL, "withdraw approved items that lie above or below the named ones", false},
	{"title", 0, "TEXT", "one line for people", false},
	{"note", 0, "TEXT", "a remark that goes into the list", false},
	{"requires", 0, "ITEM", "publish only together with ITEM", true},
	{"supersedes", 0, "ITEM", "it takes the place of ITEM, which 'revoke --superseded' then revokes", true},
	{"urgent", 0, NULL, "publish at once, before the rest of a list is complete", false},
	{"deadline", 0, "TIME", "to be in effect by TIME, like 2026-12-01T00:00:00Z", false},
	{0},
};

struct approve {
	struct station s;
	struct draft *draft;
	struct board *board;
	const struct args *a;
	uint8_t *picked;	/* for each row, see pick_items */
	bool *named;		/* rows that the command is about; the terms apply to them */
	bool *implied;		/* rows that come along because something requires them */
	bool *again;		/* rows that were named and are approved already: what was lost of their bytes is kept again */
	uint64_t rings, from;	/* from: of --from-ring, or 0 */
	struct board_terms terms;
	struct approvals *newest;	/* list; loaded where something was unrevoked */
	size_t passed_over;	/* declined or revoked ones that a pattern met */
};

static int text_option(const struct approve *p, const char *option, char **out, struct err *e)
{
	const char *s = args_get(p->a, option);

	if (s == NULL)
		return 0;
	if (board_check_text(option, s, e) == -1)
		return -1;
	*out = arena_strndup(&p->draft->arena, s, strlen(s));
	return *out == NULL ? err_mem(e) : 0;
}

static int read_terms(struct approve *p, struct err *e)
{
	const char *deadline = args_get(p->a, "deadline");

	if (text_option(p, "title", &p->terms.title, e) == -1 || text_option(p, "note", &p->terms.note, e) == -1)
		return -1;
	p->terms.urgent = args_has(p->a, "urgent");
	p->terms.has_deadline = deadline != NULL;
	if (deadline != NULL && num_parse_time(deadline, strlen(deadline), &p->terms.deadline) == -1)
		return err_set(e, ERR_USAGE, "--deadline %s: must be a time like 2026-12-01T00:00:00Z", deadline);
	return 0;
}

/* ---- which revisions ---- */

/* The row of the item (whose newest is row i) that --from-ring has, else SIZE_MAX. */
static size_t promoted(const struct approve *p, size_t i)
{
	size_t first, end;

	board_item(p->board, i, &first, &end);
	for (size_t k = first; k < end; k++)
		if (p->board->rows[k].rings & p->from)
			return k;
	return SIZE_MAX;
}

/* The row has these rings already and gets no new terms. */
static bool idle(const struct approve *p, size_t row, uint64_t rings)
{
	const struct board_terms *t = &p->terms;

	return t->title == NULL && t->note == NULL && t->supersedes_n == 0 && !t->urgent && !t->has_deadline && !args_has(p->a, "requires") &&
	       (p->board->rows[row].rings & rings) == rings;
}

/* Takes row `target` of the item whose newest is row i into the command, or passes over what was not named. */
static int take(struct approve *p, size_t i, size_t target, struct err *e)
{
	const struct draft_revision *r = &p->draft->revisions[target];
	const struct board_row *row = &p->board->rows[target];
	bool by_name = p->picked[i] == PICK_NAMED;
	uint64_t rings = by_name ? p->rings : p->rings & ~row->declined;

	if (idle(p, target, p->rings)) {
		p->again[target] = p->picked[i] != PICK_ALL;
		return 0;
	}
	if (!by_name && (rings == 0 || idle(p, target, rings) || row->revoked || (r->gone && row->rings == 0))) {
		p->passed_over += rings != p->rings || row->revoked;
		return 0;
	}
	if (row->revoked && board_unrevoke(p->board, &r->contents.sha256, e) == -1)
		return -1;
	p->named[target] = true;
	board_move(p->board, target, rings);
	return board_require(p->board, target, r->requires, r->requires_n, e);
}

static int take_each(struct approve *p, struct err *e)
{
	for (size_t i = 0; i < p->draft->revisions_n; i++) {
		size_t target = i;

		if (p->picked[i] == PICK_NO)
			continue;
		if (p->from != 0)
			target = promoted(p, i);
		if (target == SIZE_MAX && p->picked[i] == PICK_NAMED)
			return err_set(e, R_NOT_APPROVED, "%s: is not approved for ring %s", p->draft->revisions[i].item,
				       args_get(p->a, "from-ring"));
		if (target != SIZE_MAX && take(p, i, target, e) == -1)
			return -1;
	}
	return 0;
}

static int take_revision(struct approve *p, struct err *e)
{
	uint64_t number;
	size_t row;

	if (args_has(p->a, "from-ring"))
		return err_set(e, ERR_USAGE, "--revision and --from-ring exclude one another");
	if (args_number(p->a, "revision", 1, MAX_REVISION, 1, &number, e) == -1 ||
	    pick_revision(p->a, p->draft, number, &row, e) == -1)
		return -1;
	p->picked[row] = PICK_NAMED;
	return take(p, row, row, e);
}

/* Whether an item is named as such; what a pattern meets may be what the others shall require. */
static bool is_named(const struct approve *p, const char *item)
{
	size_t count, first = draft_find(p->draft, item, &count);

	for (size_t i = first; i < first + count; i++)
		if (p->picked[i] == PICK_NAMED)
			return true;
	return false;
}

static int add_requires(struct approve *p, struct err *e)
{
	size_t n = args_count(p->a, "requires");
	char **list = calloc(n + 1, sizeof *list);
	int rc = list == NULL ? err_mem(e) : 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct draft_revision *r = draft_newest(p->draft, args_nth(p->a, "requires", i));

		if (r == NULL)
			rc = err_set(e, R_ITEM_UNKNOWN, "--requires %s: no such item", args_nth(p->a, "requires", i));
		else if (is_named(p, r->item))
			rc = err_set(e, ERR_USAGE, "--requires %s: an item does not require itself", r->item);
		else
			list[i] = r->item;
	}
	for (size_t i = 0; n > 0 && i < p->draft->revisions_n && rc == 0; i++)
		if (p->named[i])
			rc = board_require(p->board, i, list, n, e);
	free(list);
	return rc;
}

/* ---- what comes along, what goes ---- */

/* Row i requires `item` in rings that don't have it: takes its newest revision in, or with --from-ring the one that ring
 * has, which is what was tried there. */
static int imply(struct approve *p, size_t i, const char *item, uint64_t rings, struct err *e)
{
	const struct draft_revision *by = &p->draft->revisions[i], *r = draft_newest(p->draft, item);
	uint64_t declined;
	char text[256];
	size_t row;

	board_ring_text(p->board, rings, text, sizeof text);
	if (r == NULL || args_has(p->a, "no-requires")) {
		err_set(e, R_REQUIRES, "%s requires %s, which is not approved for %s", by->item, item, text);
		return err_hint(e, r == NULL ? "the draft has no such item" : "approve it as well, or leave --no-requires out");
	}
	row = (size_t)(r - p->draft->revisions);
	if (p->from != 0 && promoted(p, row) != SIZE_MAX) {
		row = promoted(p, row);
		r = &p->draft->revisions[row];
	}
	declined = p->board->rows[row].declined & rings;
	if (declined != 0 || p->board->rows[row].revoked) {
		err_set(e, R_REQUIRES, "%s requires %s, whose revision %llu was %s%s", by->item, item, (unsigned long long)r->revision,
			declined != 0 ? "declined for " : "revoked", board_ring_text(p->board, declined, text, sizeof text));
		return err_hint(e, "name it too, if it shall be approved after all, or decline %s", by->item);
	}
	p->implied[row] = true;
	board_move(p->board, row, rings);
	return board_require(p->board, row, r->requires, r->requires_n, e);
}

static int close_over(struct approve *p, struct err *e)
{
	const char *item;
	uint64_t rings;
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; board_unmet(p->board, &i, &item, &rings); again = true)
			if (imply(p, i, item, rings, e) == -1)
				return -1;
	}
	return 0;
}

/* Item `other` lies above or below the item of row i, and both are approved. */
static int nested(struct approve *p, size_t i, size_t other, struct err *e)
{
	const char *item = p->draft->revisions[i].item, *name = p->draft->revisions[other].item;

	if (p->named[other] || p->implied[other])
		return err_set(e, ERR_USAGE, "%s and %s lie in one another; approve one of them", item, name);
	if (!args_has(p->a, "recut")) {
		err_set(e, ERR_USAGE, "%s and %s, which is approved, lie in one another", item, name);
		return err_hint(e, "--recut withdraws %s in the same list", name);
	}
	board_withdraw(p->board, other, UINT64_MAX);
	return 0;
}

size_t approve_nested(const struct board *b, size_t i)
{
	const struct draft *d = b->draft;
	char path[PATH_MAX_LEN + 2];
	size_t count, at, len = strlen(d->revisions[i].item);
	char *slash;

	memcpy(path, d->revisions[i].item, len + 1);
	while ((slash = strrchr(path, '/')) != NULL) {
		*slash = '\0';
		at = draft_find(d, path, &count);
		for (size_t k = at; k < at + count; k++)
			if (b->rows[k].rings != 0)
				return k;
	}
	memcpy(path, d->revisions[i].item, len);
	memcpy(path + len, "/", 2);
	for (at = draft_find(d, path, &count); at < d->revisions_n && strncmp(d->revisions[at].item, path, len + 1) == 0; at++)
		if (b->rows[at].rings != 0)
			return at;
	return SIZE_MAX;
}

/* Everything approved above and below the item of row i. */
static int check_nesting(struct approve *p, size_t i, struct err *e)
{
	size_t other;

	while ((other = approve_nested(p->board, i)) != SIZE_MAX)	/* what is withdrawn isn't found again */
		if (nested(p, i, other, e) == -1)
			return -1;
	return 0;
}

static int check_all_nesting(struct approve *p, struct err *e)
{
	const char *item;
	uint64_t rings;
	size_t i = 0;

	for (size_t k = 0; k < p->draft->revisions_n; k++)
		if (p->board->rows[k].rings != 0 && p->board->rows[k].before == 0 && check_nesting(p, k, e) == -1)
			return -1;
	if (!board_unmet(p->board, &i, &item, &rings))
		return 0;
	err_set(e, R_REQUIRES, "%s requires %s, which --recut would withdraw", p->draft->revisions[i].item, item);
	return err_hint(e, "approve or decline %s first", p->draft->revisions[i].item);
}

/* ---- making it so ---- */

static void say_changed(void *arg, const char *path, const char *why)
{
	json_t *o = json_object();

	(void)arg;
	json_put_text(o, "path", path);
	json_put_text(o, "state", "changed");
	json_put_text(o, "reason", reason_word(R_CONTENT_CHANGED));
	json_put_text(o, "message", why);
	say_object(o);
	say_line("changed  %s: %s", path, why);
}

int approve_keep(struct station *s, const struct board *b, const bool *again, struct err *e)
{
	const struct draft *d = b->draft;
	struct keep *k = keep_start(s, say_changed, NULL, e);

	if (k == NULL)
		return -1;
	for (size_t i = 0; i < d->revisions_n; i++)
		if (((b->rows[i].rings != 0 && b->rows[i].before == 0) || (again != NULL && again[i])) &&
		    keep_item(k, d->revisions[i].item, &d->revisions[i].contents, e) == -1) {
			keep_abort(k);
			return -1;
		}
	return keep_finish(k, pool_default_jobs(), e);
}

/* What this command is about: rings that a row got, or, with new terms, all it asked for and has. */
static uint64_t concerned(const struct approve *p, size_t i)
{
	const struct board_row *r = &p->board->rows[i];

	return r->rings & (p->named[i] ? p->rings : ~r->before);
}

/* Cut anew: the item as a whole is no longer approved. */
static uint64_t withdrawn(const struct approve *p, size_t i)
{
	const struct board_row *r = &p->board->rows[i];

	return r->rings == 0 && board_covered(p->board, p->draft->revisions[i].item) == 0 ? r->before : 0;
}

static int record(struct approve *p, struct err *e)
{
	size_t n = p->draft->revisions_n;
	struct board_change *got = calloc(n + 1, sizeof *got), *lost = calloc(n + 1, sizeof *lost);
	int rc = -1;

	for (size_t i = 0; got != NULL && lost != NULL && i < n; i++) {
		got[i].rings = concerned(p, i);
		got[i].concerns = got[i].rings != 0;
		lost[i].rings = withdrawn(p, i);
		lost[i].concerns = lost[i].rings != 0;
	}
	if (got == NULL || lost == NULL)
		err_mem(e);
	else if (board_tell_ledger(p->board, "approve", got, p->terms.note, e) == 0)
		rc = board_tell_ledger(p->board, "withdraw", lost, NULL, e);
	free(lost);
	free(got);
	return rc;
}

static bool any(const struct approve *p, const bool *rows)
{
	for (size_t i = 0; i < p->draft->revisions_n; i++)
		if (rows[i])
			return true;
	return false;
}

static void report(const struct approve *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->draft->revisions_n; i++) {
		uint64_t rings = concerned(p, i), lost = withdrawn(p, i);

		if (rings != 0)
			board_tell(p->board, i, "approved", rings, p->implied[i] ? "required" : NULL);
		if (lost != 0)
			board_tell(p->board, i, "withdrawn", lost, "cut anew");
		n += rings != 0;
	}
	board_tell_unrevoked(p->board, p->newest);
	if (p->passed_over > 0)
		say_note("%zu declined or revoked %s passed over; naming one approves it", p->passed_over,
			 p->passed_over == 1 ? "item was" : "items were");
	if (n == 0 && any(p, p->again))
		say_note("what was named is approved already, and the station has its bytes");
	else if (n == 0)
		say_note("nothing waits to be approved here");
	else
		station_next(&p->s, "sign");
}

static int decide(struct approve *p, struct err *e)
{
	if (args_has(p->a, "revision") ? take_revision(p, e) == -1 : take_each(p, e) == -1)
		return -1;
	if (supersede_check(p->board, p->named, &p->terms, e) == -1 || add_requires(p, e) == -1 || close_over(p, e) == -1 || check_all_nesting(p, e) == -1)
		return -1;
	if (p->board->unrevoked_n > 0 && station_list_newest(&p->s, &p->newest, NULL, e) == -1)
		return -1;
	if (!any(p, p->named))
		return any(p, p->again) ? approve_keep(&p->s, p->board, p->again, e) : 0;
	if (board_store(p->board, &p->terms, p->named, e) == -1 || approve_keep(&p->s, p->board, p->again, e) == -1 || record(p, e) == -1)
		return -1;
	return draft_save(&p->s, p->draft, e);
}

static int run(struct approve *p, struct err *e)
{
	size_t n;

	p->draft = draft_load(&p->s, e);
	if (p->draft == NULL)
		return -1;
	n = p->draft->revisions_n + 1;
	p->board = board_open(&p->s, p->draft, e);
	if (p->board == NULL)
		return -1;
	p->named = calloc(n, sizeof *p->named);
	p->implied = calloc(n, sizeof *p->implied);
	p->again = calloc(n, sizeof *p->again);
	if (p->named == NULL || p->implied == NULL || p->again == NULL)
		return err_mem(e);
	if (pick_items(p->a, p->draft, &p->picked, e) == -1 || read_terms(p, e) == -1 ||
	    supersede_read(p->a, p->draft, &p->terms, e) == -1 || board_rings(p->board, p->a, "ring", false, &p->rings, e) == -1)
		return -1;
	if (args_has(p->a, "from-ring") && board_rings(p->board, p->a, "from-ring", false, &p->from, e) == -1)
		return -1;
	if (decide(p, e) == -1)
		return -1;
	report(p);
	return 0;
}

int approve_run(const struct args *a, struct err *e)
{
	struct approve p = {.a = a};
	int rc;

	if (station_open(a, STATION_WRITE, &p.s, e) == -1)
		return -1;
	rc = run(&p, e);
	approvals_free(p.newest);
	free(p.again);
	free(p.implied);
	free(p.named);
	free(p.picked);
	board_free(p.board);
	draft_free(p.draft);
	station_close(&p.s);
	return rc;
}
