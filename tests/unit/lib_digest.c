/*
 * lib/digest: known answers (FIPS 180-4 examples), streams, hex, and deafness for the environment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/digest.h"
#include "lib/err.h"

#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define MILLION "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

static void known(void **state)
{
	struct digest d;
	char hex[DIGEST_HEX + 1];

	(void)state;
	assert_int_equal(digest_of("abc", 3, &d, NULL), 0);
	assert_string_equal(digest_hex(&d, hex), ABC);
	assert_int_equal(digest_of("", 0, &d, NULL), 0);
	assert_string_equal(digest_hex(&d, hex), EMPTY);
}

static void streams(void **state)
{
	struct digest_ctx *c = digest_open(NULL);
	struct digest d;
	char hex[DIGEST_HEX + 1], a[1000];

	(void)state;
	assert_non_null(c);
	memset(a, 'a', sizeof a);
	for (int i = 0; i < 1000; i++)
		digest_update(c, a, sizeof a);
	assert_int_equal(digest_final(c, &d, NULL), 0);
	assert_string_equal(digest_hex(&d, hex), MILLION);
	digest_update(c, "a", 1);	/* the context starts anew */
	digest_update(c, "", 0);
	digest_update(c, "bc", 2);
	assert_int_equal(digest_final(c, &d, NULL), 0);
	assert_string_equal(digest_hex(&d, hex), ABC);
	assert_int_equal(digest_final(c, &d, NULL), 0);
	assert_string_equal(digest_hex(&d, hex), EMPTY);
	digest_close(c);
	digest_close(NULL);
}

/* Long strings are hashed in steps: all bytes, in order, whatever the length. */
static void lengths(void **state)
{
	struct digest_ctx *c = digest_open(NULL);
	struct digest one, whole, pieces;
	uint8_t data[6500];

	(void)state;
	assert_non_null(c);
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	for (size_t len = 1; len <= sizeof data; len++) {
		if (len % 64 > 2 && len % 64 < 62)	/* around blocks, and with them around steps */
			continue;
		assert_int_equal(digest_of(data, len, &one, NULL), 0);
		digest_update(c, data, len);
		assert_int_equal(digest_final(c, &whole, NULL), 0);
		for (size_t at = 0; at < len; at += 61)
			digest_update(c, data + at, len - at < 61 ? len - at : 61);
		assert_int_equal(digest_final(c, &pieces, NULL), 0);
		assert_memory_equal(&one, &pieces, sizeof one);
		assert_memory_equal(&whole, &pieces, sizeof whole);
	}
	digest_close(c);
}

static void hex(void **state)
{
	struct digest d = {{1}}, same = d;

	(void)state;
	assert_int_equal(digest_parse(ABC, 64, &d), 0);
	assert_int_equal(d.bytes[0], 0xba);
	assert_int_equal(d.bytes[31], 0xad);
	same = d;
	assert_int_equal(digest_parse(ABC, 63, &d), -1);
	assert_int_equal(digest_parse(ABC "0", 65, &d), -1);
	assert_int_equal(digest_parse("BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 64, &d), -1);
	assert_int_equal(digest_parse("ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 64, &d), -1);
	assert_int_equal(digest_parse("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a ", 64, &d), -1);
	assert_true(digest_equal(&d, &same));
}

static void order(void **state)
{
	struct digest a = {{0}}, b = {{0}};

	(void)state;
	assert_int_equal(digest_compare(&a, &b), 0);
	b.bytes[31] = 1;
	assert_false(digest_equal(&a, &b));
	assert_true(digest_compare(&a, &b) < 0);
	a.bytes[0] = 0x80;
	assert_true(digest_compare(&a, &b) > 0);
}

struct numbered {
	struct digest d;
	uint32_t number;
};

static int by_digest_and_number(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;
	int c = digest_compare(&x->d, &y->d);

	return c != 0 ? c : (x->number > y->number) - (x->number < y->number);
}

/* The same as qsort: for few and many, spread evenly or all alike in their first bits, with some twice; all the same. */
static void sorting(void **state)
{
	const size_t sizes[] = {0, 1, 100, 5000, 200000}, alikes[] = {0, 2, DIGEST_LEN - 1, DIGEST_LEN};

	(void)state;
	for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
		for (unsigned a = 0; a < sizeof alikes / sizeof *alikes; a++) {
			size_t n = sizes[k];
			struct numbered *list = calloc(n + 1, sizeof *list), *want = calloc(n + 1, sizeof *want);

			for (size_t i = 0; i < n; i++) {
				uint32_t value = (uint32_t)(i % (n - n / 10 + 1));

				assert_int_equal(digest_of(&value, sizeof value, &list[i].d, NULL), 0);
				memset(list[i].d.bytes, 7, alikes[a]);
				want[i] = list[i] = (struct numbered){list[i].d, (uint32_t)(n - i)};
			}
			qsort(want, n, sizeof *want, by_digest_and_number);
			digest_sort(list, n, sizeof *list, by_digest_and_number);
			for (size_t i = 0; i < n; i++)
				assert_int_equal(by_digest_and_number(&list[i], &want[i]), 0);
			free(list);
			free(want);
		}
}

/* A configuration that would leave the process without SHA-256, were it read. Set before the first use of OpenSSL. */
static int hostile_environment(void **state)
{
	(void)state;
	setenv("OPENSSL_CONF", "/dev/null/nothing", 1);
	setenv("OPENSSL_MODULES", "/nonexistent", 1);
	setenv("OPENSSL_ENGINES", "/nonexistent", 1);
	return digest_start(NULL);
}

static void environment(void **state)
{
	(void)state;
	assert_null(getenv("OPENSSL_CONF"));
	assert_null(getenv("OPENSSL_MODULES"));
	assert_null(getenv("OPENSSL_ENGINES"));
	assert_int_equal(digest_start(NULL), 0);	/* again is fine */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(environment), cmocka_unit_test(known), cmocka_unit_test(streams),
		cmocka_unit_test(lengths), cmocka_unit_test(hex), cmocka_unit_test(order), cmocka_unit_test(sorting),
	};

	return cmocka_run_group_tests(tests, hostile_environment, NULL);
}
