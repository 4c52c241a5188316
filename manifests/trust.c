/*
 * Trust roots: which keys may sign what, and how many of them it takes. Everything that is believed on either side is
 * believed because trust_require said so. Refuses roots by which somebody could count twice (one key under two ids or
 * in two roles, two ids that share a signature file's name), be counted without signing (weak keys), or not be counted
 * at all (thresholds out of reach). The chain of roots stands in trust_chain.c.
 */
#include "manifests/trust.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base64.h"
#include "lib/err.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define PUBLIC_MAX 176	/* base64 of PUBKEY_MAX_DER bytes is 172 */

static const char *const algorithms[] = {"ed25519", "ecdsa-p256", "ecdsa-p384", NULL};	/* in order of PUBKEY_* */

static const struct field key_fields[] = {
	{.name = "id", .kind = FIELD_DIGEST, .at = offsetof(struct trust_key, id)},
	{.name = "name", .kind = FIELD_TEXT, .at = offsetof(struct trust_key, name), .min = 1, .max = MAX_NAME_LEN,
	 .check = names_check},
	{.name = "algorithm", .kind = FIELD_CHOICE, .at = offsetof(struct trust_key, algorithm), .words = algorithms},
	{.name = "public", .kind = FIELD_TEXT, .at = offsetof(struct trust_key, public), .min = 1, .max = PUBLIC_MAX},
	{0},
};
static const struct schema key_schema = {.size = sizeof(struct trust_key), .fields = key_fields};

/* Thresholds are bounded by judge(), which knows the number of keys. */
static const struct field role_fields[] = {
	{.name = "threshold", .kind = FIELD_NUMBER, .at = offsetof(struct trust_role, threshold)},
	{.name = "keys", .kind = FIELD_DIGESTS, .at = offsetof(struct trust_role, keys),
	 .count_at = offsetof(struct trust_role, keys_n), .max_count = MAX_KEYS},
	{0},
};
static const struct schema role_schema = {.size = sizeof(struct trust_role), .fields = role_fields};

#define ROLE_AT(r) (offsetof(struct trust_roles, role) + (r) * sizeof(struct trust_role))
static const struct field roles_fields[] = {
	{.name = "root", .kind = FIELD_MAP, .at = ROLE_AT(ROLE_ROOT), .sub = &role_schema},
	{.name = "approver", .kind = FIELD_MAP, .at = ROLE_AT(ROLE_APPROVER), .sub = &role_schema},
	{.name = "exporter", .kind = FIELD_MAP, .at = ROLE_AT(ROLE_EXPORTER), .sub = &role_schema},
	{0},
};
static const struct schema roles_schema = {.size = sizeof(struct trust_roles), .fields = roles_fields};

static const struct field trust_fields[] = {
	{.name = "site", .kind = FIELD_TEXT, .at = offsetof(struct trust, site), .min = 1, .max = MAX_NAME_LEN,
	 .check = names_check},
	{.name = "version", .kind = FIELD_NUMBER, .at = offsetof(struct trust, version), .min = 1, .max = MAX_REVISION},
	{.name = "epoch", .kind = FIELD_NUMBER, .at = offsetof(struct trust, epoch), .min = 1, .max = MAX_REVISION},
	{.name = "issued", .kind = FIELD_TIME, .at = offsetof(struct trust, issued)},
	{.name = "expires", .kind = FIELD_TIME, .at = offsetof(struct trust, expires)},
	{.name = "keys", .kind = FIELD_RECORDS, .at = offsetof(struct trust, keys),
	 .count_at = offsetof(struct trust, keys_n), .max_count = MAX_KEYS, .sub = &key_schema},
	{.name = "roles", .kind = FIELD_BLOCK, .at = offsetof(struct trust, roles), .sub = &roles_schema},
	{0},
};
const struct schema trust_schema = {.type = "trust", .size = sizeof(struct trust), .fields = trust_fields};

static const char *const role_names[ROLES] = {"root", "approver", "exporter"};
static const char *const role_types[ROLES] = {"trust", "approvals", "manifest"};

const char *trust_role_name(enum role r)
{
	return role_names[r];
}

static int find_role(const char *const *words, const char *word, enum role *out)
{
	for (int r = 0; r < ROLES; r++)
		if (strcmp(words[r], word) == 0) {
			*out = (enum role)r;
			return 0;
		}
	return -1;
}

int trust_role_parse(const char *word, enum role *out)
{
	return find_role(role_names, word, out);
}

int trust_role_of_type(const char *type, enum role *out)
{
	return find_role(role_types, type, out);
}

/* ---- one root ---- */

static int load_key(struct trust_key *k, struct err *e)
{
	uint8_t der[PUBKEY_MAX_DER];
	struct err why = {0};
	size_t len;

	if (base64_decode(k->public, strlen(k->public), der, sizeof der, &len) == -1)
		return err_set(e, R_TRUST_INVALID, "key \"%s\": `public` is not canonical base64", k->name);
	k->key = pubkey_load(der, len, &why);
	if (k->key == NULL)
		return err_set(e, why.reason == ERR_KEY ? R_TRUST_INVALID : why.reason, "key \"%s\": %s", k->name, why.text);
	if (!digest_equal(pubkey_id(k->key), &k->id))
		return err_set(e, R_TRUST_INVALID, "key \"%s\": its id is another one than its bytes have", k->name);
	if ((int)pubkey_algorithm(k->key) != k->algorithm + 1)
		return err_set(e, R_TRUST_INVALID, "key \"%s\": it is of algorithm %s, not %s", k->name,
			       pubkey_algorithm_name(pubkey_algorithm(k->key)), algorithms[k->algorithm]);
	return 0;
}

/* Distinct in the part of the id that names signature files, and so distinct altogether. */
static int judge_ids(const struct trust *t, struct err *e)
{
	for (size_t i = 0; i < t->keys_n; i++)
		for (size_t j = 0; j < i; j++)
			if (memcmp(t->keys[i].id.bytes, t->keys[j].id.bytes, NAMES_PREFIX / 2) == 0)
				return err_set(e, R_TRUST_INVALID, "keys \"%s\" and \"%s\": %s", t->keys[j].name,
					       t->keys[i].name, digest_equal(&t->keys[i].id, &t->keys[j].id)
					       ? "the same key twice" : "their ids begin alike");
	return 0;
}

static int judge_role(const struct trust *t, enum role r, struct err *e)
{
	const struct trust_role *role = &t->roles.role[r];

	for (size_t i = 0; i < role->keys_n; i++) {
		const struct trust_key *k = trust_find(t, &role->keys[i]);
		char hex[DIGEST_HEX + 1];

		if (k == NULL)
			return err_set(e, R_TRUST_INVALID, "role %s: no key has the id %s", role_names[r],
				       digest_hex(&role->keys[i], hex));
		for (size_t j = 0; j < i; j++)
			if (digest_equal(&role->keys[i], &role->keys[j]))
				return err_set(e, R_TRUST_INVALID, "role %s: key \"%s\" twice", role_names[r], k->name);
		for (int other = 0; other < (int)r; other++)
			if (trust_has_role(t, (enum role)other, &role->keys[i]))
				return err_set(e, R_TRUST_INVALID, "key \"%s\" is in the roles %s and %s", k->name,
					       role_names[other], role_names[r]);
	}
	if (role->threshold < 1 || role->threshold > role->keys_n)
		return err_set(e, R_TRUST_INVALID, "role %s: threshold %llu with %zu keys", role_names[r],
			       (unsigned long long)role->threshold, role->keys_n);
	return 0;
}

static int judge(const struct trust *t, struct err *e)
{
	if (t->expires <= t->issued)
		return err_set(e, R_TRUST_INVALID, "expires before it is issued");
	if (judge_ids(t, e) == -1)
		return -1;
	for (int r = 0; r < ROLES; r++)
		if (judge_role(t, (enum role)r, e) == -1)
			return -1;
	for (size_t i = 0; i < t->keys_n; i++) {
		bool used = false;

		for (int r = 0; r < ROLES; r++)
			used |= trust_has_role(t, (enum role)r, &t->keys[i].id);
		if (!used)
			return err_set(e, R_TRUST_INVALID, "key \"%s\" is in no role", t->keys[i].name);
	}
	return 0;
}

static int load(struct trust *t, const void *data, size_t len, struct err *e)
{
	if (len > MAX_TRUST_SIZE)
		return err_set(e, R_DOCUMENT_TOO_LARGE, "%zu bytes, at most %u are allowed", len, MAX_TRUST_SIZE);
	if (schema_parse(&trust_schema, data, len, t, &t->arena, e) == -1)
		return -1;
	for (size_t i = 0; i < t->keys_n; i++)
		if (load_key(&t->keys[i], e) == -1)
			return -1;
	if (judge(t, e) == -1)
		return -1;
	buf_append(&t->bytes, data, len);
	if (buf_ok(&t->bytes, e) == -1)
		return -1;
	return digest_of(data, len, &t->digest, e);
}

struct trust *trust_parse(const void *data, size_t len, struct err *e)
{
	struct trust *t = calloc(1, sizeof *t);

	if (t == NULL) {
		err_mem(e);
		return NULL;
	}
	if (load(t, data, len, e) == 0)
		return t;
	trust_free(t);
	return NULL;
}

void trust_free(struct trust *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->keys_n; i++)
		pubkey_free(t->keys[i].key);
	arena_free(&t->arena);
	buf_free(&t->bytes);
	if (t->signatures != NULL)
		signatures_free(t->signatures);
	free(t->signatures);
	free(t);
}

/* What is written is read again: nobody is to sign a root that no store would accept. */
int trust_encode(const struct trust *t, struct buf *out, struct err *e)
{
	struct buf bytes = {0};
	struct trust *again = NULL;
	int rc = -1;

	if (schema_encode(&trust_schema, t, &bytes, e) == -1)
		goto out;
	again = trust_parse(bytes.data, bytes.len, e);
	if (again == NULL)
		goto out;
	buf_append(out, bytes.data, bytes.len);
	rc = buf_ok(out, e);
out:
	trust_free(again);
	buf_free(&bytes);
	return rc;
}

int trust_key_set(struct trust_key *k, const struct pubkey *key, const char *name, struct arena *a, struct err *e)
{
	char public[PUBLIC_MAX + 1];
	size_t len;
	const uint8_t *der = pubkey_der(key, &len);

	if (names_check(name, strlen(name), e) == -1)
		return -1;
	base64_encode(der, len, public);
	k->id = *pubkey_id(key);
	k->algorithm = (int)pubkey_algorithm(key) - 1;
	k->name = arena_strndup(a, name, strlen(name));
	k->public = arena_strndup(a, public, strlen(public));
	k->key = NULL;
	return k->name == NULL || k->public == NULL ? err_mem(e) : 0;
}

const struct trust_key *trust_find(const struct trust *t, const struct digest *id)
{
	for (size_t i = 0; i < t->keys_n; i++)
		if (digest_equal(&t->keys[i].id, id))
			return &t->keys[i];
	return NULL;
}

bool trust_has_role(const struct trust *t, enum role r, const struct digest *id)
{
	const struct trust_role *role = &t->roles.role[r];

	for (size_t i = 0; i < role->keys_n; i++)
		if (digest_equal(&role->keys[i], id))
			return true;
	return false;
}

/* ---- counting ---- */

static bool signed_by(const struct trust_key *k, const void *data, size_t len, const struct signatures *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (digest_equal(&s->list[i].key, &k->id) &&
		    pubkey_verify(k->key, data, len, s->list[i].bytes, s->list[i].len))
			return true;
	return false;
}

size_t trust_count(const struct trust *t, enum role r, const void *data, size_t len, const struct signatures *s,
		   struct digest *who)
{
	const struct trust_role *role = &t->roles.role[r];
	size_t n = 0;

	for (size_t i = 0; i < role->keys_n; i++)	/* distinct, says judge(), so each key counts once */
		if (signed_by(trust_find(t, &role->keys[i]), data, len, s)) {
			if (who != NULL)
				who[n] = role->keys[i];
			n++;
		}
	return n;
}

/* A file that was emptied, or holds blank lines only, is no signature; anything else may be a wrong one. */
static bool any_signature(const struct signatures *s)
{
	for (size_t i = 0; i < s->n; i++)
		for (size_t j = 0; j < s->list[i].len; j++)
			if (memchr(" \t\r\n", s->list[i].bytes[j], 4) == NULL)
				return true;
	return false;
}

int trust_require(const struct trust *t, enum role r, const void *data, size_t len, const struct signatures *s,
		  struct err *e)
{
	const unsigned long long needed = t->roles.role[r].threshold;
	struct digest who[MAX_KEYS];
	size_t good = trust_count(t, r, data, len, s, who);
	struct buf names = {0};

	if (good >= needed)
		return 0;
	if (good == 0 && !any_signature(s))
		return err_set(e, R_SIGNATURE_MISSING, "no signature by a key of the role %s (%llu needed)", role_names[r], needed);
	for (size_t i = 0; i < good; i++) {
		char hex[DIGEST_HEX + 1];

		buf_printf(&names, "%s%s %.8s", i > 0 ? ", " : "", trust_find(t, &who[i])->name, digest_hex(&who[i], hex));
	}
	if (buf_ok(&names, e) == 0)
		err_set(e, R_SIGNATURE_THRESHOLD, "%zu of %llu signatures of the role %s needed (good: %s)", good, needed,
			role_names[r], good > 0 ? (const char *)names.data : "none");
	buf_free(&names);
	return -1;
}
