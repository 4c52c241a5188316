/*
 * What is to be expected in pieces, and what became of it (verify/audit_pieces.h). Finds nothing wrong by itself but what it can't
 * look at: a right object whose bytes are not all on these media is a note.
 */
#include "verify/audit_pieces.h"

#include "lib/err.h"
#include "manifests/reason.h"
#include "verify/bundle.h"
#include "verify/gather.h"
#include "verify/pieces.h"
#include "verify/report.h"
#include "verify/unseal.h"

#include "lib/banned.h"

#define AHEAD_FILES 65536	/* small files of all bundles, of which digests are remembered: 30 MiB */

struct expectation {
	struct pieces *pieces;
	const void *key;	/* of the bundle */
	uint64_t files;		/* of all bundles so far */
};

static int expect_index(void *arg, const struct volume *index, struct err *e)
{
	const struct expectation *x = arg;

	return pieces_expect(x->pieces, index, x->key, e);
}

int audit_pieces_of(struct pieces *p, const struct bundle *b, const void *key, struct err *e)
{
	struct expectation x = {.pieces = p, .key = key};

	return bundle_each_cut(b, expect_index, &x, e) == -1 ? -1 : pieces_plan(p, e);
}

static int expect_bundle(struct expectation *x, const struct unseal *how, struct reader *reader, struct gathered *g, struct err *e)
{
	struct unseal u = *how;
	struct bundle *b = NULL;
	struct err why = {0};
	int rc = 0;

	x->key = &g->seen;
	if (gather_unseal(g, reader, &u, &b, &why) == -1)
		return report_is_fatal(&why) ? err_set(e, why.reason, "%s", why.text) : 0;
	x->files += b->manifest->files_n;
	rc = bundle_each_cut(b, expect_index, x, e);
	bundle_free(b);
	return rc;
}

static int expect_medium(struct expectation *x, struct gather *g, size_t medium, const struct unseal *how, struct err *e)
{
	struct gather_medium *m = &g->media[medium];
	struct err why = {0};
	struct reader *reader = gather_reader(g, medium, &why);
	int rc = 0;

	for (size_t i = 0; reader != NULL && rc == 0 && x->files <= AHEAD_FILES && i < m->n; i++)
		rc = expect_bundle(x, how, reader, &m->bundles[i], e);
	gather_leave(g, medium);
	return rc;
}

int audit_pieces_look_ahead(struct pieces *p, struct gather *g, const struct unseal *how, struct err *e)
{
	struct expectation x = {.pieces = p};

	for (size_t i = 0; i < g->n; i++)
		if (expect_medium(&x, g, i, how, e) == -1)
			return -1;
	if (x.files > AHEAD_FILES)
		pieces_give_up(p);
	return pieces_plan(p, e);
}

/* ---- what became of them ---- */

struct telling {
	struct report *report;
	const char *place;
	uint64_t *unproven;
};

static int tell(void *arg, const struct digest *d, enum pieces_doubt doubt, struct err *e)
{
	const struct telling *t = arg;
	char hex[DIGEST_HEX + 1];

	(void)e;
	digest_hex(d, hex);
	*t->unproven += doubt != PIECES_LATER;
	switch (doubt) {
	case PIECES_LATER:
		report_note(t->report, t->place, "object %s: its other pieces are in bundles that follow, and it is judged with them", hex);
		break;
	case PIECES_ABSENT:
		report_note(t->report, t->place, "object %s: not proven: some of its bytes are on none of the media named", hex);
		break;
	case PIECES_LOST:
		report_note(t->report, t->place, "object %s: not proven: some of its bytes were lost, as said above", hex);
		break;
	case PIECES_NO_ROOM:
		report_finding(t->report, ERR_NO_SPACE, t->place, "object %s: not proven: its pieces are not in order, and there is no room in "
			       "/var/tmp to keep them meanwhile; make some, or name the media in the order in which they were made", hex);
		break;
	}
	return 0;
}

int audit_pieces_tell(struct pieces *p, const void *key, uint64_t unexpected, struct report *r, const char *place,
		      uint64_t *unproven, struct err *e)
{
	struct telling t = {r, place, unproven};

	*unproven = 0;
	if (unexpected > 0 && pieces_too_many(p))
		report_finding(r, ERR_TOO_LARGE, place, "%llu pieces of objects were not looked at: these media have more than %d pieces, or more "
			       "than %d small files; name fewer at once", (unsigned long long)unexpected, PIECES_MAX, AHEAD_FILES);
	else if (unexpected > 0)
		report_finding(r, R_MEDIUM_READ, place, "%llu pieces of objects were not looked at: what told of them could not be read the "
			       "first time; verify again", (unsigned long long)unexpected);
	*unproven += unexpected;
	return pieces_doubts(p, key, tell, &t, e);
}
