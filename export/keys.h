/*
 * Key pairs in STATION/keys/ or wherever a person keeps them: NAME.key (PKCS#8 PEM, 0600, with the line "satchel-role: ROLE") and NAME.pub.
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

/* A public key from a PEM file that the user named; ERR_KEY for one that must not be used. Free with pubkey_free. */
#define KEYS_MAX_PEM 4096
struct pubkey *keys_load_public(const char *path, struct err *e);
/* ERR_CONFIG where the directory has that name already. */
int keys_check_free(const struct file *dir, const char *name, struct err *e);

extern const struct option_def keys_options[];
int keys_run(const struct args *a, struct err *e);	/* key new NAME --role ROLE [--to DIR] */

#endif
