/*
 * The station as every command opens it: lock, configuration, trust, time. Refuses a station that others can write,
 * one that somebody else is at work in, and trust roots that are not what station.yaml pins.
 */
#include "export/station.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "export/cache.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/listing.h"
#include "lib/num.h"
#include "lib/options.h"
#include "lib/outfile.h"
#include "lib/say.h"
#include "manifests/contents.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define LAST_SECOND 253402300799u	/* 9999-12-31T23:59:59Z */

const char *station_path(const struct args *a)
{
	const char *path = args_get(a, "station");

	if (path == NULL)
		path = getenv("SATCHEL_STATION");
	return path != NULL && *path != '\0' ? path : NULL;
}

struct passphrase station_passphrase(const struct args *a)
{
	return (struct passphrase){.ask = sign_ask, .arg = (void *)(uintptr_t)args_get(a, "passphrase-file")};
}

static bool is_plain(const char *path)
{
	return path[strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:@%=")] == '\0';
}

void station_next(const struct station *s, const char *step)
{
	struct buf path = {0};

	for (const char *p = s->dir.name; *p != '\0'; p++) {
		if (*p == '\'')
			buf_puts(&path, "'\"'\"'");	/* no backslash: what is said is escaped once more */
		else
			buf_append(&path, p, 1);
	}
	buf_append(&path, "", 1);
	if (!path.failed)
		say_note(is_plain(s->dir.name) ? "next: satchel-export -C %s %s" : "next: satchel-export -C '%s' %s",
			 (const char *)path.data, step);
	buf_free(&path);
}

int station_now(int64_t *now, struct err *e)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	uint64_t seconds;

	if (epoch == NULL || *epoch == '\0') {
		*now = (int64_t)time(NULL);
		return 0;
	}
	if (num_parse(epoch, strlen(epoch), 0, LAST_SECOND, &seconds) == -1)
		return err_set(e, ERR_USAGE, "SOURCE_DATE_EPOCH is \"%s\": must be seconds since 1970, or unset", epoch);
	*now = (int64_t)seconds;
	return 0;
}

const char *station_user(void)
{
	static char number[16];
	const struct passwd *p = getpwuid(getuid());

	if (p != NULL && p->pw_name[0] != '\0')
		return p->pw_name;
	snprintf(number, sizeof number, "%u", (unsigned)getuid());
	return number;
}

int station_open_parent(const char *path, struct file *out, const char **last, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char *parent = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
	int rc;

	if (parent == NULL)
		return err_mem(e);
	*last = slash == NULL ? path : slash + 1;
	rc = file_open_dir(parent, out, e);
	free(parent);
	return rc;
}

int station_damaged(struct err *e, const char *next)
{
	if (e->reason == ERR_MEMORY)
		return -1;
	e->reason = R_STATION_DAMAGED;
	return err_hint(e, "%s", next);
}

int station_check_root(const struct station *s, struct err *e)
{
	if (trust_chain_check_time(&s->chain, s->now, e) == 0)
		return 0;
	if (e->reason == R_CLOCK)
		return err_hint(e, "no store takes it before: where the clock is right, `satchel-export trust renew`, then "
				   "`satchel-export trust sign`");
	return e->reason == R_TRUST_EXPIRED ? err_hint(e, "`satchel-export trust renew`, then `satchel-export trust sign`") : -1;
}

int station_signature(void *dir, const char *name, struct buf *out, struct err *e)
{
	struct err cause = {0};

	if (file_read_all_at(dir, name, PUBKEY_MAX_SIGNATURE + 1, out, &cause) == 0)
		return 0;
	if (cause.reason == ERR_MISSING || cause.reason == ERR_TOO_LARGE || cause.reason == ERR_FILE_TYPE)
		return 1;
	*e = cause;
	return -1;
}

/* The root that station.yaml pins. */
static int pin_root(struct station *s, const struct file *dir, struct err *e)
{
	const struct station_pin *pin = &s->config.trust;
	struct trust *root = NULL;
	struct buf b = {0};
	struct digest d;
	char name[32];
	int rc = -1;

	if (file_read_all_at(dir, names_trust(pin->version, name), MAX_TRUST_SIZE, &b, e) == -1 ||
	    digest_of(b.data, b.len, &d, e) == -1)
		goto out;
	if (!digest_equal(&d, &pin->sha256)) {
		err_set(e, R_TRUST_DAMAGED, "%s/%s: its digest is not the one that " CONFIG_NAME " pins", dir->name, name);
		goto out;
	}
	root = trust_parse(b.data, b.len, e);
	rc = root == NULL ? -1 : trust_chain_pin(&s->chain, root, e);
out:
	buf_free(&b);
	return rc;
}

/* The root after the newest: 1 where there is none. */
static int next_root(struct station *s, const struct file *dir, struct err *e)
{
	struct buf b = {0};
	struct err cause = {0};
	char name[32];
	int rc;

	names_trust(trust_chain_newest(&s->chain)->version + 1, name);
	rc = file_read_all_at(dir, name, MAX_TRUST_SIZE, &b, &cause);
	if (rc == -1 && cause.reason == ERR_MISSING)
		rc = 1;
	else if (rc == -1)
		*e = cause;
	else if ((rc = trust_chain_extend(&s->chain, b.data, b.len, station_signature, (void *)(uintptr_t)dir, e)) == -1)
		err_prefix(e, "%s/%s", dir->name, name);
	buf_free(&b);
	return rc;
}

static int load_chain(struct station *s, struct err *e)
{
	struct file dir = FILE_CLOSED;
	int rc = file_open_dir_at(&s->dir, "trust", &dir, e);

	if (rc == 0)
		rc = pin_root(s, &dir, e);
	while (rc == 0)
		rc = next_root(s, &dir, e);
	file_close(&dir);
	if (rc == 1)
		return 0;
	if (e->reason == ERR_MEMORY || e->reason == ERR_IO)
		return -1;
	e->reason = R_TRUST_DAMAGED;
	return err_hint(e, "every bundle carries the trust roots: copy them back, with their signatures, from a medium");
}

static int open_dir(struct station *s, const char *path, struct err *e)
{
	/* what decides, and what is packed */
	static const char *const parts[] = {"station.yaml", "draft.yaml", "lists", "objects", "contents", "bundles", "trust", "keys",
					    "receipts", "ledger.jsonl", "cache", "stage", NULL};

	if (path == NULL)
		return err_set(e, ERR_USAGE, "no station was named; use -C STATION, or set SATCHEL_STATION");
	if (file_open_dir(path, &s->dir, e) == -1) {
		if (e->reason == ERR_MISSING || e->reason == ERR_FILE_TYPE)
			e->reason = ERR_CONFIG;
		return err_hint(e, "'satchel-export init' makes a station");
	}
	if (file_check_owner(&s->dir, e) == -1 || file_check_entries(&s->dir, parts, geteuid(), e) == -1 ||
	    listing_check_writers(&s->dir, "objects", 1, geteuid(), e) == -1 || listing_check_writers(&s->dir, "lists", 1, geteuid(), e) == -1)
		return -1;
	return listing_check_writers(&s->dir, "bundles", 1, geteuid(), e);
}

static int open_ledger(struct station *s, struct err *e)
{
	bool cut = false;

	s->ledger = journal_open(&s->dir, "ledger.jsonl", false, &cut, e);
	if (s->ledger == NULL) {
		return e->reason != ERR_MISSING ? -1
			: station_damaged(e, "bring it back from a backup, an old one serves; else an empty file begins it anew");
	}
	if (cut)
		say_warn("the last line of the ledger was cut off by an interrupted run, and is removed");
	return 0;
}

/* What a killed command left of the files it wrote. */
static int sweep(const struct station *s, struct err *e)
{
	static const char *const places[] = {".", "keys", "lists", "receipts", "trust", "trust/draft"};

	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (outfile_sweep(&s->dir, places[i], e) == -1)
			return -1;
	return 0;
}

int station_open(const struct args *a, enum station_access access, struct station *out, struct err *e)
{
	*out = (struct station){.dir = FILE_CLOSED, .lock = FILE_CLOSED};
	if (open_dir(out, station_path(a), e) == -1 || station_now(&out->now, e) == -1)
		goto fail;
	if (config_load(&out->dir, &out->config, &out->arena, e) == -1)
		goto fail;
	if (access == STATION_WRITE && (file_lock(&out->dir, "lock", 0, &out->lock, e) == -1 || sweep(out, e) == -1))
		goto fail;
	if (load_chain(out, e) == -1 || (access == STATION_WRITE && open_ledger(out, e) == -1))
		goto fail;
	out->sums = arena_alloc(&out->arena, sizeof *out->sums);
	if (out->sums != NULL) {
		pthread_mutex_init(&out->sums->lock, NULL);
		return 0;
	}
	err_mem(e);
fail:
	station_close(out);
	return -1;
}

void station_close(struct station *s)
{
	journal_close(s->ledger);
	s->ledger = NULL;
	if (s->sums != NULL) {
		cache_close(s->sums->cache);
		pthread_mutex_destroy(&s->sums->lock);
	}
	s->sums = NULL;
	trust_chain_free(&s->chain);
	file_close(&s->lock);
	file_close(&s->dir);
	arena_free(&s->arena);
}

int station_fetch(void *arg, const struct digest *d, uint64_t size, struct buf *out, struct err *e)
{
	const struct station *s = arg;
	char name[80], path[96];
	struct err cause = {0};
	size_t before = out->len;

	snprintf(path, sizeof path, "contents/%s", names_object(d, name));
	if (file_read_all_at(&s->dir, path, (size_t)size, out, &cause) == 0)
		return out->len - before == size ? 0
						 : err_set(e, R_STATION_DAMAGED, "%s: has %zu bytes, not %llu", path,
							   out->len - before, (unsigned long long)size);
	if (cause.reason == ERR_MISSING)
		return 1;
	*e = cause;
	return -1;
}
