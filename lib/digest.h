/*
 * SHA-256 (FIPS 180-4) by OpenSSL. One fetched algorithm for the process (digest_start), one context per stream.
 */
#ifndef LIB_DIGEST_H
#define LIB_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define DIGEST_LEN 32
#define DIGEST_HEX 64

struct digest {
	uint8_t bytes[DIGEST_LEN];
};

/*
 * Starts OpenSSL without reading its configuration file or any environment variable of it. Called first thing in
 * each main, before any thread. 0 or -1.
 */
int digest_start(struct err *e);

int digest_of(const void *data, size_t len, struct digest *out, struct err *e);

struct digest_ctx;		/* a running hash */
struct digest_ctx *digest_open(struct err *e);	/* NULL on error; may be used again after digest_final */
void digest_update(struct digest_ctx *c, const void *data, size_t len);	/* a failure is latched until final */
int digest_final(struct digest_ctx *c, struct digest *out, struct err *e);	/* and starts anew */
void digest_close(struct digest_ctx *c);

bool digest_equal(const struct digest *a, const struct digest *b);
int digest_compare(const struct digest *a, const struct digest *b);	/* <0, 0, >0 by bytes */
/* qsort, in place, for n elements that begin with a digest, by what `order` says, which goes by the digest first: digests fall into folders
 * by byte after byte, evenly where nobody takes pains, so that few are left to compare; else it takes some times as long as qsort. */
void digest_sort(void *list, size_t n, size_t size, int (*order)(const void *a, const void *b));
char *digest_hex(const struct digest *d, char out[DIGEST_HEX + 1]);	/* lower case; returns out */
int digest_parse(const char *hex, size_t len, struct digest *out);	/* exactly 64 lower-case digits: 0, else -1 */

#endif
