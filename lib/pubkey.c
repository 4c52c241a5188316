/*
 * Public keys and signature checks. Refuses every key but Ed25519, ECDSA P-256 and P-384 in the one canonical
 * encoding of each, and points that are off the curve, not reduced or of small order; every signature that is not the
 * canonical encoding of numbers in range.
 */
#include "lib/pubkey.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/err.h"

#include "lib/banned.h"

#define ED25519_LEN 32
#define PEM_BEGIN "-----BEGIN PUBLIC KEY-----"
#define PEM_END "-----END PUBLIC KEY-----"
#define PEM_COLUMNS 64

struct pubkey {
	enum pubkey_algorithm algorithm;
	EVP_PKEY *pkey;
	EVP_MD_CTX *ctx;	/* for verifying: made with the key, so that no lack of memory looks like a bad signature */
	BIGNUM *order;	/* of the curve's base point; ECDSA only */
	struct digest id;
	uint8_t der[PUBKEY_MAX_DER];
	size_t der_len;
};

/*
 * All that may stand before the point in a canonical SubjectPublicKeyInfo (RFC 8410 section 4, RFC 5480 section 2):
 * comparing it leaves no room for other parameters, and no foreign ASN.1 to parse.
 */
static const struct kind {
	enum pubkey_algorithm algorithm;
	const char *name, *digest;
	uint8_t prefix[27];
	size_t prefix_len, point_len;
} kinds[] = {
	{PUBKEY_ED25519, "ed25519", NULL, {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00}, 12,
	 ED25519_LEN},
	{PUBKEY_ECDSA_P256, "ecdsa-p256", "SHA256",
	 {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
	  0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04}, 27, 64},
	{PUBKEY_ECDSA_P384, "ecdsa-p384", "SHA384",
	 {0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
	  0x22, 0x03, 0x62, 0x00, 0x04}, 24, 96},
};

static const struct kind *kind_of(enum pubkey_algorithm a)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].algorithm == a)
			return &kinds[i];
	return NULL;
}

static const struct kind *recognise(const uint8_t *der, size_t len)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (len == kinds[i].prefix_len + kinds[i].point_len &&
		    memcmp(der, kinds[i].prefix, kinds[i].prefix_len) == 0)
			return &kinds[i];
	return NULL;
}

/* Why a key was not recognised, by the object identifiers in it; for the message only. */
static const char *diagnose(const uint8_t *der, size_t len)
{
	static const struct { const char *oid; size_t len; const char *cause; } known[] = {
		{"\x2a\x86\x48\x86\xf7\x0d\x01\x01", 8, "an RSA key"},
		{"\x2a\x86\x48\xce\x38\x04", 6, "a DSA key"},
		{"\x06\x03\x2b\x65\x71", 5, "an Ed448 key"},
		{"\x06\x03\x2b\x65\x6e", 5, "an X25519 key"},
		{"\x2a\x86\x48\xce\x3d\x01\x01", 7, "explicit curve parameters"},
		{"\x2a\x86\x48\xce\x3d\x01\x02", 7, "explicit curve parameters"},
		{"\x2a\x86\x48\xce\x3d\x03\x01\x07", 8, "P-256 in an encoding that is not canonical"},
		{"\x2b\x81\x04\x00\x22", 5, "P-384 in an encoding that is not canonical"},
		{"\x2a\x86\x48\xce\x3d\x02\x01", 7, "another elliptic curve"},
		{"\x06\x03\x2b\x65\x70", 5, "Ed25519 in an encoding that is not canonical"},
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (memmem(der, len, known[i].oid, known[i].len) != NULL)
			return known[i].cause;
	return "no SubjectPublicKeyInfo of a known kind";
}

/* y of the point: little-endian, below p = 2^255 - 19. The sign of x stands in the highest bit. */
static bool reduced(const uint8_t y[ED25519_LEN])
{
	if ((y[31] & 0x7f) != 0x7f)
		return true;
	for (size_t i = 30; i > 0; i--)
		if (y[i] != 0xff)
			return true;
	return y[0] < 0xed;
}

/*
 * The y of every point whose order divides 8, reduced or not; with either sign of x. (The table of libsodium and of
 * "Taming the many EdDSAs", K. Chalkias and others, 2020.)
 */
static bool small_order(const uint8_t point[ED25519_LEN])
{
	static const uint8_t table[][ED25519_LEN] = {
		{0x00},	/* order 4 */
		{0x01},	/* order 1; order 2 in its "negative" encoding */
		{0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
		 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},	/* order 8 */
		{0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
		 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},	/* order 8 */
		{0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},	/* order 2 */
		{0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},	/* p: 0 */
		{0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},	/* p + 1: 1 */
	};
	uint8_t y[ED25519_LEN];

	memcpy(y, point, sizeof y);
	y[31] &= 0x7f;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (memcmp(y, table[i], sizeof y) == 0)
			return true;
	return false;
}

/*
 * Whether a point with this y exists: -x^2 + y^2 = 1 + d x^2 y^2 has a solution where (y^2 - 1)(d y^2 + 1) is a
 * square modulo p (RFC 8032, section 5.1.3). OpenSSL finds out only when it verifies. 1, 0, or -1 out of memory.
 */
static int on_curve(const uint8_t point[ED25519_LEN])
{
	static const char p_hex[] = "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed";
	static const char d_hex[] = "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3";
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *p = NULL, *d = NULL, *u = BN_new(), *v = BN_new();
	uint8_t y[ED25519_LEN];
	int rc = -1;

	memcpy(y, point, sizeof y);
	y[31] &= 0x7f;
	if (ctx == NULL || u == NULL || v == NULL || BN_hex2bn(&p, p_hex) == 0 || BN_hex2bn(&d, d_hex) == 0 ||
	    BN_lebin2bn(y, sizeof y, u) == NULL || BN_mod_sqr(u, u, p, ctx) != 1 || BN_mod_mul(v, u, d, p, ctx) != 1 ||
	    BN_sub_word(u, 1) != 1 || BN_add_word(v, 1) != 1 || BN_mod_mul(u, u, v, p, ctx) != 1)
		goto out;
	switch (BN_kronecker(u, p, ctx)) {
	case 1:
		rc = 1;
		break;
	case 0:
	case -1:
		rc = 0;
		break;
	}
out:
	BN_free(v);
	BN_free(u);
	BN_free(d);
	BN_free(p);
	BN_CTX_free(ctx);
	return rc;
}

static int load_ed25519(struct pubkey *k, const uint8_t *point, struct err *e)
{
	if (!reduced(point))
		return err_set(e, ERR_KEY, "Ed25519 key whose point is not canonical");
	if (small_order(point))
		return err_set(e, ERR_KEY, "Ed25519 key of small order");
	switch (on_curve(point)) {
	case 1:
		break;
	case 0:
		return err_set(e, ERR_KEY, "Ed25519 key that is no point of the curve");
	default:
		return err_mem(e);
	}
	k->pkey = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, point, ED25519_LEN);
	return k->pkey == NULL ? err_set(e, ERR_KEY, "OpenSSL does not accept this Ed25519 key") : 0;
}

static int load_ecdsa(struct pubkey *k, struct err *e)
{
	const uint8_t *p = k->der;
	EVP_PKEY_CTX *ctx = NULL;
	uint8_t *again = NULL;
	int len, rc = -1;

	k->pkey = d2i_PUBKEY(NULL, &p, (long)k->der_len);
	if (k->pkey == NULL || p != k->der + k->der_len) {
		err_set(e, ERR_KEY, "ECDSA key that is no point of its curve");
		goto out;
	}
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
	if (ctx == NULL || EVP_PKEY_public_check(ctx) != 1) {
		err_set(e, ERR_KEY, "ECDSA key that is no point of its curve");
		goto out;
	}
	len = i2d_PUBKEY(k->pkey, &again);
	if (len < 0 || (size_t)len != k->der_len || memcmp(again, k->der, k->der_len) != 0) {
		err_set(e, ERR_KEY, "ECDSA key in an encoding that is not canonical");
		goto out;
	}
	if (EVP_PKEY_get_bn_param(k->pkey, OSSL_PKEY_PARAM_EC_ORDER, &k->order) != 1) {
		err_set(e, ERR_KEY, "ECDSA key without a curve");
		goto out;
	}
	rc = 0;
out:
	OPENSSL_free(again);
	EVP_PKEY_CTX_free(ctx);
	return rc;
}

struct pubkey *pubkey_load(const uint8_t *der, size_t len, struct err *e)
{
	const struct kind *kind = recognise(der, len);
	struct pubkey *k;
	int rc;

	if (kind == NULL) {
		err_set(e, ERR_KEY, "%s, where an Ed25519, P-256 or P-384 key is needed", diagnose(der, len));
		return NULL;
	}
	k = calloc(1, sizeof *k);
	if (k == NULL) {
		err_mem(e);
		return NULL;
	}
	k->algorithm = kind->algorithm;
	k->der_len = len;
	memcpy(k->der, der, len);
	k->ctx = EVP_MD_CTX_new();
	rc = k->ctx == NULL ? err_mem(e) : digest_of(der, len, &k->id, e);
	if (rc == 0)
		rc = k->algorithm == PUBKEY_ED25519 ? load_ed25519(k, der + kind->prefix_len, e) : load_ecdsa(k, e);
	ERR_clear_error();
	if (rc == -1) {
		pubkey_free(k);
		return NULL;
	}
	return k;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The base64 text between the two lines without its line ends. Its length, or -1. */
static int unwrap(const char *pem, size_t len, char *text, size_t size)
{
	const char *end;
	size_t n = 0;

	while (len > 0 && blank(*pem)) {
		pem++;
		len--;
	}
	while (len > 0 && blank(pem[len - 1]))
		len--;
	if (len < strlen(PEM_BEGIN) + strlen(PEM_END) || memcmp(pem, PEM_BEGIN, strlen(PEM_BEGIN)) != 0 ||
	    memcmp(pem + len - strlen(PEM_END), PEM_END, strlen(PEM_END)) != 0)
		return -1;
	end = pem + len - strlen(PEM_END);
	for (pem += strlen(PEM_BEGIN); pem < end; pem++) {
		if (*pem == '\n' || *pem == '\r')
			continue;
		if (n == size || blank(*pem))
			return -1;
		text[n++] = *pem;
	}
	return n % 4 == 0 ? (int)n : -1;
}

struct pubkey *pubkey_load_pem(const char *pem, size_t len, struct err *e)
{
	char text[(PUBKEY_MAX_DER + 2) / 3 * 4];
	uint8_t der[sizeof text / 4 * 3];
	int text_len = unwrap(pem, len, text, sizeof text), der_len = -1;

	if (text_len > 0)
		der_len = EVP_DecodeBlock(der, (const unsigned char *)text, text_len);
	for (int i = text_len - 1; der_len > 0 && i >= text_len - 2 && text[i] == '='; i--)
		der_len--;	/* OpenSSL counts the padding as bytes */
	ERR_clear_error();
	if (der_len <= 0) {
		err_set(e, ERR_KEY, "no PEM file of one public key (" PEM_BEGIN ")");
		return NULL;
	}
	return pubkey_load(der, (size_t)der_len, e);
}

void pubkey_free(struct pubkey *k)
{
	if (k == NULL)
		return;
	BN_free(k->order);
	EVP_MD_CTX_free(k->ctx);
	EVP_PKEY_free(k->pkey);
	free(k);
}

enum pubkey_algorithm pubkey_algorithm(const struct pubkey *k)
{
	return k->algorithm;
}

const struct digest *pubkey_id(const struct pubkey *k)
{
	return &k->id;
}

const uint8_t *pubkey_der(const struct pubkey *k, size_t *len)
{
	*len = k->der_len;
	return k->der;
}

int pubkey_pem(const struct pubkey *k, char out[512], struct err *e)
{
	unsigned char text[(PUBKEY_MAX_DER + 2) / 3 * 4 + 1];
	int len = EVP_EncodeBlock(text, k->der, (int)k->der_len);
	size_t at = 0;

	if (len <= 0)
		return err_set(e, ERR_INTERNAL, "public key cannot be encoded");
	at += (size_t)snprintf(out, 512, PEM_BEGIN "\n");
	for (int i = 0; i < len; i += PEM_COLUMNS)
		at += (size_t)snprintf(out + at, 512 - at, "%.*s\n", PEM_COLUMNS, (const char *)text + i);
	snprintf(out + at, 512 - at, PEM_END "\n");
	return 0;
}

const char *pubkey_algorithm_name(enum pubkey_algorithm a)
{
	const struct kind *kind = kind_of(a);

	return kind == NULL ? "unknown" : kind->name;
}

int pubkey_algorithm_parse(const char *name, enum pubkey_algorithm *out)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(name, kinds[i].name) == 0) {
			*out = kinds[i].algorithm;
			return 0;
		}
	return -1;
}

static bool in_range(const BIGNUM *n, const BIGNUM *order)
{
	return BN_is_negative(n) == 0 && BN_is_zero(n) == 0 && BN_cmp(n, order) < 0;
}

/* The one DER encoding of two numbers in 1..order-1, and nothing after it. */
static bool canonical(const BIGNUM *order, const uint8_t *sig, size_t sig_len)
{
	const uint8_t *p = sig;
	ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &p, (long)sig_len);
	uint8_t *again = NULL;
	bool good = false;
	int len;

	if (parsed == NULL || p != sig + sig_len)
		goto out;
	len = i2d_ECDSA_SIG(parsed, &again);
	good = len > 0 && (size_t)len == sig_len && memcmp(again, sig, sig_len) == 0 &&
	       in_range(ECDSA_SIG_get0_r(parsed), order) && in_range(ECDSA_SIG_get0_s(parsed), order);
out:
	OPENSSL_free(again);
	ECDSA_SIG_free(parsed);
	return good;
}

bool pubkey_verify(const struct pubkey *k, const void *data, size_t len, const uint8_t *sig, size_t sig_len)
{
	const struct kind *kind = kind_of(k->algorithm);
	bool good;

	if (k->algorithm == PUBKEY_ED25519 ? sig_len != 64 : sig_len > PUBKEY_MAX_SIGNATURE)
		return false;
	good = (k->algorithm == PUBKEY_ED25519 || canonical(k->order, sig, sig_len)) && EVP_MD_CTX_reset(k->ctx) == 1 &&
	       EVP_DigestVerifyInit_ex(k->ctx, NULL, kind->digest, NULL, NULL, k->pkey, NULL) == 1 &&
	       EVP_DigestVerify(k->ctx, sig, sig_len, data, len) == 1;
	ERR_clear_error();
	return good;
}
