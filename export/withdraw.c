/*
 * DECIDE: declining and revoking. Declining refuses to take away what other approved items require; revoking takes
 * these away, too, and names them. The ledger's lines are written before the draft, as in approving.
 */
#include "export/withdraw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/board.h"
#include "export/pick.h"
#include "lib/err.h"
#include "lib/path.h"
#include "lib/say.h"
#include "manifests/reason.h"

#include "lib/banned.h"

const struct option_def withdraw_decline_options[] = {
	{"ring", 0, "RING", "withdraw the item from this ring", true},
	{"all", 0, NULL, "decline everything that waits", false},
	{"gone", 0, NULL, "withdraw everything that is gone from the content root", false},
	{0},
};
const struct option_def withdraw_revoke_options[] = {
	{"revision", 0, "N", "this revision instead of every approved one; goes with one item", false},
	{"all", 0, NULL, "everything that is approved", false},
	{"gone", 0, NULL, "everything that is gone from the content root", false},
	{"superseded", 0, NULL, "everything that an approved item supersedes", false},
	{"note", 0, "TEXT", "why; goes into the list", false},
	{0},
};

struct withdraw {
	struct station s;
	struct draft *draft;
	struct board *board;
	const struct args *a;
	uint8_t *picked;
	struct board_change *lost;	/* for each row */
	const char **because;	/* for each row that only follows: the item it required */
};

/* Whether there is something to decline in row i; by name also what is gone, or declined for some rings only. */
static bool waits(const struct withdraw *p, size_t i)
{
	const struct board_row *r = &p->board->rows[i];

	if (r->before != 0 || r->revoked)
		return false;
	return p->picked[i] == PICK_NAMED ? r->declined != UINT64_MAX : r->declined == 0 && !p->draft->revisions[i].gone;
}

static void lose(struct withdraw *p, size_t i, uint64_t rings)
{
	p->lost[i].rings |= p->board->rows[i].rings & rings;
	p->lost[i].concerns = p->lost[i].concerns || p->lost[i].rings != 0;
	board_withdraw(p->board, i, rings);
}

static void report(const struct withdraw *p, const char *state)
{
	char remark[PATH_MAX_LEN + 16];

	for (size_t i = 0; i < p->draft->revisions_n; i++) {
		if (!p->lost[i].concerns)
			continue;
		snprintf(remark, sizeof remark, "requires %s", p->because[i] != NULL ? p->because[i] : "");
		board_tell(p->board, i, p->because[i] == NULL ? state : "withdrawn", p->lost[i].rings,
			   p->because[i] == NULL ? NULL : remark);
	}
}

static bool nothing_lost(const struct withdraw *p)
{
	for (size_t i = 0; i < p->draft->revisions_n; i++)
		if (p->lost[i].concerns)
			return false;
	return true;
}

static int save(struct withdraw *p, const char *event, struct err *e)
{
	size_t n = p->draft->revisions_n;
	struct board_change *own = calloc(n + 1, sizeof *own), *others = calloc(n + 1, sizeof *others);
	int rc = -1;

	for (size_t i = 0; own != NULL && others != NULL && i < n; i++)
		*(p->because[i] == NULL ? &own[i] : &others[i]) = p->lost[i];
	if (own == NULL || others == NULL)
		err_mem(e);
	else if (board_store(p->board, NULL, NULL, e) == 0 &&
		 board_tell_ledger(p->board, event, own, args_get(p->a, "note"), e) == 0 &&
		 board_tell_ledger(p->board, "withdraw", others, NULL, e) == 0)
		rc = draft_save(&p->s, p->draft, e);
	free(others);
	free(own);
	return rc;
}

/* ---- decline ---- */

/* Takes rings from the item of row i; every revision of it that was decided on remembers it, so that none of them comes back
 * unasked. Whether it had any of these. */
static bool take_away(struct withdraw *p, size_t i, uint64_t rings)
{
	size_t first, end;

	if ((board_covered(p->board, p->draft->revisions[i].item) & rings) == 0)
		return false;
	board_item(p->board, i, &first, &end);
	for (size_t k = first; k < end; k++)
		if (p->board->rows[k].before != 0 || p->board->rows[k].declined != 0) {
			lose(p, k, rings);
			board_decline(p->board, k, rings);
		}
	return true;
}

/* From the rings named. */
static int decline_rings(struct withdraw *p, size_t i, uint64_t rings, struct err *e)
{
	const struct draft_revision *r = &p->draft->revisions[i];

	if (!take_away(p, i, rings))
		return p->picked[i] != PICK_NAMED ? 0 :
		       err_set(e, R_NOT_APPROVED, "%s: is not approved for any of these rings", r->item);
	if (waits(p, i) && p->board->rows[i].declined == 0)
		say_note("%s revision %llu still waits for a decision", r->item, (unsigned long long)r->revision);
	return 0;
}

/* The newest revision where it waits, else the item as it is approved. */
static void decline_item(struct withdraw *p, size_t i)
{
	const char *item = p->draft->revisions[i].item;

	if (waits(p, i)) {
		board_decline(p->board, i, UINT64_MAX);
		p->lost[i].concerns = true;
		if (board_covered(p->board, item) != 0)
			say_note("%s stays approved in an earlier revision; --ring RING withdraws it", item);
	} else if (p->picked[i] != PICK_ALL) {
		take_away(p, i, UINT64_MAX);
	}
}

static int decline(struct withdraw *p, struct err *e)
{
	const char *item;
	uint64_t rings = 0, missing;
	size_t i = 0;
	bool some = args_has(p->a, "ring");

	if (some && board_rings(p->board, p->a, "ring", false, &rings, e) == -1)
		return -1;
	for (size_t k = 0; k < p->draft->revisions_n; k++)
		if (p->picked[k] == PICK_NO)
			continue;
		else if (!some)
			decline_item(p, k);
		else if (decline_rings(p, k, rings, e) == -1)
			return -1;
	if (board_unmet(p->board, &i, &item, &missing)) {
		err_set(e, R_REQUIRES, "%s is required by %s", item, p->draft->revisions[i].item);
		return err_hint(e, "decline %s as well, or leave %s", p->draft->revisions[i].item, item);
	}
	if (nothing_lost(p)) {
		say_note("nothing to decline here");
		return 0;
	}
	if (save(p, "decline", e) == -1)
		return -1;
	report(p, "declined");
	return 0;
}

/* ---- revoke ---- */

/* Row i, and whatever has the same contents. */
static int revoke_row(struct withdraw *p, size_t i, struct err *e)
{
	const struct draft_revision *r = &p->draft->revisions[i];
	size_t first, end;

	if (board_revoke(p->board, i, args_get(p->a, "note"), e) == -1)
		return -1;
	board_item(p->board, i, &first, &end);
	for (size_t k = first; k < end; k++)
		if (digest_equal(&p->draft->revisions[k].contents.sha256, &r->contents.sha256))
			lose(p, k, UINT64_MAX);
	p->lost[i].concerns = true;
	return 0;
}

static int revoke_item(struct withdraw *p, size_t i, struct err *e)
{
	size_t first, end, n = 0;

	board_item(p->board, i, &first, &end);
	for (size_t k = first; k < end; k++) {
		if (p->board->rows[k].before == 0)
			continue;
		n++;
		if (revoke_row(p, k, e) == -1)
			return -1;
	}
	if (n > 0 || p->picked[i] != PICK_NAMED)
		return 0;
	err_set(e, R_NOT_APPROVED, "%s: no revision of it is approved", p->draft->revisions[i].item);
	return err_hint(e, "--revision N revokes one that was");
}

/* Withdraws what requires something that is gone now, until nothing does. */
static void follow(struct withdraw *p)
{
	const char *item;
	uint64_t rings;
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; board_unmet(p->board, &i, &item, &rings); again = true) {
			if (!p->lost[i].concerns)
				p->because[i] = item;
			lose(p, i, rings);
		}
	}
}

static int revoke(struct withdraw *p, struct err *e)
{
	uint64_t number;
	size_t row;

	if (args_has(p->a, "revision")) {
		if (args_number(p->a, "revision", 1, MAX_REVISION, 1, &number, e) == -1 ||
		    pick_revision(p->a, p->draft, number, &row, e) == -1 || revoke_row(p, row, e) == -1)
			return -1;
	} else {
		for (size_t i = 0; i < p->draft->revisions_n; i++)
			if (p->picked[i] != PICK_NO && revoke_item(p, i, e) == -1)
				return -1;
	}
	if (nothing_lost(p)) {
		say_note("nothing of these is approved");
		return 0;
	}
	follow(p);
	if (save(p, "revoke", e) == -1)
		return -1;
	report(p, "revoked");
	station_next(&p->s, "sign");
	return 0;
}

static int check_note(const struct withdraw *p, struct err *e)
{
	const char *note = args_get(p->a, "note");

	return note == NULL ? 0 : board_check_text("note", note, e);
}

static int run(struct withdraw *p, int (*decide)(struct withdraw *p, struct err *e), struct err *e)
{
	p->draft = draft_load(&p->s, e);
	p->board = p->draft == NULL ? NULL : board_open(&p->s, p->draft, e);
	if (p->board == NULL || check_note(p, e) == -1 || pick_items(p->a, p->draft, &p->picked, e) == -1)
		return -1;
	p->lost = calloc(p->draft->revisions_n + 1, sizeof *p->lost);
	p->because = calloc(p->draft->revisions_n + 1, sizeof *p->because);
	if (p->lost == NULL || p->because == NULL)
		return err_mem(e);
	return decide(p, e);
}

static int start(const struct args *a, int (*decide)(struct withdraw *p, struct err *e), struct err *e)
{
	struct withdraw p = {.a = a};
	int rc;

	if (station_open(a, STATION_WRITE, &p.s, e) == -1)
		return -1;
	rc = run(&p, decide, e);
	free(p.because);
	free(p.lost);
	free(p.picked);
	board_free(p.board);
	draft_free(p.draft);
	station_close(&p.s);
	return rc;
}

int withdraw_decline(const struct args *a, struct err *e)
{
	return start(a, decline, e);
}

int withdraw_revoke(const struct args *a, struct err *e)
{
	return start(a, revoke, e);
}
