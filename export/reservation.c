/*
 * Reservations of sequences. plan | RESERVATION | pack.
 * Refuses nothing of its own; a reservation that can't be read is somebody else's and only keeps its sequence.
 */
#include "export/reservation.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export/floor.h"
#include "export/ledger.h"
#include "export/medium.h"
#include "export/sealed.h"
#include "export/station.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/listing.h"
#include "lib/num.h"
#include "lib/outfile.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "manifests/schema.h"

#include "lib/banned.h"

#define DIRECTORY "bundles"
#define FILE_NAME "reservation.yaml"
#define PATH_LEN 64
#define MAX_OPTIONS 64

static const struct field approvals_fields[] = {
	{.name = "epoch", .kind = FIELD_NUMBER, .at = offsetof(struct manifest_approvals, epoch), .min = 1, .max = MAX_REVISION},
	{.name = "revision", .kind = FIELD_NUMBER, .at = offsetof(struct manifest_approvals, revision), .min = 1,
	 .max = MAX_REVISION},
	{.name = "sha256", .kind = FIELD_DIGEST, .at = offsetof(struct manifest_approvals, sha256)},
	{0}
};
static const struct schema approvals_sub = {.size = sizeof(struct manifest_approvals), .fields = approvals_fields};

static const struct field trust_fields[] = {
	{.name = "version", .kind = FIELD_NUMBER, .at = offsetof(struct manifest_trust, version), .min = 1, .max = MAX_REVISION},
	{.name = "sha256", .kind = FIELD_DIGEST, .at = offsetof(struct manifest_trust, sha256)},
	{0}
};
static const struct schema trust_sub = {.size = sizeof(struct manifest_trust), .fields = trust_fields};

static const struct field fields[] = {
	{.name = "stream", .kind = FIELD_TEXT, .at = offsetof(struct reservation, stream), .min = 1, .max = MAX_NAME_LEN,
	 .check = names_check},
	{.name = "sequence", .kind = FIELD_NUMBER, .at = offsetof(struct reservation, sequence), .min = 1, .max = MAX_REVISION},
	{.name = "created", .kind = FIELD_TIME, .at = offsetof(struct reservation, created)},
	{.name = "destinations", .kind = FIELD_TEXTS, .at = offsetof(struct reservation, destinations),
	 .count_at = offsetof(struct reservation, destinations_n), .min = 1, .max = MAX_NAME_LEN,
	 .max_count = MAX_DESTINATIONS},
	{.name = "options", .kind = FIELD_TEXTS, .at = offsetof(struct reservation, options),
	 .count_at = offsetof(struct reservation, options_n), .min = 1, .max = MAX_TITLE_LEN, .max_count = MAX_OPTIONS},
	{.name = "approvals", .kind = FIELD_MAP, .at = offsetof(struct reservation, approvals), .optional = true,
	 .present_at = offsetof(struct reservation, has_approvals), .sub = &approvals_sub},
	{.name = "trust", .kind = FIELD_MAP, .at = offsetof(struct reservation, trust), .sub = &trust_sub},
	{.name = "plan", .kind = FIELD_DIGEST, .at = offsetof(struct reservation, plan)},
	{0}
};
static const struct schema reservation_schema = {
	.type = "reservation", .size = sizeof(struct reservation), .fields = fields
};

static char *path_of(uint64_t sequence, const char *name, char out[PATH_LEN])
{
	snprintf(out, PATH_LEN, DIRECTORY "/%" PRIu64 "%s%s", sequence, *name ? "/" : "", name);
	return out;
}

static bool same(const struct reservation *a, const struct reservation *b)
{
	if (strcmp(a->stream, b->stream) != 0 || a->options_n != b->options_n || a->destinations_n != b->destinations_n ||
	    a->has_approvals != b->has_approvals || a->trust.version != b->trust.version ||
	    !digest_equal(&a->trust.sha256, &b->trust.sha256) || !digest_equal(&a->plan, &b->plan))
		return false;
	if (a->has_approvals && !digest_equal(&a->approvals.sha256, &b->approvals.sha256))
		return false;
	for (size_t i = 0; i < a->options_n; i++)
		if (strcmp(a->options[i], b->options[i]) != 0)
			return false;
	for (size_t i = 0; i < a->destinations_n; i++)
		if (strcmp(a->destinations[i], b->destinations[i]) != 0)
			return false;
	return true;
}

/* Whether a former reservation asks for the same as r: 1 with when it was made, 0, -1. */
static int is_same(const struct station *s, const struct reservation *r, uint64_t sequence, int64_t *created, struct err *e)
{
	struct reservation old = {0};
	struct buf b = {0};
	struct err why = {0};
	char path[PATH_LEN];
	int rc = 0;

	if (file_read_all_at(&s->dir, path_of(sequence, FILE_NAME, path), MAX_CONFIG_SIZE, &b, &why) == 0 &&
	    schema_parse(&reservation_schema, b.data, b.len, &old, &old.arena, &why) == 0 && same(&old, r)) {
		*created = old.created;
		rc = 1;
	}
	if (why.reason == ERR_MEMORY)
		rc = err_mem(e);
	arena_free(&old.arena);
	buf_free(&b);
	return rc;
}

/* Whether a former reservation is the one that r asks for, and where it was left: 1, 0, -1. */
static int fits(const struct station *s, const struct medium *m, struct reservation *r, uint64_t sequence, struct err *e)
{
	char path[PATH_LEN], name[NAMES_BUNDLE_LEN];
	int64_t created;
	int rc;

	if (r->below != 0 && sequence >= r->below)
		return 0;
	rc = faccessat(s->dir.fd, path_of(sequence, NAMES_MANIFEST, path), F_OK, AT_SYMLINK_NOFOLLOW);
	if (rc == 0)
		return 0;	/* finished */
	if (errno != ENOENT)
		return err_sys(e, "%s/%s", s->dir.name, path);
	rc = medium_has(m, names_bundle(r->stream, sequence, name), e);
	if (rc == 1)
		rc = is_same(s, r, sequence, &created, e);
	if (rc != 1)
		return rc;
	rc = sealed_is(s, m, name, e);
	if (rc == -1)
		return -1;
	r->sequence = sequence;
	r->created = created;
	r->found = rc == 1 ? RESERVATION_SEALED : RESERVATION_INTERRUPTED;
	return 1;
}

/* The highest sequence in STATION/bundles, and into r (or NULL) the highest one that it asks for, above r->sequence. */
static int look(const struct station *s, const struct medium *m, struct reservation *r, uint64_t *highest, struct err *e)
{
	struct listing l;
	const char *name;
	int rc = listing_open_maybe(&s->dir, DIRECTORY, &l, e);

	while (rc == 0 && (rc = listing_next(&l, &name, e)) == 1) {
		uint64_t n;

		rc = 0;
		if (num_parse(name, strlen(name), 1, MAX_REVISION, &n) == -1)
			continue;
		if (n > *highest)
			*highest = n;
		rc = r != NULL && n > r->sequence && fits(s, m, r, n, e) == -1 ? -1 : 0;
	}
	listing_close(&l);
	return rc;
}

#define MAX_TAKEN 1000	/* bundles of this stream on the medium that the station does not know: more is no accident */

/* The next sequence; beyond directories that stand on the medium already, which this station did not make or forgot. */
static int next_free(const struct medium *m, struct reservation *r, struct err *e)
{
	char name[NAMES_BUNDLE_LEN];
	uint64_t first = r->sequence;
	int there = 0;

	while (r->sequence - first < MAX_TAKEN &&
	       (there = medium_has(m, names_bundle(r->stream, r->sequence, name), e)) == 1)
		r->sequence++;
	if (there == -1)
		return -1;
	if (there == 1) {
		err_set(e, R_MEDIUM_WRITE, "%s: %u bundles of this stream that the station does not know", m->satchel.name,
			MAX_TAKEN);
		return err_hint(e, "use another medium");
	}
	r->passed = r->sequence - first;
	return 0;
}

int reservation_highest(const struct station *s, uint64_t *out, struct err *e)
{
	*out = 0;
	return look(s, NULL, NULL, out, e);
}

int reservation_find(const struct station *s, const struct medium *m, struct reservation *r, struct err *e)
{
	uint64_t highest = 0;
	struct floor floor;

	r->sequence = 0;
	r->created = s->now;
	r->found = RESERVATION_NEW;
	r->passed = 0;
	if (look(s, m, r, &highest, e) == -1 || floor_load(s, &floor, e) == -1)
		return -1;
	if (r->found != RESERVATION_NEW)
		return 0;
	r->sequence = (highest > floor.sequence ? highest : floor.sequence) + 1;
	return next_free(m, r, e);
}

int reservation_make(struct station *s, const struct reservation *r, struct err *e)
{
	char path[PATH_LEN], name[NAMES_BUNDLE_LEN];
	struct file dir = FILE_CLOSED;
	struct buf b = {0};
	json_t *o = json_object();
	int rc = -1;

	if (schema_encode(&reservation_schema, r, &b, e) == -1 || buf_ok(&b, e) == -1 ||
	    file_make_dirs_at(&s->dir, path_of(r->sequence, "", path), 0755, e) == -1 ||
	    file_open_dir_at(&s->dir, DIRECTORY, &dir, e) == -1 || file_sync(&dir, e) == -1 || file_sync(&s->dir, e) == -1 ||
	    outfile_put(&s->dir, path_of(r->sequence, FILE_NAME, path), 0644, b.data, b.len, e) == -1)
		goto out;
	json_put_text(o, "bundle", names_bundle(r->stream, r->sequence, name));
	rc = ledger_append(s, "reserve", o, e);
	o = NULL;
out:
	json_decref(o);
	file_close(&dir);
	buf_free(&b);
	return rc;
}

int reservation_open(const struct station *s, uint64_t sequence, struct file *dir, struct err *e)
{
	char path[PATH_LEN];

	return file_open_dir_at(&s->dir, path_of(sequence, "", path), dir, e);
}
