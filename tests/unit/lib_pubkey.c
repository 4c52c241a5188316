/*
 * lib/pubkey: known answers, and the ways in which keys and signatures can be almost right (after the cases of
 * Project Wycheproof and of "Taming the many EdDSAs").
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/err.h"
#include "lib/pubkey.h"

#define ED_PREFIX "302a300506032b6570032100"
#define P256_PREFIX "3059301306072a8648ce3d020106082a8648ce3d030107034200"
#define P384_PREFIX "3076301006072a8648ce3d020106052b81040022036200"
/* RFC 8032, section 7.1, test 3 */
#define ED_KEY "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
#define ED_SIG "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac" \
	       "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
/* RFC 6979, A.2.5 and A.2.6, message "sample" */
#define P256_X "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
#define P256_Y "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
#define P256_R "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
#define P256_S "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
#define P256_N "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define P384_X "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13"
#define P384_Y "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720"
#define P384_R "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46"
#define P384_S "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8"

struct bytes {
	uint8_t b[512];
	size_t len;
};

static struct bytes hex(const char *s)
{
	struct bytes out = {.len = strlen(s) / 2};

	assert_true(out.len <= sizeof out.b);
	for (size_t i = 0; i < out.len; i++) {
		unsigned n;

		assert_int_equal(sscanf(s + 2 * i, "%2x", &n), 1);
		out.b[i] = (uint8_t)n;
	}
	return out;
}

static struct pubkey *load(const char *s)
{
	struct bytes der = hex(s);
	struct err e = {0};
	struct pubkey *k = pubkey_load(der.b, der.len, &e);

	assert_true(k != NULL || e.reason == ERR_KEY);
	return k;
}

static void refuse(const char *s, const char *cause)
{
	struct bytes der = hex(s);
	struct err e = {0};

	assert_null(pubkey_load(der.b, der.len, &e));
	assert_int_equal(e.reason, ERR_KEY);
	if (strstr(e.text, cause) == NULL)
		fail_msg("%s: \"%s\" where \"%s\" was expected", s, e.text, cause);
}

static bool verify(const struct pubkey *k, const char *text, const struct bytes *sig)
{
	return pubkey_verify(k, text, strlen(text), sig->b, sig->len);
}

static void ed25519(void **state)
{
	struct pubkey *k = load(ED_PREFIX ED_KEY);
	struct bytes sig = hex(ED_SIG);
	uint8_t text[] = {0xaf, 0x82};

	(void)state;
	assert_non_null(k);
	assert_int_equal(pubkey_algorithm(k), PUBKEY_ED25519);
	assert_true(pubkey_verify(k, text, 2, sig.b, 64));
	assert_false(pubkey_verify(k, text, 1, sig.b, 64));
	assert_false(pubkey_verify(k, text, 2, sig.b, 63));
	assert_false(pubkey_verify(k, text, 2, sig.b, 65));
	assert_false(pubkey_verify(k, text, 2, sig.b, 0));
	for (size_t i = 0; i < 64 * 8; i += 5) {
		sig.b[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_false(pubkey_verify(k, text, 2, sig.b, 64));
		sig.b[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_true(pubkey_verify(k, text, 2, sig.b, 64));
	pubkey_free(k);
	pubkey_free(NULL);
}

/* s and s + L verify alike with a careless verifier: one signature would become many. */
static void ed25519_malleable(void **state)
{
	static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
					  0x14, [31] = 0x10};
	struct pubkey *k = load(ED_PREFIX ED_KEY);
	struct bytes sig = hex(ED_SIG);
	uint8_t text[] = {0xaf, 0x82};
	unsigned carry = 0;

	(void)state;
	for (int i = 0; i < 32; i++) {
		carry += (unsigned)sig.b[32 + i] + order[i];
		sig.b[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	assert_int_equal(carry, 0);
	assert_false(pubkey_verify(k, text, 2, sig.b, 64));
	pubkey_free(k);
}

static void ed25519_bad_points(void **state)
{
	static const char *const small[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	char s[128];

	(void)state;
	for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
		struct bytes y = hex(small[i]);

		snprintf(s, sizeof s, ED_PREFIX "%s", small[i]);
		refuse(s, "small order");
		snprintf(s, sizeof s, ED_PREFIX "%.62s%02x", small[i], y.b[31] | 0x80u);
		refuse(s, "small order");
	}
	/* y from p to 2^255 - 1: all 19, with either sign */
	for (unsigned low = 0xed; low <= 0xff; low++)
		for (unsigned high = 0x7f; high <= 0xff; high += 0x80) {
			snprintf(s, sizeof s, ED_PREFIX "%02xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff%02x", low,
				 high);
			refuse(s, "not canonical");
		}
	/* y = 2 is on no point; p - 2 neither, and is canonical */
	refuse(ED_PREFIX "0200000000000000000000000000000000000000000000000000000000000000", "no point");
	refuse(ED_PREFIX "ebffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "no point");
}

/* That the test for points of the curve agrees with OpenSSL's arithmetic: true keys pass, about half of all y don't. */
static void ed25519_good_points(void **state)
{
	int good = 0;

	(void)state;
	for (int i = 0; i < 50; i++) {
		EVP_PKEY *p = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		uint8_t *der = NULL;
		int len = i2d_PUBKEY(p, &der);
		struct pubkey *k = pubkey_load(der, (size_t)len, NULL);

		assert_non_null(k);
		pubkey_free(k);
		der[20] ^= 0x55;
		k = pubkey_load(der, (size_t)len, NULL);
		good += k != NULL;
		pubkey_free(k);
		OPENSSL_free(der);
		EVP_PKEY_free(p);
	}
	assert_in_range(good, 5, 45);
}

static struct bytes der_signature(const char *r, const char *s)
{
	struct bytes out = {0};
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *rn = NULL, *sn = NULL;
	uint8_t *p = out.b;

	BN_hex2bn(&rn, r);
	BN_hex2bn(&sn, s);
	assert_int_equal(ECDSA_SIG_set0(sig, rn, sn), 1);
	out.len = (size_t)i2d_ECDSA_SIG(sig, &p);
	ECDSA_SIG_free(sig);
	return out;
}

static void ecdsa(void **state)
{
	struct pubkey *p256 = load(P256_PREFIX "04" P256_X P256_Y), *p384 = load(P384_PREFIX "04" P384_X P384_Y);
	struct bytes sig256 = der_signature(P256_R, P256_S), sig384 = der_signature(P384_R, P384_S);

	(void)state;
	assert_non_null(p256);
	assert_non_null(p384);
	assert_int_equal(pubkey_algorithm(p256), PUBKEY_ECDSA_P256);
	assert_int_equal(pubkey_algorithm(p384), PUBKEY_ECDSA_P384);
	assert_true(verify(p256, "sample", &sig256));
	assert_true(verify(p384, "sample", &sig384));
	assert_false(verify(p256, "Sample", &sig256));
	assert_false(verify(p256, "sample", &sig384));
	assert_false(verify(p384, "sample", &sig256));
	for (size_t i = 0; i < sig256.len; i++) {
		sig256.b[i] ^= 1;
		assert_false(verify(p256, "sample", &sig256));
		sig256.b[i] ^= 1;
	}
	for (size_t cut = 0; cut < sig256.len; cut++)
		assert_false(pubkey_verify(p256, "sample", 6, sig256.b, cut));
	pubkey_free(p256);
	pubkey_free(p384);
}

/* The same numbers in other encodings. */
static void ecdsa_strict_der(void **state)
{
	static const char *const forms[] = {
		"3046022100" P256_R "022100" P256_S "00",		/* something behind it */
		"3046022100" P256_R "022100" P256_S "0500",
		"308146022100" P256_R "022100" P256_S,			/* long form of a length */
		"30820046022100" P256_R "022100" P256_S,
		"304702" "8121" "00" P256_R "022100" P256_S,
		"3047022200" "00" P256_R "022100" P256_S,		/* a zero too many */
		"30470221" "00" P256_R "02220000" P256_S,
		"3080022100" P256_R "022100" P256_S "0000",		/* indefinite length */
		"30450220" P256_R "022100" P256_S,			/* negative r */
		"3044" "0220" P256_R "0220" P256_S,
		"3046022100" P256_R "032100" P256_S,			/* another type */
		"3146022100" P256_R "022100" P256_S,
		"3048022100" P256_R "022100" P256_S "0500",		/* a third member */
		P256_R P256_S,						/* raw, as in P1363 */
		"", "30", "3000", "30060201010201", "3003020101",
	};
	struct pubkey *k = load(P256_PREFIX "04" P256_X P256_Y);
	struct bytes good = hex("3046022100" P256_R "022100" P256_S);

	(void)state;
	assert_true(verify(k, "sample", &good));
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct bytes sig = hex(forms[i]);

		if (verify(k, "sample", &sig))
			fail_msg("accepted: %s", forms[i]);
	}
	pubkey_free(k);
}

static void ecdsa_range(void **state)
{
	struct pubkey *k = load(P256_PREFIX "04" P256_X P256_Y);
	BIGNUM *s = NULL, *n = NULL;
	struct bytes sig;
	char *text;

	(void)state;
	static const char *const bad[][2] = {
		{"0", P256_S}, {P256_R, "0"}, {"0", "0"}, {"0", "1"}, {"1", "0"}, {P256_N, P256_S}, {P256_R, P256_N},
		{P256_N, P256_N}, {"1", P256_N}, {"-" P256_R, P256_S}, {P256_R, "-" P256_S},
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		sig = der_signature(bad[i][0], bad[i][1]);
		assert_false(verify(k, "sample", &sig));
	}
	BN_hex2bn(&s, P256_S);	/* s + n is the same number modulo n */
	BN_hex2bn(&n, P256_N);
	BN_add(s, s, n);
	text = BN_bn2hex(s);
	sig = der_signature(P256_R, text);
	assert_false(verify(k, "sample", &sig));
	OPENSSL_free(text);
	BN_free(s);
	BN_free(n);
	pubkey_free(k);
}

/* SubjectPublicKeyInfo of a fresh key of a group, as OpenSSL writes it with these parameters. */
static struct bytes ec_key(const char *group, const char *encoding, const char *form)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)group, 0),
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, (char *)(uintptr_t)encoding, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *p = NULL;
	struct bytes out = {0};
	uint8_t *at = out.b;

	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_params(ctx, params), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &p), 1);
	assert_int_equal(EVP_PKEY_set_utf8_string_param(p, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, form), 1);
	out.len = (size_t)i2d_PUBKEY(p, &at);
	EVP_PKEY_free(p);
	EVP_PKEY_CTX_free(ctx);
	return out;
}

static void refuse_der(const struct bytes *der, const char *cause)
{
	struct err e = {0};

	assert_null(pubkey_load(der->b, der->len, &e));
	assert_int_equal(e.reason, ERR_KEY);
	if (strstr(e.text, cause) == NULL)
		fail_msg("\"%s\" where \"%s\" was expected", e.text, cause);
}

static void other_curves(void **state)
{
	static const struct { const char *group, *encoding, *form, *cause; } bad[] = {
		{"P-521", "named_curve", "uncompressed", "another elliptic curve"},
		{"P-224", "named_curve", "uncompressed", "another elliptic curve"},
		{"secp256k1", "named_curve", "uncompressed", "another elliptic curve"},
		{"brainpoolP256r1", "named_curve", "uncompressed", "another elliptic curve"},
		{"P-256", "explicit", "uncompressed", "explicit"},
		{"P-384", "explicit", "uncompressed", "explicit"},
		{"P-256", "named_curve", "compressed", "not canonical"},
		{"P-256", "named_curve", "hybrid", "not canonical"},
		{"P-384", "named_curve", "compressed", "not canonical"},
	};
	struct bytes der = ec_key("P-256", "named_curve", "uncompressed");
	struct pubkey *k = pubkey_load(der.b, der.len, NULL);

	(void)state;
	assert_non_null(k);	/* the construction itself is sound */
	pubkey_free(k);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		der = ec_key(bad[i].group, bad[i].encoding, bad[i].form);
		refuse_der(&der, bad[i].cause);
	}
}

static void other_algorithms(void **state)
{
	static const struct { const char *name, *cause; } bad[] = {
		{"ED448", "Ed448"}, {"X25519", "X25519"},
	};
	EVP_PKEY *p;
	struct bytes der = {0};
	uint8_t *at;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		at = der.b;
		p = EVP_PKEY_Q_keygen(NULL, NULL, bad[i].name);
		der.len = (size_t)i2d_PUBKEY(p, &at);
		refuse_der(&der, bad[i].cause);
		EVP_PKEY_free(p);
	}
	at = der.b;
	p = EVP_RSA_gen(1024);
	der.len = (size_t)i2d_PUBKEY(p, &at);
	refuse_der(&der, "RSA");
	EVP_PKEY_free(p);
}

static void other_encodings(void **state)
{
	(void)state;
	refuse("", "no SubjectPublicKeyInfo");
	refuse(ED_KEY, "no SubjectPublicKeyInfo");
	refuse(ED_PREFIX ED_KEY "00", "not canonical");
	refuse("302c300706032b65700500032100" ED_KEY, "not canonical");	/* NULL parameters */
	refuse("30812a300506032b6570032100" ED_KEY, "not canonical");
	refuse(ED_PREFIX "fc51", "not canonical");
	refuse(P256_PREFIX "04" P256_X P256_Y "00", "not canonical");
	refuse(P256_PREFIX "06" P256_X P256_Y, "not canonical");
	/* off the curve; x not below the prime; infinity */
	refuse(P256_PREFIX "04" P256_X "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462298", "no point");
	refuse(P256_PREFIX "04" "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff" P256_Y, "no point");
	refuse(P256_PREFIX "04" "0000000000000000000000000000000000000000000000000000000000000000"
	       "0000000000000000000000000000000000000000000000000000000000000000", "no point");
	refuse("301930130607" "2a8648ce3d0201" "0608" "2a8648ce3d030107" "03020000", "not canonical");
	refuse(P384_PREFIX "04" P384_Y P384_X, "no point");
}

static void identity(void **state)
{
	struct pubkey *k = load(ED_PREFIX ED_KEY);
	struct bytes der = hex(ED_PREFIX ED_KEY);
	struct digest want;
	const uint8_t *have;
	size_t len;

	(void)state;
	assert_int_equal(digest_of(der.b, der.len, &want, NULL), 0);
	assert_true(digest_equal(&want, pubkey_id(k)));
	have = pubkey_der(k, &len);
	assert_int_equal(len, der.len);
	assert_memory_equal(have, der.b, len);
	pubkey_free(k);
}

static struct pubkey *load_text(const char *s)
{
	return pubkey_load_pem(s, strlen(s), NULL);
}

static void pem(void **state)
{
	static const char *const keys[] = {ED_PREFIX ED_KEY, P256_PREFIX "04" P256_X P256_Y, P384_PREFIX "04" P384_X P384_Y};
	char text[512], longer[600];

	(void)state;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		struct pubkey *k = load(keys[i]), *again;
		BIO *bio;
		EVP_PKEY *theirs;

		assert_int_equal(pubkey_pem(k, text, NULL), 0);
		again = load_text(text);
		assert_non_null(again);
		assert_true(digest_equal(pubkey_id(k), pubkey_id(again)));
		pubkey_free(again);
		bio = BIO_new_mem_buf(text, -1);
		theirs = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
		assert_non_null(theirs);
		EVP_PKEY_free(theirs);
		BIO_free(bio);
		pubkey_free(k);
	}
	snprintf(longer, sizeof longer, "\n \r\n%s\n\n", text);
	struct pubkey *k = load_text(longer);

	assert_non_null(k);
	pubkey_free(k);
	snprintf(longer, sizeof longer, "# comment\n%s", text);
	assert_null(load_text(longer));
	snprintf(longer, sizeof longer, "%sx", text);
	assert_null(load_text(longer));
	assert_null(load_text(""));
	assert_null(load_text("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"));
	assert_null(load_text("-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n"));
	assert_null(load_text("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA/FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgC=\n"
			      "-----END PUBLIC KEY-----\n"));
	assert_null(load_text("-----BEGIN PRIVATE KEY-----\nMCow\n-----END PRIVATE KEY-----\n"));
	memset(longer, 'A', sizeof longer);
	memcpy(longer, "-----BEGIN PUBLIC KEY-----", 26);
	memcpy(longer + 574, "-----END PUBLIC KEY-----", 25);
	assert_null(load_text(longer));
}

static void algorithm_names(void **state)
{
	enum pubkey_algorithm a;

	(void)state;
	for (int i = PUBKEY_ED25519; i <= PUBKEY_ECDSA_P384; i++) {
		assert_int_equal(pubkey_algorithm_parse(pubkey_algorithm_name((enum pubkey_algorithm)i), &a), 0);
		assert_int_equal((int)a, i);
	}
	assert_string_equal(pubkey_algorithm_name(PUBKEY_ED25519), "ed25519");
	assert_string_equal(pubkey_algorithm_name(PUBKEY_ECDSA_P256), "ecdsa-p256");
	assert_string_equal(pubkey_algorithm_name(PUBKEY_ECDSA_P384), "ecdsa-p384");
	assert_int_equal(pubkey_algorithm_parse("rsa", &a), -1);
	assert_int_equal(pubkey_algorithm_parse("ED25519", &a), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ed25519), cmocka_unit_test(ed25519_malleable), cmocka_unit_test(ed25519_bad_points),
		cmocka_unit_test(ed25519_good_points), cmocka_unit_test(ecdsa), cmocka_unit_test(ecdsa_strict_der),
		cmocka_unit_test(ecdsa_range), cmocka_unit_test(other_curves), cmocka_unit_test(other_algorithms),
		cmocka_unit_test(other_encodings), cmocka_unit_test(identity), cmocka_unit_test(pem),
		cmocka_unit_test(algorithm_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
