/*
 * Making key pairs, in a station or on a person's own machine. Refuses to overwrite one, and roles that don't exist.
 */
#include "export/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/ledger.h"
#include "export/station.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/outfile.h"
#include "lib/say.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define MAX_PASSPHRASE 1024

const struct option_def keys_options[] = {
	{"role", 0, "ROLE", "what the key is for: root, approver or exporter", false},
	{"algorithm", 0, "NAME", "ed25519 (default), ecdsa-p256 or ecdsa-p384", false},
	{"to", 0, "DIR", "make it in this directory, without a station", false},
	{"passphrase", 0, NULL, "ask for a passphrase on the terminal and encrypt the key with it", false},
	{"passphrase-file", 0, "FILE", "encrypt the key with the passphrase in the first line of FILE", false},
	{0},
};

int keys_check_free(const struct file *dir, const char *name, struct err *e)
{
	struct stat st;

	if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(e, ERR_CONFIG, "%s/%s: is there already; take another name", dir->name, name);
	return errno == ENOENT ? 0 : err_sys(e, "%s/%s", dir->name, name);
}

static int write_pair(const struct file *dir, const struct keys_new *k, const struct seckey *key, struct err *e)
{
	char secret_name[MAX_NAME_LEN + 8], public_name[MAX_NAME_LEN + 8], label[32], pem[512];
	struct buf secret = {0};
	int rc = -1;

	snprintf(secret_name, sizeof secret_name, "%s.key", k->name);
	snprintf(public_name, sizeof public_name, "%s.pub", k->name);
	snprintf(label, sizeof label, "satchel-role: %s", trust_role_name(k->role));
	if (keys_check_free(dir, secret_name, e) == -1 || keys_check_free(dir, public_name, e) == -1 ||
	    sign_pem(key, label, k->passphrase, &secret, e) == -1 || pubkey_pem(sign_public(key), pem, e) == -1)
		goto out;
	/* the public half last: it is what a role is found by */
	if (outfile_put(dir, secret_name, 0600, secret.data, secret.len, e) == 0)
		rc = outfile_put(dir, public_name, 0644, pem, strlen(pem), e);
out:
	buf_wipe(&secret);
	return rc;
}

struct seckey *keys_make(const struct file *dir, const struct keys_new *k, struct err *e)
{
	struct seckey *key = sign_generate(k->algorithm, e);

	if (key != NULL && write_pair(dir, k, key, e) == 0)
		return key;
	sign_free(key);
	return NULL;
}

struct pubkey *keys_load_public(const char *path, struct err *e)
{
	struct file f = FILE_CLOSED;
	struct pubkey *key = NULL;
	struct buf pem = {0};

	if (file_open(path, &f, e) == 0 && file_read_all(&f, KEYS_MAX_PEM, &pem, e) == 0 &&
	    (key = pubkey_load_pem((const char *)pem.data, pem.len, e)) == NULL)
		err_prefix(e, "%s", path);
	buf_free(&pem);
	file_close(&f);
	return key;
}

/* The command line's part of it. */
static int read_args(const struct args *a, struct keys_new *k, struct err *e)
{
	const char *role = args_get(a, "role"), *algorithm = args_get(a, "algorithm");

	if (args_expect(a, 1, 1, e) == -1)
		return -1;
	k->name = args_at(a, 0);
	k->algorithm = PUBKEY_ED25519;
	if (names_check(k->name, strlen(k->name), e) == -1) {
		e->reason = ERR_USAGE;
		return err_prefix(e, "key name \"%s\"", k->name);
	}
	if (role == NULL || trust_role_parse(role, &k->role) == -1)
		return err_set(e, ERR_USAGE, "%s%s: say what the key is for: --role root, approver or exporter",
			       role == NULL ? "no role" : "--role ", role == NULL ? "" : role);
	if (algorithm != NULL && pubkey_algorithm_parse(algorithm, &k->algorithm) == -1)
		return err_set(e, ERR_USAGE, "--algorithm %s: must be ed25519, ecdsa-p256 or ecdsa-p384", algorithm);
	return 0;
}

/* Asks where it is wanted; twice on the terminal. */
static int read_passphrase(const struct args *a, const struct keys_new *k, char out[MAX_PASSPHRASE], struct err *e)
{
	const char *file = args_get(a, "passphrase-file");
	char again[MAX_PASSPHRASE];
	int rc;

	if (sign_ask((void *)(uintptr_t)file, k->name, out, MAX_PASSPHRASE, e) == -1)
		return -1;
	if (out[0] == '\0')
		return err_set(e, ERR_USAGE, "the passphrase is empty; leave the option out for a key without one");
	if (file != NULL)
		return 0;
	rc = sign_ask(NULL, "the same again", again, sizeof again, e);
	if (rc == 0 && strcmp(out, again) != 0)
		rc = err_set(e, ERR_USAGE, "the passphrases differ");
	explicit_bzero(again, sizeof again);
	return rc;
}

static void report(const struct file *dir, const struct keys_new *k, const struct seckey *key)
{
	char hex[DIGEST_HEX + 1];
	json_t *o = json_object();

	digest_hex(pubkey_id(sign_public(key)), hex);
	json_put_text(o, "name", k->name);
	json_put_text(o, "role", trust_role_name(k->role));
	json_put_text(o, "algorithm", pubkey_algorithm_name(k->algorithm));
	json_put_text(o, "id", hex);
	say_object(o);
	say_line("%s/%s.key", dir->name, k->name);
	say_line("%s/%s.pub", dir->name, k->name);
	say_line("key id %s, %s, for role %s", hex, pubkey_algorithm_name(k->algorithm), trust_role_name(k->role));
	say_note("it signs nothing before a trust root names it in its role");
}

static int record(struct station *s, const struct keys_new *k, const struct seckey *key, struct err *e)
{
	json_t *o = json_object();

	json_put_text(o, "name", k->name);
	json_put_text(o, "role", trust_role_name(k->role));
	ledger_put_key(o, pubkey_id(sign_public(key)));
	return ledger_append(s, "key-new", o, e);
}

/* s: the station whose ledger tells of it, or NULL. */
static int make(struct station *s, const struct file *dir, const struct keys_new *k, struct err *e)
{
	struct seckey *key = keys_make(dir, k, e);
	int rc = key == NULL ? -1 : 0;

	if (rc == 0 && s != NULL)
		rc = record(s, k, key, e);
	if (rc == 0)
		report(dir, k, key);
	sign_free(key);
	return rc;
}

/* Into --to DIR, else into the station's keys/. */
static int place(const struct args *a, const struct keys_new *k, struct err *e)
{
	const char *to = args_get(a, "to");
	struct station s = {.dir = FILE_CLOSED, .lock = FILE_CLOSED};
	struct file dir = FILE_CLOSED;
	int rc;

	if (to != NULL) {
		rc = file_open_dir(to, &dir, e);
		if (rc == 0)
			rc = make(NULL, &dir, k, e);
	} else if (station_path(a) == NULL) {
		err_set(e, ERR_USAGE, "no station was named");
		rc = err_hint(e, "use -C STATION, or --to DIR on a machine of one's own");
	} else if ((rc = station_open(a, STATION_WRITE, &s, e)) == 0) {
		rc = file_open_dir_at(&s.dir, "keys", &dir, e);
		if (rc == 0)
			rc = make(&s, &dir, k, e);
		station_close(&s);
	}
	file_close(&dir);
	return rc;
}

int keys_run(const struct args *a, struct err *e)
{
	struct keys_new k = {0};
	char passphrase[MAX_PASSPHRASE] = "";
	bool encrypt = args_has(a, "passphrase") || args_has(a, "passphrase-file");
	int rc;

	if (read_args(a, &k, e) == -1)
		return -1;
	rc = encrypt ? read_passphrase(a, &k, passphrase, e) : 0;
	if (rc == 0) {
		k.passphrase = encrypt ? passphrase : NULL;
		rc = place(a, &k, e);
	}
	explicit_bzero(passphrase, sizeof passphrase);
	return rc;
}
