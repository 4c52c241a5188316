/*
 * Chains of trust roots with the signatures they need, or some of them: each extends the chain or leaves it as it was.
 * Section 0 is pinned, the others are taken in order.
 */
#include <string.h>

#include "manifests/limits.h"
#include "manifests/trust.h"
#include "tests/fuzz/kit/fuzz.h"
#include "tests/fuzz/kit/sections.h"

static int get(void *arg, const char *name, struct buf *out, struct err *e)
{
	const struct section *s = sections_find(arg, name);

	(void)e;
	if (s == NULL || s->bytes.len > PUBKEY_MAX_SIGNATURE)
		return 1;
	buf_append(out, s->bytes.len == 0 ? (const uint8_t *)"" : s->bytes.data, s->bytes.len);
	return 0;
}

static void extend(struct trust_chain *c, struct sections *s, struct buf *bytes)
{
	const struct trust *last = trust_chain_newest(c), *new;
	size_t n = c->n;
	struct err e = {0};

	if (trust_chain_extend(c, bytes->data, bytes->len, get, s, &e) == -1) {
		fuzz_refused(&e);
		MUST(c->n == n && trust_chain_newest(c) == last);
		return;
	}
	new = trust_chain_newest(c);
	MUST(c->n == n + 1 && new->version == last->version + 1 && strcmp(new->site, last->site) == 0);
	MUST(new->epoch >= last->epoch && new->epoch - last->epoch <= MAX_JUMP);
	MUST(trust_count(last, ROLE_ROOT, bytes->data, bytes->len, new->signatures, NULL) >= last->roles.role[ROLE_ROOT].threshold);
	MUST(trust_count(new, ROLE_ROOT, bytes->data, bytes->len, new->signatures, NULL) >= new->roles.role[ROLE_ROOT].threshold);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct trust_chain c = {0};
	struct sections s;
	struct err e = {0};
	struct trust *first;

	sections_read(&s, data, len);
	first = s.n == 0 ? NULL : trust_parse(s.list[0].bytes.data, s.list[0].bytes.len, &e);
	if (first != NULL && trust_chain_pin(&c, first, &e) == 0)
		for (size_t i = 1; i < s.n; i++)
			if (strncmp(s.list[i].name, "trust-", 6) == 0 && strstr(s.list[i].name, ".sig") == NULL)
				extend(&c, &s, &s.list[i].bytes);
	trust_chain_free(&c);
	sections_free(&s);
	return 0;
}
