/*
 * Makes a station, before the path begins. Refuses a directory that isn't empty, a content root that holds the station
 * or lies in it, and file systems without hard links or atomic rename. station.yaml is written last: without it a
 * directory is no station; what a failed init made is removed.
 */
#include "export/init.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export/config.h"
#include "export/keys.h"
#include "export/ledger.h"
#include "export/station.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/listing.h"
#include "lib/outfile.h"
#include "lib/path.h"
#include "lib/say.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define ROOT_LIFE (365 * 86400ll)

const struct option_def init_options[] = {
	{"content", 0, "DIR", "the directory holding what may be carried", false},
	{"stream", 0, "NAME", "name of this line of lists and bundles; stores follow it by this name", false},
	{"site", 0, "NAME", "name of the site in the trust root (default: the stream's name)", false},
	{"ring", 0, "NAME", "a group of stores that is approved for on its own (default: production)", true},
	{"depth", 0, "N", "directories at this depth below DIR are the items (default: 1)", false},
	{"trust", 0, "FILE", "an existing trust root; then no keys are made", false},
	{0},
};

static const struct sub {
	const char *name;
	mode_t mode;
} subs[] = {
	{"lists", 0755}, {"objects", 0755}, {"contents", 0755}, {"bundles", 0755}, {"trust", 0755}, {"keys", 0700},
	{"receipts", 0755}, {"stage", 0700},
};

/* What init is asked for, and how far it came. */
struct plan {
	struct station s;	/* dir, config, now, ledger */
	struct file content;
	const char *path, *site, *trust_file;
	bool made_dir, owns;	/* we made the directory; what is in it is ours */
};

/* ---- the command line ---- */

static int name_option(const struct args *a, const char *option, const char *def, const char **out, struct err *e)
{
	const char *s = args_get(a, option);

	*out = s == NULL ? def : s;
	if (*out == NULL)
		return err_set(e, ERR_USAGE, "--%s is missing; see 'satchel-export init --help'", option);
	if (names_check(*out, strlen(*out), e) == 0)
		return 0;
	e->reason = ERR_USAGE;
	return err_prefix(e, "--%s", option);
}

static int read_rings(const struct args *a, struct plan *p, struct err *e)
{
	static char standard[] = "production";
	size_t n = args_count(a, "ring");
	char **given = calloc(n + 1, sizeof *given);
	int rc;

	if (given == NULL)
		return err_mem(e);
	for (size_t i = 0; i < n; i++)
		given[i] = (char *)(uintptr_t)args_nth(a, "ring", i);
	if (n == 0)
		given[n++] = standard;
	rc = config_rings(given, n, &p->s.arena, &p->s.config.rings, &p->s.config.rings_n, e);
	free(given);
	return rc;
}

static int read_args(const struct args *a, struct plan *p, struct err *e)
{
	struct station_config *c = &p->s.config;
	static char lost_found[] = "lost+found";
	const char *stream, *content = args_get(a, "content");
	char *real;

	if (args_expect(a, 1, 1, e) == -1 || name_option(a, "stream", NULL, &stream, e) == -1 ||
	    name_option(a, "site", stream, &p->site, e) == -1 || read_rings(a, p, e) == -1 ||
	    args_number(a, "depth", 1, PATH_MAX_DEPTH, 1, &c->depth, e) == -1 || station_now(&p->s.now, e) == -1)
		return -1;
	if (content == NULL)
		return err_set(e, ERR_USAGE, "--content is missing; see 'satchel-export init --help'");
	p->path = args_at(a, 0);
	p->trust_file = args_get(a, "trust");
	if (p->trust_file != NULL && args_has(a, "site"))
		return err_set(e, ERR_USAGE, "--site is named by the trust root already; leave one of --site and --trust out");
	if (file_open_dir(content, &p->content, e) == -1) {
		e->reason = ERR_USAGE;
		return err_prefix(e, "--content");
	}
	real = realpath(content, NULL);
	if (real == NULL)
		return err_sys(e, "%s", content);
	c->content = arena_strndup(&p->s.arena, real, strlen(real));
	free(real);
	c->stream = arena_strndup(&p->s.arena, stream, strlen(stream));
	c->has_depth = true;
	c->exclude = arena_alloc(&p->s.arena, sizeof *c->exclude);
	if (c->content == NULL || c->stream == NULL || c->exclude == NULL)
		return err_mem(e);
	c->exclude[0] = lost_found;
	c->exclude_n = 1;
	return 0;
}

/* ---- the directory ---- */

static int check_empty(const struct file *dir, struct err *e)
{
	int rc = listing_is_empty(dir, ".", e);

	if (rc == 0)
		return err_set(e, ERR_CONFIG, "%s: is not empty; init needs a new or empty directory", dir->name);
	return rc == 1 ? 0 : -1;
}

static int check_apart(const struct plan *p, struct err *e)
{
	bool inside, around;

	if (file_is_below(&p->s.dir, &p->content, &inside, e) == -1 || file_is_below(&p->content, &p->s.dir, &around, e) == -1)
		return -1;
	if (inside || around)
		return err_set(e, ERR_CONFIG, "%s and %s lie in one another; the station must be outside the content root",
			       p->path, p->content.name);
	return 0;
}

/* Hard links and rename over a file. */
/* What chmod fails with where a file system knows no modes. */
static bool has_no_modes(int number)
{
	return number == EPERM || number == ENOSYS || number == EOPNOTSUPP;
}

static int check_file_system(const struct file *dir, struct err *e)
{
	struct err why = {0};
	int rc;

	if (outfile_put(dir, "probe-1", 0600, "", 0, &why) == -1) {
		if (!has_no_modes(why.sys)) {
			*e = why;
			return -1;
		}
		err_set(e, ERR_CONFIG, "%s: this file system keeps no modes of files (%s)", dir->name, strerror(why.sys));
		return err_hint(e, "keep the station on ext4, XFS or Btrfs");
	}
	rc = linkat(dir->fd, "probe-1", dir->fd, "probe-2", 0);
	if (rc == 0 && (rc = outfile_put(dir, "probe-3", 0600, "", 0, e)) == 0)
		rc = renameat(dir->fd, "probe-3", dir->fd, "probe-1");
	if (rc == -1) {
		err_set(e, ERR_CONFIG, "%s: this file system has no hard links or no atomic rename (%s)", dir->name, strerror(errno));
		err_hint(e, "keep the station on ext4, XFS or Btrfs");
	}
	for (const char *const *n = (const char *const[]){"probe-1", "probe-2", "probe-3", NULL}; *n != NULL; n++)
		unlinkat(dir->fd, *n, 0);
	return rc;
}

static int make_dir(struct plan *p, struct err *e)
{
	if (mkdir(p->path, 0755) == 0)
		p->made_dir = true;
	else if (errno != EEXIST) {
		err_sys(e, "%s", p->path);
		return err_hint(e, "the directory above it must exist");
	}
	if (file_open_dir(p->path, &p->s.dir, e) == -1 || check_empty(&p->s.dir, e) == -1)
		return -1;
	p->owns = true;
	if (file_check_owner(&p->s.dir, e) == -1 || check_apart(p, e) == -1 || check_file_system(&p->s.dir, e) == -1)
		return -1;
	for (size_t i = 0; i < sizeof subs / sizeof *subs; i++)
		if (file_make_dir_at(&p->s.dir, subs[i].name, subs[i].mode, e) == -1)
			return -1;
	return 0;
}

static void undo(struct plan *p)
{
	static const char *const files[] = {LEDGER_NAME, CONFIG_NAME, "lock"};
	struct err ignored = {0};

	for (size_t i = 0; p->owns && i < sizeof subs / sizeof *subs; i++)
		file_remove_tree_at(&p->s.dir, subs[i].name, &ignored);
	for (size_t i = 0; p->owns && i < sizeof files / sizeof *files; i++)
		unlinkat(p->s.dir.fd, files[i], 0);
	if (p->made_dir)
		rmdir(p->path);
}

/* ---- trust ---- */

static int put_root(struct plan *p, const struct file *dir, const struct buf *b, uint64_t version, struct err *e)
{
	char name[32];

	p->s.config.trust.version = version;
	if (digest_of(b->data, b->len, &p->s.config.trust.sha256, e) == -1)
		return -1;
	return outfile_put(dir, names_trust(version, name), 0644, b->data, b->len, e);
}

/* Version 1: three keys, each alone in its role. */
static int write_root(struct plan *p, const struct file *dir, struct seckey *const *keys, struct err *e)
{
	struct trust_key rows[ROLES] = {{.name = NULL}};
	struct digest ids[ROLES];
	struct trust t = {.version = 1, .epoch = 1, .issued = p->s.now, .expires = p->s.now + ROOT_LIFE, .keys = rows,
			  .keys_n = ROLES};
	struct buf b = {0};
	char name[32];
	int rc = -1;

	t.site = (char *)(uintptr_t)p->site;
	for (int r = 0; r < ROLES; r++) {
		const struct pubkey *public = sign_public(keys[r]);

		if (trust_key_set(&rows[r], public, trust_role_name((enum role)r), &p->s.arena, e) == -1)
			goto out;
		ids[r] = *pubkey_id(public);
		t.roles.role[r] = (struct trust_role){.threshold = 1, .keys = &ids[r], .keys_n = 1};
	}
	if (trust_encode(&t, &b, e) == 0 && put_root(p, dir, &b, 1, e) == 0)
		rc = station_keys_sign(dir, names_trust(1, name), b.data, b.len, keys[ROLE_ROOT], e);
out:
	buf_free(&b);
	return rc;
}

static int make_root(struct plan *p, const struct file *dir, struct err *e)
{
	struct seckey *keys[ROLES] = {NULL};
	struct file key_dir = FILE_CLOSED;
	int rc = file_open_dir_at(&p->s.dir, "keys", &key_dir, e);

	for (int r = 0; r < ROLES && rc == 0; r++) {
		struct keys_new k = {.name = trust_role_name((enum role)r), .role = (enum role)r, .algorithm = PUBKEY_ED25519};

		keys[r] = keys_make(&key_dir, &k, e);
		rc = keys[r] == NULL ? -1 : 0;
	}
	if (rc == 0)
		rc = write_root(p, dir, keys, e);
	for (int r = 0; r < ROLES; r++)
		sign_free(keys[r]);
	file_close(&key_dir);
	return rc;
}

/* The root's own signatures come along: every bundle carries them. */
static int copy_signatures(const struct plan *p, const struct file *dir, const struct trust *t, struct err *e)
{
	struct signatures sigs = {0};
	struct file from = FILE_CLOSED;
	char name[32], file[NAMES_SIGNATURE_LEN];
	const char *last = NULL;
	int rc = station_open_parent(p->trust_file, &from, &last, e);

	if (rc == 0)
		rc = signatures_collect(&sigs, t, ROLE_ROOT, last, station_signature, &from, e);
	if (rc == 0)
		rc = trust_require(t, ROLE_ROOT, t->bytes.data, t->bytes.len, &sigs, e);
	if (rc == -1)
		err_prefix(e, "%s", p->trust_file);
	for (size_t i = 0; i < sigs.n && rc == 0; i++)
		rc = outfile_put(dir, names_signature(names_trust(t->version, name), &sigs.list[i].key, file), 0644,
				 sigs.list[i].bytes, sigs.list[i].len, e);
	signatures_free(&sigs);
	file_close(&from);
	return rc;
}

static int take_root(struct plan *p, const struct file *dir, struct err *e)
{
	struct file f = FILE_CLOSED;
	struct trust *t = NULL;
	struct buf b = {0};
	int rc = -1;

	if (file_open(p->trust_file, &f, e) == -1 || file_read_all(&f, MAX_TRUST_SIZE, &b, e) == -1)
		goto out;
	t = trust_parse(b.data, b.len, e);
	if (t == NULL)
		err_prefix(e, "%s", p->trust_file);
	else if (copy_signatures(p, dir, t, e) == 0)
		rc = put_root(p, dir, &b, t->version, e);
out:
	trust_free(t);
	buf_free(&b);
	file_close(&f);
	return rc;
}

/* ---- all together ---- */

static int record(struct plan *p, struct err *e)
{
	char hex[DIGEST_HEX + 1];
	json_t *o = json_object();

	p->s.ledger = journal_open(&p->s.dir, LEDGER_NAME, true, NULL, e);
	if (p->s.ledger == NULL) {
		json_decref(o);
		return -1;
	}
	json_put_text(o, "stream", p->s.config.stream);
	json_put_number(o, "trust_version", p->s.config.trust.version);
	json_put_text(o, "trust", digest_hex(&p->s.config.trust.sha256, hex));
	return ledger_append(&p->s, "init", o, e);
}

static int fill(struct plan *p, struct err *e)
{
	struct file dir = FILE_CLOSED;
	int rc = file_open_dir_at(&p->s.dir, "trust", &dir, e);

	if (rc == 0)
		rc = p->trust_file == NULL ? make_root(p, &dir, e) : take_root(p, &dir, e);
	file_close(&dir);
	/* the station's own name stands in a directory that we may not be able to open */
	if (rc == -1 || record(p, e) == -1 || file_sync_fs(&p->s.dir, e) == -1)
		return -1;
	return config_write(&p->s.dir, &p->s.config, e);
}

static void report(const struct plan *p)
{
	char hex[DIGEST_HEX + 1], name[32];
	json_t *o = json_object();

	digest_hex(&p->s.config.trust.sha256, hex);
	names_trust(p->s.config.trust.version, name);
	json_put_text(o, "station", p->path);
	json_put_text(o, "stream", p->s.config.stream);
	json_put_text(o, "trust", name);
	json_put_text(o, "fingerprint", hex);
	say_object(o);
	say_line("station %s for stream %s", p->path, p->s.config.stream);
	say_line("fingerprint of %s: %s", name, hex);
	if (p->trust_file == NULL)
		say_note("its keys lie in %s/keys; carry trust/%s and the fingerprint above to each store by a way you trust",
			 p->path, name);
	else
		say_note("no keys were made; name those of the trust root with --key");
	station_next(&p->s, "scan");
}

int init_run(const struct args *a, struct err *e)
{
	struct plan p = {.s = {.dir = FILE_CLOSED, .lock = FILE_CLOSED}, .content = FILE_CLOSED};
	int rc = read_args(a, &p, e);

	if (rc == 0)
		rc = make_dir(&p, e);
	if (rc == 0)
		rc = fill(&p, e);
	if (rc == 0)
		report(&p);
	else
		undo(&p);
	file_close(&p.content);
	station_close(&p.s);
	return rc;
}
