/*
 * trust new: the first root, for people who made their keys on their own machines; no station, no private key is needed.
 * What it writes is signed by the holders of its root keys (`sign FILE`) and taken by `init --trust`. Refuses a role
 * with several keys and no word on how many must sign: that is what the two-person rule is about.
 */
#include "export/roots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/keys.h"
#include "export/show.h"
#include "export/station.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/outfile.h"
#include "lib/say.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

const struct option_def roots_new_options[] = {
	{"site", 0, "NAME", "name of the site", false},
	{"root", 0, "FILE", "public key of somebody who signs trust roots", true},
	{"approver", 0, "FILE", "public key of somebody who signs approval lists", true},
	{"exporter", 0, "FILE", "public key of somebody who signs bundles", true},
	{"threshold", 0, "ROLE=N", "so many of the role's keys must sign; must be given where a role has several", true},
	{"days", 0, "N", "how long the root is valid (default: 365)", false},
	{0},
};

struct first {
	struct trust t;
	struct trust_key keys[MAX_KEYS];
	struct digest ids[ROLES][MAX_KEYS];
	struct arena arena;
};

const char *roots_key_name(const char *given, const char *path, char out[256], struct err *e)
{
	const char *slash = strrchr(path, '/'), *base = slash == NULL ? path : slash + 1;
	size_t len = strlen(base);

	if (len > 4 && strcmp(base + len - 4, ".pub") == 0)
		len -= 4;
	snprintf(out, 256, "%.*s", (int)(len < 255 ? len : 255), base);
	if (given == NULL)
		given = out;
	if (names_check(given, strlen(given), e) == 0)
		return given;
	e->reason = ERR_USAGE;
	err_prefix(e, "%s", path);
	err_hint(e, "the key is called as its file is, without .pub");
	return NULL;
}

static int add_key(struct first *f, enum role r, const char *path, struct err *e)
{
	struct trust_role *role = &f->t.roles.role[r];
	char room[256];
	const char *name = roots_key_name(NULL, path, room, e);
	struct pubkey *key = name == NULL ? NULL : keys_load_public(path, e);
	int rc = -1;

	if (key == NULL)
		return -1;
	if (f->t.keys_n >= MAX_KEYS) {
		err_set(e, ERR_USAGE, "a trust root has at most %d keys", MAX_KEYS);
	} else if (trust_find(&f->t, pubkey_id(key)) != NULL) {
		err_set(e, ERR_USAGE, "%s: this key was named before; nobody has two roles", path);
	} else if (trust_key_set(&f->keys[f->t.keys_n], key, name, &f->arena, e) == 0) {
		f->t.keys_n++;
		f->ids[r][role->keys_n++] = *pubkey_id(key);
		rc = 0;
	}
	pubkey_free(key);
	return rc;
}

static int read_threshold(struct first *f, const char *word, struct err *e)
{
	const char *equals = strchr(word, '=');
	char role[32];
	enum role r;
	uint64_t n;

	if (equals == NULL || (size_t)(equals - word) >= sizeof role)
		return err_set(e, ERR_USAGE, "--threshold %s: must be like approver=2", word);
	snprintf(role, sizeof role, "%.*s", (int)(equals - word), word);
	if (trust_role_parse(role, &r) == -1 || num_parse(equals + 1, strlen(equals + 1), 1, MAX_KEYS, &n) == -1)
		return err_set(e, ERR_USAGE, "--threshold %s: must be like approver=2", word);
	if (f->t.roles.role[r].threshold != 0)
		return err_set(e, ERR_USAGE, "--threshold of %s was given twice", role);
	f->t.roles.role[r].threshold = n;
	return 0;
}

static int read_roles(struct first *f, const struct args *a, struct err *e)
{
	for (size_t i = 0; i < args_count(a, "threshold"); i++)
		if (read_threshold(f, args_nth(a, "threshold", i), e) == -1)
			return -1;
	for (enum role r = 0; r < ROLES; r++) {
		const char *name = trust_role_name(r);
		struct trust_role *role = &f->t.roles.role[r];

		role->keys = f->ids[r];
		for (size_t i = 0; i < args_count(a, name); i++)
			if (add_key(f, r, args_nth(a, name, i), e) == -1)
				return -1;
		if (role->keys_n == 0)
			return err_set(e, ERR_USAGE, "no key of role %s; name one with --%s FILE.pub", name, name);
		if (role->threshold == 0 && role->keys_n > 1)
			return err_set(e, ERR_USAGE, "the role %s has %zu keys: say how many must sign, --threshold %s=N", name, role->keys_n,
				       name);
		if (role->threshold == 0)
			role->threshold = 1;
		if (role->threshold > role->keys_n)
			return err_set(e, ERR_USAGE, "--threshold %s=%llu: it has %zu keys", name, (unsigned long long)role->threshold,
				       role->keys_n);
	}
	return 0;
}

static int read_args(struct first *f, const struct args *a, struct err *e)
{
	const char *site = args_get(a, "site");
	uint64_t days;

	if (args_expect(a, 1, 1, e) == -1 || args_number(a, "days", 1, ROOTS_MAX_DAYS, ROOTS_DAYS, &days, e) == -1 ||
	    station_now(&f->t.issued, e) == -1)
		return -1;
	if (site == NULL)
		return err_set(e, ERR_USAGE, "--site is missing");
	if (names_check(site, strlen(site), e) == -1) {
		e->reason = ERR_USAGE;
		return err_prefix(e, "--site");
	}
	f->t.site = arena_strndup(&f->arena, site, strlen(site));
	f->t.version = f->t.epoch = 1;
	f->t.expires = f->t.issued + (int64_t)days * 86400;
	f->t.keys = f->keys;
	return f->t.site == NULL ? err_mem(e) : read_roles(f, a, e);
}

/* A root that people may have signed already is not written over. */
static int write_root(const struct buf *b, const char *path, struct err *e)
{
	struct file dir = FILE_CLOSED;
	const char *name;
	int rc = station_open_parent(path, &dir, &name, e);

	if (rc == 0 && (rc = keys_check_free(&dir, name, e)) == 0)
		rc = outfile_put(&dir, name, 0644, b->data, b->len, e);
	file_close(&dir);
	return rc;
}

int roots_new(const struct args *a, struct err *e)
{
	struct first *f = calloc(1, sizeof *f);
	struct trust *t = NULL;
	struct buf b = {0};
	int rc = -1;

	if (f == NULL)
		return err_mem(e);
	if (read_args(f, a, e) == -1 || trust_encode(&f->t, &b, e) == -1 || write_root(&b, args_at(a, 0), e) == -1)
		goto out;
	t = trust_parse(b.data, b.len, e);
	if (t == NULL)
		goto out;
	show_trust(t);
	say_line("%s", args_at(a, 0));
	say_note("it is nobody's root yet: %llu of its root keys sign it with 'sign %s --key FILE', then 'init --trust %s'",
		 (unsigned long long)t->roles.role[ROLE_ROOT].threshold, args_at(a, 0), args_at(a, 0));
	rc = 0;
out:
	trust_free(t);
	buf_free(&b);
	arena_free(&f->arena);
	free(f);
	return rc;
}
