/*
 * Base64 (RFC 4648, section 4) in its one canonical form, for what is short: keys and signatures.
 */
#ifndef LIB_BASE64_H
#define LIB_BASE64_H

#include <stddef.h>
#include <stdint.h>

#define BASE64_LEN(bytes) (((bytes) + 2) / 3 * 4)

/* The text of len bytes into out, with a NUL: BASE64_LEN(len) + 1 bytes. Returns out. */
char *base64_encode(const uint8_t *data, size_t len, char *out);
/*
 * The bytes of a text of len characters into out, at most max of them. 0; -1 where it is not exactly what base64_encode
 * makes of some bytes (blanks, missing '=' and stray bits are no encoding), or of more.
 */
int base64_decode(const char *text, size_t len, uint8_t *out, size_t max, size_t *n);

#endif
