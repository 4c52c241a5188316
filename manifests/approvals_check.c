/*
 * The rules between the entries of an approval list, judged alike before it is signed and when it arrives. Refuses a
 * list that would publish one path twice, an item without what it requires, or contents that the list itself revokes.
 * Takes n log n time for n entries whatever they say: rings become bits of a word once, for there are at most 64.
 */
#include "manifests/approvals.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "manifests/limits.h"
#include "manifests/order.h"
#include "manifests/reason.h"

#include "lib/banned.h"

_Static_assert(MAX_RINGS <= 64, "a ring is a bit of a uint64_t");

struct rings {
	const char *names[MAX_RINGS];	/* sorted */
	int bits[MAX_RINGS];	/* of each name */
	int n;
};

/* The ring's bit, a new one where it was not met before: 0 where there are too many. */
static uint64_t ring_bit(struct rings *r, const char *name)
{
	int low = 0, high = r->n;

	while (low < high) {
		int middle = (low + high) / 2, order = strcmp(r->names[middle], name);

		if (order == 0)
			return 1ull << r->bits[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (r->n == MAX_RINGS)
		return 0;
	memmove(r->names + low + 1, r->names + low, (size_t)(r->n - low) * sizeof *r->names);
	memmove(r->bits + low + 1, r->bits + low, (size_t)(r->n - low) * sizeof *r->bits);
	r->names[low] = name;
	r->bits[low] = r->n;
	return 1ull << r->n++;
}

static const char *ring_name(const struct rings *r, uint64_t mask)
{
	for (int i = 0; i < r->n; i++)
		if (mask & 1ull << r->bits[i])
			return r->names[i];
	return "";
}

static int check_sorted(char *const *list, size_t n, const char *what, struct err *e)
{
	for (size_t i = 1; i < n; i++)
		if (strcmp(list[i - 1], list[i]) >= 0)
			return err_set(e, R_DOCUMENT_FORM, "%s: \"%s\" after \"%s\" is not sorted and distinct", what, list[i],
				       list[i - 1]);
	return 0;
}

static int check_rings(const struct approval *p, struct rings *r, uint64_t *mask, struct err *e)
{
	if (p->rings_n == 0)
		return err_set(e, R_DOCUMENT_FORM, "rings: empty");
	if (check_sorted(p->rings, p->rings_n, "rings", e) == -1 ||
	    check_sorted(p->requires, p->requires_n, "requires", e) == -1 ||
	    check_sorted(p->supersedes, p->supersedes_n, "supersedes", e) == -1)
		return -1;
	for (size_t i = 0; i < p->supersedes_n; i++)
		if (strcmp(p->supersedes[i], p->item) == 0)
			return err_set(e, R_DOCUMENT_FORM, "supersedes: the item itself");
	*mask = 0;
	for (size_t i = 0; i < p->rings_n; i++) {
		uint64_t bit = ring_bit(r, p->rings[i]);

		if (bit == 0)
			return err_set(e, R_DOCUMENT_FORM, "rings: the list names more than %d different ones", MAX_RINGS);
		*mask |= bit;
	}
	return 0;
}

static int check_entry(const struct approvals *a, size_t i, struct order *order, struct rings *r, uint64_t *masks,
		       uint64_t *taken, struct err *e)
{
	const struct approval *p = &a->items[i];

	if (i > 0 && strcmp(a->items[i - 1].item, p->item) == 0) {
		if (a->items[i - 1].revision >= p->revision)
			return err_set(e, R_DOCUMENT_FORM, "comes after revision %llu", (unsigned long long)a->items[i - 1].revision);
	} else {
		if (order_next(order, p->item, e) == -1)
			return -1;
		*taken = 0;
	}
	if (check_rings(p, r, &masks[i], e) == -1)
		return -1;
	if (*taken & masks[i])
		return err_set(e, R_DOCUMENT_FORM, "ring \"%s\" stands in another entry of the item, too",
			       ring_name(r, *taken & masks[i]));
	*taken |= masks[i];
	return 0;
}

static int check_requires(const struct approvals *a, size_t i, const struct rings *r, const uint64_t *masks, struct err *e)
{
	const struct approval *p = &a->items[i];

	for (size_t j = 0; j < p->requires_n; j++) {
		size_t count, first = approvals_find(a, p->requires[j], &count);
		uint64_t covered = 0;

		for (size_t k = 0; k < count; k++)
			covered |= masks[first + k];
		if (masks[i] & ~covered)
			return err_set(e, R_REQUIRES, "requires \"%s\", which is not approved for ring \"%s\"", p->requires[j],
				       ring_name(r, masks[i] & ~covered));
	}
	return 0;
}

static int by_contents(const void *a, const void *b)
{
	return digest_compare(a, b);
}

static int check_revoked(const struct approvals *a, struct err *e)
{
	struct digest *revoked = calloc(a->revoked_n + 1, sizeof *revoked);
	int rc = -1;

	if (revoked == NULL)
		return err_mem(e);
	for (size_t i = 0; i < a->revoked_n; i++) {
		const struct revocation *v = &a->revoked[i], *before = i > 0 ? v - 1 : NULL;
		int order = before == NULL ? -1 : strcmp(before->item, v->item);

		if (order > 0 || (order == 0 && before->revision >= v->revision)) {
			err_set(e, R_DOCUMENT_FORM, "revoked: \"%s\" revision %llu is not in order", v->item,
				(unsigned long long)v->revision);
			goto out;
		}
		revoked[i] = v->contents;
	}
	qsort(revoked, a->revoked_n, sizeof *revoked, by_contents);
	for (size_t i = 0; i < a->items_n; i++)
		if (bsearch(&a->items[i].contents.sha256, revoked, a->revoked_n, sizeof *revoked, by_contents) != NULL) {
			err_set(e, R_REVOKED, "item \"%s\" revision %llu: its contents are revoked", a->items[i].item,
				(unsigned long long)a->items[i].revision);
			goto out;
		}
	rc = 0;
out:
	free(revoked);
	return rc;
}

static int check_items(const struct approvals *a, uint64_t *masks, struct err *e)
{
	struct order order = {0};
	struct rings rings = {0};
	uint64_t taken = 0;
	size_t i;

	for (i = 0; i < a->items_n; i++)
		if (check_entry(a, i, &order, &rings, masks, &taken, e) == -1)
			goto refused;
	for (i = 0; i < a->items_n; i++)
		if (check_requires(a, i, &rings, masks, e) == -1)
			goto refused;
	return 0;
refused:
	return err_prefix(e, "item \"%s\" revision %llu", a->items[i].item, (unsigned long long)a->items[i].revision);
}

int approvals_check(const struct approvals *a, struct err *e)
{
	uint64_t *masks;
	int rc;

	if (a->expires <= a->issued)
		return err_set(e, R_DOCUMENT_FORM, "expires: not after issued");
	masks = calloc(a->items_n + 1, sizeof *masks);
	if (masks == NULL)
		return err_mem(e);
	rc = check_items(a, masks, e);
	free(masks);
	return rc == 0 ? check_revoked(a, e) : -1;
}
