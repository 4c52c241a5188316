/*
 * The station's trust roots: shown, and the next one drafted, change by change. Refuses keys that must not be used, and
 * drafts by which nobody could sign any more. Signing is `trust sign` (export/signfile.h) or `sign FILE` elsewhere.
 */
#include "export/roots.h"

#include <stdio.h>
#include <string.h>

#include "export/keys.h"
#include "export/nextroot.h"
#include "export/show.h"
#include "export/station.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/say.h"
#include "manifests/limits.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define LAST_SECOND 253402300799	/* 9999-12-31T23:59:59Z */
#define MIN_ID 8		/* digits of an id that name a key */

const struct option_def roots_add_options[] = {
	{"role", 0, "ROLE", "what the key is for: root, approver or exporter", false},
	{"name", 0, "NAME", "what people call the key (default: the file's name)", false},
	{0},
};
const struct option_def roots_life_options[] = {
	{"days", 0, "N", "how long the new root is valid (default: as long as the one before)", false},
	{0},
};

/* The next root while it is changed. */
struct change {
	struct station s;
	struct nextroot draft;
	struct trust t;			/* as it shall be; lists in the station's arena */
	char what[512];			/* was done, for the ledger */
};

/* ---- around each change ---- */

/* A list of the root with room for one more. */
static void *grow(struct change *c, const void *list, size_t n, size_t size)
{
	void *copy = arena_alloc(&c->s.arena, (n + 1) * size);

	if (copy != NULL && n > 0)
		memcpy(copy, list, n * size);
	return copy;
}

/* What is drafted, else what is in force. */
static int begin(struct change *c, struct err *e)
{
	const struct trust *base;
	int64_t life;
	int rc = nextroot_commit(&c->s, e);	/* one that was cut off on the way */

	if (rc == 1)
		nextroot_tell_commit(&c->s);
	if (rc == -1 || nextroot_load(&c->s, &c->draft, e) == -1)
		return -1;
	base = c->draft.root != NULL ? c->draft.root : trust_chain_newest(&c->s.chain);
	life = base->expires - base->issued;
	c->t = (struct trust){.site = base->site, .epoch = base->epoch, .keys_n = base->keys_n, .roles = base->roles};
	c->t.expires = life > LAST_SECOND - c->s.now ? LAST_SECOND : c->s.now + life;
	c->t.keys = grow(c, base->keys, base->keys_n, sizeof *base->keys);
	for (enum role r = 0; r < ROLES; r++) {
		struct trust_role *role = &c->t.roles.role[r];

		role->keys = grow(c, role->keys, role->keys_n, sizeof *role->keys);
		if (role->keys == NULL)
			return err_mem(e);
	}
	return c->t.keys == NULL ? err_mem(e) : 0;
}

static int finish(struct change *c, struct err *e)
{
	struct nextroot saved = {.root = NULL};
	int rc = nextroot_save(&c->s, &c->t, c->what, &saved, e);

	if (rc == 0)
		rc = nextroot_tell(&c->s, &saved, e);
	nextroot_free(&saved);
	if (rc == 0)
		station_next(&c->s, "trust sign");
	return rc;
}

/* act: 0, 1 where nothing is to be changed (said), -1. */
static int run(const struct args *a, size_t min, size_t max,
	       int (*act)(struct change *c, const struct args *a, struct err *e), struct err *e)
{
	struct change c = {.draft = {.root = NULL}};
	int rc;

	if (args_expect(a, min, max, e) == -1 || station_open(a, STATION_WRITE, &c.s, e) == -1)
		return -1;
	rc = begin(&c, e);
	if (rc == 0)
		rc = act(&c, a, e);
	if (rc == 0)
		rc = finish(&c, e);
	nextroot_free(&c.draft);
	station_close(&c.s);
	return rc == -1 ? -1 : 0;
}

static int read_role(const char *word, enum role *out, struct err *e)
{
	if (word != NULL && trust_role_parse(word, out) == 0)
		return 0;
	return err_set(e, ERR_USAGE, "%s%s: must be root, approver or exporter", word == NULL ? "no role" : "role ",
		       word == NULL ? " was named" : word);
}

static enum role role_of(const struct trust *t, const struct digest *id)
{
	enum role r = 0;

	while (r + 1 < ROLES && !trust_has_role(t, r, id))
		r++;
	return r;
}

/* ---- keys ---- */

static int check_new(const struct change *c, const struct pubkey *key, const char *name, struct err *e)
{
	const struct trust_key *known = trust_find(&c->t, pubkey_id(key));

	if (known != NULL)
		return err_set(e, ERR_USAGE, "this key is \"%s\" of role %s already", known->name,
			       trust_role_name(role_of(&c->t, &known->id)));
	for (size_t i = 0; i < c->t.keys_n; i++)
		if (strcmp(c->t.keys[i].name, name) == 0)
			return err_set(e, ERR_USAGE, "another key is called \"%s\"; say --name NAME", name);
	if (c->t.keys_n >= MAX_KEYS)
		return err_set(e, ERR_USAGE, "a trust root has at most %d keys", MAX_KEYS);
	return 0;
}

static int add(struct change *c, const struct args *a, struct err *e)
{
	const char *path = args_at(a, 0), *name;
	struct trust_role *role;
	struct pubkey *key;
	char room[256];
	enum role r;
	int rc = -1;

	if (read_role(args_get(a, "role"), &r, e) == -1 || (name = roots_key_name(args_get(a, "name"), path, room, e)) == NULL)
		return -1;
	key = keys_load_public(path, e);
	if (key == NULL)
		return -1;
	role = &c->t.roles.role[r];
	if (check_new(c, key, name, e) == -1) {
		err_prefix(e, "%s", path);
	} else if (trust_key_set(&c->t.keys[c->t.keys_n], key, name, &c->s.arena, e) == 0) {
		c->t.keys_n++;
		role->keys[role->keys_n++] = *pubkey_id(key);
		snprintf(c->what, sizeof c->what, "add %s %s", trust_role_name(r), name);
		rc = 0;
	}
	pubkey_free(key);
	return rc;
}

int roots_add(const struct args *a, struct err *e)
{
	return run(a, 1, 1, add, e);
}

/* The one key of that name, or whose id begins so. */
static int find_key(const struct change *c, const char *word, size_t *out, struct err *e)
{
	size_t found = 0, len = strlen(word);

	for (size_t i = 0; i < c->t.keys_n; i++) {
		char hex[DIGEST_HEX + 1];

		if (strcmp(c->t.keys[i].name, word) == 0 ||
		    (len >= MIN_ID && strncmp(digest_hex(&c->t.keys[i].id, hex), word, len) == 0)) {
			*out = i;
			found++;
		}
	}
	if (found == 1)
		return 0;
	err_set(e, ERR_USAGE, found == 0 ? "%s: no key of that name" : "%s: several keys; name it by its id", word);
	return err_hint(e, "'satchel-export trust show' lists them");
}

static int remove_key(struct change *c, const struct args *a, struct err *e)
{
	struct trust_role *role;
	struct digest id;
	size_t at = 0, kept = 0;
	enum role r;

	if (find_key(c, args_at(a, 0), &at, e) == -1)
		return -1;
	id = c->t.keys[at].id;
	r = role_of(&c->t, &id);
	role = &c->t.roles.role[r];
	if (role->keys_n <= role->threshold) {
		err_set(e, R_TRUST_INVALID, "without \"%s\" the role %s would have %zu keys, and %llu must sign", c->t.keys[at].name,
			trust_role_name(r), role->keys_n - 1, (unsigned long long)role->threshold);
		return err_hint(e, "'trust add' its successor first, or lower the threshold");
	}
	snprintf(c->what, sizeof c->what, "remove %s %s", trust_role_name(r), c->t.keys[at].name);
	memmove(&c->t.keys[at], &c->t.keys[at + 1], (c->t.keys_n - at - 1) * sizeof *c->t.keys);
	c->t.keys_n--;
	for (size_t i = 0; i < role->keys_n; i++)
		if (!digest_equal(&role->keys[i], &id))
			role->keys[kept++] = role->keys[i];
	role->keys_n = kept;
	return 0;
}

int roots_remove(const struct args *a, struct err *e)
{
	return run(a, 1, 1, remove_key, e);
}

/* ---- numbers ---- */

static int set_threshold(struct change *c, const struct args *a, struct err *e)
{
	const char *number = args_at(a, 1);
	struct trust_role *role;
	uint64_t n;
	enum role r;

	if (read_role(args_at(a, 0), &r, e) == -1)
		return -1;
	role = &c->t.roles.role[r];
	if (num_parse(number, strlen(number), 1, MAX_KEYS, &n) == -1)
		return err_set(e, ERR_USAGE, "threshold %s: must be a number from 1 to %d", number, MAX_KEYS);
	if (n > role->keys_n) {
		err_set(e, R_TRUST_INVALID, "the role %s has %zu keys, so %llu could never sign", trust_role_name(r), role->keys_n,
			(unsigned long long)n);
		return err_hint(e, "'trust add' more keys first");
	}
	if (n == role->threshold) {
		say_note("the threshold of %s is %llu already", trust_role_name(r), (unsigned long long)n);
		return 1;
	}
	role->threshold = n;
	snprintf(c->what, sizeof c->what, "threshold %s %llu", trust_role_name(r), (unsigned long long)n);
	return 0;
}

int roots_threshold(const struct args *a, struct err *e)
{
	return run(a, 2, 2, set_threshold, e);
}

/* One above the root in force, however often it is said. */
static int raise_epoch(struct change *c, const struct args *a, struct err *e)
{
	uint64_t next = trust_chain_newest(&c->s.chain)->epoch + 1;

	(void)a;
	(void)e;
	if (c->t.epoch == next) {
		say_note("the draft is of epoch %llu already", (unsigned long long)next);
		return 1;
	}
	c->t.epoch = next;
	snprintf(c->what, sizeof c->what, "epoch %llu", (unsigned long long)next);
	say_note("once this root is in force, 'sign' freezes the decisions as list 1 of epoch %llu; a store drops lists of epoch %llu "
		 "that it has not received whole, and keeps what it publishes until the new list comes",
		 (unsigned long long)next, (unsigned long long)next - 1);
	return 0;
}

int roots_epoch(const struct args *a, struct err *e)
{
	return run(a, 0, 0, raise_epoch, e);
}

static int renew(struct change *c, const struct args *a, struct err *e)
{
	uint64_t days;

	if (args_number(a, "days", 1, ROOTS_MAX_DAYS, ROOTS_DAYS, &days, e) == -1)
		return -1;
	if (args_has(a, "days"))
		c->t.expires = c->s.now + (int64_t)days * 86400;
	if (c->t.expires > LAST_SECOND)
		c->t.expires = LAST_SECOND;
	snprintf(c->what, sizeof c->what, "renew");
	return 0;
}

int roots_renew(const struct args *a, struct err *e)
{
	return run(a, 0, 0, renew, e);
}

/* ---- without a change ---- */

int roots_discard(const struct args *a, struct err *e)
{
	struct station s;
	int rc;

	if (args_expect(a, 0, 0, e) == -1 || station_open(a, STATION_WRITE, &s, e) == -1)
		return -1;
	rc = nextroot_commit(&s, e);	/* signed by all: nobody can take that back */
	if (rc == 1)
		nextroot_tell_commit(&s);
	if (rc == 0 && (rc = nextroot_discard(&s, e)) == 0)
		say_note("the draft is gone; whoever signed it should know, for a copy that gets all signatures is a trust root");
	else if (rc == 1)
		say_note("there is no draft");
	station_close(&s);
	return rc == -1 ? -1 : 0;
}

int roots_show(const struct args *a, struct err *e)
{
	struct nextroot n;
	struct station s;
	int rc = -1;

	if (args_expect(a, 0, 0, e) == -1 || station_open(a, STATION_READ, &s, e) == -1)
		return -1;
	for (size_t i = 0; i < s.chain.n; i++)
		show_trust(s.chain.roots[i]);
	if (station_check_root(&s, e) == -1) {
		say_warn("%s", e->text);
		err_clear(e);
	}
	if (nextroot_load(&s, &n, e) == 0) {
		rc = n.root == NULL ? 0 : nextroot_tell(&s, &n, e);
		nextroot_free(&n);
	}
	station_close(&s);
	return rc;
}
