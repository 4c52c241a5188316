/*
 * sent, signers | HALFSIGNED | status. Refuses nothing.
 */
#include "export/halfsigned.h"

#include <inttypes.h>
#include <stdio.h>

#include "export/sent.h"
#include "export/station.h"
#include "lib/err.h"
#include "manifests/names.h"

#include "lib/banned.h"

struct half {
	const struct station *s;
	uint64_t list[HALFSIGNED_MAX];	/* a ring of the newest */
	size_t n;
};

static int count(const struct station *s, const struct manifest *m, struct signers *w, struct err *e)
{
	const struct trust *root = trust_chain_newest(&s->chain);
	struct signatures sigs = {0};
	struct file dir = FILE_CLOSED;
	char folder[64];
	int rc;

	snprintf(folder, sizeof folder, "bundles/%" PRIu64, m->sequence);
	rc = file_open_dir_at(&s->dir, folder, &dir, e);
	if (rc == 0)
		rc = signatures_collect(&sigs, root, ROLE_EXPORTER, NAMES_MANIFEST, station_signature, &dir, e);
	if (rc == 0)
		rc = signers_count(root, ROLE_EXPORTER, &m->bytes, &sigs, w, e);
	signatures_free(&sigs);
	file_close(&dir);
	return rc;
}

static int look(void *arg, const struct manifest *m, struct err *e)
{
	struct half *h = arg;
	struct signers w = {.good = 0};
	int rc;

	if (m->trust.version != trust_chain_newest(&h->s->chain)->version)
		return 0;
	rc = count(h->s, m, &w, e);
	if (rc == 0 && signers_enough(&w))
		h->n = 0;
	else if (rc == 0)
		h->list[h->n++ % HALFSIGNED_MAX] = m->sequence;
	signers_free(&w);
	return rc;
}

int halfsigned_each(const struct station *s, int (*each)(void *arg, const struct manifest *m, const struct signers *w, struct err *e),
		    void *arg, struct err *e)
{
	struct half h = {.s = s};
	int rc = trust_chain_newest(&s->chain)->roles.role[ROLE_EXPORTER].threshold < 2 ? 0 : sent_each(s, look, &h, e);

	for (size_t i = h.n > HALFSIGNED_MAX ? h.n - HALFSIGNED_MAX : 0; rc == 0 && i < h.n; i++) {
		struct signers w = {.good = 0};
		struct manifest *m;

		rc = sent_load(s, h.list[i % HALFSIGNED_MAX], &m, e) == 0 ? count(s, m, &w, e) : -1;
		if (rc == 0)
			rc = each(arg, m, &w, e);
		signers_free(&w);
		manifest_free(m);
	}
	return rc;
}
