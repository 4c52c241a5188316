/*
 * What this run put into the store: import/arrivals alone, and what objects answer by it, which is what the disk would say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "import/arrivals.h"
#include "import/objects.h"
#include "lib/distinct.h"
#include "lib/err.h"
#include "manifests/reason.h"
#include "tests/unit/bare_store.h"

#include "lib/banned.h"

static struct digest digest_of_text(const char *text)
{
	struct err e = {0};
	struct digest d;

	bare_store_must(digest_of(text, strlen(text), &d, &e), &e);
	return d;
}

static struct distinct expecting(const char *const *texts, size_t n)
{
	struct distinct set = {0};
	struct err e = {0};

	for (size_t i = 0; i < n; i++) {
		struct digest d = digest_of_text(texts[i]);
		uint64_t size = strlen(texts[i]);

		assert_int_equal(distinct_add_valued(&set, &d, &size, &e), 1);
	}
	return set;
}

static void known_once_put(void **state)
{
	static const char *const texts[] = {"one", "three"};
	struct digest one = digest_of_text("one"), three = digest_of_text("three"), other = digest_of_text("other");
	struct err e = {0};
	struct arrivals *a = arrivals_open(&e);
	struct distinct set = expecting(texts, 2);
	uint64_t size = 77;

	(void)state;
	assert_non_null(a);
	arrivals_put(a, &one, 3);	/* nothing is expected */
	assert_false(arrivals_has(a, &one, &size));
	arrivals_expect(a, &set);
	assert_int_equal(set.room, 0);
	assert_false(arrivals_has(a, &one, &size));
	assert_false(arrivals_first_name(a, &one));
	arrivals_put(a, &one, 3);
	arrivals_put(a, &other, 5);
	assert_int_equal(size, 77);
	assert_true(arrivals_has(a, &one, &size));
	assert_int_equal(size, 3);
	assert_true(arrivals_has(a, &one, NULL));
	assert_false(arrivals_has(a, &three, &size));
	assert_false(arrivals_has(a, &other, &size));
	assert_true(arrivals_first_name(a, &one));
	assert_false(arrivals_first_name(a, &one));
	assert_true(arrivals_has(a, &one, &size));
	assert_int_equal(size, 3);
	set = expecting(texts, 1);
	arrivals_expect(a, &set);
	assert_false(arrivals_has(a, &one, &size));
	arrivals_put(a, &one, 3);
	arrivals_forget(a);
	assert_false(arrivals_has(a, &one, &size));
	assert_false(arrivals_first_name(a, &one));
	arrivals_close(a);
	arrivals_close(NULL);
}

static struct stat stat_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st;
}

static void link_name(struct bare_store *s, const struct digest *d, int64_t mtime, const char *name)
{
	struct err e = {0};

	bare_store_must(objects_link(s->objects, d, false, mtime, &s->store.dir, 1, name, &e), &e);
}

/* A file that was there, or has a name, keeps its time; a new one gets its first name's. */
static void first_name_decides(void **state)
{
	struct bare_store *s = *state;
	static const char *const texts[] = {"old", "new", "piece"};
	struct digest old = bare_store_put(s, "old", 3), new;
	struct distinct set = expecting(texts, 3);
	struct err e = {0};
	uint64_t size;

	link_name(s, &old, 1000, "old-1");
	objects_expect(s->objects, &set);
	bare_store_put(s, "old", 3);	/* is there: not new */
	new = bare_store_put(s, "new", 3);
	link_name(s, &old, 2000, "old-2");
	link_name(s, &new, 3000, "new-1");
	link_name(s, &new, 4000, "new-2");
	assert_int_equal(stat_of(bare_store_path(s, "old-2")).st_mtim.tv_sec, 1000);
	assert_int_equal(stat_of(bare_store_path(s, "new-2")).st_mtim.tv_sec, 3000);
	assert_int_equal(stat_of(bare_store_path(s, "new-2")).st_nlink, 3);
	assert_int_equal(objects_has(s->objects, &new, &size, &e), 1);
	assert_int_equal(size, 3);
}

/* What was put and is gone again is found out when it is to get its name; what objects_remove took is known to be gone. */
static void gone_again(void **state)
{
	struct bare_store *s = *state;
	static const char *const texts[] = {"one", "two"};
	struct distinct set = expecting(texts, 2);
	struct objects_file f = {.kind = OBJECTS_PLAIN};
	struct digest one, two;
	struct err e = {0};

	objects_expect(s->objects, &set);
	one = bare_store_put(s, "one", 3);
	two = bare_store_put(s, "two", 3);
	assert_int_equal(unlink(bare_store_object(s, &one, "")), 0);
	assert_int_equal(objects_link(s->objects, &one, false, 1, &s->store.dir, 1, "name", &e), -1);
	assert_int_equal(e.reason, R_STORE_DAMAGED);
	e = (struct err){0};
	f.digest = two;
	snprintf(f.path, sizeof f.path, "%s", strstr(bare_store_object(s, &two, ""), "objects/") + strlen("objects/"));
	bare_store_must(objects_remove(s->objects, &f, &e), &e);
	assert_int_equal(objects_has(s->objects, &two, NULL, &e), 0);
	assert_int_equal(objects_has(s->objects, &one, NULL, &e), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bare_store_setup, bare_store_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(known_once_put), T(first_name_decides), T(gone_again)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
