/*
 * Every document of manifests/examples/ is read and believed as its type demands: chain of trust, signatures, digests,
 * contents through the reader, the volume's header bytes. Run from the top of the tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/file.h"
#include "manifests/approvals.h"
#include "manifests/contents.h"
#include "manifests/limits.h"
#include "manifests/manifest.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "manifests/receipt.h"
#include "manifests/trust.h"
#include "manifests/volume.h"

#define FRAME_HEADER 7	/* of the stored frame: magic, descriptor, size in two bytes */
#define BLOCK_HEADER 3

static struct file dir = FILE_CLOSED;

static int open_examples(void **state)
{
	struct err e = {0};

	(void)state;
	return file_open_dir("manifests/examples", &dir, &e);
}

static int close_examples(void **state)
{
	(void)state;
	file_close(&dir);
	return 0;
}

static struct buf read_example(const char *name)
{
	struct buf b = {0};
	struct err e = {0};

	if (file_read_all_at(&dir, name, MAX_APPROVALS_SIZE, &b, &e) == -1)
		fail_msg("%s", e.text);
	return b;
}

/* A signature file, for trust_chain_extend and signatures_collect. */
static int get(void *arg, const char *name, struct buf *out, struct err *e)
{
	unsigned *found = arg;
	struct err why = {0};

	if (file_read_all_at(&dir, name, PUBKEY_MAX_SIGNATURE, out, &why) == 0) {
		++*found;
		return 0;
	}
	return why.reason == ERR_MISSING ? 1 : err_set(e, why.reason, "%s", why.text);
}

static struct trust_chain read_chain(void)
{
	struct trust_chain c = {0};
	struct buf first = read_example("trust-1.yaml"), second = read_example("trust-2.yaml");
	struct err e = {0};
	unsigned found = 0;

	assert_int_equal(trust_chain_pin(&c, trust_parse(first.data, first.len, &e), &e), 0);
	if (trust_chain_extend(&c, second.data, second.len, get, &found, &e) == -1)
		fail_msg("%s", e.text);
	assert_int_equal(found, 3);	/* two by keys of both roots, one by the new root's own */
	buf_free(&first);
	buf_free(&second);
	return c;
}

/* All files of the role are good, and there are so many. */
static void expect_signatures(const struct trust *t, enum role r, const char *name, const struct buf *b, size_t n)
{
	struct signatures s = {0};
	struct err e = {0};
	unsigned found = 0;

	assert_int_equal(signatures_collect(&s, t, r, name, get, &found, &e), 0);
	assert_int_equal(found, n);
	assert_int_equal(trust_count(t, r, b->data, b->len, &s, NULL), n);
	assert_int_equal(trust_require(t, r, b->data, b->len, &s, &e), 0);
	assert_int_equal(trust_count(t, r, b->data, b->len - 1, &s, NULL), 0);
	signatures_free(&s);
}

static void expect_same(const struct schema *s, const void *in, const struct buf *b)
{
	struct buf again = {0};
	struct err e = {0};

	assert_int_equal(schema_encode(s, in, &again, &e), 0);
	assert_int_equal(again.len, b->len);
	assert_memory_equal(again.data, b->data, b->len);
	buf_free(&again);
}

static void trust(void **state)
{
	struct trust_chain c = read_chain();
	struct buf first = read_example("trust-1.yaml");
	const struct trust *old = trust_chain_at(&c, 1), *new = trust_chain_at(&c, 2);

	(void)state;
	expect_signatures(old, ROLE_ROOT, "trust-1.yaml", &first, 2);
	expect_same(&trust_schema, old, &old->bytes);
	expect_same(&trust_schema, new, &new->bytes);
	assert_int_equal(old->keys_n, 9);
	assert_null(trust_find(new, &old->roles.role[ROLE_ROOT].keys[2]));
	assert_null(trust_find(old, &new->roles.role[ROLE_ROOT].keys[2]));
	buf_free(&first);
	trust_chain_free(&c);
}

static void approvals(void **state)
{
	struct trust_chain c = read_chain();
	struct buf b = read_example("approvals.yaml");
	struct err e = {0};
	struct approvals *a = approvals_parse(b.data, b.len, &e);

	(void)state;
	expect_signatures(trust_chain_newest(&c), ROLE_APPROVER, "approvals.yaml", &b, 2);
	assert_non_null(a);
	assert_int_equal(a->items_n, 3);
	assert_int_equal(a->revoked_n, 1);
	expect_same(&approvals_schema, a, &b);
	approvals_free(a);
	buf_free(&b);
	trust_chain_free(&c);
}

/* Fetches contents lists and parts by digest from the files here. */
static int fetch(void *arg, const struct digest *d, uint64_t size, struct buf *out, struct err *e)
{
	static const char *const names[] = {"contents.yaml", "contents-with-parts.yaml", "contents-part-1.yaml",
					    "contents-part-2.yaml", "contents-part-3.yaml"};

	(void)size;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct buf b = read_example(names[i]);
		struct digest own;
		bool found = digest_of(b.data, b.len, &own, e) == 0 && digest_equal(&own, d);

		if (found)
			buf_append(out, b.data, b.len);
		buf_free(&b);
		if (found) {
			++*(unsigned *)arg;
			return 0;
		}
	}
	return 1;
}

static size_t read_contents(const struct approval *p, unsigned *fetched)
{
	struct contents_reader *r;
	const struct record *record;
	struct err e = {0};
	size_t n = 0;
	int rc;

	*fetched = 0;
	if (contents_reader_open(&p->contents, p->item, fetch, fetched, &r, &e) != 0)
		return 0;
	while ((rc = contents_reader_next(r, &record, &e)) == 1)
		n++;
	if (rc != 0)
		fail_msg("%s", e.text);
	contents_reader_close(r);
	return n;
}

static void contents(void **state)
{
	struct buf b = read_example("approvals.yaml");
	struct err e = {0};
	struct approvals *a = approvals_parse(b.data, b.len, &e);
	unsigned fetched;

	(void)state;
	assert_int_equal(read_contents(&a->items[0], &fetched), 1100);
	assert_int_equal(fetched, 4);
	assert_int_equal(read_contents(&a->items[1], &fetched), 0);	/* an older one, not here */
	assert_int_equal(read_contents(&a->items[2], &fetched), 6);
	assert_int_equal(fetched, 1);
	approvals_free(a);
	buf_free(&b);
}

static void manifest(void **state)
{
	struct trust_chain c = read_chain();
	struct buf b = read_example("manifest.yaml");
	struct err e = {0};
	struct manifest *m = manifest_parse(b.data, b.len, &e);

	(void)state;
	expect_signatures(trust_chain_newest(&c), ROLE_EXPORTER, "manifest.yaml", &b, 3);
	if (m == NULL)
		fail_msg("%s", e.text);
	assert_int_equal(m->volumes, 1);
	assert_true(digest_equal(&m->trust.sha256, &trust_chain_newest(&c)->digest));
	for (size_t i = 0; i < m->files_n; i++) {
		struct buf file = read_example(m->files[i].name);
		struct digest d;

		assert_int_equal(file.len, m->files[i].size);
		digest_of(file.data, file.len, &d, &e);
		assert_true(digest_equal(&d, &m->files[i].sha256));
		buf_free(&file);
	}
	expect_same(&manifest_schema, m, &b);
	manifest_free(m);
	buf_free(&b);
	trust_chain_free(&c);
}

/* The frame is stored in one block, so that the tar can be looked at where it lies. */
static void volume(void **state)
{
	struct buf b = read_example("vol-0001.yaml"), file = read_example("vol-0001.tar.zst");
	struct err e = {0};
	struct volume *v = volume_parse(b.data, b.len, &e);
	const uint8_t *tar = file.data + FRAME_HEADER + BLOCK_HEADER;
	struct digest d;

	(void)state;
	if (v == NULL)
		fail_msg("%s", e.text);
	assert_int_equal(volume_file_size(v), file.len);
	assert_int_equal(volume_tar_size(v), file.len - FRAME_HEADER - BLOCK_HEADER);
	digest_of(file.data, file.len, &d, &e);
	assert_true(digest_equal(&d, &v->frames[0].sha256));
	assert_int_equal(v->objects_n, 8);
	for (size_t i = 0; i < v->objects_n; i++) {
		const struct volume_object *o = &v->objects[i];
		uint8_t header[VOLUME_BLOCK];

		volume_entry_header(o, header);
		assert_memory_equal(tar + o->at - VOLUME_BLOCK, header, VOLUME_BLOCK);
		digest_of(tar + o->at, o->size, &d, &e);
		assert_true(digest_equal(&d, &o->sha256));
	}
	expect_same(&volume_schema, v, &b);
	volume_free(v);
	buf_free(&b);
	buf_free(&file);
}

/* What a store says that took the bundle in, but for the end of one object. */
static void receipt(void **state)
{
	struct buf b = read_example("perimeter-a-00000012.yaml"), held = read_example("perimeter-a-00000012.objects");
	struct buf m = read_example("manifest.yaml");
	struct err e = {0};
	struct receipt *r = receipt_parse(b.data, b.len, &e);
	struct receipt_held h = {.at = 0};
	struct digest d;

	(void)state;
	assert_non_null(r);
	assert_int_equal(digest_of(held.data, held.len, &d, &e), 0);
	assert_true(r->objects.size == held.len && digest_equal(&r->objects.sha256, &d));
	assert_int_equal(receipt_held_add(&h, held.data, held.len, &e), 0);
	assert_int_equal(receipt_held_end(&h, &r->objects, &e), 0);
	assert_int_equal(digest_of(m.data, m.len, &d, &e), 0);
	assert_true(receipt_has_bundle(r, "updates", 17, &d));
	assert_true(r->missing_n == 1 && r->missing[0].from + r->missing[0].length == r->missing[0].size);
	expect_same(&receipt_schema, r, &b);
	receipt_free(r);
	buf_free(&b);
	buf_free(&held);
	buf_free(&m);
}

/* No example is taken for a document of another type. */
static void types(void **state)
{
	static const char *const names[] = {"trust-1.yaml", "approvals.yaml", "contents.yaml", "contents-part-1.yaml",
					    "manifest.yaml", "vol-0001.yaml", "perimeter-a-00000012.yaml"};
	const struct schema *const schemas[] = {&trust_schema, &approvals_schema, &contents_schema, &contents_part_schema,
						&manifest_schema, &volume_schema, &receipt_schema};

	(void)state;
	for (size_t i = 0; i < 7; i++)
		for (size_t j = 0; j < 7; j++) {
			struct buf b = read_example(names[i]);
			void *out = test_calloc(1, schemas[j]->size);
			struct arena a = {0};
			struct err e = {0};
			char type[32];

			assert_int_equal(schema_type_of(b.data, b.len, type), 0);
			assert_string_equal(type, schemas[i]->type);
			assert_int_equal(schema_parse(schemas[j], b.data, b.len, out, &a, &e), i == j ? 0 : -1);
			assert_int_equal(e.reason, i == j ? 0 : R_DOCUMENT_TYPE);
			arena_free(&a);
			buf_free(&b);
			test_free(out);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trust), cmocka_unit_test(approvals), cmocka_unit_test(contents), cmocka_unit_test(manifest),
		cmocka_unit_test(volume), cmocka_unit_test(receipt), cmocka_unit_test(types),
	};

	return cmocka_run_group_tests(tests, open_examples, close_examples);
}
