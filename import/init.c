/*
 * satchel-import init: the command line, judged as a whole before anything is made, and what is said afterwards. Refuses a
 * trust root that is not the one named by its fingerprint, before it is parsed.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "import/commands.h"
#include "import/creation.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/say.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

const struct option_def init_options[] = {
	{.name = "name", .value = "NAME", .help = "the store's name, as exporters know it"},
	{.name = "trust", .value = "FILE", .help = "the trust root to begin with"},
	{.name = "fingerprint", .value = "SHA256", .help = "digest that FILE must have, known from elsewhere"},
	{.name = "stream", .value = "NAME", .help = "a stream to follow", .many = true},
	{.name = "ring", .value = "NAME", .help = "rings the store is in, for every stream; also A,B", .many = true},
	{0},
};

struct plan {
	struct creation creation;
	struct buf trust;	/* bytes of the root */
	struct trust *root;
	struct arena arena;
};

/* ---- the command line ---- */

static int add_ring(struct plan *p, struct store_stream *s, const char *name, size_t len, struct err *e)
{
	struct err why = {0};

	if (names_check(name, len, &why) == -1)
		return err_set(e, ERR_USAGE, "--ring %.*s: %s", len > 200 ? 200 : (int)len, name, why.text);
	for (size_t i = 0; i < s->rings_n; i++)
		if (strlen(s->rings[i]) == len && memcmp(s->rings[i], name, len) == 0)
			return 0;
	if (s->rings_n == MAX_RINGS)
		return err_set(e, ERR_USAGE, "more than %d rings", MAX_RINGS);
	s->rings[s->rings_n] = arena_strndup(&p->arena, name, len);
	return s->rings[s->rings_n++] == NULL ? err_mem(e) : 0;
}

/* Sorted: store.yaml says the same whatever the order on the command line. */
static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int plan_rings(struct plan *p, const struct args *a, struct store_stream *s, struct err *e)
{
	s->rings = arena_alloc(&p->arena, MAX_RINGS * sizeof *s->rings);
	if (s->rings == NULL)
		return err_mem(e);
	for (size_t i = 0; i < args_count(a, "ring"); i++)
		for (const char *at = args_nth(a, "ring", i); at != NULL;) {
			size_t len = strcspn(at, ",");

			if (add_ring(p, s, at, len, e) == -1)
				return -1;
			at = at[len] == ',' ? at + len + 1 : NULL;
		}
	if (s->rings_n == 0)
		return err_set(e, ERR_USAGE, "--ring is missing: which approvals are for this store");
	qsort(s->rings, s->rings_n, sizeof *s->rings, by_name);
	return 0;
}

static int plan_streams(struct plan *p, const struct args *a, struct err *e)
{
	struct store_config *c = &p->creation.config;
	size_t n = args_count(a, "stream");
	struct err why = {0};

	if (n == 0)
		return err_set(e, ERR_USAGE, "--stream is missing: what this store follows");
	if (n > MAX_STREAMS)
		return err_set(e, ERR_USAGE, "more than %d streams", MAX_STREAMS);
	c->streams = arena_alloc(&p->arena, n * sizeof *c->streams);
	if (c->streams == NULL)
		return err_mem(e);
	for (size_t i = 0; i < n; i++) {
		const char *name = args_nth(a, "stream", i);

		if (names_check(name, strlen(name), &why) == -1)
			return err_set(e, ERR_USAGE, "--stream %s: %s", name, why.text);
		for (size_t k = 0; k < i; k++)
			if (strcmp(c->streams[k].stream, name) == 0)
				return err_set(e, ERR_USAGE, "--stream %s is given twice", name);
		c->streams[i].stream = arena_strndup(&p->arena, name, strlen(name));
		if (c->streams[i].stream == NULL)
			return err_mem(e);
		if (plan_rings(p, a, &c->streams[i], e) == -1)
			return -1;
		c->streams_n++;
	}
	return 0;
}

static int plan_trust(struct plan *p, const struct args *a, struct err *e)
{
	const char *path = args_get(a, "trust"), *want = args_get(a, "fingerprint");
	struct file f = FILE_CLOSED;
	struct digest wanted, is;
	int rc = -1;

	if (path == NULL)
		return err_set(e, ERR_USAGE, "--trust is missing: the trust root to begin with");
	if (want != NULL && digest_parse(want, strlen(want), &wanted) == -1)
		return err_set(e, ERR_USAGE, "--fingerprint must be a SHA-256 in 64 lower-case digits");
	if (file_open(path, &f, e) == -1) {
		e->reason = e->reason == ERR_MISSING || e->reason == ERR_FILE_TYPE ? ERR_USAGE : e->reason;
		return -1;
	}
	if (file_read_all(&f, MAX_TRUST_SIZE, &p->trust, e) == -1)
		goto out;
	/* compared before it is parsed: what isn't the root the administrator means is not looked at */
	if (digest_of(p->trust.len == 0 ? (const void *)"" : p->trust.data, p->trust.len, &is, e) == -1)
		goto out;
	if (want != NULL && !digest_equal(&wanted, &is)) {
		err_set(e, R_TRUST_INVALID, "%s: its fingerprint is not the one given", path);
		goto out;
	}
	p->root = trust_parse(p->trust.data, p->trust.len, e);
	if (p->root == NULL) {
		err_prefix(e, "%s", path);
		goto out;
	}
	p->creation.root = p->root;
	p->creation.config.trust = (struct store_pin){.version = p->root->version, .sha256 = is};
	rc = 0;
out:
	file_close(&f);
	return rc;
}

static int make_plan(struct plan *p, const struct args *a, struct err *e)
{
	const char *name = args_get(a, "name");
	struct timespec t;
	struct err why = {0};

	if (args_expect(a, 1, 1, e) == -1)
		return -1;
	p->creation.path = args_at(a, 0);
	if (name == NULL)
		return err_set(e, ERR_USAGE, "--name is missing: the store's name");
	if (names_check(name, strlen(name), &why) == -1)
		return err_set(e, ERR_USAGE, "--name %s: %s", name, why.text);
	p->creation.config.name = arena_strndup(&p->arena, name, strlen(name));
	if (p->creation.config.name == NULL)
		return err_mem(e);
	if (clock_gettime(CLOCK_REALTIME, &t) == -1)
		return err_sys(e, "the clock");
	p->creation.now = t.tv_sec;
	return plan_streams(p, a, e) == -1 ? -1 : plan_trust(p, a, e);
}

/* ---- what is said ---- */

static void tell_role(const struct trust *t, enum role r)
{
	const struct trust_role *role = &t->roles.role[r];

	say_line("  %s: %llu of %zu", trust_role_name(r), (unsigned long long)role->threshold, role->keys_n);
	for (size_t i = 0; i < role->keys_n; i++) {
		const struct trust_key *k = trust_find(t, &role->keys[i]);
		char hex[DIGEST_HEX + 1];

		say_line("    %s  %s  %s", digest_hex(&k->id, hex), pubkey_algorithm_name(pubkey_algorithm(k->key)), k->name);
	}
}

static void tell_json(const struct plan *p)
{
	json_t *o = json_object();
	char hex[DIGEST_HEX + 1], time[32];

	json_put_text(o, "store", p->creation.config.name);
	json_put_text(o, "path", p->creation.path);
	json_put_text(o, "fingerprint", digest_hex(&p->root->digest, hex));
	json_put_text(o, "site", p->root->site);
	json_put_number(o, "trust", p->root->version);
	json_put_text(o, "expires", num_format_time(p->root->expires, time));
	say_object(o);
}

/* The facts of the root, for comparing them with what is known from elsewhere. */
static void tell(const struct plan *p, const struct args *a)
{
	char hex[DIGEST_HEX + 1], time[32];

	if (say_json()) {
		tell_json(p);
		return;
	}
	say_line("%s  store %s made", p->creation.path, p->creation.config.name);
	if (p->root->expires <= p->creation.now)
		say_warn("trust root %llu expired at %s", (unsigned long long)p->root->version,
			 num_format_time(p->root->expires, time));
	if (args_has(a, "fingerprint"))
		return;
	say_line("trust root %llu of site %s, expires %s; compare its fingerprint with the one you were given:",
		 (unsigned long long)p->root->version, p->root->site, num_format_time(p->root->expires, time));
	say_line("  %s", digest_hex(&p->root->digest, hex));
	for (enum role r = 0; r < ROLES; r++)
		tell_role(p->root, r);
}

int init_run(const struct args *a, struct err *e)
{
	struct plan p = {.root = NULL};
	int rc = make_plan(&p, a, e);

	if (rc == 0)
		rc = creation_make(&p.creation, e);
	if (rc == 0)
		tell(&p, a);
	trust_free(p.root);
	buf_free(&p.trust);
	arena_free(&p.arena);
	return rc;
}
