/*
 * unseal > ROOTS > admit. A root is there when its document is, so its signatures go first. Refuses nothing: the chain
 * was judged when it was extended.
 */
#include "import/roots.h"

#include "import/lists.h"
#include "import/run.h"
#include "lib/err.h"
#include "lib/outfile.h"
#include "lib/say.h"
#include "manifests/names.h"

#include "lib/banned.h"

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

int roots_commit(struct run *r, size_t from, struct err *e)
{
	const struct trust_chain *c = &r->store.chain;
	struct file dir = FILE_CLOSED;
	bool dropped;
	int rc = -1;

	if (from == c->n || r->dry)
		return 0;
	if (run_change(r, e) == -1 || file_open_dir_at(&r->store.dir, "trust", &dir, e) == -1)
		return -1;
	for (size_t i = from; i < c->n; i++)
		if (put_root(&dir, c->roots[i], e) == -1 || log_root(r, c->roots[i], e) == -1)
			goto out;
	for (size_t i = 0; i < r->store.config.streams_n; i++)
		if (lists_judge_again(r, r->store.config.streams[i].stream, &dropped, e) == -1)
			goto out;
	rc = 0;
out:
	file_close(&dir);
	return rc;
}
