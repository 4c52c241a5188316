/*
 * SEAL: documents, manifest, signatures. volumes | SEAL | medium.
 * Refuses nothing; signatures that are no good are left behind.
 */
#include "export/seal.h"

#include <stdlib.h>
#include <string.h>

#include "export/medium.h"
#include "export/station.h"
#include "export/verifytxt.h"
#include "export/volumes.h"
#include "lib/err.h"
#include "lib/outfile.h"
#include "lib/sign.h"
#include "manifests/limits.h"
#include "manifests/names.h"

#include "lib/banned.h"

/* ---- collecting ---- */

static int add(struct seal *s, const char *name, const void *data, size_t len, struct err *e)
{
	struct seal_document *more = realloc(s->documents, (s->documents_n + 1) * sizeof *more), *d;

	if (!more)
		return err_mem(e);
	s->documents = more;
	d = &more[s->documents_n];
	*d = (struct seal_document){.name = arena_strndup(&s->arena, name, strlen(name)), .data = data, .len = len};
	if (!d->name)
		return err_mem(e);
	if (digest_of(data, len, &d->sha256, e) == -1)
		return -1;
	s->documents_n++;
	return 0;
}

/* Those signatures that are good: a stray file beside a document is no reason to carry it. */
static int add_signatures(struct seal *s, const struct trust *root, const char *document, const struct buf *bytes,
			  const struct signatures *sigs, struct err *e)
{
	for (size_t i = 0; i < sigs->n; i++) {
		const struct signature *g = &sigs->list[i];
		const struct trust_key *k = trust_find(root, &g->key);
		char name[NAMES_SIGNATURE_LEN];
		void *copy;

		if (!k || !pubkey_verify(k->key, bytes->data, bytes->len, g->bytes, g->len))
			continue;
		copy = arena_alloc(&s->arena, g->len);
		if (!copy)
			return err_mem(e);
		memcpy(copy, g->bytes, g->len);
		if (add(s, names_signature(document, &g->key, name), copy, g->len, e) == -1)
			return -1;
	}
	return 0;
}

/* A root is signed by its own root keys and by those of the one before; a key that is in both signs once. */
static int add_root(struct seal *s, const struct file *dir, const struct trust *before, const struct trust *root, struct err *e)
{
	struct signatures new = {0}, old = {0};
	char name[32];
	size_t kept = 0;
	int rc = -1;

	names_trust(root->version, name);
	if (add(s, name, root->bytes.data, root->bytes.len, e) == -1 ||
	    signatures_collect(&new, root, ROLE_ROOT, name, station_signature, (void *)(uintptr_t)dir, e) == -1 ||
	    add_signatures(s, root, name, &root->bytes, &new, e) == -1)
		goto out;
	if (before) {
		if (signatures_collect(&old, before, ROLE_ROOT, name, station_signature, (void *)(uintptr_t)dir, e) == -1)
			goto out;
		for (size_t i = 0; i < old.n; i++)
			if (!trust_has_role(root, ROLE_ROOT, &old.list[i].key))
				old.list[kept++] = old.list[i];
		old.n = kept;
		if (add_signatures(s, before, name, &root->bytes, &old, e) == -1)
			goto out;
	}
	rc = 0;
out:
	signatures_free(&new);
	signatures_free(&old);
	return rc;
}

int seal_collect(struct seal *s, const struct station *st, const struct approvals *list, const struct signatures *sigs,
		 struct err *e)
{
	const struct trust *newest = trust_chain_newest(&st->chain);
	struct file dir = FILE_CLOSED;
	int rc = file_open_dir_at(&st->dir, "trust", &dir, e);

	for (size_t i = 0; i < st->chain.n && rc == 0; i++)
		rc = add_root(s, &dir, i > 0 ? st->chain.roots[i - 1] : NULL, st->chain.roots[i], e);
	file_close(&dir);
	if (rc == -1)
		return -1;
	s->manifest.trust = (struct manifest_trust){newest->version, newest->digest};
	if (!list)
		return 0;
	s->manifest.has_approvals = true;
	s->manifest.approvals = (struct manifest_approvals){list->epoch, list->revision, list->digest};
	if (add(s, NAMES_APPROVALS, list->bytes.data, list->bytes.len, e) == -1)
		return -1;
	return add_signatures(s, newest, NAMES_APPROVALS, &list->bytes, sigs, e);
}

/* ---- the manifest ---- */

static int by_name(const void *a, const void *b)
{
	const struct manifest_file *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void add_file(struct manifest *m, char *name, uint64_t size, const struct digest *sha256)
{
	m->files[m->files_n++] = (struct manifest_file){
		.name = name, .size = size, .has_sha256 = sha256 != NULL, .sha256 = sha256 ? *sha256 : (struct digest){{0}}
	};
}

static int add_volumes(struct seal *s, const struct volumes *v, struct err *e)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct volumes_one *one = &v->list[i];
		char name[32], *volume, *index;

		names_volume(i + 1, name);
		volume = arena_strndup(&s->arena, name, strlen(name));
		names_volume_index(i + 1, name);
		index = arena_strndup(&s->arena, name, strlen(name));
		if (!volume || !index)
			return err_mem(e);
		add_file(&s->manifest, volume, one->size, one->has_sha256 ? &one->sha256 : NULL);
		add_file(&s->manifest, index, one->index_size, &one->index_sha256);
	}
	return 0;
}

/* All files but VERIFY.txt, which then is written about them. */
static int list_files(struct seal *s, const struct volumes *v, struct err *e)
{
	struct manifest *m = &s->manifest;

	m->files = arena_alloc(&s->arena, (s->documents_n + 2 * v->n + 1) * sizeof *m->files);
	if (!m->files)
		return err_mem(e);
	m->files_n = 0;
	m->volumes = v->n;
	for (size_t i = 0; i < s->documents_n; i++)
		add_file(m, s->documents[i].name, s->documents[i].len, &s->documents[i].sha256);
	if (add_volumes(s, v, e) == -1)
		return -1;
	qsort(m->files, m->files_n, sizeof *m->files, by_name);
	return 0;
}

static int encode(struct seal *s, struct err *e)
{
	struct manifest *m = &s->manifest;

	buf_clear(&m->bytes);
	if (manifest_encode(m, &m->bytes, e) == -1 || buf_ok(&m->bytes, e) == -1)
		return err_prefix(e, NAMES_MANIFEST);
	return digest_of(m->bytes.data, m->bytes.len, &m->digest, e);
}

/* VERIFY.txt, the last of the documents, and the manifest. */
static int compose(struct seal *s, const struct station *st, const struct volumes *v, struct err *e)
{
	struct seal_document *text;

	if (list_files(s, v, e) == -1 || verifytxt_write(&st->chain, &s->manifest, &s->text, e) == -1 ||
	    add(s, NAMES_VERIFY, s->text.data, s->text.len, e) == -1)
		return -1;
	text = &s->documents[s->documents_n - 1];
	add_file(&s->manifest, text->name, text->len, &text->sha256);
	qsort(s->manifest.files, s->manifest.files_n, sizeof *s->manifest.files, by_name);
	return encode(s, e);
}

int seal_size(struct seal *s, const struct station *st, const struct volumes *volumes, struct seal_size *out, struct err *e)
{
	size_t signers = trust_chain_newest(&st->chain)->roles.role[ROLE_EXPORTER].keys_n;

	if (compose(s, st, volumes, e) == -1)
		return -1;
	out->files = s->documents_n + 1 + signers;
	out->bytes = s->manifest.bytes.len + signers * PUBKEY_MAX_SIGNATURE;
	for (size_t i = 0; i < s->documents_n; i++)
		out->bytes += s->documents[i].len;
	s->documents_n--;
	buf_clear(&s->text);
	return 0;
}

int seal_documents(struct seal *s, const struct station *st, const struct volumes *v, struct medium *m, struct err *e)
{
	if (compose(s, st, v, e) == -1)
		return -1;
	for (size_t i = 0; i < s->documents_n; i++)
		if (medium_put(m, s->documents[i].name, s->documents[i].data, s->documents[i].len, e) == -1)
			return -1;
	return medium_sync(m, e);
}

int seal_check_documents(const struct seal *s, const struct medium *m, struct err *e)
{
	for (size_t i = 0; i < s->documents_n; i++)
		if (medium_check(m, s->documents[i].name, s->documents[i].data, s->documents[i].len, e) == -1)
			return -1;
	return 0;
}

/* ---- the end ---- */

static int sign(struct seal *s, const struct seckey *k, struct err *e)
{
	uint8_t bytes[PUBKEY_MAX_SIGNATURE];
	size_t len = sizeof bytes;

	if (sign_data(k, s->manifest.bytes.data, s->manifest.bytes.len, bytes, &len, e) == -1)
		return -1;
	return signatures_add(&s->signatures, pubkey_id(sign_public(k)), bytes, len, e);
}

int seal_close(struct seal *s, struct seckey *const *keys, size_t n, struct medium *m, struct err *e)
{
	char name[NAMES_SIGNATURE_LEN];

	for (size_t i = 0; i < n; i++)
		if (sign(s, keys[i], e) == -1)
			return -1;
	if (medium_put(m, NAMES_MANIFEST, s->manifest.bytes.data, s->manifest.bytes.len, e) == -1 || medium_sync(m, e) == -1)
		return -1;
	for (size_t i = 0; i < s->signatures.n; i++) {
		const struct signature *g = &s->signatures.list[i];

		if (medium_put(m, names_signature(NAMES_MANIFEST, &g->key, name), g->bytes, g->len, e) == -1)
			return -1;
	}
	return medium_sync(m, e);
}

int seal_check_manifest(const struct seal *s, const struct medium *m, struct err *e)
{
	char name[NAMES_SIGNATURE_LEN];

	for (size_t i = 0; i < s->signatures.n; i++) {
		const struct signature *g = &s->signatures.list[i];

		if (medium_check(m, names_signature(NAMES_MANIFEST, &g->key, name), g->bytes, g->len, e) == -1)
			return -1;
	}
	return medium_check(m, NAMES_MANIFEST, s->manifest.bytes.data, s->manifest.bytes.len, e);
}

void seal_take(struct seal *s, struct manifest *m, struct signatures *sigs)
{
	buf_free(&s->manifest.bytes);
	s->manifest = *m;
	free(m);
	signatures_free(&s->signatures);
	s->signatures = *sigs;
	*sigs = (struct signatures){0};
}

int seal_keep(const struct seal *s, const struct file *copies, struct err *e)
{
	char name[NAMES_SIGNATURE_LEN];

	for (size_t i = 0; i < s->signatures.n; i++) {
		const struct signature *g = &s->signatures.list[i];

		if (outfile_put(copies, names_signature(NAMES_MANIFEST, &g->key, name), 0644, g->bytes, g->len, e) == -1)
			return -1;
	}
	return outfile_put(copies, NAMES_MANIFEST, 0644, s->manifest.bytes.data, s->manifest.bytes.len, e);
}

void seal_free(struct seal *s)
{
	free(s->documents);
	buf_free(&s->text);
	buf_free(&s->manifest.bytes);
	arena_free(&s->manifest.arena);
	signatures_free(&s->signatures);
	arena_free(&s->arena);
	*s = (struct seal){0};
}
