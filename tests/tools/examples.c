/*
 * Makes manifests/examples/: a small bundle with a document of every type, signed by keys that anybody can make again:
 *     examples DIR
 * DIR exists and is empty. The same bytes each time, but for the two ECDSA signatures. manifests/examples/README.md
 * describes what comes of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/outfile.h"
#include "lib/sign.h"
#include "manifests/approvals.h"
#include "manifests/contents.h"
#include "manifests/limits.h"
#include "manifests/manifest.h"
#include "manifests/names.h"
#include "manifests/receipt.h"
#include "manifests/trust.h"
#include "manifests/volume.h"

#define NOW 1795341600	/* 2026-11-22T10:00:00Z */
#define DAY (24 * 3600)

enum { ROOT_A, ROOT_B, ROOT_C, ROOT_D, APPROVER_A, APPROVER_B, APPROVER_C, EXPORTER_A, EXPORTER_B, EXPORTER_C, KEYS };
static const struct {
	const char *name;
	enum pubkey_algorithm algorithm;
	enum role role;
} key_rows[KEYS] = {
	[ROOT_A] = {"root-a", PUBKEY_ED25519, ROLE_ROOT}, [ROOT_B] = {"root-b", PUBKEY_ED25519, ROLE_ROOT},
	[ROOT_C] = {"root-c", PUBKEY_ED25519, ROLE_ROOT}, [ROOT_D] = {"root-d", PUBKEY_ED25519, ROLE_ROOT},
	[APPROVER_A] = {"approver-a", PUBKEY_ED25519, ROLE_APPROVER},
	[APPROVER_B] = {"approver-b", PUBKEY_ED25519, ROLE_APPROVER},
	[APPROVER_C] = {"approver-c", PUBKEY_ECDSA_P256, ROLE_APPROVER},
	[EXPORTER_A] = {"exporter-a", PUBKEY_ED25519, ROLE_EXPORTER},
	[EXPORTER_B] = {"exporter-b", PUBKEY_ECDSA_P256, ROLE_EXPORTER},
	[EXPORTER_C] = {"exporter-c", PUBKEY_ECDSA_P384, ROLE_EXPORTER},
};

#define MAX_OBJECTS 32
struct maker {
	struct file dir;
	struct seckey *keys[KEYS];
	struct arena arena;
	struct buf objects[MAX_OBJECTS];	/* contents lists and parts first */
	size_t objects_n;
	struct manifest_file files[MAX_OBJECTS];	/* of the bundle */
	size_t files_n;
	unsigned part;		/* number of the contents part written last */
	const char *list;	/* file for the next contents list; NULL: none */
};

static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* ---- files ---- */

static int put_file(struct maker *m, const char *name, const void *data, size_t len, bool of_bundle, struct err *e)
{
	struct manifest_file *f = &m->files[m->files_n];

	if (outfile_put(&m->dir, name, 0644, data, len, e) == -1)
		return -1;
	if (!of_bundle)
		return 0;
	m->files_n++;
	*f = (struct manifest_file){.name = arena_strndup(&m->arena, name, strlen(name)), .size = len, .has_sha256 = true};
	return f->name == NULL ? err_mem(e) : digest_of(data, len, &f->sha256, e);
}

static int sign_file(struct maker *m, const char *name, const struct buf *b, int key, bool of_bundle, struct err *e)
{
	uint8_t sig[PUBKEY_MAX_SIGNATURE];
	char sig_name[NAMES_SIGNATURE_LEN];
	size_t len = sizeof sig;

	if (sign_data(m->keys[key], b->data, b->len, sig, &len, e) == -1)
		return -1;
	names_signature(name, pubkey_id(sign_public(m->keys[key])), sig_name);
	return put_file(m, sig_name, sig, len, of_bundle, e);
}

/* ---- keys: PKCS#8 around a secret that is the digest of a text ---- */

static int key_pem(int key, struct buf *out, struct err *e)
{
	static const char head_ed25519[] = "302e020100300506032b657004220420";
	static const char head_p256[] = "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420";
	static const char head_p384[] = "304e020100301006072a8648ce3d020106052b81040022043730350201010430";
	static const char *const heads[] = {head_ed25519, head_p256, head_p384};
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *head = heads[key_rows[key].algorithm - 1];
	uint8_t der[130] = {0};
	size_t n = strlen(head) / 2, secret = key_rows[key].algorithm == PUBKEY_ECDSA_P384 ? 48 : 32;
	struct digest d[2];
	char label[64];

	for (size_t i = 0; i < n; i++) {
		char digits[3] = {head[2 * i], head[2 * i + 1], '\0'};

		der[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	snprintf(label, sizeof label, "satchel example %s", key_rows[key].name);
	if (digest_of(label, strlen(label), &d[0], e) == -1 || digest_of(d[0].bytes, DIGEST_LEN, &d[1], e) == -1)
		return -1;
	memcpy(der + n, d, secret);
	n += secret;
	buf_puts(out, "-----BEGIN PRIVATE KEY-----\n");
	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)der[i] << 16 | (unsigned)der[i + 1] << 8 | der[i + 2];

		buf_printf(out, "%c%c%c%c", alphabet[v >> 18], alphabet[v >> 12 & 63], i + 1 < n ? alphabet[v >> 6 & 63] : '=',
			   i + 2 < n ? alphabet[v & 63] : '=');
		if (i % 48 == 45 || i + 3 >= n)
			buf_putc(out, '\n');
	}
	buf_puts(out, "-----END PRIVATE KEY-----\n");
	return buf_ok(out, e);
}

static int make_key(struct maker *m, int key, struct err *e)
{
	char path[] = "/tmp/satchel-example-XXXXXX";
	int fd = mkstemp(path);
	struct buf pem = {0};
	int rc = fd == -1 ? err_sys(e, "%s", path) : key_pem(key, &pem, e);

	if (rc == 0 && write(fd, pem.data, pem.len) != (ssize_t)pem.len)
		rc = err_sys(e, "%s", path);
	if (rc == 0) {
		m->keys[key] = sign_load(path, NULL, e);
		rc = m->keys[key] == NULL ? -1 : 0;
	}
	if (fd != -1) {
		close(fd);
		unlink(path);
	}
	buf_free(&pem);
	return rc;
}

/* ---- trust ---- */

static int add_key(struct maker *m, struct trust *t, int key, struct err *e)
{
	struct trust_role *r = &t->roles.role[key_rows[key].role];

	if (trust_key_set(&t->keys[t->keys_n++], sign_public(m->keys[key]), key_rows[key].name, &m->arena, e) == -1)
		return -1;
	r->keys[r->keys_n++] = *pubkey_id(sign_public(m->keys[key]));
	return 0;
}

/* In root 2 root-d has taken the place of root-c. */
static int make_root(struct maker *m, uint64_t version, struct digest *digest, struct err *e)
{
	struct trust_key keys[KEYS];
	struct digest ids[ROLES][KEYS];
	struct trust t = {.site = text("example"), .version = version, .epoch = 1, .issued = NOW - (int64_t)(3 - version) * 100 * DAY,
			  .expires = NOW + 365 * DAY, .keys = keys};
	struct buf b = {0};
	char name[32];
	int rc = -1;

	for (int r = 0; r < ROLES; r++)
		t.roles.role[r] = (struct trust_role){.threshold = r == ROLE_EXPORTER ? 1 : 2, .keys = ids[r]};
	for (int key = 0; key < KEYS; key++)
		if (key != (version == 1 ? ROOT_D : ROOT_C) && add_key(m, &t, key, e) == -1)
			goto out;
	names_trust(version, name);
	if (trust_encode(&t, &b, e) == -1 || put_file(m, name, b.data, b.len, true, e) == -1 ||
	    sign_file(m, name, &b, ROOT_A, true, e) == -1 || sign_file(m, name, &b, ROOT_B, true, e) == -1)
		goto out;
	if (version == 2 && sign_file(m, name, &b, ROOT_D, true, e) == -1)
		goto out;
	rc = digest_of(b.data, b.len, digest, e);
out:
	buf_free(&b);
	return rc;
}

/* ---- contents ---- */

static int add_object(struct maker *m, const void *data, size_t len)
{
	buf_append(&m->objects[m->objects_n++], data, len);
	return 0;
}

static int put_contents(void *arg, const struct digest *d, const void *data, size_t len, struct err *e)
{
	struct maker *m = arg;
	char type[32], name[64];

	(void)d;
	if (m->list == NULL)
		return 0;
	if (schema_type_of(data, len, type) == 0 && strcmp(type, "contents-part") == 0)
		snprintf(name, sizeof name, "contents-part-%u.yaml", ++m->part);
	else
		snprintf(name, sizeof name, "%s", m->list);
	add_object(m, data, len);
	return put_file(m, name, data, len, false, e);
}

static struct record file_record(const char *path, const char *content)
{
	struct record r = {.path = text(path), .has_file = true, .has_sha256 = true, .has_mtime = true, .size = strlen(content),
			   .mtime = NOW - 2 * DAY};
	struct err e = {0};

	digest_of(content, strlen(content), &r.sha256, &e);
	return r;
}

static int write_list(struct maker *m, const char *file, const char *item, const struct record *records, size_t n,
		      struct contents_ref *ref, struct err *e)
{
	struct contents_writer *w = contents_writer_open(item, put_contents, m, e);
	int rc = w == NULL ? -1 : 0;

	m->list = file;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = contents_writer_add(w, &records[i], e);
	if (rc == 0)
		rc = contents_writer_finish(w, ref, e);
	contents_writer_free(w);
	return rc;
}

static const char library[] = "the library\n", program[] = "#!/bin/sh\necho hello\n", page[] = "a page\n";

static int make_openssl(struct maker *m, const char *file, const char *content, struct contents_ref *ref, struct err *e)
{
	struct record records[] = {file_record("openssl/bin/run", program), {.path = text("openssl/empty"), .dir = true},
				   {.path = text("openssl/latest"), .link = text("libssl3_3.0.19_amd64.deb")},
				   file_record("openssl/libssl3_3.0.19_amd64.deb", content),
				   {.path = text("openssl/manual"), .link = text("../../../doc/page-0000")},
				   file_record("openssl/\xc3\xbc \"quoted\" \\ \xf0\x9f\x98\x80: no", page)};

	records[0].exec = true;
	return write_list(m, file, "pool/o/openssl", records, sizeof records / sizeof *records, ref, e);
}

/* More than MAX_PART_RECORDS records, and so in parts: a page, and links to it. */
static int make_doc(struct maker *m, struct contents_ref *ref, struct err *e)
{
	enum { PAGES = 1100 };
	static struct record records[PAGES];
	static char paths[PAGES][16];

	for (unsigned i = 0; i < PAGES; i++) {
		snprintf(paths[i], sizeof paths[i], "doc/page-%04u", i);
		records[i] = i == 0 ? file_record(paths[i], page)
				    : (struct record){.path = paths[i], .link = text("page-0000")};
	}
	return write_list(m, "contents-with-parts.yaml", "doc", records, PAGES, ref, e);
}

/* ---- approvals ---- */

static int make_approvals(struct maker *m, struct manifest_approvals *stated, struct err *e)
{
	char *both[] = {text("pilot"), text("production")}, *pilot[] = {text("pilot")}, *production[] = {text("production")};
	char *needs[] = {text("doc")};
	struct approval items[3] = {
		{.item = text("doc"), .revision = 1, .rings = both, .rings_n = 2, .title = text("Pages")},
		{.item = text("pool/o/openssl"), .revision = 2, .rings = production, .rings_n = 1,
		 .title = text("OpenSSL 3.0.18"), .requires = needs, .requires_n = 1},
		{.item = text("pool/o/openssl"), .revision = 3, .rings = pilot, .rings_n = 1,
		 .title = text("OpenSSL 3.0.19 security update"), .requires = needs, .requires_n = 1, .urgent = true,
		 .has_deadline = true, .deadline = NOW + 9 * DAY, .note = text("said \"now\": see C:\\advice #1")},
	};
	struct revocation revoked[] = {{.item = text("pool/x/xz"), .revision = 5, .since = 41, .note = text("backdoor")}};
	struct approvals a = {.stream = text("updates"), .epoch = 1, .revision = 42, .issued = NOW, .expires = NOW + 90 * DAY,
			      .items = items, .items_n = 3, .revoked = revoked, .revoked_n = 1};
	struct buf b = {0};
	int rc = -1;

	if (make_doc(m, &items[0].contents, e) == -1 || make_openssl(m, NULL, "an older library\n", &items[1].contents, e) == -1 ||
	    make_openssl(m, "contents.yaml", library, &items[2].contents, e) == -1)
		goto out;
	if (digest_of("contents of xz", 14, &revoked[0].contents, e) == -1 || approvals_encode(&a, &b, e) == -1)
		goto out;
	*stated = (struct manifest_approvals){.epoch = 1, .revision = 42};
	if (put_file(m, NAMES_APPROVALS, b.data, b.len, true, e) == -1 || digest_of(b.data, b.len, &stated->sha256, e) == -1 ||
	    sign_file(m, NAMES_APPROVALS, &b, APPROVER_A, true, e) == -1)
		goto out;
	rc = sign_file(m, NAMES_APPROVALS, &b, APPROVER_B, true, e);
out:
	buf_free(&b);
	return rc;
}

/* ---- the volume: one frame, stored (FORMAT 9.7) ---- */

static void little(struct buf *b, uint64_t n, int bytes)
{
	for (; bytes > 0; bytes--, n >>= 8)
		buf_putc(b, (char)(n & 255));
}

static void store_frame(const struct buf *tar, struct buf *out)
{
	little(out, 0xFD2FB528, 4);
	little(out, 0x60, 1);	/* single segment, content size in two bytes: the tar has 256 to 65,791 bytes */
	little(out, tar->len - 256, 2);
	for (size_t at = 0; at < tar->len; at += 131072) {
		size_t n = tar->len - at < 131072 ? tar->len - at : 131072;

		little(out, n << 3 | (at + n == tar->len), 3);
		buf_append(out, tar->data + at, n);
	}
}

static int make_tar(struct maker *m, struct volume_object *list, struct buf *tar, struct err *e)
{
	for (size_t i = 0; i < m->objects_n; i++) {
		struct volume_object *o = &list[i];
		uint8_t header[VOLUME_BLOCK];

		*o = (struct volume_object){.size = m->objects[i].len, .at = tar->len + VOLUME_BLOCK};
		if (digest_of(m->objects[i].data, m->objects[i].len, &o->sha256, e) == -1)
			return -1;
		volume_entry_header(o, header);
		buf_append(tar, header, sizeof header);
		buf_append(tar, m->objects[i].data, m->objects[i].len);
		while (tar->len % VOLUME_BLOCK > 0)
			buf_putc(tar, '\0');
	}
	for (int i = 0; i < 2 * VOLUME_BLOCK; i++)
		buf_putc(tar, '\0');
	return tar->len >= 256 && tar->len <= 65791 ? buf_ok(tar, e) : err_set(e, ERR_INTERNAL, "another header is needed");
}

static int make_volume(struct maker *m, struct manifest_objects *stated, struct err *e)
{
	struct volume_object objects[MAX_OBJECTS];
	struct volume_frame frame = {0};
	struct volume v = {.stream = text("updates"), .sequence = 17, .volume = 1, .frames = &frame, .frames_n = 1,
			   .objects = objects, .objects_n = m->objects_n};
	struct buf tar = {0}, volume = {0}, b = {0};
	int rc = -1;

	if (make_tar(m, objects, &tar, e) == -1)
		goto out;
	store_frame(&tar, &volume);
	frame.size = volume.len;
	frame.holds = tar.len;
	if (digest_of(volume.data, volume.len, &frame.sha256, e) == -1 || schema_encode(&volume_schema, &v, &b, e) == -1)
		goto out;
	stated->count = m->objects_n;
	for (size_t i = 0; i < m->objects_n; i++)
		stated->bytes += m->objects[i].len;
	if (put_file(m, "vol-0001.tar.zst", volume.data, volume.len, true, e) == -1)
		goto out;
	rc = put_file(m, "vol-0001.yaml", b.data, b.len, true, e);
out:
	buf_free(&tar);
	buf_free(&volume);
	buf_free(&b);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct manifest_file *)a)->name, ((const struct manifest_file *)b)->name);
}

/* ---- a receipt: the store took the bundle in, but for one object, of which it has the beginning ---- */

static int by_digest(const void *a, const void *b)
{
	return digest_compare(a, b);
}

static int make_objects_file(struct maker *m, const struct digest *lacking, struct receipt_objects *o, struct err *e)
{
	struct digest list[MAX_OBJECTS];
	char hex[DIGEST_HEX + 1];
	struct buf b = {0};
	size_t n = 0;
	int rc;

	for (size_t i = 0; i < m->objects_n; i++) {
		if (digest_of(m->objects[i].data, m->objects[i].len, &list[n], e) == -1)
			return -1;
		n += !digest_equal(&list[n], lacking);
	}
	qsort(list, n, sizeof *list, by_digest);
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s\n", digest_hex(&list[i], hex));
	*o = (struct receipt_objects){.count = n, .size = b.len};
	rc = digest_of(b.data, b.len, &o->sha256, e);
	if (rc == 0)
		rc = put_file(m, "perimeter-a-00000012.objects", b.data, b.len, false, e);
	buf_free(&b);
	return rc;
}

static int make_receipt(struct maker *m, const struct manifest *bundle, const struct digest *manifest, struct err *e)
{
	char *reads[] = {text("approvals/1"), text("contents-part/1"), text("contents/1"), text("manifest/1"), text("trust/1"),
			 text("volume/1")};
	char *rings[] = {text("production")};
	struct receipt_list list = {bundle->approvals.epoch, bundle->approvals.revision, bundle->approvals.sha256};
	struct receipt_stream stream = {.stream = bundle->stream, .rings = rings, .rings_n = 1, .has_newest = true, .newest = list,
					.sequence = 17, .has_arrived = true, .arrived = NOW + DAY, .waiting = 1, .missing = 1};
	struct receipt_bundle taken = {bundle->stream, 17, *manifest, NOW + DAY};
	struct receipt_waiting waiting = {bundle->stream, text("pool/o/openssl"), 2, 1, 12, text("objects")};
	struct receipt_missing missing = {.has_size = true, .has_from = true, .has_length = true, .from = 5};
	struct receipt_refusal refusal = {NOW + DAY, RECEIPT_FAILED, text("medium-read"), text("updates-00000017"), NULL};
	struct receipt_history history[2] = {{11, 40, bundle->witness->journal}, {12, 52, {{0}}}};
	struct receipt r = {.store = text("perimeter-a"), .counter = 12, .time = NOW + DAY + 60,
			    .trust = {bundle->trust.version, bundle->trust.sha256}, .reads = reads, .reads_n = 6,
			    .sandbox = text("landlock ABI 2 + seccomp"),
			    .has_objects = true, .lacks = 1, .streams = &stream, .streams_n = 1, .bundles = &taken, .bundles_n = 1,
			    .waiting = &waiting, .waiting_n = 1, .missing = &missing, .missing_n = 1, .refusals = &refusal,
			    .refusals_n = 1, .history = history, .history_n = 2};
	struct buf b = {0};
	int rc;

	missing.size = stream.bytes = strlen(library);
	missing.length = missing.size - missing.from;
	if (digest_of(library, strlen(library), &missing.sha256, e) == -1 ||
	    digest_of("a later head of it", 18, &history[1].head, e) == -1 ||
	    make_objects_file(m, &missing.sha256, &r.objects, e) == -1)
		return -1;
	rc = receipt_encode(&r, &b, e);
	if (rc == 0)
		rc = put_file(m, "perimeter-a-00000012.yaml", b.data, b.len, false, e);
	buf_free(&b);
	return rc;
}

/* ---- the manifest, and all of it ---- */

static int make_manifest(struct maker *m, struct manifest *list, struct err *e)
{
	struct digest digest;
	struct buf b = {0};
	int rc = -1;

	qsort(m->files, m->files_n, sizeof *m->files, by_name);
	list->files = m->files;
	list->files_n = m->files_n;
	if (manifest_encode(list, &b, e) == 0)
		rc = put_file(m, NAMES_MANIFEST, b.data, b.len, false, e);
	for (int key = EXPORTER_A; rc == 0 && key <= EXPORTER_C; key++)
		rc = sign_file(m, NAMES_MANIFEST, &b, key, false, e);
	if (rc == 0 && (rc = digest_of(b.data, b.len, &digest, e)) == 0)
		rc = make_receipt(m, list, &digest, e);
	buf_free(&b);
	return rc;
}

static int make_all(struct maker *m, struct err *e)
{
	char *destinations[] = {text("perimeter-a")};
	struct manifest_witness witness = {.destination = text("perimeter-a"), .counter = 11};
	struct manifest list = {.stream = text("updates"), .sequence = 17, .created = NOW, .destinations = destinations,
				.destinations_n = 1, .part = {.first = 17, .number = 1, .last = true}, .has_approvals = true,
				.trust = {.version = 2}, .witness = &witness, .witness_n = 1};

	for (int key = 0; key < KEYS; key++)
		if (make_key(m, key, e) == -1)
			return -1;
	if (digest_of("head of a journal", 17, &witness.journal, e) == -1 || make_root(m, 1, &list.trust.sha256, e) == -1 ||
	    make_root(m, 2, &list.trust.sha256, e) == -1 || make_approvals(m, &list.approvals, e) == -1)
		return -1;
	add_object(m, program, strlen(program));
	add_object(m, library, strlen(library));
	add_object(m, page, strlen(page));
	return make_volume(m, &list.objects, e) == -1 ? -1 : make_manifest(m, &list, e);
}

int main(int argc, char **argv)
{
	struct maker m = {.dir = FILE_CLOSED};
	struct err e = {0};
	int rc;

	if (argc != 2) {
		fprintf(stderr, "usage: examples DIR\n");
		return 2;
	}
	rc = digest_start(&e) == -1 || file_open_dir(argv[1], &m.dir, &e) == -1 || make_all(&m, &e) == -1;
	if (rc != 0)
		fprintf(stderr, "examples: %s\n", e.text);
	for (int key = 0; key < KEYS; key++)
		sign_free(m.keys[key]);
	for (size_t i = 0; i < m.objects_n; i++)
		buf_free(&m.objects[i]);
	arena_free(&m.arena);
	file_close(&m.dir);
	return rc;
}
