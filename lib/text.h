/*
 * UTF-8, and which code points may stand in names and documents.
 */
#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * Decodes one code point at s (len > 0 bytes left). Returns its length 1..4 with *cp set, or 0 where the bytes are
 * not well-formed UTF-8 (overlong, surrogate, above U+10FFFF, cut off). Unicode 15, table 3-7.
 */
size_t text_decode(const uint8_t *s, size_t len, uint32_t *cp);

/* How many of the first bytes are printable ASCII, which no rule of documents or names forbids: they need no decoding. */
size_t text_plain(const uint8_t *s, size_t len);

/* A code point no document may contain: C0 but LF, DEL, C1, U+2028, U+2029, U+FEFF, U+FFFE.. and other noncharacters. */
bool text_forbidden(uint32_t cp);

/* A bidirectional control: U+061C, U+200E, U+200F, U+202A..U+202E, U+2066..U+2069. Not allowed in names. */
bool text_bidi(uint32_t cp);

/*
 * Appends s, made safe for a terminal: printable well-formed UTF-8 stays, a backslash becomes two, everything else
 * (text_forbidden including LF, text_bidi, ill-formed bytes) becomes \xHH byte by byte.
 */
void text_escape(struct buf *out, const char *s, size_t len);

#endif
