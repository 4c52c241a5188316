/*
 * Load: many objects carried in part within one frame take hardly any memory; a frame whose object began in an earlier one is read
 * without waiting for that.
 */
#include "export/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "export/select.h"
#include "export/station.h"
#include "lib/err.h"
#include "lib/file.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"

enum { SIZE = 300000, PART = 512 };

static uint8_t bytes[SIZE];
static char path[] = "/tmp/satchel-load.XXXXXX";
static struct station station = {.dir = FILE_CLOSED};
static struct selection selection;
static struct crossings crossings;
static struct loader *loader;
static uint8_t *frame;

/* A station that holds one object, as a document. */
static int start(void **state)
{
	struct err e = {0};
	struct digest d;
	char name[80], place[200];
	struct file f = FILE_CLOSED;

	(void)state;
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (uint8_t)(i * 2654435761u >> 13);
	if (mkdtemp(path) == NULL || file_open_dir(path, &station.dir, &e) == -1 || digest_of(bytes, SIZE, &d, &e) == -1 ||
	    cargo_add(&selection.cargo, &d, SIZE, NULL, &e) != 1)
		return -1;
	selection.cargo.documents_n = 1;
	snprintf(place, sizeof place, "contents/%s", names_object(&d, name));
	*strrchr(place, '/') = '\0';
	if (file_make_dirs_at(&station.dir, place, 0755, &e) == -1)
		return -1;
	snprintf(place, sizeof place, "contents/%s", name);
	if (file_create_at(&station.dir, place, 0644, &f, &e) == -1 || file_write(&f, bytes, SIZE, &e) == -1)
		return -1;
	file_close(&f);
	crossings = (struct crossings)CROSSINGS(&station, &selection);
	loader = loader_open(&station, &selection, &e);
	frame = malloc(FRAME_SIZE);
	return loader == NULL || frame == NULL ? -1 : 0;
}

static int stop(void **state)
{
	struct err e = {0};

	(void)state;
	free(frame);
	loader_close(loader);
	cargo_free(&selection.cargo);
	file_remove_tree_at(&station.dir, "contents", &e);
	file_close(&station.dir);
	return rmdir(path);
}

static void add(struct load *l, struct crossing *c, uint64_t from, uint32_t len, bool last, size_t at)
{
	struct crossing_part p = crossing_next(c, from, len, last);
	struct err e = {0};

	assert_int_equal(load_add_part(l, c, &p, at, &e), 0);
}

static long peak(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;	/* KiB */
}

static void many_in_part(void **state)
{
	enum { MANY = FRAME_SIZE / (2 * PART) };
	struct load l = {0};
	struct err e = {0};
	long before;

	(void)state;
	memset(frame, 0, FRAME_SIZE);
	before = peak();
	for (size_t i = 0; i < MANY; i++) {
		struct crossing *c = crossing_new(&crossings, 0, &e);

		assert_non_null(c);
		add(&l, c, 200000, PART, true, 2 * PART * i + PART);
		crossing_free(c);
	}
	assert_int_equal(loader_run(loader, &l, frame, &e), 0);
	assert_int_equal(loader_follow(loader, &l, frame, NULL, &e), 0);
	for (size_t i = 0; i < MANY; i++)
		assert_memory_equal(frame + 2 * PART * i + PART, bytes + 200000, PART);
	assert_int_equal(l.bytes, MANY * PART);
	assert_true(peak() - before < 16 << 10);
	load_free(&l);
}

/* The frames' own worker would have to wait for the former one; a hang ends by the alarm. */
static void later_frame_first(void **state)
{
	struct load first = {0}, second = {0};
	struct err e = {0};
	struct crossing *c = crossing_new(&crossings, 0, &e);
	uint8_t *other = malloc(FRAME_SIZE);

	(void)state;
	assert_non_null(c);
	assert_non_null(other);
	alarm(60);
	add(&first, c, 0, 100000, false, PART);
	add(&second, c, 100000, 100000, false, 0);
	add(&second, c, 250000, 50000, true, 150000);
	crossing_free(c);
	assert_false(first.parts[0].late);
	assert_true(second.parts[0].late && second.parts[1].late);
	assert_int_equal(loader_run(loader, &second, other, &e), 0);
	assert_int_equal(loader_run(loader, &first, frame, &e), 0);
	assert_int_equal(loader_follow(loader, &second, other, NULL, &e), 0);
	assert_memory_equal(frame + PART, bytes, 100000);
	assert_memory_equal(other, bytes + 100000, 100000);
	assert_memory_equal(other + 150000, bytes + 250000, 50000);
	load_free(&first);
	load_free(&second);
	alarm(0);
	free(other);
}

/* What was read must be what was hashed: a change in the frame after reading is found. */
static void hashed_from_the_frame(void **state)
{
	struct load first = {0}, second = {0};
	struct err e = {0};
	struct crossing *c = crossing_new(&crossings, 0, &e);
	uint8_t *other = malloc(FRAME_SIZE);

	(void)state;
	assert_non_null(c);
	assert_non_null(other);
	add(&first, c, 0, 100000, false, 0);
	add(&second, c, 100000, SIZE - 100000, true, 0);
	crossing_free(c);
	assert_int_equal(loader_run(loader, &first, frame, &e), 0);
	assert_int_equal(loader_run(loader, &second, other, &e), 0);
	other[7] ^= 1;
	assert_int_equal(loader_follow(loader, &second, other, NULL, &e), -1);
	assert_int_equal(e.reason, R_CONTENT_CHANGED);
	load_free(&first);
	load_free(&second);
	free(other);
}

int main(void)
{
	struct err e = {0};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_in_part),
		cmocka_unit_test(later_frame_first),
		cmocka_unit_test(hashed_from_the_frame),
	};

	return digest_start(&e) == -1 ? 1 : cmocka_run_group_tests(tests, start, stop);
}
