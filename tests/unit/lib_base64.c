/*
 * Base64: RFC 4648's own examples, every length, and only the one canonical text.
 */
#include "lib/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void examples(void **state)
{
	static const char *const rows[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
					      {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xff\xfe\xfd", "//79"}};
	char text[16];
	uint8_t back[16];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *data = rows[i][0], *want = rows[i][1];

		assert_string_equal(base64_encode((const uint8_t *)data, strlen(data), text), want);
		assert_int_equal(BASE64_LEN(strlen(data)), strlen(want));
		assert_int_equal(base64_decode(want, strlen(want), back, sizeof back, &n), 0);
		assert_int_equal(n, strlen(data));
		assert_memory_equal(back, data, n);
		if (n > 0)
			assert_int_equal(base64_decode(want, strlen(want), back, n - 1, &n), -1);
	}
}

static void anything_else_is_refused(void **state)
{
	static const char *const bad[] = {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Zm 8", "Zm8\n", "Z===", "====", "=Zg=",
					  "Zm9-", "Zm9_", "Zm8=\n", "Z\303\251g"};
	uint8_t back[16];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(base64_decode(bad[i], strlen(bad[i]), back, sizeof back, &n), -1);
	assert_int_equal(base64_decode("Zg\0=", 4, back, sizeof back, &n), -1);
}

static void every_length(void **state)
{
	uint8_t data[64], back[64];
	char text[BASE64_LEN(64) + 1];
	size_t n;

	(void)state;
	for (size_t len = 0; len <= sizeof data; len++) {
		for (size_t i = 0; i < len; i++)
			data[i] = (uint8_t)(i * 37 + len * 11);
		base64_encode(data, len, text);
		assert_int_equal(base64_decode(text, strlen(text), back, len, &n), 0);
		assert_int_equal(n, len);
		assert_memory_equal(data, back, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples), cmocka_unit_test(anything_else_is_refused), cmocka_unit_test(every_length)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
