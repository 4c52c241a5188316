/*
 * Signature files as they were found beside a document: bytes under the id of the key whose name they bear. Nothing
 * here says whether one is good; trust_count does.
 */
#include "manifests/trust.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "manifests/names.h"

#include "lib/banned.h"

void signatures_free(struct signatures *s)
{
	free(s->list);
	*s = (struct signatures){0};
}

int signatures_add(struct signatures *s, const struct digest *key, const void *bytes, size_t len, struct err *e)
{
	struct signature *more = realloc(s->list, (s->n + 1) * sizeof *more);
	struct signature *new;

	if (more == NULL)
		return err_mem(e);
	s->list = more;
	new = &more[s->n++];
	*new = (struct signature){.key = *key};
	new->len = len < sizeof new->bytes ? len : sizeof new->bytes;
	if (new->len > 0)
		memcpy(new->bytes, bytes, new->len);
	return 0;
}

static bool has(const struct signatures *s, const struct digest *key)
{
	for (size_t i = 0; i < s->n; i++)
		if (digest_equal(&s->list[i].key, key))
			return true;
	return false;
}

int signatures_collect(struct signatures *s, const struct trust *t, enum role r, const char *document,
		       int (*get)(void *arg, const char *name, struct buf *out, struct err *e), void *arg, struct err *e)
{
	const struct trust_role *role = &t->roles.role[r];
	struct buf bytes = {0};
	int rc = -1;

	for (size_t i = 0; i < role->keys_n; i++) {
		char name[NAMES_SIGNATURE_LEN];
		int got;

		if (has(s, &role->keys[i]))
			continue;
		buf_clear(&bytes);
		got = get(arg, names_signature(document, &role->keys[i], name), &bytes, e);
		if (got == -1)
			goto out;
		if (got == 0 && signatures_add(s, &role->keys[i], bytes.data, bytes.len, e) == -1)
			goto out;
	}
	rc = 0;
out:
	buf_free(&bytes);
	return rc;
}
