/*
 * Selection: which entries for which wishes, and which objects in which order, each once.
 */
#include "export/select.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "export/draft.h"
#include "lib/err.h"
#include "manifests/contents.h"
#include "manifests/reason.h"
#include "tests/unit/bare_station.h"

static struct bare_station bare;
static char *pilot[] = {"pilot"}, *production[] = {"production"}, *both[] = {"pilot", "production"};
static struct approval items[3];
static struct approvals list = {.stream = "updates", .epoch = 1, .revision = 1, .items = items};
static struct draft_revision revisions[4];
static struct revocation revoked[1];
static struct draft draft = {.revisions = revisions, .revoked = revoked};

/* A contents list of files whose contents are given by a byte each. */
static struct contents_ref contents(const char *item, const char *const *paths, const char *bytes)
{
	struct contents_ref ref;
	struct err e = {0};
	struct contents_writer *w = contents_writer_open(item, bare_station_put, &bare.station, &e);

	assert_non_null(w);
	for (size_t i = 0; paths[i]; i++) {
		struct record r = {.path = (char *)(uintptr_t)paths[i], .has_file = true, .has_sha256 = true, .has_mtime = true,
				   .size = (uint64_t)bytes[i], .sha256 = {{(uint8_t)bytes[i]}}, .mtime = 1000};

		assert_int_equal(contents_writer_add(w, &r, &e), 0);
	}
	assert_int_equal(contents_writer_finish(w, &ref, &e), 0);
	contents_writer_free(w);
	return ref;
}

static int begin(void **state)
{
	static const char *const one[] = {"a/x", "a/y", NULL}, *const two[] = {"a/x", "a/z", NULL}, *const three[] = {"c/x", NULL};

	(void)state;
	bare_station_make(&bare, 1);
	bare.station.config.policy.keep_objects = true;
	items[0] = (struct approval){.item = "pool/a", .revision = 1, .rings = production, .rings_n = 1};
	items[0].contents = contents("pool/a", one, "\1\2");
	items[1] = (struct approval){.item = "pool/a", .revision = 2, .rings = pilot, .rings_n = 1};
	items[1].contents = contents("pool/a", two, "\1\3");
	items[2] = (struct approval){.item = "pool/b/c", .revision = 1, .rings = both, .rings_n = 2};
	items[2].contents = contents("pool/b/c", three, "\2");
	list.items_n = 3;
	for (size_t i = 0; i < 3; i++)
		revisions[i] = (struct draft_revision){.item = items[i].item, .revision = items[i].revision, .contents = items[i].contents};
	revisions[3] = (struct draft_revision){.item = "pool/new", .revision = 1};
	revisions[3].contents = contents("pool/new", (const char *const[]){"new/x", NULL}, "\7");
	draft.revisions_n = 4;
	return 0;
}

static int finish(void **state)
{
	(void)state;
	bare_station_remove(&bare);
	return 0;
}

static int choose(const struct select_wish *w, struct selection *out, struct err *e)
{
	*out = (struct selection){0};
	return select_entries(&bare.station, &list, &draft, w, out, e);
}

static void chosen(const struct select_wish *w, const char *want)
{
	struct selection s;
	struct err e = {0};
	char got[256] = "";

	assert_int_equal(choose(w, &s, &e), 0);
	for (size_t i = 0; i < s.entries_n; i++)
		snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s/%d", i ? " " : "", s.entries[i].item,
			 (int)s.entries[i].revision);
	assert_string_equal(got, want);
	select_free(&s);
}

static void refused(const struct select_wish *w, int reason)
{
	struct selection s;
	struct err e = {0};

	assert_int_equal(choose(w, &s, &e), -1);
	assert_int_equal(e.reason, reason);
	select_free(&s);
}

#define LIST(...) (const char *const[]){__VA_ARGS__}

static void destinations(void **state)
{
	const struct station_destination a = {.rings = production, .rings_n = 1}, b = {.rings = both, .rings_n = 2},
					 c = {.rings = pilot, .rings_n = 0};
	const struct station_destination *const pa[] = {&a}, *const pb[] = {&b}, *const pc[] = {&c}, *const pab[] = {&a, &b};

	(void)state;
	chosen(&(struct select_wish){0}, "pool/a/1 pool/a/2 pool/b/c/1");
	chosen(&(struct select_wish){.destinations = pa, .destinations_n = 1}, "pool/a/1 pool/b/c/1");
	chosen(&(struct select_wish){.destinations = pb, .destinations_n = 1}, "pool/a/2 pool/b/c/1");	/* the highest revision */
	chosen(&(struct select_wish){.destinations = pab, .destinations_n = 2}, "pool/a/1 pool/a/2 pool/b/c/1");
	chosen(&(struct select_wish){.destinations = pc, .destinations_n = 1}, "");
}

static void patterns(void **state)
{
	(void)state;
	chosen(&(struct select_wish){.only = LIST("pool/a"), .only_n = 1}, "pool/a/1 pool/a/2");
	chosen(&(struct select_wish){.only = LIST("pool/b/*"), .only_n = 1}, "pool/b/c/1");
	refused(&(struct select_wish){.only = LIST("pool/nosuch"), .only_n = 1}, R_ITEM_UNKNOWN);
	refused(&(struct select_wish){.only = LIST("pool/new"), .only_n = 1}, R_NOT_APPROVED);
	chosen(&(struct select_wish){.only = LIST("pool/a", "pool/new"), .only_n = 2, .ahead = LIST("pool/new"), .ahead_n = 1},
	       "pool/a/1 pool/a/2 pool/new/1");
}

static void ahead(void **state)
{
	const struct station_destination a = {.rings = production, .rings_n = 1}, b = {.rings = pilot, .rings_n = 1};
	const struct station_destination *const pa[] = {&a}, *const pb[] = {&b};

	(void)state;
	chosen(&(struct select_wish){.ahead = LIST("pool/new"), .ahead_n = 1}, "pool/a/1 pool/a/2 pool/b/c/1 pool/new/1");
	chosen(&(struct select_wish){.ahead = LIST("**", "pool/*"), .ahead_n = 2}, "pool/a/1 pool/a/2 pool/b/c/1 pool/new/1");
	refused(&(struct select_wish){.ahead = LIST("nosuch"), .ahead_n = 1}, R_ITEM_UNKNOWN);
	revisions[3].declined = true;
	refused(&(struct select_wish){.ahead = LIST("pool/new"), .ahead_n = 1}, R_NOT_APPROVED);
	revisions[3].declined = false;
	bare.station.config.rings = both;
	bare.station.config.rings_n = 2;
	revisions[3].declined_for = pilot;
	revisions[3].declined_for_n = 1;
	chosen(&(struct select_wish){.ahead = LIST("pool/new"), .ahead_n = 1}, "pool/a/1 pool/a/2 pool/b/c/1 pool/new/1");
	chosen(&(struct select_wish){.destinations = pa, .destinations_n = 1, .ahead = LIST("pool/new"), .ahead_n = 1},
	       "pool/a/1 pool/b/c/1 pool/new/1");
	refused(&(struct select_wish){.destinations = pb, .destinations_n = 1, .ahead = LIST("pool/new"), .ahead_n = 1}, R_NOT_APPROVED);
	revisions[3].declined_for = both;
	revisions[3].declined_for_n = 2;
	refused(&(struct select_wish){.ahead = LIST("pool/new"), .ahead_n = 1}, R_NOT_APPROVED);
	revisions[3].declined_for_n = 0;
	revisions[3].gone = true;
	refused(&(struct select_wish){.ahead = LIST("pool/new"), .ahead_n = 1}, R_NOT_APPROVED);
	revisions[3].gone = false;
	revoked[0].contents = revisions[3].contents.sha256;
	draft.revoked_n = 1;
	refused(&(struct select_wish){.ahead = LIST("pool/new"), .ahead_n = 1}, R_REVOKED);
	chosen(&(struct select_wish){.ahead = LIST("pool/*"), .ahead_n = 1}, "pool/a/1 pool/a/2 pool/b/c/1");
	draft.revoked_n = 0;
}

static void documents_first_then_content(void **state)
{
	const uint8_t want[] = {1, 2, 3, 7};
	const struct select_wish w = {.ahead = LIST("pool/new"), .ahead_n = 1};
	struct selection s;
	struct err e = {0};
	struct digest seven = {{7}}, two = {{2}}, none = {{9}};
	char path[100];

	(void)state;
	assert_int_equal(choose(&w, &s, &e), 0);
	assert_int_equal(select_cargo(&bare.station, NULL, &s, &e), 0);
	assert_int_equal(s.cargo.documents_n, 4);
	assert_int_equal(s.cargo.n, 8);
	for (size_t i = 0; i < 3; i++)
		assert_true(digest_equal(&cargo_at(&s.cargo, i)->sha256, &items[i].contents.sha256));
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(cargo_at(&s.cargo, 4 + i)->sha256.bytes[0], want[i]);
		assert_true(cargo_at(&s.cargo, 4 + i)->size == want[i]);
	}
	assert_null(cargo_at(&s.cargo, 4)->path);
	assert_string_equal(cargo_at(&s.cargo, 7)->path, "pool/new/x");	/* not kept: from the content root */
	assert_int_equal(select_path(&bare.station, &s, &seven, path, sizeof path, &e), 0);
	assert_string_equal(path, "pool/new/x");
	assert_int_equal(select_path(&bare.station, &s, &two, path, sizeof path, &e), 0);
	assert_string_equal(path, "pool/a/y");
	assert_int_equal(select_path(&bare.station, &s, &none, path, sizeof path, &e), 1);
	select_free(&s);
}

static void a_lost_contents_list(void **state)
{
	struct selection s;
	struct err e = {0};
	struct digest kept = items[2].contents.sha256;

	(void)state;
	items[2].contents.sha256.bytes[0] ^= 1;
	assert_int_equal(choose(&(struct select_wish){0}, &s, &e), 0);
	assert_int_equal(select_cargo(&bare.station, NULL, &s, &e), -1);
	assert_int_equal(e.reason, R_STATION_DAMAGED);
	assert_non_null(strstr(e.text, "pool/b/c"));
	select_free(&s);
	items[2].contents.sha256 = kept;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(destinations),
		cmocka_unit_test(patterns),
		cmocka_unit_test(ahead),
		cmocka_unit_test(documents_first_then_content),
		cmocka_unit_test(a_lost_contents_list),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
