/*
 * Trust roots, their chain and the counting of signatures: what is accepted, and rows S1-S11, P1-P9 and T1-T5 of the
 * list of attacks as far as they concern a trust root by itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/sign.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "manifests/trust.h"

#define KEYS 8	/* 0-2 root, 3-5 approver, 6-7 exporter */
static struct seckey *keys[KEYS + 2];	/* and two that no root names at first */
static const char *const names[KEYS + 2] = {"root-a", "root-b", "root-c", "approver-a", "approver-b", "approver-c",
					    "exporter-a", "exporter-b", "fresh-a", "fresh-b"};

static int make_keys(void **state)
{
	struct err e = {0};

	(void)state;
	for (int i = 0; i < KEYS + 2; i++) {
		keys[i] = sign_generate(i == 4 ? PUBKEY_ECDSA_P256 : i == 7 ? PUBKEY_ECDSA_P384 : PUBKEY_ED25519, &e);
		if (keys[i] == NULL)
			return -1;
	}
	return 0;
}

static int free_keys(void **state)
{
	(void)state;
	for (int i = 0; i < KEYS + 2; i++)
		sign_free(keys[i]);
	return 0;
}

/* A root under construction; its lists live in `ids` and `list`. */
struct draft {
	struct trust t;
	struct trust_key list[MAX_KEYS + 1];
	struct digest ids[ROLES][MAX_KEYS + 1];
};

static void add_key(struct draft *d, enum role r, const struct pubkey *key, const char *name)
{
	struct trust_role *role = &d->t.roles.role[r];
	struct err e = {0};

	assert_int_equal(trust_key_set(&d->list[d->t.keys_n++], key, name, &d->t.arena, &e), 0);
	d->ids[r][role->keys_n++] = *pubkey_id(key);
}

/* Root 2 of 3, approver 2 of 3, exporter 1 of 2. */
static struct draft *new_draft(uint64_t version)
{
	struct draft *d = calloc(1, sizeof *d);

	assert_non_null(d);
	d->t = (struct trust){.site = (char *)(uintptr_t)"site-a", .version = version, .epoch = 1, .issued = 1763805600,
			      .expires = 1795341600, .keys = d->list};
	for (int r = 0; r < ROLES; r++)
		d->t.roles.role[r] = (struct trust_role){.threshold = r == ROLE_EXPORTER ? 1 : 2, .keys = d->ids[r]};
	for (int i = 0; i < KEYS; i++)
		add_key(d, (enum role)(i / 3), sign_public(keys[i]), names[i]);
	return d;
}

static void free_draft(struct draft *d)
{
	arena_free(&d->t.arena);
	free(d);
}

static struct buf encode(const struct draft *d)
{
	struct buf b = {0};
	struct err e = {0};

	if (trust_encode(&d->t, &b, &e) == -1)
		fail_msg("%s", e.text);
	return b;
}

/* A draft that must be refused, by the encoder and by the parser. */
static void refuse(struct draft *d, const char *text)
{
	struct buf b = {0};
	struct err e = {0};

	assert_int_equal(trust_encode(&d->t, &b, &e), -1);
	if (e.reason != R_TRUST_INVALID || strstr(e.text, text) == NULL)
		fail_msg("%s: %s, not %s", reason_word(e.reason), e.text, text);
	assert_int_equal(b.len, 0);
	err_clear(&e);
	assert_int_equal(schema_encode(&trust_schema, &d->t, &b, &e), 0);
	assert_null(trust_parse(b.data, b.len, &e));
	assert_int_equal(e.reason, R_TRUST_INVALID);
	buf_free(&b);
	free_draft(d);
}

static void round_trip(void **state)
{
	struct draft *d = new_draft(3);
	struct buf b = encode(d);
	struct err e = {0};
	struct trust *t = trust_parse(b.data, b.len, &e);
	struct digest digest;

	(void)state;
	assert_non_null(t);
	assert_string_equal(t->site, "site-a");
	assert_int_equal(t->version, 3);
	assert_int_equal(t->keys_n, KEYS);
	assert_int_equal(t->roles.role[ROLE_APPROVER].threshold, 2);
	assert_int_equal(t->bytes.len, b.len);
	assert_memory_equal(t->bytes.data, b.data, b.len);
	digest_of(b.data, b.len, &digest, &e);
	assert_true(digest_equal(&digest, &t->digest));
	for (int i = 0; i < KEYS; i++) {
		const struct pubkey *k = sign_public(keys[i]);
		const struct trust_key *found = trust_find(t, pubkey_id(k));

		assert_string_equal(found->name, names[i]);
		assert_true(digest_equal(pubkey_id(found->key), pubkey_id(k)));
		assert_int_equal(found->algorithm + 1, pubkey_algorithm(k));
		for (int r = 0; r < ROLES; r++)
			assert_int_equal(trust_has_role(t, (enum role)r, pubkey_id(k)), r == i / 3);
	}
	assert_null(trust_find(t, pubkey_id(sign_public(keys[KEYS]))));
	trust_free(t);
	buf_free(&b);
	free_draft(d);
	trust_free(NULL);
}

static void roles_by_name(void **state)
{
	enum role r;

	(void)state;
	for (int i = 0; i < ROLES; i++) {
		assert_int_equal(trust_role_parse(trust_role_name((enum role)i), &r), 0);
		assert_int_equal(r, i);
	}
	assert_int_equal(trust_role_parse("Root", &r), -1);
	assert_int_equal(trust_role_of_type("approvals", &r), 0);
	assert_int_equal(r, ROLE_APPROVER);
	assert_int_equal(trust_role_of_type("manifest", &r), 0);
	assert_int_equal(r, ROLE_EXPORTER);
	assert_int_equal(trust_role_of_type("trust", &r), 0);
	assert_int_equal(r, ROLE_ROOT);
	assert_int_equal(trust_role_of_type("volume", &r), -1);
}

/* ---- documents: replacements in a good one ---- */

static char *replace(const struct buf *b, const char *from, const char *to, size_t *len)
{
	char *at = memmem(b->data, b->len, from, strlen(from)), *out;
	size_t before, rest;

	if (at == NULL)
		fail_msg("no \"%s\" in the document", from);
	before = (size_t)(at - (char *)b->data);
	rest = b->len - before - strlen(from);
	*len = before + strlen(to) + rest;
	out = malloc(*len + 1);
	assert_non_null(out);
	memcpy(out, b->data, before);
	memcpy(out + before, to, strlen(to));
	memcpy(out + before + strlen(to), at + strlen(from), rest);
	return out;
}

struct change {
	const char *from, *to;
	int reason;
};

static void change_each(const struct change *c)
{
	struct draft *d = new_draft(3);
	struct buf b = encode(d);

	for (; c->from != NULL; c++) {
		struct err e = {0};
		size_t len;
		char *bad = replace(&b, c->from, c->to, &len);
		struct trust *t = trust_parse(bad, len, &e);

		if (t != NULL || e.reason != c->reason)
			fail_msg("\"%s\" for \"%s\": %s %s, not %s", c->to, c->from, reason_word(e.reason), e.text,
				 reason_word(c->reason));
		free(bad);
	}
	buf_free(&b);
	free_draft(d);
}

static void not_canonical(void **state)
{
	static const struct change changes[] = {
		{"satchel: trust/1", "satchel: approvals/1", R_DOCUMENT_TYPE},
		{"satchel: trust/1", "satchel: trust/2", R_DOCUMENT_VERSION},
		{"satchel: trust/1\n", "\xef\xbb\xbfsatchel: trust/1\n", R_DOCUMENT_FORM},
		{"satchel: trust/1\n", "%YAML 1.1\n---\nsatchel: trust/1\n", R_DOCUMENT_TYPE},
		{"version: 3\n", "version: 3\nversion: 3\n", R_DOCUMENT_FORM},
		{"threshold: 2, keys", "threshold: 2, threshold: 2, keys", R_DOCUMENT_FORM},
		{"version: 3\nepoch: 1\n", "epoch: 1\nversion: 3\n", R_DOCUMENT_FORM},
		{"version: 3", "version: &a 3", R_DOCUMENT_FORM},
		{"version: 3", "version: !!int 3", R_DOCUMENT_FORM},
		{"version: 3", "version: *a", R_DOCUMENT_FORM},
		{"version: 3", "version:  3", R_DOCUMENT_FORM},
		{"version: 3", "version: 03", R_DOCUMENT_FORM},
		{"version: 3", "version: +3", R_DOCUMENT_FORM},
		{"version: 3", "version: 0x3", R_DOCUMENT_FORM},
		{"version: 3", "version: \"3\"", R_DOCUMENT_FORM},
		{"version: 3", "version: 3.0", R_DOCUMENT_FORM},
		{"version: 3", "version: ~", R_DOCUMENT_FORM},
		{"version: 3", "version:", R_DOCUMENT_FORM},
		{"version: 3", "version: 0", R_DOCUMENT_FORM},
		{"version: 3", "version: 9007199254740993", R_DOCUMENT_FORM},
		{"version: 3", "version: 18446744073709551616", R_DOCUMENT_FORM},
		{"version: 3", "version: 3 # three", R_DOCUMENT_FORM},
		{"version: 3\n", "version: 3\nfuture: 1\n", R_DOCUMENT_FORM},
		{"version: 3\n", "", R_DOCUMENT_FORM},
		{"version: 3\n", "version: 3\r\n", R_DOCUMENT_FORM},
		{"epoch: 1", "epoch: 0", R_DOCUMENT_FORM},
		{"\"site-a\"", "site-a", R_DOCUMENT_FORM},
		{"\"site-a\"", "'site-a'", R_DOCUMENT_FORM},
		{"\"site-a\"", "\"site\\u002da\"", R_DOCUMENT_FORM},
		{"\"site-a\"", "\"Site-a\"", R_NAME},
		{"\"site-a\"", "\"\"", R_NAME},
		{"\"root-a\"", "\"../root\"", R_NAME},
		{"algorithm: ed25519", "algorithm: rsa", R_DOCUMENT_FORM},
		{"algorithm: ed25519", "algorithm: Ed25519", R_DOCUMENT_FORM},
		{"issued: 2025-11-22T10:00:00Z", "issued: 2025-11-22", R_DOCUMENT_FORM},
		{"issued: 2025-11-22T10:00:00Z", "issued: 2025-02-30T10:00:00Z", R_DOCUMENT_FORM},
		{"issued: 2025-11-22T10:00:00Z", "issued: 2025-11-22T10:00:60Z", R_DOCUMENT_FORM},
		{"issued: 2025-11-22T10:00:00Z", "issued: 2025-11-22T10:00:00+00:00", R_DOCUMENT_FORM},
		{"issued: 2025-11-22T10:00:00Z", "issued: 2026-11-22T10:00:00Z", R_TRUST_INVALID},
		{"threshold: 2", "threshold: 0", R_TRUST_INVALID},
		{"threshold: 2", "threshold: 4", R_TRUST_INVALID},
		{"threshold: 2", "threshold: 99", R_TRUST_INVALID},
		{"threshold: 2", "threshold: 9007199254740993", R_TRUST_INVALID},
		{"threshold: 2", "threshold: 4611686018427387904", R_TRUST_INVALID},
		{"threshold: 2", "threshold: 4611686018427387905", R_DOCUMENT_FORM},
		{"threshold: 2", "threshold: -1", R_DOCUMENT_FORM},
		{"threshold: 2", "threshold: 2.0", R_DOCUMENT_FORM},
		{"threshold: 2", "threshold: 1e1", R_DOCUMENT_FORM},
		{"threshold: 2, ", "", R_DOCUMENT_FORM},
		{"  exporter: ", "  Exporter: ", R_DOCUMENT_FORM},
		{0},
	};

	(void)state;
	change_each(changes);
}

/* Whatever line is taken away or stands twice, and whatever letter of a field's name is another: refused. */
static void every_line(void **state)
{
	struct draft *d = new_draft(3);
	struct buf b = encode(d);
	struct err e = {0};

	(void)state;
	for (size_t at = 0; at < b.len;) {
		size_t len = (size_t)((uint8_t *)memchr(b.data + at, '\n', b.len - at) - b.data) + 1 - at;
		struct buf less = {0}, more = {0};

		buf_append(&less, b.data, at);
		buf_append(&less, b.data + at + len, b.len - at - len);
		assert_null(trust_parse(less.data, less.len, &e));
		buf_append(&more, b.data, at + len);
		buf_append(&more, b.data + at, b.len - at);
		assert_null(trust_parse(more.data, more.len, &e));
		buf_free(&less);
		buf_free(&more);
		at += len;
	}
	for (size_t at = 1; at < b.len; at++) {
		if (b.data[at] != ':' || (b.data[at + 1] != ' ' && b.data[at + 1] != '\n'))
			continue;
		b.data[at - 1] ^= 1;
		assert_null(trust_parse(b.data, b.len, &e));
		b.data[at - 1] ^= 1;
	}
	assert_null(trust_parse(b.data, b.len - 1, &e));	/* no LF at the end */
	assert_null(trust_parse(b.data, 0, &e));
	buf_free(&b);
	free_draft(d);
}

static void too_large(void **state)
{
	uint8_t *big = calloc(1, MAX_TRUST_SIZE + 1);
	struct err e = {0};

	(void)state;
	assert_null(trust_parse(big, MAX_TRUST_SIZE + 1, &e));
	assert_int_equal(e.reason, R_DOCUMENT_TOO_LARGE);
	err_clear(&e);
	assert_null(trust_parse(big, MAX_TRUST_SIZE, &e));	/* judged, and no document */
	assert_int_equal(e.reason, R_DOCUMENT_FORM);
	free(big);
}

/* MAX_KEYS keys are fine, and one more is not; the document of the greatest size stays below its bound. */
static void many_keys(void **state)
{
	struct seckey *more[MAX_KEYS + 1];
	struct draft *d = new_draft(1);
	struct buf b = {0};
	struct err e = {0};

	(void)state;
	for (int i = KEYS; i <= MAX_KEYS; i++) {
		char name[MAX_NAME_LEN + 1];

		more[i] = sign_generate(PUBKEY_ECDSA_P384, &e);
		assert_non_null(more[i]);
		snprintf(name, sizeof name, "%063d", i);
		if (i == MAX_KEYS)
			b = encode(d);
		add_key(d, ROLE_APPROVER, sign_public(more[i]), name);
	}
	assert_true(b.len < MAX_TRUST_SIZE);
	buf_clear(&b);
	assert_int_equal(trust_encode(&d->t, &b, &e), -1);
	assert_int_equal(e.reason, R_DOCUMENT_FORM);
	for (int i = KEYS; i <= MAX_KEYS; i++)
		sign_free(more[i]);
	buf_free(&b);
	free_draft(d);
}

/* ---- keys ---- */

static void put_public(struct draft *d, size_t key, const uint8_t *der, size_t len)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = arena_alloc(&d->t.arena, len / 3 * 4 + 8);
	struct digest id;
	struct err e = {0};
	uint8_t all[4096] = {0};
	size_t n = 0;

	assert_true(len + 2 < sizeof all);
	memcpy(all, der, len);
	for (size_t i = 0; i < len; i += 3) {
		unsigned v = (unsigned)all[i] << 16 | (unsigned)all[i + 1] << 8 | all[i + 2];

		text[n++] = alphabet[v >> 18];
		text[n++] = alphabet[v >> 12 & 63];
		text[n++] = i + 1 < len ? alphabet[v >> 6 & 63] : '=';
		text[n++] = i + 2 < len ? alphabet[v & 63] : '=';
	}
	digest_of(der, len, &id, &e);
	for (int r = 0; r < ROLES; r++)
		for (size_t i = 0; i < d->t.roles.role[r].keys_n; i++)
			if (digest_equal(&d->ids[r][i], &d->list[key].id))
				d->ids[r][i] = id;
	d->list[key].id = id;
	d->list[key].public = text;
}

static void put_ed25519(struct draft *d, const char *hex)
{
	uint8_t der[44] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

	for (size_t i = 0; i < 32; i++) {
		unsigned byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		der[12 + i] = (uint8_t)byte;
	}
	put_public(d, 0, der, sizeof der);
}

/* S8: points of small order, in every encoding, and encodings that are not canonical. */
static void weak_ed25519(void **state)
{
	static const char *const points[] = {
		"0100000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000080",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0000000000000000000000000000000000000000000000000000000000000080",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};

	(void)state;
	for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
		struct draft *d = new_draft(1);

		put_ed25519(d, points[i]);
		refuse(d, "root-a");
	}
}

/* S8, S11: other algorithms and curves, explicit parameters, compressed points, under every name of an algorithm. */
static void other_algorithms(void **state)
{
	EVP_PKEY *pkeys[5] = {
		EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024), EVP_EC_gen("secp256k1"), EVP_EC_gen("P-224"),
		EVP_EC_gen("P-256"), EVP_EC_gen("P-256"),
	};

	(void)state;
	assert_int_equal(EVP_PKEY_set_utf8_string_param(pkeys[3], "encoding", "explicit"), 1);
	assert_int_equal(EVP_PKEY_set_utf8_string_param(pkeys[4], "point-format", "compressed"), 1);
	for (int i = 0; i < 5; i++) {
		uint8_t *der = NULL;
		int len = i2d_PUBKEY(pkeys[i], &der);

		assert_true(len > 0);
		for (int algorithm = 0; algorithm < 3 && len <= PUBKEY_MAX_DER; algorithm++) {
			struct draft *d = new_draft(1);

			put_public(d, 0, der, (size_t)len);
			d->list[0].algorithm = algorithm;
			refuse(d, "root-a");
		}
		if (len > PUBKEY_MAX_DER) {	/* longer than `public` may be */
			struct draft *d = new_draft(1);
			struct buf b = {0};
			struct err e = {0};

			put_public(d, 0, der, (size_t)len);
			assert_int_equal(trust_encode(&d->t, &b, &e), -1);
			assert_true(e.reason == R_TRUST_INVALID || e.reason == R_DOCUMENT_FORM);
			buf_free(&b);
			free_draft(d);
		}
		OPENSSL_free(der);
		EVP_PKEY_free(pkeys[i]);
	}
}

static void wrong_label(void **state)
{
	(void)state;
	for (int key = 3; key < KEYS; key++)
		for (int algorithm = 0; algorithm < 3; algorithm++) {
			struct draft *d = new_draft(1);

			if (d->list[key].algorithm == algorithm) {
				free_draft(d);
				continue;
			}
			d->list[key].algorithm = algorithm;
			refuse(d, "algorithm");
		}
}

static void wrong_id(void **state)
{
	struct draft *d = new_draft(1);

	(void)state;
	d->list[1].id.bytes[31] ^= 1;
	d->ids[ROLE_ROOT][1].bytes[31] ^= 1;
	refuse(d, "its id");
}

/* Base64 that other decoders take: padding, blanks, line ends, stray bits, other alphabets. */
static void loose_base64(void **state)
{
	(void)state;
	for (int i = 0; i < 7; i++) {
		struct draft *d = new_draft(1);
		char *p = d->list[0].public, *more = arena_alloc(&d->t.arena, 128);
		size_t len = strlen(p);	/* 44 bytes: 60 digits, the last but one of which holds 4 bits, and "=" */

		assert_int_equal(p[len - 1], '=');
		memcpy(more, p, len);
		if (i == 0)
			more[len - 1] = '\0';
		else if (i == 1)
			memcpy(more + len, "====", 4);
		else if (i == 2)
			more[len - 1] = ' ';
		else if (i == 3)
			more[len - 2] = (char)(more[len - 2] + (more[len - 2] == 'z' || more[len - 2] == 'Z' ? -1 : 1));
		else if (i == 4)
			memcpy(more, "MC*w", 4);
		else if (i == 5)
			memcpy(more, "=C4w", 4);
		else
			memcpy(more, "A", 2);
		d->list[0].public = more;
		refuse(d, "base64");
	}
}

/* S5, and what the roles may not be. */
static void keys_and_roles(void **state)
{
	struct draft *d = new_draft(1);

	(void)state;
	add_key(d, ROLE_ROOT, sign_public(keys[0]), "root-again");
	refuse(d, "same key twice");

	d = new_draft(1);
	d->ids[ROLE_ROOT][d->t.roles.role[ROLE_ROOT].keys_n++] = d->ids[ROLE_ROOT][0];
	refuse(d, "twice");

	d = new_draft(1);
	d->ids[ROLE_EXPORTER][d->t.roles.role[ROLE_EXPORTER].keys_n++] = d->ids[ROLE_APPROVER][0];
	refuse(d, "roles approver and exporter");

	d = new_draft(1);
	d->t.roles.role[ROLE_ROOT].keys_n--;
	refuse(d, "in no role");

	d = new_draft(1);
	d->ids[ROLE_ROOT][2] = *pubkey_id(sign_public(keys[KEYS]));
	refuse(d, "no key has the id");

	d = new_draft(1);
	d->t.roles.role[ROLE_EXPORTER].threshold = 3;
	refuse(d, "threshold 3 with 2 keys");

	d = new_draft(1);
	d->t.expires = d->t.issued;
	refuse(d, "expires");
}

/* A role without keys is out of reach with any threshold. */
static void empty_role(void **state)
{
	struct draft *d = new_draft(1);

	(void)state;
	d->t.keys_n = 6;
	d->t.roles.role[ROLE_EXPORTER].keys_n = 0;
	d->t.roles.role[ROLE_EXPORTER].threshold = 0;
	refuse(d, "exporter");
}

static void key_names(void **state)
{
	struct arena a = {0};
	struct trust_key k;
	struct err e = {0};

	(void)state;
	assert_int_equal(trust_key_set(&k, sign_public(keys[0]), "Alice", &a, &e), -1);
	assert_int_equal(e.reason, R_NAME);
	arena_free(&a);
}

/* ---- counting ---- */

static void sign_with(struct signatures *s, int key, int under, const void *data, size_t len)
{
	uint8_t sig[PUBKEY_MAX_SIGNATURE];
	size_t sig_len = sizeof sig;
	struct err e = {0};

	assert_int_equal(sign_data(keys[key], data, len, sig, &sig_len, &e), 0);
	assert_int_equal(signatures_add(s, pubkey_id(sign_public(keys[under])), sig, sig_len, &e), 0);
}

static const char message[] = "satchel: approvals/1\n";

static void expect_count(const struct trust *t, struct signatures *s, size_t good, int reason)
{
	struct digest who[MAX_KEYS];
	struct err e = {0};
	int rc = trust_require(t, ROLE_APPROVER, message, sizeof message, s, &e);

	assert_int_equal(trust_count(t, ROLE_APPROVER, message, sizeof message, s, who), good);
	assert_int_equal(e.reason, reason);
	assert_int_equal(rc, reason == 0 ? 0 : -1);
	if (reason == R_SIGNATURE_THRESHOLD) {
		char text[64];

		snprintf(text, sizeof text, "%zu of 2 signatures", good);
		assert_non_null(strstr(e.text, text));
		for (size_t i = 0; i < good; i++)
			assert_non_null(strstr(e.text, trust_find(t, &who[i])->name));
	}
	signatures_free(s);
}

static void counting(void **state)
{
	struct draft *d = new_draft(1);
	struct buf b = encode(d);
	struct err e = {0};
	struct trust *t = trust_parse(b.data, b.len, &e);
	struct signatures s = {0};
	const struct digest *id = pubkey_id(sign_public(keys[3]));

	(void)state;
	assert_non_null(t);
	expect_count(t, &s, 0, R_SIGNATURE_MISSING);
	signatures_add(&s, id, "", 0, &e);	/* S1 */
	signatures_add(&s, id, "\n", 1, &e);
	expect_count(t, &s, 0, R_SIGNATURE_MISSING);
	sign_with(&s, 3, 3, message, sizeof message);	/* S3 */
	expect_count(t, &s, 1, R_SIGNATURE_THRESHOLD);
	sign_with(&s, 3, 3, message, sizeof message);
	sign_with(&s, 4, 4, message, sizeof message);
	expect_count(t, &s, 2, 0);
	for (int key = 3; key < 6; key++)
		sign_with(&s, key, key, message, sizeof message);
	expect_count(t, &s, 3, 0);
	for (int i = 0; i < 5; i++)	/* S4 */
		sign_with(&s, 4, 4, message, sizeof message);
	expect_count(t, &s, 1, R_SIGNATURE_THRESHOLD);
	sign_with(&s, 3, 4, message, sizeof message);	/* S6 */
	sign_with(&s, 4, 3, message, sizeof message);
	expect_count(t, &s, 0, R_SIGNATURE_THRESHOLD);
	for (int key = 6; key < KEYS + 2; key++)	/* S2: of another role, of none */
		sign_with(&s, key, key, message, sizeof message);
	for (int key = 0; key < 3; key++)
		sign_with(&s, key, key, message, sizeof message);
	expect_count(t, &s, 0, R_SIGNATURE_THRESHOLD);
	for (int key = 3; key < 6; key++)	/* S15 */
		sign_with(&s, key, key, message, sizeof message - 1);
	expect_count(t, &s, 0, R_SIGNATURE_THRESHOLD);
	trust_free(t);
	buf_free(&b);
	free_draft(d);
}

/* S10: every other length of a good signature, and one bit changed anywhere. */
static void malformed_signatures(void **state)
{
	struct draft *d = new_draft(1);
	struct buf b = encode(d);
	struct err e = {0};
	struct trust *t = trust_parse(b.data, b.len, &e);

	(void)state;
	for (int key = 3; key < 5; key++) {
		uint8_t sig[10000] = {0};
		size_t len = PUBKEY_MAX_SIGNATURE;
		struct signatures s = {0};

		assert_int_equal(sign_data(keys[key], message, sizeof message, sig, &len, &e), 0);
		for (size_t n = 1; n < 140; n++)
			if (n != len)
				signatures_add(&s, pubkey_id(sign_public(keys[key])), sig, n, &e);
		signatures_add(&s, pubkey_id(sign_public(keys[key])), sig, sizeof sig, &e);
		expect_count(t, &s, 0, R_SIGNATURE_THRESHOLD);
		for (size_t bit = 0; bit < len * 8; bit++) {
			sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
			signatures_add(&s, pubkey_id(sign_public(keys[key])), sig, len, &e);
			sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		expect_count(t, &s, 0, R_SIGNATURE_THRESHOLD);
		signatures_add(&s, pubkey_id(sign_public(keys[key])), sig, len, &e);
		expect_count(t, &s, 1, R_SIGNATURE_THRESHOLD);
	}
	trust_free(t);
	buf_free(&b);
	free_draft(d);
}

/* ---- files of signatures ---- */

struct dir {	/* what `get` finds: name and bytes */
	struct entry { char name[NAMES_SIGNATURE_LEN]; struct buf bytes; } list[64];
	size_t n;
	unsigned asked;
	bool broken;
};

static int get(void *arg, const char *name, struct buf *out, struct err *e)
{
	struct dir *d = arg;

	d->asked++;
	if (d->broken)
		return err_set(e, ERR_IO, "broken");
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->list[i].name, name) == 0) {
			buf_append(out, d->list[i].bytes.data, d->list[i].bytes.len);
			return 0;
		}
	return 1;
}

static void put_signature(struct dir *d, const char *document, int key, const void *data, size_t len)
{
	uint8_t sig[PUBKEY_MAX_SIGNATURE];
	size_t sig_len = sizeof sig;
	struct err e = {0};
	struct entry *f = &d->list[d->n++];

	assert_int_equal(sign_data(keys[key], data, len, sig, &sig_len, &e), 0);
	names_signature(document, pubkey_id(sign_public(keys[key])), f->name);
	buf_append(&f->bytes, sig, sig_len);
}

static void empty_dir(struct dir *d)
{
	for (size_t i = 0; i < d->n; i++)
		buf_free(&d->list[i].bytes);
	*d = (struct dir){0};
}

static void collecting(void **state)
{
	struct draft *d = new_draft(1);
	struct buf b = encode(d);
	struct err e = {0};
	struct trust *t = trust_parse(b.data, b.len, &e);
	struct signatures s = {0};
	struct dir dir = {0};

	(void)state;
	put_signature(&dir, "approvals.yaml", 3, message, sizeof message);
	put_signature(&dir, "approvals.yaml", 5, message, sizeof message);
	put_signature(&dir, "manifest.yaml", 4, message, sizeof message);
	put_signature(&dir, "approvals.yaml", 6, message, sizeof message);	/* not of the role: not asked for */
	assert_int_equal(signatures_collect(&s, t, ROLE_APPROVER, "approvals.yaml", get, &dir, &e), 0);
	assert_int_equal(dir.asked, 3);
	assert_int_equal(s.n, 2);
	assert_int_equal(trust_require(t, ROLE_APPROVER, message, sizeof message, &s, &e), 0);
	signatures_free(&s);
	dir.broken = true;
	assert_int_equal(signatures_collect(&s, t, ROLE_APPROVER, "approvals.yaml", get, &dir, &e), -1);
	assert_int_equal(e.reason, ERR_IO);
	signatures_free(&s);
	empty_dir(&dir);
	trust_free(t);
	buf_free(&b);
	free_draft(d);
}

/* ---- chains ---- */

static void pin(struct trust_chain *c)
{
	struct draft *d = new_draft(3);
	struct buf b = encode(d);
	struct err e = {0};

	*c = (struct trust_chain){0};
	assert_null(trust_chain_newest(c));
	assert_int_equal(trust_chain_pin(c, trust_parse(b.data, b.len, &e), &e), 0);
	buf_free(&b);
	free_draft(d);
}

/* Root 4: root-c has left, fresh-a has come. */
static struct draft *rotated(void)
{
	struct draft *d = new_draft(4);
	struct err e = {0};

	assert_int_equal(trust_key_set(&d->list[2], sign_public(keys[KEYS]), "fresh-a", &d->t.arena, &e), 0);
	d->ids[ROLE_ROOT][2] = *pubkey_id(sign_public(keys[KEYS]));
	return d;
}

/* Offers the draft, signed by the keys whose numbers the digits of `by` are, and frees it. */
static int offer(struct trust_chain *c, struct draft *d, const char *by, struct err *e)
{
	struct buf b = {0};
	struct dir dir = {0};
	char name[32];
	int rc;

	assert_int_equal(schema_encode(&trust_schema, &d->t, &b, e), 0);
	names_trust(trust_chain_newest(c)->version + 1, name);
	for (; *by != '\0'; by++)
		put_signature(&dir, name, *by - '0', b.data, b.len);
	rc = trust_chain_extend(c, b.data, b.len, get, &dir, e);
	empty_dir(&dir);
	buf_free(&b);
	free_draft(d);
	return rc;
}

static void refuse_next(struct draft *d, const char *by, int reason)
{
	struct trust_chain c;
	struct err e = {0};

	pin(&c);
	assert_int_equal(offer(&c, d, by, &e), -1);
	if (e.reason != reason)
		fail_msg("signed by %s: %s: %s, not %s", by, reason_word(e.reason), e.text, reason_word(reason));
	assert_int_equal(strncmp(e.text, "trust-4.yaml: ", 14), 0);
	assert_int_equal(c.n, 1);	/* T3: nothing of it stays */
	err_clear(&e);
	assert_int_equal(offer(&c, rotated(), "01", &e), 0);	/* and the good one still enters */
	trust_chain_free(&c);
}

static void rotation(void **state)
{
	struct trust_chain c;
	struct err e = {0};

	(void)state;
	for (int i = 0; i < 4; i++) {
		static const char *const enough[] = {"01", "012", "1280", "0128"};

		pin(&c);
		assert_int_equal(offer(&c, rotated(), enough[i], &e), 0);
		assert_int_equal(c.n, 2);
		assert_int_equal(trust_chain_newest(&c)->version, 4);
		assert_int_equal(trust_chain_at(&c, 3)->version, 3);
		assert_null(trust_chain_at(&c, 2));
		assert_null(trust_chain_at(&c, 5));
		trust_chain_free(&c);
	}
	refuse_next(rotated(), "", R_TRUST_INVALID);
	refuse_next(rotated(), "0", R_TRUST_INVALID);
	refuse_next(rotated(), "12", R_TRUST_INVALID);	/* 2 of 3 of the old, 1 of the new */
	refuse_next(rotated(), "08", R_TRUST_INVALID);	/* 1 of the old, 2 of the new */
	refuse_next(rotated(), "345", R_TRUST_INVALID);
	refuse_next(rotated(), "89", R_TRUST_INVALID);
}

static void not_the_next(void **state)
{
	struct draft *d;

	(void)state;
	refuse_next(new_draft(3), "012", R_TRUST_CHAIN);
	refuse_next(new_draft(5), "012", R_TRUST_CHAIN);
	refuse_next(new_draft(2), "012", R_TRUST_CHAIN);
	d = rotated();
	d->t.site = (char *)(uintptr_t)"site-b";
	refuse_next(d, "012", R_TRUST_CHAIN);
	d = rotated();
	d->t.epoch = 1 + MAX_JUMP + 1;
	refuse_next(d, "012", R_JUMP);
	d = rotated();
	d->t.roles.role[ROLE_APPROVER].threshold = 9;	/* signed, and of no use */
	refuse_next(d, "012", R_TRUST_INVALID);
}

static void epochs(void **state)
{
	struct trust_chain c;
	struct err e = {0};
	struct draft *d = rotated();

	(void)state;
	pin(&c);
	d->t.epoch = 1 + MAX_JUMP;
	assert_int_equal(offer(&c, d, "01", &e), 0);
	d = new_draft(5);
	assert_int_equal(offer(&c, d, "018", &e), -1);	/* epoch 1 again */
	assert_int_equal(e.reason, R_TRUST_CHAIN);
	trust_chain_free(&c);
}

/* Bytes that are not signed are not parsed: unsigned rubbish gets the answer of unsigned roots. */
static void unsigned_rubbish(void **state)
{
	struct trust_chain c;
	struct dir dir = {0};
	struct err e = {0};

	(void)state;
	pin(&c);
	assert_int_equal(trust_chain_extend(&c, "\xff\xfe", 2, get, &dir, &e), -1);
	assert_int_equal(e.reason, R_TRUST_INVALID);
	assert_int_equal(dir.asked, 3);	/* by the keys of root 3, once */
	err_clear(&e);
	put_signature(&dir, "trust-4.yaml", 0, "\xff\xfe", 2);
	put_signature(&dir, "trust-4.yaml", 1, "\xff\xfe", 2);
	assert_int_equal(trust_chain_extend(&c, "\xff\xfe", 2, get, &dir, &e), -1);
	assert_int_equal(e.reason, R_DOCUMENT_FORM);
	err_clear(&e);
	dir.broken = true;
	assert_int_equal(trust_chain_extend(&c, "\xff\xfe", 2, get, &dir, &e), -1);
	assert_int_equal(e.reason, ERR_IO);
	empty_dir(&dir);
	trust_chain_free(&c);
}

/* T5: a chain has room for MAX_TRUST_VERSIONS, and a giant is not even asked about. */
static void flood(void **state)
{
	struct trust_chain c;
	struct dir dir = {0};
	struct err e = {0};
	uint8_t *giant = calloc(1, MAX_TRUST_SIZE + 1);

	(void)state;
	pin(&c);
	assert_int_equal(trust_chain_extend(&c, giant, MAX_TRUST_SIZE + 1, get, &dir, &e), -1);
	assert_int_equal(e.reason, R_DOCUMENT_TOO_LARGE);
	assert_int_equal(dir.asked, 0);
	free(giant);
	err_clear(&e);
	while (c.n < MAX_TRUST_VERSIONS)
		assert_int_equal(offer(&c, new_draft(3 + c.n), "01", &e), 0);
	assert_int_equal(offer(&c, new_draft(3 + c.n), "01", &e), -1);
	assert_int_equal(e.reason, R_TRUST_LIMIT);
	assert_int_equal(c.n, MAX_TRUST_VERSIONS);
	trust_chain_free(&c);
}

static void pinned_once(void **state)
{
	struct trust_chain c;
	struct draft *d = new_draft(1);
	struct buf b = encode(d);
	struct err e = {0};

	(void)state;
	pin(&c);
	assert_int_equal(trust_chain_pin(&c, trust_parse(b.data, b.len, &e), &e), -1);
	assert_int_equal(trust_chain_newest(&c)->version, 3);
	trust_chain_free(&c);
	err_clear(&e);
	assert_int_equal(trust_chain_extend(&c, b.data, b.len, NULL, NULL, &e), -1);
	assert_int_equal(e.reason, ERR_INTERNAL);
	buf_free(&b);
	free_draft(d);
}

static void times(void **state)
{
	struct trust_chain c;
	struct err e = {0};
	const struct trust *t;

	(void)state;
	pin(&c);
	t = trust_chain_newest(&c);
	assert_int_equal(trust_chain_check_time(&c, t->issued, &e), 0);
	assert_int_equal(trust_chain_check_time(&c, t->issued - MAX_CLOCK_AHEAD, &e), 0);
	assert_int_equal(trust_chain_check_time(&c, t->issued - MAX_CLOCK_AHEAD - 1, &e), -1);
	assert_int_equal(e.reason, R_CLOCK);
	err_clear(&e);
	assert_int_equal(trust_chain_check_time(&c, t->expires - 1, &e), 0);
	assert_int_equal(trust_chain_check_time(&c, t->expires, &e), -1);
	assert_int_equal(e.reason, R_TRUST_EXPIRED);
	trust_chain_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(roles_by_name), cmocka_unit_test(not_canonical),
		cmocka_unit_test(every_line), cmocka_unit_test(too_large), cmocka_unit_test(many_keys),
		cmocka_unit_test(weak_ed25519), cmocka_unit_test(other_algorithms), cmocka_unit_test(wrong_label),
		cmocka_unit_test(wrong_id), cmocka_unit_test(loose_base64), cmocka_unit_test(keys_and_roles),
		cmocka_unit_test(empty_role), cmocka_unit_test(key_names), cmocka_unit_test(counting),
		cmocka_unit_test(malformed_signatures), cmocka_unit_test(collecting), cmocka_unit_test(rotation),
		cmocka_unit_test(not_the_next), cmocka_unit_test(epochs), cmocka_unit_test(unsigned_rubbish),
		cmocka_unit_test(flood), cmocka_unit_test(pinned_once), cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
