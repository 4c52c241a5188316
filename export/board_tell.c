/*
 * DECIDE: what was decided, for people and for the ledger.
 */
#include "export/board.h"

#include <stdio.h>
#include <string.h>

#include "export/freeze.h"
#include "export/ledger.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/say.h"

#include "lib/banned.h"

void board_tell(const struct board *b, size_t i, const char *state, uint64_t rings, const char *remark)
{
	const struct draft_revision *r = &b->draft->revisions[i];
	char *names[MAX_RINGS], text[512], size[24];
	size_t n = board_ring_names(b, rings, names);
	json_t *o = json_object(), *list = json_array();

	for (size_t k = 0; k < n; k++)
		json_array_append_new(list, json_text(names[k]));
	json_put_text(o, "item", r->item);
	json_put_text(o, "state", state);
	json_put_number(o, "revision", r->revision);
	json_put(o, "rings", list);
	json_put_number(o, "files", r->contents.files);
	json_put_number(o, "bytes", r->contents.bytes);
	if (remark != NULL)
		json_put_text(o, "remark", remark);
	say_object(o);
	say_line("%s %s revision %llu%s%s: %s, %s%s%s", state, r->item, (unsigned long long)r->revision,
		 n > 0 ? " for " : "", board_ring_text(b, rings, text, sizeof text), num_of(r->contents.files, "file"),
		 num_format_size(r->contents.bytes, size),
		 remark != NULL ? ", " : "", remark != NULL ? remark : "");
}

/* The draft's row of a revocation; draft_load saw to it that there is one. */
static size_t row_of(const struct draft *d, const struct revocation *r)
{
	size_t count, i = draft_find(d, r->item, &count);

	while (d->revisions[i].revision != r->revision)
		i++;
	return i;
}

void board_tell_unrevoked(const struct board *b, const struct approvals *newest)
{
	char remark[64];

	for (size_t i = 0; i < b->unrevoked_n; i++) {
		const struct revocation *r = &b->unrevoked[i];
		uint64_t since = freeze_since(newest, r);

		if (since == 0)
			snprintf(remark, sizeof remark, "was revoked, in no list yet");
		else if (newest->epoch == 1)
			snprintf(remark, sizeof remark, "was revoked since list %llu", (unsigned long long)since);
		else
			snprintf(remark, sizeof remark, "was revoked since list %llu of epoch %llu", (unsigned long long)since,
				 (unsigned long long)newest->epoch);
		board_tell(b, row_of(b->draft, r), "unrevoked", 0, remark);
	}
}

static int write_lines(const struct board *b, struct ledger_items *l, const struct board_change *changes,
		       struct err *e)
{
	char *names[MAX_RINGS];

	for (size_t i = 0; i < b->draft->revisions_n; i++) {
		const struct draft_revision *r = &b->draft->revisions[i];

		if (changes[i].concerns && ledger_items_add(l, r->item, r->revision, names,
							    board_ring_names(b, changes[i].rings, names), e) == -1) {
			ledger_items_abort(l);
			return -1;
		}
	}
	return ledger_items_close(l, e);
}

int board_tell_ledger(const struct board *b, const char *event, const struct board_change *changes, const char *note,
		      struct err *e)
{
	struct ledger_items *l;
	json_t *members = json_object();

	if (note != NULL && json_put_text(members, "note", note) == -1) {
		json_decref(members);
		return err_mem(e);
	}
	l = ledger_items_open(b->station, event, members, e);
	return l == NULL ? -1 : write_lines(b, l, changes, e);
}
