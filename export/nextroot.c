/*
 * The next trust root: drafted, signed by several people, committed. Stands beside DECIDE, as lists stand on it. Refuses
 * roots that no store would take, and never commits what the chain's own judge (trust_chain_extend) does not accept.
 */
#include "export/nextroot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export/ledger.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/outfile.h"
#include "lib/say.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define PATH_LEN 64

static uint64_t next_version(const struct station *s)
{
	return trust_chain_newest(&s->chain)->version + 1;
}

/* ---- reading ---- */

/* The draft's directory: 0; 1 where there is none; -1. */
static int open_dir(const struct station *s, struct file *out, struct err *e)
{
	struct err why = {0};

	if (file_open_dir_at(&s->dir, NEXTROOT_DIR, out, &why) == 0)
		return 0;
	if (why.reason == ERR_MISSING)
		return 1;
	*e = why;
	return -1;
}

/* Signatures by root keys of both: what other files lie there counts for nothing. */
static int collect(const struct station *s, const struct file *dir, struct nextroot *n, struct err *e)
{
	const struct trust *const judges[] = {trust_chain_newest(&s->chain), n->root};
	char name[32];

	names_trust(n->root->version, name);
	for (size_t i = 0; i < sizeof judges / sizeof *judges; i++)
		if (signatures_collect(&n->sigs, judges[i], ROLE_ROOT, name, station_signature, (void *)(uintptr_t)dir, e) == -1)
			return -1;
	return 0;
}

static int read_root(const struct station *s, const struct file *dir, struct nextroot *out, struct err *e)
{
	struct buf b = {0};
	struct err why = {0};
	char name[32];
	int rc = file_read_all_at(dir, names_trust(next_version(s), name), MAX_TRUST_SIZE, &b, &why);

	if (rc == 0 && (out->root = trust_parse(b.data, b.len, e)) == NULL) {
		rc = err_prefix(e, "%s/%s", dir->name, name);
	} else if (rc == -1 && why.reason == ERR_MISSING) {
		rc = 0;		/* nothing, or a draft that was overtaken */
	} else if (rc == -1) {
		*e = why;
	}
	buf_free(&b);
	return rc;
}

int nextroot_load(const struct station *s, struct nextroot *out, struct err *e)
{
	struct file dir = FILE_CLOSED;
	int rc;

	*out = (struct nextroot){.root = NULL};
	rc = open_dir(s, &dir, e);
	if (rc == 0)
		rc = read_root(s, &dir, out, e);
	if (rc == 0 && out->root != NULL)
		rc = collect(s, &dir, out, e);
	file_close(&dir);
	if (rc == -1)
		nextroot_free(out);
	return rc == -1 ? -1 : 0;
}

void nextroot_free(struct nextroot *n)
{
	trust_free(n->root);
	signatures_free(&n->sigs);
	*n = (struct nextroot){.root = NULL};
}

bool nextroot_is(const struct nextroot *n, const struct buf *document)
{
	return n->root != NULL && n->root->bytes.len == document->len &&
	       memcmp(n->root->bytes.data, document->data, document->len) == 0;
}

/* ---- drafting ---- */

static json_t *about(const struct trust *t)
{
	char hex[DIGEST_HEX + 1];
	json_t *o = json_object();

	json_put_number(o, "version", t->version);
	json_put_number(o, "epoch", t->epoch);
	json_put_text(o, "sha256", digest_hex(&t->digest, hex));
	return o;
}

/* Signatures of the bytes that were there before count for nothing now, and would only mislead people. */
static void forget(const struct file *dir, const struct nextroot *old)
{
	char document[32], name[NAMES_SIGNATURE_LEN];

	if (old->root == NULL)
		return;
	names_trust(old->root->version, document);
	for (size_t i = 0; i < old->sigs.n; i++)
		unlinkat(dir->fd, names_signature(document, &old->sigs.list[i].key, name), 0);
	if (old->sigs.n > 0)
		say_warn("what was drafted had signatures already; they count no more");
}

/* In a new folder where the draft is of another version: nothing of an overtaken one stays. */
static int write_draft(struct station *s, const struct nextroot *old, const struct trust *t, struct err *e)
{
	const struct trust *before = trust_chain_newest(&s->chain);
	struct file dir = FILE_CLOSED;
	char name[32];
	int rc = -1;

	if (old->root == NULL && file_remove_tree_at(&s->dir, NEXTROOT_DIR, e) == -1)
		return -1;
	if (file_make_dirs_at(&s->dir, NEXTROOT_DIR, 0755, e) == -1 || file_sync_parent_at(&s->dir, NEXTROOT_DIR, e) == -1 ||
	    file_open_dir_at(&s->dir, NEXTROOT_DIR, &dir, e) == -1 ||
	    outfile_put(&dir, names_trust(before->version, name), 0644, before->bytes.data, before->bytes.len, e) == -1)
		goto out;
	rc = outfile_put(&dir, names_trust(t->version, name), 0644, t->bytes.data, t->bytes.len, e);
	if (rc == 0)
		forget(&dir, old);
out:
	file_close(&dir);
	return rc;
}

int nextroot_save(struct station *s, struct trust *t, const char *what, struct nextroot *out, struct err *e)
{
	struct nextroot old = {.root = NULL};
	struct trust *parsed = NULL;
	struct buf b = {0};
	json_t *o;
	int rc = -1;

	t->version = next_version(s);
	t->issued = s->now;
	if (trust_encode(t, &b, e) == -1 || nextroot_load(s, &old, e) == -1)
		goto out;
	parsed = trust_parse(b.data, b.len, e);
	if (parsed == NULL)
		goto out;
	o = about(parsed);
	json_put_text(o, "change", what);
	if (ledger_append(s, "trust-draft", o, e) == -1 || write_draft(s, &old, parsed, e) == -1)
		goto out;
	nextroot_free(out);
	rc = nextroot_load(s, out, e);
out:
	trust_free(parsed);
	nextroot_free(&old);
	buf_free(&b);
	return rc;
}

int nextroot_discard(struct station *s, struct err *e)
{
	struct nextroot n;
	int rc = nextroot_load(s, &n, e);

	if (rc == 0 && n.root != NULL)
		rc = ledger_append(s, "trust-discard", about(n.root), e);
	if (rc == 0)
		rc = file_remove_tree_at(&s->dir, NEXTROOT_DIR, e);
	if (rc == 0 && n.root == NULL)
		rc = 1;
	nextroot_free(&n);
	return rc;
}

int nextroot_put(struct station *s, const struct nextroot *n, const struct digest *key, const struct buf *signature,
		 struct err *e)
{
	char document[32], name[NAMES_SIGNATURE_LEN], path[NAMES_SIGNATURE_LEN + PATH_LEN];

	names_trust(n->root->version, document);
	snprintf(path, sizeof path, NEXTROOT_DIR "/%s", names_signature(document, key, name));
	return outfile_put(&s->dir, path, 0644, signature->data, signature->len, e);
}

/* ---- committing ---- */

static bool enough(const struct trust *judge, const struct nextroot *n)
{
	const struct buf *b = &n->root->bytes;

	return trust_count(judge, ROLE_ROOT, b->data, b->len, &n->sigs, NULL) >= judge->roles.role[ROLE_ROOT].threshold;
}

/* Good ones by a root key of either: others would travel with every bundle for nothing. */
static int put_signatures(struct station *s, const struct trust *before, const struct nextroot *n, struct err *e)
{
	char document[32], name[NAMES_SIGNATURE_LEN], path[NAMES_SIGNATURE_LEN + PATH_LEN];

	names_trust(n->root->version, document);
	for (size_t i = 0; i < n->sigs.n; i++) {
		const struct signature *g = &n->sigs.list[i];
		const struct trust_key *k = trust_find(n->root, &g->key);

		if (k == NULL)
			k = trust_find(before, &g->key);
		if (!pubkey_verify(k->key, n->root->bytes.data, n->root->bytes.len, g->bytes, g->len))
			continue;
		snprintf(path, sizeof path, "trust/%s", names_signature(document, &g->key, name));
		if (outfile_put(&s->dir, path, 0644, g->bytes, g->len, e) == -1)
			return -1;
	}
	return 0;
}

/* Judged as a store would judge it, from the files that lie in the draft's folder. */
static int extend(struct station *s, const struct nextroot *n, struct err *e)
{
	struct file dir = FILE_CLOSED;
	int rc = file_open_dir_at(&s->dir, NEXTROOT_DIR, &dir, e);

	if (rc == 0)
		rc = trust_chain_extend(&s->chain, n->root->bytes.data, n->root->bytes.len, station_signature, &dir, e);
	file_close(&dir);
	return rc;
}

static int commit(struct station *s, const struct nextroot *n, struct err *e)
{
	const struct trust *before = trust_chain_newest(&s->chain);
	char name[32], path[PATH_LEN];

	if (extend(s, n, e) == -1 || ledger_append(s, "trust", about(n->root), e) == -1 || put_signatures(s, before, n, e) == -1)
		return -1;
	snprintf(path, sizeof path, "trust/%s", names_trust(n->root->version, name));
	if (outfile_put(&s->dir, path, 0644, n->root->bytes.data, n->root->bytes.len, e) == -1)
		return -1;
	return file_remove_tree_at(&s->dir, NEXTROOT_DIR, e);
}

int nextroot_commit(struct station *s, struct err *e)
{
	struct nextroot n;
	int rc;

	if (nextroot_load(s, &n, e) == -1)
		return -1;
	if (n.root == NULL)
		rc = file_remove_tree_at(&s->dir, NEXTROOT_DIR, e);	/* left by a commit that was cut off, or overtaken */
	else if (!enough(trust_chain_newest(&s->chain), &n) || !enough(n.root, &n))
		rc = 0;
	else
		rc = commit(s, &n, e) == -1 ? -1 : 1;
	nextroot_free(&n);
	return rc;
}
