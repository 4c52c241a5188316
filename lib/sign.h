/*
 * Private keys: making, loading, signing. What only checks signatures does not link this file.
 * Key files are PKCS#8 PEM, mode 0600 (others refused), optionally passphrase-protected. One line of text before the
 * PEM block, the label, is allowed and kept, as OpenSSL ignores text there; what it says is the caller's business.
 */
#ifndef LIB_SIGN_H
#define LIB_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "lib/pubkey.h"

struct err;
struct buf;

struct seckey;

/*
 * Gives the passphrase for `name` into out (NUL-terminated, at most size bytes): 0, or -1 with e set.
 * sign_load calls it only for an encrypted key and wipes the buffer afterwards.
 */
struct passphrase {
	int (*ask)(void *arg, const char *name, char *out, size_t size, struct err *e);
	void *arg;
};
/* An `ask` that reads the first line of the file named by arg, or, where arg is NULL, asks on /dev/tty without echo. */
int sign_ask(void *arg, const char *name, char *out, size_t size, struct err *e);

struct seckey *sign_generate(enum pubkey_algorithm a, struct err *e);
/* path: as the user wrote it. ERR_UNSAFE when group or others may read it; ERR_KEY when it is no usable key. */
struct seckey *sign_load(const char *path, const struct passphrase *p, struct err *e);
/* The PEM text; passphrase NULL: not encrypted. `label` (or NULL) is the whole line before the block: printable ASCII,
 * at most 128 bytes. Free out with buf_wipe. */
int sign_pem(const struct seckey *k, const char *label, const char *passphrase, struct buf *out, struct err *e);
void sign_free(struct seckey *k);

const struct pubkey *sign_public(const struct seckey *k);	/* owned by k */
const char *sign_label(const struct seckey *k);		/* the label line without its LF, or NULL; owned by k */

/* Signs data into sig; *sig_len in: room (PUBKEY_MAX_SIGNATURE), out: length. Checked against the public key. */
int sign_data(const struct seckey *k, const void *data, size_t len, uint8_t *sig, size_t *sig_len, struct err *e);

#endif
