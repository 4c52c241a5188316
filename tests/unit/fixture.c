/*
 * Bundles for tests (tests/unit/fixture.h).
 */
#include "tests/unit/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <zstd.h>

#include "lib/err.h"
#include "lib/file.h"
#include "lib/sign.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/schema.h"

#include "lib/banned.h"

#define STREAM "updates"
#define YEAR (365 * 24 * 3600)

/* Ends the test with the error's words. */
static void must(int rc, const struct err *e)
{
	if (rc == -1)
		fail_msg("fixture: %s", e->text);
}

static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* ---- files ---- */

void fixture_write(const char *dir, const char *name, const void *data, size_t len)
{
	char path[512];
	FILE *out;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	out = fopen(path, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(data, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
}

void fixture_read(const char *dir, const char *name, struct buf *out)
{
	struct file f = FILE_CLOSED;
	struct err e = {0};
	char path[512];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	must(file_open(path, &f, &e), &e);
	must(file_read_all(&f, BUF_MAX / 2, out, &e), &e);
	file_close(&f);
}

void fixture_flip(const char *dir, const char *name, long at)
{
	char path[512];
	FILE *io;
	int c;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	io = fopen(path, "r+");
	assert_non_null(io);
	assert_int_equal(fseek(io, at, at < 0 ? SEEK_END : SEEK_SET), 0);
	c = fgetc(io);
	assert_int_not_equal(c, EOF);
	assert_int_equal(fseek(io, -1, SEEK_CUR), 0);
	fputc(c ^ 1, io);
	assert_int_equal(fclose(io), 0);
}

char *fixture_bundle_dir(const struct fixture *f, uint64_t sequence, char out[160])
{
	char name[NAMES_BUNDLE_LEN];

	snprintf(out, 160, "%s/%s/%s", f->dir, NAMES_MEDIUM_DIR, names_bundle(STREAM, sequence, name));
	return out;
}

void fixture_sign(const struct fixture *f, int key, const char *dir, const char *document, const struct buf *bytes)
{
	uint8_t sig[PUBKEY_MAX_SIGNATURE];
	char name[NAMES_SIGNATURE_LEN];
	size_t len = sizeof sig;
	struct err e = {0};

	must(sign_data(f->keys[key], bytes->data, bytes->len, sig, &len, &e), &e);
	fixture_write(dir, names_signature(document, pubkey_id(sign_public(f->keys[key])), name), sig, len);
}

/* ---- keys and roots ---- */

static void add_key(struct trust *t, struct digest *ids, enum role r, const struct pubkey *key, const char *name)
{
	struct trust_role *role = &t->roles.role[r];
	struct err e = {0};

	must(trust_key_set(&t->keys[t->keys_n++], key, name, &t->arena, &e), &e);
	role->keys = ids;
	ids[role->keys_n++] = *pubkey_id(key);
}

void fixture_root(struct fixture *f, const struct fixture_root *root)
{
	static const char *const names[] = {"root-a", "root-b", "approver-a", "approver-b", "exporter-a", "exporter-b"};
	struct trust_key keys[6] = {{.name = NULL}};
	struct digest ids[ROLES][2];
	struct trust t = {.site = text("site-a"), .version = root->version, .epoch = root->epoch, .issued = root->issued,
			  .expires = root->expires, .keys = keys};
	struct err e = {0};

	for (int i = 0; i < 6; i++)
		if (i != FIXTURE_EXPORTER_A || !root->drop_exporter_a)
			add_key(&t, ids[i / 2], (enum role)(i / 2), sign_public(f->keys[i]), names[i]);
	for (int r = 0; r < ROLES; r++)
		t.roles.role[r].threshold = r == ROLE_EXPORTER ? 1 : 2;
	buf_clear(&f->roots[root->version]);
	must(trust_encode(&t, &f->roots[root->version], &e), &e);
	arena_free(&t.arena);
	if (root->version > f->newest)
		f->newest = root->version;
}

struct trust *fixture_trust(const struct fixture *f, uint64_t version)
{
	struct err e = {0};
	struct trust *t = trust_parse(f->roots[version].data, f->roots[version].len, &e);

	must(t == NULL ? -1 : 0, &e);
	return t;
}

struct fixture *fixture_new(void)
{
	struct fixture_root first = {.version = 1, .epoch = 1, .issued = FIXTURE_NOW - 3600, .expires = FIXTURE_NOW + YEAR};
	struct fixture *f = calloc(1, sizeof *f);
	struct err e = {0};

	assert_non_null(f);
	snprintf(f->dir, sizeof f->dir, "/tmp/satchel-unit-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	must(digest_start(&e), &e);
	for (int i = 0; i < FIXTURE_KEYS; i++) {
		f->keys[i] = sign_generate(i == FIXTURE_APPROVER_B ? PUBKEY_ECDSA_P256 : PUBKEY_ED25519, &e);
		must(f->keys[i] == NULL ? -1 : 0, &e);
	}
	fixture_root(f, &first);
	f->created = f->issued = FIXTURE_NOW - 60;
	f->expires = FIXTURE_NOW + 30 * 24 * 3600;
	f->epoch = 1;
	f->list_signers = 2;
	f->level = 1;
	return f;
}

static void forget_objects(struct fixture *f)
{
	for (size_t i = 0; i < f->objects_n; i++)
		buf_free(&f->objects[i].data);
	free(f->objects);
	f->objects = NULL;
	f->objects_n = 0;
}

void fixture_free(struct fixture *f)
{
	struct file top = FILE_CLOSED;
	struct err e = {0};

	forget_objects(f);
	for (int i = 0; i < FIXTURE_KEYS; i++)
		sign_free(f->keys[i]);
	for (size_t i = 0; i < sizeof f->roots / sizeof *f->roots; i++)
		buf_free(&f->roots[i]);
	must(file_open_dir("/tmp", &top, &e), &e);
	must(file_remove_tree_at(&top, f->dir + strlen("/tmp/"), &e), &e);
	file_close(&top);
	buf_free(&f->list);
	free(f->entries);
	free(f->revoked);
	arena_free(&f->arena);
	free(f);
}

/* ---- content ---- */

void fixture_random(uint32_t seed, void *out, size_t len)
{
	uint8_t *p = out;
	uint64_t x = seed * 2654435761u + 88172645463325252u;

	for (size_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = (uint8_t)(x >> 32);
	}
}

static struct fixture_object *add_object(struct fixture *f, const void *data, size_t len)
{
	struct fixture_object *o;

	f->objects = realloc(f->objects, (f->objects_n + 1) * sizeof *f->objects);
	assert_non_null(f->objects);
	o = &f->objects[f->objects_n++];
	*o = (struct fixture_object){.size = len};
	buf_append(&o->data, len == 0 ? "" : data, len);
	return o;
}

struct digest fixture_object(struct fixture *f, const void *data, size_t len)
{
	struct fixture_object *o = add_object(f, data, len);
	struct err e = {0};

	must(digest_of(data, len, &o->sha256, &e), &e);
	return o->sha256;
}

void fixture_piece(struct fixture *f, const void *whole, size_t len, size_t from, size_t length)
{
	struct fixture_object *o = add_object(f, (const uint8_t *)whole + from, length);
	struct err e = {0};

	must(digest_of(whole, len, &o->sha256, &e), &e);
	o->size = len;
	o->from = from;
	o->piece = true;
}

struct record fixture_file(const char *path, const void *data, size_t len)
{
	struct record r = {.path = text(path), .has_file = true, .size = len, .has_sha256 = true, .has_mtime = true,
			   .mtime = FIXTURE_NOW - 86400};
	struct err e = {0};

	must(digest_of(data, len, &r.sha256, &e), &e);
	return r;
}

static int put_document(void *arg, const struct digest *d, const void *data, size_t len, struct err *e)
{
	(void)d;
	(void)e;
	fixture_object(arg, data, len);
	return 0;
}

struct contents_ref fixture_item(struct fixture *f, const char *item, const struct record *records, size_t n)
{
	struct contents_ref ref = {0};
	struct err e = {0};
	struct contents_writer *w = contents_writer_open(item, put_document, f, &e);

	must(w == NULL ? -1 : 0, &e);
	for (size_t i = 0; i < n; i++)
		must(contents_writer_add(w, &records[i], &e), &e);
	must(contents_writer_finish(w, &ref, &e), &e);
	contents_writer_free(w);
	return ref;
}

void fixture_approve(struct fixture *f, const char *item, uint64_t revision, const char *ring, const struct contents_ref *ref)
{
	struct approval *p;
	char **rings = arena_alloc(&f->arena, sizeof *rings);

	f->entries = realloc(f->entries, (f->entries_n + 1) * sizeof *f->entries);
	assert_non_null(f->entries);
	assert_non_null(rings);
	rings[0] = arena_strndup(&f->arena, ring, strlen(ring));
	p = &f->entries[f->entries_n++];
	*p = (struct approval){.item = arena_strndup(&f->arena, item, strlen(item)), .revision = revision, .rings = rings,
			       .rings_n = 1, .contents = *ref};
}

void fixture_list(struct fixture *f, uint64_t revision)
{
	struct approvals a = {.stream = text(STREAM), .epoch = f->epoch, .revision = revision, .issued = f->issued,
			      .expires = f->expires, .items = f->entries, .items_n = f->entries_n, .revoked = f->revoked,
			      .revoked_n = f->revoked_n};
	struct err e = {0};

	f->revision = revision;
	buf_clear(&f->list);
	must(approvals_encode(&a, &f->list, &e), &e);
}

/* ---- volumes ---- */

void fixture_volume(const struct fixture_object *objects, size_t n, struct fixture_volume *out)
{
	static const uint8_t zeros[2 * VOLUME_BLOCK];

	*out = (struct fixture_volume){.index = {.stream = text(STREAM), .sequence = 1, .volume = 1, .objects_n = n}};
	out->index.objects = calloc(n + 1, sizeof *out->index.objects);
	assert_non_null(out->index.objects);
	for (size_t i = 0; i < n; i++) {
		struct volume_object *o = &out->index.objects[i];
		uint8_t header[VOLUME_BLOCK];

		*o = (struct volume_object){.sha256 = objects[i].sha256, .size = objects[i].size,
					    .at = out->tar.len + VOLUME_BLOCK};
		if (objects[i].piece) {
			o->has_piece = o->has_length = true;
			o->from = objects[i].from;
			o->length = objects[i].data.len;
		}
		volume_entry_header(o, header);
		buf_append(&out->tar, header, sizeof header);
		buf_append(&out->tar, objects[i].data.len == 0 ? zeros : objects[i].data.data, objects[i].data.len);
		buf_append(&out->tar, zeros, -out->tar.len % VOLUME_BLOCK);
	}
	buf_append(&out->tar, zeros, sizeof zeros);
	assert_false(out->tar.failed);
}

void fixture_frames(struct fixture_volume *v, int level)
{
	size_t n = (v->tar.len + FRAME_SIZE - 1) / FRAME_SIZE, room = ZSTD_compressBound(FRAME_SIZE);
	ZSTD_CCtx *c = ZSTD_createCCtx();
	uint8_t *out = malloc(room);
	struct err e = {0};

	assert_non_null(c);
	assert_non_null(out);
	buf_clear(&v->file);
	v->index.frames = calloc(n, sizeof *v->index.frames);
	assert_non_null(v->index.frames);
	v->index.frames_n = n;
	for (size_t i = 0; i < n; i++) {
		struct volume_frame *f = &v->index.frames[i];
		size_t left = v->tar.len - i * FRAME_SIZE, len;

		f->holds = left < FRAME_SIZE ? left : FRAME_SIZE;
		f->at = v->file.len;
		len = ZSTD_compressCCtx(c, out, room, v->tar.data + i * FRAME_SIZE, f->holds, level);
		assert_false(ZSTD_isError(len));
		f->size = len;
		must(digest_of(out, len, &f->sha256, &e), &e);
		buf_append(&v->file, out, len);
	}
	free(out);
	ZSTD_freeCCtx(c);
}

void fixture_volume_free(struct fixture_volume *v)
{
	free(v->index.frames);
	free(v->index.objects);
	buf_free(&v->tar);
	buf_free(&v->file);
}

/* ---- bundles ---- */

struct files {
	struct manifest_file list[256];
	size_t n;
};

static void add_file(struct files *files, const char *dir, const char *name, const struct buf *bytes, bool digest)
{
	struct manifest_file *f = &files->list[files->n++];
	struct err e = {0};

	assert_true(files->n < 256);
	*f = (struct manifest_file){.name = strdup(name), .size = bytes->len, .has_sha256 = digest};
	must(digest_of(bytes->data, bytes->len, &f->sha256, &e), &e);
	fixture_write(dir, name, bytes->data, bytes->len);
}

static void add_signature(const struct fixture *f, struct files *files, int key, const char *dir, const char *document,
			  const struct buf *bytes)
{
	char name[NAMES_SIGNATURE_LEN];
	struct buf sig = {0};

	fixture_sign(f, key, dir, document, bytes);
	names_signature(document, pubkey_id(sign_public(f->keys[key])), name);
	fixture_read(dir, name, &sig);
	add_file(files, dir, name, &sig, true);
	buf_free(&sig);
}

static void add_volume(struct fixture *f, struct files *files, const char *dir, uint64_t number, size_t first, size_t n)
{
	struct fixture_volume v;
	struct buf index = {0};
	struct err e = {0};
	char name[32];

	fixture_volume(f->objects + first, n, &v);
	v.index.sequence = f->sequence;
	v.index.volume = number;
	if (f->change_tar != NULL)
		f->change_tar(f, &v);
	fixture_frames(&v, f->level);
	if (f->change_frames != NULL)
		f->change_frames(f, &v);
	must(schema_encode(&volume_schema, &v.index, &index, &e), &e);
	add_file(files, dir, names_volume_index(number, name), &index, true);
	add_file(files, dir, names_volume(number, name), &v.file, !f->no_volume_digests);
	buf_free(&index);
	fixture_volume_free(&v);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct manifest_file *)a)->name, ((const struct manifest_file *)b)->name);
}

static void add_documents(const struct fixture *f, struct files *files, const char *dir)
{
	struct buf verify = {0};
	char name[32];

	for (uint64_t v = 1; v <= f->newest; v++) {
		names_trust(v, name);
		add_file(files, dir, name, &f->roots[v], true);
		add_signature(f, files, FIXTURE_ROOT_A, dir, name, &f->roots[v]);
		add_signature(f, files, FIXTURE_ROOT_B, dir, name, &f->roots[v]);
	}
	if (f->list.len > 0)
		add_file(files, dir, NAMES_APPROVALS, &f->list, true);
	for (unsigned i = 0; f->list.len > 0 && i < f->list_signers; i++)
		add_signature(f, files, FIXTURE_APPROVER_A + (int)i, dir, NAMES_APPROVALS, &f->list);
	buf_puts(&verify, "how to verify\n");
	add_file(files, dir, NAMES_VERIFY, &verify, true);
	buf_free(&verify);
}

static void seal(struct fixture *f, struct files *files, const char *dir)
{
	struct manifest m = {.stream = text(STREAM), .sequence = f->sequence, .created = f->created,
			     .part = {.first = f->sequence, .number = 1, .last = true}, .files = files->list,
			     .files_n = files->n};
	struct buf bytes = {0};
	struct err e = {0};

	m.objects.count = f->objects_n;
	for (size_t i = 0; i < f->objects_n; i++)
		m.objects.bytes += f->objects[i].data.len;
	m.trust.version = f->newest;
	must(digest_of(f->roots[f->newest].data, f->roots[f->newest].len, &m.trust.sha256, &e), &e);
	if (f->list.len > 0) {
		m.has_approvals = true;
		m.approvals = (struct manifest_approvals){.epoch = f->epoch, .revision = f->revision};
		must(digest_of(f->list.data, f->list.len, &m.approvals.sha256, &e), &e);
	}
	qsort(files->list, files->n, sizeof *files->list, by_name);
	if (f->change_manifest != NULL)
		f->change_manifest(f, &m);
	must(schema_encode(&manifest_schema, &m, &bytes, &e), &e);
	fixture_write(dir, NAMES_MANIFEST, bytes.data, bytes.len);
	fixture_sign(f, FIXTURE_EXPORTER_A, dir, NAMES_MANIFEST, &bytes);
	buf_free(&bytes);
}

void fixture_bundle(struct fixture *f, uint64_t sequence)
{
	size_t step = f->volume_objects == 0 ? f->objects_n : f->volume_objects;
	struct files *files = calloc(1, sizeof *files);
	char dir[160], top[128];
	uint64_t number = 1;

	assert_non_null(files);
	f->sequence = sequence;
	snprintf(top, sizeof top, "%s/%s", f->dir, NAMES_MEDIUM_DIR);
	mkdir(top, 0755);
	assert_int_equal(mkdir(fixture_bundle_dir(f, sequence, dir), 0755), 0);
	add_documents(f, files, dir);
	for (size_t i = 0; i < f->objects_n; i += step)
		add_volume(f, files, dir, number++, i, f->objects_n - i < step ? f->objects_n - i : step);
	seal(f, files, dir);
	for (size_t i = 0; i < files->n; i++)
		free(files->list[i].name);
	free(files);
	forget_objects(f);
}
