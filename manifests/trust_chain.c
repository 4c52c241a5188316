/*
 * The chain of trust roots: each one takes over from the one before, by whose keys it is signed. Refuses a root that
 * is not the next version of the same site, that would turn the history of lists back or jam it, or that lacks the
 * signatures of the old root's threshold (checked over raw bytes, before anything of it is parsed) or of its own.
 */
#include "manifests/trust.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/num.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

void trust_chain_free(struct trust_chain *c)
{
	for (size_t i = 0; i < c->n; i++)
		trust_free(c->roots[i]);
	free(c->roots);
	*c = (struct trust_chain){0};
}

const struct trust *trust_chain_newest(const struct trust_chain *c)
{
	return c->n == 0 ? NULL : c->roots[c->n - 1];
}

const struct trust *trust_chain_at(const struct trust_chain *c, uint64_t version)
{
	if (c->n == 0 || version < c->roots[0]->version || version - c->roots[0]->version >= c->n)
		return NULL;
	return c->roots[version - c->roots[0]->version];
}

/* Takes t over, also on error. */
static int append(struct trust_chain *c, struct trust *t, struct err *e)
{
	struct trust **more = realloc(c->roots, (c->n + 1) * sizeof *more);

	if (more == NULL) {
		trust_free(t);
		return err_mem(e);
	}
	c->roots = more;
	c->roots[c->n++] = t;
	return 0;
}

int trust_chain_pin(struct trust_chain *c, struct trust *t, struct err *e)
{
	if (c->n > 0) {
		trust_free(t);
		return err_set(e, ERR_INTERNAL, "the chain of trust roots is pinned already");
	}
	return append(c, t, e);
}

/* Adds what it finds to s. */
static int require(const struct trust *judge, const char *name, const void *data, size_t len,
		   int (*get)(void *arg, const char *name, struct buf *out, struct err *e), void *arg,
		   struct signatures *s, struct err *e)
{
	struct err why = {0};

	if (signatures_collect(s, judge, ROLE_ROOT, name, get, arg, e) == -1)
		return -1;
	if (trust_require(judge, ROLE_ROOT, data, len, s, &why) == 0)
		return 0;
	/* whatever is wrong with its signatures, it is no successor */
	return err_set(e, why.reason == ERR_MEMORY ? ERR_MEMORY : R_TRUST_INVALID, "by the keys of root %llu: %s",
		       (unsigned long long)judge->version, why.text);
}

static int judge_successor(const struct trust *old, const struct trust *new, struct err *e)
{
	if (new->version != old->version + 1)
		return err_set(e, R_TRUST_CHAIN, "it is version %llu, not %llu", (unsigned long long)new->version,
			       (unsigned long long)old->version + 1);
	if (strcmp(new->site, old->site) != 0)
		return err_set(e, R_TRUST_CHAIN, "it is of the site \"%s\", not \"%s\"", new->site, old->site);
	if (new->epoch < old->epoch)
		return err_set(e, R_TRUST_CHAIN, "epoch %llu is lower than %llu, that of the root before",
			       (unsigned long long)new->epoch, (unsigned long long)old->epoch);
	if (new->epoch - old->epoch > MAX_JUMP)
		return err_set(e, R_JUMP, "epoch %llu is more than %llu above that of the root before",
			       (unsigned long long)new->epoch, MAX_JUMP);
	return 0;
}

static int extend(struct trust_chain *c, const char *name, const void *data, size_t len,
		  int (*get)(void *arg, const char *name, struct buf *out, struct err *e), void *arg, struct err *e)
{
	const struct trust *old = trust_chain_newest(c);
	struct signatures *found = NULL;
	struct trust *new = NULL;
	int rc = -1;

	if (c->n >= MAX_TRUST_VERSIONS)
		return err_set(e, R_TRUST_LIMIT, "the chain has %d trust roots already", MAX_TRUST_VERSIONS);
	if (len > MAX_TRUST_SIZE)
		return err_set(e, R_DOCUMENT_TOO_LARGE, "%zu bytes, at most %u are allowed", len, MAX_TRUST_SIZE);
	found = calloc(1, sizeof *found);
	if (found == NULL)
		return err_mem(e);
	if (require(old, name, data, len, get, arg, found, e) == -1)
		goto out;
	new = trust_parse(data, len, e);
	if (new == NULL || judge_successor(old, new, e) == -1 || require(new, name, data, len, get, arg, found, e) == -1)
		goto out;
	new->signatures = found;
	found = NULL;
	rc = append(c, new, e);
	new = NULL;
out:
	trust_free(new);
	if (found != NULL)
		signatures_free(found);
	free(found);
	return rc;
}

int trust_chain_extend(struct trust_chain *c, const void *data, size_t len,
		       int (*get)(void *arg, const char *name, struct buf *out, struct err *e), void *arg, struct err *e)
{
	char name[32];

	if (c->n == 0)
		return err_set(e, ERR_INTERNAL, "no trust root is pinned");
	names_trust(trust_chain_newest(c)->version + 1, name);
	if (extend(c, name, data, len, get, arg, e) == -1)
		return err_prefix(e, "%s", name);
	return 0;
}

int trust_chain_check_time(const struct trust_chain *c, int64_t now, struct err *e)
{
	const struct trust *t = trust_chain_newest(c);
	char when[32], today[32];

	if (t == NULL)
		return err_set(e, ERR_INTERNAL, "no trust root is pinned");
	if (t->issued - now > MAX_CLOCK_AHEAD) {
		err_set(e, R_CLOCK, "trust root %llu is issued in the future, at %s", (unsigned long long)t->version,
			num_format_time(t->issued, when));
		return err_hint(e, "judged at %s: is the clock right?", num_format_time(now, today));
	}
	if (t->expires <= now)
		return err_set(e, R_TRUST_EXPIRED, "trust root %llu expired at %s", (unsigned long long)t->version,
			       num_format_time(t->expires, when));
	return 0;
}
