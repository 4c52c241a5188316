/*
 * The draft: what is saved is loaded again; what doesn't hang together is refused.
 */
#include "export/draft.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "export/station.h"
#include "lib/err.h"
#include "lib/outfile.h"
#include "manifests/reason.h"

#define TEXT(s) ((char[]){s})
#define REF ", contents: {sha256: 1111111111111111111111111111111111111111111111111111111111111111, size: 9, files: 1, bytes: 2}"

static struct station station = {.dir = FILE_CLOSED};
static char path[] = "/tmp/satchel-draft.XXXXXX";

static int start(void **state)
{
	struct err e = {0};

	(void)state;
	return mkdtemp(path) == NULL || file_open_dir(path, &station.dir, &e) == -1 || mkdirat(station.dir.fd, "lists", 0755) == -1 ? -1 : 0;
}

static int stop(void **state)
{
	(void)state;
	unlinkat(station.dir.fd, "draft.yaml", 0);
	unlinkat(station.dir.fd, "lists", AT_REMOVEDIR);
	file_close(&station.dir);
	return rmdir(path);
}

static void nothing_yet(void **state)
{
	struct err e = {0};
	struct draft *d = draft_load(&station, &e);
	size_t count;

	(void)state;
	assert_non_null(d);
	assert_int_equal(d->revisions_n + d->decisions_n + d->revoked_n, 0);
	assert_null(draft_newest(d, "a"));
	assert_int_equal(draft_find(d, "a", &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(draft_save(&station, d, &e), 0);
	draft_free(d);
	d = draft_load(&station, &e);
	assert_non_null(d);
	assert_int_equal(d->revisions_n, 0);
	draft_free(d);
}

static void round_trip(void **state)
{
	char *requires[] = {TEXT("b"), TEXT("c d")}, *rings[] = {TEXT("pilot")}, *declined_for[] = {TEXT("all"), TEXT("test")};
	struct draft_revision rows[] = {
		{.item = TEXT("a"), .revision = 1, .contents = {.size = 10, .files = 1, .bytes = 5}, .seen = 1000, .declined = true},
		{.item = TEXT("a"), .revision = 3, .contents = {.size = 11}, .seen = 2000, .gone = true, .requires = requires, .requires_n = 2},
		{.item = TEXT("b"), .revision = 1, .contents = {.size = 12}, .seen = 0, .declined_for = declined_for, .declined_for_n = 2},
		{.item = TEXT("q\"\\ \xc3\xa9: x"), .revision = 7, .contents = {.size = 13}},
	};
	struct approval decisions[] = {{.item = TEXT("b"), .revision = 1, .rings = rings, .rings_n = 1, .contents = {.size = 12},
					.title = TEXT("t"), .urgent = true, .has_deadline = true, .deadline = 86400}};
	struct revocation revoked[] = {{.item = TEXT("a"), .revision = 1, .note = TEXT("why")}};
	struct draft in = {.revisions = rows, .revisions_n = 4, .decisions = decisions, .decisions_n = 1, .revoked = revoked,
			   .revoked_n = 1}, *d;
	struct digest before, after;
	struct err e = {0};
	size_t count;

	(void)state;
	assert_int_equal(draft_save(&station, &in, &e), 0);
	d = draft_load(&station, &e);
	assert_non_null(d);
	assert_int_equal(d->revisions_n, 4);
	assert_true(d->revisions[0].declined && !d->revisions[0].gone && d->revisions[1].gone);
	assert_true(draft_declined(&d->revisions[0], "test") && !draft_declined(&d->revisions[1], "test"));
	assert_true(draft_declined(&d->revisions[2], "test") && !draft_declined(&d->revisions[2], "pilot"));
	assert_int_equal(d->revisions[1].requires_n, 2);
	assert_string_equal(d->revisions[1].requires[1], "c d");
	assert_string_equal(d->revisions[3].item, rows[3].item);
	assert_int_equal(draft_newest(d, "a")->revision, 3);
	assert_null(draft_newest(d, "aa"));
	assert_int_equal(draft_find(d, "a", &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(draft_find(d, "aa", &count), 2);
	assert_int_equal(count, 0);
	assert_string_equal(d->decisions[0].title, "t");
	assert_true(d->decisions[0].urgent && d->decisions[0].deadline == 86400);
	assert_string_equal(d->revoked[0].note, "why");
	/* the fingerprint is of the newest revisions alone */
	assert_int_equal(draft_fingerprint(d, &before, &e), 0);
	d->revisions[0].contents.sha256.bytes[0] ^= 1;
	d->revisions[1].gone = false;
	assert_int_equal(draft_fingerprint(d, &after, &e), 0);
	assert_true(digest_equal(&before, &after));
	d->revisions[1].contents.sha256.bytes[0] ^= 1;
	assert_int_equal(draft_fingerprint(d, &after, &e), 0);
	assert_false(digest_equal(&before, &after));
	draft_free(d);
}

static void rings_declined(void **state)
{
	struct draft d = {0};
	struct draft_revision r = {0};
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(draft_decline(&d, &r, (char *[]){"m", "a", "z", "m", "n", "a"}[i], &e), 0);
	assert_int_equal(r.declined_for_n, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(r.declined_for[i], ((const char *[]){"a", "m", "n", "z"})[i]);
	draft_allow(&r, "b");
	draft_allow(&r, "m");
	draft_allow(&r, "z");
	assert_int_equal(r.declined_for_n, 2);
	assert_true(draft_declined(&r, "a") && draft_declined(&r, "n") && !draft_declined(&r, "m") && !draft_declined(&r, "z"));
	arena_free(&d.arena);
}

static void refused(const char *text)
{
	struct err e = {0};

	assert_int_equal(outfile_put(&station.dir, "draft.yaml", 0644, text, strlen(text), &e), 0);
	assert_null(draft_load(&station, &e));
	assert_int_equal(e.reason, R_STATION_DAMAGED);
	assert_non_null(strstr(e.text, "satchel-export recover"));
}

static void what_does_not_hang_together(void **state)
{
	(void)state;
	refused("");
	refused("satchel: draft/1\n");
	refused("satchel: draft/1\nrevisions: []\ndecisions: []\n");
	refused("satchel: draft/1\nrevisions:\n"
		"  - {item: \"b\", revision: 1" REF ", seen: 1970-01-01T00:00:00Z}\n"
		"  - {item: \"a\", revision: 1" REF ", seen: 1970-01-01T00:00:00Z}\n"
		"decisions: []\nrevoked: []\n");
	refused("satchel: draft/1\nrevisions:\n"
		"  - {item: \"a\", revision: 1" REF ", seen: 1970-01-01T00:00:00Z}\n"
		"  - {item: \"a\", revision: 1" REF ", seen: 1970-01-01T00:00:00Z}\n"
		"decisions: []\nrevoked: []\n");
	refused("satchel: draft/1\nrevisions:\n"
		"  - {item: \"a\", revision: 1" REF ", seen: 1970-01-01T00:00:00Z}\n"
		"decisions:\n  - {item: \"a\", revision: 2, rings: [\"p\"]" REF "}\nrevoked: []\n");
	refused("satchel: draft/1\nrevisions:\n"
		"  - {item: \"a\", revision: 1" REF ", seen: 1970-01-01T00:00:00Z, declined_for: [\"q\", \"p\"]}\n"
		"decisions: []\nrevoked: []\n");
	refused("satchel: draft/1\nrevisions: []\ndecisions: []\nrevoked:\n"
		"  - {item: \"a\", revision: 2, contents: 1111111111111111111111111111111111111111111111111111111111111111}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_yet), cmocka_unit_test(round_trip), cmocka_unit_test(rings_declined),
		cmocka_unit_test(what_does_not_hang_together),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
