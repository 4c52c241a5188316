/*
 * Errors as values: the first one stays, places and next steps are added around it. Refuses nothing; texts that are
 * too long are cut so that both their ends stay.
 */
#include "lib/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/banned.h"

#define TEXT sizeof(((struct err *)0)->text)

/* Steps back from a cut inside a UTF-8 sequence. */
static size_t whole(const char *s, size_t len)
{
	while (len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80)
		len--;
	return len;
}

/* e->text = head sep tail. Where that is too long, each side keeps at least half of the room. */
static void join(struct err *e, const char *head, const char *sep, const char *tail)
{
	char out[TEXT];
	size_t room = TEXT - 1 - strlen(sep);
	size_t head_len = strlen(head), tail_len = strlen(tail);

	if (head_len + tail_len > room) {
		size_t head_min = head_len < room / 2 ? head_len : room / 2;

		if (tail_len > room - head_min)
			tail_len = whole(tail, room - head_min);
		if (head_len > room - tail_len)
			head_len = whole(head, room - tail_len);
	}
	snprintf(out, sizeof out, "%.*s%s%.*s", (int)head_len, head, sep, (int)tail_len, tail);
	memcpy(e->text, out, sizeof out);
}

static void format(char out[TEXT], const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
static void format(char out[TEXT], const char *fmt, va_list ap)
{
	int n = vsnprintf(out, TEXT, fmt, ap);

	if (n < 0)
		out[0] = '\0';
	else if ((size_t)n >= TEXT) {
		size_t len = TEXT - 1;

		/* the byte that would follow is lost, so look at the sequence that ends the text */
		while (len > 0 && ((unsigned char)out[len - 1] & 0xc0) == 0x80)
			len--;
		if (len > 0 && (unsigned char)out[len - 1] >= 0xc0)
			len--;
		out[len] = '\0';
	}
}

static int reason_of(int sys)
{
	switch (sys) {
	case ENOSPC:
	case EDQUOT:
		return ERR_NO_SPACE;
	case ENOMEM:
		return ERR_MEMORY;
	case ENOENT:
	case ENOTDIR:
		return ERR_MISSING;
	case ELOOP:	/* a link where none may be */
	case ENXIO:	/* a socket */
		return ERR_FILE_TYPE;
	default:
		return ERR_IO;
	}
}

int err_set(struct err *e, int reason, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL || e->reason != ERR_NONE)
		return -1;
	e->reason = reason == ERR_NONE ? ERR_INTERNAL : reason;
	e->sys = 0;
	va_start(ap, fmt);
	format(e->text, fmt, ap);
	va_end(ap);
	return -1;
}

int err_sys(struct err *e, const char *fmt, ...)
{
	int sys = errno;
	char head[TEXT], scratch[128];
	va_list ap;

	if (e == NULL || e->reason != ERR_NONE)
		return -1;
	va_start(ap, fmt);
	format(head, fmt, ap);
	va_end(ap);
	e->reason = reason_of(sys);
	e->sys = sys;
	join(e, head, ": ", strerror_r(sys, scratch, sizeof scratch));
	return -1;
}

int err_mem(struct err *e)
{
	return err_set(e, ERR_MEMORY, "out of memory");
}

int err_prefix(struct err *e, const char *fmt, ...)
{
	char head[TEXT];
	va_list ap;

	if (e == NULL || e->reason == ERR_NONE)
		return -1;
	va_start(ap, fmt);
	format(head, fmt, ap);
	va_end(ap);
	join(e, head, ": ", e->text);
	return -1;
}

int err_hint(struct err *e, const char *fmt, ...)
{
	char tail[TEXT], head[TEXT];
	va_list ap;

	if (e == NULL || e->reason == ERR_NONE)
		return -1;
	va_start(ap, fmt);
	format(tail, fmt, ap);
	va_end(ap);
	memcpy(head, e->text, sizeof head);
	join(e, head, "; ", tail);
	return -1;
}

void err_clear(struct err *e)
{
	if (e != NULL)
		*e = (struct err){0};
}
