/*
 * Trust roots (`satchel: trust/1`), their chain, and the counting of signatures. FORMAT.md section 4.
 */
#ifndef MANIFESTS_TRUST_H
#define MANIFESTS_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/digest.h"
#include "lib/pubkey.h"
#include "manifests/schema.h"

struct err;
struct signatures;

enum role { ROLE_ROOT, ROLE_APPROVER, ROLE_EXPORTER, ROLES };

const char *trust_role_name(enum role r);	/* "root", "approver", "exporter" */
int trust_role_parse(const char *word, enum role *out);	/* 0 or -1 */
/* The role that signs documents of a type ("trust", "approvals", "manifest"): 0, or -1 where none does. */
int trust_role_of_type(const char *type, enum role *out);

struct trust_key {
	struct digest id;
	char *name;
	int algorithm;		/* index into trust_algorithms; PUBKEY_* - 1 */
	char *public;		/* base64 of the SPKI DER */
	struct pubkey *key;	/* set by trust_parse; owned by the root */
};
struct trust_role {
	uint64_t threshold;
	struct digest *keys;
	size_t keys_n;
};
struct trust {
	char *site;
	uint64_t version, epoch;
	int64_t issued, expires;
	struct trust_key *keys;
	size_t keys_n;
	struct trust_roles { struct trust_role role[ROLES]; } roles;
	/* not part of the document: */
	struct arena arena;
	struct buf bytes;	/* the document as it is signed */
	struct digest digest;	/* of bytes */
	struct signatures *signatures;	/* those found when the chain was extended by it, old and new keys'; NULL: pinned */
};
extern const struct schema trust_schema;

/*
 * Reads a root from bytes its caller holds to be authentic (pinned, or about to be judged by trust_chain_extend).
 * Checks all that makes a root usable by itself: every key loads and has the id and algorithm stated, distinct keys
 * and prefixes, no key in two roles, every key in a role, thresholds 1..number of keys. R_TRUST_INVALID otherwise.
 * NULL on error. Free with trust_free.
 */
struct trust *trust_parse(const void *data, size_t len, struct err *e);
void trust_free(struct trust *t);

/* A root to be written (fields set, keys' `public` and `id` from trust_key_set): canonical bytes. */
int trust_encode(const struct trust *t, struct buf *out, struct err *e);
/* Fills k from a public key; strings from `a`. */
int trust_key_set(struct trust_key *k, const struct pubkey *key, const char *name, struct arena *a, struct err *e);

/* The key with this id, or NULL; and whether it stands in the role. */
const struct trust_key *trust_find(const struct trust *t, const struct digest *id);
bool trust_has_role(const struct trust *t, enum role r, const struct digest *id);

/* Signature files found beside a document, named by the prefix they carry. Zero-initialise. */
struct signature {
	struct digest key;	/* id of the key whose name the file bears */
	uint8_t bytes[PUBKEY_MAX_SIGNATURE + 1];	/* one more than any signature: longer ones never verify */
	size_t len;
};
struct signatures {
	struct signature *list;
	size_t n;
};
void signatures_free(struct signatures *s);
int signatures_add(struct signatures *s, const struct digest *key, const void *bytes, size_t len, struct err *e);
/*
 * Asks `get` for the signature file of every key of the role that has none in s yet: get appends at most
 * PUBKEY_MAX_SIGNATURE + 1 bytes of the named file to out and returns 0, 1 where it isn't there (or is larger, or no
 * regular file), -1 on error.
 */
int signatures_collect(struct signatures *s, const struct trust *t, enum role r, const char *document,
		       int (*get)(void *arg, const char *name, struct buf *out, struct err *e), void *arg, struct err *e);

/* Number of distinct keys of the role with a good signature over the bytes. who (or NULL): their ids, room for MAX_KEYS. */
size_t trust_count(const struct trust *t, enum role r, const void *data, size_t len, const struct signatures *s,
		   struct digest *who);
/* 0 when the threshold is met, else R_SIGNATURE_MISSING (no signature at all) or R_SIGNATURE_THRESHOLD ("1 of 2"). */
int trust_require(const struct trust *t, enum role r, const void *data, size_t len, const struct signatures *s,
		  struct err *e);

/* Roots in order of version, without gaps; from any version on. */
struct trust_chain {
	struct trust **roots;
	size_t n;
};
void trust_chain_free(struct trust_chain *c);
const struct trust *trust_chain_newest(const struct trust_chain *c);	/* NULL when empty */
const struct trust *trust_chain_at(const struct trust_chain *c, uint64_t version);	/* NULL: not in it */
/* Pins the first root of a chain: parsed, not judged. Takes t over. */
int trust_chain_pin(struct trust_chain *c, struct trust *t, struct err *e);
/*
 * Judges root N+1: exactly that version, the same site, epoch not lower and at most MAX_JUMP higher, signed by the root
 * threshold of N and by its own. The signatures over the raw bytes are checked by N's keys before the bytes are parsed.
 * Appends it. R_TRUST_INVALID (also for signatures that are missing or too few), R_TRUST_CHAIN, R_JUMP, R_TRUST_LIMIT.
 * `collect` is asked for the signatures once with N (before parsing) and once with N+1.
 */
int trust_chain_extend(struct trust_chain *c, const void *data, size_t len,
		       int (*get)(void *arg, const char *name, struct buf *out, struct err *e), void *arg, struct err *e);
/* R_TRUST_EXPIRED when the newest root is expired at `now`; R_CLOCK when it is issued more than MAX_CLOCK_AHEAD ahead. */
int trust_chain_check_time(const struct trust_chain *c, int64_t now, struct err *e);

#endif
