/*
 * Which items a command means, for DECIDE and list. Refuses names that fit nothing, so that a misspelt one is never
 * taken for done.
 */
#include "export/pick.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/path.h"
#include "manifests/reason.h"

#include "lib/banned.h"

static bool is_newest(const struct draft *d, size_t i)
{
	return i + 1 == d->revisions_n || strcmp(d->revisions[i].item, d->revisions[i + 1].item) != 0;
}

static void set(uint8_t *out, enum picked how)
{
	if (*out < how)
		*out = (uint8_t)how;
}

static int unknown(const char *name, struct err *e)
{
	err_set(e, R_ITEM_UNKNOWN, "no item %s \"%s\"", strpbrk(name, "*?[") != NULL ? "matches" : "is named", name);
	return err_hint(e, "'list' shows the items, 'scan' finds new ones");
}

static int pick_one(const struct draft *d, const char *arg, uint8_t *out, struct err *e)
{
	size_t len = strlen(arg), count, first;
	char name[PATH_MAX_LEN + 1];
	bool any = false;

	while (len > 1 && arg[len - 1] == '/')	/* as shells complete directories */
		len--;
	if (len > PATH_MAX_LEN)
		return unknown(arg, e);
	memcpy(name, arg, len);
	name[len] = '\0';
	first = draft_find(d, name, &count);
	if (count > 0) {
		set(&out[first + count - 1], PICK_NAMED);
		return 0;
	}
	for (size_t i = 0; strpbrk(name, "*?[") != NULL && i < d->revisions_n; i++)
		if (is_newest(d, i) && path_match(name, d->revisions[i].item)) {
			set(&out[i], PICK_PATTERN);
			any = true;
		}
	return any ? 0 : unknown(arg, e);
}

int pick_items(const struct args *a, const struct draft *d, uint8_t **out, struct err *e)
{
	bool all = args_has(a, "all"), gone = args_has(a, "gone"), superseded = args_has(a, "superseded");
	int rc = 0;

	if (args_len(a) == 0 && !all && !gone && !superseded)
		return err_set(e, ERR_USAGE, "no item was named; name some, or say --all");
	*out = calloc(d->revisions_n + 1, 1);
	if (*out == NULL)
		return err_mem(e);
	for (size_t i = 0; i < d->revisions_n && all; i++)
		if (is_newest(d, i))
			set(&(*out)[i], PICK_ALL);
	for (size_t i = 0; i < d->revisions_n && gone; i++)
		if (is_newest(d, i) && d->revisions[i].gone)
			set(&(*out)[i], PICK_PATTERN);
	for (size_t i = 0; i < d->decisions_n && superseded; i++)
		for (size_t k = 0; k < d->decisions[i].supersedes_n; k++) {
			const struct draft_revision *old = draft_newest(d, d->decisions[i].supersedes[k]);

			if (old != NULL)
				set(&(*out)[old - d->revisions], PICK_PATTERN);
		}
	for (size_t i = 0; i < args_len(a) && rc == 0; i++)
		rc = pick_one(d, args_at(a, i), *out, e);
	if (rc == 0)
		return 0;
	free(*out);
	*out = NULL;
	return -1;
}

int pick_revision(const struct args *a, const struct draft *d, uint64_t revision, size_t *row, struct err *e)
{
	size_t n = 0, newest = 0;
	uint8_t *picked;

	if (args_len(a) != 1 || args_has(a, "all") || args_has(a, "gone") || args_has(a, "superseded"))
		return err_set(e, ERR_USAGE, "--revision goes with exactly one item");
	if (pick_items(a, d, &picked, e) == -1)
		return -1;
	for (size_t i = 0; i < d->revisions_n; i++)
		if (picked[i] != PICK_NO) {
			newest = i;
			n++;
		}
	free(picked);
	if (n != 1)
		return err_set(e, ERR_USAGE, "--revision goes with exactly one item, and %s matches %zu", args_at(a, 0), n);
	for (size_t i = newest + 1; i-- > 0 && strcmp(d->revisions[i].item, d->revisions[newest].item) == 0;)
		if (d->revisions[i].revision == revision) {
			*row = i;
			return 0;
		}
	return err_set(e, R_ITEM_UNKNOWN, "%s has no revision %llu, its newest is %llu", d->revisions[newest].item,
		       (unsigned long long)revision, (unsigned long long)d->revisions[newest].revision);
}
