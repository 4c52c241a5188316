/*
 * Comparing contents lists, on random trees against a plain comparison; and what lists cost, up to an item of 1,000,000
 * files: new documents, bytes, time and memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>
#include <zstd.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "manifests/contents.h"
#include "manifests/limits.h"
#include "tests/unit/store.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* ---- comparing: random trees ---- */

struct tree {
	struct record *list;
	size_t n;
};

static uint64_t seed;
static uint64_t draw(uint64_t below)	/* xorshift64*: the same on every machine */
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * UINT64_C(2685821657736338717) / 7 % below;
}

static struct record random_record(struct arena *a, char *path)
{
	struct record r = {.path = path};
	static const char *const targets[] = {"x", "../y", "a/b"};
	uint64_t number = draw(UINT64_MAX);
	struct err e = {0};

	if (draw(10) == 0) {
		r.link = arena_strndup(a, targets[number % 3], strlen(targets[number % 3]));
		return r;
	}
	r.dir = draw(50) == 0;
	r.has_file = r.has_sha256 = r.has_mtime = !r.dir;
	if (r.has_file) {
		r.size = draw(1u << draw(24));
		r.mtime = 1700000000 + (int64_t)draw(100000000);
		r.exec = draw(8) == 0;
		digest_of(&number, sizeof number, &r.sha256, &e);
	}
	return r;
}

static char *random_path(struct arena *a, uint64_t spread)
{
	static const char *const middles[] = {"/", ".d/", "/\xc3\xa4 b/", "/no/"};
	uint64_t directory = draw(spread / 20 + 1), middle = draw(4), file = draw(spread * 100);
	char path[80];
	int n = snprintf(path, sizeof path, "o/d%llu%sf%llu", (unsigned long long)directory, middles[middle],
			 (unsigned long long)file);

	return arena_strndup(a, path, (size_t)n);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct record *)a)->path, ((const struct record *)b)->path);
}

static void sort(struct tree *t)
{
	size_t kept = 0;

	qsort(t->list, t->n, sizeof *t->list, by_path);
	for (size_t i = 0; i < t->n; i++)
		if (kept == 0 || strcmp(t->list[kept - 1].path, t->list[i].path) != 0)
			t->list[kept++] = t->list[i];
	t->n = kept;
}

static struct tree random_tree(struct arena *a, size_t n)
{
	struct tree t = {.list = calloc(n + 64, sizeof *t.list), .n = n};

	for (size_t i = 0; i < n; i++)
		t.list[i] = random_record(a, random_path(a, n));
	sort(&t);
	return t;
}

enum edit { CHANGE, INSERT, DELETE, ANY, NEIGHBOURS };

/* A copy with k edits of the kind. */
static struct tree edited(struct arena *a, const struct tree *old, size_t k, enum edit kind)
{
	struct tree t = {.list = calloc(old->n + k + 64, sizeof *t.list), .n = old->n};
	size_t together = draw(old->n);

	memcpy(t.list, old->list, old->n * sizeof *t.list);
	for (size_t i = 0; i < k; i++) {
		enum edit what = kind == ANY ? (enum edit)draw(3) : kind;
		size_t at = draw(t.n);

		if (what == CHANGE) {
			t.list[at] = random_record(a, t.list[at].path);
		} else if (what == DELETE && t.n > 1) {
			memmove(t.list + at, t.list + at + 1, (t.n - at - 1) * sizeof *t.list);
			t.n--;
		} else if (what == NEIGHBOURS) {
			char path[80];
			int n = snprintf(path, sizeof path, "%s.%zu", old->list[together].path, i);

			t.list[t.n++] = random_record(a, arena_strndup(a, path, (size_t)n));
		} else if (what == INSERT) {
			t.list[t.n++] = random_record(a, random_path(a, old->n));
		}
	}
	sort(&t);
	return t;
}

static struct contents_ref write_tree(struct store *s, const struct tree *t)
{
	struct err e = {0};
	struct contents_writer *w = contents_writer_open("pool/o", put, s, &e);
	struct contents_ref ref;

	s->put_new = 0;
	for (size_t i = 0; i < t->n; i++)
		if (contents_writer_add(w, &t->list[i], &e) == -1)
			fail_msg("%s", e.text);
	if (contents_writer_finish(w, &ref, &e) == -1)
		fail_msg("%s", e.text);
	contents_writer_free(w);
	return ref;
}

static void expect_tree(struct store *s, const struct contents_ref *ref, const struct tree *t)
{
	struct contents_reader *r;
	const struct record *record;
	struct err e = {0};

	assert_int_equal(contents_reader_open(ref, "pool/o", fetch, s, &r, &e), 0);
	for (size_t i = 0; i < t->n; i++) {
		assert_string_equal(contents_reader_peek(r), t->list[i].path);
		if (contents_reader_next(r, &record, &e) != 1)
			fail_msg("%s", e.text);
		assert_true(record_equal(record, &t->list[i]));
	}
	assert_int_equal(contents_reader_next(r, &record, &e), 0);
	contents_reader_close(r);
}

/* What contents_diff must say, found the plain way. */
struct expected {
	const struct tree *old, *new;
	size_t i, j, changes;
};

static bool next_change(struct expected *x, const struct record **was, const struct record **is)
{
	while (x->i < x->old->n || x->j < x->new->n) {
		int order = x->i == x->old->n ? 1 : x->j == x->new->n ? -1
			  : strcmp(x->old->list[x->i].path, x->new->list[x->j].path);

		*was = order <= 0 ? &x->old->list[x->i++] : NULL;
		*is = order >= 0 ? &x->new->list[x->j++] : NULL;
		if (*was == NULL || *is == NULL || !record_equal(*was, *is))
			return true;
	}
	return false;
}

static int each(void *arg, const struct record *was, const struct record *is, struct err *e)
{
	struct expected *x = arg;
	const struct record *want_was, *want_is;

	(void)e;
	assert_true(next_change(x, &want_was, &want_is));
	assert_int_equal(was == NULL, want_was == NULL);
	assert_int_equal(is == NULL, want_is == NULL);
	assert_true(was == NULL || record_equal(was, want_was));
	assert_true(is == NULL || record_equal(is, want_is));
	x->changes++;
	return 0;
}

/* Compares both ways and with nothing; returns documents fetched by the comparison, the two lists not counted. */
static size_t expect_diff(struct store *s, const struct contents_ref *a, const struct tree *old,
			  const struct contents_ref *b, const struct tree *new)
{
	struct expected x = {.old = old, .new = new};
	struct contents_reader *from, *to;
	const struct record *was, *is;
	struct err e = {0};

	assert_int_equal(contents_reader_open(a, "pool/o", fetch, s, &from, &e), 0);
	assert_int_equal(contents_reader_open(b, "pool/o", fetch, s, &to, &e), 0);
	s->fetched = 0;
	if (contents_diff(from, to, each, &x, &e) == -1)
		fail_msg("%s", e.text);
	assert_false(next_change(&x, &was, &is));
	contents_reader_close(from);
	contents_reader_close(to);
	return s->fetched;
}

static void random_trees(void **state)
{
	static const size_t sizes[] = {1, 2, 10, 1000, 1023, 1024, 1025, 1030, 3000, 6000};
	static const struct tree nothing;

	(void)state;
	for (int round = 0; round < 60; round++) {
		struct arena a = {0};
		struct store *s = open_store();
		struct tree old, new;
		struct contents_ref from, to;
		struct contents_reader *r;
		struct expected x = {.old = &nothing};
		struct err e = {0};
		const struct record *was, *is;

		seed = UINT64_C(88172645463325252) + (uint64_t)round;
		old = random_tree(&a, sizes[draw(10)]);
		new = edited(&a, &old, draw(30), (enum edit)draw(5));
		from = write_tree(s, &old);
		to = write_tree(s, &new);
		expect_tree(s, &from, &old);
		expect_tree(s, &to, &new);
		expect_diff(s, &from, &old, &to, &new);
		expect_diff(s, &to, &new, &from, &old);
		if (old.n > MAX_PART_RECORDS)	/* with itself: all parts are skipped */
			assert_int_equal(expect_diff(s, &from, &old, &from, &old), 0);
		x.new = &new;
		assert_int_equal(contents_reader_open(&to, "pool/o", fetch, s, &r, &e), 0);
		assert_int_equal(contents_diff(NULL, r, each, &x, &e), 0);
		assert_false(next_change(&x, &was, &is));
		contents_reader_close(r);
		x = (struct expected){.old = &new, .new = &nothing};
		assert_int_equal(contents_reader_open(&to, "pool/o", fetch, s, &r, &e), 0);
		assert_int_equal(contents_diff(r, NULL, each, &x, &e), 0);
		assert_false(next_change(&x, &was, &is));
		contents_reader_close(r);
		assert_int_equal(contents_diff(NULL, NULL, each, &x, &e), 0);
		free(old.list);
		free(new.list);
		arena_free(&a);
		close_store(s);
	}
}

/*
 * Ten edits in an item of 100,000 records. Changed records move no cut: a new document for each and the list. New and
 * lost records may move the cuts up to the next one that is not by count; one run in eight ends by count.
 */
static void cost_follows_change(void **state)
{
	static const size_t most[] = {[CHANGE] = 11, [INSERT] = 20, [DELETE] = 20, [ANY] = 20, [NEIGHBOURS] = 5};
	static const char *const names[] = {"changed", "new", "gone", "of all kinds", "new side by side"};
	struct arena a = {0};
	struct store *s = open_store();
	struct tree old, new;
	struct contents_ref from, to;

	(void)state;
	seed = 42;
	old = random_tree(&a, 100000);
	from = write_tree(s, &old);
	for (int kind = CHANGE; kind <= NEIGHBOURS; kind++) {
		size_t sum = 0, worst = 0;

		for (int round = 0; round < (SANITIZED ? 2 : 5); round++) {
			size_t fetched, documents;

			seed = 1000 + (uint64_t)(kind * 10 + round);
			new = edited(&a, &old, 10, (enum edit)kind);
			to = write_tree(s, &new);
			documents = s->put_new;
			fetched = expect_diff(s, &from, &old, &to, &new);
			assert_true(documents <= most[kind]);
			assert_true(fetched <= 2 * documents + 10);
			sum += documents;
			worst = documents > worst ? documents : worst;
			free(new.list);
		}
		print_message("ten records %s: %.1f new documents on average, at most %zu\n", names[kind],
			      (double)sum / (SANITIZED ? 2 : 5), worst);
	}
	free(old.list);
	arena_free(&a);
	close_store(s);
}

/* ---- an item of 1,000,000 files ---- */

#define MILLION (SANITIZED ? 100000u : 1000000u)

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct record millionth(uint32_t i, bool changed, char path[64])
{
	struct record r = {.path = path, .has_file = true, .has_sha256 = true, .has_mtime = true};
	uint32_t number[2] = {i, changed};
	struct err e = {0};

	snprintf(path, 64, "source/dir-%04u/sub-%02u/file-%03u.c", i / 5000, i / 100 % 50, i % 100);
	digest_of(number, sizeof number, &r.sha256, &e);
	r.size = ((uint64_t)r.sha256.bytes[0] << 8 | r.sha256.bytes[1]) + 1;
	r.mtime = 1700000000 + i % 977 * 1009 + (changed ? 5000000 : 0);
	return r;
}

/* Ten of them, by chance. */
static bool drawn(uint32_t i)
{
	static uint32_t ten[10];

	if (ten[9] == 0) {
		seed = 7;
		for (int k = 0; k < 10; k++)
			ten[k] = (uint32_t)draw(MILLION);
	}
	for (int k = 0; k < 10; k++)
		if (ten[k] == i)
			return true;
	return false;
}

static void read_million(struct store *s, const struct contents_ref *ref)
{
	struct contents_reader *r;
	const struct record *record;
	struct err e = {0};
	size_t n = 0;
	int rc;

	assert_int_equal(contents_reader_open(ref, "source", fetch, s, &r, &e), 0);
	while ((rc = contents_reader_next(r, &record, &e)) == 1)
		n++;
	assert_int_equal(rc, 0);
	assert_int_equal(n, MILLION);
	contents_reader_close(r);
}

static struct contents_ref write_million(struct store *s, bool changed)
{
	struct err e = {0};
	struct contents_writer *w = contents_writer_open("source", put, s, &e);
	struct contents_ref ref;

	s->put_new = 0;
	for (uint32_t i = 0; i < MILLION; i++) {
		char path[64];
		struct record r = millionth(i, changed && drawn(i), path);

		if (contents_writer_add(w, &r, &e) == -1)
			fail_msg("%s", e.text);
	}
	assert_int_equal(contents_writer_finish(w, &ref, &e), 0);
	contents_writer_free(w);
	assert_int_equal(ref.files, MILLION);
	return ref;
}

/* Bytes of the store from `from` on, compressed as they would be on a medium. */
static size_t compressed(struct store *s, uint64_t from)
{
	size_t len = s->end - from, packed;
	char *data = malloc(len), *out = malloc(ZSTD_compressBound(len));

	assert_int_equal(fseek(s->file, (long)from, SEEK_SET), 0);
	assert_int_equal(fread(data, 1, len, s->file), len);
	packed = ZSTD_compress(out, ZSTD_compressBound(len), data, len, 3);
	assert_false(ZSTD_isError(packed));
	free(data);
	free(out);
	return packed;
}

static int count_changes(void *arg, const struct record *was, const struct record *is, struct err *e)
{
	(void)e;
	assert_non_null(was);
	assert_non_null(is);
	++*(unsigned *)arg;
	return 0;
}

static void a_million(void **state)
{
	struct store *s = open_store();
	struct contents_ref ref, changed;
	struct contents_reader *old, *new;
	struct rusage usage;
	struct err e = {0};
	double start = seconds();
	unsigned changes = 0;
	uint64_t mark;
	size_t packed;

	(void)state;
	ref = write_million(s, false);
	print_message("%u records: %zu documents, %llu bytes, written in %.2f s\n", MILLION, s->documents,
		      (unsigned long long)s->end, seconds() - start);
	start = seconds();
	read_million(s, &ref);
	print_message("read in %.2f s\n", seconds() - start);
	mark = s->end;
	changed = write_million(s, true);
	assert_true(s->put_new <= 11);
	packed = compressed(s, mark);
	print_message("ten changed: %zu new documents, %llu bytes, compressed %zu\n", s->put_new,
		      (unsigned long long)(s->end - mark), packed);
	assert_true(packed <= 600000);
	assert_int_equal(contents_reader_open(&ref, "source", fetch, s, &old, &e), 0);
	assert_int_equal(contents_reader_open(&changed, "source", fetch, s, &new, &e), 0);
	s->fetched = 0;
	start = seconds();
	assert_int_equal(contents_diff(old, new, count_changes, &changes, &e), 0);
	print_message("compared in %.3f s, %zu documents fetched\n", seconds() - start, s->fetched);
	assert_int_equal(changes, 10);
	assert_true(s->fetched <= 20);
	contents_reader_close(old);
	contents_reader_close(new);
	getrusage(RUSAGE_SELF, &usage);
	print_message("memory: %ld KiB\n", usage.ru_maxrss);
	assert_true(SANITIZED || usage.ru_maxrss < 64 * 1024);
	close_store(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million),	/* first, while the memory of this process is all its own */
		cmocka_unit_test(random_trees), cmocka_unit_test(cost_follows_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
