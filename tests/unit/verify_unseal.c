/*
 * Bundles, judged: what is accepted, and rows S1-S4, S6, S13-S15, S18, S19, F5b, F6, T1-T6 of the list of attacks as far
 * as unseal decides them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/sign.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "tests/unit/fixture.h"
#include "verify/reader.h"
#include "verify/seen.h"
#include "verify/unseal.h"

#define BUNDLE "updates-00000017"

/* A medium with bundle 17: a list with one item, its objects in two volumes. */
static struct fixture *make(void)
{
	struct fixture *f = fixture_new();
	struct record r = fixture_file("a/file", "content", 7);
	struct contents_ref ref = fixture_item(f, "pool/a", &r, 1);

	fixture_object(f, "content", 7);
	fixture_approve(f, "pool/a", 1, "production", &ref);
	fixture_list(f, 7);
	f->volume_objects = 1;
	return f;
}

/* One judgement: chain pinned at `pin`. */
struct judged {
	struct trust_chain chain;
	struct reader *reader;
	struct bundle *bundle;
	struct err err;
	int64_t now;
	uint64_t trust_max;
};

static int judge(struct fixture *f, uint64_t pin, struct judged *j)
{
	struct seen seen = {.bundle = BUNDLE};
	struct unseal u = {.seen = &seen, .chain = &j->chain, .trust_max = j->trust_max};
	int rc;

	assert_int_equal(trust_chain_pin(&j->chain, fixture_trust(f, pin), &j->err), 0);
	j->reader = reader_open(&(struct reader_ask){.medium = f->dir, .jobs = 1}, &j->err);
	assert_non_null(j->reader);
	if (j->now == 0)
		j->now = FIXTURE_NOW;
	seen.reader = j->reader;
	u.now = j->now;
	rc = unseal_roots(&seen, &j->chain, j->trust_max, &j->err);
	if (rc == 0)
		rc = unseal(&u, &j->bundle, &j->err);
	seen_free(&seen);
	return rc;
}

static void done(struct judged *j)
{
	bundle_free(j->bundle);
	reader_close(j->reader);
	trust_chain_free(&j->chain);
}

/* Ends in this reason, with these words. */
static void refused(struct fixture *f, uint64_t pin, int reason, const char *words)
{
	struct judged j = {0};

	assert_int_equal(judge(f, pin, &j), -1);
	if (j.err.reason != reason || strstr(j.err.text, words) == NULL)
		fail_msg("%s: %s; expected %s with \"%s\"", reason_word(j.err.reason), j.err.text, reason_word(reason), words);
	assert_null(j.bundle);
	done(&j);
}

static void accepted(struct fixture *f, uint64_t pin, size_t roots)
{
	struct judged j = {0};

	if (judge(f, pin, &j) == -1)
		fail_msg("%s", j.err.text);
	assert_int_equal(j.chain.n, roots);
	done(&j);
}

static char *dir_of(const struct fixture *f)
{
	static char dir[160];

	return fixture_bundle_dir(f, 17, dir);
}

static void drop(const struct fixture *f, const char *name)
{
	char path[400];

	snprintf(path, sizeof path, "%s/%s", dir_of(f), name);
	assert_int_equal(unlink(path), 0);
}

static const char *signature(const struct fixture *f, int key, const char *document)
{
	static char name[NAMES_SIGNATURE_LEN];

	return names_signature(document, pubkey_id(sign_public(f->keys[key])), name);
}

static void good(void **state)
{
	static const uint64_t order[] = {2, 1, 1, 2, 2, 1};
	struct fixture *f = make();
	struct judged j = {0};
	struct approvals *a;
	struct volume *v;

	(void)state;
	fixture_bundle(f, 17);
	if (judge(f, 1, &j) == -1)
		fail_msg("%s", j.err.text);
	assert_string_equal(j.bundle->name, BUNDLE);
	assert_int_equal(j.bundle->manifest->volumes, 2);
	for (size_t i = 0; i < sizeof order / sizeof *order; i++) {	/* whichever is parsed meanwhile */
		v = bundle_volume(j.bundle, order[i], &j.err);
		assert_non_null(v);
		assert_int_equal(v->volume, order[i]);
		assert_int_equal(v->objects_n, 1);
		volume_free(v);
	}
	assert_null(bundle_volume(j.bundle, 3, &j.err));
	err_clear(&j.err);
	assert_int_equal(bundle_list(j.bundle, &j.chain, FIXTURE_NOW, &a, &j.err), 0);
	assert_int_equal(a->revision, 7);
	approvals_free(a);
	done(&j);
	fixture_free(f);
}

static void found(void **state)
{
	struct fixture *f = make();
	struct found found;
	struct reader *r;
	struct err e = {0};
	char path[200];

	(void)state;
	fixture_bundle(f, 17);
	snprintf(path, sizeof path, "%s/satchel/updates-00000003", f->dir);
	mkdir(path, 0755);
	snprintf(path, sizeof path, "%s/satchel/apples-00000099", f->dir);
	mkdir(path, 0755);
	snprintf(path, sizeof path, "%s/satchel/updates-3", f->dir);
	mkdir(path, 0755);
	snprintf(path, sizeof path, "%s/satchel", f->dir);
	fixture_write(path, "updates-00000004", "", 0);
	r = reader_open(&(struct reader_ask){.medium = f->dir, .jobs = 1}, &e);
	assert_int_equal(unseal_find(r, NULL, &found, &e), 0);
	assert_int_equal(found.n, 3);
	assert_string_equal(found.names[0], "apples-00000099");
	assert_string_equal(found.names[1], "updates-00000003");
	assert_string_equal(found.names[2], BUNDLE);
	unseal_found_free(&found);
	assert_int_equal(unseal_find(r, "updates", &found, &e), 0);
	assert_int_equal(found.n, 2);
	unseal_found_free(&found);
	reader_close(r);
	fixture_free(f);
}

static void interrupted(void **state)
{
	struct fixture *f = make();

	(void)state;
	fixture_bundle(f, 17);
	drop(f, NAMES_MANIFEST);
	fixture_flip(dir_of(f), "trust-1.yaml", 5);
	refused(f, 1, R_BUNDLE_INTERRUPTED, BUNDLE);
	fixture_free(f);
}

/* S1, S2, S4, S6. */
static void signatures(void **state)
{
	struct fixture *f = make();
	struct buf manifest = {0};

	(void)state;
	fixture_bundle(f, 17);
	fixture_read(dir_of(f), NAMES_MANIFEST, &manifest);
	drop(f, signature(f, FIXTURE_EXPORTER_A, NAMES_MANIFEST));
	refused(f, 1, R_SIGNATURE_MISSING, NAMES_MANIFEST ": no signature by a key of the role exporter (1 needed); packing may");
	fixture_write(dir_of(f), "manifest.yaml.0123456789abcdef0123456789abcdeX.sig", "x", 1);	/* names nobody */
	fixture_write(dir_of(f), "manifest.yaml.sig", "x", 1);
	refused(f, 1, R_SIGNATURE_MISSING, "packing may have been interrupted");
	fixture_write(dir_of(f), signature(f, FIXTURE_EXPORTER_A, NAMES_MANIFEST), "", 0);	/* cut off */
	refused(f, 1, R_SIGNATURE_MISSING, "packing may have been interrupted");
	fixture_sign(f, FIXTURE_FRESH_A, dir_of(f), NAMES_MANIFEST, &manifest);	/* a key nobody knows */
	refused(f, 1, R_SIGNATURE_MISSING, "no exporter's in trust root 1: it is of another site");
	fixture_sign(f, FIXTURE_APPROVER_A, dir_of(f), NAMES_MANIFEST, &manifest);	/* of another role */
	refused(f, 1, R_SIGNATURE_MISSING, "no exporter's in trust root 1: it is of another site");
	fixture_write(dir_of(f), signature(f, FIXTURE_EXPORTER_A, NAMES_MANIFEST), "", 0);
	refused(f, 1, R_SIGNATURE_MISSING, "no exporter's in trust root 1: it is of another site");
	fixture_write(dir_of(f), signature(f, FIXTURE_EXPORTER_A, NAMES_MANIFEST), manifest.data, manifest.len);
	refused(f, 1, R_SIGNATURE_THRESHOLD, NAMES_MANIFEST);	/* too large to be one: not read */
	fixture_write(dir_of(f), signature(f, FIXTURE_EXPORTER_A, NAMES_MANIFEST), manifest.data, 64);
	refused(f, 1, R_SIGNATURE_THRESHOLD, NAMES_MANIFEST);
	fixture_sign(f, FIXTURE_EXPORTER_B, dir_of(f), NAMES_MANIFEST, &manifest);
	accepted(f, 1, 1);	/* the other exporter is enough */
	buf_free(&manifest);
	fixture_free(f);
}

/* S15: other bytes than those signed. */
static void changed_manifest(void **state)
{
	struct fixture *f = make();
	struct buf manifest = {0};
	char path[256];

	(void)state;
	fixture_bundle(f, 17);
	fixture_read(dir_of(f), NAMES_MANIFEST, &manifest);
	for (long i = 0; i < (long)manifest.len; i += 37) {
		fixture_flip(dir_of(f), NAMES_MANIFEST, i);
		refused(f, 1, R_SIGNATURE_THRESHOLD, NAMES_MANIFEST);
		fixture_flip(dir_of(f), NAMES_MANIFEST, i);
	}
	buf_putc(&manifest, '\n');
	fixture_write(dir_of(f), NAMES_MANIFEST, manifest.data, manifest.len);
	refused(f, 1, R_SIGNATURE_THRESHOLD, NAMES_MANIFEST);
	snprintf(path, sizeof path, "%s/%s", dir_of(f), NAMES_MANIFEST);
	assert_int_equal(truncate(path, 5ll << 30), 0);
	refused(f, 1, R_DOCUMENT_TOO_LARGE, NAMES_MANIFEST);
	buf_free(&manifest);
	fixture_free(f);
}

/* S18: a signed document of another type under the manifest's name; and a manifest under another bundle's. */
static void other_document(void **state)
{
	struct fixture *f = make();
	char from[200], to[200];

	(void)state;
	fixture_bundle(f, 17);
	fixture_write(dir_of(f), NAMES_MANIFEST, f->list.data, f->list.len);
	fixture_sign(f, FIXTURE_EXPORTER_A, dir_of(f), NAMES_MANIFEST, &f->list);
	refused(f, 1, R_DOCUMENT_TYPE, NAMES_MANIFEST);
	fixture_free(f);
	f = make();
	fixture_bundle(f, 18);
	assert_int_equal(rename(fixture_bundle_dir(f, 18, from), fixture_bundle_dir(f, 17, to)), 0);
	refused(f, 1, R_NAME, "updates-00000018");
	fixture_free(f);
}

/* S19: each file of the manifest but volumes and VERIFY.txt. */
static void every_file(void **state)
{
	static const struct { const char *name; int flipped; } small[] = {
		{"trust-1.yaml", R_FILE_DIGEST}, {"approvals.yaml", R_FILE_DIGEST}, {"vol-0001.yaml", R_FILE_DIGEST},
		{"vol-0002.yaml", R_FILE_DIGEST},
	};
	struct fixture *f;
	struct buf bytes = {0};

	(void)state;
	for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
		f = make();
		fixture_bundle(f, 17);
		fixture_flip(dir_of(f), small[i].name, 0);
		refused(f, 1, small[i].flipped, small[i].name);
		fixture_flip(dir_of(f), small[i].name, 0);
		fixture_flip(dir_of(f), small[i].name, -1);
		refused(f, 1, small[i].flipped, small[i].name);
		fixture_flip(dir_of(f), small[i].name, -1);
		buf_clear(&bytes);
		fixture_read(dir_of(f), small[i].name, &bytes);
		fixture_write(dir_of(f), small[i].name, bytes.data, bytes.len - 1);
		refused(f, 1, R_FILE_SIZE, small[i].name);
		buf_putc(&bytes, 'x');
		fixture_write(dir_of(f), small[i].name, bytes.data, bytes.len);
		refused(f, 1, R_FILE_SIZE, small[i].name);
		drop(f, small[i].name);
		refused(f, 1, R_FILE_MISSING, small[i].name);
		fixture_free(f);
	}
	f = make();
	fixture_bundle(f, 17);
	fixture_flip(dir_of(f), signature(f, FIXTURE_APPROVER_A, NAMES_APPROVALS), 3);
	refused(f, 1, R_FILE_DIGEST, NAMES_APPROVALS ".");
	drop(f, signature(f, FIXTURE_APPROVER_A, NAMES_APPROVALS));
	refused(f, 1, R_FILE_MISSING, NAMES_APPROVALS ".");
	drop(f, "VERIFY.txt");
	drop(f, "vol-0001.tar.zst");
	fixture_sign(f, FIXTURE_APPROVER_A, dir_of(f), NAMES_APPROVALS, &f->list);
	accepted(f, 1, 1);	/* these two are judged elsewhere */
	buf_free(&bytes);
	fixture_free(f);
}

/* M11: other kinds of files; nothing hangs. */
static void other_types(void **state)
{
	static const char *const names[] = {NAMES_MANIFEST, "trust-1.yaml", "vol-0001.yaml"};
	char path[256];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct fixture *f = make();

		fixture_bundle(f, 17);
		drop(f, names[i]);
		snprintf(path, sizeof path, "%s/%s", dir_of(f), names[i]);
		assert_int_equal(symlink("/dev/zero", path), 0);
		refused(f, 1, R_FILE_TYPE, names[i]);
		unlink(path);
		assert_int_equal(mkfifo(path, 0600), 0);
		refused(f, 1, R_FILE_TYPE, names[i]);
		unlink(path);
		assert_int_equal(mkdir(path, 0700), 0);
		refused(f, 1, R_FILE_TYPE, names[i]);
		fixture_free(f);
	}
}

static void clocks(void **state)
{
	struct fixture *f = make();
	struct judged j = {0};

	(void)state;
	f->created = FIXTURE_NOW + MAX_CLOCK_AHEAD;
	fixture_bundle(f, 17);
	accepted(f, 1, 1);
	fixture_free(f);
	f = make();
	f->created = FIXTURE_NOW + MAX_CLOCK_AHEAD + 1;
	fixture_bundle(f, 17);
	refused(f, 1, R_CLOCK, NAMES_MANIFEST);
	j.now = FIXTURE_NOW + 400ll * 24 * 3600;
	assert_int_equal(judge(f, 1, &j), -1);
	assert_int_equal(j.err.reason, R_TRUST_EXPIRED);
	done(&j);
	fixture_free(f);
}

static void root(struct fixture *f, uint64_t version, bool drop_exporter_a)
{
	struct fixture_root r = {.version = version, .epoch = 1, .issued = FIXTURE_NOW - 60, .expires = FIXTURE_NOW + 86400 * 30,
				 .drop_exporter_a = drop_exporter_a};

	fixture_root(f, &r);
}

/* T1, T2, T3, T4, T6, S13. */
static void rotation(void **state)
{
	struct fixture *f = make();
	struct judged j = {0};
	struct fixture_root expired = {.version = 2, .epoch = 1, .issued = FIXTURE_NOW - 1000, .expires = FIXTURE_NOW - 1};

	(void)state;
	fixture_root(f, &expired);
	root(f, 3, false);
	fixture_bundle(f, 17);
	accepted(f, 1, 3);	/* an expired one in the middle */
	accepted(f, 2, 2);
	accepted(f, 3, 1);
	j.trust_max = 1;
	assert_int_equal(judge(f, 1, &j), 0);	/* as of its day */
	assert_int_equal(j.chain.n, 1);
	done(&j);
	fixture_flip(dir_of(f), "trust-3.yaml", 100);
	refused(f, 3, R_FILE_DIGEST, "trust-3.yaml");
	j = (struct judged){0};
	assert_int_equal(judge(f, 1, &j), -1);
	assert_int_equal(j.err.reason, R_TRUST_INVALID);
	assert_non_null(strstr(j.err.text, "trust-3.yaml"));
	assert_int_equal(j.chain.n, 2);	/* the good one before it is kept */
	done(&j);
	drop(f, "trust-3.yaml");
	refused(f, 1, R_TRUST_EXPIRED, BUNDLE);
	fixture_free(f);
}

static void removed_key(void **state)
{
	struct fixture *f = make();
	struct judged j = {0};

	(void)state;
	root(f, 2, true);
	fixture_bundle(f, 17);	/* signed with exporter A, which root 2 no longer names */
	assert_int_equal(judge(f, 1, &j), -1);
	assert_int_equal(j.err.reason, R_SIGNATURE_MISSING);
	assert_non_null(strstr(j.err.text, "no exporter's in trust root 2: it is of"));
	assert_int_equal(j.chain.n, 2);	/* T6: the good root stays */
	done(&j);
	fixture_free(f);
}

/* A root that is missing although the manifest names it; one that diverges from ours. */
static void chains(void **state)
{
	struct fixture *f = make();
	struct fixture_root other = {.version = 2, .epoch = 1, .issued = FIXTURE_NOW - 61, .expires = FIXTURE_NOW + 86400};
	struct judged j = {0};

	(void)state;
	root(f, 2, false);
	fixture_bundle(f, 17);
	drop(f, "trust-2.yaml");
	refused(f, 1, R_FILE_MISSING, "trust-2.yaml");
	fixture_root(f, &other);	/* ours is another version 2 now */
	assert_int_equal(judge(f, 2, &j), -1);
	assert_int_equal(j.err.reason, R_TRUST_CHAIN);
	done(&j);
	fixture_free(f);
}

/* A chain on the medium that ends before ours is fine. */
static void prefix(void **state)
{
	struct fixture *f = make();

	(void)state;
	fixture_bundle(f, 17);
	root(f, 2, false);
	accepted(f, 2, 1);
	fixture_free(f);
}

/* ---- lists ---- */

static int list_of(struct fixture *f, int64_t now, struct err *e, bool *there)
{
	struct judged j = {0};
	struct approvals *a = NULL;
	int rc;

	if (judge(f, 1, &j) == -1)
		fail_msg("%s", j.err.text);
	rc = bundle_list(j.bundle, &j.chain, now, &a, e);
	*there = a != NULL;
	approvals_free(a);
	done(&j);
	return rc;
}

static void lists(void **state)
{
	struct fixture *f = make();
	struct err e = {0};
	bool there;

	(void)state;
	f->list_signers = 1;
	fixture_bundle(f, 17);
	assert_int_equal(list_of(f, FIXTURE_NOW, &e, &there), -1);
	assert_int_equal(e.reason, R_SIGNATURE_THRESHOLD);
	assert_false(there);
	err_clear(&e);
	fixture_sign(f, FIXTURE_APPROVER_B, dir_of(f), NAMES_APPROVALS, &f->list);	/* the manifest does not name it */
	assert_int_equal(list_of(f, FIXTURE_NOW, &e, &there), -1);
	assert_int_equal(e.reason, R_SIGNATURE_THRESHOLD);
	err_clear(&e);
	fixture_free(f);
	f = make();
	fixture_bundle(f, 17);
	assert_int_equal(list_of(f, FIXTURE_NOW, &e, &there), 0);
	assert_int_equal(list_of(f, f->expires, &e, &there), -1);
	assert_int_equal(e.reason, R_EXPIRED);
	assert_true(there);
	err_clear(&e);
	assert_int_equal(list_of(f, f->expires - 1, &e, &there), 0);
	assert_int_equal(list_of(f, f->issued - MAX_CLOCK_AHEAD - 1, &e, &there), -1);
	assert_int_equal(e.reason, R_CLOCK);
	assert_false(there);
	fixture_free(f);
}

static void other_revision(struct fixture *f, struct manifest *m)
{
	(void)f;
	m->approvals.revision++;
}

static void list_not_as_said(void **state)
{
	struct fixture *f = make();
	struct err e = {0};
	bool there;

	(void)state;
	f->change_manifest = other_revision;
	fixture_bundle(f, 17);
	assert_int_equal(list_of(f, FIXTURE_NOW, &e, &there), -1);
	assert_int_equal(e.reason, R_DOCUMENT_FORM);
	fixture_free(f);
	err_clear(&e);
	f = make();
	f->epoch = 2;
	fixture_list(f, 7);
	fixture_bundle(f, 17);
	assert_int_equal(list_of(f, FIXTURE_NOW, &e, &there), -1);
	assert_int_equal(e.reason, R_JUMP);
	fixture_free(f);
}

/* An index that belongs to another volume. */
static void swap_number(struct fixture *f, struct fixture_volume *v)
{
	(void)f;
	v->index.volume = 3 - v->index.volume;
}

static void indexes(void **state)
{
	struct fixture *f = make();
	struct judged j = {0};

	(void)state;
	f->change_frames = swap_number;
	fixture_bundle(f, 17);
	assert_int_equal(judge(f, 1, &j), 0);
	assert_null(bundle_volume(j.bundle, 1, &j.err));
	assert_int_equal(j.err.reason, R_DOCUMENT_FORM);
	done(&j);
	fixture_free(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(good), cmocka_unit_test(found), cmocka_unit_test(interrupted), cmocka_unit_test(signatures),
		cmocka_unit_test(changed_manifest), cmocka_unit_test(other_document), cmocka_unit_test(every_file),
		cmocka_unit_test(other_types), cmocka_unit_test(clocks), cmocka_unit_test(rotation),
		cmocka_unit_test(removed_key), cmocka_unit_test(chains), cmocka_unit_test(prefix), cmocka_unit_test(lists),
		cmocka_unit_test(list_not_as_said), cmocka_unit_test(indexes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
