/*
 * Signing a document by hand: an approval list, a trust root or a manifest, with or without a station. What is signed is
 * shown first, read by the strict loader. Refuses documents that no reader would take, and keys of another role. Where
 * it is the station's draft of a trust root and the last signature that was missing, the root is in force afterwards.
 *
 * The signature is written straight to its name and synced: the file may lie on a medium whose driver can't rename. One
 * that was cut off counts as none, and signing again replaces it. One that a sync failed for is removed: the cache would
 * show it to the next run, and its sync would not fail again, though the medium may never have got it.
 */
#include "export/signfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export/freeze.h"
#include "export/ledger.h"
#include "export/nextroot.h"
#include "export/show.h"
#include "export/signers.h"
#include "export/station.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/say.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define MAX_ROOTS_BESIDE 4096

const struct option_def signfile_options[] = {
	{"key", 0, "FILE", "sign with this key (default: the station's own)", true},
	{"passphrase-file", 0, "FILE", "the first line of FILE opens the key (default: ask)", false},
	{"new", 0, NULL, "without FILE: abandon a list that waits for signatures", false},
	{"against", 0, "OLD", "with FILE: show only what differs from the list OLD", false},
	{"trust", 0, "ROOT", "with FILE: the trust root that says which keys have which role", false},
	{0},
};

const struct option_def signfile_trust_options[] = {
	{"key", 0, "FILE", "sign with this key (default: the station's own)", true},
	{"passphrase-file", 0, "FILE", "the first line of FILE opens the key (default: ask)", false},
	{0},
};

struct signfile {
	const struct args *a;
	const char *path, *name;	/* as the user wrote it; its last component */
	struct file dir;		/* where it lies */
	struct buf bytes;
	char type[32];
	enum role role;
	struct approvals *list, *old;
	struct manifest *manifest;
	struct trust *trust;		/* the document itself, if it is one */
	struct station s;
	bool has_station;
	struct trust *given;		/* root by --trust or beside FILE */
	bool beside;			/* the latter: nobody has verified it */
	const struct trust *root;	/* the one that judges; NULL: none is known */
	struct seckey **keys;
	size_t keys_n;
};

/* ---- the document ---- */

static int read_named(const char *path, struct buf *out, struct err *e)
{
	struct file f = FILE_CLOSED;
	int rc = file_open(path, &f, e);

	if (rc == 0)
		rc = file_read_all(&f, MAX_APPROVALS_SIZE, out, e);
	file_close(&f);
	return rc;
}

static int parse(struct signfile *f, struct err *e)
{
	const void *data = f->bytes.data;
	size_t len = f->bytes.len;

	if (schema_type_of(data, len, f->type) == -1 || trust_role_of_type(f->type, &f->role) == -1) {
		err_set(e, R_DOCUMENT_TYPE, "%s: no document that anybody signs", f->path);
		return err_hint(e, "approval lists, trust roots and manifests are signed");
	}
	if (f->role == ROLE_APPROVER)
		f->list = approvals_parse(data, len, e);
	else if (f->role == ROLE_ROOT)
		f->trust = trust_parse(data, len, e);
	else
		f->manifest = manifest_parse(data, len, e);
	return f->list != NULL || f->trust != NULL || f->manifest != NULL ? 0 : err_prefix(e, "%s", f->path);
}

static int load_old(struct signfile *f, struct err *e)
{
	const char *path = args_get(f->a, "against");
	struct buf b = {0};

	if (path == NULL)
		return 0;
	if (f->list == NULL)
		return err_set(e, ERR_USAGE, "--against goes with an approval list, and %s is none", f->path);
	if (read_named(path, &b, e) == 0 && (f->old = approvals_parse(b.data, b.len, e)) == NULL)
		err_prefix(e, "%s", path);
	buf_free(&b);
	return f->old == NULL ? -1 : 0;
}

/* ---- whose keys ---- */

static struct trust *load_root(const char *path, struct err *e)
{
	struct buf b = {0};
	struct trust *t = NULL;

	if (read_named(path, &b, e) == 0 && (t = trust_parse(b.data, b.len, e)) == NULL)
		err_prefix(e, "%s", path);
	buf_free(&b);
	return t;
}

/* The newest trust-N.yaml beside the document, of those before it where it is one itself. */
static int find_beside(struct signfile *f, struct err *e)
{
	uint64_t end = f->trust != NULL ? f->trust->version : MAX_ROOTS_BESIDE;
	struct buf b = {0};
	char name[32];

	for (uint64_t version = end < MAX_ROOTS_BESIDE ? end : MAX_ROOTS_BESIDE; version-- > 1;) {
		if (faccessat(f->dir.fd, names_trust(version, name), R_OK, 0) == -1)
			continue;
		if (file_read_all_at(&f->dir, name, MAX_TRUST_SIZE, &b, e) == 0 &&
		    (f->given = trust_parse(b.data, b.len, e)) == NULL)
			err_prefix(e, "%s/%s", f->dir.name, name);
		buf_free(&b);
		if (f->given == NULL)
			return -1;
		f->beside = true;
		say_note("trust root %llu beside it was not verified; name one that you trust with --trust ROOT",
			 (unsigned long long)f->given->version);
		return 0;
	}
	return 0;
}

static int find_root(struct signfile *f, struct err *e)
{
	const char *path = args_get(f->a, "trust");

	if (path != NULL) {
		f->given = load_root(path, e);
		if (f->given == NULL)
			return -1;
	} else if (f->has_station) {
		f->root = trust_chain_newest(&f->s.chain);
		return 0;
	} else if (find_beside(f, e) == -1) {
		return -1;
	}
	f->root = f->given;
	return 0;
}

/* The role that the key's own file names, or NULL. */
static const char *labelled_role(const struct seckey *k)
{
	const char *label = sign_label(k), *word = "satchel-role: ";

	return label != NULL && strncmp(label, word, strlen(word)) == 0 ? label + strlen(word) : NULL;
}

/*
 * Whether the key may sign this. A trust root is signed by root keys of its own, and of the root before. Whoever wrote the document
 * may have written a root beside it, too: without a root from elsewhere the key's own label decides, and these may only refuse.
 */
static int check_key(const struct signfile *f, const struct seckey *k, const char *path, struct err *e)
{
	const struct digest *id = pubkey_id(sign_public(k));
	const char *own = labelled_role(k), *role = trust_role_name(f->role);

	if ((f->root == NULL || f->beside) && own != NULL && strcmp(own, role) != 0)
		return err_set(e, R_KEY_ROLE, "%s: a key of role %s, and this is signed by role %s", path, own, role);
	if ((f->root != NULL && trust_has_role(f->root, f->role, id)) || (f->trust != NULL && trust_has_role(f->trust, f->role, id)))
		return 0;
	if (f->root != NULL || f->trust != NULL) {
		const struct trust *t = f->root != NULL ? f->root : f->trust;

		return err_set(e, R_KEY_ROLE, "%s: not a key of role %s, which signs this, in trust root %llu%s", path, role,
			       (unsigned long long)t->version, f->beside ? " beside it, which was not verified" : "");
	}
	if (own != NULL)
		return 0;
	err_set(e, R_KEY_ROLE, "%s: nothing here says whether this key has role %s", path, role);
	return err_hint(e, "name the trust root with --trust ROOT");
}

static int load_keys(struct signfile *f, struct err *e)
{
	struct passphrase pass = station_passphrase(f->a);
	size_t n = args_count(f->a, "key");

	if (n == 0 && !f->has_station)
		return err_set(e, ERR_USAGE, "no key was named; sign with --key FILE");
	if (n == 0)
		return station_keys(&f->s, f->a, f->role, &f->keys, &f->keys_n, e);
	f->keys = calloc(n, sizeof *f->keys);
	if (f->keys == NULL)
		return err_mem(e);
	for (size_t i = 0; i < n; i++) {
		const char *path = args_nth(f->a, "key", i);

		f->keys[i] = sign_load(path, &pass, e);
		if (f->keys[i] == NULL)
			return -1;
		f->keys_n++;
		if (check_key(f, f->keys[i], path, e) == -1)
			return -1;
	}
	return 0;
}

/* ---- signing ---- */

static int remove_signature(const struct signfile *f, const char *name, struct err *e)
{
	if (unlinkat(f->dir.fd, name, 0) == -1 && errno != ENOENT)
		return err_sys(e, "%s/%s", f->dir.name, name);
	return 0;
}

static int write_signature(const struct signfile *f, const char *name, const uint8_t *sig, size_t len, struct err *e)
{
	struct file out = FILE_CLOSED;
	int rc;

	if (remove_signature(f, name, e) == -1 || file_create_at(&f->dir, name, 0644, &out, e) == -1)
		return -1;
	rc = file_write(&out, sig, len, e);
	if (rc == 0)
		rc = file_sync(&out, e);
	file_close(&out);
	if (rc == 0)
		rc = file_sync_dir(&f->dir, e);
	if (rc == -1)
		remove_signature(f, name, &(struct err){0});
	return rc;
}

/* A good signature that is there: the run that wrote it may have been killed before it was synced. */
static int sync_signature(const struct signfile *f, const char *name, struct err *e)
{
	struct file there = FILE_CLOSED;
	int rc = file_open_at(&f->dir, name, &there, e);

	if (rc == 0 && ((rc = file_sync_dir(&there, e)) == -1 || (rc = file_sync_dir(&f->dir, e)) == -1))
		remove_signature(f, name, &(struct err){0});
	file_close(&there);
	return rc;
}

static int record(struct signfile *f, const struct seckey *k, struct err *e)
{
	char hex[DIGEST_HEX + 1];
	struct digest d;
	json_t *o;

	if (!f->has_station)
		return 0;
	if (digest_of(f->bytes.data, f->bytes.len, &d, e) == -1)
		return -1;
	o = json_object();
	json_put_text(o, "document", f->type);
	json_put_text(o, "sha256", digest_hex(&d, hex));
	ledger_put_key(o, pubkey_id(sign_public(k)));
	return ledger_append(&f->s, "sign", o, e);
}

static int sign_one(struct signfile *f, const struct seckey *k, struct err *e)
{
	const struct pubkey *public = sign_public(k);
	uint8_t sig[PUBKEY_MAX_SIGNATURE];
	size_t len = sizeof sig;
	struct buf there = {0};
	struct err ignored = {0};
	char name[NAMES_SIGNATURE_LEN];
	int rc = -1;

	names_signature(f->name, pubkey_id(public), name);
	if (file_read_all_at(&f->dir, name, PUBKEY_MAX_SIGNATURE, &there, &ignored) == 0 &&
	    pubkey_verify(public, f->bytes.data, f->bytes.len, there.data, there.len)) {
		rc = sync_signature(f, name, e);
		if (rc == 0)
			say_note("%s: signed with this key already", name);
	} else if (sign_data(k, f->bytes.data, f->bytes.len, sig, &len, e) == 0 && record(f, k, e) == 0 &&
		   write_signature(f, name, sig, len, e) == 0) {
		say_line("%s/%s", f->dir.name, name);
		rc = 0;
	}
	buf_free(&there);
	return rc;
}

/* "1 of 2 signatures by trust root 3 (alice); still to sign: bob". o: for the numbers, or NULL. */
static int count(const struct signfile *f, const struct trust *t, json_t *o, struct err *e)
{
	struct signatures sigs = {0};
	struct signers w = {.good = 0};
	int rc = signatures_collect(&sigs, t, f->role, f->name, station_signature, (void *)(uintptr_t)&f->dir, e);

	if (rc == 0)
		rc = signers_count(t, f->role, &f->bytes, &sigs, &w, e);
	if (rc == 0) {
		const char *missing = signers_enough(&w) ? "" : (const char *)w.missing.data;

		say_line("%zu of %llu signatures by trust root %llu%s%s%s%s%s", w.good, (unsigned long long)w.threshold,
			 (unsigned long long)t->version, w.good > 0 ? " (" : "", (const char *)w.signed_by.data,
			 w.good > 0 ? ")" : "", *missing != '\0' ? "; still to sign: " : "", missing);
	}
	if (rc == 0 && o != NULL) {
		json_put_number(o, "signatures", w.good);
		json_put_number(o, "threshold", w.threshold);
	}
	signers_free(&w);
	signatures_free(&sigs);
	return rc;
}

/* Where a root is known. A trust root needs the keys of the one before it and its own. */
static int report(const struct signfile *f, struct err *e)
{
	const struct trust *t = f->root != NULL ? f->root : f->trust;
	json_t *o = json_object();
	int rc = t == NULL ? 0 : count(f, t, o, e);

	if (rc == 0 && f->trust != NULL && f->root != NULL && f->root->version != f->trust->version)
		rc = count(f, f->trust, NULL, e);
	if (rc == -1) {
		json_decref(o);
		return -1;
	}
	json_put_text(o, "signed", f->path);
	say_object(o);
	return 0;
}

/* ---- the station's next root ---- */

/* Signatures written beside a copy of the draft belong to the draft, too. */
static int hand_over(struct signfile *f, const struct nextroot *n, struct err *e)
{
	struct buf sig = {0};
	int rc = 0;

	for (size_t i = 0; i < f->keys_n && rc == 0; i++) {
		const struct digest *id = pubkey_id(sign_public(f->keys[i]));
		char name[NAMES_SIGNATURE_LEN];

		buf_clear(&sig);
		rc = file_read_all_at(&f->dir, names_signature(f->name, id, name), PUBKEY_MAX_SIGNATURE, &sig, e);
		if (rc == 0)
			rc = nextroot_put(&f->s, n, id, &sig, e);
	}
	buf_free(&sig);
	return rc;
}

/* 1: it is the draft, and what is to be said is said; 0: it is not; -1. */
static int settle(struct signfile *f, struct err *e)
{
	struct nextroot n = {.root = NULL};
	int rc = -1, committed;

	if (!f->has_station || f->trust == NULL)
		return 0;
	if (nextroot_load(&f->s, &n, e) == -1)
		return -1;
	if (!nextroot_is(&n, &f->bytes)) {
		rc = 0;
		goto out;
	}
	if (hand_over(f, &n, e) == -1 || (committed = nextroot_commit(&f->s, e)) == -1)
		goto out;
	nextroot_free(&n);
	rc = 1;
	if (committed == 1)
		nextroot_tell_commit(&f->s);
	else if (nextroot_load(&f->s, &n, e) == -1 || nextroot_tell(&f->s, &n, e) == -1)
		rc = -1;
out:
	nextroot_free(&n);
	return rc;
}

/* A list that was given up is not signed by mistake, nor a copy of it. */
static int check_abandoned(const struct signfile *f, struct err *e)
{
	int rc = f->list == NULL ? 0 : station_list_abandoned_at(&f->dir, f->name, e);

	if (rc == 0 && f->list != NULL && f->has_station)
		rc = station_list_abandoned_copy(&f->s, f->list, e);
	if (rc != 1)
		return rc;
	err_set(e, R_NOT_APPROVED, "%s: list %llu was abandoned by 'sign --new': no signature makes it count", f->path,
		(unsigned long long)f->list->revision);
	return err_hint(e, "sign the list that took its place");
}

static int show_and_sign(struct signfile *f, struct err *e)
{
	int rc;

	if (read_named(f->path, &f->bytes, e) == -1 || station_open_parent(f->path, &f->dir, &f->name, e) == -1 || parse(f, e) == -1 ||
	    load_old(f, e) == -1 || check_abandoned(f, e) == -1)
		return -1;
	say_note("UNVERIFIED, this is what %s says and what will be signed:", f->path);
	if (f->list != NULL)
		show_approvals(f->list, f->old);
	else if (f->trust != NULL)
		show_trust(f->trust);
	else
		show_manifest(f->manifest);
	if (find_root(f, e) == -1)
		return -1;
	if (f->trust != NULL && f->root != NULL && f->root->version + 1 == f->trust->version) {
		say_line("against trust root %llu:", (unsigned long long)f->root->version);
		nextroot_tell_changes(f->root, f->trust);
	}
	if (load_keys(f, e) == -1)
		return -1;
	for (size_t i = 0; i < f->keys_n; i++)
		if (sign_one(f, f->keys[i], e) == -1)
			return -1;
	rc = settle(f, e);
	return rc == 0 ? report(f, e) : rc == -1 ? -1 : 0;
}

static void close_all(struct signfile *f)
{
	if (f->has_station)
		station_close(&f->s);
	station_keys_free(f->keys, f->keys_n);
	trust_free(f->given);
	trust_free(f->trust);
	manifest_free(f->manifest);
	approvals_free(f->old);
	approvals_free(f->list);
	buf_free(&f->bytes);
	file_close(&f->dir);
}

static int sign_file(const struct args *a, struct err *e)
{
	struct signfile f = {.a = a, .path = args_at(a, 0), .dir = FILE_CLOSED};
	int rc = -1;

	if (args_expect(a, 1, 1, e) == -1)
		return -1;
	if (args_has(a, "new"))
		return err_set(e, ERR_USAGE, "--new goes with signing the station's list, without FILE");
	f.has_station = station_path(a) != NULL;
	if (f.has_station && station_open(a, STATION_WRITE, &f.s, e) == -1)
		return -1;
	rc = show_and_sign(&f, e);
	close_all(&f);
	return rc;
}

/* The draft's path, as this user would write it, into *out: 0; 1 where there is none, which is said; -1. */
static int draft_path(const struct station *s, char **out, struct err *e)
{
	struct nextroot n;
	char name[32];
	int rc = 0;

	if (nextroot_load(s, &n, e) == -1)
		return -1;
	if (n.root == NULL) {
		say_note("no trust root is drafted, root %llu is in force; 'trust add', 'remove', 'threshold', 'epoch' and 'renew' draft one",
			 (unsigned long long)trust_chain_newest(&s->chain)->version);
		rc = 1;
	} else if (asprintf(out, "%s/" NEXTROOT_DIR "/%s", s->dir.name, names_trust(n.root->version, name)) == -1) {
		*out = NULL;
		rc = err_mem(e);
	}
	nextroot_free(&n);
	return rc;
}

int signfile_trust(const struct args *a, struct err *e)
{
	struct signfile f = {.a = a, .dir = FILE_CLOSED, .has_station = true};
	char *path = NULL;
	int rc;

	if (args_expect(a, 0, 0, e) == -1 || station_open(a, STATION_WRITE, &f.s, e) == -1)
		return -1;
	rc = nextroot_commit(&f.s, e);	/* one that was cut off on the way */
	if (rc == 1)
		nextroot_tell_commit(&f.s);
	else if (rc == 0)
		rc = draft_path(&f.s, &path, e);
	f.path = path;
	if (rc == 0)
		rc = show_and_sign(&f, e);
	close_all(&f);
	free(path);
	return rc == -1 ? -1 : 0;
}

int signfile_run(const struct args *a, struct err *e)
{
	if (args_len(a) > 0)
		return sign_file(a, e);
	if (args_has(a, "against") || args_has(a, "trust"))
		return err_set(e, ERR_USAGE, "--against and --trust go with a FILE to be signed");
	return freeze_sign(a, e);
}
