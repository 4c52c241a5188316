/*
 * What an authenticated manifest has seen of this store's past, compared with its journal (DESIGN 5, "Protection"). Asked
 * by intake, which raises an alarm; refuses nothing. The journal is read only where there is such a witness.
 */
#include "import/witness.h"

#include <string.h>

#include "lib/err.h"
#include "manifests/journal.h"
#include "manifests/manifest.h"
#include "verify/store.h"

#include "lib/banned.h"

struct search {
	const struct digest *wanted;
	bool found;
};

static int look(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	struct search *s = arg;

	(void)n;
	(void)o;
	(void)e;
	s->found = s->found || digest_equal(line, s->wanted);
	return 0;
}

int witness_missing(const struct store *s, const struct manifest *m, const struct manifest_witness **out, struct err *e)
{
	for (size_t i = 0; i < m->witness_n; i++) {
		struct search search = {.wanted = &m->witness[i].journal};

		if (strcmp(m->witness[i].destination, s->config.name) != 0)
			continue;
		if (journal_read(&s->dir, "journal.jsonl", look, &search, NULL, NULL, e) == -1)
			return -1;
		if (!search.found) {
			*out = &m->witness[i];
			return 1;
		}
	}
	return 0;
}
