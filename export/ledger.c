/*
 * The ledger, beside every step that decides, signs or packs. Refuses nothing; lines stay below the limit of FORMAT 10.
 */
#include "export/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/station.h"
#include "lib/err.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define BATCH_BYTES (64u << 10)	/* of item names in a line; each byte can become six in JSON */
#define BATCH_ITEMS 1000

int ledger_append(struct station *s, const char *event, json_t *members, struct err *e)
{
	if (json_put_text(members, "user", station_user()) == -1) {
		json_decref(members);
		return err_mem(e);
	}
	return journal_append(s->ledger, s->now, event, members, e);
}

int ledger_put_key(json_t *o, const struct digest *id)
{
	char hex[DIGEST_HEX + 1];

	return json_put_text(o, "key", digest_hex(id, hex));
}

int ledger_put_list(json_t *o, uint64_t epoch, uint64_t revision, const struct digest *d)
{
	char hex[DIGEST_HEX + 1];

	return json_put_number(o, "epoch", epoch) == -1 || json_put_number(o, "revision", revision) == -1 ||
	       json_put_text(o, "sha256", digest_hex(d, hex)) == -1 ? -1 : 0;
}

int ledger_read(const struct station *s,
		int (*each)(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e), void *arg,
		struct err *broken, struct err *e)
{
	struct err why = {0};

	if (journal_read(&s->dir, LEDGER_NAME, each, arg, NULL, NULL, &why) == 0)
		return 0;
	if (why.reason != R_JOURNAL && why.reason != ERR_MISSING) {
		*e = why;
		return -1;
	}
	if (broken != NULL)
		*broken = why;
	return 0;
}

struct frozen {
	const struct approvals *list;
	char sha256[DIGEST_HEX + 1];	/* empty: nothing is told */
};

static int find_freeze(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	struct frozen *f = arg;
	const char *sha256 = json_get_text(o, "sha256");
	uint64_t epoch, revision;

	(void)n;
	(void)line;
	(void)e;
	if (sha256 != NULL && strcmp(json_get_text(o, "event"), "freeze") == 0 && json_get_number(o, "epoch", &epoch) == 0 &&
	    json_get_number(o, "revision", &revision) == 0 && epoch == f->list->epoch && revision == f->list->revision)
		snprintf(f->sha256, sizeof f->sha256, "%s", sha256);
	return 0;
}

int ledger_froze(const struct station *s, const struct approvals *list, struct err *e)
{
	struct frozen f = {.list = list};
	char hex[DIGEST_HEX + 1];

	if (ledger_read(s, find_freeze, &f, NULL, e) == -1)
		return -1;
	return f.sha256[0] == '\0' || strcmp(f.sha256, digest_hex(&list->digest, hex)) == 0;
}

struct ledger_items {
	struct station *station;
	const char *event;
	json_t *members, *items;
	size_t n, bytes;
};

struct ledger_items *ledger_items_open(struct station *s, const char *event, json_t *members, struct err *e)
{
	struct ledger_items *l = calloc(1, sizeof *l);

	if (l == NULL || members == NULL) {
		json_decref(members);
		free(l);
		err_mem(e);
		return NULL;
	}
	*l = (struct ledger_items){.station = s, .event = event, .members = members};
	return l;
}

void ledger_items_abort(struct ledger_items *l)
{
	if (l == NULL)
		return;
	json_decref(l->items);
	json_decref(l->members);
	free(l);
}

static int flush(struct ledger_items *l, struct err *e)
{
	json_t *o;

	if (l->n == 0)
		return 0;
	o = json_copy(l->members);
	if (o == NULL || json_put(o, "items", l->items) == -1) {
		l->items = NULL;
		json_decref(o);
		return err_mem(e);
	}
	l->items = NULL;
	l->n = l->bytes = 0;
	return ledger_append(l->station, l->event, o, e);
}

int ledger_items_add(struct ledger_items *l, const char *item, uint64_t revision, char *const *rings, size_t rings_n,
		     struct err *e)
{
	json_t *o = json_object(), *list = json_array();
	size_t len = strlen(item) + 64;

	for (size_t i = 0; i < rings_n; i++) {
		json_array_append_new(list, json_text(rings[i]));
		len += strlen(rings[i]);
	}
	if (json_put_text(o, "item", item) == -1 || json_put_number(o, "revision", revision) == -1 ||
	    json_put(o, "rings", list) == -1) {
		json_decref(o);
		return err_mem(e);
	}
	if (l->n > 0 && (l->n == BATCH_ITEMS || l->bytes + len > BATCH_BYTES) && flush(l, e) == -1) {
		json_decref(o);
		return -1;
	}
	if (l->items == NULL)
		l->items = json_array();
	if (json_array_append_new(l->items, o) == -1)
		return err_mem(e);
	l->n++;
	l->bytes += len;
	return 0;
}

int ledger_items_close(struct ledger_items *l, struct err *e)
{
	int rc = flush(l, e);

	ledger_items_abort(l);
	return rc;
}
