/*
 * Making a store (import/creation.h), for init. What makes a directory a store is store.yaml, and it is written last;
 * a failure before removes what was made. Refuses directories with anything in them, and file systems that can't publish
 * (no hard links, no atomic rename and exchange).
 */
#include "import/creation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "import/bundles.h"
#include "import/publish.h"
#include "lib/err.h"
#include "lib/listing.h"
#include "lib/outfile.h"
#include "lib/sign.h"
#include "manifests/journal.h"
#include "manifests/names.h"

#include "lib/banned.h"

static int check_empty(const struct file *dir, struct err *e)
{
	int rc = listing_is_empty(dir, ".", e);

	if (rc != 0)
		return rc == 1 ? 0 : -1;
	err_set(e, ERR_CONFIG, "%s: it is not empty", dir->name);
	return err_hint(e, "name a new directory, or empty this one if an earlier init was cut off");
}

/* Opens the directory, made if it isn't there. */
static int open_directory(const char *path, struct file *dir, bool *made, struct err *e)
{
	*made = mkdir(path, 0755) == 0;
	if (!*made && errno != EEXIST)
		return err_sys(e, "%s", path);
	if (file_open_dir(path, dir, e) == -1)
		return -1;
	if (*made && fchmod(dir->fd, 0755) == -1) {
		if (errno != EPERM && errno != ENOSYS && errno != EOPNOTSUPP)
			return err_sys(e, "%s", path);
		err_set(e, ERR_CONFIG, "%s: its file system keeps no modes of files: %s", path, strerror(errno));
		return err_hint(e, "put the store on ext4, XFS or btrfs");
	}
	if (!*made && check_empty(dir, e) == -1)
		return -1;
	return file_check_owner(dir, e);
}

/* Hard links, a link replaced by a rename, two names exchanged. */
static int probe(const struct file *store, struct err *e)
{
	const char *cannot = NULL;
	struct file dir = FILE_CLOSED;
	int rc = -1;

	if (file_make_dir_at(store, "stage/probe", 0700, e) == -1 || file_open_dir_at(store, "stage/probe", &dir, e) == -1 ||
	    outfile_put(&dir, "a", 0444, "a", 1, e) == -1)
		goto out;
	if (linkat(dir.fd, "a", dir.fd, "b", 0) == -1)
		cannot = "hard links";
	else if (symlinkat("a", dir.fd, "c") == -1 || symlinkat("b", dir.fd, "d") == -1)
		cannot = "symbolic links";
	else if (renameat(dir.fd, "d", dir.fd, "c") == -1)
		cannot = "atomic renames";
	else if (renameat2(dir.fd, "b", dir.fd, "c", RENAME_EXCHANGE) == -1)
		cannot = "exchanging two names";
	if (cannot != NULL) {
		err_set(e, ERR_CONFIG, "%s: its file system does not allow %s: %s", store->name, cannot, strerror(errno));
		err_hint(e, "put the store on ext4, XFS or btrfs");
		goto out;
	}
	rc = 0;
out:
	file_close(&dir);
	return file_remove_tree_at(store, "stage/probe", rc == -1 ? &(struct err){0} : e) == -1 ? -1 : rc;
}

static const struct folder { const char *name; mode_t mode; } folders[] = {
	{"stage", 0700}, {"keys", 0700}, {"trust", 0755}, {"objects", 0755}, {"streams", 0755}, {"published", 0755},
};
static const char *const files[] = {"store.yaml", "journal.jsonl", "lock"};

static int make_keys(const struct file *store, struct err *e)
{
	struct seckey *k = sign_generate(PUBKEY_ED25519, e);
	struct buf pem = {0};
	char public[512];
	int rc = -1;

	if (k != NULL && sign_pem(k, "receipt", NULL, &pem, e) == 0 && pubkey_pem(sign_public(k), public, e) == 0 &&
	    outfile_put(store, "keys/receipt.key", 0600, pem.data, pem.len, e) == 0)
		rc = outfile_put(store, "keys/receipt.pub", 0644, public, strlen(public), e);
	buf_wipe(&pem);
	sign_free(k);
	return rc;
}

static int begin_journal(const struct creation *c, const struct file *store, struct err *e)
{
	struct journal *j = journal_open(store, "journal.jsonl", true, NULL, e);
	json_t *o = json_object(), *streams = json_array();
	char hex[DIGEST_HEX + 1];
	int rc;

	json_put_text(o, "store", c->config.name);
	json_put_text(o, "site", c->root->site);
	json_put_number(o, "trust", c->root->version);
	json_put_text(o, "sha256", digest_hex(&c->root->digest, hex));
	for (size_t i = 0; i < c->config.streams_n; i++)
		json_array_append_new(streams, json_text(c->config.streams[i].stream));
	json_put(o, "streams", streams);
	if (j == NULL) {
		json_decref(o);
		return -1;
	}
	rc = journal_append(j, c->now, "init", o, e);
	journal_close(j);
	return rc;
}

/* All but store.yaml. */
static int make_inside(const struct creation *c, const struct file *store, struct err *e)
{
	struct file lock = FILE_CLOSED;
	char root[32], path[64];

	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		if (file_make_dir_at(store, folders[i].name, folders[i].mode, e) == -1)
			return -1;
	if (probe(store, e) == -1)
		return -1;
	snprintf(path, sizeof path, "trust/%s", names_trust(c->root->version, root));
	if (outfile_put(store, path, 0644, c->root->bytes.data, c->root->bytes.len, e) == -1 || make_keys(store, e) == -1)
		return -1;
	for (size_t i = 0; i < c->config.streams_n; i++)
		if (publish_init(store, c->config.streams[i].stream, e) == -1 ||
		    bundles_init(store, c->config.streams[i].stream, c->now, e) == -1)
			return -1;
	if (begin_journal(c, store, e) == -1 || file_lock(store, "lock", 0, &lock, e) == -1)
		return -1;
	file_close(&lock);
	return file_sync_fs(store, e);
}

static int put_config(const struct creation *c, const struct file *store, struct err *e)
{
	struct buf bytes = {0};
	int rc = schema_encode(&store_config_schema, &c->config, &bytes, e);

	if (rc == 0)
		rc = outfile_put(store, "store.yaml", 0644, bytes.data, bytes.len, e);
	buf_free(&bytes);
	return rc;
}

/* After a failure: nothing stays of what was made. store.yaml goes first. */
static void remove_inside(const struct file *store)
{
	struct err ignored = {0};

	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		unlinkat(store->fd, files[i], 0);
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		file_remove_tree_at(store, folders[i].name, &ignored);
}

int creation_make(const struct creation *c, struct err *e)
{
	struct file dir = FILE_CLOSED;
	bool made = false;
	int rc = open_directory(c->path, &dir, &made, e);

	if (rc == 0) {
		rc = make_inside(c, &dir, e) == -1 ? -1 : put_config(c, &dir, e);
		if (rc == -1)
			remove_inside(&dir);
	}
	if (rc == -1 && made)
		rmdir(c->path);
	file_close(&dir);
	return rc;
}
