/*
 * Whom a bundle is for. receipts | ADDRESSEES | select. Refuses destinations that the station does not know.
 */
#include "export/addressees.h"

#include <stdlib.h>
#include <string.h>

#include "export/receipts.h"
#include "export/station.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/options.h"
#include "lib/say.h"
#include "manifests/limits.h"
#include "manifests/receipt.h"

#include "lib/banned.h"

/* What a bundle may hold. */
static const char *const formats[] = {"approvals/1", "contents-part/1", "contents/1", "manifest/1", "trust/1", "volume/1"};

static int by_name(const void *a, const void *b)
{
	const struct station_destination *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static const struct station_destination *find(const struct station *s, const char *name)
{
	for (size_t i = 0; i < s->config.destinations_n; i++)
		if (strcmp(s->config.destinations[i].name, name) == 0)
			return &s->config.destinations[i];
	return NULL;
}

/* Sorted and distinct, so that the order of options changes nothing. */
int addressees_take(struct addressees *a, const struct station *s, const struct args *args, struct manifest *m,
		    struct arena *arena, struct err *e)
{
	size_t given = args_count(args, "for");

	a->list = calloc(given + 1, sizeof *a->list);
	m->destinations = arena_alloc(arena, (given + 1) * sizeof(char *));
	if (!a->list || !m->destinations)
		return err_mem(e);
	for (size_t i = 0; i < given; i++) {
		const char *name = args_nth(args, "for", i);

		a->list[i] = find(s, name);
		if (!a->list[i]) {
			err_set(e, ERR_USAGE, "--for %s: no destination of that name", name);
			return err_hint(e, "`satchel-export destination list` names them, `destination add` makes one");
		}
	}
	qsort(a->list, given, sizeof *a->list, by_name);
	for (size_t i = 0; i < given; i++)
		if (a->n == 0 || a->list[a->n - 1] != a->list[i])
			a->list[a->n++] = a->list[i];
	for (size_t i = 0; i < a->n; i++)
		m->destinations[i] = a->list[i]->name;
	m->destinations_n = a->n;
	return 0;
}

int addressees_ask(struct addressees *a, const struct station *s, enum confirmed_use use, struct err *e)
{
	if (a->n == 0)
		return 0;
	a->confirmed = calloc(a->n + 1, sizeof *a->confirmed);
	if (!a->confirmed)
		return err_mem(e);
	for (size_t i = 0; i < a->n; i++) {
		a->confirmed[i] = confirmed_open(s, a->list[i], use, e);
		if (!a->confirmed[i])
			return -1;
	}
	return 0;
}

static bool reads(const struct receipt *r, const char *format)
{
	for (size_t i = 0; i < r->reads_n; i++)
		if (strcmp(r->reads[i], format) == 0)
			return true;
	return false;
}

static void warn_receipt(const struct station_destination *d, const struct receipt *r, const char *stream)
{
	const struct receipt_stream *s = receipt_stream(r, stream);

	if (!s)
		say_warn("%s does not follow the stream %s, by its newest receipt", d->name, stream);
	else if (!receipts_same_rings(d, s))
		say_warn("%s follows other rings than " CONFIG_NAME " says, by its newest receipt; the bundle is packed by "
			 CONFIG_NAME, d->name);
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (!reads(r, formats[i]))
			say_warn("%s can't read %s, by its newest receipt", d->name, formats[i]);
}

/* What the objects carried rest on. */
static void tell_confirmed(const struct station_destination *d, const struct confirmed *c, const char *stream)
{
	const struct receipt *r = confirmed_receipt(c);
	char time[32];

	if (r) {
		say_note("%s: by receipt %llu of %s", d->name, (unsigned long long)r->counter, num_format_time(r->time, time));
		warn_receipt(d, r, stream);
	} else if (!confirmed_any(c)) {
		say_note("%s: nothing is known of what it holds; all it needs is carried", d->name);
	}
}

static int tell_newest(const struct station *s, const struct station_destination *d, struct err *e)
{
	struct receipt *r;
	int rc = receipts_newest(s, d->name, &r, e);

	if (rc == 0)
		warn_receipt(d, r, s->config.stream);
	receipt_free(r);
	return rc == -1 ? -1 : 0;
}

int addressees_tell(const struct addressees *a, const struct station *s, struct err *e)
{
	const struct station_config *c = &s->config;
	size_t n = a->n > 0 ? a->n : c->destinations_n;

	for (size_t i = 0; i < n; i++) {
		if (a->confirmed)
			tell_confirmed(a->list[i], a->confirmed[i], c->stream);
		else if (tell_newest(s, a->n > 0 ? a->list[i] : &c->destinations[i], e) == -1)
			return -1;
	}
	return 0;
}

void addressees_free(struct addressees *a)
{
	for (size_t i = 0; a->confirmed && i < a->n; i++)
		confirmed_free(a->confirmed[i]);
	free(a->confirmed);
	free(a->list);
}
