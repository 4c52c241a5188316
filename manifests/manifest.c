/*
 * The manifest of a bundle (FORMAT 7): parsing, encoding, and the rules that tie its list of files to what it says of
 * the approval list, the chain of trust and the volumes. Everything a bundle may hold is named by a rule here; a name
 * that fits none is refused, so that import never has to ask what a file is for.
 */
#include "manifests/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/num.h"
#include "lib/pubkey.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

static const struct field part_fields[] = {
	{.name = "first", .kind = FIELD_NUMBER, .at = offsetof(struct manifest_part, first), .min = 1, .max = MAX_REVISION},
	{.name = "number", .kind = FIELD_NUMBER, .at = offsetof(struct manifest_part, number), .min = 1, .max = MAX_REVISION},
	{.name = "last", .kind = FIELD_BOOL, .at = offsetof(struct manifest_part, last)},
	{0}
};
static const struct schema part_schema = {.size = sizeof(struct manifest_part), .fields = part_fields};

static const struct field objects_fields[] = {
	{.name = "count", .kind = FIELD_NUMBER, .at = offsetof(struct manifest_objects, count),
	 .max = (uint64_t)MAX_VOLUMES * MAX_VOLUME_OBJECTS},
	{.name = "bytes", .kind = FIELD_NUMBER, .at = offsetof(struct manifest_objects, bytes), .max = MAX_SUM},
	{0}
};
static const struct schema objects_schema = {.size = sizeof(struct manifest_objects), .fields = objects_fields};

static const struct field approvals_fields[] = {
	{.name = "epoch", .kind = FIELD_NUMBER, .at = offsetof(struct manifest_approvals, epoch), .min = 1, .max = MAX_REVISION},
	{.name = "revision", .kind = FIELD_NUMBER, .at = offsetof(struct manifest_approvals, revision), .min = 1,
	 .max = MAX_REVISION},
	{.name = "sha256", .kind = FIELD_DIGEST, .at = offsetof(struct manifest_approvals, sha256)},
	{0}
};
static const struct schema list_schema = {.size = sizeof(struct manifest_approvals), .fields = approvals_fields};

static const struct field trust_fields[] = {
	{.name = "version", .kind = FIELD_NUMBER, .at = offsetof(struct manifest_trust, version), .min = 1, .max = MAX_REVISION},
	{.name = "sha256", .kind = FIELD_DIGEST, .at = offsetof(struct manifest_trust, sha256)},
	{0}
};
static const struct schema root_schema = {.size = sizeof(struct manifest_trust), .fields = trust_fields};

static const struct field witness_fields[] = {
	{.name = "destination", .kind = FIELD_TEXT, .at = offsetof(struct manifest_witness, destination), .min = 1,
	 .max = MAX_NAME_LEN, .check = names_check},
	{.name = "counter", .kind = FIELD_NUMBER, .at = offsetof(struct manifest_witness, counter), .min = 1, .max = MAX_REVISION},
	{.name = "journal", .kind = FIELD_DIGEST, .at = offsetof(struct manifest_witness, journal)},
	{0}
};
static const struct schema witness_schema = {.size = sizeof(struct manifest_witness), .fields = witness_fields};

static const struct field file_fields[] = {
	{.name = "name", .kind = FIELD_TEXT, .at = offsetof(struct manifest_file, name), .min = 1, .max = NAMES_SIGNATURE_LEN},
	{.name = "size", .kind = FIELD_NUMBER, .at = offsetof(struct manifest_file, size), .max = MAX_VOLUME_SIZE},
	{.name = "sha256", .kind = FIELD_DIGEST, .at = offsetof(struct manifest_file, sha256), .optional = true,
	 .present_at = offsetof(struct manifest_file, has_sha256)},
	{0}
};
static const struct schema file_schema = {.size = sizeof(struct manifest_file), .fields = file_fields};

/* ---- files ---- */

/* What the files of a bundle come to, while they are looked at one by one. */
struct tally {
	const struct manifest *m;
	const char *last;	/* name before */
	bool approvals;
	uint64_t roots, first_root, newest_root;
	uint64_t indexes, volumes, last_index, last_volume;
};

/* The number in "vol-0001.yaml" and the like: 1 where the name is exactly what `spell` makes of it. */
static int numbered(const char *name, const char *prefix, uint64_t max, char *spell(uint64_t, char[32]), uint64_t *n)
{
	size_t skip = strlen(prefix);
	const char *p = name + skip, *dot;
	char again[32];

	if (strncmp(name, prefix, skip))
		return 0;
	while (*p == '0')
		p++;
	dot = strchr(p, '.');
	return dot && num_parse(p, (size_t)(dot - p), 1, max, n) == 0 && strcmp(spell(*n, again), name) == 0;
}

static int judge_size(const struct manifest_file *f, uint64_t min, uint64_t max, struct err *e)
{
	if (f->size >= min && f->size <= max)
		return 0;
	return err_set(e, R_DOCUMENT_FORM, "size: must be from %llu to %llu", (unsigned long long)min, (unsigned long long)max);
}

/* NAME.<32 hex>.sig beside a document that is in the bundle as well. */
static int judge_signature(const struct manifest *m, const struct manifest_file *f, struct err *e)
{
	size_t len = strlen(f->name), tail = 1 + NAMES_PREFIX + 4;
	char document[NAMES_SIGNATURE_LEN];
	uint64_t version;
	const char *hex = f->name + len - tail + 1;

	if (len <= tail || len >= sizeof(document) || f->name[len - tail] != '.' ||
	    strspn(hex, "0123456789abcdef") != NAMES_PREFIX)
		return err_set(e, R_DOCUMENT_FORM, "no name of a signature");
	memcpy(document, f->name, len - tail);
	document[len - tail] = '\0';
	if (strcmp(document, NAMES_APPROVALS) && !numbered(document, "trust-", MAX_REVISION, names_trust, &version))
		return err_set(e, R_DOCUMENT_FORM, "a signature of what is not signed");
	if (!manifest_find(m, document))
		return err_set(e, R_DOCUMENT_FORM, "a signature of a document that is not there");
	return judge_size(f, 1, PUBKEY_MAX_SIGNATURE, e);
}

static int judge_approvals(struct tally *t, const struct manifest_file *f, struct err *e)
{
	if (!t->m->has_approvals)
		return err_set(e, R_DOCUMENT_FORM, "an approval list that the manifest does not state");
	if (!digest_equal(&f->sha256, &t->m->approvals.sha256))
		return err_set(e, R_DOCUMENT_FORM, "another digest than `approvals` states");
	t->approvals = true;
	return judge_size(f, 1, MAX_APPROVALS_SIZE, e);
}

static int judge_root(struct tally *t, const struct manifest_file *f, uint64_t version, struct err *e)
{
	if (version > t->m->trust.version)
		return err_set(e, R_DOCUMENT_FORM, "newer than `trust` states");
	if (version == t->m->trust.version && !digest_equal(&f->sha256, &t->m->trust.sha256))
		return err_set(e, R_DOCUMENT_FORM, "another digest than `trust` states");
	if (t->roots == 0 || version < t->first_root)
		t->first_root = version;
	if (version > t->newest_root)
		t->newest_root = version;
	t->roots++;
	return judge_size(f, 1, MAX_TRUST_SIZE, e);
}

static int judge_volume(struct tally *t, const struct manifest_file *f, uint64_t n, struct err *e)
{
	t->volumes++;
	t->last_volume = n > t->last_volume ? n : t->last_volume;
	return judge_size(f, 1, MAX_VOLUME_SIZE, e);
}

static int judge_index(struct tally *t, const struct manifest_file *f, uint64_t n, struct err *e)
{
	t->indexes++;
	t->last_index = n > t->last_index ? n : t->last_index;
	return judge_size(f, 1, MAX_VOLUME_INDEX_SIZE, e);
}

static int judge_file(struct tally *t, const struct manifest_file *f, struct err *e)
{
	size_t len = strlen(f->name);
	uint64_t n;

	if (t->last && strcmp(t->last, f->name) >= 0)
		return err_set(e, R_DOCUMENT_FORM, "twice, or not in order");
	t->last = f->name;
	if (numbered(f->name, "vol-", MAX_VOLUMES, names_volume, &n))
		return judge_volume(t, f, n, e);
	if (!f->has_sha256)
		return err_set(e, R_DOCUMENT_FORM, "without sha256, and only a volume may be");
	if (numbered(f->name, "vol-", MAX_VOLUMES, names_volume_index, &n))
		return judge_index(t, f, n, e);
	if (numbered(f->name, "trust-", MAX_REVISION, names_trust, &n))
		return judge_root(t, f, n, e);
	if (len > 4 && !strcmp(f->name + len - 4, ".sig"))
		return judge_signature(t->m, f, e);
	if (!strcmp(f->name, NAMES_APPROVALS))
		return judge_approvals(t, f, e);
	if (!strcmp(f->name, NAMES_VERIFY))
		return judge_size(f, 1, MAX_VERIFY_TXT_SIZE, e);
	return err_set(e, R_DOCUMENT_FORM, "no file of a bundle");
}

/* Names are distinct, so that a count equal to the highest number means that none is missing. */
static int judge_tally(const struct tally *t, struct err *e)
{
	if (t->m->has_approvals && !t->approvals)
		return err_set(e, R_DOCUMENT_FORM, "%s is missing, and `approvals` states it", NAMES_APPROVALS);
	if (t->newest_root != t->m->trust.version || t->newest_root - t->first_root + 1 != t->roots)
		return err_set(e, R_DOCUMENT_FORM, "the trust roots up to version %llu are not there without a gap",
			       (unsigned long long)t->m->trust.version);
	if (t->roots > MAX_TRUST_VERSIONS)
		return err_set(e, R_TRUST_LIMIT, "%llu trust roots, and a chain has at most %d", (unsigned long long)t->roots,
			       MAX_TRUST_VERSIONS);
	if (t->volumes != t->indexes || t->last_volume != t->volumes || t->last_index != t->indexes)
		return err_set(e, R_DOCUMENT_FORM, "volumes and their indexes are not there in pairs from 1 on");
	if ((t->volumes == 0) != (t->m->objects.count == 0) || (t->volumes == 0 && t->m->objects.bytes > 0) ||
	    t->m->objects.count > t->volumes * MAX_VOLUME_OBJECTS)
		return err_set(e, R_DOCUMENT_FORM, "objects: %llu of them do not fit %llu volumes",
			       (unsigned long long)t->m->objects.count, (unsigned long long)t->volumes);
	return 0;
}

static int check_files(const struct manifest *m, struct err *e)
{
	struct tally t = {.m = m};

	for (size_t i = 0; i < m->files_n; i++)
		if (judge_file(&t, m->files + i, e))
			return err_prefix(e, "files: %s", m->files[i].name);
	return judge_tally(&t, e);
}

/* ---- the whole ---- */

static int check_manifest(const void *value, struct err *e)
{
	const struct manifest *m = value;
	const struct manifest_part *p = &m->part;

	for (size_t i = 1; i < m->destinations_n; i++)
		if (strcmp(m->destinations[i - 1], m->destinations[i]) >= 0)
			return err_set(e, R_DOCUMENT_FORM, "destinations: \"%s\" comes twice, or not in order", m->destinations[i]);
	for (size_t i = 1; i < m->witness_n; i++)
		if (strcmp(m->witness[i - 1].destination, m->witness[i].destination) >= 0)
			return err_set(e, R_DOCUMENT_FORM, "witness: \"%s\" comes twice, or not in order",
				       m->witness[i].destination);
	/* sequences of a set rise, not always by one: a reservation may have come to nothing */
	if (p->first > m->sequence || m->sequence - p->first < p->number - 1 || (p->number == 1) != (p->first == m->sequence))
		return err_set(e, R_DOCUMENT_FORM, "part: number %llu of a set from %llu on can't have sequence %llu",
			       (unsigned long long)p->number, (unsigned long long)p->first, (unsigned long long)m->sequence);
	return check_files(m, e);
}

static const struct field manifest_fields[] = {
	{.name = "stream", .kind = FIELD_TEXT, .at = offsetof(struct manifest, stream), .min = 1, .max = MAX_NAME_LEN,
	 .check = names_check},
	{.name = "sequence", .kind = FIELD_NUMBER, .at = offsetof(struct manifest, sequence), .min = 1, .max = MAX_REVISION},
	{.name = "created", .kind = FIELD_TIME, .at = offsetof(struct manifest, created)},
	{.name = "destinations", .kind = FIELD_TEXTS, .at = offsetof(struct manifest, destinations),
	 .count_at = offsetof(struct manifest, destinations_n), .min = 1, .max = MAX_NAME_LEN, .max_count = MAX_DESTINATIONS,
	 .check = names_check},
	{.name = "part", .kind = FIELD_MAP, .at = offsetof(struct manifest, part), .sub = &part_schema},
	{.name = "objects", .kind = FIELD_MAP, .at = offsetof(struct manifest, objects), .sub = &objects_schema},
	{.name = "approvals", .kind = FIELD_MAP, .at = offsetof(struct manifest, approvals), .optional = true,
	 .present_at = offsetof(struct manifest, has_approvals), .sub = &list_schema},
	{.name = "trust", .kind = FIELD_MAP, .at = offsetof(struct manifest, trust), .sub = &root_schema},
	{.name = "witness", .kind = FIELD_MAPS, .at = offsetof(struct manifest, witness),
	 .count_at = offsetof(struct manifest, witness_n), .max_count = MAX_DESTINATIONS, .sub = &witness_schema},
	{.name = "files", .kind = FIELD_RECORDS, .at = offsetof(struct manifest, files),
	 .count_at = offsetof(struct manifest, files_n), .max_count = MAX_BUNDLE_FILES, .sub = &file_schema},
	{0}
};
const struct schema manifest_schema = {
	.type = "manifest", .size = sizeof(struct manifest), .fields = manifest_fields, .check = check_manifest
};

static void count_volumes(struct manifest *m)
{
	uint64_t n;

	for (size_t i = 0; i < m->files_n; i++)
		m->volumes += (uint64_t)numbered(m->files[i].name, "vol-", MAX_VOLUMES, names_volume, &n);
}

static int load(struct manifest *m, const void *data, size_t len, struct err *e)
{
	if (len > MAX_MANIFEST_SIZE)
		return err_set(e, R_DOCUMENT_TOO_LARGE, "%zu bytes, and a manifest has at most %u", len, MAX_MANIFEST_SIZE);
	if (schema_parse(&manifest_schema, data, len, m, &m->arena, e))
		return -1;
	count_volumes(m);
	buf_append(&m->bytes, data, len);
	if (buf_ok(&m->bytes, e))
		return -1;
	return digest_of(data, len, &m->digest, e);
}

struct manifest *manifest_parse(const void *data, size_t len, struct err *e)
{
	struct manifest *m = calloc(1, sizeof(*m));

	if (!m) {
		err_mem(e);
		return NULL;
	}
	if (load(m, data, len, e)) {
		manifest_free(m);
		return NULL;
	}
	return m;
}

void manifest_free(struct manifest *m)
{
	if (!m)
		return;
	buf_free(&m->bytes);
	arena_free(&m->arena);
	free(m);
}

int manifest_encode(const struct manifest *m, struct buf *out, struct err *e)
{
	size_t before = out->len;

	if (schema_encode(&manifest_schema, m, out, e))
		return -1;
	if (out->len - before > MAX_MANIFEST_SIZE)
		return err_set(e, R_DOCUMENT_TOO_LARGE, "the manifest would take %zu bytes, and %u are allowed",
			       out->len - before, MAX_MANIFEST_SIZE);
	return 0;
}

const struct manifest_file *manifest_find(const struct manifest *m, const char *name)
{
	size_t low = 0, high = m->files_n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = strcmp(m->files[middle].name, name);

		if (c == 0)
			return m->files + middle;
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
