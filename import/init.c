/*
 * satchel-import init: makes a store. What makes a directory a store is store.yaml, and it is written last; whoever
 * fails before removes what was made. Refuses directories with anything in them, file systems that can't publish (no
 * hard links, no atomic rename and exchange), and a trust root that is not the one named by its fingerprint.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "import/bundles.h"
#include "import/commands.h"
#include "import/publish.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/num.h"
#include "lib/outfile.h"
#include "lib/say.h"
#include "lib/sign.h"
#include "manifests/journal.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "verify/store.h"

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
	const char *path;
	struct store_config config;
	struct buf trust;	/* bytes of the root */
	struct trust *root;
	int64_t now;
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
	struct store_config *c = &p->config;
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
	p->config.trust = (struct store_pin){.version = p->root->version, .sha256 = is};
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
	p->path = args_at(a, 0);
	if (name == NULL)
		return err_set(e, ERR_USAGE, "--name is missing: the store's name");
	if (names_check(name, strlen(name), &why) == -1)
		return err_set(e, ERR_USAGE, "--name %s: %s", name, why.text);
	p->config.name = arena_strndup(&p->arena, name, strlen(name));
	if (p->config.name == NULL)
		return err_mem(e);
	if (clock_gettime(CLOCK_REALTIME, &t) == -1)
		return err_sys(e, "the clock");
	p->now = t.tv_sec;
	return plan_streams(p, a, e) == -1 ? -1 : plan_trust(p, a, e);
}

/* ---- the directory ---- */

static int check_empty(const struct file *dir, struct err *e)
{
	int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	struct dirent *n;

	if (d == NULL) {
		err_sys(e, "%s", dir->name);
		if (fd != -1)
			close(fd);
		return -1;
	}
	while (rc == 0 && (errno = 0, n = readdir(d)) != NULL)
		if (strcmp(n->d_name, ".") != 0 && strcmp(n->d_name, "..") != 0) {
			err_set(e, ERR_CONFIG, "%s: it is not empty", dir->name);
			rc = err_hint(e, "name a new directory, or empty this one if an earlier init was cut off");
		}
	closedir(d);
	return rc;
}

/* Opens the directory, made if it isn't there. */
static int open_directory(const char *path, struct file *dir, bool *made, struct err *e)
{
	*made = mkdir(path, 0755) == 0;
	if (!*made && errno != EEXIST)
		return err_sys(e, "%s", path);
	if (file_open_dir(path, dir, e) == -1)
		return -1;
	if (*made && fchmod(dir->fd, 0755) == -1)
		return err_sys(e, "%s", path);
	if (!*made && check_empty(dir, e) == -1)
		return -1;
	return file_check_owner(dir, e);
}

/* Hard links, a link replaced by a rename, two names exchanged. */
static int probe(const struct file *store, struct err *e)
{
	const char *cannot = NULL;
	struct file dir = FILE_CLOSED;
	int rc = -1;

	if (file_make_dir_at(store, "stage/probe", 0700, e) == -1 || file_open_dir_at(store, "stage/probe", &dir, e) == -1 ||
	    outfile_put(&dir, "a", 0444, "a", 1, e) == -1)
		goto out;
	if (linkat(dir.fd, "a", dir.fd, "b", 0) == -1)
		cannot = "hard links";
	else if (symlinkat("a", dir.fd, "c") == -1 || symlinkat("b", dir.fd, "d") == -1)
		cannot = "symbolic links";
	else if (renameat(dir.fd, "d", dir.fd, "c") == -1)
		cannot = "atomic renames";
	else if (renameat2(dir.fd, "b", dir.fd, "c", RENAME_EXCHANGE) == -1)
		cannot = "exchanging two names";
	if (cannot != NULL) {
		err_set(e, ERR_CONFIG, "%s: its file system does not allow %s: %s", store->name, cannot, strerror(errno));
		err_hint(e, "put the store on ext4, XFS or btrfs");
		goto out;
	}
	rc = 0;
out:
	file_close(&dir);
	return file_remove_tree_at(store, "stage/probe", rc == -1 ? &(struct err){0} : e) == -1 ? -1 : rc;
}

static const struct folder { const char *name; mode_t mode; } folders[] = {
	{"stage", 0700}, {"keys", 0700}, {"trust", 0755}, {"objects", 0755}, {"streams", 0755}, {"published", 0755},
};
static const char *const files[] = {"store.yaml", "journal.jsonl", "lock"};

static int make_keys(const struct file *store, struct err *e)
{
	struct seckey *k = sign_generate(PUBKEY_ED25519, e);
	struct buf pem = {0};
	char public[512];
	int rc = -1;

	if (k != NULL && sign_pem(k, "receipt", NULL, &pem, e) == 0 && pubkey_pem(sign_public(k), public, e) == 0 &&
	    outfile_put(store, "keys/receipt.key", 0600, pem.data, pem.len, e) == 0)
		rc = outfile_put(store, "keys/receipt.pub", 0644, public, strlen(public), e);
	buf_wipe(&pem);
	sign_free(k);
	return rc;
}

static int begin_journal(const struct plan *p, const struct file *store, struct err *e)
{
	struct journal *j = journal_open(store, "journal.jsonl", true, NULL, e);
	json_t *o = json_object(), *streams = json_array();
	char hex[DIGEST_HEX + 1];
	int rc;

	json_put_text(o, "store", p->config.name);
	json_put_text(o, "site", p->root->site);
	json_put_number(o, "trust", p->root->version);
	json_put_text(o, "sha256", digest_hex(&p->root->digest, hex));
	for (size_t i = 0; i < p->config.streams_n; i++)
		json_array_append_new(streams, json_text(p->config.streams[i].stream));
	json_put(o, "streams", streams);
	if (j == NULL) {
		json_decref(o);
		return -1;
	}
	rc = journal_append(j, p->now, "init", o, e);
	journal_close(j);
	return rc;
}

/* All but store.yaml. */
static int make_inside(const struct plan *p, const struct file *store, struct err *e)
{
	struct file lock = FILE_CLOSED;
	char root[32], path[64];

	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		if (file_make_dir_at(store, folders[i].name, folders[i].mode, e) == -1)
			return -1;
	if (probe(store, e) == -1)
		return -1;
	snprintf(path, sizeof path, "trust/%s", names_trust(p->root->version, root));
	if (outfile_put(store, path, 0644, p->trust.data, p->trust.len, e) == -1 || make_keys(store, e) == -1)
		return -1;
	for (size_t i = 0; i < p->config.streams_n; i++)
		if (publish_init(store, p->config.streams[i].stream, e) == -1 ||
		    bundles_init(store, p->config.streams[i].stream, p->now, e) == -1)
			return -1;
	if (begin_journal(p, store, e) == -1 || file_lock(store, "lock", 0, &lock, e) == -1)
		return -1;
	file_close(&lock);
	return file_sync_fs(store, e);
}

static int put_config(const struct plan *p, const struct file *store, struct err *e)
{
	struct buf bytes = {0};
	int rc = schema_encode(&store_config_schema, &p->config, &bytes, e);

	if (rc == 0)
		rc = outfile_put(store, "store.yaml", 0644, bytes.data, bytes.len, e);
	buf_free(&bytes);
	return rc;
}

/* After a failure: nothing stays of what was made. store.yaml goes first. */
static void remove_inside(const struct file *store)
{
	struct err ignored = {0};

	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		unlinkat(store->fd, files[i], 0);
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		file_remove_tree_at(store, folders[i].name, &ignored);
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

	json_put_text(o, "store", p->config.name);
	json_put_text(o, "path", p->path);
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
	say_line("%s  store %s made", p->path, p->config.name);
	if (p->root->expires <= p->now)
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

static int make_store(const struct plan *p, struct err *e)
{
	struct file dir = FILE_CLOSED;
	bool made = false;
	int rc = open_directory(p->path, &dir, &made, e);

	if (rc == 0) {
		rc = make_inside(p, &dir, e) == -1 ? -1 : put_config(p, &dir, e);
		if (rc == -1)
			remove_inside(&dir);
	}
	if (rc == -1 && made)
		rmdir(p->path);
	file_close(&dir);
	return rc;
}

int init_run(const struct args *a, struct err *e)
{
	struct plan p = {.path = NULL};
	int rc = make_plan(&p, a, e);

	if (rc == 0)
		rc = make_store(&p, e);
	if (rc == 0)
		tell(&p, a);
	trust_free(p.root);
	buf_free(&p.trust);
	arena_free(&p.arena);
	return rc;
}
