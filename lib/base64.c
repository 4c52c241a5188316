/*
 * Base64. Refuses every text that is not the canonical one of its bytes.
 */
#include "lib/base64.h"

#include <string.h>

#include "lib/banned.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const uint8_t *data, size_t len, char *out)
{
	size_t n = 0;

	for (size_t at = 0; at < len; at += 3) {
		uint32_t v = (uint32_t)data[at] << 16;

		if (at + 1 < len)
			v |= (uint32_t)data[at + 1] << 8;
		if (at + 2 < len)
			v |= data[at + 2];
		out[n++] = digits[v >> 18];
		out[n++] = digits[v >> 12 & 63];
		out[n++] = at + 1 < len ? digits[v >> 6 & 63] : '=';
		out[n++] = at + 2 < len ? digits[v & 63] : '=';
	}
	out[n] = '\0';
	return out;
}

/* Value of the four characters at text, and how many '=' end them; -1 where they are none. */
static int quad(const char *text, uint32_t *value, size_t *pad)
{
	*value = 0;
	*pad = text[3] != '=' ? 0 : text[2] != '=' ? 1 : 2;
	for (size_t i = 0; i < 4; i++) {
		const char *p = i < 4 - *pad && text[i] != '\0' ? memchr(digits, text[i], 64) : NULL;

		if (!p && i < 4 - *pad)
			return -1;
		*value = *value << 6 | (p ? (uint32_t)(p - digits) : 0);
	}
	return 0;
}

int base64_decode(const char *text, size_t len, uint8_t *out, size_t max, size_t *n)
{
	*n = 0;
	if (len % 4 != 0)
		return -1;
	for (size_t at = 0; at < len; at += 4) {
		uint32_t v;
		size_t pad;

		if (quad(text + at, &v, &pad) == -1 || (pad > 0 && at + 4 != len) || *n + 3 - pad > max)
			return -1;
		if (v & ((1u << 8 * pad) - 1))	/* bits that stand for nothing */
			return -1;
		for (size_t i = 0; i < 3 - pad; i++)
			out[(*n)++] = (uint8_t)(v >> (16 - 8 * i));
	}
	return 0;
}
