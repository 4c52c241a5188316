/*
 * Frozen lists: STATION/lists/N.yaml and their signatures, between FREEZE and SELECT. Refuses a file that is not the
 * list its name says.
 */
#include "export/station.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/listing.h"
#include "lib/num.h"
#include "lib/outfile.h"
#include "manifests/limits.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define ABANDONED ".abandoned"	/* beside the list: an empty file */
#define LIST_DAMAGED "move it away; `satchel-export recover MEDIUM` takes it from a medium that carries it"
#define MARKER_LEN (STATION_LIST_NAME + sizeof "lists/" ABANDONED)

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
	a = approvals_take(&b, e);
	if (a == NULL) {
		err_prefix(e, "%s/%s", dir->name, name);
		station_damaged(e, LIST_DAMAGED);
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

/* ---- abandoned ones ---- */

int station_list_abandoned_at(const struct file *dir, const char *name, struct err *e)
{
	char marker[512];

	if (snprintf(marker, sizeof marker, "%s" ABANDONED, name) >= (int)sizeof marker)
		return 0;
	if (faccessat(dir->fd, marker, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : err_sys(e, "%s/%s", dir->name, marker);
}

static char *path_of(struct station_list_id id, const char *tail, char out[MARKER_LEN])
{
	char name[STATION_LIST_NAME];

	snprintf(out, MARKER_LEN, "lists/%s%s", station_list_name(id.epoch, id.revision, name), tail);
	return out;
}

int station_list_abandoned(const struct station *s, struct station_list_id id, struct err *e)
{
	char path[MARKER_LEN];

	return station_list_abandoned_at(&s->dir, path_of(id, "", path), e);
}

int station_list_abandoned_copy(const struct station *s, const struct approvals *a, struct err *e)
{
	struct station_list_id id = {a->epoch, a->revision};
	struct approvals *ours = NULL;
	int rc = strcmp(a->stream, s->config.stream) == 0 ? station_list_abandoned(s, id, e) : 0;

	if (rc == 1)
		rc = station_list_load(s, id.epoch, id.revision, &ours, NULL, e) == -1 ? -1 : digest_equal(&ours->digest, &a->digest);
	approvals_free(ours);
	return rc;
}

int station_list_abandon(const struct station *s, struct station_list_id id, struct err *e)
{
	char path[MARKER_LEN];

	return outfile_put(&s->dir, path_of(id, ABANDONED, path), 0644, "", 0, e);
}

/* ---- the newest, and the one in effect ---- */

int station_list_newest_id(const struct station *s, struct station_list_id *out, struct err *e)
{
	struct station_list_id *list;
	size_t n, i = 0;
	int rc = station_list_ids(s, &list, &n, e), given_up = 0;

	while (rc == 0 && i < n && (given_up = station_list_abandoned(s, list[i], e)) == 1)
		i++;
	if (rc == 0)
		rc = given_up == -1 ? -1 : i == n;
	if (rc == 0)
		*out = list[i];
	free(list);
	return rc;
}

int station_list_newest(const struct station *s, struct approvals **out, struct signatures *sigs, struct err *e)
{
	struct station_list_id id;
	int rc = station_list_newest_id(s, &id, e);

	*out = NULL;
	return rc == 0 ? station_list_load(s, id.epoch, id.revision, out, sigs, e) : rc;
}

/* Whether the list counts and reaches the threshold: 1, 0, or -1. It is freed where it doesn't. */
static int try(const struct station *s, struct station_list_id id, struct approvals **out, struct signatures *sigs, struct err *e)
{
	const struct trust *root = trust_chain_newest(&s->chain);
	struct approvals *a = NULL;
	int given_up = station_list_abandoned(s, id, e);

	if (given_up != 0)
		return given_up == -1 ? -1 : 0;
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
