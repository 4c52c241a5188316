/*
 * Key pairs in STATION/keys/: NAME.key (PKCS#8 PEM, 0600, with the line "satchel-role: ROLE") and NAME.pub.
 */
#ifndef EXPORT_KEYS_H
#define EXPORT_KEYS_H

#include "lib/file.h"
#include "lib/options.h"
#include "lib/sign.h"
#include "manifests/trust.h"

struct err;

struct keys_new {
	const char *name;
	enum role role;
	enum pubkey_algorithm algorithm;
	const char *passphrase;	/* NULL: not encrypted */
};
/* Makes a pair in the directory; ERR_CONFIG where the name is taken. NULL on error; free with sign_free. */
struct seckey *keys_make(const struct file *dir, const struct keys_new *k, struct err *e);

extern const struct option_def keys_options[];
int keys_run(const struct args *a, struct err *e);	/* key new NAME --role ROLE */

#endif
