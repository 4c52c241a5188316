/*
 * Names: what is one, and that each spelling is read back from exactly itself.
 */
#include "manifests/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "manifests/reason.h"

static int judge(const char *s, size_t len)
{
	struct err e = {0};
	int rc = names_check(s, len, &e);

	assert_int_equal(rc ? R_NAME : 0, e.reason);
	return rc;
}

static void good_names(void **state)
{
	const char *good[] = {"a", "0", "updates", "a.b", "a-b_c.d", "7-zip", "a."};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(judge(good[i], strlen(good[i])), 0);
}

static void bad_names(void **state)
{
	const char *bad[] = {"", ".", "..", "-a", "_a", ".a", "A", "a..b", "a/b", "a b", "a\n", "a\\", "\xc3\xa4", "a:b", "a*"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(judge(bad[i], strlen(bad[i])), -1);
	assert_int_equal(judge("a\0b", 3), -1);
	assert_int_equal(judge("\0", 1), -1);
}

static void length_at_the_limit_and_one_over(void **state)
{
	char s[MAX_NAME_LEN + 1];

	(void)state;
	memset(s, 'x', sizeof(s));
	assert_int_equal(judge(s, MAX_NAME_LEN), 0);
	assert_int_equal(judge(s, MAX_NAME_LEN + 1), -1);
}

static void bundles(void **state)
{
	const struct { const char *stream; uint64_t sequence; const char *name; } rows[] = {
		{"updates", 17, "updates-00000017"}, {"a-1", 1, "a-1-00000001"}, {"x", 123456789, "x-123456789"},
		{"x", MAX_REVISION, "x-9007199254740992"},
	};
	const char *none[] = {"updates", "updates-17", "updates-000000017", "updates-00000000", "-00000001", "Up-00000001",
			      "updates-0000001x", "updates-00000017 ", "updates-", "", "updates-99999999999999999999",
			      "updates-9007199254740993", "a/b-00000001", "..-00000001"};
	char out[NAMES_BUNDLE_LEN], stream[MAX_NAME_LEN + 1];
	uint64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(names_bundle(rows[i].stream, rows[i].sequence, out), rows[i].name);
		assert_int_equal(names_bundle_parse(rows[i].name, stream, &n), 0);
		assert_string_equal(stream, rows[i].stream);
		assert_true(n == rows[i].sequence);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(names_bundle_parse(none[i], stream, &n), -1);
}

static void longest_stream(void **state)
{
	char stream[MAX_NAME_LEN + 1] = {0}, name[NAMES_BUNDLE_LEN], back[MAX_NAME_LEN + 1], longer[NAMES_BUNDLE_LEN + 1];
	uint64_t n;

	(void)state;
	memset(stream, 's', MAX_NAME_LEN);
	assert_int_equal(names_bundle_parse(names_bundle(stream, 5, name), back, &n), 0);
	assert_string_equal(back, stream);
	longer[0] = 's';
	memcpy(longer + 1, name, strlen(name) + 1);
	assert_int_equal(names_bundle_parse(longer, back, &n), -1);
}

static void files(void **state)
{
	struct digest d;
	char out[NAMES_SIGNATURE_LEN], small[32], entry[NAMES_ENTRY_LEN], object[80];

	(void)state;
	for (unsigned i = 0; i < DIGEST_LEN; i++)
		d.bytes[i] = (uint8_t)(i + 0xa0);
	assert_string_equal(names_signature(NAMES_MANIFEST, &d, out), "manifest.yaml.a0a1a2a3a4a5a6a7a8a9aaabacadaeaf.sig");
	assert_string_equal(names_trust(3, small), "trust-3.yaml");
	assert_string_equal(names_volume_index(1, small), "vol-0001.yaml");
	assert_string_equal(names_volume(MAX_VOLUMES, small), "vol-4096.tar.zst");
	assert_string_equal(names_entry(&d, 0, 7, entry), "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf");
	assert_string_equal(names_entry(&d, 1, 7, entry),
			    "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf.0000000000000007");
	assert_string_equal(names_entry(&d, 1, MAX_OBJECT_SIZE, entry) + DIGEST_HEX, ".1125899906842624");
	assert_string_equal(names_object(&d, object), "a0/a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_names),
		cmocka_unit_test(bad_names),
		cmocka_unit_test(length_at_the_limit_and_one_over),
		cmocka_unit_test(bundles),
		cmocka_unit_test(longest_stream),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
