/*
 * What must not enter: signatures, lists, roots, destinations (the rows S, F and T of the attacks that need whole bundles).
 * For each: exit code and reason word (E), the store unchanged but for journal lines that say refused (U), and the
 * untouched good bundle enters afterwards (R).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "import/admit.h"
#include "import/run.h"
#include "lib/sign.h"
#include "manifests/journal.h"
#include "manifests/limits.h"
#include "tests/unit/perimeter.h"
#include "verify/reader.h"
#include "verify/seen.h"

/* A store at 7, and the good bundle of list 8 put aside. */
static struct perimeter *at_seven(void)
{
	struct perimeter *p = perimeter_new();

	perimeter_bundle(p, 7, 7, "seven");
	APPLY(p, 0, "imported");
	perimeter_move(p, "updates-00000007", "seven");
	perimeter_bundle(p, 8, 8, "eight");
	return p;
}

/* R: the good bundle, put back, brings 8. */
static void good_enters(struct perimeter *p)
{
	EXPECT(p, 0, "list 8 in effect", "-C", p->store, "apply", p->f->dir);
	assert_string_equal(perimeter_published(p, "alpha/x"), "eight");
	perimeter_free(p);
}

static size_t count(const struct perimeter *p, const char *needle)
{
	struct buf journal = {0};
	size_t n = 0;

	fixture_read(p->store, "journal.jsonl", &journal);
	for (const char *at = (const char *)journal.data; (at = strstr(at, needle)) != NULL; at++)
		n++;
	buf_free(&journal);
	return n;
}

/* E and U for what lies on the medium now. */
static void refused(struct perimeter *p, int code, const char *word)
{
	struct buf before = {0};
	char reason[64];
	size_t lines = count(p, "\n"), told;

	snprintf(reason, sizeof reason, "\"reason\":\"%s\"", word);
	told = count(p, reason);
	perimeter_snapshot(p, &before);
	APPLY(p, code, word);
	perimeter_same(p, &before);
	assert_int_equal(count(p, "\n") - lines, 1);
	assert_int_equal(count(p, reason) - told, 1);
	buf_free(&before);
}

static char *name_of(const struct perimeter *p, int key, const char *document, char out[NAMES_SIGNATURE_LEN])
{
	return names_signature(document, pubkey_id(sign_public(p->f->keys[key])), out);
}

static void unlink_in(const char *dir, const char *name)
{
	char path[320];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	assert_int_equal(unlink(path), 0);
}

/* S1, S2, S4, S6: the manifest's signature, changed on the medium and changed back. */
static void manifest_signatures(void **state)
{
	struct perimeter *p = at_seven();
	struct buf manifest = {0}, good = {0}, other = {0};
	char dir[160], sig[NAMES_SIGNATURE_LEN], second[NAMES_SIGNATURE_LEN], odd[NAMES_SIGNATURE_LEN + 8];

	(void)state;
	fixture_bundle_dir(p->f, 8, dir);
	name_of(p, FIXTURE_EXPORTER_A, NAMES_MANIFEST, sig);
	name_of(p, FIXTURE_EXPORTER_B, NAMES_MANIFEST, second);
	fixture_read(dir, NAMES_MANIFEST, &manifest);
	fixture_read(dir, sig, &good);
	unlink_in(dir, sig);
	refused(p, 1, "signature-missing");
	fixture_write(dir, sig, "", 0);
	refused(p, 1, "signature-missing");
	fixture_write(dir, sig, "\n", 1);
	refused(p, 1, "signature-missing");
	unlink_in(dir, sig);
	fixture_sign(p->f, FIXTURE_FRESH_A, dir, NAMES_MANIFEST, &manifest);	/* S2 */
	refused(p, 1, "signature-missing");
	fixture_sign(p->f, FIXTURE_APPROVER_A, dir, NAMES_MANIFEST, &manifest);
	refused(p, 1, "signature-missing");
	fixture_sign(p->f, FIXTURE_APPROVER_A, p->top, NAMES_MANIFEST, &manifest);	/* under the exporter's name: S6 */
	fixture_read(p->top, name_of(p, FIXTURE_APPROVER_A, NAMES_MANIFEST, odd), &other);
	fixture_write(dir, sig, other.data, other.len);
	refused(p, 1, "signature-threshold");
	fixture_write(dir, sig, good.data, good.len - 1);	/* S10 */
	refused(p, 1, "signature-threshold");
	unlink_in(dir, sig);
	fixture_write(dir, second, good.data, good.len);	/* B's name, A's signature */
	refused(p, 1, "signature-threshold");
	unlink_in(dir, second);
	snprintf(odd, sizeof odd, "%.*s%c.sig", (int)strlen(sig) - 5, sig, sig[strlen(sig) - 5] == '1' ? '2' : '1');	/* another id */
	fixture_write(dir, odd, good.data, good.len);
	refused(p, 1, "signature-missing");
	fixture_write(dir, sig, good.data, good.len);
	buf_free(&manifest);
	buf_free(&good);
	buf_free(&other);
	good_enters(p);
}

/* Takes the good bundle away while a bad one is tried, and brings it back. */
static void put_good_aside(struct perimeter *p)
{
	perimeter_move(p, "updates-00000008", "eight");
}
static void bring_good_back(struct perimeter *p, const char *bad)
{
	if (bad != NULL)
		perimeter_move(p, bad, "bad");
	perimeter_put_back(p, "eight", "updates-00000008");
}

/* S3, F7b: a newer list of too few approvers: nothing of the bundle is taken. */
static void list_below_threshold(void **state)
{
	struct perimeter *p = at_seven();

	(void)state;
	put_good_aside(p);
	p->f->list_signers = 1;
	perimeter_bundle(p, 9, 9, "nine");
	refused(p, 1, "signature-threshold");
	bring_good_back(p, "updates-00000009");
	good_enters(p);
}

/* An older list of too few approvers is ignored, its objects are taken. */
static void old_list_below_threshold(void **state)
{
	struct perimeter *p = at_seven();

	(void)state;
	put_good_aside(p);
	p->f->list_signers = 1;
	perimeter_bundle(p, 6, 9, "six");
	APPLY(p, 0, "list 6 ignored: signature-threshold");
	assert_string_equal(perimeter_published(p, "alpha/x"), "seven");
	bring_good_back(p, "updates-00000009");
	good_enters(p);
}

static void fork_of_list(void **state)
{
	struct perimeter *p = at_seven();

	(void)state;
	APPLY(p, 0, "list 8 in effect");
	perimeter_bundle(p, 8, 9, "another eight");	/* F3 */
	APPLY(p, 1, "list-fork");
	assert_string_equal(perimeter_published(p, "alpha/x"), "eight");
	assert_int_equal(count(p, "\"ours\":"), 1);
	perimeter_move(p, "updates-00000009", "fork");
	perimeter_bundle(p, 9, 10, "nine");
	APPLY(p, 0, "list 9 in effect");
	perimeter_free(p);
}

/* F3: also where policy dropped the list long ago. That very list comes back as what it is, an older one. */
static void fork_of_former(void **state)
{
	struct perimeter *p = perimeter_new();
	static const char *const texts[] = {"one", "two", "three"};
	char path[160], bundle[32];
	FILE *config;

	(void)state;
	snprintf(path, sizeof path, "%s/store.yaml", p->store);
	config = fopen(path, "a");
	assert_non_null(config);
	fputs("policy:\n  keep_lists: 0\n", config);
	assert_int_equal(fclose(config), 0);
	for (uint64_t n = 1; n <= 3; n++) {
		perimeter_bundle(p, n, n, texts[n - 1]);
		APPLY(p, 0, "imported");
		snprintf(bundle, sizeof bundle, "updates-0000000%llu", (unsigned long long)n);
		perimeter_move(p, bundle, texts[n - 1]);
	}
	snprintf(path, sizeof path, "%s/streams/updates/lists/1-1", p->store);
	assert_int_equal(access(path, F_OK), -1);
	perimeter_bundle(p, 1, 4, "another one");
	APPLY(p, 1, "list 1 refused: list-fork");
	assert_int_equal(count(p, "\"ours\":"), 1);
	assert_int_equal(count(p, "\"event\":\"list\""), 3);
	assert_string_equal(perimeter_published(p, "alpha/x"), "three");
	perimeter_move(p, "updates-00000004", "fork");
	perimeter_bundle(p, 1, 5, "one");
	APPLY(p, 0, "list 1 is older than the newest one");
	assert_int_equal(count(p, "\"heals\""), 0);
	assert_string_equal(perimeter_published(p, "alpha/x"), "three");
	perimeter_free(p);
}

/* F3: another manifest with the sequence of a known one is an alarm, not a refusal. */
static void fork_of_sequence(void **state)
{
	struct perimeter *p = at_seven();

	(void)state;
	APPLY(p, 0, "list 8 in effect");
	perimeter_move(p, "updates-00000008", "eight");
	perimeter_bundle(p, 9, 8, "nine");
	APPLY(p, 0, "another bundle with this sequence");
	assert_int_equal(count(p, "\"event\":\"alarm\""), 1);
	assert_string_equal(perimeter_published(p, "alpha/x"), "nine");
	APPLY(p, 0, "already imported");
	assert_int_equal(count(p, "\"event\":\"alarm\""), 1);
	perimeter_free(p);
}

/* F4: the list is refused, its objects are taken, what is published stays. */
static void expired(void **state)
{
	struct perimeter *p = at_seven();
	int64_t expires = p->f->expires;

	(void)state;
	put_good_aside(p);
	p->f->issued = time(NULL) - 86400;
	p->f->expires = time(NULL) - 10;
	perimeter_bundle(p, 9, 9, "nine");
	APPLY(p, 1, "list 9 refused: expired");
	assert_true(perimeter_said(p, "imported  2 objects"));
	assert_string_equal(perimeter_published(p, "alpha/x"), "seven");
	refused(p, 1, "expired");	/* again: nothing more is to be taken */
	/* older than what is known: no matter */
	perimeter_bundle(p, 6, 10, "six");
	perimeter_move(p, "updates-00000009", "nine");
	APPLY(p, 0, "list 6 ignored: expired");
	perimeter_move(p, "updates-00000010", "ten");
	p->f->expires = expires;
	bring_good_back(p, NULL);
	good_enters(p);
}

/* F5, F5b */
static void too_far(void **state)
{
	struct perimeter *p = at_seven();
	int64_t created = p->f->created, issued = p->f->issued;

	(void)state;
	put_good_aside(p);
	perimeter_bundle(p, 7 + MAX_JUMP + 1, 9, "jump");
	APPLY(p, 1, "refused: jump");
	perimeter_move(p, "updates-00000009", "1");
	p->f->epoch = 2;	/* no root says so */
	perimeter_bundle(p, 1, 9, "epoch");
	APPLY(p, 1, "refused: jump");
	perimeter_move(p, "updates-00000009", "2");
	p->f->epoch = 1;
	p->f->issued = time(NULL) + 86400 * 3;
	p->f->expires = time(NULL) + 86400 * 300;
	perimeter_bundle(p, 9, 9, "issued in the future");
	APPLY(p, 1, "refused: clock");
	perimeter_move(p, "updates-00000009", "3");
	p->f->issued = issued;
	p->f->created = time(NULL) + 86400 * 3;
	perimeter_bundle(p, 9, 9, "created in the future");
	refused(p, 1, "clock");
	p->f->created = created;
	bring_good_back(p, "updates-00000009");
	good_enters(p);
}

/* The farthest revision that is no jump enters; then a root of the next epoch leaves it behind. */
static void next_epoch(void **state)
{
	struct perimeter *p = at_seven();
	struct fixture_root root = {.version = 2, .epoch = 2, .issued = time(NULL) - 60, .expires = time(NULL) + 31536000};

	(void)state;
	APPLY(p, 0, NULL);
	perimeter_bundle(p, 8 + MAX_JUMP, 9, "far");
	APPLY(p, 0, "list 1000008 in effect");
	fixture_root(p->f, &root);
	p->f->epoch = 2;
	perimeter_bundle(p, 1, 10, "epoch two");
	APPLY(p, 0, "list 1 of epoch 2 in effect");
	assert_string_equal(perimeter_published(p, "alpha/x"), "epoch two");
	perimeter_free(p);
}

/* F6: each file of 8 exchanged with its counterpart in 9. */
static void mix_and_match(void **state)
{
	static const char *const names[] = {"approvals.yaml", "vol-0001.yaml", "vol-0001.tar.zst"};
	struct perimeter *p = at_seven();
	char eight[160], nine[160];

	(void)state;
	put_good_aside(p);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct buf a = {0};

		perimeter_bundle(p, 8, 8, "eight");
		perimeter_bundle(p, 9, 9, "nine!");
		fixture_bundle_dir(p->f, 8, eight);
		fixture_bundle_dir(p->f, 9, nine);
		fixture_read(nine, names[i], &a);
		fixture_write(eight, names[i], a.data, a.len);
		perimeter_move(p, "updates-00000009", i == 0 ? "a" : i == 1 ? "b" : "c");
		if (i < 2)
			refused(p, 1, "file-digest");
		else
			APPLY(p, 3, "frame-digest");
		assert_string_equal(perimeter_published(p, "alpha/x"), "seven");
		perimeter_move(p, "updates-00000008", i == 0 ? "d" : i == 1 ? "e" : "f");
		buf_free(&a);
	}
	perimeter_put_back(p, "eight", "updates-00000008");
	good_enters(p);
}

static void for_b(struct fixture *f, struct manifest *m)
{
	static char *names[] = {(char *)(uintptr_t)"perimeter-b"};

	(void)f;
	m->destinations = names;
	m->destinations_n = 1;
}
static void for_prefix(struct fixture *f, struct manifest *m)
{
	static char *names[] = {(char *)(uintptr_t)"perimeter"};

	(void)f;
	m->destinations = names;
	m->destinations_n = 1;
}
static void for_both(struct fixture *f, struct manifest *m)
{
	static char *names[] = {(char *)(uintptr_t)"perimeter-a", (char *)(uintptr_t)"perimeter-b"};

	(void)f;
	m->destinations = names;
	m->destinations_n = 2;
}

static struct digest witness_seen;
static void with_witness(struct fixture *f, struct manifest *m)
{
	static struct manifest_witness w[2];

	(void)f;
	w[0] = (struct manifest_witness){.destination = (char *)(uintptr_t)"perimeter-a", .counter = 3, .journal = witness_seen};
	w[1] = (struct manifest_witness){.destination = (char *)(uintptr_t)"perimeter-b", .counter = 9};
	m->witness = w;
	m->witness_n = 2;
}

/* A witness that our journal holds is fine, one that it doesn't is an alarm; either way the bundle enters. */
static void witnesses(void **state)
{
	struct perimeter *p = at_seven();
	struct file store = FILE_CLOSED;
	struct err e = {0};
	uint64_t length;

	(void)state;
	put_good_aside(p);
	assert_int_equal(file_open_dir(p->store, &store, &e), 0);
	assert_int_equal(journal_read(&store, "journal.jsonl", NULL, NULL, &length, &witness_seen, &e), 0);
	file_close(&store);
	p->f->change_manifest = with_witness;
	perimeter_bundle(p, 9, 9, "nine");
	APPLY(p, 0, "list 9 in effect");
	assert_int_equal(count(p, "\"event\":\"alarm\""), 0);
	witness_seen.bytes[0] ^= 1;
	perimeter_bundle(p, 10, 10, "ten");
	APPLY(p, 0, "restored from a backup");
	assert_int_equal(count(p, "\"what\":\"journal-history\""), 1);
	assert_string_equal(perimeter_published(p, "alpha/x"), "ten");
	perimeter_free(p);
}

/* F9 */
static void wrong_destination(void **state)
{
	struct perimeter *p = at_seven();
	struct buf before = {0};

	(void)state;
	put_good_aside(p);
	p->f->change_manifest = for_b;
	perimeter_bundle(p, 9, 9, "for b");
	perimeter_snapshot(p, &before);
	APPLY(p, 1, "wrong-destination");
	p->f->change_manifest = for_prefix;
	perimeter_bundle(p, 9, 10, "for a prefix of our name");
	APPLY(p, 1, "wrong-destination");
	perimeter_same(p, &before);
	p->f->change_manifest = for_both;
	perimeter_bundle(p, 8, 11, "for both");
	APPLY(p, 0, "skipped: wrong-destination");
	assert_string_equal(perimeter_published(p, "alpha/x"), "for both");
	buf_free(&before);
	perimeter_free(p);
}

/* T6, S13: a good root enters even where the rest is refused, and what its keys no longer sign is refused. */
static void root_and_bad_bundle(void **state)
{
	struct perimeter *p = at_seven();
	struct fixture_root root = {.version = 2, .epoch = 1, .issued = time(NULL) - 60, .expires = time(NULL) + 31536000,
				    .drop_exporter_a = true};
	struct buf trust = {0};
	char dir[160];

	(void)state;
	APPLY(p, 0, "list 8 in effect");
	fixture_root(p->f, &root);
	perimeter_bundle(p, 9, 9, "nine");	/* signed by exporter A */
	APPLY(p, 1, "signature-missing");
	fixture_read(p->store, "trust/trust-2.yaml", &trust);
	assert_int_equal(trust.len, p->f->roots[2].len);
	assert_string_equal(perimeter_published(p, "alpha/x"), "eight");
	EXPECT(p, 0, "trust root 2", "-C", p->store, "status");
	APPLY(p, 1, "signature-missing");	/* the chain is read again and still holds */
	buf_clear(&trust);
	fixture_bundle_dir(p->f, 9, dir);
	fixture_read(dir, NAMES_MANIFEST, &trust);
	fixture_sign(p->f, FIXTURE_EXPORTER_B, dir, NAMES_MANIFEST, &trust);
	perimeter_move(p, "updates-00000008", "eight");
	APPLY(p, 0, "list 9 in effect");
	buf_free(&trust);
	perimeter_free(p);
}

/* T3: a root that is not signed as it must be leaves nothing. */
static void bad_root(void **state)
{
	struct perimeter *p = at_seven();
	struct fixture_root root = {.version = 2, .epoch = 1, .issued = time(NULL) - 60, .expires = time(NULL) + 31536000};
	char dir[160], sig[NAMES_SIGNATURE_LEN];

	(void)state;
	put_good_aside(p);
	fixture_root(p->f, &root);
	perimeter_bundle(p, 9, 9, "nine");
	unlink_in(fixture_bundle_dir(p->f, 9, dir), name_of(p, FIXTURE_ROOT_B, "trust-2.yaml", sig));
	refused(p, 1, "trust-invalid");
	bring_good_back(p, "updates-00000009");
	good_enters(p);
}

/* A list that waits and that the new root's approvers no longer reach the threshold for is dropped: here by its epoch. */
static void root_drops_waiting_list(void **state)
{
	struct perimeter *p = at_seven();
	struct fixture_root root = {.version = 2, .epoch = 2, .issued = time(NULL) - 60, .expires = time(NULL) + 31536000};
	struct record x = fixture_file("alpha/x", "never comes", 11);
	struct contents_ref a;

	(void)state;
	p->f->entries_n = 0;
	a = fixture_item(p->f, "alpha", &x, 1);
	fixture_approve(p->f, "alpha", 9, "production", &a);
	fixture_list(p->f, 9);
	fixture_bundle(p->f, 9);
	APPLY(p, 4, "list 9 waits");
	fixture_root(p->f, &root);
	p->f->epoch = 2;
	perimeter_bundle(p, 1, 10, "epoch two");
	APPLY(p, 1, "list 9 refused: jump");	/* judged by the root that bundle 10 brings */
	assert_true(perimeter_said(p, "list 1 of epoch 2 in effect"));
	assert_int_equal(count(p, "\"event\":\"list-dropped\""), 1);
	assert_string_equal(perimeter_published(p, "alpha/x"), "epoch two");
	APPLY(p, 0, "already imported; list 9 ignored");
	EXPECT(p, 0, "healthy", "-C", p->store, "status");
	perimeter_free(p);
}

/* F12: a clock far behind the time at which the newest list kept was issued judges no list. */
static void clock_behind(void **state)
{
	struct perimeter *p = at_seven();
	const int64_t seven = p->f->issued;
	struct run run = {.lock = FILE_CLOSED, .now = seven - MAX_CLOCK_AHEAD - 1};
	struct bundle *b = NULL;
	struct admit admit;
	struct err e = {0};
	struct seen seen = {.bundle = "updates-00000008"};
	struct unseal u = {.seen = &seen, .now = time(NULL)};
	struct admit_ask ask = {.run = &run};

	(void)state;
	perimeter_move(p, "updates-00000008", "other");
	p->f->issued -= 3 * 86400;
	perimeter_bundle(p, 8, 8, "eight");
	seen.reader = reader_open(&(struct reader_ask){.medium = p->f->dir, .jobs = 1}, &e);
	assert_non_null(seen.reader);
	assert_int_equal(store_open(p->store, &run.store, &e), 0);
	u.chain = &run.store.chain;
	assert_int_equal(unseal(&u, &b, &e), 0);
	seen_free(&seen);
	ask.bundle = b;
	assert_int_equal(admit_list(&ask, &admit, &e), 0);
	assert_int_equal(admit.verdict, ADMIT_REFUSED);
	assert_int_equal(admit.why.reason, R_CLOCK);
	assert_non_null(strstr(admit.why.text, "and list 7, which this store has, was issued at"));
	run.now++;
	assert_int_equal(admit_list(&ask, &admit, &e), 0);
	assert_int_equal(admit.verdict, ADMIT_NEW);
	approvals_free(admit.list);
	bundle_free(b);
	reader_close(seen.reader);
	run_close(&run);
	good_enters(p);
}

/* Only what was never finished: 3. Beside a good bundle it doesn't matter. */
static void interrupted(void **state)
{
	struct perimeter *p = at_seven();
	char dir[160];
	struct buf before = {0};

	(void)state;
	put_good_aside(p);
	perimeter_bundle(p, 9, 9, "nine");
	unlink_in(fixture_bundle_dir(p->f, 9, dir), NAMES_MANIFEST);
	perimeter_snapshot(p, &before);
	APPLY(p, 3, "bundle-interrupted");
	perimeter_same(p, &before);
	perimeter_put_back(p, "eight", "updates-00000008");
	buf_free(&before);
	good_enters(p);
}

/* Q2: what there is no room for is refused before the first write. */
static void giant(struct fixture *f, struct fixture_volume *v)
{
	(void)f;
	for (size_t i = 0; i < v->index.objects_n; i++)
		if (v->index.objects[i].has_piece)
			v->index.objects[i].size = UINT64_C(1) << 40;	/* which file systems have files of */
}
static void pieces_of_a_giant(void **state)
{
	struct perimeter *p = at_seven();

	(void)state;
	put_good_aside(p);
	fixture_piece(p->f, "piece of something", 18, 0, 5);
	p->f->change_frames = giant;
	buf_clear(&p->f->list);
	fixture_bundle(p->f, 9);
	/* five bytes of a terabyte fit: they are kept for the rest to come, and nothing waits for it */
	APPLY(p, 0, "imported  0 objects, 5 B");
	p->f->change_frames = NULL;
	bring_good_back(p, "updates-00000009");
	good_enters(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(manifest_signatures), cmocka_unit_test(list_below_threshold),
		cmocka_unit_test(old_list_below_threshold), cmocka_unit_test(fork_of_list), cmocka_unit_test(fork_of_former),
		cmocka_unit_test(fork_of_sequence),
		cmocka_unit_test(expired), cmocka_unit_test(too_far), cmocka_unit_test(next_epoch),
		cmocka_unit_test(mix_and_match), cmocka_unit_test(wrong_destination), cmocka_unit_test(witnesses), cmocka_unit_test(root_and_bad_bundle),
		cmocka_unit_test(bad_root), cmocka_unit_test(root_drops_waiting_list), cmocka_unit_test(clock_behind),
		cmocka_unit_test(interrupted), cmocka_unit_test(pieces_of_a_giant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
