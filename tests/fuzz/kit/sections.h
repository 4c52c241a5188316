/*
 * Inputs of several files, as one text that a fuzzer can change anywhere and that stays consistent all the same: what one
 * file says of another (digest, size, place, signature) is written as a token, and filled in after the change.
 *
 *     === NAME            a file of a bundle; its bytes follow, up to the next such line
 *     === object          an object of the next volume
 *     === tar NAME        a volume of the objects since the last one, made here: its tar in one zstd frame. The body is
 *                         changes to the tar, of three bytes each: place (big-endian) and the byte to put there
 *     === sig N K         the signature file of file N by key K, made here, unless it has a body
 *
 * In bodies, with N a file by its number (0-9, a-z) and K a key (A-F):
 *
 *     @N digest   #N size   ~N where an object's data begins in the tar   !N bytes of a volume's tar
 *     $K id of a key   %K its public key in base64   ^K its prefix in a signature's name
 *
 * A token of what isn't there yet stays as it is. The keys are the same in every run: Ed25519, made from their letter.
 */
#ifndef TESTS_FUZZ_KIT_SECTIONS_H
#define TESTS_FUZZ_KIT_SECTIONS_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/digest.h"

#define SECTIONS_MAX 36
#define SECTIONS_KEYS 6
#define SECTIONS_BYTES (256u << 10)	/* of one section, filled in */

struct section {
	char name[128];
	struct buf bytes;
	struct digest sha256;
	uint64_t at;		/* an object: where its data begins in its volume's tar */
	uint64_t holds;		/* a volume: bytes of its tar */
	bool object;
};
struct sections {
	struct section list[SECTIONS_MAX];
	size_t n;
};
void sections_read(struct sections *s, const uint8_t *data, size_t len);
void sections_free(struct sections *s);
const struct section *sections_find(const struct sections *s, const char *name);	/* or NULL */
const struct section *sections_object(const struct sections *s, const struct digest *d);	/* or NULL */

#endif
