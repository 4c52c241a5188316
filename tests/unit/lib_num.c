/*
 * lib/num: only canonical numbers pass, sizes read as people mean them, times as the calendar has them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/num.h"

static int parse(const char *s, uint64_t min, uint64_t max, uint64_t *n)
{
	return num_parse(s, strlen(s), min, max, n);
}

static void numbers(void **state)
{
	static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "01", "00", "0x1", "1.0", "1e3", "18446744073709551616",
					  "99999999999999999999999", "\xd9\xa1"};
	uint64_t n = 7;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(parse(bad[i], 0, UINT64_MAX, &n), -1);
	assert_int_equal(n, 7);
	assert_int_equal(parse("0", 0, 0, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(parse("18446744073709551615", 0, UINT64_MAX, &n), 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(parse("9", 10, 20, &n), -1);
	assert_int_equal(parse("10", 10, 20, &n), 0);
	assert_int_equal(parse("20", 10, 20, &n), 0);
	assert_int_equal(parse("21", 10, 20, &n), -1);
	assert_int_equal(num_parse("123", 2, 0, 99, &n), 0);
	assert_int_equal(n, 12);
	assert_int_equal(num_parse("1\0", 2, 0, 99, &n), -1);
}

static void sizes(void **state)
{
	static const struct { const char *s; uint64_t n; } good[] = {
		{"0", 0}, {"123", 123}, {"700M", 700ull << 20}, {"4GiB", 4ull << 30}, {"4 GiB", 4ull << 30},
		{"1.5G", 3ull << 29}, {"0.5K", 512}, {"1T", 1ull << 40}, {"12 B", 12}, {"16777215T", 16777215ull << 40},
		{"18446744073709551615", UINT64_MAX},
	};
	static const char *const bad[] = {"", "M", "-1M", "1.5", "1.K", ".5G", "1,5G", "1KB", "1kib", "1 ", "1  G", "1GG", "1Gi",
					  "16777216T", "01M", "1.1234567890G", "1 G ", "18446744073709551616", "0x10", "1P"};
	uint64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_int_equal(num_parse_size(good[i].s, &n), 0);
		assert_true(n == good[i].n);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(num_parse_size(bad[i], &n), -1);
}

static void size_texts(void **state)
{
	static const struct { uint64_t n; const char *want; } cases[] = {
		{0, "0 B"}, {1023, "1023 B"}, {1024, "1.0 KiB"}, {1536, "1.5 KiB"}, {1048575, "1.0 MiB"},
		{1023ull << 10, "1023.0 KiB"}, {1503238553, "1.4 GiB"}, {4294967296, "4.0 GiB"}, {1ull << 40, "1.0 TiB"},
		{UINT64_MAX, "16.0 EiB"},
	};
	char s[24];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(num_format_size(cases[i].n, s), cases[i].want);
}

static int64_t parse_time(const char *s)
{
	int64_t t = -5;

	return num_parse_time(s, strlen(s), &t) == 0 ? t : -1;
}

static void times(void **state)
{
	static const char *const bad[] = {
		"", "2026-11-22T10:00:00", "2026-11-22T10:00:00z", "2026-11-22 10:00:00Z", "2026-11-22T10:00:00+00:00",
		"2026-11-22T10:00:00.0Z", "1969-12-31T23:59:59Z", "2026-00-22T10:00:00Z", "2026-13-22T10:00:00Z",
		"2026-11-00T10:00:00Z", "2026-11-31T10:00:00Z", "2026-02-29T10:00:00Z", "2100-02-29T10:00:00Z",
		"2026-11-22T24:00:00Z", "2026-11-22T10:60:00Z", "2026-11-22T10:00:60Z", "2026-1a-22T10:00:00Z",
		"10000-1-01T00:00:00Z", " 026-11-22T10:00:00Z",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(parse_time(bad[i]), -1);
	assert_int_equal(parse_time("1970-01-01T00:00:00Z"), 0);
	assert_int_equal(parse_time("2026-11-22T10:00:00Z"), 1795341600);
	assert_int_equal(parse_time("2000-02-29T23:59:59Z"), 951868799);
	assert_int_equal(parse_time("9999-12-31T23:59:59Z"), 253402300799);
}

/* Against the C library, over every day of the range and some odd seconds; a zone of the environment changes nothing. */
static void every_day(void **state)
{
	(void)state;
	setenv("TZ", "right/Europe/Berlin", 1);
	for (int64_t t = 0; t <= 253402300799; t += 86400 - 7) {
		char have[32], want[32];
		struct tm tm;
		int64_t back = -1;
		time_t as_time = (time_t)t;

		num_format_time(t, have);
		assert_int_equal(num_parse_time(have, strlen(have), &back), 0);
		assert_int_equal(back, t);
		unsetenv("TZ");
		gmtime_r(&as_time, &tm);
		strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%SZ", &tm);
		assert_string_equal(have, want);
	}
}

static void out_of_range_times(void **state)
{
	char s[32];

	(void)state;
	assert_string_equal(num_format_time(-1, s), "1970-01-01T00:00:00Z");
	assert_string_equal(num_format_time(INT64_MAX, s), "9999-12-31T23:59:59Z");
}

static void counts(void **state)
{
	char out[NUM_COUNT];

	(void)state;
	assert_string_equal(num_count(0, "object", out), "0 objects");
	assert_string_equal(num_count(1, "entry", out), "1 entry");
	assert_string_equal(num_count(2, "entry", out), "2 entries");
	assert_string_equal(num_count(1, "trust root", out), "1 trust root");
	assert_string_equal(num_count(3, "day", out), "3 days");
	assert_string_equal(num_of(UINT64_MAX, "file"), "18446744073709551615 files");
}

static void sums(void **state)
{
	uint64_t n;

	(void)state;
	assert_false(num_add(UINT64_MAX - 1, UINT64_C(1), &n));
	assert_true(n == UINT64_MAX);
	assert_true(num_add(UINT64_MAX, UINT64_C(1), &n));
	assert_false(num_mul(UINT64_C(1) << 32, (UINT64_C(1) << 32) - 1, &n));
	assert_true(num_mul(UINT64_C(1) << 32, UINT64_C(1) << 32, &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers), cmocka_unit_test(sizes), cmocka_unit_test(size_texts), cmocka_unit_test(times),
		cmocka_unit_test(every_day), cmocka_unit_test(out_of_range_times), cmocka_unit_test(sums), cmocka_unit_test(counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
