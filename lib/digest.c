/*
 * SHA-256 by OpenSSL's default provider. Refuses to let a configuration file or the environment choose another
 * implementation.
 */
#include "lib/digest.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "lib/err.h"

#include "lib/banned.h"

struct digest_ctx {
	EVP_MD_CTX *md;
	bool failed;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256;	/* for the life of the process */

static void start(void)
{
	static const char *const unwanted[] = {
		"OPENSSL_CONF", "OPENSSL_CONF_INCLUDE", "OPENSSL_MODULES", "OPENSSL_ENGINES", "OPENSSL_MALLOC_FAILURES",
		"OPENSSL_TRACE", "RANDFILE", "CTLOG_FILE", "SSL_CERT_DIR", "SSL_CERT_FILE",
	};

	for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
		unsetenv(unwanted[i]);
	/* out of memory, OpenSSL 3.0 has no default context, says so nowhere, and EVP_MD_fetch crashes */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL) != 1 ||
	    OSSL_LIB_CTX_get0_global_default() == NULL)
		return;
	sha256 = EVP_MD_fetch(NULL, "SHA256", "provider=default");
	ERR_clear_error();
}

static const EVP_MD *algorithm(struct err *e)
{
	if (pthread_once(&once, start) != 0 || sha256 == NULL) {
		err_set(e, ERR_INTERNAL, "OpenSSL offers no SHA-256");
		return NULL;
	}
	return sha256;
}

int digest_start(struct err *e)
{
	return algorithm(e) == NULL ? -1 : 0;
}

#define LINE 64		/* bytes of a cache line */
#define STEP 2048	/* bytes asked for at once: a microsecond of hashing */

static void ask_for(const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i += LINE)
		__builtin_prefetch(at + i);
}

/* The next bytes are asked for while those before them are hashed. SHA-256's instructions wait for one another so that the processor
 * never looks far enough ahead by itself: from memory, or another processor's cache, it hashes a third slower. */
static bool hash(EVP_MD_CTX *md, const uint8_t *at, size_t len)
{
	bool good = true;

	ask_for(at, len < STEP ? len : STEP);
	for (; len > STEP; at += STEP, len -= STEP) {
		size_t rest = len - STEP;

		ask_for(at + STEP, rest < STEP ? rest : STEP);
		good = EVP_DigestUpdate(md, at, STEP) == 1 && good;
	}
	return EVP_DigestUpdate(md, at, len) == 1 && good;
}

int digest_of(const void *data, size_t len, struct digest *out, struct err *e)
{
	const EVP_MD *algo = algorithm(e);
	EVP_MD_CTX *md;
	bool good;

	if (algo == NULL)
		return -1;
	md = EVP_MD_CTX_new();
	good = md != NULL && EVP_DigestInit_ex2(md, algo, NULL) == 1 && hash(md, data, len) &&
	       EVP_DigestFinal_ex(md, out->bytes, NULL) == 1;
	EVP_MD_CTX_free(md);
	return good ? 0 : err_set(e, ERR_INTERNAL, "SHA-256 failed");
}

struct digest_ctx *digest_open(struct err *e)
{
	const EVP_MD *md = algorithm(e);
	struct digest_ctx *c;

	if (md == NULL)
		return NULL;
	c = calloc(1, sizeof *c);
	if (c == NULL) {
		err_mem(e);
		return NULL;
	}
	c->md = EVP_MD_CTX_new();
	if (c->md == NULL || EVP_DigestInit_ex2(c->md, md, NULL) != 1) {
		err_mem(e);
		digest_close(c);
		return NULL;
	}
	return c;
}

void digest_update(struct digest_ctx *c, const void *data, size_t len)
{
	if (!hash(c->md, data, len))
		c->failed = true;
}

int digest_final(struct digest_ctx *c, struct digest *out, struct err *e)
{
	bool failed = c->failed;

	if (EVP_DigestFinal_ex(c->md, out->bytes, NULL) != 1)
		failed = true;
	c->failed = EVP_DigestInit_ex2(c->md, sha256, NULL) != 1;
	return failed ? err_set(e, ERR_INTERNAL, "SHA-256 failed") : 0;
}

void digest_close(struct digest_ctx *c)
{
	if (c == NULL)
		return;
	EVP_MD_CTX_free(c->md);
	free(c);
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return memcmp(a->bytes, b->bytes, DIGEST_LEN) == 0;
}

int digest_compare(const struct digest *a, const struct digest *b)
{
	return memcmp(a->bytes, b->bytes, DIGEST_LEN);
}

#define FOLDERS 256
#define FEW 16	/* elements that are put in order one by one */
#define MANY 128	/* for less, qsort is quicker than to count folders, which hostile digests would have it do 32 times */

static void swap(uint8_t *a, uint8_t *b, size_t size)
{
	uint64_t x, y;
	size_t i = 0;

	for (; i + sizeof x <= size; i += sizeof x) {
		memcpy(&x, a + i, sizeof x);
		memcpy(&y, b + i, sizeof y);
		memcpy(a + i, &y, sizeof y);
		memcpy(b + i, &x, sizeof x);
	}
	for (; i < size; i++) {
		uint8_t byte = a[i];

		a[i] = b[i];
		b[i] = byte;
	}
}

static void sort_few(uint8_t *list, size_t n, size_t size, int (*order)(const void *a, const void *b))
{
	for (size_t i = 1; i < n; i++)
		for (uint8_t *at = list + i * size; at > list && order(at - size, at) > 0; at -= size)
			swap(at - size, at, size);
}

/* In place: what lies in another's folder changes places with what lies at that one's next place. end: where folders end. */
static void fill_folders(uint8_t *list, size_t n, size_t size, unsigned byte, size_t end[FOLDERS])
{
	size_t next[FOLDERS], at = 0;

	memset(end, 0, FOLDERS * sizeof *end);
	for (size_t i = 0; i < n; i++)
		end[list[i * size + byte]]++;
	for (size_t f = 0; f < FOLDERS; f++) {
		next[f] = at;
		at += end[f];
		end[f] = at;
	}
	for (size_t f = 0; f < FOLDERS; f++)
		while (next[f] < end[f]) {
			uint8_t *here = list + next[f] * size;
			size_t home = here[byte];

			if (home == f)
				next[f]++;
			else
				swap(here, list + next[home]++ * size, size);
		}
}

/* From a byte of the digest on; those before it are the same in all. */
static void sort_from(uint8_t *list, size_t n, size_t size, unsigned byte, int (*order)(const void *a, const void *b))
{
	size_t end[FOLDERS];

	if (n <= FEW) {
		sort_few(list, n, size, order);
	} else if (n < MANY || byte == DIGEST_LEN) {
		qsort(list, n, size, order);
	} else {
		fill_folders(list, n, size, byte, end);
		for (size_t f = 0; f < FOLDERS; f++) {
			size_t from = f == 0 ? 0 : end[f - 1];

			if (end[f] - from > 1)
				sort_from(list + from * size, end[f] - from, size, byte + 1, order);
		}
	}
}

void digest_sort(void *list, size_t n, size_t size, int (*order)(const void *a, const void *b))
{
	sort_from(list, n, size, 0, order);
}

char *digest_hex(const struct digest *d, char out[DIGEST_HEX + 1])
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_LEN; i++) {
		out[2 * i] = hex[d->bytes[i] >> 4];
		out[2 * i + 1] = hex[d->bytes[i] & 15];
	}
	out[DIGEST_HEX] = '\0';
	return out;
}

/* Of a lower-case hex digit its value and one, of anything else 0: branches on random digits cost more than the rest of a
 * list's parsing. */
static const uint8_t nibbles[256] = {
	['0'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
	['a'] = 11, 12, 13, 14, 15, 16,
};

int digest_parse(const char *hex, size_t len, struct digest *out)
{
	struct digest d;
	unsigned bad = 0;

	if (len != DIGEST_HEX)
		return -1;
	for (size_t i = 0; i < DIGEST_LEN; i++) {
		unsigned high = nibbles[(unsigned char)hex[2 * i]] - 1u, low = nibbles[(unsigned char)hex[2 * i + 1]] - 1u;

		bad |= high | low;
		d.bytes[i] = (uint8_t)(high << 4 | low);
	}
	if (bad > 0xf)
		return -1;
	*out = d;
	return 0;
}
