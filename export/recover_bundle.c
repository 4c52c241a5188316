/*
 * What a restored station finds of itself on a medium. Signatures are judged first, as import does: roots extend the chain,
 * a manifest by the newest root's exporters, a list by its approvers. Where one exporter at least has signed, the sequence was
 * used and the list is judged, though more had to sign before the bundle counts. Refuses the rest, says so, and goes on; passes over
 * what is no directory, and bundles that pack had not finished.
 */
#include "export/recover.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/ledger.h"
#include "export/sent.h"
#include "export/station.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/listing.h"
#include "lib/outfile.h"
#include "lib/say.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define MAX_BUNDLES 65536
#define PATH_LEN 192

struct finding {
	struct station *s;
	struct recover_seen *seen;
	struct file dir;	/* of the bundle */
	uint64_t sequence;
	struct manifest *manifest;
};

static const struct trust *root(const struct finding *f)
{
	return trust_chain_newest(&f->s->chain);
}

/* ---- roots ---- */

/* Signature files of a role's keys beside a document there, under their names here. */
static int copy_signatures(struct finding *f, const struct trust *t, enum role r, const char *document, const char *folder,
			   const char *as, struct err *e)
{
	const struct trust_role *role = &t->roles.role[r];

	for (size_t i = 0; i < role->keys_n; i++) {
		char name[NAMES_SIGNATURE_LEN], path[PATH_LEN];
		struct buf b = {0};
		int rc = station_signature(&f->dir, names_signature(document, &role->keys[i], name), &b, e);

		if (rc == 0) {
			snprintf(path, sizeof path, "%s/%s", folder, names_signature(as, &role->keys[i], name));
			rc = outfile_put(&f->s->dir, path, 0644, b.data, b.len, e);
		}
		buf_free(&b);
		if (rc == -1)
			return -1;
	}
	return 0;
}

/* The root after the newest, where the bundle has it and it extends the chain: 1, 0, -1. */
static int take_root(struct finding *f, struct err *e)
{
	const struct trust *before = root(f);
	char name[32], path[PATH_LEN];
	struct err why = {0};
	struct buf b = {0};
	int rc = 0;

	names_trust(before->version + 1, name);
	if (file_read_all_at(&f->dir, name, MAX_TRUST_SIZE, &b, &why) == -1)
		goto out;
	if (trust_chain_extend(&f->s->chain, b.data, b.len, station_signature, &f->dir, &why) == -1) {
		f->seen->wrong++;
		err_prefix(&why, "%s/%s", f->dir.name, name);
		say_error(&why);
		goto out;
	}
	snprintf(path, sizeof path, "trust/%s", name);
	rc = -1;
	if (copy_signatures(f, before, ROLE_ROOT, name, "trust", name, e) == 0 &&
	    copy_signatures(f, root(f), ROLE_ROOT, name, "trust", name, e) == 0 &&
	    outfile_put(&f->s->dir, path, 0644, b.data, b.len, e) == 0)
		rc = 1;
	f->seen->roots += rc == 1;
out:
	buf_free(&b);
	return rc;
}

/* ---- the manifest ---- */

/* What is refused of a bundle is said, and the next thing is looked at. */
static void refuse(struct finding *f, struct err *why)
{
	f->seen->wrong++;
	err_prefix(why, "%s", f->dir.name);
	say_error(why);
	err_clear(why);
}

static int parse_manifest(struct finding *f, const struct buf *b, struct err *why)
{
	f->manifest = manifest_parse(b->data, b->len, why);
	if (f->manifest == NULL)
		return -1;
	if (f->manifest->sequence == f->sequence && strcmp(f->manifest->stream, f->s->config.stream) == 0)
		return 0;
	err_set(why, R_DOCUMENT_FORM, "it is bundle %" PRIu64 " of stream %s", f->manifest->sequence, f->manifest->stream);
	manifest_free(f->manifest);
	f->manifest = NULL;
	return -1;
}

/* 0; 1: no bundle to take over, why says it; f->manifest is there all the same where an exporter of ours has signed it. */
static int judge_manifest(struct finding *f, struct err *why)
{
	struct signatures sigs = {0};
	struct buf b = {0};
	struct err form = {0};
	int rc = 1;

	if (file_read_all_at(&f->dir, NAMES_MANIFEST, MAX_MANIFEST_SIZE, &b, why) == -1 ||
	    signatures_collect(&sigs, root(f), ROLE_EXPORTER, NAMES_MANIFEST, station_signature, &f->dir, why) == -1)
		goto out;
	if (trust_require(root(f), ROLE_EXPORTER, b.data, b.len, &sigs, why) == 0) {
		rc = parse_manifest(f, &b, why) == 0 ? 0 : 1;
	} else if (trust_count(root(f), ROLE_EXPORTER, b.data, b.len, &sigs, NULL) > 0 && parse_manifest(f, &b, &form) == 0) {
		err_hint(why, "its number is not used again, and its list is looked at; to have the bundle as well, sign its " NAMES_MANIFEST
			      " with the keys it lacks, then 'recover' again");
	}
out:
	signatures_free(&sigs);
	buf_free(&b);
	return rc;
}

/* A small file of the bundle, compared with its manifest, into STATION/bundles/N. */
static int copy_file(struct finding *f, const char *name, size_t max, struct err *why, struct err *e)
{
	const struct manifest_file *file = manifest_find(f->manifest, name);
	char path[PATH_LEN];
	struct buf b = {0};
	struct digest d;
	int rc = 1;

	if (file == NULL || file_read_all_at(&f->dir, name, max, &b, why) == -1)
		goto out;
	if (digest_of(b.data, b.len, &d, e) == -1) {
		rc = -1;
	} else if (!digest_equal(&d, &file->sha256)) {
		err_set(why, R_FILE_DIGEST, "%s: another digest than the manifest says", name);
	} else {
		snprintf(path, sizeof path, "bundles/%" PRIu64 "/%s", f->sequence, name);
		rc = outfile_put(&f->s->dir, path, 0644, b.data, b.len, e);
	}
out:
	buf_free(&b);
	return rc;
}

static int raise_alarm(struct finding *f, const char *what, const struct digest *ours, const struct digest *theirs,
		       struct err *e)
{
	char hex[DIGEST_HEX + 1], name[NAMES_BUNDLE_LEN];
	json_t *o = json_object();

	f->seen->wrong++;
	json_put_text(o, "bundle", names_bundle(f->s->config.stream, f->sequence, name));
	json_put_text(o, "what", what);
	json_put_text(o, "ours", digest_hex(ours, hex));
	json_put_text(o, "theirs", digest_hex(theirs, hex));
	return ledger_append(f->s, "alarm", o, e);
}

/* The station's own copy: indexes and signatures, the manifest last. 0; 1 refused; -1. */
static int copy_bundle(struct finding *f, struct err *why, struct err *e)
{
	struct manifest *ours = NULL;
	char folder[64], path[PATH_LEN], name[32];
	int rc = sent_load(f->s, f->sequence, &ours, e);

	if (rc == 0 && !digest_equal(&ours->digest, &f->manifest->digest)) {
		say_warn("%s: the station has made another bundle with this sequence since it was restored", f->dir.name);
		rc = raise_alarm(f, "sequence-twice", &ours->digest, &f->manifest->digest, e);
	} else if (rc == 1) {
		snprintf(folder, sizeof folder, "bundles/%" PRIu64, f->sequence);
		rc = file_make_dirs_at(&f->s->dir, folder, 0755, e);
		if (rc == 0)
			rc = file_sync_parent_at(&f->s->dir, folder, e);
		if (rc == 0)
			rc = file_sync(&f->s->dir, e);	/* a backup may have left out an empty bundles/ */
		for (uint64_t n = 1; rc == 0 && n <= f->manifest->volumes; n++)
			rc = copy_file(f, names_volume_index(n, name), MAX_VOLUME_INDEX_SIZE, why, e);
		if (rc == 0)
			rc = copy_signatures(f, root(f), ROLE_EXPORTER, NAMES_MANIFEST, folder, NAMES_MANIFEST, e);
		snprintf(path, sizeof path, "%s/" NAMES_MANIFEST, folder);
		if (rc == 0)
			rc = outfile_put(&f->s->dir, path, 0644, f->manifest->bytes.data, f->manifest->bytes.len, e);
		f->seen->bundles += rc == 0;
	}
	manifest_free(ours);
	return rc;
}

/* ---- the list ---- */

static int judge_list(struct finding *f, struct approvals **out, struct err *why)
{
	const struct manifest_approvals *said = &f->manifest->approvals;
	struct signatures sigs = {0};
	struct buf b = {0};
	int rc = 1;

	if (file_read_all_at(&f->dir, NAMES_APPROVALS, MAX_APPROVALS_SIZE, &b, why) == 0 &&
	    signatures_collect(&sigs, root(f), ROLE_APPROVER, NAMES_APPROVALS, station_signature, &f->dir, why) == 0 &&
	    trust_require(root(f), ROLE_APPROVER, b.data, b.len, &sigs, why) == 0 &&
	    (*out = approvals_parse(b.data, b.len, why)) != NULL)
		rc = 0;
	if (rc == 0 && (!digest_equal(&(*out)->digest, &said->sha256) || (*out)->epoch != said->epoch ||
			(*out)->revision != said->revision || strcmp((*out)->stream, f->manifest->stream) != 0)) {
		err_set(why, R_FILE_DIGEST, NAMES_APPROVALS ": not the list that the manifest names");
		rc = 1;
	}
	signatures_free(&sigs);
	buf_free(&b);
	return rc;
}

/* 0; 1 refused; -1. */
static int take_list(struct finding *f, struct err *why, struct err *e)
{
	struct approvals *list = NULL, *ours = NULL;
	char name[STATION_LIST_NAME], path[PATH_LEN];
	struct err missing = {0};
	int rc = f->manifest->has_approvals ? judge_list(f, &list, why) : 0;

	if (list == NULL || rc != 0)
		goto out;
	if (floor_see_list(&f->seen->floor, &f->seen->known, list->epoch, list->revision, why) == -1) {
		rc = 1;
		goto out;
	}
	station_list_name(list->epoch, list->revision, name);
	if (station_list_load(f->s, list->epoch, list->revision, &ours, NULL, &missing) == 0) {
		if (!digest_equal(&ours->digest, &list->digest)) {
			say_warn("%s: list %" PRIu64 " is another one than the station's: stores will refuse one of them (%s)",
				 f->dir.name, list->revision, reason_word(R_LIST_FORK));
			rc = raise_alarm(f, reason_word(R_LIST_FORK), &ours->digest, &list->digest, e);
		} else if ((rc = station_list_abandoned_copy(f->s, list, e)) == 1) {
			say_warn("%s: list %" PRIu64 " was abandoned here and has all its signatures there: a store may have it, until "
				 "it gets a newer one", f->dir.name, list->revision);
			rc = 0;
		}
		goto out;
	}
	if (missing.reason != ERR_MISSING) {
		*e = missing;
		rc = -1;
		goto out;
	}
	snprintf(path, sizeof path, "lists/%s", name);
	rc = copy_signatures(f, root(f), ROLE_APPROVER, NAMES_APPROVALS, "lists", name, e);
	if (rc == 0)
		rc = outfile_put(&f->s->dir, path, 0644, list->bytes.data, list->bytes.len, e);
	f->seen->lists += rc == 0;
out:
	approvals_free(ours);
	approvals_free(list);
	return rc;
}

/* ---- the medium ---- */

static int take_bundle(struct finding *f, struct err *e)
{
	struct err why = {0};
	bool whole;
	int rc;

	while ((rc = take_root(f, e)) == 1)
		;
	if (rc == -1)
		return -1;
	whole = judge_manifest(f, &why) == 0;
	if (why.reason == ERR_MISSING) {
		say_note("%s: it has no " NAMES_MANIFEST ": packing was interrupted; passed over", f->dir.name);
		return 0;
	}
	f->seen->found++;
	if (!whole)
		refuse(f, &why);
	if (f->manifest != NULL && floor_see_sequence(&f->seen->floor, &f->seen->known, f->sequence, &why) == -1) {
		whole = false;	/* its copy would use up the numbers, too */
		refuse(f, &why);
	}
	if (f->manifest != NULL)
		rc = take_list(f, &why, e);
	if (rc == 0 && whole)
		rc = copy_bundle(f, &why, e);
	if (rc == 1) {
		refuse(f, &why);
		rc = 0;
	}
	manifest_free(f->manifest);
	f->manifest = NULL;
	return rc;
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int list_bundles(const struct station *s, const struct file *satchel, uint64_t **list, size_t *n, struct err *e)
{
	struct listing l;
	const char *name;
	int rc = listing_open(satchel, &l, e);

	*n = 0;
	*list = calloc(MAX_BUNDLES, sizeof **list);
	if (*list == NULL)
		rc = err_mem(e);
	while (rc == 0 && *n < MAX_BUNDLES && (rc = listing_next(&l, &name, e)) == 1) {
		char stream[MAX_NAME_LEN + 1];
		uint64_t sequence;

		rc = 0;
		if (names_bundle_parse(name, stream, &sequence) == -1 || strcmp(stream, s->config.stream) != 0)
			continue;
		if (listing_is_dir(&l))
			(*list)[(*n)++] = sequence;
		else
			say_note("%s/%s: no directory; passed over", satchel->name, name);
	}
	listing_close(&l);
	if (*n > 0)
		qsort(*list, *n, sizeof **list, by_number);
	return rc;
}

int recover_medium(struct station *s, const struct file *satchel, struct recover_seen *seen, struct err *e)
{
	struct finding f = {.s = s, .seen = seen, .dir = FILE_CLOSED};
	uint64_t *list;
	size_t n;
	int rc = list_bundles(s, satchel, &list, &n, e);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		char name[NAMES_BUNDLE_LEN];
		struct err why = {0};

		f.sequence = list[i];
		if (file_open_dir_at(satchel, names_bundle(s->config.stream, list[i], name), &f.dir, &why) == 0) {
			rc = take_bundle(&f, e);
		} else {
			seen->found++;
			seen->wrong++;
			say_error(&why);
		}
		file_close(&f.dir);
	}
	free(list);
	return rc;
}
