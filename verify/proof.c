/*
 * Proofs for `show` (verify/proof.h): the same signature checks as unseal's, over files a person named.
 */
#include "verify/proof.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "verify/report.h"
#include "verify/store.h"
#include "verify/terms.h"

#include "lib/banned.h"

/* No judgement was reached where memory or the disk failed: that is an error, whatever it was about. */
static int unless_judged(const struct err *why, struct err *e)
{
	return report_is_fatal(why) || why->reason == ERR_IO ? err_set(e, why->reason, "%s", why->text) : 0;
}

/* Takes in what extends the chain; stops without an error where nothing good follows. */
static int extend(struct proof *p, const struct terms *t, struct err *e)
{
	struct buf bytes = {0};
	struct err why = {0};
	char name[32];

	for (;;) {
		uint64_t version = trust_chain_newest(&p->chain)->version + 1;

		buf_clear(&bytes);
		if ((t->trust_max != 0 && version > t->trust_max) ||
		    file_read_all_at(&p->dir, names_trust(version, name), MAX_TRUST_SIZE, &bytes, &why) == -1 ||
		    trust_chain_extend(&p->chain, bytes.data, bytes.len, store_signature, &p->dir, &why) == -1)
			break;
	}
	buf_free(&bytes);
	return unless_judged(&why, e);
}

int proof_open(const struct terms *t, const char *trust, const char *dir, struct proof *out, struct err *e)
{
	*out = (struct proof){.dir = FILE_CLOSED};
	if (file_open_dir(dir, &out->dir, e) == -1)
		return -1;
	if (trust == NULL)
		return 0;
	if (terms_pin(t, trust, &out->chain, e) == -1)
		return -1;
	return extend(out, t, e);
}

int proof_open_station(const struct terms *t, const struct file *station, struct proof *out, struct err *e)
{
	char dir[4200], path[4300], name[32];
	uint64_t version = 1;

	snprintf(dir, sizeof dir, "%s/trust", station->name);
	do
		snprintf(path, sizeof path, "%s/%s", dir, names_trust(version, name));
	while (access(path, F_OK) == -1 && ++version <= MAX_TRUST_VERSIONS);
	if (proof_open(t, path, dir, out, e) == -1)
		return -1;
	if (t->trust_max <= trust_chain_newest(&out->chain)->version)
		return 0;
	return err_set(e, ERR_USAGE, "--trust-version %llu: the station's chain ends at root %llu", (unsigned long long)t->trust_max,
		       (unsigned long long)trust_chain_newest(&out->chain)->version);
}

void proof_close(struct proof *p)
{
	trust_chain_free(&p->chain);
	file_close(&p->dir);
}

static int judge_root(const struct proof *p, const struct buf *bytes, char who[64], struct err *e)
{
	struct digest d;

	if (digest_of(bytes->data, bytes->len, &d, e) == -1)
		return -1;
	for (size_t i = 0; i < p->chain.n; i++) {
		if (!digest_equal(&p->chain.roots[i]->digest, &d))
			continue;
		snprintf(who, 64, "in the chain from root %llu on", (unsigned long long)p->chain.roots[0]->version);
		return 0;
	}
	return err_set(e, R_TRUST_CHAIN, "the chain from --trust on does not lead to it");
}

static int judge(const struct proof *p, const struct terms *t, const char *type, const char *name, const struct buf *bytes,
		 char who[64], struct err *e)
{
	const struct trust *root = trust_chain_newest(&p->chain);
	struct signatures found = {0};
	enum role role;
	int rc = -1;

	if (strcmp(type, "receipt") == 0)
		return err_set(e, R_SIGNATURE_MISSING, "a receipt is signed by its store's own key: 'satchel-verify journal STORE "
			       "--receipt FILE' judges it");
	if (root == NULL)
		return err_set(e, R_SIGNATURE_MISSING, "no --trust was given");
	if (trust_role_of_type(type, &role) == -1)
		return err_set(e, R_SIGNATURE_MISSING, "a document of type %s is not signed by itself", type);
	if (t->trust_max > root->version)
		return err_set(e, R_TRUST_CHAIN, "trust root %llu is not here, the chain ends at %llu",
			       (unsigned long long)t->trust_max, (unsigned long long)root->version);
	if (role == ROLE_ROOT)
		return judge_root(p, bytes, who, e);
	if (trust_chain_check_time(&p->chain, t->now, e) == -1)
		return -1;
	if (signatures_collect(&found, root, role, name, store_signature, (void *)(uintptr_t)&p->dir, e) == 0)
		rc = trust_require(root, role, bytes->data, bytes->len, &found, e);
	signatures_free(&found);
	snprintf(who, 64, "%s, trust root %llu", trust_role_name(role), (unsigned long long)root->version);
	return rc;
}

int proof_judge(const struct proof *p, const struct terms *t, const char *type, const char *name, const struct buf *bytes,
		struct proof_verdict *out, struct err *e)
{
	*out = (struct proof_verdict){.proven = false};
	out->proven = judge(p, t, type, name, bytes, out->who, &out->why) == 0;
	return unless_judged(&out->why, e);
}
