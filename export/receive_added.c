/*
 * What exporters elsewhere added on a medium, beside the manifests of bundles that the station made: of whichever bundle, the
 * newest first, and of each key so many. Each is judged like any other signature (receive_signature); where the station has one
 * of that key already, the medium's is not looked at. Where nothing is new, tells what earlier runs took in. Refuses nothing itself.
 */
#include "export/receive.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export/ledger.h"
#include "export/sent.h"
#include "export/station.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/num.h"
#include "lib/say.h"
#include "manifests/limits.h"
#include "manifests/names.h"

#include "lib/banned.h"

#define FOLDER "bundles/"
#define PATH_LEN (NAMES_BUNDLE_LEN + NAMES_SIGNATURE_LEN + 32)

struct added {
	struct station *s;
	const struct file *medium;
	const struct trust_role *role;
	struct receive_count *count;
	size_t bundles;		/* of the station, on the medium */
	size_t tried[MAX_KEYS];	/* of each key of the role */
	size_t untried;
	char first[PATH_LEN];	/* of these */
	bool known;
};

static char *path_there(const struct added *a, uint64_t sequence, const char *name, char out[PATH_LEN])
{
	char bundle[NAMES_BUNDLE_LEN];

	snprintf(out, PATH_LEN, NAMES_MEDIUM_DIR "/%s/%s", names_bundle(a->s->config.stream, sequence, bundle), name);
	return out;
}

static char *path_here(uint64_t sequence, const char *name, char out[PATH_LEN])
{
	snprintf(out, PATH_LEN, FOLDER "%" PRIu64 "/%s", sequence, name);
	return out;
}

static bool has(const struct file *dir, const char *path)
{
	return faccessat(dir->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- what is new ---- */

static int take_key(struct added *a, const struct file *bundle, uint64_t sequence, size_t key, struct err *e)
{
	char name[NAMES_SIGNATURE_LEN], ours[PATH_LEN];
	enum receive_outcome out;

	names_signature(NAMES_MANIFEST, &a->role->keys[key], name);
	if (!has(bundle, name) || has(&a->s->dir, path_here(sequence, name, ours)))
		return 0;
	if (a->tried[key]++ >= RECEIVE_TRIED) {
		if (a->untried++ == 0)
			path_there(a, sequence, name, a->first);
		return 0;
	}
	if (receive_signature(a->s, bundle, name, &out, e) == -1)
		return -1;
	receive_counted(a->count, out);
	return 0;
}

static int take_bundle(struct added *a, uint64_t sequence, struct err *e)
{
	char path[PATH_LEN], name[NAMES_BUNDLE_LEN];
	struct file bundle = FILE_CLOSED;
	struct err why = {0};
	int rc = 0;

	if (!has(&a->s->dir, path_here(sequence, NAMES_MANIFEST, path)))
		return 0;	/* it was not finished */
	snprintf(path, sizeof path, NAMES_MEDIUM_DIR "/%s", names_bundle(a->s->config.stream, sequence, name));
	if (file_open_dir_at(a->medium, path, &bundle, &why) == -1) {
		if (why.reason == ERR_MISSING || why.reason == ERR_FILE_TYPE)
			return 0;	/* not on this medium */
		say_error(&why);
		receive_counted(a->count, RECEIVE_REFUSED);
		return 0;
	}
	a->bundles++;
	for (size_t i = 0; rc == 0 && i < a->role->keys_n; i++)
		rc = take_key(a, &bundle, sequence, i, e);
	file_close(&bundle);
	return rc;
}

/* ---- what is known ---- */

/* bundles/17/manifest.yaml */
static bool is_manifest(const char *path, uint64_t *sequence)
{
	const char *digits;
	size_t len;

	if (strncmp(path, FOLDER, strlen(FOLDER)) != 0)
		return false;
	digits = path + strlen(FOLDER);
	len = strspn(digits, "0123456789");
	return strcmp(digits + len, "/" NAMES_MANIFEST) == 0 && num_parse(digits, len, 1, MAX_REVISION, sequence) == 0;
}

/* The same file here and there: 1, 0, -1. */
static int is_same(const struct added *a, uint64_t sequence, const char *name, struct err *e)
{
	struct buf here = {0}, there = {0};
	char path[PATH_LEN];
	int rc = station_signature((void *)(uintptr_t)a->medium, path_there(a, sequence, name, path), &there, e);

	if (rc == 0)
		rc = station_signature(&a->s->dir, path_here(sequence, name, path), &here, e);
	if (rc == 0)
		rc = here.len > 0 && here.len == there.len && memcmp(here.data, there.data, here.len) == 0 ? 0 : 1;
	buf_free(&here);
	buf_free(&there);
	return rc == -1 ? -1 : rc == 0;
}

/* The run that took one in may have been killed before its name was durable. */
static int look_at_line(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	struct added *a = arg;
	const char *file = json_get_text(o, "file"), *key = json_get_text(o, "key");
	char name[NAMES_SIGNATURE_LEN], path[PATH_LEN];
	struct file dir = FILE_CLOSED;
	struct digest id;
	uint64_t sequence;
	int rc;

	(void)n;
	(void)line;
	if (strcmp(json_get_text(o, "event"), "signature") != 0 || file == NULL || !is_manifest(file, &sequence) || key == NULL ||
	    digest_parse(key, strlen(key), &id) == -1)
		return 0;
	rc = is_same(a, sequence, names_signature(NAMES_MANIFEST, &id, name), e);
	if (rc != 1)
		return rc;
	a->known = true;
	snprintf(path, sizeof path, FOLDER "%" PRIu64, sequence);
	rc = file_open_dir_at(&a->s->dir, path, &dir, e);
	if (rc == 0)
		rc = file_sync_dir(&dir, e);
	file_close(&dir);
	return rc;
}

/* By the ledger: what pack itself wrote on the medium has not come back from anybody. */
static int tell_known(struct added *a, struct err *e)
{
	json_t *o;

	if (a->bundles == 0)
		return 0;
	if (ledger_read(a->s, look_at_line, a, NULL, e) == -1)
		return -1;
	if (!a->known)
		return 0;
	o = json_object();
	json_put_text(o, "medium", a->medium->name);
	json_put(o, "known", json_true());
	say_object(o);
	say_line("%s: the signatures that exporters added to its bundles are known already", a->medium->name);
	receive_counted(a->count, RECEIVE_KNOWN);
	return 0;
}

int receive_added(struct station *s, const struct file *medium, struct receive_count *count, struct err *e)
{
	struct added a = {
		.s = s, .medium = medium, .count = count, .role = &trust_chain_newest(&s->chain)->roles.role[ROLE_EXPORTER]
	};
	uint64_t *list = NULL;
	size_t n = 0;
	int rc = has(&s->dir, FOLDER) ? sent_sequences(s, &list, &n, e) : 0;	/* a backup may have left it out */

	for (size_t i = n; rc == 0 && i > 0; i--)
		rc = take_bundle(&a, list[i - 1], e);
	free(list);
	if (a.untried > 0)
		receive_untried(count, medium, a.first, a.untried);
	return rc == 0 && count->good + count->refused == 0 ? tell_known(&a, e) : rc;
}
