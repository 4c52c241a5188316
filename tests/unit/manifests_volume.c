/*
 * Volume indexes: the rules between frames and objects, and header bytes equal to what libarchive writes.
 */
#include "manifests/volume.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>

#include "lib/err.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"

/* One whole object of `size` bytes at 512, and a second one, a piece of 1000 of 5000 bytes. */
struct fixture {
	struct volume_frame frames[3];
	struct volume_object objects[3];
	struct volume v;
};

static void make(struct fixture *f)
{
	*f = (struct fixture){0};
	f->v = (struct volume){.stream = "updates", .sequence = 17, .volume = 1, .frames = f->frames, .frames_n = 2,
			       .objects = f->objects, .objects_n = 2};
	f->objects[0] = (struct volume_object){.sha256 = {{1}}, .size = FRAME_SIZE, .at = 512};
	f->objects[1] = (struct volume_object){.sha256 = {{2}}, .size = 5000, .at = 1024 + FRAME_SIZE, .has_piece = true,
					       .has_length = true, .from = 4000, .length = 1000};
	f->frames[0] = (struct volume_frame){.at = 0, .size = 100, .holds = FRAME_SIZE, .sha256 = {{3}}};
	f->frames[1] = (struct volume_frame){.at = 100, .size = 50, .holds = 512 + 512 + 1024 + 1024, .sha256 = {{4}}};
}

/* 0, or the reason for which encoding refuses it. What is encoded is parsed again to the same. */
static int judge(const struct fixture *f)
{
	struct buf out = {0}, again = {0};
	struct err e = {0};
	struct volume *v;

	if (schema_encode(&volume_schema, &f->v, &out, &e)) {
		buf_free(&out);
		return e.reason;
	}
	v = volume_parse(out.data, out.len, &e);
	assert_non_null(v);
	assert_int_equal(schema_encode(&volume_schema, v, &again, &e), 0);
	assert_int_equal(again.len, out.len);
	assert_memory_equal(again.data, out.data, out.len);
	assert_true(volume_tar_size(v) == volume_tar_size(&f->v));
	volume_free(v);
	buf_free(&out);
	buf_free(&again);
	return 0;
}

static void good_ones(void **state)
{
	struct fixture f;

	(void)state;
	make(&f);
	assert_int_equal(judge(&f), 0);
	assert_true(volume_tar_size(&f.v) == FRAME_SIZE + 3072);
	assert_true(volume_file_size(&f.v) == 150);
	/* an object of no bytes */
	f.objects[1] = (struct volume_object){.sha256 = {{2}}, .size = 0, .at = 1024 + FRAME_SIZE};
	f.frames[1].holds = 512 + 512 + 1024;
	assert_int_equal(judge(&f), 0);
	/* two pieces of one object, the later one first */
	make(&f);
	f.objects[2] = (struct volume_object){.sha256 = {{2}}, .size = 5000, .at = 1024 + FRAME_SIZE + 1024 + 512,
					      .has_piece = true, .has_length = true, .from = 3000, .length = 1000};
	f.v.objects_n = 3;
	f.frames[1].holds += 512 + 1024;
	assert_int_equal(judge(&f), 0);
	f.objects[2].from = 3001;	/* overlaps by a byte */
	assert_int_equal(judge(&f), R_DOCUMENT_FORM);
}

#define REFUSED(...) make(&f); __VA_ARGS__; assert_int_equal(judge(&f), R_DOCUMENT_FORM)

static void frames_that_do_not_fit(void **state)
{
	struct fixture f;

	(void)state;
	REFUSED(f.frames[0].at = 1);
	REFUSED(f.frames[1].at = 101);
	REFUSED(f.frames[1].at = 99);
	REFUSED(f.frames[0].size = 0);
	REFUSED(f.frames[0].size = MAX_FRAME_STORED + 1);
	REFUSED(f.frames[0].holds = FRAME_SIZE - 512; f.frames[1].holds += 512);
	REFUSED(f.frames[1].holds = 0);
	REFUSED(f.frames[1].holds += 1);
	REFUSED(f.frames[1].holds -= 1);
	REFUSED(f.frames[1].holds += 512);
	REFUSED(f.v.frames_n = 1);
	REFUSED(f.v.frames_n = 0);
	REFUSED(f.frames[2] = (struct volume_frame){.at = 150, .size = 9, .holds = 512}; f.v.frames_n = 3);
	make(&f);
	f.frames[0].size = f.frames[1].at = MAX_FRAME_STORED;
	assert_int_equal(judge(&f), 0);
}

static void objects_that_do_not_fit(void **state)
{
	struct fixture f;

	(void)state;
	REFUSED(f.v.objects_n = 0);
	REFUSED(f.v.objects_n = 1);
	REFUSED(f.objects[0].at = 0);
	REFUSED(f.objects[0].at = 1024);
	REFUSED(f.objects[1].at += 512);
	REFUSED(f.objects[1].at -= 512);
	REFUSED(f.objects[0].size += 1);
	REFUSED(f.objects[0].size = MAX_OBJECT_SIZE);
	REFUSED(f.objects[0].size = MAX_OBJECT_SIZE + 1);
	REFUSED(f.objects[0].size = UINT64_MAX);
	REFUSED(f.objects[1].length = 5000; f.objects[1].from = 0);
	REFUSED(f.objects[1].from = 4001);
	REFUSED(f.objects[1].from = UINT64_MAX);
	REFUSED(f.objects[1].from = MAX_OBJECT_SIZE);
	REFUSED(f.objects[1].length = 0);
	REFUSED(f.objects[1].length = UINT64_MAX);
	REFUSED(f.objects[1].has_length = false);
	REFUSED(f.objects[1].has_piece = false);
	REFUSED(f.objects[1].sha256 = f.objects[0].sha256);
	REFUSED(f.objects[1].sha256 = f.objects[0].sha256; f.objects[1].size = FRAME_SIZE);
}

static void head_out_of_bounds(void **state)
{
	struct fixture f;

	(void)state;
	REFUSED(f.v.sequence = 0);
	REFUSED(f.v.sequence = MAX_REVISION + 1);
	REFUSED(f.v.volume = 0);
	REFUSED(f.v.volume = MAX_VOLUMES + 1);
	make(&f);
	f.v.volume = MAX_VOLUMES;
	f.v.sequence = MAX_REVISION;
	assert_int_equal(judge(&f), 0);
	f.v.stream = "Updates";
	assert_int_equal(judge(&f), R_NAME);
}

/* As many frames and objects as there may be, and one more of each. */
static void counts_at_the_limit_and_one_over(void **state)
{
	size_t n = MAX_VOLUME_OBJECTS + 1;
	struct fixture f;
	uint64_t holds;

	(void)state;
	make(&f);
	f.v.objects = calloc(n, sizeof(struct volume_object));
	for (size_t i = 0; i < n; i++) {
		f.v.objects[i].at = 512 * (i + 1);
		f.v.objects[i].sha256.bytes[0] = (uint8_t)i;
		f.v.objects[i].sha256.bytes[1] = (uint8_t)(i >> 8);
		f.v.objects[i].sha256.bytes[2] = (uint8_t)(i >> 16);
	}
	f.v.frames = calloc(9, sizeof(struct volume_frame));
	for (size_t over = 0; over < 2; over++) {
		f.v.objects_n = MAX_VOLUME_OBJECTS + over;
		holds = f.v.objects_n * 512 + 1024;
		f.v.frames_n = (holds + FRAME_SIZE - 1) / FRAME_SIZE;
		for (size_t i = 0; i < f.v.frames_n; i++)
			f.v.frames[i] = (struct volume_frame){.at = i, .size = 1,
							      .holds = holds - i * FRAME_SIZE < FRAME_SIZE
									       ? holds - i * FRAME_SIZE : FRAME_SIZE};
		assert_int_equal(judge(&f), over ? R_DOCUMENT_FORM : 0);
	}
	free(f.v.objects);
	free(f.v.frames);
	make(&f);
	f.v.frames = calloc(MAX_VOLUME_FRAMES + 1, sizeof(struct volume_frame));
	for (uint64_t over = 0; over < 2; over++) {
		f.v.frames_n = MAX_VOLUME_FRAMES + over;
		for (size_t i = 0; i < f.v.frames_n; i++)
			f.v.frames[i] = (struct volume_frame){.at = i, .size = 1, .holds = FRAME_SIZE};
		f.v.objects_n = 1;
		f.objects[0].size = f.v.frames_n * FRAME_SIZE - 512 - 1024;
		assert_int_equal(judge(&f), over ? R_DOCUMENT_FORM : 0);
	}
	free(f.v.frames);
}

static void file_larger_than_a_volume(void **state)
{
	struct fixture f;
	uint64_t size = 0;

	(void)state;
	make(&f);
	f.v.frames = calloc(MAX_VOLUME_FRAMES, sizeof(struct volume_frame));
	f.v.frames_n = MAX_VOLUME_FRAMES;
	f.v.objects_n = 1;
	f.objects[0].size = f.v.frames_n * FRAME_SIZE - 512 - 1024;
	for (size_t i = 0; i < f.v.frames_n; i++) {
		f.v.frames[i] = (struct volume_frame){.at = size, .size = FRAME_SIZE, .holds = FRAME_SIZE};
		size += FRAME_SIZE;
	}
	f.v.frames[f.v.frames_n - 1].size -= 1u << 20;
	assert_int_equal(judge(&f), 0);
	f.v.frames[f.v.frames_n - 1].size += 1;
	assert_int_equal(judge(&f), R_DOCUMENT_FORM);
	free(f.v.frames);
}

static void every_byte_of_a_document_mutated(void **state)
{
	struct fixture f;
	struct buf out = {0}, again = {0};
	struct err e = {0};
	size_t refused = 0, tried = 0;

	(void)state;
	make(&f);
	assert_int_equal(schema_encode(&volume_schema, &f.v, &out, &e), 0);
	for (size_t i = 0; i < out.len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			struct volume *v;

			out.data[i] ^= (uint8_t)(1u << bit);
			e = (struct err){0};
			v = volume_parse(out.data, out.len, &e);
			tried++;
			if (v) {
				buf_clear(&again);
				assert_int_equal(schema_encode(&volume_schema, v, &again, &e), 0);
				assert_int_equal(again.len, out.len);
				assert_memory_equal(again.data, out.data, out.len);
			} else {
				assert_true(e.reason == R_DOCUMENT_FORM || e.reason == R_DOCUMENT_TYPE ||
					    e.reason == R_DOCUMENT_VERSION || e.reason == R_NAME);
				refused++;
			}
			volume_free(v);
			out.data[i] ^= (uint8_t)(1u << bit);
		}
	assert_true(refused > tried / 2);
	buf_free(&out);
	buf_free(&again);
}

static void too_large(void **state)
{
	struct err e = {0};

	(void)state;
	assert_null(volume_parse("", MAX_VOLUME_INDEX_SIZE + 1, &e));	/* measured, not read */
	assert_int_equal(e.reason, R_DOCUMENT_TOO_LARGE);
}

/* ---- headers ---- */

static la_ssize_t keep(struct archive *a, void *arg, const void *data, size_t len)
{
	struct buf *b = arg;
	size_t room = VOLUME_BLOCK - b->len;

	(void)a;
	buf_append(b, data, len < room ? len : room);
	return (la_ssize_t)len;
}

/* The header as libarchive's ustar writer makes it. */
static void by_libarchive(const char *name, uint64_t size, uint8_t out[VOLUME_BLOCK])
{
	struct archive *a = archive_write_new();
	struct archive_entry *entry = archive_entry_new();
	struct buf b = {0};

	assert_int_equal(archive_write_set_format_ustar(a), ARCHIVE_OK);
	assert_int_equal(archive_write_set_bytes_per_block(a, 0), ARCHIVE_OK);
	assert_int_equal(archive_write_open(a, &b, NULL, keep, NULL), ARCHIVE_OK);
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0444);
	archive_entry_set_uid(entry, 0);
	archive_entry_set_gid(entry, 0);
	archive_entry_set_mtime(entry, 0, 0);
	archive_entry_set_size(entry, (la_int64_t)size);
	assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
	assert_int_equal(b.len, VOLUME_BLOCK);
	memcpy(out, b.data, VOLUME_BLOCK);
	archive_entry_free(entry);
	archive_write_fail(a);	/* the data that would follow is left out */
	archive_write_close(a);
	archive_write_free(a);
	buf_free(&b);
}

static void headers_as_libarchive_writes_them(void **state)
{
	const uint64_t sizes[] = {0, 1, 511, 512, 513, 07777, 1 << 20, 4294967295, 4294967296, (8ull << 30) - 1};
	struct volume_object o = {.size = 0};
	uint8_t ours[VOLUME_BLOCK], theirs[VOLUME_BLOCK];
	char name[NAMES_ENTRY_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (unsigned k = 0; k < 4; k++) {
			memset(o.sha256.bytes, (int)(k * 85), DIGEST_LEN);
			o.sha256.bytes[i] = (uint8_t)i;
			o.has_piece = o.has_length = k > 0;
			o.from = k > 1 ? MAX_OBJECT_SIZE - k : 0;
			o.size = o.has_piece ? MAX_OBJECT_SIZE : sizes[i];
			o.length = o.has_piece ? sizes[i] : 0;
			volume_entry_header(&o, ours);
			by_libarchive(names_entry(&o.sha256, o.has_piece, o.from, name), sizes[i], theirs);
			assert_memory_equal(ours, theirs, VOLUME_BLOCK);
		}
}

static void spans(void **state)
{
	(void)state;
	assert_true(volume_entry_span(0) == 512 && volume_entry_span(1) == 1024 && volume_entry_span(512) == 1024);
	assert_true(volume_entry_span(513) == 1536 && volume_entry_span(MAX_OBJECT_SIZE) == MAX_OBJECT_SIZE + 512);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones),
		cmocka_unit_test(frames_that_do_not_fit),
		cmocka_unit_test(objects_that_do_not_fit),
		cmocka_unit_test(head_out_of_bounds),
		cmocka_unit_test(counts_at_the_limit_and_one_over),
		cmocka_unit_test(file_larger_than_a_volume),
		cmocka_unit_test(every_byte_of_a_document_mutated),
		cmocka_unit_test(too_large),
		cmocka_unit_test(headers_as_libarchive_writes_them),
		cmocka_unit_test(spans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
