/*
 * unseal > ROOTS > admit. A root without its signatures, or signatures without their root, would be a damaged store: the
 * folder trust/ is made anew beside the old one and takes its place by one exchange. Refuses nothing: the chain was
 * judged when it was extended.
 */
#include "import/roots.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "import/lists.h"
#include "import/run.h"
#include "lib/err.h"
#include "lib/listing.h"
#include "lib/outfile.h"
#include "lib/say.h"
#include "manifests/journal.h"
#include "manifests/names.h"

#include "lib/banned.h"

#define STAGED "stage/trust"

static int put_root(const struct file *dir, const struct trust *t, struct err *e)
{
	char document[32], name[NAMES_SIGNATURE_LEN];

	names_trust(t->version, document);
	for (size_t i = 0; t->signatures != NULL && i < t->signatures->n; i++) {
		const struct signature *s = &t->signatures->list[i];

		if (s->len <= PUBKEY_MAX_SIGNATURE &&
		    outfile_put(dir, names_signature(document, &s->key, name), 0644, s->bytes, s->len, e) == -1)
			return -1;
	}
	return outfile_put(dir, document, 0644, t->bytes.data, t->bytes.len, e);
}

/* Links the files of trust/ into the new folder. */
static int copy_names(const struct file *from, const struct file *to, struct err *e)
{
	struct listing l;
	const char *name;
	int rc = listing_open(from, &l, e);

	while (rc == 0 && (rc = listing_next(&l, &name, e)) == 1) {
		rc = 0;
		if (name[0] != '.' && linkat(from->fd, name, to->fd, name, 0) == -1)
			rc = err_sys(e, "%s/%s", to->name, name);
	}
	listing_close(&l);
	return rc;
}

static int fill(const struct run *r, size_t from, const struct file *new, struct err *e)
{
	const struct trust_chain *c = &r->store.chain;
	struct file old = FILE_CLOSED;
	int rc = file_open_dir_at(&r->store.dir, "trust", &old, e);

	if (rc == 0)
		rc = copy_names(&old, new, e);
	for (size_t i = from; rc == 0 && i < c->n; i++)
		rc = put_root(new, c->roots[i], e);
	file_close(&old);
	return rc == 0 ? file_sync(new, e) : -1;
}

static int exchange(const struct store *s, struct err *e)
{
	struct file stage = FILE_CLOSED;
	int rc = -1;

	if (file_open_dir_at(&s->dir, "stage", &stage, e) == -1)
		return -1;
	if (renameat2(s->dir.fd, "trust", s->dir.fd, STAGED, RENAME_EXCHANGE) == -1)
		err_sys(e, "%s/trust: exchanging it", s->dir.name);
	else if (file_sync(&s->dir, e) == 0)
		rc = file_sync(&stage, e);
	file_close(&stage);
	return rc == 0 ? file_remove_tree_at(&s->dir, STAGED, e) : -1;
}

int roots_sweep(const struct store *s, struct err *e)
{
	return file_remove_tree_at(&s->dir, STAGED, e);
}

static int commit(const struct run *r, size_t from, struct err *e)
{
	struct file new = FILE_CLOSED;
	int rc = -1;

	if (roots_sweep(&r->store, e) == 0 && file_make_dir_at(&r->store.dir, STAGED, 0755, e) == 0 &&
	    file_open_dir_at(&r->store.dir, STAGED, &new, e) == 0)
		rc = fill(r, from, &new, e);
	file_close(&new);
	return rc == 0 ? exchange(&r->store, e) : -1;
}

static int log_root(struct run *r, const struct trust *t, struct err *e)
{
	char hex[DIGEST_HEX + 1];
	json_t *o = json_object();

	json_put_number(o, "version", t->version);
	json_put_number(o, "epoch", t->epoch);
	json_put_text(o, "sha256", digest_hex(&t->digest, hex));
	say_note("trust root %llu is in force", (unsigned long long)t->version);
	return run_log(r, "root", o, e);
}

static int find_logged(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	uint64_t *logged = arg, version;
	const char *event = json_get_text(o, "event");

	(void)n;
	(void)line;
	(void)e;
	if (event != NULL && strcmp(event, "root") == 0 && json_get_number(o, "version", &version) == 0 && version > *logged)
		*logged = version;
	return 0;
}

int roots_recover(struct run *r, struct err *e)
{
	const struct trust_chain *c = &r->store.chain;
	uint64_t logged = r->store.config.trust.version;

	if (journal_read(&r->store.dir, "journal.jsonl", find_logged, &logged, NULL, NULL, e) == -1)
		return -1;
	for (size_t i = 0; i < c->n; i++)
		if (c->roots[i]->version > logged && log_root(r, c->roots[i], e) == -1)
			return -1;
	return 0;
}

int roots_commit(struct run *r, size_t from, struct err *e)
{
	const struct trust_chain *c = &r->store.chain;
	bool dropped;

	if (from == c->n || r->dry)
		return 0;
	if (run_change(r, e) == -1 || commit(r, from, e) == -1)
		return -1;
	for (size_t i = from; i < c->n; i++)
		if (log_root(r, c->roots[i], e) == -1)
			return -1;
	for (size_t i = 0; i < r->store.config.streams_n; i++) {
		if (lists_judge_again(r, r->store.config.streams[i].stream, &dropped, e) == -1)
			return -1;
		if (dropped)
			r->dropped |= 1ull << i;
	}
	return 0;
}
