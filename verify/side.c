/*
 * Approval lists by the names people have for them (verify/side.h), for `diff`. Reads what it is handed with the strict
 * loader, and says of each list whether signatures prove it. Refuses a directory that is no bundle with a list.
 */
#include "verify/side.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/num.h"
#include "manifests/journal.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "verify/proof.h"
#include "verify/signers.h"
#include "verify/state.h"
#include "verify/store.h"
#include "verify/terms.h"

#include "lib/banned.h"

static void describe(struct side *s, const char *verdict)
{
	char when[32];

	snprintf(s->words, sizeof s->words, "list %llu of %s, issued %s; %s", (unsigned long long)s->list->revision,
		 s->list->stream, num_format_time(s->list->issued, when), verdict);
}

/* ---- files and bundles ---- */

static int load_file(const struct terms *t, const char *trust, const char *dir, const char *name, struct side *out,
		     struct err *e)
{
	struct proof proof = {.dir = FILE_CLOSED};
	struct buf bytes = {0};
	struct proof_verdict verdict;
	char words[256];
	int rc = -1;

	if (proof_open(t, trust, dir, &proof, e) == -1 ||
	    file_read_all_at(&proof.dir, name, MAX_APPROVALS_SIZE, &bytes, e) == -1 ||
	    proof_judge(&proof, t, "approvals", name, &bytes, &verdict, e) == -1)
		goto out;
	out->proven = verdict.proven;
	out->list = approvals_parse(bytes.data, bytes.len, e);
	if (out->list == NULL) {
		err_prefix(e, "%s/%s", dir, name);
		goto out;
	}
	snprintf(words, sizeof words, "%s: %.200s", verdict.proven ? "verified" : "UNVERIFIED",
		 verdict.proven ? verdict.who : verdict.why.text);
	describe(out, words);
	rc = 0;
out:
	proof_close(&proof);
	buf_free(&bytes);
	return rc;
}

static int load_path(const struct terms *t, const char *trust, const char *path, struct side *out, struct err *e)
{
	const char *slash = strrchr(path, '/');
	struct stat st;
	char *dir;
	int rc;

	if (stat(path, &st) == -1)
		return err_sys(e, "%s", path);
	if (S_ISDIR(st.st_mode)) {
		rc = load_file(t, trust, path, NAMES_APPROVALS, out, e);
		if (rc == -1 && e->reason == ERR_MISSING)
			err_hint(e, "a directory must be that of one bundle which has a list: MEDIUM/satchel/STREAM-SEQUENCE");
		return rc;
	}
	dir = slash == NULL ? strdup(".") : slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
	if (dir == NULL)
		return err_mem(e);
	rc = load_file(t, trust, dir, slash == NULL ? path : slash + 1, out, e);
	free(dir);
	return rc;
}

/* ---- revisions ---- */

/* "41", "2-41". */
static bool is_revision(const char *name, struct list_ref *out)
{
	const char *dash = strchr(name, '-'), *number = dash == NULL ? name : dash + 1;

	*out = (struct list_ref){.epoch = 1};
	if (dash != NULL && num_parse(name, (size_t)(dash - name), 1, MAX_REVISION, &out->epoch) == -1)
		return false;
	return num_parse(number, strlen(number), 1, MAX_REVISION, &out->revision) == 0;
}

char *side_list_name(uint64_t epoch, uint64_t revision, char out[SIDE_LIST_NAME])
{
	if (epoch == 1)
		snprintf(out, SIDE_LIST_NAME, "%llu.yaml", (unsigned long long)revision);
	else
		snprintf(out, SIDE_LIST_NAME, "%llu-%llu.yaml", (unsigned long long)epoch, (unsigned long long)revision);
	return out;
}

static int load_kept(const struct side_home *home, const struct terms *t, const char *trust, const struct list_ref *ref,
		     struct side *out, struct err *e)
{
	char dir[4200], name[SIDE_LIST_NAME];

	if (home->store != NULL) {
		out->list = state_list_load(home->store, home->stream, ref->epoch, ref->revision, e);
		if (out->list == NULL)
			return e->reason == ERR_MISSING ? err_hint(e, "the store does not keep this list") : -1;
		out->proven = true;
		describe(out, "as the store judged it");
		return 0;
	}
	snprintf(dir, sizeof dir, "%s/lists", home->station->name);
	if (load_file(t, trust, dir, side_list_name(ref->epoch, ref->revision, name), out, e) == 0)
		return 0;
	return e->reason == ERR_MISSING ? err_hint(e, "the station has no such list") : -1;
}

/* ---- times ---- */

static bool is_time(const char *name, int64_t *out)
{
	char full[32];

	if (strlen(name) != 10)
		return num_parse_time(name, strlen(name), out) == 0;
	snprintf(full, sizeof full, "%sT00:00:00Z", name);
	return num_parse_time(full, strlen(full), out) == 0;
}

struct search {			/* for the last list that came into force by a time */
	const char *stream;	/* NULL: any */
	int64_t by;
	bool found;
	struct list_ref ref;
};

static bool in_time(const struct search *s, const json_t *o)
{
	const char *time = json_get_text(o, "time");
	int64_t at;

	return time != NULL && num_parse_time(time, strlen(time), &at) == 0 && at <= s->by;
}

/* A store publishes: what is complete, or rolled back to, from then on. */
static int look_published(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	const json_t *complete = json_object_get(o, "complete");
	struct search *s = arg;
	struct list_ref ref = {0};
	const char *stream = json_get_text(o, "stream");

	(void)n;
	(void)line;
	(void)e;
	if (strcmp(json_get_text(o, "event"), "published") != 0 || stream == NULL || strcmp(stream, s->stream) != 0 ||
	    !in_time(s, o) || json_get_number(complete, "epoch", &ref.epoch) == -1 ||
	    json_get_number(complete, "revision", &ref.revision) == -1)
		return 0;
	s->found = true;
	s->ref = ref;
	return 0;
}

/* A station freezes: the list is in force there from then on. */
static int look_frozen(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	struct search *s = arg;
	struct list_ref ref = {.epoch = 1};

	(void)n;
	(void)line;
	(void)e;
	if (strcmp(json_get_text(o, "event"), "freeze") != 0 || !in_time(s, o) ||
	    json_get_number(o, "revision", &ref.revision) == -1)
		return 0;
	if (json_get_number(o, "epoch", &ref.epoch) == -1)
		ref.epoch = 1;
	s->found = true;
	s->ref = ref;
	return 0;
}

int side_in_force(const struct side_home *home, int64_t by, struct list_ref *out, struct err *e)
{
	struct search s = {.stream = home->stream, .by = by};
	int rc;

	if (home->store != NULL)
		rc = journal_read(&home->store->dir, "journal.jsonl", look_published, &s, NULL, NULL, e);
	else
		rc = journal_read(home->station, "ledger.jsonl", look_frozen, &s, NULL, NULL, e);
	*out = s.ref;
	return rc == 0 && !s.found ? 1 : rc;
}

static int load_by(const struct side_home *home, const struct terms *t, const char *trust, int64_t by, struct side *out,
		   struct err *e)
{
	struct list_ref ref;
	char when[32];
	int rc = side_in_force(home, by, &ref, e);

	if (rc == 0)
		return load_kept(home, t, trust, &ref, out, e);
	if (rc == 1)
		snprintf(out->words, sizeof out->words, "no list was in force yet at %s", num_format_time(by, when));
	return rc == 1 ? 0 : -1;
}

/* ---- sides ---- */

int side_open(const struct side_home *home, const struct terms *t, const char *trust, const char *name, struct side *out,
	      struct err *e)
{
	bool at_home = home->store != NULL || home->station != NULL;
	struct list_ref ref;
	int64_t by;
	int rc;

	*out = (struct side){0};
	if (at_home && is_revision(name, &ref))
		rc = load_kept(home, t, trust, &ref, out, e);
	else if (at_home && is_time(name, &by))
		rc = load_by(home, t, trust, by, out, e);
	else
		rc = load_path(t, trust, name, out, e);
	if (rc == -1 && e->reason == ERR_MISSING && !at_home && (is_revision(name, &ref) || is_time(name, &by)))
		err_hint(e, "a revision or a time is of a store or station: name it with --store or --station");
	if (rc == -1)
		side_close(out);
	return rc;
}

int side_signers(const struct side_home *home, const struct trust_chain *chain, const struct approvals *a, struct buf *out,
		 struct err *e)
{
	char path[MAX_NAME_LEN + 80] = "lists", name[SIDE_LIST_NAME] = NAMES_APPROVALS;
	const struct file *top = home->station;
	struct file dir = FILE_CLOSED;
	int rc;

	if (home->store != NULL) {
		snprintf(path, sizeof path, "streams/%s/lists/%llu-%llu", home->stream, (unsigned long long)a->epoch,
			 (unsigned long long)a->revision);
		top = &home->store->dir;
	} else {
		side_list_name(a->epoch, a->revision, name);
	}
	rc = file_open_dir_at(top, path, &dir, e);
	if (rc == 0)
		rc = signers_name(chain, &dir, name, a, out, NULL, e);
	file_close(&dir);
	return rc;
}

void side_close(struct side *s)
{
	approvals_free(s->list);
	*s = (struct side){0};
}

int side_fetch(void *arg, const struct digest *d, uint64_t size, struct buf *out, struct err *e)
{
	const struct side_home *home = arg;
	char object[80], path[96];

	if (home->store != NULL)
		return store_fetch((void *)(uintptr_t)home->store, d, size, out, e);
	if (home->station == NULL)
		return 1;
	snprintf(path, sizeof path, "contents/%s", names_object(d, object));
	if (file_read_all_at(home->station, path, size, out, e) == 0)
		return 0;
	if (e->reason != ERR_MISSING)
		return -1;
	err_clear(e);
	return 1;
}
