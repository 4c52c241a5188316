/*
 * UTF-8 after table 3-7 of the Unicode standard, and escaping for terminals. Refuses overlong forms, surrogates,
 * values above U+10FFFF and sequences that are cut off.
 */
#include "lib/text.h"

#include <string.h>

#include "lib/buf.h"

#include "lib/banned.h"

static bool in(uint32_t c, uint32_t low, uint32_t high)
{
	return c >= low && c <= high;
}

/* The second byte of a sequence has bounds of its own after E0, ED, F0 and F4. */
static bool second_ok(uint8_t first, uint8_t second)
{
	switch (first) {
	case 0xe0:
		return in(second, 0xa0, 0xbf);
	case 0xed:
		return in(second, 0x80, 0x9f);
	case 0xf0:
		return in(second, 0x90, 0xbf);
	case 0xf4:
		return in(second, 0x80, 0x8f);
	default:
		return in(second, 0x80, 0xbf);
	}
}

size_t text_decode(const uint8_t *s, size_t len, uint32_t *cp)
{
	size_t n;

	if (s[0] < 0x80) {
		*cp = s[0];
		return 1;
	}
	n = in(s[0], 0xc2, 0xdf) ? 2 : in(s[0], 0xe0, 0xef) ? 3 : in(s[0], 0xf0, 0xf4) ? 4 : 0;
	if (n == 0 || len < n || !second_ok(s[0], s[1]))
		return 0;
	*cp = s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | (s[i] & 0x3fu);
	}
	return n;
}

size_t text_plain(const uint8_t *s, size_t len)
{
	const uint64_t every = UINT64_MAX / 0xff, high = every * 0x80;
	size_t n = 0;

	for (uint64_t w; len - n >= sizeof w; n += sizeof w) {
		memcpy(&w, s + n, sizeof w);
		if ((w | (w - every * 0x20) | (w + every)) & high)	/* a byte above 7f, below 20, 7f: or borrowed from, and looked at below */
			break;
	}
	while (n < len && s[n] >= 0x20 && s[n] < 0x7f)
		n++;
	return n;
}

bool text_forbidden(uint32_t cp)
{
	if (cp < 0x20)
		return cp != '\n';
	return in(cp, 0x7f, 0x9f) || cp == 0x2028 || cp == 0x2029 || cp == 0xfeff || in(cp, 0xfdd0, 0xfdef) ||
	       (cp & 0xfffe) == 0xfffe || in(cp, 0xd800, 0xdfff) || cp > 0x10ffff;
}

bool text_bidi(uint32_t cp)
{
	return cp == 0x61c || cp == 0x200e || cp == 0x200f || in(cp, 0x202a, 0x202e) || in(cp, 0x2066, 0x2069);
}

void text_escape(struct buf *out, const char *s, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	const uint8_t *p = (const uint8_t *)s;

	while (len > 0) {
		uint32_t cp = 0;
		size_t n = text_decode(p, len, &cp);

		if (n == 1 && cp == '\\') {
			buf_append(out, "\\\\", 2);
		} else if (n > 0 && cp != '\n' && !text_forbidden(cp) && !text_bidi(cp)) {
			buf_append(out, p, n);
		} else {
			if (n == 0)
				n = 1;
			for (size_t i = 0; i < n; i++) {
				char code[4] = {'\\', 'x', hex[p[i] >> 4], hex[p[i] & 15]};

				buf_append(out, code, sizeof code);
			}
		}
		p += n;
		len -= n;
	}
}
