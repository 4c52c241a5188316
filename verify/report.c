/*
 * Findings and notes of an audit (verify/report.h), for people and as JSON. Besides show and main the only part of the
 * audit that prints.
 */
#include "verify/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json.h"
#include "lib/say.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define TEXT 8192	/* two paths of the greatest length, and words */

static void say_found(const char *kind, const char *what, const char *place, const char *message)
{
	json_t *o = json_object();

	json_put_text(o, kind, what);
	json_put_text(o, "place", place);
	if (message != what)
		json_put_text(o, "message", message);
	say_object(o);
}

static void put_finding(struct report *r, int reason, const char *place, const char *text)
{
	pthread_mutex_lock(&r->lock);
	r->findings++;
	if (reason_exit(reason) == 3)
		r->damaged = true;
	else
		r->refused = true;
	if (r->each != NULL)
		r->each(r->arg, reason, place, text);
	else if (say_json())
		say_found("finding", reason_word(reason), place, text);
	else
		say_line("%s: %s (%s)", place, text, reason_word(reason));
	pthread_mutex_unlock(&r->lock);
}

void report_finding(struct report *r, int reason, const char *place, const char *fmt, ...)
{
	char text[TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	put_finding(r, reason, place, text);
}

/* The text without the place, where it names it already, perhaps with more before it. */
static const char *without_place(const char *text, const char *place)
{
	const char *at = strstr(text, place), *rest = at == NULL ? NULL : at + strlen(place);

	if (rest != NULL && rest[0] == '/' && rest[1] != '\0')
		return rest + 1;
	return rest != NULL && rest[0] == ':' && rest[1] == ' ' ? rest + 2 : text;
}

void report_err(struct report *r, const char *place, struct err *e)
{
	put_finding(r, e->reason, place, without_place(e->text, place));
	err_clear(e);
}

void report_note(struct report *r, const char *place, const char *fmt, ...)
{
	char text[TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&r->lock);
	r->notes++;
	if (say_json())
		say_found("note", text, place, text);
	else
		say_line("%s: note: %s", place, text);
	pthread_mutex_unlock(&r->lock);
}

int report_exit(const struct report *r)
{
	return r->refused ? 1 : r->damaged ? 3 : 0;
}

bool report_is_fatal(const struct err *e)
{
	return e->reason == ERR_MEMORY || e->reason == ERR_NO_SPACE || e->reason == ERR_INTERNAL;
}
