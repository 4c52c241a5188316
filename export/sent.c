/*
 * The bundles that were made. shipment | SENT | confirmed, status. Refuses copies that are not what their place says.
 */
#include "export/sent.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/station.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/listing.h"
#include "lib/num.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define FOLDER "bundles"
#define PATH_LEN 96

static char *path_of(uint64_t sequence, const char *name, char out[PATH_LEN])
{
	snprintf(out, PATH_LEN, FOLDER "/%" PRIu64 "/%s", sequence, name);
	return out;
}

int sent_load(const struct station *s, uint64_t sequence, struct manifest **out, struct err *e)
{
	char path[PATH_LEN];
	struct err why = {0};
	struct buf b = {0};
	int rc = -1;

	*out = NULL;
	path_of(sequence, NAMES_MANIFEST, path);
	if (file_read_all_at(&s->dir, path, MAX_MANIFEST_SIZE, &b, &why) == -1) {
		rc = why.reason == ERR_MISSING ? 1 : -1;
		if (rc == -1)
			*e = why;
		goto out;
	}
	*out = manifest_parse(b.data, b.len, e);
	if (*out == NULL) {
		err_prefix(e, "%s/%s", s->dir.name, path);
		station_damaged(e, "move its folder away; `satchel-export recover MEDIUM` takes it from a medium that carries the bundle");
	} else if ((*out)->sequence != sequence || strcmp((*out)->stream, s->config.stream) != 0) {
		err_set(e, R_STATION_DAMAGED, "%s/%s: is bundle %" PRIu64 " of stream \"%s\"", s->dir.name, path,
			(*out)->sequence, (*out)->stream);
	} else {
		rc = 0;
	}
out:
	if (rc == -1) {
		manifest_free(*out);
		*out = NULL;
	}
	buf_free(&b);
	return rc;
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int add(uint64_t **list, size_t *n, size_t *room, uint64_t sequence, struct err *e)
{
	if (*n == *room) {
		size_t wanted = *room == 0 ? 64 : 2 * *room;
		uint64_t *more = reallocarray(*list, wanted, sizeof *more);

		if (more == NULL)
			return err_mem(e);
		*list = more;
		*room = wanted;
	}
	(*list)[(*n)++] = sequence;
	return 0;
}

int sent_sequences(const struct station *s, uint64_t **list, size_t *n, struct err *e)
{
	uint64_t sequence;
	struct listing l;
	const char *name;
	size_t room = 0;
	int rc = listing_open_at(&s->dir, FOLDER, &l, e);

	*list = NULL;
	*n = 0;
	while (rc == 0 && (rc = listing_next(&l, &name, e)) == 1)
		rc = num_parse(name, strlen(name), 1, MAX_REVISION, &sequence) == 0 ? add(list, n, &room, sequence, e) : 0;
	listing_close(&l);
	if (*n > 0)
		qsort(*list, *n, sizeof **list, by_number);
	return rc;
}

int sent_each(const struct station *s, int (*each)(void *arg, const struct manifest *m, struct err *e), void *arg, struct err *e)
{
	uint64_t *list;
	size_t n;
	int rc = sent_sequences(s, &list, &n, e);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct manifest *m;

		rc = sent_load(s, list[i], &m, e);
		if (rc == 0)
			rc = each(arg, m, e);
		else if (rc == 1)
			rc = 0;
		manifest_free(m);
	}
	free(list);
	return rc;
}

bool sent_is_for(const struct manifest *m, const char *destination)
{
	for (size_t i = 0; i < m->destinations_n; i++)
		if (strcmp(m->destinations[i], destination) == 0)
			return true;
	return m->destinations_n == 0;
}

/* An index, compared with what the manifest says of it. */
static struct volume *load_index(const struct station *s, const struct manifest *m, uint64_t n, struct err *e)
{
	char name[32], path[PATH_LEN];
	const struct manifest_file *file = manifest_find(m, names_volume_index(n, name));
	struct volume *v = NULL;
	struct buf b = {0};
	struct digest d;

	path_of(m->sequence, name, path);
	if (file_read_all_at(&s->dir, path, MAX_VOLUME_INDEX_SIZE, &b, e) == 0 && digest_of(b.data, b.len, &d, e) == 0) {
		if (file == NULL || !digest_equal(&file->sha256, &d))
			err_set(e, R_STATION_DAMAGED, "%s/%s: is not the index the manifest names", s->dir.name, path);
		else if ((v = volume_parse(b.data, b.len, e)) == NULL)
			err_prefix(e, "%s/%s", s->dir.name, path);
	}
	buf_free(&b);
	return v;
}

int sent_objects(const struct station *s, const struct manifest *m,
		 int (*each)(void *arg, const struct volume_object *o, struct err *e), void *arg, struct err *e)
{
	int rc = 0;

	for (uint64_t n = 1; rc == 0 && n <= m->volumes; n++) {
		struct volume *v = load_index(s, m, n, e);

		rc = v == NULL ? -1 : 0;
		for (size_t i = 0; rc == 0 && i < v->objects_n; i++)
			rc = each(arg, &v->objects[i], e);
		volume_free(v);
	}
	return rc;
}
