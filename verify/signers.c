/*
 * Signers of a list, for `who` and `report` (verify/signers.h). Only good signatures are named.
 */
#include "verify/signers.h"

#include <stddef.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/file.h"
#include "manifests/approvals.h"
#include "manifests/limits.h"
#include "manifests/trust.h"
#include "verify/store.h"

#include "lib/banned.h"

static void put_names(const struct trust *root, const struct digest *ids, size_t n, struct buf *out)
{
	buf_clear(out);
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", trust_find(root, &ids[i])->name);
}

int signers_name(const struct trust_chain *chain, const struct file *dir, const char *name, const struct approvals *a,
		 struct buf *out, uint64_t *root, struct err *e)
{
	struct signatures found = {0};
	struct digest ids[MAX_KEYS];
	struct buf names = {0};
	uint64_t by = 0;
	int rc = 0;

	for (size_t i = chain->n; rc == 0 && by == 0 && i-- > 0;) {
		const struct trust *at = chain->roots[i];
		size_t n;

		rc = signatures_collect(&found, at, ROLE_APPROVER, name, store_signature, (void *)(uintptr_t)dir, e);
		n = rc == -1 ? 0 : trust_count(at, ROLE_APPROVER, a->bytes.data, a->bytes.len, &found, ids);
		if (n > 0 && n >= at->roles.role[ROLE_APPROVER].threshold)
			by = at->version;
		if (n > 0 && (by != 0 || names.len == 0))
			put_names(at, ids, n, &names);
	}
	buf_puts(out, names.len > 0 ? (const char *)names.data : "nobody yet");
	if (rc == 0)
		rc = buf_ok(&names, e);
	if (rc == 0)
		rc = buf_ok(out, e);
	if (root != NULL)
		*root = by;
	buf_free(&names);
	signatures_free(&found);
	return rc;
}
