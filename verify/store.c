/*
 * A store as found on disk (verify/store.h): opened with suspicion. Refuses one that others may write, a configuration
 * with anything unknown in it, and trust roots that are not the pinned one and an unbroken chain from there.
 */
#include "verify/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/listing.h"
#include "lib/num.h"
#include "lib/path.h"
#include "manifests/hook.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "manifests/schema.h"
#include "verify/reader.h"

#include "lib/banned.h"

enum { AHEAD_DAYS = 90, KEEP_LISTS = 10, STALE_DAYS = 45, MAX_DAYS = 36500, MAX_KEEP = 10000 };

/* ---- store.yaml ---- */

static const struct field pin_fields[] = {
	{.name = "version", .kind = FIELD_NUMBER, .at = offsetof(struct store_pin, version), .min = 1, .max = MAX_REVISION},
	{.name = "sha256", .kind = FIELD_DIGEST, .at = offsetof(struct store_pin, sha256)},
	{0}
};
static const struct schema pin_schema = {.size = sizeof(struct store_pin), .fields = pin_fields};

static const struct field stream_fields[] = {
	{.name = "stream", .kind = FIELD_TEXT, .at = offsetof(struct store_stream, stream), .min = 1, .max = MAX_NAME_LEN,
	 .check = names_check},
	{.name = "rings", .kind = FIELD_TEXTS, .at = offsetof(struct store_stream, rings),
	 .count_at = offsetof(struct store_stream, rings_n), .min = 1, .max = MAX_NAME_LEN, .max_count = MAX_RINGS,
	 .check = names_check},
	{0}
};
static const struct schema stream_schema = {.size = sizeof(struct store_stream), .fields = stream_fields};

static const struct field policy_fields[] = {
	{.name = "ahead_days", .kind = FIELD_NUMBER, .at = offsetof(struct store_policy, ahead_days), .optional = true,
	 .present_at = offsetof(struct store_policy, has_ahead_days), .max = MAX_DAYS},
	{.name = "keep_lists", .kind = FIELD_NUMBER, .at = offsetof(struct store_policy, keep_lists), .optional = true,
	 .present_at = offsetof(struct store_policy, has_keep_lists), .max = MAX_KEEP},
	{.name = "stale_days", .kind = FIELD_NUMBER, .at = offsetof(struct store_policy, stale_days), .optional = true,
	 .present_at = offsetof(struct store_policy, has_stale_days), .min = 1, .max = MAX_DAYS},
	{.name = "medium_timeout", .kind = FIELD_NUMBER, .at = offsetof(struct store_policy, medium_timeout), .optional = true,
	 .present_at = offsetof(struct store_policy, has_medium_timeout), .min = 1, .max = READER_MAX_SECONDS},
	{.name = "require_sandbox", .kind = FIELD_FLAG, .at = offsetof(struct store_policy, require_sandbox), .optional = true},
	{0}
};
static const struct schema policy_schema = {.size = sizeof(struct store_policy), .fields = policy_fields};

static const struct field hooks_fields[] = {
	HOOK_FIELD(struct store_hooks, scan), HOOK_FIELD(struct store_hooks, published),
	HOOK_FIELD(struct store_hooks, refused), HOOK_FIELD(struct store_hooks, waiting),
	{.name = "seconds", .kind = FIELD_NUMBER, .at = offsetof(struct store_hooks, seconds), .optional = true,
	 .present_at = offsetof(struct store_hooks, has_seconds), .min = 1, .max = HOOK_MAX_SECONDS},
	{0}
};

static int check_hooks(const void *value, struct err *e)
{
	const struct store_hooks *h = value;

	return hook_check(h->scan, h->scan_n, e) == -1 || hook_check(h->published, h->published_n, e) == -1 ||
	       hook_check(h->refused, h->refused_n, e) == -1 || hook_check(h->waiting, h->waiting_n, e) == -1 ? -1 : 0;
}
static const struct schema hooks_schema = {
	.size = sizeof(struct store_hooks), .fields = hooks_fields, .check = check_hooks
};

static int check_config(const void *value, struct err *e)
{
	const struct store_config *c = value;

	for (size_t i = 0; i < c->streams_n; i++) {
		if (c->streams[i].rings_n == 0)
			return err_set(e, ERR_CONFIG, "stream \"%s\" has no ring", c->streams[i].stream);
		for (size_t j = 0; j < i; j++)
			if (strcmp(c->streams[i].stream, c->streams[j].stream) == 0)
				return err_set(e, ERR_CONFIG, "stream \"%s\" is there twice", c->streams[i].stream);
	}
	return 0;
}

static const struct field config_fields[] = {
	{.name = "name", .kind = FIELD_TEXT, .at = offsetof(struct store_config, name), .min = 1, .max = MAX_NAME_LEN,
	 .check = names_check},
	{.name = "trust", .kind = FIELD_MAP, .at = offsetof(struct store_config, trust), .sub = &pin_schema},
	{.name = "streams", .kind = FIELD_ENTRIES, .at = offsetof(struct store_config, streams),
	 .count_at = offsetof(struct store_config, streams_n), .max_count = MAX_STREAMS, .sub = &stream_schema},
	{.name = "policy", .kind = FIELD_BLOCK, .at = offsetof(struct store_config, policy), .optional = true,
	 .present_at = offsetof(struct store_config, has_policy), .sub = &policy_schema},
	{.name = "hooks", .kind = FIELD_BLOCK, .at = offsetof(struct store_config, hooks), .optional = true,
	 .present_at = offsetof(struct store_config, has_hooks), .sub = &hooks_schema},
	{0}
};
const struct schema store_config_schema = {
	.type = "store", .size = sizeof(struct store_config), .fields = config_fields, .check = check_config
};

static int load_config(struct store *s, struct err *e)
{
	struct store_policy *p = &s->config.policy;
	struct buf bytes = {0};
	int rc;

	rc = file_read_all_at(&s->dir, "store.yaml", MAX_CONFIG_SIZE, &bytes, e);
	if (rc == -1 && e->reason == ERR_MISSING) {
		e->reason = ERR_CONFIG;
		err_hint(e, "this is no store: satchel-import init makes one");
	}
	if (rc == 0 && schema_parse_config(&store_config_schema, bytes.data, bytes.len, &s->config, &s->arena, e) == -1)
		rc = err_prefix(e, "%s/store.yaml", s->dir.name);
	p->ahead_days = p->has_ahead_days ? p->ahead_days : AHEAD_DAYS;
	p->keep_lists = p->has_keep_lists ? p->keep_lists : KEEP_LISTS;
	p->stale_days = p->has_stale_days ? p->stale_days : STALE_DAYS;
	p->medium_timeout = p->has_medium_timeout ? p->medium_timeout : READER_SECONDS;
	if (!s->config.hooks.has_seconds)
		s->config.hooks.seconds = HOOK_SECONDS;
	buf_free(&bytes);
	return rc;
}

/* ---- trust ---- */

/* Reads trust/trust-N.yaml. 0; 1 where it isn't there; -1. */
static int read_root(const struct file *dir, uint64_t version, struct buf *out, struct err *e)
{
	struct file f = FILE_CLOSED;
	struct stat st;
	char name[32];
	int rc = -1;

	if (file_open_at(dir, names_trust(version, name), &f, e) == -1) {
		if (e->reason != ERR_MISSING)
			return -1;
		err_clear(e);
		return 1;
	}
	if (file_stat(&f, &st, e) == 0) {
		if ((st.st_mode & 022) != 0)
			err_set(e, R_TRUST_DAMAGED, "%s: others may write it", f.name);
		else
			rc = file_read_all(&f, MAX_TRUST_SIZE, out, e);
	}
	file_close(&f);
	return rc;
}

static int pin(struct store *s, const struct file *dir, struct err *e)
{
	struct buf bytes = {0};
	struct trust *t = NULL;
	struct digest d;
	int rc = read_root(dir, s->config.trust.version, &bytes, e);

	if (rc == 1)
		rc = err_set(e, R_TRUST_DAMAGED, "the root that store.yaml names, version %llu, is not there",
			     (unsigned long long)s->config.trust.version);
	if (rc == 0)
		rc = digest_of(bytes.len == 0 ? (const void *)"" : bytes.data, bytes.len, &d, e);
	if (rc == 0 && !digest_equal(&d, &s->config.trust.sha256))
		rc = err_set(e, R_TRUST_DAMAGED, "root %llu is not the one that store.yaml names",
			     (unsigned long long)s->config.trust.version);
	if (rc == 0)
		t = trust_parse(bytes.data, bytes.len, e);
	if (rc == 0)
		rc = t == NULL ? -1 : trust_chain_pin(&s->chain, t, e);
	buf_free(&bytes);
	return rc;
}

int store_signature(void *arg, const char *name, struct buf *out, struct err *e)
{
	if (file_read_all_at(arg, name, PUBKEY_MAX_SIGNATURE + 1, out, e) == 0)
		return 0;
	if (e->reason != ERR_MISSING && e->reason != ERR_TOO_LARGE && e->reason != ERR_FILE_TYPE)
		return -1;
	err_clear(e);
	return 1;
}

static int extend(struct store *s, struct file *dir, struct err *e)
{
	struct buf bytes = {0};
	int rc = 0;

	while (rc == 0) {
		buf_clear(&bytes);
		rc = read_root(dir, trust_chain_newest(&s->chain)->version + 1, &bytes, e);
		if (rc == 0)
			rc = trust_chain_extend(&s->chain, bytes.data, bytes.len, store_signature, dir, e);
	}
	buf_free(&bytes);
	return rc == -1 ? -1 : 0;
}

/* The version in "trust-4.yaml" and what lies beside it; 0: another name. */
static uint64_t version_of(const char *name)
{
	const char *digits = name + 6;
	size_t len;
	uint64_t n;

	if (strncmp(name, "trust-", 6) != 0)
		return 0;
	len = strspn(digits, "0123456789");
	return num_parse(digits, len, 1, MAX_REVISION, &n) == 0 && digits[len] == '.' ? n : 0;
}

/* A root, or a signature left of one, above the chain's end means that roots are gone. */
static int check_end(const struct store *s, const struct file *dir, struct err *e)
{
	int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int rc = 0;

	if (d == NULL) {
		err_sys(e, "%s", dir->name);
		if (fd != -1)
			close(fd);
		return -1;
	}
	while (errno = 0, rc == 0 && (entry = readdir(d)) != NULL)
		if (version_of(entry->d_name) > trust_chain_newest(&s->chain)->version)
			rc = err_set(e, R_TRUST_DAMAGED, "trust-%llu.yaml is missing: %s is there",
				     (unsigned long long)trust_chain_newest(&s->chain)->version + 1, entry->d_name);
	if (rc == 0 && errno != 0)
		rc = err_sys(e, "%s", dir->name);
	closedir(d);
	return rc;
}

static int load_chain(struct store *s, struct err *e)
{
	struct file dir = FILE_CLOSED;
	int rc = file_open_dir_at(&s->dir, "trust", &dir, e);

	if (rc == 0)
		rc = file_check_writers(&dir, s->owner, e);
	if (rc == 0 && (pin(s, &dir, e) == -1 || extend(s, &dir, e) == -1 || check_end(s, &dir, e) == -1))
		rc = -1;
	file_close(&dir);
	if (rc == 0)
		return 0;
	if (e->reason != ERR_MEMORY && e->reason != ERR_IO)
		e->reason = R_TRUST_DAMAGED;
	err_prefix(e, "%s/trust", s->dir.name);
	return err_hint(e, "restore it from a backup");
}

/* ---- stores ---- */

int store_open_dir(const char *path, struct file *out, struct err *e)
{
	if (file_open_dir(path, out, e) == 0)
		return 0;
	if (e->reason == ERR_MISSING || e->reason == ERR_FILE_TYPE) {
		e->reason = ERR_CONFIG;
		err_hint(e, "'satchel-import init' makes a store");
	}
	return -1;
}

int store_open(const char *path, struct store *out, struct err *e)
{
	/* what decides, and what is served; trust/ is looked at with its roots */
	static const char *const parts[] = {"store.yaml", "keys", "objects", "streams", "published", "stage", "journal.jsonl", NULL};
	struct stat st;

	*out = (struct store){.dir = FILE_CLOSED};
	if (store_open_dir(path, &out->dir, e) == 0 && file_stat(&out->dir, &st, e) == 0) {
		out->owner = st.st_uid;
		if (file_check_writers(&out->dir, out->owner, e) == 0 && file_check_entries(&out->dir, parts, out->owner, e) == 0 &&
		    load_config(out, e) == 0 && load_chain(out, e) == 0)
			return 0;
	}
	store_close(out);
	return -1;
}

int store_open_unjudged(const char *path, struct store *out, struct err *e)
{
	*out = (struct store){.dir = FILE_CLOSED};
	if (store_open_dir(path, &out->dir, e) == 0 && load_config(out, e) == 0)
		return 0;
	store_close(out);
	return -1;
}

int store_check_below(const struct store *s, struct err *e)
{
	if (listing_check_writers(&s->dir, "objects", 1, s->owner, e) == -1)
		return -1;
	return listing_check_writers(&s->dir, "streams", 2, s->owner, e);
}

bool store_stranger(const struct store *s, const struct stat *st, char text[STORE_STRANGER])
{
	if (st->st_uid == 0 || st->st_uid == s->owner || S_ISLNK(st->st_mode))
		return false;
	snprintf(text, STORE_STRANGER, "it belongs to user %u, who is neither the store's owner nor root", (unsigned)st->st_uid);
	return true;
}

int store_as_of(struct store *s, uint64_t version, struct err *e)
{
	struct trust_chain *c = &s->chain;

	if (version == 0)
		return 0;
	if (version > trust_chain_newest(c)->version)
		return err_set(e, ERR_USAGE, "--trust-version %llu: the store's chain ends at root %llu", (unsigned long long)version,
			       (unsigned long long)trust_chain_newest(c)->version);
	if (version < c->roots[0]->version)
		return err_set(e, ERR_USAGE, "--trust-version %llu: the store's chain begins at root %llu", (unsigned long long)version,
			       (unsigned long long)c->roots[0]->version);
	s->as_of = trust_chain_newest(c)->version > version;
	while (trust_chain_newest(c)->version > version)
		trust_free(c->roots[--c->n]);
	return 0;
}

void store_close(struct store *s)
{
	trust_chain_free(&s->chain);
	file_close(&s->dir);
	arena_free(&s->arena);
	*s = (struct store){.dir = FILE_CLOSED};
}

const struct store_stream *store_stream(const struct store *s, const char *name)
{
	for (size_t i = 0; i < s->config.streams_n; i++)
		if (strcmp(s->config.streams[i].stream, name) == 0)
			return &s->config.streams[i];
	return NULL;
}

const char *store_choose(const struct store *s, const char *name, struct err *e)
{
	if (name == NULL && s->config.streams_n == 1)
		return s->config.streams[0].stream;
	if (name != NULL && store_stream(s, name) != NULL)
		return name;
	if (name == NULL)
		err_set(e, ERR_USAGE, "the store follows several streams: say which with --stream");
	else
		err_set(e, ERR_USAGE, "the store does not follow the stream %s", name);
	return NULL;
}

int store_fetch(void *arg, const struct digest *d, uint64_t size, struct buf *out, struct err *e)
{
	const struct store *s = arg;
	size_t before = out->len;
	char object[80], path[96];

	snprintf(path, sizeof path, "objects/%s", names_object(d, object));
	if (file_read_all_at(&s->dir, path, size, out, e) == 0 && out->len - before == size)
		return 0;
	if (e->reason == ERR_MISSING) {
		err_clear(e);
		return 1;
	}
	if (e->reason != ERR_NONE && e->reason != ERR_TOO_LARGE)
		return -1;
	err_clear(e);
	return err_set(e, R_STORE_DAMAGED, "%s: its size is not %llu", path, (unsigned long long)size);
}
