/*
 * The journal as receipts tell it. Memory is that of the newest lines asked for. Texts come from media and are escaped, and
 * cut, until they can stand in a document.
 */
#include "import/past.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/text.h"
#include "manifests/journal.h"

#include "lib/banned.h"

#define MAX_REASON 64

void past_add(struct past *p, const struct receipt_history *h)
{
	p->history[p->history_n++ % MAX_RECEIPT_HISTORY] = *h;
	p->counter = h->counter > p->counter ? h->counter : p->counter;
}

/* A text that a document can hold, at most max bytes; NULL where there is nothing to hold. */
static int keep_text(const char *s, size_t max, char **out, struct err *e)
{
	struct buf safe = {0};
	size_t len;

	*out = NULL;
	if (s == NULL || *s == '\0')
		return 0;
	text_escape(&safe, s, strlen(s));
	if (buf_ok(&safe, e) == -1) {
		buf_free(&safe);
		return -1;
	}
	len = safe.len < max ? safe.len : max;
	while (len > 0 && len < safe.len && (safe.data[len] & 0xc0) == 0x80)
		len--;
	*out = strndup((const char *)safe.data, len);
	buf_free(&safe);
	return *out == NULL ? err_mem(e) : 0;
}

static void clear_refusal(struct receipt_refusal *r)
{
	free(r->reason);
	free(r->bundle);
	free(r->text);
	*r = (struct receipt_refusal){0};
}

static int add_refusal(struct past *p, int event, const json_t *o, struct err *e)
{
	struct receipt_refusal *r = &p->refusals[p->refusals_n % MAX_RECEIPT_REFUSALS];
	const char *time = json_get_text(o, "time"), *reason = json_get_text(o, event == RECEIPT_ALARM ? "what" : "reason");

	clear_refusal(r);
	r->event = event;
	if (time == NULL || num_parse_time(time, strlen(time), &r->time) == -1)
		return 0;
	if (keep_text(reason == NULL ? "none" : reason, MAX_REASON, &r->reason, e) == -1 ||
	    keep_text(json_get_text(o, "bundle"), MAX_TITLE_LEN, &r->bundle, e) == -1 ||
	    keep_text(json_get_text(o, "text"), MAX_TITLE_LEN, &r->text, e) == -1)
		return -1;
	p->refusals_n++;
	return 0;
}

static int keep_sandbox(struct past *p, const json_t *o, struct err *e)
{
	const char *text = json_get_text(o, "sandbox");

	if (text == NULL)
		return 0;
	free(p->sandbox);
	return keep_text(text, RECEIPT_MAX_SANDBOX, &p->sandbox, e);
}

static int look(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	struct past *p = arg;
	struct receipt_history h = {.length = n, .head = *line};
	const char *event = json_get_text(o, "event");

	if (keep_sandbox(p, o, e) == -1)
		return -1;
	if (strcmp(event, "receipt") == 0 && json_get_number(o, "counter", &h.counter) == 0)
		past_add(p, &h);
	else if (strcmp(event, "refused") == 0)
		return add_refusal(p, RECEIPT_REFUSED, o, e);
	else if (strcmp(event, "failed") == 0)
		return add_refusal(p, RECEIPT_FAILED, o, e);
	else if (strcmp(event, "alarm") == 0)
		return add_refusal(p, RECEIPT_ALARM, o, e);
	return 0;
}

int past_read(const struct file *store, struct past *p, struct err *e)
{
	return journal_read(store, "journal.jsonl", look, p, NULL, NULL, e);
}

int past_fill(struct past *p, struct receipt *r, struct err *e)
{
	size_t h = p->history_n, f = p->refusals_n;

	r->sandbox = p->sandbox;
	r->history_n = h < MAX_RECEIPT_HISTORY ? h : MAX_RECEIPT_HISTORY;
	r->refusals_n = f < MAX_RECEIPT_REFUSALS ? f : MAX_RECEIPT_REFUSALS;
	r->history = arena_alloc(&p->arena, (r->history_n + 1) * sizeof *r->history);
	r->refusals = arena_alloc(&p->arena, (r->refusals_n + 1) * sizeof *r->refusals);
	if (r->history == NULL || r->refusals == NULL)
		return err_mem(e);
	for (size_t i = 0; i < r->history_n; i++)
		r->history[i] = p->history[(h - r->history_n + i) % MAX_RECEIPT_HISTORY];
	for (size_t i = 0; i < r->refusals_n; i++)
		r->refusals[i] = p->refusals[(f - r->refusals_n + i) % MAX_RECEIPT_REFUSALS];
	return 0;
}

void past_free(struct past *p)
{
	for (size_t i = 0; i < MAX_RECEIPT_REFUSALS; i++)
		clear_refusal(&p->refusals[i]);
	free(p->sandbox);
	arena_free(&p->arena);
}
