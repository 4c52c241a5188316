/*
 * What is known of the destinations. receive | RECEIPTS | select, status. Files are named by the counter and the document
 * comes last, so that a run that is cut off leaves the former receipt the newest, or this one, whole. Only what the key
 * signed that is pinned now counts: a former store of that name says nothing of this one. What was acknowledged says since
 * which receipt, and counts for nothing once there is another.
 */
#include "export/receipts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export/station.h"
#include "lib/base64.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/file_hash.h"
#include "lib/listing.h"
#include "lib/num.h"
#include "lib/outfile.h"
#include "lib/pubkey.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define FOLDER "receipts"
#define PATH_LEN (NAMES_SIGNATURE_LEN + 16)
#define MAX_ARRIVALS 65536

static const struct field arrival_fields[] = {
	{.name = "sequence", .kind = FIELD_NUMBER, .at = offsetof(struct receipts_arrival, sequence), .min = 1,
	 .max = MAX_REVISION},
	{.name = "time", .kind = FIELD_TIME, .at = offsetof(struct receipts_arrival, time)},
	{0}
};
static const struct schema arrival_schema = {.size = sizeof(struct receipts_arrival), .fields = arrival_fields};
static const struct field acknowledged_fields[] = {
	{.name = "since", .kind = FIELD_NUMBER, .at = offsetof(struct receipts_acknowledged, since), .max = MAX_REVISION},
	{.name = "bundles", .kind = FIELD_RECORDS, .at = offsetof(struct receipts_acknowledged, list),
	 .count_at = offsetof(struct receipts_acknowledged, n), .max_count = MAX_ARRIVALS, .sub = &arrival_schema},
	{0}
};
static const struct schema acknowledged_schema = {
	.type = "acknowledged", .size = sizeof(struct receipts_acknowledged), .fields = acknowledged_fields
};

static char *path_of(const char *destination, uint64_t counter, const char *ending, char out[PATH_LEN])
{
	char name[NAMES_BUNDLE_LEN];

	snprintf(out, PATH_LEN, FOLDER "/%s%s", names_bundle(destination, counter, name), ending);
	return out;
}

static char *acknowledged_path(const char *destination, char out[PATH_LEN])
{
	snprintf(out, PATH_LEN, FOLDER "/%s.acknowledged", destination);
	return out;
}

/* ---- names ---- */

/* The destination and counter of a file of ours, and where its ending begins. */
static bool read_name(const char *name, char destination[MAX_NAME_LEN + 1], uint64_t *counter, const char **ending)
{
	static const char *const endings[] = {".yaml", ".objects"};
	char stem[NAMES_BUNDLE_LEN];

	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
		const char *at = strstr(name, endings[i]);

		/* a store's name may hold such a text itself: the last one counts */
		for (const char *next = at; next != NULL; next = strstr(next + 1, endings[i]))
			at = next;
		if (at == NULL || (size_t)(at - name) >= sizeof stem)
			continue;
		memcpy(stem, name, (size_t)(at - name));
		stem[at - name] = '\0';
		*ending = at;
		if (names_bundle_parse(stem, destination, counter) == 0)
			return true;
	}
	return false;
}

/* Calls each for every name in the folder. */
static int each_name(const struct station *s, int (*each)(void *arg, const struct file *dir, const char *name, struct err *e),
		     void *arg, struct err *e)
{
	struct listing l;
	const char *name;
	int rc = listing_open_at(&s->dir, FOLDER, &l, e);

	while (rc == 0 && (rc = listing_next(&l, &name, e)) == 1)
		rc = each(arg, &l.dir, name, e);
	listing_close(&l);
	return rc;
}

struct search {
	const char *destination;
	const struct digest *key;	/* finding: whose signature it must have */
	uint64_t counter;	/* found: the highest; dropping: the one that stays */
};

static int find_newest(void *arg, const struct file *dir, const char *name, struct err *e)
{
	struct search *f = arg;
	char destination[MAX_NAME_LEN + 1], signature[NAMES_SIGNATURE_LEN];
	const char *ending;
	uint64_t counter;

	if (!read_name(name, destination, &counter, &ending) || strcmp(ending, ".yaml") != 0 ||
	    strcmp(destination, f->destination) != 0 || counter <= f->counter)
		return 0;
	if (faccessat(dir->fd, names_signature(name, f->key, signature), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		f->counter = counter;
	else if (errno != ENOENT)
		return err_sys(e, "%s/%s", dir->name, signature);
	return 0;
}

static int drop_former(void *arg, const struct file *dir, const char *name, struct err *e)
{
	const struct search *f = arg;
	char destination[MAX_NAME_LEN + 1];
	const char *ending;
	uint64_t counter;

	if (!read_name(name, destination, &counter, &ending) || strcmp(destination, f->destination) != 0 || counter == f->counter)
		return 0;
	return unlinkat(dir->fd, name, 0) == 0 || errno == ENOENT ? 0 : err_sys(e, "%s/%s", dir->name, name);
}

/* ---- receipts ---- */

bool receipts_same_rings(const struct station_destination *d, const struct receipt_stream *s)
{
	if (d->rings_n != s->rings_n)
		return false;
	for (size_t i = 0; i < d->rings_n; i++)
		if (strcmp(d->rings[i], s->rings[i]) != 0)
			return false;
	return true;
}

static int damaged(const struct station *s, const char *destination, const char *path, const char *text, struct err *e)
{
	err_set(e, R_STATION_DAMAGED, "%s/%s: %s", s->dir.name, path, text);
	return err_hint(e, "`satchel-export destination add %s --key FILE` begins anew; then receive the receipt again", destination);
}

struct pubkey *receipts_key(const struct station_destination *d, struct err *e)
{
	uint8_t der[PUBKEY_MAX_DER];
	struct pubkey *k = NULL;
	size_t len;

	if (base64_decode(d->key, strlen(d->key), der, sizeof der, &len) == -1)
		err_set(e, ERR_CONFIG, "its key is not canonical base64");
	else
		k = pubkey_load(der, len, e);
	if (k == NULL)
		err_prefix(e, CONFIG_NAME ": destination %s", d->name);
	return k;
}

/* The pinned key: 0; 1 where there is none (*out NULL); -1. */
static int find_key(const struct station *s, const char *destination, struct pubkey **out, struct err *e)
{
	const struct station_config *c = &s->config;

	*out = NULL;
	for (size_t i = 0; i < c->destinations_n; i++)
		if (strcmp(c->destinations[i].name, destination) == 0 && c->destinations[i].key != NULL) {
			*out = receipts_key(&c->destinations[i], e);
			return *out == NULL ? -1 : 0;
		}
	return 1;
}

/* The bytes of a receipt, when they are what the key signed. */
static int read_signed(const struct station *s, const struct search *f, const struct pubkey *k, struct buf *out, struct err *e)
{
	char path[PATH_LEN], beside[PATH_LEN], name[NAMES_SIGNATURE_LEN];
	struct buf signature = {0};
	int rc = -1;

	path_of(f->destination, f->counter, ".yaml", path);
	snprintf(beside, sizeof beside, FOLDER "/%s", names_signature(path + strlen(FOLDER "/"), f->key, name));
	if (file_read_all_at(&s->dir, path, MAX_RECEIPT_SIZE, out, e) == 0 &&
	    file_read_all_at(&s->dir, beside, PUBKEY_MAX_SIGNATURE, &signature, e) == 0)
		rc = pubkey_verify(k, out->data, out->len, signature.data, signature.len)
			     ? 0
			     : damaged(s, f->destination, path, "is not what its signature says", e);
	buf_free(&signature);
	return rc;
}

int receipts_newest(const struct station *s, const char *destination, struct receipt **out, struct err *e)
{
	struct search f = {.destination = destination};
	char path[PATH_LEN];
	struct pubkey *k;
	struct buf b = {0};
	struct err why = {0};
	int rc = find_key(s, destination, &k, e);

	*out = NULL;
	if (rc != 0)
		return rc;
	f.key = pubkey_id(k);
	rc = each_name(s, find_newest, &f, e) == -1 ? -1 : f.counter == 0;
	if (rc != 0)
		goto out;
	rc = read_signed(s, &f, k, &b, e);
	if (rc == -1)
		goto out;
	path_of(destination, f.counter, ".yaml", path);
	*out = receipt_parse(b.data, b.len, &why);
	if (*out != NULL && strcmp((*out)->store, destination) == 0 && (*out)->counter == f.counter)
		goto out;
	rc = -1;
	if (*out == NULL && why.reason == ERR_MEMORY)
		*e = why;
	else
		damaged(s, destination, path, *out == NULL ? why.text : "is another receipt", e);
	receipt_free(*out);
	*out = NULL;
out:
	buf_free(&b);
	pubkey_free(k);
	return rc;
}

int receipts_open_held(const struct station *s, const struct receipt *r, struct file *out, struct err *e)
{
	char path[PATH_LEN];
	struct digest d;
	struct stat st;

	path_of(r->store, r->counter, ".objects", path);
	if (file_open_at(&s->dir, path, out, e) == -1)
		return -1;
	if (file_stat(out, &st, e) == -1 || file_hash_once(out, FILE_HASH_AGAIN, &d, e) == -1)
		goto fail;
	if ((uint64_t)st.st_size == r->objects.size && digest_equal(&d, &r->objects.sha256))
		return 0;
	damaged(s, r->store, path, "is not what its receipt says", e);
fail:
	file_close(out);
	return -1;
}

int receipts_put(struct station *s, const struct receipt *r, const struct digest *key, const void *signature, size_t len,
		 struct err *e)
{
	char path[PATH_LEN], beside[PATH_LEN], name[NAMES_SIGNATURE_LEN];

	path_of(r->store, r->counter, ".yaml", path);
	snprintf(beside, sizeof beside, FOLDER "/%s", names_signature(path + strlen(FOLDER "/"), key, name));
	if (outfile_put(&s->dir, beside, 0644, signature, len, e) == -1 ||
	    outfile_put(&s->dir, path, 0644, r->bytes.data, r->bytes.len, e) == -1)
		return -1;
	return receipts_drop_former(s, r, e);
}

int receipts_drop_former(struct station *s, const struct receipt *r, struct err *e)
{
	struct search f = {.destination = r->store, .counter = r->counter};

	return each_name(s, drop_former, &f, e);
}

int receipts_forget(struct station *s, const char *destination, struct err *e)
{
	struct search f = {.destination = destination};
	char path[PATH_LEN];
	struct file dir = FILE_CLOSED;
	int rc;

	if (unlinkat(s->dir.fd, acknowledged_path(destination, path), 0) == -1 && errno != ENOENT)
		return err_sys(e, "%s/%s", s->dir.name, path);
	if (each_name(s, drop_former, &f, e) == -1 || file_open_dir_at(&s->dir, FOLDER, &dir, e) == -1)
		return -1;
	rc = file_sync(&dir, e);
	file_close(&dir);
	return rc;
}

/* ---- what was acknowledged ---- */

int receipts_acknowledged(const struct station *s, const char *destination, const struct receipt *newest,
			  struct receipts_acknowledged *out, struct err *e)
{
	char path[PATH_LEN];
	struct err why = {0};
	struct arena a = {0};
	struct buf b = {0};
	int rc = 0;

	*out = (struct receipts_acknowledged){0};
	if (file_read_all_at(&s->dir, acknowledged_path(destination, path), (size_t)MAX_ARRIVALS * 100, &b, &why) == -1) {
		rc = why.reason == ERR_MISSING ? 0 : -1;
		if (rc == -1)
			*e = why;
	} else if (schema_parse(&acknowledged_schema, b.data, b.len, out, &a, e) == -1) {
		rc = err_prefix(e, "%s/%s", s->dir.name, path);
	}
	out->arena = a;
	buf_free(&b);
	if (rc == 0 && out->since != (newest == NULL ? 0 : newest->counter)) {
		out->n = 0;
		out->since = newest == NULL ? 0 : newest->counter;
	}
	return rc;
}

void receipts_acknowledged_free(struct receipts_acknowledged *a)
{
	arena_free(&a->arena);
	*a = (struct receipts_acknowledged){0};
}

bool receipts_is_acknowledged(const struct receipts_acknowledged *a, uint64_t sequence)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->list[i].sequence == sequence)
			return true;
	return false;
}

int receipts_acknowledge(struct station *s, const char *destination, const struct receipt *newest, uint64_t sequence,
			 struct err *e)
{
	struct receipts_acknowledged a;
	struct receipts_arrival *list;
	char path[PATH_LEN];
	struct buf b = {0};
	int rc = -1;

	if (receipts_acknowledged(s, destination, newest, &a, e) == -1)
		goto out;
	list = arena_alloc(&a.arena, (a.n + 1) * sizeof *list);
	if (list == NULL) {
		err_mem(e);
		goto out;
	}
	if (a.n > 0)
		memcpy(list, a.list, a.n * sizeof *list);
	list[a.n++] = (struct receipts_arrival){sequence, s->now};
	a.list = list;
	if (schema_encode(&acknowledged_schema, &a, &b, e) == 0 && buf_ok(&b, e) == 0)
		rc = outfile_put(&s->dir, acknowledged_path(destination, path), 0644, b.data, b.len, e);
out:
	buf_free(&b);
	receipts_acknowledged_free(&a);
	return rc;
}

/* ---- witnesses ---- */

static int by_destination(const void *a, const void *b)
{
	const struct manifest_witness *x = a, *y = b;

	return strcmp(x->destination, y->destination);
}

int receipts_witness(const struct station *s, struct manifest *m, struct arena *a, struct err *e)
{
	const struct station_config *c = &s->config;

	m->witness_n = 0;
	m->witness = arena_alloc(a, (c->destinations_n + 1) * sizeof *m->witness);
	if (m->witness == NULL)
		return err_mem(e);
	for (size_t i = 0; i < c->destinations_n; i++) {
		struct receipt *r;
		int rc = receipts_newest(s, c->destinations[i].name, &r, e);

		if (rc == -1)
			return -1;
		if (rc == 0)
			m->witness[m->witness_n++] = (struct manifest_witness){c->destinations[i].name, r->counter,
									       r->history[r->history_n - 1].head};
		receipt_free(r);
	}
	if (m->witness_n > 0)
		qsort(m->witness, m->witness_n, sizeof *m->witness, by_destination);
	return 0;
}
