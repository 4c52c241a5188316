/*
 * A growable byte string. Zero-initialise it; free with buf_free. `data` is always followed by a NUL byte that is
 * not counted (once anything was appended), so text can be passed on as a C string.
 * Errors are latched: after a failed append (out of memory, or the growth limit passed) every later append fails
 * too, and buf_ok says so once at the end.
 */
#ifndef LIB_BUF_H
#define LIB_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define BUF_MAX ((size_t)1 << 30)	/* growth limit: whoever needs more should stream */

struct buf {
	uint8_t *data;
	size_t len;
	size_t cap;
	bool failed;
};

void buf_free(struct buf *b);		/* also makes it empty and usable again */
void buf_wipe(struct buf *b);		/* buf_free, overwriting what was secret first */
void buf_clear(struct buf *b);		/* len = 0, keeps the memory and clears `failed` */
int buf_reserve(struct buf *b, size_t more);	/* room for `more` further bytes: 0, or -1 and latched */
void buf_append(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_ok(const struct buf *b, struct err *e);	/* 0, or -1 with ERR_MEMORY when an append failed */

#endif
