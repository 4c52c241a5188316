/*
 * SCAN > POLICY > decide: the opt-in by which a scan approves (export/policy.h). Refuses bytes that changed since the scan,
 * as approving by hand does; then nothing of it is approved.
 */
#include "export/policy.h"

#include <stdlib.h>
#include <string.h>

#include "export/approve.h"
#include "export/board.h"
#include "lib/err.h"
#include "lib/path.h"
#include "lib/say.h"

#include "lib/banned.h"

struct policy {
	struct station *s;
	struct draft *d;
	struct board *board;
	bool *mine;		/* rows that the policy approves */
};

static const struct station_policy *rules(const struct policy *p)
{
	return &p->s->config.policy;
}

/* The bits of the rings that the policy names. */
static uint64_t named_rings(const struct policy *p)
{
	const struct station_auto *a = &rules(p)->auto_approve;
	uint64_t bits = 0;

	for (size_t i = 0; i < p->board->rings_n; i++)
		for (size_t k = 0; k < a->rings_n; k++)
			if (strcmp(p->board->rings[i], a->rings[k]) == 0)
				bits |= 1ull << i;
	return bits;
}

static bool matches(const struct policy *p, const char *item)
{
	const struct station_auto *a = &rules(p)->auto_approve;

	for (size_t i = 0; i < a->match_n; i++)
		if (path_match(a->match[i], item))
			return true;
	return false;
}

/* The rings that the item's newest revision, row i, may have; 0: it waits for a person. */
static uint64_t rings_for(const struct policy *p, size_t i)
{
	const struct draft_revision *r = p->d->revisions;
	size_t first, end;

	board_item(p->board, i, &first, &end);
	if (i + 1 != end || p->board->rows[i].declined != 0 || r[i].gone || p->board->rows[i].rings != 0 || p->board->rows[i].revoked)
		return 0;
	for (size_t k = i; k-- > first;)
		if (p->board->rows[k].rings != 0)
			return rules(p)->auto_approve_revisions ? p->board->rows[k].rings : 0;
	for (size_t k = first; k < end; k++)
		if (p->board->rows[k].declined != 0 || p->board->rows[k].revoked)
			return 0;
	return rules(p)->has_auto_approve && matches(p, r[i].item) ? named_rings(p) : 0;
}

static int take(struct policy *p, struct err *e)
{
	for (size_t i = 0; i < p->d->revisions_n; i++) {
		const struct draft_revision *r = &p->d->revisions[i];
		uint64_t rings = rings_for(p, i);

		if (rings == 0)
			continue;
		p->mine[i] = true;
		board_move(p->board, i, rings);
		if (board_require(p->board, i, r->requires, r->requires_n, e) == -1)
			return -1;
	}
	return 0;
}

/* Row i waits after all: the item is as it was. */
static void leave(struct policy *p, size_t i, const char *why, const char *other)
{
	size_t first, end;

	board_item(p->board, i, &first, &end);
	for (size_t k = first; k < end; k++)
		p->board->rows[k].rings = p->board->rows[k].before;
	p->mine[i] = false;
	say_note("%s revision %llu waits: %s %s", p->d->revisions[i].item, (unsigned long long)p->d->revisions[i].revision, why,
		 other);
}

/* Until all that is left stands by itself: what was left may be what another one required. */
static void leave_unfit(struct policy *p)
{
	const char *item;
	uint64_t rings;
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < p->d->revisions_n; i++) {
			size_t other = p->mine[i] ? approve_nested(p->board, i) : SIZE_MAX;

			if (other == SIZE_MAX)
				continue;
			leave(p, i, "it lies in or around", p->d->revisions[other].item);
			again = true;
		}
		for (size_t i = 0; board_unmet(p->board, &i, &item, &rings); i++) {
			if (!p->mine[i])
				continue;
			leave(p, i, "it requires", item);
			again = true;
		}
	}
}

static int record(struct policy *p, struct err *e)
{
	struct board_change *got = calloc(p->d->revisions_n + 1, sizeof *got);
	int rc;

	if (got == NULL)
		return err_mem(e);
	for (size_t i = 0; i < p->d->revisions_n; i++)
		if (p->mine[i])
			got[i] = (struct board_change){true, p->board->rows[i].rings};
	rc = board_tell_ledger(p->board, "auto-approve", got, NULL, e);
	free(got);
	return rc;
}

static int decide(struct policy *p, size_t *n, struct err *e)
{
	if (take(p, e) == -1)
		return -1;
	leave_unfit(p);
	for (size_t i = 0; i < p->d->revisions_n; i++)
		*n += p->mine[i];
	if (*n == 0)
		return 0;
	if (board_store(p->board, NULL, NULL, e) == -1 || approve_keep(p->s, p->board, NULL, e) == -1 || record(p, e) == -1 ||
	    draft_save(p->s, p->d, e) == -1)
		return -1;
	for (size_t i = 0; i < p->d->revisions_n; i++)
		if (p->mine[i])
			board_tell(p->board, i, "approved", p->board->rows[i].rings, "by policy");
	return 0;
}

int policy_approve(struct station *s, struct draft *d, size_t *n, struct err *e)
{
	struct policy p = {.s = s, .d = d};
	int rc = -1;

	*n = 0;
	if (!s->config.policy.auto_approve_revisions && !s->config.policy.has_auto_approve)
		return 0;
	p.board = board_open(s, d, e);
	p.mine = calloc(d->revisions_n + 1, sizeof *p.mine);
	if (p.mine == NULL)
		err_mem(e);
	else if (p.board != NULL)
		rc = decide(&p, n, e);
	board_free(p.board);
	free(p.mine);
	return rc == -1 ? err_prefix(e, "approving by policy") : 0;
}
