/*
 * station.yaml: read as people write it, its destinations exchanged without touching the rest.
 */
#include "export/config.h"

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
#include "lib/outfile.h"

#define HEAD "satchel: station/1\nstream: updates\ncontent: /srv/c\n" \
	     "trust: {version: 1, sha256: 1111111111111111111111111111111111111111111111111111111111111111}\n"
#define RINGS "rings: [pilot, production]\n"

static struct file dir = FILE_CLOSED;
static char path[] = "/tmp/satchel-config.XXXXXX";

static int start(void **state)
{
	struct err e = {0};

	(void)state;
	return mkdtemp(path) == NULL || file_open_dir(path, &dir, &e) == -1 ? -1 : 0;
}

static int stop(void **state)
{
	(void)state;
	unlinkat(dir.fd, CONFIG_NAME, 0);
	file_close(&dir);
	return rmdir(path);
}

static int load(const char *text, struct station_config *c, struct arena *a, struct err *e)
{
	*e = (struct err){0};
	assert_int_equal(outfile_put(&dir, CONFIG_NAME, 0644, text, strlen(text), e), 0);
	return config_load(&dir, c, a, e);
}

static void defaults(void **state)
{
	struct station_config c;
	struct arena a = {0};
	struct err e;

	(void)state;
	assert_int_equal(load(HEAD "rings: [production, pilot, pilot]\n", &c, &a, &e), 0);
	assert_true(c.depth == 1 && c.policy.expires_days == 90 && c.policy.keep_objects && !c.policy.portable_names);
	assert_int_equal(c.rings_n, 2);
	assert_string_equal(c.rings[0], "pilot");
	assert_true(config_has_ring(&c, "production"));
	assert_false(config_has_ring(&c, "prod"));
	arena_free(&a);
	assert_int_equal(load("# mine\n" HEAD RINGS "policy:\n  keep_objects: false # too big\n  expires_days: 30\n", &c, &a, &e), 0);
	assert_true(c.policy.expires_days == 30 && !c.policy.keep_objects);
	arena_free(&a);
}

static void refused(void **state)
{
	static const char *const bad[] = {
		"", HEAD, HEAD "rings: []\n", HEAD RINGS "colour: red\n", HEAD RINGS "depth: 0\n", HEAD RINGS "depth: 65\n",
		HEAD RINGS "depth: 2\npatterns: [x]\n", HEAD RINGS "rings: [a]\n", HEAD "rings: [\"Bad Name\"]\n",
		HEAD RINGS "destinations: [{name: d, rings: [nosuch]}]\n", HEAD RINGS "destinations: [{name: d, rings: []}]\n",
		HEAD RINGS "destinations: [{name: d, rings: [pilot]}, {name: d, rings: [pilot]}]\n",
		HEAD RINGS "policy: {expires_days: 0}\n", HEAD RINGS "policy: {keep_objects: maybe}\n",
		"satchel: station/2\n", ("satchel: station/1\nstream: updates\ncontent: c\n" RINGS),
	};
	struct station_config c;
	struct arena a = {0};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(load(bad[i], &c, &a, &e), -1);
		assert_int_equal(e.reason, ERR_CONFIG);
		arena_free(&a);
	}
}

/* The text of the file after the destinations were set to these. */
static void exchange(const char *before, struct station_destination *d, size_t n, const char *after)
{
	struct station_config c;
	struct arena a = {0};
	struct buf b = {0};
	struct err e;

	assert_int_equal(load(before, &c, &a, &e), 0);
	c.destinations = d;
	c.destinations_n = n;
	assert_int_equal(config_write_destinations(&dir, &c, &e), 0);
	assert_int_equal(file_read_all_at(&dir, CONFIG_NAME, 65536, &b, &e), 0);
	assert_string_equal((const char *)b.data, after);
	buf_free(&b);
	arena_free(&a);
}

static void destinations_alone(void **state)
{
	char *rings[] = {(char[]){"pilot"}};
	struct station_destination d = {.name = (char[]){"a"}, .rings = rings, .rings_n = 1};

	(void)state;
	exchange("# mine\n" HEAD RINGS "# end\n", &d, 1,
		 "# mine\n" HEAD RINGS "# end\ndestinations:\n  - {name: \"a\", rings: [\"pilot\"]}\n");
	exchange(HEAD "destinations:\n- name: x\n  rings: [pilot]\n\n" RINGS "policy: {expires_days: 3} # short\n", &d, 1,
		 HEAD "destinations:\n  - {name: \"a\", rings: [\"pilot\"]}\n" RINGS "policy: {expires_days: 3} # short\n");
	exchange(HEAD RINGS "destinations:\n  - {name: \"a\", rings: [\"pilot\"]}\n# end\n", NULL, 0, HEAD RINGS "# end\n");
	/* without a line feed at the end */
	exchange(HEAD "rings: [pilot]", &d, 1, HEAD "rings: [pilot]\ndestinations:\n  - {name: \"a\", rings: [\"pilot\"]}\n");
	/* in a form that can't be exchanged by lines: all of it is written anew, and means the same */
	exchange("{satchel: station/1, stream: updates, content: /srv/c, trust: {version: 1, sha256: "
		 "1111111111111111111111111111111111111111111111111111111111111111}, rings: [pilot], destinations: []}\n", &d, 1,
		 "satchel: station/1\nstream: \"updates\"\ncontent: \"/srv/c\"\n"
		 "trust: {version: 1, sha256: 1111111111111111111111111111111111111111111111111111111111111111}\n"
		 "rings: [\"pilot\"]\ndestinations:\n  - {name: \"a\", rings: [\"pilot\"]}\n");
}

static void rings_of_options(void **state)
{
	char *good[] = {(char[]){"b,a"}, (char[]){"c"}, (char[]){"a"}};
	static const char *const bad[] = {"", ",", "a,", ",a", "a,,b", "A", "a b", "..", "a/b"};
	struct arena a = {0};
	struct err e = {0};
	char **out;
	size_t n;

	(void)state;
	assert_int_equal(config_rings(good, 3, &a, &out, &n, &e), 0);
	assert_int_equal(n, 3);
	assert_string_equal(out[0], "a");
	assert_string_equal(out[2], "c");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char *one = strdup(bad[i]);

		e = (struct err){0};
		assert_int_equal(config_rings(&one, 1, &a, &out, &n, &e), -1);
		assert_int_equal(e.reason, ERR_USAGE);
		free(one);
	}
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults), cmocka_unit_test(refused), cmocka_unit_test(destinations_alone),
		cmocka_unit_test(rings_of_options),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
