/*
 * Counting in words, beside FREEZE: what `status`, `sign` and `trust` say of a document that several people sign. Judges
 * nothing: trust_count does.
 */
#include "export/signers.h"

#include "lib/err.h"
#include "manifests/limits.h"

#include "lib/banned.h"

static bool among(const struct digest *list, size_t n, const struct digest *id)
{
	for (size_t i = 0; i < n; i++)
		if (digest_equal(&list[i], id))
			return true;
	return false;
}

static void name(struct buf *out, const char *key)
{
	buf_printf(out, "%s%s", out->len > 0 ? ", " : "", key);
}

int signers_count(const struct trust *t, enum role r, const struct buf *document, const struct signatures *s,
		  struct signers *out, struct err *e)
{
	const struct trust_role *role = &t->roles.role[r];
	struct digest who[MAX_KEYS];

	*out = (struct signers){.threshold = role->threshold};
	out->good = trust_count(t, r, document->data, document->len, s, who);
	for (size_t i = 0; i < role->keys_n; i++)
		name(among(who, out->good, &role->keys[i]) ? &out->signed_by : &out->missing, trust_find(t, &role->keys[i])->name);
	buf_puts(&out->signed_by, "");	/* a text, also where it is empty */
	buf_puts(&out->missing, "");
	return buf_ok(&out->signed_by, e) == -1 ? -1 : buf_ok(&out->missing, e);
}

void signers_free(struct signers *s)
{
	buf_free(&s->signed_by);
	buf_free(&s->missing);
}

bool signers_enough(const struct signers *s)
{
	return s->good >= s->threshold;
}

json_t *signers_json(const struct trust *t, enum role r, const struct buf *document, const struct signatures *s)
{
	const struct trust_role *role = &t->roles.role[r];
	json_t *o = json_object(), *good = json_array(), *missing = json_array();
	struct digest who[MAX_KEYS];
	size_t n = trust_count(t, r, document->data, document->len, s, who);

	for (size_t i = 0; i < role->keys_n; i++)
		json_array_append_new(among(who, n, &role->keys[i]) ? good : missing,
				      json_text(trust_find(t, &role->keys[i])->name));
	json_put_number(o, "root", t->version);
	json_put_number(o, "signatures", n);
	json_put_number(o, "threshold", role->threshold);
	json_put(o, "signed_by", good);
	json_put(o, "missing", missing);
	return o;
}
