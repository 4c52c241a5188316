/*
 * Destinations in station.yaml. Refuses keys that no store can have, and rings that the station doesn't have. The ledger
 * is written first, as for every decision, and station.yaml last: a run that is cut off has forgotten what a former store
 * told, at worst too early, and can be repeated.
 */
#include "export/destination.h"

#include <stdlib.h>
#include <string.h>

#include "export/keys.h"
#include "export/ledger.h"
#include "export/receipts.h"
#include "export/station.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/say.h"
#include "manifests/limits.h"
#include "manifests/names.h"

#include "lib/banned.h"


const struct option_def destination_options[] = {
	{"ring", 0, "RING", "a ring this store follows", true},
	{"key", 0, "FILE", "the store's receipt key, receipt.pub", false},
	{0},
};

static int read_name(const struct args *a, struct err *e)
{
	const char *name = args_at(a, 0);

	if (args_expect(a, 1, 1, e) == -1)
		return -1;
	if (names_check(name, strlen(name), e) == 0)
		return 0;
	e->reason = ERR_USAGE;
	return err_prefix(e, "destination \"%s\"", name);
}

static struct station_destination *find(struct station *s, const char *name)
{
	for (size_t i = 0; i < s->config.destinations_n; i++)
		if (strcmp(s->config.destinations[i].name, name) == 0)
			return &s->config.destinations[i];
	return NULL;
}

static struct station_destination *find_known(struct station *s, const char *name, struct err *e)
{
	struct station_destination *d = find(s, name);

	if (d != NULL)
		return d;
	err_set(e, ERR_USAGE, "no destination is named \"%s\"", name);
	err_hint(e, "'destination list' shows them");
	return NULL;
}

/* Sets rings from --ring; those it has stay where none is given, or the only one of the station. */
static int set_rings(struct station *s, const struct args *a, struct station_destination *d, struct err *e)
{
	size_t n = args_count(a, "ring");
	char **given;
	int rc;

	if (n == 0 && d->rings_n > 0)
		return 0;
	if (n == 0 && s->config.rings_n != 1)
		return err_set(e, ERR_USAGE, "--ring is missing: which rings does %s follow?", d->name);
	given = n == 0 ? s->config.rings : calloc(n, sizeof *given);
	if (given == NULL)
		return err_mem(e);
	for (size_t i = 0; i < n; i++)
		given[i] = (char *)(uintptr_t)args_nth(a, "ring", i);
	rc = config_rings(given, n == 0 ? 1 : n, &s->arena, &d->rings, &d->rings_n, e);
	if (n > 0)
		free(given);
	for (size_t i = 0; i < d->rings_n && rc == 0; i++)
		if (!config_has_ring(&s->config, d->rings[i]))
			rc = err_set(e, ERR_USAGE, "--ring %s: the station has no such ring; they stand in " CONFIG_NAME, d->rings[i]);
	return rc;
}

static int set_key(struct station *s, const struct args *a, struct station_destination *d, struct err *e)
{
	const char *path = args_get(a, "key");
	struct trust_key row = {.name = NULL};
	struct pubkey *key;
	int rc = -1;

	if (path == NULL)
		return 0;
	key = keys_load_public(path, e);
	if (key != NULL && trust_find(trust_chain_newest(&s->chain), pubkey_id(key)) != NULL)
		err_set(e, ERR_KEY, "%s: is a key of the trust root, and no store's receipt key", path);
	else if (key != NULL && trust_key_set(&row, key, d->name, &s->arena, e) == 0) {
		d->key = row.public;
		rc = 0;
	}
	pubkey_free(key);
	return rc;
}

/* pinned: its key was named by --key, so that its history begins anew. */
static int record(struct station *s, const char *event, const struct station_destination *d, bool pinned, struct err *e)
{
	json_t *o = json_object(), *rings = json_array();

	for (size_t i = 0; i < d->rings_n; i++)
		json_array_append_new(rings, json_text(d->rings[i]));
	json_put_text(o, "destination", d->name);
	json_put(o, "rings", rings);
	if (d->key != NULL)
		json_put_text(o, "receipt_key", d->key);
	if (pinned)
		json_put(o, "pinned", json_true());
	return ledger_append(s, event, o, e);
}

static void print(const struct station_destination *d)
{
	json_t *o = json_object(), *rings = json_array();
	struct buf text = {0};

	for (size_t i = 0; i < d->rings_n; i++) {
		json_array_append_new(rings, json_text(d->rings[i]));
		buf_printf(&text, "%s%s", i > 0 ? ", " : "", d->rings[i]);
	}
	json_put_text(o, "destination", d->name);
	json_put(o, "rings", rings);
	if (d->key != NULL)
		json_put_text(o, "receipt_key", d->key);
	say_object(o);
	say_line("%s: rings %s%s", d->name, text.data != NULL ? (const char *)text.data : "",
		 d->key != NULL ? ", receipt key known" : ", no receipt key");
	buf_free(&text);
}

static int add(struct station *s, const struct args *a, struct err *e)
{
	struct station_config *c = &s->config;
	struct station_destination *d = find(s, args_at(a, 0)), *list;
	bool anew = d == NULL || args_has(a, "key");	/* who pins a key, the same one included, begins its history anew */

	if (d == NULL) {
		if (c->destinations_n == MAX_DESTINATIONS)
			return err_set(e, ERR_USAGE, "a station has at most %d destinations", MAX_DESTINATIONS);
		list = arena_alloc(&s->arena, (c->destinations_n + 1) * sizeof *list);
		if (list == NULL)
			return err_mem(e);
		if (c->destinations_n > 0)
			memcpy(list, c->destinations, c->destinations_n * sizeof *list);
		d = &list[c->destinations_n];
		d->name = (char *)(uintptr_t)args_at(a, 0);
		c->destinations = list;
		c->destinations_n++;
	}
	if (set_rings(s, a, d, e) == -1 || set_key(s, a, d, e) == -1 || record(s, "destination-add", d, args_has(a, "key"), e) == -1 ||
	    (anew && receipts_forget(s, d->name, e) == -1) || config_write_destinations(&s->dir, c, e) == -1)
		return -1;
	print(d);
	return 0;
}

static int drop(struct station *s, const struct args *a, struct err *e)
{
	struct station_config *c = &s->config;
	struct station_destination *d = find_known(s, args_at(a, 0), e);

	if (d == NULL)
		return -1;
	if (record(s, "destination-remove", d, false, e) == -1)
		return -1;
	if (receipts_forget(s, d->name, e) == -1)
		return -1;
	memmove(d, d + 1, (size_t)(c->destinations + c->destinations_n - (d + 1)) * sizeof *d);
	c->destinations_n--;
	return config_write_destinations(&s->dir, c, e);
}

static int run(const struct args *a, int (*act)(struct station *s, const struct args *a, struct err *e), struct err *e)
{
	struct station s;
	int rc;

	if (read_name(a, e) == -1 || station_open(a, STATION_WRITE, &s, e) == -1)
		return -1;
	rc = act(&s, a, e);
	station_close(&s);
	return rc;
}

int destination_add(const struct args *a, struct err *e)
{
	return run(a, add, e);
}

int destination_remove(const struct args *a, struct err *e)
{
	return run(a, drop, e);
}

/* That one alone, or all. */
static int show(struct station *s, const char *name, struct err *e)
{
	const struct station_destination *one = name == NULL ? NULL : find_known(s, name, e);

	if (name != NULL && one == NULL)
		return -1;
	for (size_t i = 0; i < s->config.destinations_n; i++)
		if (one == NULL || one == &s->config.destinations[i])
			print(&s->config.destinations[i]);
	return 0;
}

int destination_list(const struct args *a, struct err *e)
{
	struct station s;
	int rc;

	if (args_expect(a, 0, 1, e) == -1 || station_open(a, STATION_READ, &s, e) == -1)
		return -1;
	rc = show(&s, args_at(a, 0), e);
	station_close(&s);
	return rc;
}
