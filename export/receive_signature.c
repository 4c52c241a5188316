/*
 * A signature that was made elsewhere: tried on every document of the station that its key may sign, by the bytes alone, and
 * put beside the one it is of. Refuses keys that neither the newest root nor the draft of the next one names, and what is no
 * signature of anything here; takes none of a list that was abandoned. The last signature that the draft lacked puts it in force.
 */
#include "export/receive.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export/ledger.h"
#include "export/nextroot.h"
#include "export/station.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/listing.h"
#include "lib/outfile.h"
#include "lib/say.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define PATH_LEN 512
#define TAIL (1 + NAMES_PREFIX + 4)	/* ".<32 hex>.sig" */

struct found {
	struct station *s;
	const struct trust_key *key;
	enum role role;
	struct nextroot draft;	/* of the next root; its own root keys may sign it, too */
	struct buf signature;
	char folder[PATH_LEN], name[256];	/* of the document; empty name: none yet */
	struct buf document;
};

/* Where documents of each role lie: in the folder, or one in each folder below it. */
static const struct place {
	const char *folder, *below;	/* below: name in each folder; NULL: every *.yaml */
	size_t max;
} places[ROLES] = {
	[ROLE_ROOT] = {"trust", NULL, MAX_TRUST_SIZE},
	[ROLE_APPROVER] = {"lists", NULL, MAX_APPROVALS_SIZE},
	[ROLE_EXPORTER] = {"bundles", NAMES_MANIFEST, MAX_MANIFEST_SIZE},
};

/* The key of this root whose name the file bears, with its role. */
static bool find_key(struct found *f, const struct trust *root, const char *name)
{
	const char *prefix = name + strlen(name) - TAIL + 1;

	for (size_t i = 0; i < root->keys_n; i++) {
		char hex[DIGEST_HEX + 1];

		if (strncmp(digest_hex(&root->keys[i].id, hex), prefix, NAMES_PREFIX) != 0)
			continue;
		f->key = &root->keys[i];
		for (enum role r = 0; r < ROLES; r++)
			if (trust_has_role(root, r, &f->key->id))
				f->role = r;
		return true;
	}
	return false;
}

enum receive_promise receive_signature_promises(struct station *s, const struct nextroot *draft, const char *name)
{
	struct found f = {.s = s};
	const struct place *p;
	char path[PATH_LEN];
	int document = (int)(strlen(name) - TAIL);
	bool named;

	if (!find_key(&f, trust_chain_newest(&s->chain), name) && (draft->root == NULL || !find_key(&f, draft->root, name)))
		return RECEIVE_STRANGE;
	p = &places[f.role];
	snprintf(path, sizeof path, "%.*s", document, name);
	named = strcmp(path, p->below != NULL ? p->below : NAMES_APPROVALS) == 0;
	for (int i = 0; !named && p->below == NULL && i < 2; i++) {
		snprintf(path, sizeof path, "%s/%.*s", i == 0 ? p->folder : NEXTROOT_DIR, document, name);
		named = faccessat(s->dir.fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	}
	return named ? RECEIVE_NAMED : RECEIVE_ANY;
}

/* Whether it is the signature of this document: 1, with its bytes kept; 0; -1. */
static int try(struct found *f, const char *folder, const char *name, struct err *e)
{
	char path[PATH_LEN];
	struct err why = {0};

	if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path || strlen(name) >= sizeof f->name)
		return 0;
	buf_clear(&f->document);
	if (file_read_all_at(&f->s->dir, path, places[f->role].max, &f->document, &why) == -1) {
		if (why.reason == ERR_MISSING)
			return 0;
		*e = why;
		return -1;
	}
	if (!pubkey_verify(f->key->key, f->document.data, f->document.len, f->signature.data, f->signature.len))
		return 0;
	snprintf(f->folder, sizeof f->folder, "%s", folder);
	snprintf(f->name, sizeof f->name, "%s", name);
	return 1;
}

/* One name of the role's folder. */
static int try_entry(struct found *f, const char *entry, struct err *e)
{
	const struct place *p = &places[f->role];
	char folder[PATH_LEN];
	size_t len = strlen(entry);

	if (p->below == NULL)
		return len > 5 && strcmp(entry + len - 5, ".yaml") == 0 ? try(f, p->folder, entry, e) : 0;
	if (entry[0] == '.')
		return 0;
	snprintf(folder, sizeof folder, "%s/%s", p->folder, entry);
	return try(f, folder, p->below, e);
}

/* The draft of the next root: 1: it is its signature; 0; -1. */
static int try_draft(struct found *f, struct err *e)
{
	char name[32];

	if (f->role != ROLE_ROOT || f->draft.root == NULL)
		return 0;
	return try(f, NEXTROOT_DIR, names_trust(f->draft.root->version, name), e);
}

/* 1: found; 0; -1. */
static int search(struct found *f, struct err *e)
{
	struct listing l;
	const char *name;
	int rc = listing_open_at(&f->s->dir, places[f->role].folder, &l, e);

	while (rc == 0 && (rc = listing_next(&l, &name, e)) == 1)
		rc = try_entry(f, name, e);
	listing_close(&l);
	return rc;
}

/* What a key of this root may have signed: 1: found; 0; -1. */
static int find_document(struct found *f, struct err *e)
{
	int rc = try_draft(f, e);

	return rc == 0 ? search(f, e) : rc;
}

static int record(struct found *f, struct err *e)
{
	json_t *o = json_object();
	char hex[DIGEST_HEX + 1], path[PATH_LEN + 256];
	struct digest d;

	if (digest_of(f->document.data, f->document.len, &d, e) == -1) {
		json_decref(o);
		return -1;
	}
	snprintf(path, sizeof path, "%s/%s", f->folder, f->name);
	json_put_text(o, "file", path);
	json_put_text(o, "sha256", digest_hex(&d, hex));
	ledger_put_key(o, &f->key->id);
	json_put_text(o, "key_name", f->key->name);
	return ledger_append(f->s, "signature", o, e);
}

static int tell(const struct found *f, const struct file *dir, bool known, struct err *e)
{
	const struct trust *root = trust_chain_newest(&f->s->chain);
	uint64_t threshold = root->roles.role[f->role].threshold;
	struct signatures sigs = {0};
	char path[PATH_LEN + 256];
	json_t *o;
	size_t n;

	if (signatures_collect(&sigs, root, f->role, f->name, station_signature, (void *)(uintptr_t)dir, e) == -1)
		return -1;
	n = trust_count(root, f->role, f->document.data, f->document.len, &sigs, NULL);
	signatures_free(&sigs);
	snprintf(path, sizeof path, "%s/%s", f->folder, f->name);
	o = json_object();
	json_put_text(o, "document", path);
	json_put_text(o, "key_name", f->key->name);
	json_put(o, "known", json_boolean(known));
	json_put_number(o, "signatures", n);
	json_put_number(o, "threshold", threshold);
	say_object(o);
	say_line("%s: %s with key \"%s\"; %zu of %llu signatures", path, known ? "was signed already" : "signed", f->key->name, n,
		 (unsigned long long)threshold);
	if (f->role == ROLE_EXPORTER && !known)
		say_note("a medium that left without this signature takes it beside its manifest.yaml: copy %s/%s/%s.*.sig there",
			 f->s->dir.name, f->folder, f->name);
	return 0;
}

/* The draft may have one signature more, and perhaps the last: 0 where that is told; 1; -1. */
static int settle(struct found *f, struct err *e)
{
	struct nextroot now;
	int rc = nextroot_commit(f->s, e);

	if (rc == 1)
		nextroot_tell_commit(f->s);
	if (rc != 0)
		return rc == -1 ? -1 : 0;
	if (strcmp(f->folder, NEXTROOT_DIR) != 0)
		return 1;
	rc = nextroot_load(f->s, &now, e);
	if (rc == 0)
		rc = nextroot_tell(f->s, &now, e);
	nextroot_free(&now);
	return rc;
}

/* It came for a list that `sign --new` abandoned meanwhile: 1, which is told; 0; -1. */
static int is_abandoned(const struct found *f, struct err *e)
{
	char path[PATH_LEN + 256];
	json_t *o;
	int rc;

	snprintf(path, sizeof path, "%s/%s", f->folder, f->name);
	rc = f->role == ROLE_APPROVER ? station_list_abandoned_at(&f->s->dir, path, e) : 0;
	if (rc != 1)
		return rc;
	o = json_object();
	json_put_text(o, "document", path);
	json_put_text(o, "key_name", f->key->name);
	json_put(o, "abandoned", json_true());
	say_object(o);
	say_note("%s was abandoned by 'sign --new': the signature with key \"%s\" is not taken", path, f->key->name);
	return 1;
}

/*
 * The document is found: its signature goes beside it. One that is there already is written again: the run that took it may
 * have been killed before its name was durable.
 */
static int keep(struct found *f, enum receive_outcome *out, struct err *e)
{
	struct file dir = FILE_CLOSED;
	struct buf there = {0};
	char name[NAMES_SIGNATURE_LEN];
	bool known;
	int rc = -1;

	names_signature(f->name, &f->key->id, name);
	if (file_open_dir_at(&f->s->dir, f->folder, &dir, e) == -1 || station_signature(&dir, name, &there, e) == -1)
		goto out;
	known = pubkey_verify(f->key->key, f->document.data, f->document.len, there.data, there.len);
	if ((!known && record(f, e) == -1) || outfile_put(&dir, name, 0644, f->signature.data, f->signature.len, e) == -1)
		goto out;
	*out = known ? RECEIVE_KNOWN : RECEIVE_TAKEN;
	rc = f->role == ROLE_ROOT ? settle(f, e) : 1;
	if (rc == 1)
		rc = tell(f, &dir, known, e);
out:
	file_close(&dir);
	buf_free(&there);
	return rc;
}

/* 1: it is no good, e says why; -1 in other cases. */
static int look(struct found *f, const struct file *dir, const char *name, struct err *e)
{
	const struct trust *root;
	bool known;
	int rc = station_signature((void *)(uintptr_t)dir, name, &f->signature, e);

	if (rc == -1)
		return -1;
	if (rc == 1) {
		err_set(e, R_SIGNATURE_MISSING, "%s/%s: no file of the size of a signature", dir->name, name);
		return 1;
	}
	root = trust_chain_newest(&f->s->chain);
	known = find_key(f, root, name);
	if (known)
		rc = find_document(f, e);
	if (rc == 0 && f->draft.root != NULL && find_key(f, f->draft.root, name)) {
		known = true;
		rc = try_draft(f, e);
	}
	if (!known) {
		err_set(e, R_KEY_ROLE, "%s: by a key that trust root %llu does not name", name, (unsigned long long)root->version);
		return 1;
	}
	if (rc == 0) {
		err_set(e, R_SIGNATURE_THRESHOLD, "%s/%s: key \"%s\", and no document here has this signature", dir->name, name,
			f->key->name);
		return 1;
	}
	return rc == 1 ? 0 : -1;
}

int receive_signature(struct station *s, const struct file *dir, const char *name, enum receive_outcome *out, struct err *e)
{
	struct found f = {.s = s};
	struct err why = {0};
	int rc = nextroot_load(s, &f.draft, &why);

	if (rc == 0)
		rc = look(&f, dir, name, &why);
	if (rc == 1) {
		*out = RECEIVE_REFUSED;
		say_error(&why);
		rc = 0;
	} else if (rc == -1) {
		*e = why;
	} else if ((rc = is_abandoned(&f, e)) == 1) {
		*out = RECEIVE_KNOWN;
		rc = 0;
	} else if (rc == 0) {
		rc = keep(&f, out, e);
	}
	nextroot_free(&f.draft);
	buf_free(&f.signature);
	buf_free(&f.document);
	return rc;
}
