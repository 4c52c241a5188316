/*
 * Which private keys sign: those the command line names, else the station's own. Refuses keys that the newest trust
 * root doesn't have in the role that signs the document.
 */
#include "export/station.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/keys.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/listing.h"
#include "lib/options.h"
#include "lib/outfile.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

void station_keys_free(struct seckey **keys, size_t n)
{
	for (size_t i = 0; keys != NULL && i < n; i++)
		sign_free(keys[i]);
	free(keys);
}

/* Appends a key unless it is there already. Takes it over. */
static void append(struct seckey **keys, size_t *n, struct seckey *key)
{
	for (size_t i = 0; i < *n; i++)
		if (digest_equal(pubkey_id(sign_public(keys[i])), pubkey_id(sign_public(key)))) {
			sign_free(key);
			return;
		}
	keys[(*n)++] = key;
}

static int load_named(const struct station *s, const struct args *a, enum role r, struct seckey **keys, size_t *n,
		      struct err *e)
{
	struct passphrase pass = station_passphrase(a);
	const struct trust *root = trust_chain_newest(&s->chain);
	struct seckey *key;

	for (size_t i = 0; i < args_count(a, "key"); i++) {
		const char *path = args_nth(a, "key", i);

		key = sign_load(path, &pass, e);
		if (key == NULL)
			return -1;
		if (!trust_has_role(root, r, pubkey_id(sign_public(key)))) {
			sign_free(key);
			err_set(e, R_KEY_ROLE, "%s: not a key of role %s in trust root %llu", path, trust_role_name(r),
				(unsigned long long)root->version);
			return err_hint(e, "'satchel-export trust show' lists the keys");
		}
		append(keys, n, key);
	}
	return 0;
}

/* Whether keys/NAME.pub is a key of the role; what can't be read is none. */
static bool is_ours(const struct station *s, const struct file *dir, const char *name, enum role r)
{
	struct buf pem = {0};
	struct err e = {0};
	struct pubkey *key = NULL;
	bool ours = false;

	if (file_read_all_at(dir, name, KEYS_MAX_PEM, &pem, &e) == 0)
		key = pubkey_load_pem((const char *)pem.data, pem.len, &e);
	if (key != NULL)
		ours = trust_has_role(trust_chain_newest(&s->chain), r, pubkey_id(key));
	pubkey_free(key);
	buf_free(&pem);
	return ours;
}

/* The name of the one pair in keys/ of that role into out (without ".pub"); empty where there is none. */
static int find_own(const struct station *s, const struct file *dir, enum role r, char out[256], struct err *e)
{
	struct listing l;
	const char *entry;
	int rc = listing_open(dir, &l, e);

	out[0] = '\0';
	while (rc == 0 && (rc = listing_next(&l, &entry, e)) == 1) {
		size_t len = strlen(entry);

		rc = 0;
		if (len < 5 || strcmp(entry + len - 4, ".pub") != 0 || !is_ours(s, dir, entry, r))
			continue;
		if (out[0] != '\0')
			rc = err_set(e, ERR_USAGE, "%s: holds several keys of role %s; choose with --key FILE", dir->name,
				     trust_role_name(r));
		memcpy(out, entry, len - 4);
		out[len - 4] = '\0';
	}
	listing_close(&l);
	return rc;
}

static int load_own(const struct station *s, const struct args *a, enum role r, struct seckey **keys, size_t *n,
		    struct err *e)
{
	struct passphrase pass = station_passphrase(a);
	struct file dir = FILE_CLOSED;
	char name[256], *path = NULL;
	int rc = -1;

	if (file_open_dir_at(&s->dir, "keys", &dir, e) == -1 || find_own(s, &dir, r, name, e) == -1)
		goto out;
	if (name[0] == '\0') {
		err_set(e, ERR_USAGE, "%s: no key of role %s is here; name one with --key FILE", dir.name, trust_role_name(r));
		goto out;
	}
	if (asprintf(&path, "%s/%s.key", dir.name, name) == -1) {
		path = NULL;
		err_mem(e);
		goto out;
	}
	keys[0] = sign_load(path, &pass, e);
	*n = keys[0] != NULL;
	if (*n == 1 && !trust_has_role(trust_chain_newest(&s->chain), r, pubkey_id(sign_public(keys[0]))))
		err_set(e, R_KEY_ROLE, "%s: is not the key that lies beside it in %s.pub", path, name);
	else
		rc = *n == 1 ? 0 : -1;
out:
	free(path);
	file_close(&dir);
	return rc;
}

int station_keys(const struct station *s, const struct args *a, enum role r, struct seckey ***keys, size_t *n, struct err *e)
{
	size_t named = args_count(a, "key");

	*n = 0;
	*keys = calloc(named + 1, sizeof **keys);
	if (*keys == NULL)
		return err_mem(e);
	if ((named > 0 ? load_named(s, a, r, *keys, n, e) : load_own(s, a, r, *keys, n, e)) == 0)
		return 0;
	station_keys_free(*keys, *n);
	*keys = NULL;
	*n = 0;
	return -1;
}

int station_keys_sign(const struct file *dir, const char *name, const void *data, size_t len, const struct seckey *k,
		      struct err *e)
{
	uint8_t sig[PUBKEY_MAX_SIGNATURE];
	size_t sig_len = sizeof sig;
	char file[NAMES_SIGNATURE_LEN];

	names_signature(name, pubkey_id(sign_public(k)), file);
	if (sign_data(k, data, len, sig, &sig_len, e) == -1)
		return -1;
	return outfile_put(dir, file, 0644, sig, sig_len, e);
}
