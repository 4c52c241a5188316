/*
 * Frozen lists: STATION/lists/N.yaml and their signatures, between FREEZE and SELECT. Refuses a file that is not the
 * list its name says.
 */
#include "export/station.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/listing.h"
#include "lib/num.h"
#include "manifests/limits.h"
#include "manifests/reason.h"

#include "lib/banned.h"

char *station_list_name(uint64_t epoch, uint64_t revision, char out[STATION_LIST_NAME])
{
	if (epoch == 1)
		snprintf(out, STATION_LIST_NAME, "%llu.yaml", (unsigned long long)revision);
	else
		snprintf(out, STATION_LIST_NAME, "%llu-%llu.yaml", (unsigned long long)epoch, (unsigned long long)revision);
	return out;
}

/* Only what station_list_name makes. */
static bool read_name(const char *name, struct station_list_id *out)
{
	const char *dot = strchr(name, '.'), *dash = strchr(name, '-'), *number = name;
	char again[STATION_LIST_NAME];

	out->epoch = 1;
	if (dot == NULL)
		return false;
	if (dash != NULL && dash < dot) {
		if (num_parse(name, (size_t)(dash - name), 2, MAX_REVISION, &out->epoch) == -1)
			return false;
		number = dash + 1;
	}
	return num_parse(number, (size_t)(dot - number), 1, MAX_REVISION, &out->revision) == 0 &&
	       strcmp(station_list_name(out->epoch, out->revision, again), name) == 0;
}

/* Newest first. */
static int by_age(const void *a, const void *b)
{
	const struct station_list_id *x = a, *y = b;

	if (x->epoch != y->epoch)
		return x->epoch < y->epoch ? 1 : -1;
	return x->revision < y->revision ? 1 : x->revision > y->revision ? -1 : 0;
}

static int add(struct station_list_id **list, size_t *n, size_t *room, struct station_list_id id, struct err *e)
{
	if (*n == *room) {
		size_t more = *room == 0 ? 64 : *room * 2;
		struct station_list_id *grown = reallocarray(*list, more, sizeof *grown);

		if (grown == NULL)
			return err_mem(e);
		*list = grown;
		*room = more;
	}
	(*list)[(*n)++] = id;
	return 0;
}

int station_list_ids(const struct station *s, struct station_list_id **list, size_t *n, struct err *e)
{
	struct station_list_id id;
	struct listing l;
	const char *name;
	size_t room = 0;
	int rc = listing_open_at(&s->dir, "lists", &l, e);

	*list = NULL;
	*n = 0;
	while (rc == 0 && (rc = listing_next(&l, &name, e)) == 1)
		rc = read_name(name, &id) ? add(list, n, &room, id, e) : 0;
	listing_close(&l);
	if (rc == 0 && *n > 0)
		qsort(*list, *n, sizeof **list, by_age);
	return rc;
}

static int load(const struct station *s, const struct file *dir, struct station_list_id id, struct approvals **out,
		struct signatures *sigs, struct err *e)
{
	struct buf b = {0};
	struct approvals *a = NULL;
	char name[STATION_LIST_NAME];
	int rc = -1;

	station_list_name(id.epoch, id.revision, name);
	if (file_read_all_at(dir, name, MAX_APPROVALS_SIZE, &b, e) == -1)
		goto out;
	a = approvals_parse(b.data, b.len, e);
	if (a == NULL) {
		err_prefix(e, "%s/%s", dir->name, name);
		goto out;
	}
	if (a->epoch != id.epoch || a->revision != id.revision || strcmp(a->stream, s->config.stream) != 0) {
		err_set(e, R_STATION_DAMAGED, "%s/%s: is list %llu of epoch %llu of stream \"%s\"", dir->name, name,
			(unsigned long long)a->revision, (unsigned long long)a->epoch, a->stream);
		goto out;
	}
	if (sigs != NULL && signatures_collect(sigs, trust_chain_newest(&s->chain), ROLE_APPROVER, name, station_signature,
					       (void *)(uintptr_t)dir, e) == -1)
		goto out;
	*out = a;
	a = NULL;
	rc = 0;
out:
	approvals_free(a);
	buf_free(&b);
	return rc;
}

int station_list_load(const struct station *s, uint64_t epoch, uint64_t revision, struct approvals **out,
		      struct signatures *sigs, struct err *e)
{
	struct file dir = FILE_CLOSED;
	int rc = file_open_dir_at(&s->dir, "lists", &dir, e);

	if (rc == 0)
		rc = load(s, &dir, (struct station_list_id){epoch, revision}, out, sigs, e);
	file_close(&dir);
	return rc;
}

int station_list_newest(const struct station *s, struct approvals **out, struct signatures *sigs, struct err *e)
{
	struct station_list_id *list;
	size_t n;
	int rc = station_list_ids(s, &list, &n, e);

	*out = NULL;
	if (rc == 0)
		rc = n == 0 ? 1 : station_list_load(s, list[0].epoch, list[0].revision, out, sigs, e);
	free(list);
	return rc;
}

/* Whether the list reaches the threshold: 1, 0, or -1. It is freed where it doesn't. */
static int try(const struct station *s, struct station_list_id id, struct approvals **out, struct signatures *sigs, struct err *e)
{
	const struct trust *root = trust_chain_newest(&s->chain);
	struct approvals *a = NULL;

	if (station_list_load(s, id.epoch, id.revision, &a, sigs, e) == -1)
		return -1;
	if (trust_count(root, ROLE_APPROVER, a->bytes.data, a->bytes.len, sigs, NULL) <
	    root->roles.role[ROLE_APPROVER].threshold) {
		signatures_free(sigs);
		approvals_free(a);
		return 0;
	}
	*out = a;
	return 1;
}

int station_list_effective(const struct station *s, struct approvals **out, struct signatures *sigs, struct err *e)
{
	struct signatures own = {0}, *use = sigs != NULL ? sigs : &own;
	struct station_list_id *list;
	size_t n;
	int rc = station_list_ids(s, &list, &n, e), found = 0;

	*out = NULL;
	for (size_t i = 0; i < n && rc == 0 && found == 0; i++) {
		found = try(s, list[i], out, use, e);
		rc = found == -1 ? -1 : 0;
	}
	free(list);
	signatures_free(&own);
	return rc == -1 ? -1 : found == 1 ? 0 : 1;
}
