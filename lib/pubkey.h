/*
 * Public keys and signature checks: Ed25519 (RFC 8032), ECDSA P-256 with SHA-256 and P-384 with SHA-384 (FIPS
 * 186-5), by OpenSSL. Refuses at load what must never be trusted: other algorithms and curves, explicit curve
 * parameters, points that are not canonical or of small order, an encoding that is not the one canonical
 * SubjectPublicKeyInfo DER.
 */
#ifndef LIB_PUBKEY_H
#define LIB_PUBKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/digest.h"

struct err;

enum pubkey_algorithm {
	PUBKEY_ED25519 = 1,
	PUBKEY_ECDSA_P256,
	PUBKEY_ECDSA_P384
};
#define PUBKEY_MAX_DER 128	/* SPKI of P-384 is 120 bytes */
#define PUBKEY_MAX_SIGNATURE 128	/* DER of P-384 is at most 104 bytes */

struct pubkey;	/* opaque; read-only after load, so it may be shared by threads */

/* From SubjectPublicKeyInfo DER. ERR_KEY with the cause. Free with pubkey_free. */
struct pubkey *pubkey_load(const uint8_t *der, size_t len, struct err *e);
/* From a PEM file's bytes ("-----BEGIN PUBLIC KEY-----", nothing else but blank lines around it). */
struct pubkey *pubkey_load_pem(const char *pem, size_t len, struct err *e);
void pubkey_free(struct pubkey *k);

enum pubkey_algorithm pubkey_algorithm(const struct pubkey *k);
const struct digest *pubkey_id(const struct pubkey *k);		/* SHA-256 of its SPKI DER */
const uint8_t *pubkey_der(const struct pubkey *k, size_t *len);	/* owned by k */
int pubkey_pem(const struct pubkey *k, char out[512], struct err *e);

const char *pubkey_algorithm_name(enum pubkey_algorithm a);	/* "ed25519", "ecdsa-p256", "ecdsa-p384" */
int pubkey_algorithm_parse(const char *name, enum pubkey_algorithm *out);	/* 0 or -1 */

/*
 * True when sig is this key's signature over data. Ed25519: 64 raw bytes. ECDSA: strict DER, r and s in 1..n-1,
 * nothing after it. Never an error: a signature that can't be checked is no signature. One thread at a time for a key.
 */
bool pubkey_verify(const struct pubkey *k, const void *data, size_t len, const uint8_t *sig, size_t sig_len);

#endif
