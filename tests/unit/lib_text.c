/*
 * lib/text: every code point is decoded as an encoder wrote it and nothing else is; what is dangerous is escaped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/text.h"

static size_t encode(uint32_t cp, uint8_t out[4])
{
	if (cp < 0x80) {
		out[0] = (uint8_t)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (uint8_t)(0xc0 | cp >> 6);
		out[1] = (uint8_t)(0x80 | (cp & 63));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (uint8_t)(0xe0 | cp >> 12);
		out[1] = (uint8_t)(0x80 | (cp >> 6 & 63));
		out[2] = (uint8_t)(0x80 | (cp & 63));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | cp >> 18);
	out[1] = (uint8_t)(0x80 | (cp >> 12 & 63));
	out[2] = (uint8_t)(0x80 | (cp >> 6 & 63));
	out[3] = (uint8_t)(0x80 | (cp & 63));
	return 4;
}

static void every_code_point(void **state)
{
	(void)state;
	for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
		uint8_t s[4];
		uint32_t got = 0;
		size_t len = encode(cp, s), n = text_decode(s, len, &got);

		if (cp >= 0xd800 && cp <= 0xdfff) {
			assert_int_equal(n, 0);
			continue;
		}
		assert_int_equal(n, len);
		assert_int_equal(got, cp);
		for (size_t cut = 1; cut < len; cut++)
			assert_int_equal(text_decode(s, cut, &got), 0);
	}
}

/* Of all sequences of two bytes and more exactly as many are good as there are code points of that length. */
static void nothing_else(void **state)
{
	unsigned two = 0, three = 0;
	uint32_t cp;

	(void)state;
	for (unsigned a = 0x80; a < 0x100; a++)
		for (unsigned b = 0; b < 0x100; b++) {
			two += text_decode((uint8_t[]){(uint8_t)a, (uint8_t)b}, 2, &cp) == 2;
			for (unsigned c = 0; c < 0x100; c++)
				three += text_decode((uint8_t[]){(uint8_t)a, (uint8_t)b, (uint8_t)c}, 3, &cp) == 3;
		}
	assert_int_equal(two, 0x800 - 0x80);
	assert_int_equal(three, 0x10000 - 0x800 - 0x800);
	assert_int_equal(text_decode((const uint8_t *)"\xf4\x90\x80\x80", 4, &cp), 0);
	assert_int_equal(text_decode((const uint8_t *)"\xf0\x8f\xbf\xbf", 4, &cp), 0);
	assert_int_equal(text_decode((const uint8_t *)"\xf8\x88\x80\x80\x80", 5, &cp), 0);
	assert_int_equal(text_decode((const uint8_t *)"\xc0\xaf", 2, &cp), 0);
}

static void forbidden(void **state)
{
	static const uint32_t bad[] = {0, 9, 13, 0x1b, 0x1f, 0x7f, 0x80, 0x9b, 0x9f, 0x2028, 0x2029, 0xfeff, 0xfdd0, 0xfdef,
				       0xfffe, 0xffff, 0x1fffe, 0x10ffff, 0xd800, 0x110000};
	static const uint32_t good[] = {'\n', ' ', '~', 0xa0, 0x2027, 0x202a, 0xfdcf, 0xfdf0, 0xfffd, 0x1fffd, 0x10fffd};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_true(text_forbidden(bad[i]));
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_false(text_forbidden(good[i]));
}

static void bidi(void **state)
{
	unsigned n = 0;

	(void)state;
	for (uint32_t cp = 0; cp <= 0x10ffff; cp++)
		n += text_bidi(cp);
	assert_int_equal(n, 3 + 5 + 4);
	assert_true(text_bidi(0x61c) && text_bidi(0x200e) && text_bidi(0x202e) && text_bidi(0x2066) && text_bidi(0x2069));
}

static void check_escape(const char *s, size_t len, const char *want)
{
	struct buf b = {0};

	text_escape(&b, s, len);
	buf_append(&b, "", 0);
	assert_string_equal((char *)b.data, want);
	buf_free(&b);
}

static void escapes(void **state)
{
	(void)state;
	check_escape("", 0, "");
	check_escape("a b\xc3\xa9\xf0\x9f\x98\x80", 9, "a b\xc3\xa9\xf0\x9f\x98\x80");
	check_escape("a\\x0a", 5, "a\\\\x0a");
	check_escape("a\nb\tc\0d", 7, "a\\x0ab\\x09c\\x00d");
	check_escape("\x1b[2J", 4, "\\x1b[2J");
	check_escape("\xc2\x9b" "2J", 4, "\\xc2\\x9b2J");
	check_escape("\xe2\x80\xae", 3, "\\xe2\\x80\\xae");
	check_escape("\xff\xc3", 2, "\\xff\\xc3");
	check_escape("\xe2\x80" "a", 3, "\\xe2\\x80a");
}

/* Each byte at each place of a text that spans words, and what follows it. */
static void plain(void **state)
{
	uint8_t s[40];

	(void)state;
	for (size_t len = 0; len <= sizeof s; len++)
		for (size_t at = 0; at < len; at++)
			for (unsigned byte = 0; byte < 256; byte++) {
				memset(s, byte % 2 ? 0x20 : 0x7e, sizeof s);
				s[at] = (uint8_t)byte;
				assert_int_equal(text_plain(s, len), byte >= 0x20 && byte < 0x7f ? len : at);
				if (at + 1 < len) {
					s[at + 1] = (uint8_t)(byte ^ 0x80);
					assert_true(text_plain(s, len) <= at + 1);
				}
			}
	assert_int_equal(text_plain(s, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_point), cmocka_unit_test(nothing_else), cmocka_unit_test(forbidden),
		cmocka_unit_test(bidi), cmocka_unit_test(escapes), cmocka_unit_test(plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
