/*
 * Options that say by what is judged (verify/terms.h). SOURCE_DATE_EPOCH is not among them: an auditor's clock is the clock.
 */
#include "verify/terms.h"

#include <string.h>
#include <time.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/num.h"
#include "lib/options.h"
#include "lib/pool.h"
#include "manifests/limits.h"
#include "manifests/trust.h"

#include "lib/banned.h"

#define MAX_JOBS 16

int terms_parse(const struct args *a, struct terms *out, struct err *e)
{
	const char *at = args_get(a, "at");
	uint64_t jobs;

	*out = (struct terms){.now = time(NULL), .dated = at != NULL};
	if (at != NULL && num_parse_time(at, strlen(at), &out->now) == -1)
		return err_set(e, ERR_USAGE, "--at %s: a time like 2026-11-22T10:00:00Z is needed", at);
	if (args_number(a, "trust-version", 1, MAX_REVISION, 0, &out->trust_max, e) == -1 ||
	    args_number(a, "jobs", 1, MAX_JOBS, pool_default_jobs(), &jobs, e) == -1)
		return -1;
	out->jobs = (unsigned)jobs;
	return 0;
}

int terms_pin(const struct terms *t, const char *path, struct trust_chain *chain, struct err *e)
{
	struct file f = FILE_CLOSED;
	struct trust *root = NULL;
	struct buf bytes = {0};
	int rc = -1;

	if (file_open(path, &f, e) == -1 || file_read_all(&f, MAX_TRUST_SIZE, &bytes, e) == -1) {
		e->reason = e->reason == ERR_MEMORY ? ERR_MEMORY : ERR_USAGE;
		goto out;
	}
	root = trust_parse(bytes.data, bytes.len, e);
	if (root == NULL) {
		err_prefix(e, "%s", path);
		goto out;
	}
	if (t->trust_max != 0 && root->version > t->trust_max) {
		err_set(e, ERR_USAGE, "%s: it is trust root %llu, and --trust-version says %llu", path,
			(unsigned long long)root->version, (unsigned long long)t->trust_max);
		trust_free(root);
		goto out;
	}
	rc = trust_chain_pin(chain, root, e);
out:
	file_close(&f);
	buf_free(&bytes);
	return rc;
}
