/*
 * `satchel-verify show`: any document for people, or as JSON. Reads what a person hands it, with the same strict loader as
 * everything else, and says UNVERIFIED on the first line unless signatures beside it and --trust prove it.
 * Long lists are printed record by record, so that memory is that of the document alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/num.h"
#include "lib/say.h"
#include "manifests/approvals.h"
#include "manifests/contents.h"
#include "manifests/limits.h"
#include "manifests/manifest.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "manifests/receipt.h"
#include "manifests/receipt_text.h"
#include "manifests/trust.h"
#include "manifests/volume.h"
#include "verify/commands.h"
#include "verify/proof.h"
#include "verify/rollback.h"
#include "verify/scanned.h"
#include "verify/state.h"
#include "verify/terms.h"

#include "lib/banned.h"

const struct option_def show_options[] = {
	{.name = "trust", .value = "FILE", .help = "the trust root that the signatures beside it are judged from"},
	TERMS_OPTIONS,
	{0}
};

/* ---- sentences ---- */

static void tell_trust(const void *value)
{
	const struct trust *t = value;
	char from[32], to[32];

	say_line("trust root %llu of the site %s: %s, issued %s, expires %s", (unsigned long long)t->version, t->site,
		 num_of(t->keys_n, "key"), num_format_time(t->issued, from), num_format_time(t->expires, to));
}

static void tell_approvals(const void *value)
{
	const struct approvals *a = value;
	uint64_t files = 0, bytes = 0;
	char from[32], to[32], size[24];

	for (size_t i = 0; i < a->items_n; i++) {
		files += a->items[i].contents.files;
		bytes += a->items[i].contents.bytes;
	}
	say_line("approval list %llu of stream %s: %s with %s, %s; %zu revoked; issued %s, expires %s",
		 (unsigned long long)a->revision, a->stream, num_of(a->items_n, "entry"), num_of(files, "file"),
		 num_format_size(bytes, size), a->revoked_n, num_format_time(a->issued, from), num_format_time(a->expires, to));
}

static void tell_manifest(const void *value)
{
	const struct manifest *m = value;
	char size[24], when[32];

	say_line("bundle %llu of stream %s, created %s: %s, %s, in %s", (unsigned long long)m->sequence,
		 m->stream, num_format_time(m->created, when), num_of(m->objects.count, "object"),
		 num_format_size(m->objects.bytes, size), num_of(m->files_n, "file"));
}

static void tell_volume(const void *value)
{
	const struct volume *v = value;
	char size[24];

	say_line("index of volume %llu of bundle %llu of stream %s: %s in %s, %s", (unsigned long long)v->volume,
		 (unsigned long long)v->sequence, v->stream, num_of(v->objects_n, "object"), num_of(v->frames_n, "frame"),
		 num_format_size(volume_file_size(v), size));
}

static void tell_receipt(const void *value)
{
	const struct receipt *r = value;
	char when[32], held[64] = "no list of objects (brief)";

	if (r->has_objects)
		snprintf(held, sizeof held, "%s held", num_of(r->objects.count, "object"));
	say_line("receipt %llu of store %s, made %s: %s, %llu lacking", (unsigned long long)r->counter, r->store,
		 num_format_time(r->time, when), held, (unsigned long long)r->lacks);
}

static const struct kind {
	const struct schema *schema;
	size_t max;
	void (*tell)(const void *value);
	int (*parse)(const struct schema *s, const void *data, size_t len, void *out, struct arena *a, struct err *e);
} kinds[] = {
	{&trust_schema, MAX_TRUST_SIZE, tell_trust, schema_parse},
	{&approvals_schema, MAX_APPROVALS_SIZE, tell_approvals, schema_parse},
	{&manifest_schema, MAX_MANIFEST_SIZE, tell_manifest, schema_parse},
	{&volume_schema, MAX_VOLUME_INDEX_SIZE, tell_volume, schema_parse},
	{&receipt_schema, MAX_RECEIPT_SIZE, tell_receipt, schema_parse},
	{&contents_schema, MAX_CONTENTS_SIZE, NULL, schema_parse},
	{&contents_part_schema, MAX_PART_SIZE, NULL, schema_parse},
	{&state_schema, STATE_MAX_SIZE, NULL, schema_parse},
	{&rollback_schema, MAX_ROLLBACK_SIZE, NULL, schema_parse},
	{&scanned_schema, MAX_SCANNED_SIZE, NULL, schema_parse},
	{&store_config_schema, MAX_CONFIG_SIZE, NULL, schema_parse_config},
};

static const struct kind *find_kind(const char *type)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].schema->type, type) == 0)
			return &kinds[i];
	return NULL;
}

/* ---- fields ---- */

static bool is_long(const struct field *f)
{
	return f->kind == FIELD_RECORDS || f->kind == FIELD_ENTRIES || f->kind == FIELD_MAPS;
}

/* A JSON value as words: "a, b" for lists, "name value, name value" for maps. */
static void put_value(struct buf *out, const json_t *v)
{
	const char *key;
	json_t *member;
	size_t i;

	if (json_is_string(v)) {
		buf_puts(out, json_string_value(v));
	} else if (json_is_integer(v)) {
		buf_printf(out, "%lld", (long long)json_integer_value(v));
	} else if (json_is_boolean(v)) {
		buf_puts(out, json_is_true(v) ? "yes" : "no");
	} else if (json_is_array(v)) {
		json_array_foreach(v, i, member) {
			buf_puts(out, i == 0 ? "" : ", ");
			put_value(out, member);
		}
	} else if (json_is_object(v)) {
		bool first = true;

		json_object_foreach((json_t *)(uintptr_t)v, key, member) {
			buf_printf(out, "%s%s ", first ? "" : ", ", key);
			put_value(out, member);
			first = false;
		}
	}
}

/* One record in one line: its members with two blanks between. */
static int say_record(const json_t *record, struct err *e)
{
	struct buf line = {0};
	const char *key;
	json_t *member;
	int rc;

	json_object_foreach((json_t *)(uintptr_t)record, key, member) {
		buf_printf(&line, "  %s ", key);
		put_value(&line, member);
	}
	rc = buf_ok(&line, e);
	if (rc == 0 && line.len > 0)
		say_line("%s", (const char *)line.data);
	buf_free(&line);
	return rc;
}

static int show_list(const struct field *f, const void *value, struct err *e)
{
	const char *base = *(const char *const *)((const char *)value + f->at);
	size_t n = *(const size_t *)((const char *)value + f->count_at);
	int rc = 0;

	say_line("%s: %zu", f->name, n);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		json_t *record = schema_json(f->sub, base + i * f->sub->size);

		if (record == NULL)
			return err_mem(e);
		if (say_json()) {
			json_t *line = json_object();

			json_put_text(line, "list", f->name);
			json_put(line, "record", record);
			say_object(line);
		} else {
			rc = say_record(record, e);
			json_decref(record);
		}
	}
	return rc;
}

/* Fields that are no long lists, as one object. */
static json_t *head_of(const struct schema *s, const void *value)
{
	json_t *head = json_object();
	int rc = head == NULL ? -1 : 0;

	for (const struct field *f = s->fields; rc == 0 && f->name != NULL; f++) {
		const struct field one[2] = {*f, {0}};
		const struct schema part = {.type = s->type, .size = s->size, .fields = one};
		json_t *object, *member;

		if (is_long(f))
			continue;
		object = schema_json(&part, value);
		member = json_object_get(object, f->name);
		if (object == NULL || (member != NULL && json_put(head, f->name, json_incref(member)) == -1))
			rc = -1;
		json_decref(object);
	}
	if (rc == 0)
		return head;
	json_decref(head);
	return NULL;
}

/* The first line, and under --json the head with it. */
static int show_head(const struct kind *k, const char *name, const void *value, const struct proof_verdict *v, struct err *e)
{
	json_t *head = head_of(k->schema, value), *o, *member;
	const char *key;
	int rc = 0;

	if (head == NULL)
		return err_mem(e);
	if (say_json()) {
		o = json_object();
		json_put_text(o, "document", k->schema->type);
		json_put_text(o, "name", name);
		json_put(o, "verified", json_boolean(v->proven));
		json_put_text(o, v->proven ? "by" : "why", v->proven ? v->who : v->why.text);
		if (!v->proven)
			json_put_text(o, "reason", reason_word(v->why.reason));
		json_put(o, "head", head);
		say_object(o);
		return 0;
	}
	if (k->tell != NULL)
		k->tell(value);
	json_object_foreach(head, key, member) {
		struct buf line = {0};

		buf_printf(&line, "%s: ", key);
		put_value(&line, member);
		rc = buf_ok(&line, e);
		if (rc == 0)
			say_line("%s", (const char *)line.data);
		buf_free(&line);
		if (rc == -1)
			break;
	}
	json_decref(head);
	return rc;
}

/* ---- documents ---- */

struct showing {
	struct terms terms;
	struct proof proof;
	bool judged;	/* --trust was given */
	bool bundle;	/* its manifest and list; when the manifest was read: */
	bool has_list;	/* it names one, */
	struct digest list;	/* this one */
	int exit_code;
};

static int show_parsed(const struct kind *k, const char *name, const void *value, const struct proof_verdict *v, struct err *e)
{
	if (show_head(k, name, value, v, e) == -1)
		return -1;
	for (const struct field *f = k->schema->fields; f->name != NULL; f++)
		if (is_long(f) && show_list(f, value, e) == -1)
			return -1;
	return 0;
}

/* A receipt in one text: what is shown is the document before the line with its signature. */
static void cut_signature(const char *type, struct buf *bytes)
{
	struct receipt_text text;
	struct err none = {0};

	if (strcmp(type, receipt_schema.type) == 0 && receipt_text_split(bytes->data, bytes->len, &text, &none) == 0)
		bytes->len = text.len;
}

/* A bundle's list is the one that its manifest names, whoever signed others. */
static int judge_named(const struct showing *s, const char *name, const struct buf *bytes, struct proof_verdict *v, struct err *e)
{
	struct digest d;

	if (!s->bundle || strcmp(name, NAMES_APPROVALS) != 0)
		return 0;
	if (digest_of(bytes->data, bytes->len, &d, e) == -1)
		return -1;
	if (s->has_list && digest_equal(&d, &s->list))
		return 0;
	*v = (struct proof_verdict){.proven = false};
	err_set(&v->why, s->has_list ? R_FILE_DIGEST : R_FILE_EXTRA, NAMES_MANIFEST " names %s", s->has_list ? "another list" : "no list");
	return 0;
}

static void note_list(struct showing *s, const struct manifest *m)
{
	s->has_list = m->has_approvals;
	s->list = m->approvals.sha256;
}

static int show_bytes(struct showing *s, const char *name, struct buf *bytes, struct err *e)
{
	struct proof_verdict v;
	struct arena arena = {0};
	const struct kind *k;
	void *value = NULL;
	char type[32];
	int rc = -1;

	if (schema_type_of(bytes->data, bytes->len, type) == -1 || (k = find_kind(type)) == NULL)
		return err_set(e, R_DOCUMENT_TYPE, "%s: no document that can be shown", name);
	cut_signature(type, bytes);
	if (bytes->len > k->max)
		return err_set(e, R_DOCUMENT_TOO_LARGE, "%s: %zu bytes, and a document of type %s has at most %zu", name, bytes->len,
			       type, k->max);
	if (proof_judge(&s->proof, &s->terms, type, name, bytes, &v, e) == -1 || judge_named(s, name, bytes, &v, e) == -1)
		return -1;
	if (s->judged && !v.proven)
		s->exit_code = 1;
	if (v.proven)
		say_line("%s: verified: %s", name, v.who);
	else if (s->judged)
		say_line("%s: UNVERIFIED: %s (%s)", name, v.why.text, reason_word(v.why.reason));
	else
		say_line("%s: UNVERIFIED: %s", name, v.why.text);
	value = calloc(1, k->schema->size);
	if (value == NULL)
		err_mem(e);
	else if (k->parse(k->schema, bytes->data, bytes->len, value, &arena, e) == 0)
		rc = show_parsed(k, name, value, &v, e);
	if (rc == 0 && k->schema == &manifest_schema)
		note_list(s, value);
	if (rc == -1)
		err_prefix(e, "%s", name);
	arena_free(&arena);
	free(value);
	return rc;
}

static int show_file(struct showing *s, const char *name, struct err *e)
{
	struct buf bytes = {0};
	int rc = file_read_all_at(&s->proof.dir, name, STATE_MAX_SIZE, &bytes, e);

	if (rc == 0)
		rc = show_bytes(s, name, &bytes, e);
	buf_free(&bytes);
	return rc;
}

/* A bundle: its manifest, and its list where it has one. */
static int show_bundle(struct showing *s, struct err *e)
{
	struct err cause = {0};

	s->bundle = true;
	if (show_file(s, NAMES_MANIFEST, e) == -1)
		return e->reason == ERR_MISSING ? err_hint(e, "a directory must be that of one bundle: MEDIUM/satchel/STREAM-SEQUENCE") : -1;
	if (show_file(s, NAMES_APPROVALS, &cause) == 0 || (cause.reason == ERR_MISSING && !s->has_list))
		return 0;
	if (cause.reason == ERR_MISSING)
		return err_set(e, R_FILE_MISSING, NAMES_APPROVALS ": " NAMES_MANIFEST " names it, and it is not there");
	return err_set(e, cause.reason, "%s", cause.text);
}

/* "a/b/c" into "a/b" and "c"; a name alone lies in ".". */
static int split(const char *path, char **dir, const char **name, struct err *e)
{
	const char *slash = strrchr(path, '/');

	*name = slash == NULL ? path : slash + 1;
	*dir = slash == NULL ? strdup(".") : slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
	return *dir == NULL ? err_mem(e) : 0;
}

int show_run(const struct args *a, struct err *e)
{
	struct showing s = {.judged = args_get(a, "trust") != NULL, .proof = {.dir = FILE_CLOSED}};
	const char *path, *name = NULL;
	char *dir = NULL;
	struct stat st;
	int rc = -1;

	if (args_expect(a, 1, 1, e) == -1 || terms_parse(a, &s.terms, e) == -1)
		return -1;
	path = args_at(a, 0);
	if (stat(path, &st) == -1)
		return err_sys(e, "%s", path);
	if (S_ISDIR(st.st_mode)) {
		if (proof_open(&s.terms, args_get(a, "trust"), path, &s.proof, e) == 0)
			rc = show_bundle(&s, e);
	} else if (split(path, &dir, &name, e) == 0 && proof_open(&s.terms, args_get(a, "trust"), dir, &s.proof, e) == 0) {
		rc = show_file(&s, name, e);
	}
	proof_close(&s.proof);
	free(dir);
	return rc == -1 ? -1 : s.exit_code;
}
