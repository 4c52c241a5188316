/*
 * A store as found on disk: its trust (row T8 of the list of attacks), states and lists; and a published item beside its
 * contents list, with the names whose order is easy to get wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "manifests/schema.h"
#include "tests/unit/fixture.h"
#include "verify/audit_tree.h"
#include "verify/report.h"
#include "verify/state.h"

/* A store by hand in f->dir: stream "updates", ring "production", trust roots 1..newest. */
static void in_store(const struct fixture *f, const char *path, char out[256])
{
	snprintf(out, 256, "%s/%s", f->dir, path);
}

static void make_dir(const struct fixture *f, const char *path)
{
	char full[256];

	in_store(f, path, full);
	assert_int_equal(mkdir(full, 0755), 0);
	assert_int_equal(chmod(full, 0755), 0);
}

static void write_config(const struct fixture *f, const char *policy)
{
	char hex[DIGEST_HEX + 1], text[1024];
	struct digest d;
	struct err e = {0};

	assert_int_equal(digest_of(f->roots[1].data, f->roots[1].len, &d, &e), 0);
	snprintf(text, sizeof text,
		 "satchel: store/1\nname: \"perimeter-a\"\ntrust: {version: 1, sha256: %s}\nstreams:\n"
		 "  - stream: \"updates\"\n    rings: [\"production\"]\n%s", digest_hex(&d, hex), policy);
	fixture_write(f->dir, "store.yaml", text, strlen(text));
}

static int make_store(void **state)
{
	static const char *const dirs[] = {"trust", "objects", "streams", "streams/updates", "streams/updates/a",
					   "streams/updates/a/tree", "streams/updates/b", "streams/updates/lists"};
	struct fixture *f = fixture_new();
	char full[256];

	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		make_dir(f, dirs[i]);
	write_config(f, "");
	in_store(f, "trust", full);
	fixture_write(full, "trust-1.yaml", f->roots[1].data, f->roots[1].len);
	*state = f;
	return 0;
}

static int drop_store(void **state)
{
	fixture_free(*state);
	return 0;
}

static void add_root(struct fixture *f, uint64_t version)
{
	struct fixture_root r = {.version = version, .epoch = 1, .issued = FIXTURE_NOW, .expires = FIXTURE_NOW + 86400};
	char full[256], name[32];

	fixture_root(f, &r);
	in_store(f, "trust", full);
	names_trust(version, name);
	fixture_write(full, name, f->roots[version].data, f->roots[version].len);
	fixture_sign(f, FIXTURE_ROOT_A, full, name, &f->roots[version]);
	fixture_sign(f, FIXTURE_ROOT_B, full, name, &f->roots[version]);
}

static void opens(const struct fixture *f, size_t roots)
{
	struct store s;
	struct err e = {0};

	if (store_open(f->dir, &s, &e) == -1)
		fail_msg("%s", e.text);
	assert_int_equal(s.chain.n, roots);
	store_close(&s);
}

static void refused(const struct fixture *f, int reason)
{
	struct store s;
	struct err e = {0};

	assert_int_equal(store_open(f->dir, &s, &e), -1);
	if (e.reason != reason)
		fail_msg("%s (%s), not %s", reason_word(e.reason), e.text, reason_word(reason));
	store_close(&s);	/* harmless */
}

static void config(void **state)
{
	struct fixture *f = *state;
	struct store s;
	struct err e = {0};
	char full[256];

	assert_int_equal(store_open(f->dir, &s, &e), 0);
	assert_string_equal(s.config.name, "perimeter-a");
	assert_int_equal(s.config.policy.ahead_days, 90);
	assert_int_equal(s.config.policy.keep_lists, 10);
	assert_int_equal(s.config.policy.stale_days, 45);
	assert_non_null(store_stream(&s, "updates"));
	assert_null(store_stream(&s, "update"));
	store_close(&s);
	write_config(f, "policy:\n  keep_lists: 3\n");
	assert_int_equal(store_open(f->dir, &s, &e), 0);
	assert_int_equal(s.config.policy.keep_lists, 3);
	assert_int_equal(s.config.policy.stale_days, 45);
	store_close(&s);
	write_config(f, "  - stream: \"updates\"\n    rings: [\"pilot\"]\n");
	refused(f, ERR_CONFIG);
	write_config(f, "  - stream: \"other\"\n    rings: []\n");
	refused(f, ERR_CONFIG);
	write_config(f, "unknown: 1\n");
	refused(f, ERR_CONFIG);
	in_store(f, "store.yaml", full);
	assert_int_equal(unlink(full), 0);
	refused(f, ERR_CONFIG);
	assert_int_equal(chmod(f->dir, 0777), 0);
	refused(f, ERR_UNSAFE);
}

/* T8: deleted, truncated, changed, writable by others, and one in the middle gone. */
static void trust(void **state)
{
	struct fixture *f = *state;
	char root[256], dir[256];

	opens(f, 1);
	add_root(f, 2);
	add_root(f, 3);
	opens(f, 3);
	in_store(f, "trust", dir);
	in_store(f, "trust/trust-3.yaml", root);
	assert_int_equal(unlink(root), 0);
	refused(f, R_TRUST_DAMAGED);	/* its signatures tell that it was there */
	add_root(f, 3);
	in_store(f, "trust/trust-2.yaml", root);
	assert_int_equal(unlink(root), 0);
	refused(f, R_TRUST_DAMAGED);
	add_root(f, 2);
	fixture_flip(dir, "trust-2.yaml", 40);
	refused(f, R_TRUST_DAMAGED);
	fixture_flip(dir, "trust-2.yaml", 40);
	opens(f, 3);
	assert_int_equal(chmod(root, 0666), 0);
	refused(f, R_TRUST_DAMAGED);
	assert_int_equal(chmod(root, 0644), 0);
	assert_int_equal(chmod(dir, 0777), 0);
	refused(f, R_TRUST_DAMAGED);
	assert_int_equal(chmod(dir, 0755), 0);
	opens(f, 3);
	in_store(f, "trust/trust-1.yaml", root);
	assert_int_equal(truncate(root, 100), 0);
	refused(f, R_TRUST_DAMAGED);
	assert_int_equal(unlink(root), 0);
	refused(f, R_TRUST_DAMAGED);
}

/* ---- states ---- */

static struct state_item item(const char *name, const struct contents_ref *ref)
{
	return (struct state_item){.item = (char *)(uintptr_t)name, .epoch = 1, .list = 7, .revision = 1,
				   .contents = ref->sha256, .size = ref->size, .files = ref->files, .bytes = ref->bytes};
}

static int load(const struct fixture *f, const struct state *written, struct state **out, struct err *e)
{
	struct buf bytes = {0};
	char dir[256];
	struct store s;
	int rc;

	err_clear(e);
	assert_int_equal(schema_encode(&state_schema, written, &bytes, e), 0);
	in_store(f, "streams/updates/a", dir);
	fixture_write(dir, "state.yaml", bytes.data, bytes.len);
	buf_free(&bytes);
	assert_int_equal(store_open(f->dir, &s, e), 0);
	rc = state_load(&s, "updates", 'a', out, e);
	store_close(&s);
	return rc;
}

static void states(void **state)
{
	const struct fixture *f = *state;
	struct contents_ref ref = {.size = 100, .files = 2, .bytes = 3};
	struct state_item items[2] = {item("a", &ref), item("b/c", &ref)};
	struct state_waiting waiting[1] = {{.item = (char *)(uintptr_t)"b/c", .revision = 2, .objects = 4, .bytes = 5,
					    .why = (char *)(uintptr_t)"requires a"}};
	struct state_missing missing[1] = {{.size = 9}};
	char *rings[2] = {(char *)(uintptr_t)"pilot", (char *)(uintptr_t)"production"};
	struct state w = {.stream = (char *)(uintptr_t)"updates", .time = FIXTURE_NOW, .items = items, .items_n = 2,
			  .waiting = waiting, .waiting_n = 1, .missing = missing, .missing_n = 1, .missing_total = 1,
			  .has_newest = true, .newest = {.epoch = 1, .revision = 8}};
	struct state *is;
	struct store s;
	struct err e = {0};

	assert_int_equal(store_open(f->dir, &s, &e), 0);
	assert_int_equal(state_load(&s, "updates", 'b', &is, &e), 1);	/* none yet */
	assert_null(is);
	store_close(&s);
	assert_int_equal(load(f, &w, &is, &e), 0);
	assert_int_equal(is->items_n, 2);
	assert_string_equal(is->items[1].item, "b/c");
	assert_int_equal(is->items[1].size, 100);
	assert_string_equal(is->waiting[0].why, "requires a");
	assert_int_equal(is->missing[0].size, 9);
	assert_true(is->has_newest);
	assert_false(is->has_complete);
	assert_int_equal(is->former_n, 0);
	assert_int_equal(is->rings_n, 0);	/* as a store of before has it */
	state_free(is);
	w.rings = rings;
	w.rings_n = 2;
	assert_int_equal(load(f, &w, &is, &e), 0);
	assert_int_equal(is->rings_n, 2);
	assert_string_equal(is->rings[1], "production");
	state_free(is);
	w.phase = STATE_BUILDING;
	w.former = items;
	w.former_n = 1;
	assert_int_equal(load(f, &w, &is, &e), 0);
	assert_int_equal(is->phase, STATE_BUILDING);
	assert_int_equal(is->former_n, 1);
	state_free(is);
	w.stream = (char *)(uintptr_t)"other";
	assert_int_equal(load(f, &w, &is, &e), -1);
	assert_int_equal(e.reason, R_STORE_DAMAGED);
}

static void damaged_states(void **state)
{
	static const char *const bad[] = {
		"", "satchel: state/1\n", "satchel: approvals/1\n",
		"satchel: state/1\nstream: \"updates\"\nphase: clean\ntime: 2026-11-22T10:00:00Z\nrings: [\"p\", \"a\"]\n"
		"missing_total: 0\nitems: []\nwaiting: []\nmissing: []\n",
		"satchel: state/1\nstream: \"updates\"\nphase: gone\ntime: 2026-11-22T10:00:00Z\nmissing_total: 0\nitems: []\n"
		"waiting: []\nmissing: []\n",
		"satchel: state/1\nstream: \"updates\"\nphase: clean\ntime: 2026-11-22T10:00:00Z\nmissing_total: 0\nitems: []\n"
		"waiting: []\nmissing: []\n\n",
	};
	const struct fixture *f = *state;
	struct state *is;
	struct store s;
	struct err e = {0};
	char dir[256];

	in_store(f, "streams/updates/a", dir);
	assert_int_equal(store_open(f->dir, &s, &e), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		fixture_write(dir, "state.yaml", bad[i], strlen(bad[i]));
		err_clear(&e);
		assert_int_equal(state_load(&s, "updates", 'a', &is, &e), -1);
		assert_null(is);
		assert_int_equal(reason_exit(e.reason), 1);
	}
	store_close(&s);
}

static void current(void **state)
{
	const struct fixture *f = *state;
	struct store s;
	struct err e = {0};
	char link[256], tree;

	in_store(f, "streams/updates/current", link);
	assert_int_equal(store_open(f->dir, &s, &e), 0);
	assert_int_equal(state_current(&s, "updates", &tree, &e), 0);
	assert_int_equal(tree, 0);
	assert_int_equal(symlink("b", link), 0);
	assert_int_equal(state_current(&s, "updates", &tree, &e), 0);
	assert_int_equal(tree, 'b');
	unlink(link);
	assert_int_equal(symlink("bb", link), 0);
	assert_int_equal(state_current(&s, "updates", &tree, &e), -1);
	assert_int_equal(e.reason, R_STORE_DAMAGED);
	err_clear(&e);
	unlink(link);
	assert_int_equal(mkdir(link, 0755), 0);
	assert_int_equal(state_current(&s, "updates", &tree, &e), -1);
	assert_int_equal(e.reason, R_STORE_DAMAGED);
	store_close(&s);
}

/* ---- lists ---- */

static void put_list(struct fixture *f, const char *name, uint64_t revision, unsigned signers, const char *root)
{
	char path[64], dir[256];

	snprintf(path, sizeof path, "streams/updates/lists/%s", name);
	make_dir(f, path);
	in_store(f, path, dir);
	fixture_list(f, revision);
	fixture_write(dir, NAMES_APPROVALS, f->list.data, f->list.len);
	for (unsigned i = 0; i < signers; i++)
		fixture_sign(f, FIXTURE_APPROVER_A + (int)i, dir, NAMES_APPROVALS, &f->list);
	if (root != NULL)
		fixture_write(dir, "root", root, strlen(root));
}

static void list_refused(const struct store *s, uint64_t revision, int reason)
{
	struct err e = {0};

	assert_null(state_list_load(s, "updates", 1, revision, &e));
	if (e.reason != reason)
		fail_msg("%s: %s", reason_word(e.reason), e.text);
}

static void lists(void **state)
{
	struct fixture *f = *state;
	struct kept_lists k;
	struct approvals *a;
	struct store s;
	struct err e = {0};

	put_list(f, "1-7", 7, 2, "1\n");
	put_list(f, "1-10", 10, 1, "1\n");
	put_list(f, "1-9", 9, 2, "2\n");
	put_list(f, "1-8", 9, 2, "1\n");
	put_list(f, "1-6", 6, 2, NULL);
	put_list(f, "1-5", 5, 2, "1");
	make_dir(f, "streams/updates/lists/01-4");
	make_dir(f, "streams/updates/lists/x");
	assert_int_equal(store_open(f->dir, &s, &e), 0);
	assert_int_equal(state_lists(&s, "updates", &k, &e), 0);
	assert_int_equal(k.n, 6);
	for (size_t i = 0; i < k.n; i++)
		assert_int_equal(k.refs[i].revision, 5 + i);
	state_lists_free(&k);
	a = state_list_load(&s, "updates", 1, 7, &e);
	assert_non_null(a);
	assert_int_equal(a->revision, 7);
	approvals_free(a);
	list_refused(&s, 10, R_SIGNATURE_THRESHOLD);
	list_refused(&s, 9, R_TRUST_DAMAGED);	/* a root that is not in the chain */
	list_refused(&s, 8, R_STORE_DAMAGED);	/* another revision lies there */
	list_refused(&s, 6, ERR_MISSING);
	list_refused(&s, 5, R_STORE_DAMAGED);	/* no LF */
	list_refused(&s, 4, ERR_MISSING);
	assert_int_equal(state_check_roots(&s, &e), 0);	/* the newest list is by a root that is there */
	put_list(f, "1-11", 11, 2, "2\n");
	assert_int_equal(state_check_roots(&s, &e), -1);
	assert_int_equal(e.reason, R_TRUST_DAMAGED);
	store_close(&s);
}

/* ---- trees ---- */

static void put_object(const struct fixture *f, const struct digest *d, const void *data, size_t len)
{
	char name[80], path[128], full[256];

	names_object(d, name);
	snprintf(path, sizeof path, "objects/%.2s", name);
	in_store(f, path, full);
	mkdir(full, 0755);
	in_store(f, "objects", full);
	fixture_write(full, name, data, len);
	snprintf(path, sizeof path, "objects/%s", name);
	in_store(f, path, full);
	assert_int_equal(chmod(full, 0444), 0);
}

static const char *const names[] = {"i/a", "i/a!/f", "i/a-b/c", "i/a-b/d", "i/a.b", "i/b/c", "i/d-d", "i/d/e/f", "i/z"};
#define IS_DIR(n) ((n) == 0 || (n) == 5)	/* listed directories; beside one that is not empty, "i/a!" and its like lie between name and entries */

/* An item "top/i" with these records, published in tree a. */
static struct state *publish(struct fixture *f)
{
	static struct record records[9];
	static struct state_item published;
	static struct state st;
	struct contents_ref ref;
	char path[128], full[256];

	for (size_t i = 0; i < 9; i++) {
		if (IS_DIR(i))
			records[i] = (struct record){.path = (char *)(uintptr_t)names[i], .dir = true};
		else
			records[i] = fixture_file(names[i], names[i], strlen(names[i]));
	}
	ref = fixture_item(f, "top/i", records, 9);
	put_object(f, &f->objects[0].sha256, f->objects[0].data.data, f->objects[0].data.len);
	for (const char *const *d = (const char *const []){"", "/i", "/i/a", "/i/a!", "/i/a-b", "/i/b", "/i/b/c", "/i/d", "/i/d/e", NULL};
	     *d != NULL; d++) {
		snprintf(path, sizeof path, "streams/updates/a/tree/top%s", *d);
		make_dir(f, path);
	}
	for (size_t i = 0; i < 9; i++) {
		char object[80], to[256];

		if (IS_DIR(i))
			continue;
		put_object(f, &records[i].sha256, names[i], strlen(names[i]));
		snprintf(path, sizeof path, "objects/%s", names_object(&records[i].sha256, object));
		in_store(f, path, full);
		snprintf(path, sizeof path, "streams/updates/a/tree/top/%s", names[i]);
		in_store(f, path, to);
		assert_int_equal(link(full, to), 0);
	}
	published = item("top/i", &ref);
	st = (struct state){.stream = (char *)(uintptr_t)"updates", .items = &published, .items_n = 1};
	return &st;
}

static uint64_t findings(const struct fixture *f, const struct state *st)
{
	struct report r = REPORT_EMPTY;
	struct audit_tree found;
	struct store s;
	struct err e = {0};

	assert_int_equal(store_open(f->dir, &s, &e), 0);
	if (audit_tree(&s, 'a', st, &r, &found, &e) == -1)
		fail_msg("%s", e.text);
	assert_int_equal(report_exit(&r), r.findings > 0 ? 1 : 0);
	store_close(&s);
	return r.findings;
}

static void tree(void **state)
{
	struct fixture *f = *state;
	const struct state *st = publish(f);
	char path[128], full[256];

	assert_int_equal(findings(f, st), 0);
	for (size_t i = 0; i < 9; i++) {	/* each record's thing removed, and put back */
		char object[80], from[256];
		struct record r = fixture_file(names[i], names[i], strlen(names[i]));

		snprintf(path, sizeof path, "streams/updates/a/tree/top/%s", names[i]);
		in_store(f, path, full);
		assert_int_equal(IS_DIR(i) ? rmdir(full) : unlink(full), 0);
		assert_true(findings(f, st) >= 1);	/* its folder, now empty, is one too many */
		snprintf(path, sizeof path, "objects/%s", names_object(&r.sha256, object));
		in_store(f, path, from);
		if (IS_DIR(i))
			assert_int_equal(mkdir(full, 0755), 0);
		else
			assert_int_equal(link(from, full), 0);
	}
	assert_int_equal(findings(f, st), 0);
	for (size_t i = 0; i < 9; i++) {	/* something beside each */
		snprintf(path, sizeof path, "streams/updates/a/tree/top/%s~", names[i]);
		in_store(f, path, full);
		assert_int_equal(mkdir(full, 0755), 0);
		assert_int_equal(findings(f, st), 1);
		assert_int_equal(rmdir(full), 0);
	}
	in_store(f, "streams/updates/a/tree/top/i/a/x", full);
	fixture_write(f->dir, "streams/updates/a/tree/top/i/a/x", "x", 1);	/* in a directory that is listed as empty */
	assert_in_range(findings(f, st), 1, 2);
	assert_int_equal(unlink(full), 0);
	in_store(f, "streams/updates/a/tree/top/i/z", full);
	assert_int_equal(unlink(full), 0);
	fixture_write(f->dir, "streams/updates/a/tree/top/i/z", "I/z", 3);	/* the same size */
	assert_int_equal(chmod(full, 0444), 0);
	assert_int_equal(findings(f, st), 1);
	assert_int_equal(unlink(full), 0);
	fixture_write(f->dir, "streams/updates/a/tree/top/i/z", "i/z", 3);	/* a copy: its bytes are hashed */
	assert_int_equal(chmod(full, 0444), 0);
	assert_int_equal(findings(f, st), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define ON_STORE(t) cmocka_unit_test_setup_teardown(t, make_store, drop_store)
		ON_STORE(config), ON_STORE(trust), ON_STORE(states), ON_STORE(damaged_states), ON_STORE(current),
		ON_STORE(lists), ON_STORE(tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
