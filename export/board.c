/*
 * DECIDE's table: rings are bits beside the rows of the draft, so that moving them about, whatever the number of items,
 * is arithmetic. Refuses rings the station doesn't have.
 */
#include "export/board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/text.h"
#include "manifests/reason.h"

#include "lib/banned.h"

static int by_digest(const void *a, const void *b)
{
	return digest_compare(a, b);
}

/* Sets `revoked` of every row. */
static int mark_revoked(struct board *b, struct err *e)
{
	const struct draft *d = b->draft;
	struct digest *list = calloc(d->revoked_n + 1, sizeof *list);

	if (list == NULL)
		return err_mem(e);
	for (size_t i = 0; i < d->revoked_n; i++)
		list[i] = d->revoked[i].contents;
	qsort(list, d->revoked_n, sizeof *list, by_digest);
	for (size_t i = 0; i < d->revisions_n; i++)
		b->rows[i].revoked = bsearch(&d->revisions[i].contents.sha256, list, d->revoked_n, sizeof *list, by_digest) != NULL;
	free(list);
	return 0;
}

/* The ring's bit, a new one where it is met first: decisions may name a ring that station.yaml has no more. */
static int ring_bit(struct board *b, char *name, uint64_t *bit, struct err *e)
{
	size_t i = 0;

	while (i < b->rings_n && strcmp(b->rings[i], name) != 0)
		i++;
	if (i == b->rings_n) {
		if (i == MAX_RINGS)
			return err_set(e, ERR_CONFIG, "decisions and " CONFIG_NAME " together name more than %d rings", MAX_RINGS);
		b->rings[b->rings_n++] = name;
	}
	*bit = 1ull << i;
	return 0;
}

/* Sets `declined` of every row. A ring that the station has no more is forgotten here. */
static void mark_declined(struct board *b)
{
	for (size_t i = 0; i < b->draft->revisions_n; i++) {
		const struct draft_revision *r = &b->draft->revisions[i];

		b->rows[i].declined = r->declined ? UINT64_MAX : 0;
		for (size_t k = 0; k < b->rings_n && r->declined_for_n > 0; k++)
			if (draft_declined(r, b->rings[k]))
				b->rows[i].declined |= 1ull << k;
	}
}

static int lay_out(struct board *b, struct err *e)
{
	struct draft *d = b->draft;
	size_t row = 0;

	for (size_t i = 0; i < b->station->config.rings_n; i++)
		b->rings[b->rings_n++] = b->station->config.rings[i];
	for (size_t i = 0; i < d->revisions_n; i++) {
		b->rows[i].requires = d->revisions[i].requires;
		b->rows[i].requires_n = d->revisions[i].requires_n;
	}
	for (size_t i = 0; i < d->decisions_n; i++) {
		const struct approval *p = &d->decisions[i];

		while (strcmp(d->revisions[row].item, p->item) != 0 || d->revisions[row].revision != p->revision)
			row++;	/* draft_load saw to it that it is there */
		b->rows[row].entry = p;
		b->rows[row].requires = p->requires;
		b->rows[row].requires_n = p->requires_n;
		for (size_t k = 0; k < p->rings_n; k++) {
			uint64_t bit = 0;

			if (ring_bit(b, p->rings[k], &bit, e) == -1)
				return -1;
			b->rows[row].rings |= bit;
		}
		b->rows[row].before = b->rows[row].rings;
	}
	mark_declined(b);
	return mark_revoked(b, e);
}

struct board *board_open(struct station *s, struct draft *d, struct err *e)
{
	struct board *b = calloc(1, sizeof *b);

	if (b == NULL || (b->rows = calloc(d->revisions_n + 1, sizeof *b->rows)) == NULL) {
		board_free(b);
		err_mem(e);
		return NULL;
	}
	b->station = s;
	b->draft = d;
	if (lay_out(b, e) == 0)
		return b;
	board_free(b);
	return NULL;
}

void board_free(struct board *b)
{
	if (b == NULL)
		return;
	free(b->rows);
	free(b);
}

static uint64_t all_rings(const struct board *b)
{
	return b->rings_n == MAX_RINGS ? UINT64_MAX : (1ull << b->rings_n) - 1;
}

static int unknown_ring(const struct board *b, const char *option, const char *name, struct err *e)
{
	char list[512];

	board_ring_text(b, all_rings(b), list, sizeof list);
	if (name == NULL)
		return err_set(e, ERR_USAGE, "--%s is missing; the station has the rings %s", option, list);
	return err_set(e, ERR_USAGE, "--%s %s: the station has no such ring, but %s", option, name, list);
}

int board_rings(const struct board *b, const struct args *a, const char *option, bool all, uint64_t *out, struct err *e)
{
	size_t n = args_count(a, option), count;
	char **given, **names;
	int rc;

	*out = 0;
	if (n == 0 && !all && b->station->config.rings_n != 1)
		return unknown_ring(b, option, NULL, e);
	if (n == 0) {
		*out = all ? all_rings(b) : 1;	/* station.yaml's come first */
		return 0;
	}
	given = calloc(n, sizeof *given);
	if (given == NULL)
		return err_mem(e);
	for (size_t i = 0; i < n; i++)
		given[i] = (char *)(uintptr_t)args_nth(a, option, i);
	rc = config_rings(given, n, &b->draft->arena, &names, &count, e);
	free(given);
	for (size_t i = 0; i < count && rc == 0; i++) {
		size_t k = 0;

		while (k < b->rings_n && strcmp(b->rings[k], names[i]) != 0)
			k++;
		if (k == b->rings_n)
			rc = unknown_ring(b, option, names[i], e);
		else
			*out |= 1ull << k;
	}
	return rc;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

size_t board_ring_names(const struct board *b, uint64_t rings, char **out)
{
	size_t n = 0;

	for (size_t i = 0; i < b->rings_n; i++)
		if (rings & 1ull << i)
			out[n++] = b->rings[i];
	qsort(out, n, sizeof *out, by_text);
	return n;
}

const char *board_ring_text(const struct board *b, uint64_t rings, char *out, size_t size)
{
	char *names[MAX_RINGS];
	size_t n = board_ring_names(b, rings, names), at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%s", i > 0 ? ", " : "", names[i]);
	return out;
}

void board_item(const struct board *b, size_t i, size_t *first, size_t *end)
{
	const struct draft_revision *r = b->draft->revisions;

	for (*first = i; *first > 0 && strcmp(r[*first - 1].item, r[i].item) == 0; --*first)
		;
	for (*end = i + 1; *end < b->draft->revisions_n && strcmp(r[*end].item, r[i].item) == 0; ++*end)
		;
}

uint64_t board_covered(const struct board *b, const char *item)
{
	size_t count, first = draft_find(b->draft, item, &count);
	uint64_t rings = 0;

	for (size_t i = first; i < first + count; i++)
		rings |= b->rows[i].rings;
	return rings;
}

size_t board_pending(const struct board *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->draft->revisions_n; i++) {
		const struct draft_revision *r = &b->draft->revisions[i];
		bool newest = i + 1 == b->draft->revisions_n || strcmp(r->item, r[1].item) != 0;

		n += newest && b->rows[i].rings == 0 && !b->rows[i].revoked && b->rows[i].declined == 0 && !r->gone;
	}
	return n;
}

void board_move(struct board *b, size_t i, uint64_t rings)
{
	size_t first, end;

	board_item(b, i, &first, &end);
	for (size_t k = first; k < end; k++)
		if (k != i)
			board_withdraw(b, k, rings);
	b->rows[i].rings |= rings;
	b->rows[i].declined = b->rows[i].declined == UINT64_MAX ? 0 : b->rows[i].declined & ~rings;
	b->rows[i].touched = true;
}

void board_withdraw(struct board *b, size_t i, uint64_t rings)
{
	if ((b->rows[i].rings & rings) == 0)
		return;
	b->rows[i].rings &= ~rings;
	b->rows[i].touched = true;
}

void board_decline(struct board *b, size_t i, uint64_t rings)
{
	board_withdraw(b, i, rings);
	b->rows[i].declined |= rings;
}

int board_require(struct board *b, size_t i, char *const *items, size_t n, struct err *e)
{
	struct board_row *r = &b->rows[i];
	char **list = arena_alloc(&b->draft->arena, (r->requires_n + n + 1) * sizeof *list);
	size_t all = 0, kept = 0;

	if (list == NULL)
		return err_mem(e);
	for (size_t k = 0; k < r->requires_n; k++)
		list[all++] = r->requires[k];
	for (size_t k = 0; k < n; k++)
		if (strcmp(items[k], b->draft->revisions[i].item) != 0)
			list[all++] = items[k];
	qsort(list, all, sizeof *list, by_text);
	for (size_t k = 0; k < all; k++)
		if (kept == 0 || strcmp(list[kept - 1], list[k]) != 0)
			list[kept++] = list[k];
	if (kept > MAX_REQUIRES)
		return err_set(e, ERR_USAGE, "%s: would require %zu items, and the most is %d", b->draft->revisions[i].item, kept,
			       MAX_REQUIRES);
	r->requires = list;
	r->requires_n = kept;
	r->touched = true;
	return 0;
}

bool board_unmet(const struct board *b, size_t *i, const char **item, uint64_t *rings)
{
	for (; *i < b->draft->revisions_n; ++*i) {
		const struct board_row *r = &b->rows[*i];

		for (size_t k = 0; r->rings != 0 && k < r->requires_n; k++) {
			*rings = r->rings & ~board_covered(b, r->requires[k]);
			*item = r->requires[k];
			if (*rings != 0)
				return true;
		}
	}
	return false;
}

int board_revoke(struct board *b, size_t i, const char *note, struct err *e)
{
	struct draft *d = b->draft;
	const struct draft_revision *r = &d->revisions[i];
	struct revocation *list = arena_alloc(&d->arena, (d->revoked_n + 1) * sizeof *list);
	size_t at = 0;

	if (list == NULL)
		return err_mem(e);
	while (at < d->revoked_n && (strcmp(d->revoked[at].item, r->item) < 0 ||
				     (strcmp(d->revoked[at].item, r->item) == 0 && d->revoked[at].revision < r->revision)))
		at++;
	if (at < d->revoked_n && strcmp(d->revoked[at].item, r->item) == 0 && d->revoked[at].revision == r->revision) {
		if (note != NULL && (d->revoked[at].note = arena_strndup(&d->arena, note, strlen(note))) == NULL)
			return err_mem(e);
		return 0;
	}
	if (at > 0)
		memcpy(list, d->revoked, at * sizeof *list);
	if (at < d->revoked_n)
		memcpy(list + at + 1, d->revoked + at, (d->revoked_n - at) * sizeof *list);
	list[at] = (struct revocation){.item = r->item, .revision = r->revision, .contents = r->contents.sha256};
	if (note != NULL && (list[at].note = arena_strndup(&d->arena, note, strlen(note))) == NULL)
		return err_mem(e);
	d->revoked = list;
	d->revoked_n++;
	for (size_t k = 0; k < d->revisions_n; k++)
		if (digest_equal(&d->revisions[k].contents.sha256, &r->contents.sha256))
			b->rows[k].revoked = true;
	return 0;
}

int board_unrevoke(struct board *b, const struct digest *contents, struct err *e)
{
	struct draft *d = b->draft;
	struct revocation *out = arena_alloc(&d->arena, (b->unrevoked_n + d->revoked_n + 1) * sizeof *out);
	size_t kept = 0;

	if (out == NULL)
		return err_mem(e);
	for (size_t i = 0; i < b->unrevoked_n; i++)
		out[i] = b->unrevoked[i];
	b->unrevoked = out;
	for (size_t i = 0; i < d->revoked_n; i++)
		if (digest_equal(&d->revoked[i].contents, contents))
			out[b->unrevoked_n++] = d->revoked[i];
		else
			d->revoked[kept++] = d->revoked[i];
	d->revoked_n = kept;
	for (size_t k = 0; k < d->revisions_n; k++)
		if (digest_equal(&d->revisions[k].contents.sha256, contents))
			b->rows[k].revoked = false;
	return 0;
}

int board_check_text(const char *option, const char *s, struct err *e)
{
	size_t len = strlen(s), n;
	uint32_t cp;

	if (len == 0 || len > MAX_TITLE_LEN)
		return err_set(e, ERR_USAGE, "--%s: must have 1 to %d bytes", option, MAX_TITLE_LEN);
	for (size_t i = 0; i < len; i += n) {
		n = text_decode((const uint8_t *)s + i, len - i, &cp);
		if (n == 0 || cp == '\n' || text_forbidden(cp) || text_bidi(cp))
			return err_set(e, ERR_USAGE, "--%s: must be one line of UTF-8 without control characters", option);
	}
	return 0;
}

/* The entry of row i as the next list shall have it. */
static int make_entry(struct board *b, size_t i, const struct board_terms *terms, struct approval *out, struct err *e)
{
	const struct draft_revision *r = &b->draft->revisions[i];
	const struct board_row *row = &b->rows[i];
	char *names[MAX_RINGS];

	*out = row->entry != NULL ? *row->entry : (struct approval){.item = r->item, .revision = r->revision};
	if (!row->touched && row->entry != NULL)
		return 0;
	out->contents = r->contents;
	out->requires = row->requires;
	out->requires_n = row->requires_n;
	out->rings_n = board_ring_names(b, row->rings, names);
	out->rings = arena_alloc(&b->draft->arena, out->rings_n * sizeof *out->rings);
	if (out->rings == NULL)
		return err_mem(e);
	memcpy(out->rings, names, out->rings_n * sizeof *names);
	if (terms == NULL)
		return 0;
	out->title = terms->title != NULL ? terms->title : out->title;
	out->note = terms->note != NULL ? terms->note : out->note;
	if (terms->supersedes_n > 0) {
		out->supersedes = terms->supersedes;
		out->supersedes_n = terms->supersedes_n;
	}
	out->urgent = out->urgent || terms->urgent;
	if (terms->has_deadline) {
		out->has_deadline = true;
		out->deadline = terms->deadline;
	}
	return 0;
}

/* What was declined, back into the draft's rows. */
static int store_declined(struct board *b, struct err *e)
{
	for (size_t i = 0; i < b->draft->revisions_n; i++) {
		struct draft_revision *r = &b->draft->revisions[i];
		uint64_t declined = b->rows[i].declined;
		char *names[MAX_RINGS];

		r->declined = declined == UINT64_MAX;
		r->declined_for_n = 0;
		if (declined == 0 || r->declined)
			continue;
		r->declined_for_n = board_ring_names(b, declined, names);
		r->declined_for = arena_alloc(&b->draft->arena, r->declined_for_n * sizeof *r->declined_for);
		if (r->declined_for == NULL)
			return err_mem(e);
		memcpy(r->declined_for, names, r->declined_for_n * sizeof *names);
	}
	return 0;
}

int board_store(struct board *b, const struct board_terms *terms, const bool *apply, struct err *e)
{
	struct draft *d = b->draft;
	struct approval *list;
	size_t n = 0;

	for (size_t i = 0; i < d->revisions_n; i++)
		n += b->rows[i].rings != 0;
	if (n > MAX_ITEMS)
		return err_set(e, ERR_TOO_LARGE, "%zu entries would be approved, and a list holds at most %d", n, MAX_ITEMS);
	list = arena_alloc(&d->arena, (n + 1) * sizeof *list);
	if (list == NULL)
		return err_mem(e);
	n = 0;
	for (size_t i = 0; i < d->revisions_n; i++)
		if (b->rows[i].rings != 0 &&
		    make_entry(b, i, apply != NULL && apply[i] ? terms : NULL, &list[n++], e) == -1)
			return -1;
	d->decisions = list;
	d->decisions_n = n;
	return store_declined(b, e);
}
