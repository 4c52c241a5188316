/* verify/spool: what is kept comes back, from memory and from the file, and memory has an end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/file.h"
#include "verify/spool.h"

#define BIG ((size_t)5 << 20)
#define N 8	/* 40 MiB: some of them must go to the file */

static void fill(struct buf *b, size_t len, int seed)
{
	assert_int_equal(buf_reserve(b, len), 0);
	for (size_t i = 0; i < len; i++)
		b->data[i] = (uint8_t)((size_t)seed * 31 + i * 7 + i / 255);
	b->len = len;
	b->data[len] = '\0';
}

/* Both ways to the bytes lead to the same, and a copy is appended to what is there. */
static void comes_back(const struct spool *s, const struct spooled *p, size_t len, int seed)
{
	struct buf want = {0}, room = {0}, copy = {0};
	struct err e = {0};
	const uint8_t *seen;

	fill(&want, len, seed);
	assert_int_equal(p->len, len);
	seen = spool_see(s, p, &room, &e);
	assert_non_null(seen);
	assert_memory_equal(seen, want.data, len);
	assert_int_equal(seen[len], '\0');
	buf_puts(&copy, "before ");
	assert_int_equal(spool_read(s, p, &copy, &e), 0);
	assert_int_equal(copy.len, 7 + len);
	assert_memory_equal(copy.data, "before ", 7);
	assert_memory_equal(copy.data + 7, want.data, len);
	buf_free(&want);
	buf_free(&room);
	buf_free(&copy);
}

static void keeps(const struct file *dir)
{
	struct spooled kept[N] = {{0}}, small = {0}, none = {0};
	struct buf bytes = {0};
	struct err e = {0};
	struct spool s;
	size_t in_memory = 0;

	spool_open(&s, dir);
	for (int i = 0; i < N; i++) {
		buf_clear(&bytes);
		fill(&bytes, BIG + (size_t)i, i);
		assert_int_equal(spool_keep(&s, &bytes, &kept[i], &e), 0);
		assert_true((kept[i].kept != NULL) == (bytes.data == NULL));	/* taken over, or still the caller's */
		in_memory += kept[i].kept != NULL ? BIG : 0;
	}
	assert_true(in_memory > 0 && in_memory <= SPOOL_MEMORY);
	assert_null(kept[N - 1].kept);
	buf_free(&bytes);
	fill(&bytes, 1000, 99);	/* for a small one there is room yet */
	assert_int_equal(spool_keep(&s, &bytes, &small, &e), 0);
	assert_non_null(small.kept);
	buf_clear(&bytes);
	assert_int_equal(spool_keep(&s, &bytes, &none, &e), 0);
	comes_back(&s, &small, 1000, 99);
	comes_back(&s, &none, 0, 0);
	for (int i = N - 1; i >= 0; i--)
		comes_back(&s, &kept[i], BIG + (size_t)i, i);
	for (int i = 0; i < N; i++)
		spooled_free(&kept[i]);
	spooled_free(&small);
	spooled_free(&none);
	spool_close(&s);
	buf_free(&bytes);
}

static void temporary(void **state)
{
	(void)state;
	keeps(NULL);
}

static void in_a_directory(void **state)
{
	struct file dir = FILE_CLOSED;
	char path[] = "/tmp/spool.XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(path));
	assert_int_equal(file_open_dir(path, &dir, NULL), 0);
	keeps(&dir);
	file_close(&dir);
	assert_int_equal(rmdir(path), 0);	/* nothing is left in it */
}

/* Many that are tiny count as what an allocation takes, not as the byte they have. */
static void tiny(void **state)
{
	struct buf bytes = {0};
	struct spooled *all = calloc(400000, sizeof *all);
	struct err e = {0};
	struct spool s;
	size_t in_memory = 0;

	(void)state;
	assert_non_null(all);
	spool_open(&s, NULL);
	for (size_t i = 0; i < 400000; i++) {
		buf_clear(&bytes);
		buf_putc(&bytes, (char)('a' + i % 26));
		assert_int_equal(spool_keep(&s, &bytes, &all[i], &e), 0);
		in_memory += all[i].kept != NULL;
	}
	assert_true(in_memory >= 100000 && in_memory <= SPOOL_MEMORY / 64);
	for (size_t i = 0; i < 400000; i += 37777) {
		struct buf room = {0};
		const uint8_t *seen = spool_see(&s, &all[i], &room, &e);

		assert_non_null(seen);
		assert_int_equal(*seen, 'a' + i % 26);
		buf_free(&room);
	}
	for (size_t i = 0; i < 400000; i++)
		spooled_free(&all[i]);
	free(all);
	buf_free(&bytes);
	spool_close(&s);
}

/* Places are written in any order, beside what is kept; what is promised is room no more. */
static void places(void **state)
{
	struct spooled all[N] = {{0}};
	struct buf bytes = {0};
	uint64_t a, b, none;
	struct err e = {0};
	struct spool s;
	char got[8];

	(void)state;
	spool_open(&s, NULL);
	assert_int_equal(spool_place(&s, 1000, &a, &e), 0);
	for (int i = 0; i < N; i++) {
		buf_clear(&bytes);
		fill(&bytes, BIG, i);
		assert_int_equal(spool_keep(&s, &bytes, &all[i], &e), 0);
	}
	assert_int_equal(spool_place(&s, 1000, &b, &e), 0);
	assert_true(b >= a + 1000);
	assert_int_equal(spool_put(&s, b, "second", 6, &e), 0);
	assert_int_equal(spool_put(&s, a + 994, "first.", 6, &e), 0);
	assert_int_equal(spool_place(&s, 1ull << 60, &none, &e), 1);
	s.promised += 1ull << 60;
	assert_int_equal(spool_place(&s, 1, &none, &e), 1);
	assert_int_equal(spool_get(&s, b, got, 6, &e), 0);
	assert_memory_equal(got, "second", 6);
	assert_int_equal(spool_get(&s, a + 994, got, 6, &e), 0);
	assert_memory_equal(got, "first.", 6);
	for (int i = 0; i < N; i++) {
		comes_back(&s, &all[i], BIG, i);
		spooled_free(&all[i]);
	}
	buf_free(&bytes);
	spool_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(temporary), cmocka_unit_test(in_a_directory), cmocka_unit_test(tiny),
					   cmocka_unit_test(places)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
