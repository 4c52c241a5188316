/*
 * Reading back: a byte that comes back differently from the device is found and its place named, wherever it is.
 */
#include "export/readback.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "export/frame.h"
#include "export/medium.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "manifests/names.h"
#include "manifests/raw_frame.h"
#include "manifests/reason.h"
#include "manifests/volume.h"

#define NAME "updates-00000001"

static char top[64];
static struct file dir, station;
static struct medium medium;
static struct volume_frame frames[2];
static struct volume_object object = {.sha256 = {{1}}, .size = FRAME_SIZE, .at = VOLUME_BLOCK};
static struct volume volume = {.sequence = 1, .volume = 1, .frames = frames, .frames_n = 2, .objects = &object, .objects_n = 1};
static struct buf index_bytes;
static uint64_t counted;

static int append(void *arg, const void *data, size_t len, struct err *e)
{
	buf_append(arg, data, len);
	return buf_ok(arg, e);
}

/* A volume of two frames that hold one object. */
static int begin(void **state)
{
	uint8_t *tar = calloc(1, FRAME_SIZE);
	const size_t first = raw_frame_size(FRAME_SIZE), second = raw_frame_size(512 + 1024);
	struct buf stored = {0};
	struct err e = {0};

	(void)state;
	volume.stream = (char *)(uintptr_t)"updates";
	snprintf(top, sizeof top, "/tmp/satchel-readback.XXXXXX");
	if (!tar || !mkdtemp(top) || file_open_dir(top, &dir, &e) == -1 || file_make_dirs_at(&dir, "station", 0755, &e) == -1 ||
	    file_make_dirs_at(&dir, "medium", 0755, &e) == -1 ||
	    file_open_dir_at(&dir, "station", &station, &e) == -1)
		return -1;
	if (frame_each(&(struct frame){tar, first, FRAME_SIZE, true}, append, &stored, &e) == -1 ||
	    frame_each(&(struct frame){tar, second, 512 + 1024, true}, append, &stored, &e) == -1)
		return -1;
	frames[0] = (struct volume_frame){.at = 0, .size = first, .holds = FRAME_SIZE};
	frames[1] = (struct volume_frame){.at = first, .size = second, .holds = 512 + 1024};
	digest_of(stored.data, first, &frames[0].sha256, &e);
	digest_of(stored.data + first, second, &frames[1].sha256, &e);
	if (schema_encode(&volume_schema, &volume, &index_bytes, &e) == -1 ||
	    medium_open(dir.name, &station, MEDIUM_LOOK, &medium, &e) != -1)
		return -1;	/* the station would lie on it */
	err_clear(&e);
	snprintf(top + strlen(top), sizeof top - strlen(top), "/medium");
	if (medium_open(top, &station, MEDIUM_FILL, &medium, &e) == -1 || medium_begin(&medium, NAME, false, &e) == -1 ||
	    medium_put(&medium, "vol-0001.yaml", index_bytes.data, index_bytes.len, &e) == -1 ||
	    medium_put(&medium, "vol-0001.tar.zst", stored.data, stored.len, &e) == -1)
		return -1;
	buf_free(&stored);
	free(tar);
	return 0;
}

static int finish(void **state)
{
	struct err e = {0};
	int rc;

	(void)state;
	medium_close(&medium);
	file_close(&station);
	buf_free(&index_bytes);
	rc = file_remove_tree_at(&dir, "medium", &e) | file_remove_tree_at(&dir, "station", &e);
	rc |= rmdir(dir.name);
	file_close(&dir);
	return rc;
}

static int count(void *arg, uint64_t n, struct err *e)
{
	(void)e;
	*(uint64_t *)arg += n;
	return 0;
}

static int read_back(struct err *e)
{
	*e = (struct err){0};
	counted = 0;
	return readback_volume(&medium, &volume, &index_bytes, count, &counted, e);
}

static void flip(const char *name, off_t at)
{
	int fd = openat(medium.bundle.fd, name, O_RDWR);
	uint8_t byte;

	assert_true(fd != -1);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	assert_int_equal(close(fd), 0);
}

static void found(const char *name, uint64_t at, const char *place)
{
	struct err e;

	flip(name, (off_t)at);
	assert_int_equal(read_back(&e), -1);
	assert_int_equal(e.reason, R_READ_BACK);
	assert_non_null(strstr(e.text, name));
	assert_non_null(strstr(e.text, place));
	flip(name, (off_t)at);
}

static void every_byte_counts(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(read_back(&e), 0);
	assert_int_equal(counted, frames[0].size + frames[1].size);
	found("vol-0001.tar.zst", 0, "frame 0 at 0");
	found("vol-0001.tar.zst", 3000000, "frame 0 at 0");
	found("vol-0001.tar.zst", frames[1].at, "frame 1 at 4194409");
	found("vol-0001.tar.zst", frames[1].at + frames[1].size - 1, "frame 1 at 4194409");
	found("vol-0001.yaml", 10, "differently");
	assert_int_equal(read_back(&e), 0);
}

static void another_size(void **state)
{
	struct err e;
	uint64_t size = frames[1].at + frames[1].size;
	int fd = openat(medium.bundle.fd, "vol-0001.tar.zst", O_RDWR);

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)size + 1), 0);
	assert_int_equal(read_back(&e), -1);
	assert_int_equal(e.reason, R_READ_BACK);
	assert_int_equal(ftruncate(fd, (off_t)size - 1), 0);
	assert_int_equal(read_back(&e), -1);
	assert_int_equal(e.reason, R_READ_BACK);
	assert_int_equal(unlinkat(medium.bundle.fd, "vol-0001.tar.zst", 0), 0);
	assert_int_equal(read_back(&e), -1);
	assert_int_equal(e.reason, R_READ_BACK);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_counts),
		cmocka_unit_test(another_size),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
