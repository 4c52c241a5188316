/*
 * The cache: read in order and at random, refused when it isn't whole.
 */
#include "export/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"

#define MANY 3000

static struct file dir = FILE_CLOSED;
static char path[] = "/tmp/satchel-cache.XXXXXX";

static int start(void **state)
{
	struct err e = {0};

	(void)state;
	return mkdtemp(path) == NULL || file_open_dir(path, &dir, &e) == -1 ? -1 : 0;
}

static int stop(void **state)
{
	(void)state;
	unlinkat(dir.fd, "cache", 0);
	file_close(&dir);
	return rmdir(path);
}

static void write_many(const struct digest *draft)
{
	struct err e = {0};
	struct cache_writer *w = cache_writer_open(&dir, &e);
	char name[64];

	assert_non_null(w);
	for (unsigned i = 0; i < MANY; i++) {
		struct cache_entry n = {.path = name, .link = i % 7 == 0 ? "../target" : NULL,
					.kind = i % 7 == 0 ? CACHE_LINK : CACHE_FILE, .exec = i % 2, .trusted = i % 3 == 0,
					.size = i * 1000ull, .inode = i, .mtime = {.tv_sec = -5 + (int)i, .tv_nsec = 999999999}};

		snprintf(name, sizeof name, "dir/%06u", i * 2);
		memcpy(n.sha256.bytes, &i, sizeof i);
		cache_writer_add(w, &n);
	}
	cache_writer_refuse(w, "zzz");
	cache_writer_refuse(w, "bad item");
	assert_int_equal(cache_writer_commit(w, draft, &e), 0);
}

static void check(const struct cache_entry *n, unsigned i)
{
	char name[64];

	snprintf(name, sizeof name, "dir/%06u", i * 2);
	assert_non_null(n);
	assert_string_equal(n->path, name);
	assert_string_equal(n->link, i % 7 == 0 ? "../target" : "");
	assert_int_equal(n->kind, i % 7 == 0 ? CACHE_LINK : CACHE_FILE);
	assert_true(n->exec == (i % 2) && n->trusted == (i % 3 == 0));
	assert_true(n->size == i * 1000ull && n->inode == i);
	assert_true(n->mtime.tv_sec == -5 + (int)i && n->mtime.tv_nsec == 999999999 && n->ctime.tv_sec == 0);
	assert_memory_equal(n->sha256.bytes, &i, sizeof i);
}

static void in_order_and_at_random(void **state)
{
	struct digest draft = {.bytes = {1, 2, 3}};
	struct err e = {0};
	struct cache *c;
	char name[64];

	(void)state;
	write_many(&draft);
	assert_int_equal(cache_open(&dir, &c, &e), 0);
	assert_true(digest_equal(cache_draft(c), &draft));
	assert_true(cache_refused(c, "bad item") && cache_refused(c, "zzz"));
	assert_false(cache_refused(c, "bad"));
	for (unsigned i = 0; i < MANY; i++)
		check(cache_next(c), i);
	assert_null(cache_next(c));
	for (unsigned k = 0; k < 2 * MANY; k++) {
		unsigned i = k * 7919 % (2 * MANY);	/* the odd ones aren't there */

		snprintf(name, sizeof name, "dir/%06u", i);
		if (i % 2 == 0)
			check(cache_find(c, name), i / 2);
		else
			assert_null(cache_find(c, name));
	}
	assert_null(cache_find(c, ""));
	assert_null(cache_find(c, "a"));
	assert_null(cache_find(c, "zzzz"));
	check(cache_find(c, "dir/000000"), 0);
	cache_close(c);
}

static void empty(void **state)
{
	struct digest draft = {.bytes = {9}};
	struct err e = {0};
	struct cache_writer *w = cache_writer_open(&dir, &e);
	struct cache *c;

	(void)state;
	assert_int_equal(cache_writer_commit(w, &draft, &e), 0);
	assert_int_equal(cache_open(&dir, &c, &e), 0);
	assert_null(cache_next(c));
	assert_null(cache_find(c, "x"));
	assert_false(cache_refused(c, "x"));
	cache_close(c);
}

/* Cut anywhere near its ends, it is no cache; a byte changed in the middle never reads out of bounds. */
static void damaged(void **state)
{
	struct digest draft = {.bytes = {4}};
	struct err e = {0};
	struct cache *c;
	struct stat st;

	(void)state;
	write_many(&draft);
	assert_int_equal(fstatat(dir.fd, "cache", &st, 0), 0);
	for (off_t cut = 1; cut < 200; cut += 13) {
		char full[64];

		write_many(&draft);
		snprintf(full, sizeof full, "%s/cache", path);
		assert_int_equal(truncate(full, st.st_size - cut), 0);
		assert_int_equal(cache_open(&dir, &c, &e), 1);
		assert_int_equal(truncate(full, cut), 0);
		assert_int_equal(cache_open(&dir, &c, &e), 1);
	}
	for (off_t at = 0; at < 2000; at += 3) {
		char full[64];
		FILE *f;

		if (at % 300 == 0)
			write_many(&draft);
		snprintf(full, sizeof full, "%s/cache", path);
		f = fopen(full, "r+");
		fseek(f, at < 1000 ? at : st.st_size - at + 999, SEEK_SET);
		fputc(0xff, f);
		fclose(f);
		if (cache_open(&dir, &c, &e) == 0) {
			while (cache_next(c) != NULL)
				;
			cache_find(c, "dir/000500");
			cache_close(c);
		}
	}
	unlinkat(dir.fd, "cache", 0);
	assert_int_equal(cache_open(&dir, &c, &e), 1);
	assert_int_equal(e.reason, ERR_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order_and_at_random), cmocka_unit_test(empty), cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
