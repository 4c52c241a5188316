/*
 * Whole imports: what is taken, what waits, and what becomes of the store.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/perimeter.h"

static void taken_twice(void **state)
{
	struct perimeter *p = perimeter_new();
	struct buf before = {0}, journal = {0}, again = {0};

	(void)state;
	perimeter_bundle(p, 7, 7, "seven");
	APPLY(p, 0, "updates-00000007  imported  4 objects");
	assert_string_equal(perimeter_published(p, "alpha/x"), "seven");
	assert_string_equal(perimeter_published(p, "beta/y"), "constant");
	perimeter_snapshot(p, &before);
	fixture_read(p->store, "journal.jsonl", &journal);
	APPLY(p, 0, "already imported");
	perimeter_same(p, &before);
	fixture_read(p->store, "journal.jsonl", &again);
	assert_int_equal(again.len, journal.len);
	EXPECT(p, 0, "list 7 in effect", "status", "-C", p->store);
	EXPECT(p, 0, "published", "log", "-C", p->store);
	EXPECT(p, 0, "\"event\":\"bundle\"", "log", "-C", p->store, "--json");
	buf_free(&before);
	buf_free(&journal);
	buf_free(&again);
	perimeter_free(p);
}

static void several_in_order(void **state)
{
	struct perimeter *p = perimeter_new();

	(void)state;
	perimeter_bundle(p, 8, 18, "eight");
	perimeter_bundle(p, 7, 17, "seven");
	APPLY(p, 0, "list 8 in effect");
	assert_string_equal(perimeter_published(p, "alpha/x"), "eight");
	perimeter_free(p);
}

/* F1: an older list after a newer one adds objects and changes nothing that is published. */
static void older_afterwards(void **state)
{
	struct perimeter *p = perimeter_new();

	(void)state;
	perimeter_bundle(p, 7, 17, "seven");
	perimeter_move(p, "updates-00000017", "seven");
	perimeter_bundle(p, 8, 18, "eight");
	APPLY(p, 0, "list 8 in effect");
	perimeter_put_back(p, "seven", "updates-00000017");
	APPLY(p, 0, "updates-00000017  imported");
	assert_string_equal(perimeter_published(p, "alpha/x"), "eight");
	perimeter_free(p);
}

/* F10: what lacks objects waits, is named, and the old stays; the objects heal it, in whatever bundle they come. */
static void waiting_and_healed(void **state)
{
	struct perimeter *p = perimeter_new();
	struct record x = fixture_file("alpha/x", "eight", 5), y = fixture_file("beta/y", "constant", 8);
	struct contents_ref a, b;

	(void)state;
	perimeter_bundle(p, 7, 17, "seven");
	APPLY(p, 0, NULL);
	p->f->entries_n = 0;
	a = fixture_item(p->f, "alpha", &x, 1);
	b = fixture_item(p->f, "beta", &y, 1);
	fixture_approve(p->f, "alpha", 8, "production", &a);
	fixture_approve(p->f, "beta", 1, "production", &b);
	fixture_list(p->f, 8);
	fixture_bundle(p->f, 18);
	APPLY(p, 4, "alpha: alpha/x");
	assert_true(perimeter_said(p, "waits for 1 object"));
	assert_true(perimeter_said(p, "revision 7 stays"));
	assert_string_equal(perimeter_published(p, "alpha/x"), "seven");
	EXPECT(p, 4, "waiting", "status", "-C", p->store);
	APPLY(p, 4, "already imported");
	buf_clear(&p->f->list);
	fixture_object(p->f, "eight", 5);
	fixture_bundle(p->f, 19);	/* content only */
	APPLY(p, 0, "list 8 in effect");
	assert_string_equal(perimeter_published(p, "alpha/x"), "eight");
	EXPECT(p, 0, "healthy", "status", "-C", p->store);
	perimeter_free(p);
}

/* Content may travel ahead of its approval. */
static void content_ahead(void **state)
{
	struct perimeter *p = perimeter_new();

	(void)state;
	fixture_object(p->f, "eight", 5);
	fixture_object(p->f, "nobody approved this", 20);
	fixture_bundle(p->f, 1);
	APPLY(p, 0, "imported  2 objects");
	assert_string_equal(perimeter_published(p, "alpha/x"), "");
	perimeter_bundle(p, 8, 2, "eight");
	APPLY(p, 0, "imported  3 objects");
	assert_string_equal(perimeter_published(p, "alpha/x"), "eight");
	perimeter_free(p);
}

static void damage_costs_what_was_damaged(void **state)
{
	struct perimeter *p = perimeter_new();
	static uint8_t big[9 << 20];
	struct record r[2];
	struct contents_ref ref;
	char dir[160];

	(void)state;
	fixture_random(1, big, sizeof big);
	r[0] = fixture_file("alpha/big", big, sizeof big);
	r[1] = fixture_file("alpha/small", "small", 5);
	p->f->entries_n = 0;
	ref = fixture_item(p->f, "alpha", r, 2);
	fixture_approve(p->f, "alpha", 1, "production", &ref);
	fixture_object(p->f, "small", 5);
	fixture_object(p->f, big, sizeof big);
	fixture_list(p->f, 1);
	fixture_bundle(p->f, 17);
	fixture_flip(fixture_bundle_dir(p->f, 17, dir), "vol-0001.tar.zst", 5 << 20);
	APPLY(p, 3, "frame-digest");
	assert_true(perimeter_said(p, "updates-00000017/vol-0001.tar.zst: frame 1 at "));
	assert_true(perimeter_said(p, "(alpha: alpha/big)"));
	assert_true(perimeter_said(p, "damaged  2 objects"));
	fixture_flip(dir, "vol-0001.tar.zst", 5 << 20);
	APPLY(p, 0, "imported  1 object,");
	assert_int_equal(strlen(perimeter_published(p, "alpha/small")), 5);
	EXPECT(p, 0, NULL, "status", "-C", p->store);
	/* a volume that isn't there */
	r[1] = fixture_file("alpha/small", "other", 5);
	p->f->entries_n = 0;
	ref = fixture_item(p->f, "alpha", r, 2);
	fixture_approve(p->f, "alpha", 2, "production", &ref);
	fixture_object(p->f, "other", 5);
	fixture_list(p->f, 2);
	fixture_bundle(p->f, 18);
	{
		char from[200], to[200];

		snprintf(from, sizeof from, "%s/vol-0001.tar.zst", fixture_bundle_dir(p->f, 18, dir));
		snprintf(to, sizeof to, "%s/volume", p->top);
		assert_int_equal(rename(from, to), 0);
		APPLY(p, 3, "vol-0001.tar.zst");
		assert_int_equal(rename(to, from), 0);
	}
	APPLY(p, 0, "list 2 in effect");
	assert_string_equal(perimeter_published(p, "alpha/small"), "other");
	perimeter_free(p);
}

static void change_bytes(struct fixture *f, struct fixture_volume *v)
{
	(void)f;
	for (size_t i = 0; i < v->index.objects_n; i++)
		if (v->index.objects[i].size == 5)
			v->tar.data[v->index.objects[i].at] ^= 1;
}

/* A17: the index promises a digest that the bytes don't have: exit 1, the others are kept. */
static void signer_lied(void **state)
{
	struct perimeter *p = perimeter_new();

	(void)state;
	p->f->change_tar = change_bytes;
	perimeter_bundle(p, 7, 17, "seven");
	APPLY(p, 1, "object-digest");
	assert_true(perimeter_said(p, "waits"));
	assert_string_equal(perimeter_published(p, "alpha/x"), "");
	p->f->change_tar = NULL;
	perimeter_bundle(p, 8, 18, "eight");
	APPLY(p, 1, "list 8 in effect");	/* the lying one is on the medium still */
	assert_string_equal(perimeter_published(p, "alpha/x"), "eight");
	perimeter_free(p);
}

/* And nothing further is read: an object that comes long after the lie does not become whole. */
static void nothing_after_a_lie(void **state)
{
	struct perimeter *p = perimeter_new();
	const size_t len = 64u << 20;
	uint8_t *big = malloc(len);
	struct record r[2];
	struct contents_ref ref;
	char hex[DIGEST_HEX + 1], path[200];
	struct digest d;

	(void)state;
	assert_non_null(big);
	fixture_random(1, big, len);
	r[0] = fixture_file("alpha/big", big, len);
	r[1] = fixture_file("alpha/small", "small", 5);
	p->f->entries_n = 0;
	ref = fixture_item(p->f, "alpha", r, 2);
	fixture_approve(p->f, "alpha", 1, "production", &ref);
	fixture_object(p->f, "small", 5);
	d = fixture_object(p->f, big, len);
	fixture_list(p->f, 1);
	p->f->change_tar = change_bytes;
	fixture_bundle(p->f, 17);
	digest_hex(&d, hex);
	snprintf(path, sizeof path, "%s/objects/%.2s/%s", p->store, hex, hex);
	EXPECT(p, 1, "object-digest", "-C", p->store, "apply", "--jobs", "1", p->f->dir);
	assert_int_equal(access(path, F_OK), -1);
	/* where nothing lies it is taken, so that the place looked at is the right one */
	p->f->change_tar = NULL;
	perimeter_move(p, "updates-00000017", "bad");
	fixture_object(p->f, "small", 5);
	fixture_object(p->f, big, len);
	fixture_bundle(p->f, 18);
	APPLY(p, 0, "list 1 in effect");
	assert_int_equal(access(path, F_OK), 0);
	free(big);
	perimeter_free(p);
}

/* An approved contents list that can't be published: refused with its list, and blocks nothing. */
static void malformed_contents(void **state)
{
	struct perimeter *p = perimeter_new();
	const char *bad = "satchel: contents/1\nitem: \"alpha\"\nfiles:\n  - {path: \"alpha/../../x\", link: \"y\"}\n";
	const char *late = "satchel: contents/1\nitem: \"alpha\"\nfiles:\n  - {path: \"alpha/../../y\", link: \"z\"}\n";
	struct contents_ref ref = {.size = strlen(bad)}, later = {.size = strlen(late)};

	(void)state;
	perimeter_bundle(p, 7, 17, "seven");
	APPLY(p, 0, NULL);
	p->f->entries_n = 0;
	ref.sha256 = fixture_object(p->f, bad, strlen(bad));
	fixture_approve(p->f, "alpha", 8, "production", &ref);
	fixture_list(p->f, 8);
	fixture_bundle(p->f, 18);
	APPLY(p, 1, "refused: name");
	assert_string_equal(perimeter_published(p, "alpha/x"), "seven");
	perimeter_move(p, "updates-00000018", "bad");
	perimeter_bundle(p, 8, 19, "eight");
	APPLY(p, 0, "list 8 in effect");
	/* its contents list is here already */
	p->f->entries_n = 0;
	fixture_approve(p->f, "alpha", 9, "production", &ref);
	fixture_list(p->f, 9);
	fixture_object(p->f, "x", 1);
	fixture_bundle(p->f, 20);
	APPLY(p, 1, "name");
	assert_string_equal(perimeter_published(p, "alpha/x"), "eight");
	/* it comes later than the list */
	perimeter_move(p, "updates-00000020", "worse");
	p->f->entries_n = 0;
	assert_int_equal(digest_of(late, later.size, &later.sha256, NULL), 0);
	fixture_approve(p->f, "alpha", 10, "production", &later);
	fixture_list(p->f, 10);
	fixture_object(p->f, "y", 1);
	fixture_bundle(p->f, 21);
	APPLY(p, 4, "revision 10 waits for 1 object");
	fixture_object(p->f, late, later.size);
	fixture_bundle(p->f, 22);
	APPLY(p, 1, "name");
	EXPECT(p, 4, "revision 10 can't be published as it was approved", "-C", p->store, "status");
	assert_string_equal(perimeter_published(p, "alpha/x"), "eight");
	perimeter_free(p);
}

/* Several media in one call, one of them without anything; 2 where one isn't there. */
static void several_media(void **state)
{
	struct perimeter *p = perimeter_new();
	char other[80], from[200], to[200];

	(void)state;
	snprintf(other, sizeof other, "%s/other", p->top);
	assert_int_equal(mkdir(other, 0755), 0);
	perimeter_bundle(p, 7, 17, "seven");
	EXPECT(p, 1, "no-bundle", "-C", p->store, "apply", other, p->f->dir);
	assert_string_equal(perimeter_published(p, "alpha/x"), "seven");
	perimeter_bundle(p, 8, 18, "eight");
	snprintf(from, sizeof from, "%s/satchel", other);
	assert_int_equal(mkdir(from, 0755), 0);
	snprintf(from, sizeof from, "%s/satchel/updates-00000018", p->f->dir);
	snprintf(to, sizeof to, "%s/satchel/updates-00000018", other);
	assert_int_equal(rename(from, to), 0);
	EXPECT(p, 0, "list 8 in effect", "-C", p->store, "apply", other, p->f->dir, other);
	snprintf(to, sizeof to, "%s/nowhere", p->top);
	EXPECT(p, 2, "medium-missing", "-C", p->store, "apply", p->f->dir, to);
	EXPECT(p, 2, "store-on-medium", "-C", p->store, "apply", p->top);
	EXPECT(p, 2, "store-on-medium", "-C", p->store, "apply", p->store);
	perimeter_free(p);
}

static void dry_run(void **state)
{
	struct perimeter *p = perimeter_new();
	struct buf before = {0}, journal = {0}, again = {0};

	(void)state;
	perimeter_bundle(p, 7, 17, "seven");
	perimeter_snapshot(p, &before);
	fixture_read(p->store, "journal.jsonl", &journal);
	EXPECT(p, 0, "would be imported  4 objects", "-C", p->store, "apply", "--dry-run", p->f->dir);
	perimeter_same(p, &before);
	fixture_read(p->store, "journal.jsonl", &again);
	assert_int_equal(again.len, journal.len);
	APPLY(p, 0, NULL);
	EXPECT(p, 0, "already imported", "-C", p->store, "apply", "--dry-run", p->f->dir);
	buf_free(&before);
	buf_free(&journal);
	buf_free(&again);
	perimeter_free(p);
}

/* The index of bundles is an index: lost or damaged, the journal says the same. */
static void index_lost(void **state)
{
	struct perimeter *p = perimeter_new();
	char path[200];

	(void)state;
	perimeter_bundle(p, 7, 17, "seven");
	APPLY(p, 0, "imported");
	snprintf(path, sizeof path, "%s/streams/updates/bundles", p->store);
	assert_int_equal(unlink(path), 0);
	APPLY(p, 0, "already imported");
	fixture_write(p->store, "streams/updates/bundles", "nonsense", 8);
	APPLY(p, 0, "already imported");
	EXPECT(p, 0, "last bundle arrived", "-C", p->store, "status");
	perimeter_free(p);
}

static void busy(void **state)
{
	struct perimeter *p = perimeter_new();
	struct file store = FILE_CLOSED, lock = FILE_CLOSED;
	struct err e = {0};

	(void)state;
	perimeter_bundle(p, 7, 17, "seven");
	assert_int_equal(file_open_dir(p->store, &store, &e), 0);
	assert_int_equal(file_lock(&store, "lock", 0, &lock, &e), 0);
	APPLY(p, 3, "busy");
	EXPECT(p, 0, NULL, "-C", p->store, "status");
	file_close(&lock);
	file_close(&store);
	APPLY(p, 0, "imported");
	perimeter_free(p);
}

/* What is published stays when its list expires; status says so without any medium. */
static void expires_in_effect(void **state)
{
	struct perimeter *p = perimeter_new();
	const char *old = "satchel: bundles/1\nstream: \"updates\"\nsince: 2020-01-01T00:00:00Z\nbundles: []\n";
	char list[160], away[160];

	(void)state;
	p->f->expires = time(NULL) + 20;	/* all of this must be done by then */
	perimeter_bundle(p, 7, 17, "seven");
	APPLY(p, 0, "list 7 in effect");
	EXPECT(p, 0, "expires at", "-C", p->store, "status");
	while (time(NULL) <= p->f->expires)
		sleep(1);
	EXPECT(p, 1, "unhealthy", "-C", p->store, "status");
	assert_non_null(strstr((const char *)p->out.data, "UNHEALTHY: updates: list 7 expired at "));
	assert_int_equal(p->err.len, 0);	/* said once */
	EXPECT(p, 1, "\"problems\":[{\"reason\":\"expired\",\"message\":\"updates: list 7 expired at ", "-C", p->store, "status",
	       "--json");
	assert_string_equal(perimeter_published(p, "alpha/x"), "seven");
	APPLY(p, 0, "already imported");
	/* gone from the store it is damage, and comes back although it has expired: it was admitted in its time */
	snprintf(list, sizeof list, "%s/streams/updates/lists/1-7", p->store);
	snprintf(away, sizeof away, "%s/away", p->top);
	assert_int_equal(rename(list, away), 0);
	EXPECT(p, 1, "store-damaged", "-C", p->store, "status");
	assert_string_equal(perimeter_published(p, "alpha/x"), "seven");
	APPLY(p, 0, "; list 7");
	assert_int_equal(access(list, F_OK), 0);
	assert_string_equal(perimeter_published(p, "alpha/x"), "seven");
	p->f->expires = time(NULL) + 86400 * 90;
	perimeter_bundle(p, 8, 18, "eight");
	APPLY(p, 0, "list 8 in effect");
	EXPECT(p, 0, "\"problems\":[]", "-C", p->store, "status", "--json");
	fixture_write(p->store, "streams/updates/bundles", old, strlen(old));
	EXPECT(p, 1, "UNHEALTHY: updates: nothing has arrived for ", "-C", p->store, "status");
	EXPECT(p, 1, "\"problems\":[{\"reason\":\"stale\",\"message\":", "-C", p->store, "status", "--json");
	perimeter_free(p);
}

static void init_leaves_nothing(void **state)
{
	struct perimeter *p = perimeter_new();
	char path[96], trust[96];

	(void)state;
	snprintf(path, sizeof path, "%s/new", p->top);
	snprintf(trust, sizeof trust, "%s/trust-1.yaml", p->top);
	EXPECT(p, 1, "trust-invalid", "init", path, "--name", "b", "--trust", trust, "--stream", "s", "--ring", "r", "--fingerprint",
	       "0000000000000000000000000000000000000000000000000000000000000000");
	assert_int_equal(access(path, F_OK), -1);
	EXPECT(p, 2, "not empty", "init", p->store, "--name", "b", "--trust", trust, "--stream", "s", "--ring", "r");
	EXPECT(p, 2, "name", "init", path, "--name", "B", "--trust", trust, "--stream", "s", "--ring", "r");
	EXPECT(p, 2, "ring", "init", path, "--name", "b", "--trust", trust, "--stream", "s", "--ring", "r,,q");
	assert_int_equal(access(path, F_OK), -1);
	EXPECT(p, 0, NULL, "init", path, "--name", "b", "--trust", trust, "--stream", "s", "--stream", "t", "--ring", "q,r");
	EXPECT(p, 0, "no list in effect", "-C", path, "status");
	perimeter_free(p);
}

/* How often a word stands in what was printed. */
static unsigned said_times(const struct perimeter *p, const char *word)
{
	unsigned n = 0;

	for (const char *s = p->out.len > 0 ? (const char *)p->out.data : ""; (s = strstr(s, word)) != NULL; s++)
		n++;
	for (const char *s = p->err.len > 0 ? (const char *)p->err.data : ""; (s = strstr(s, word)) != NULL; s++)
		n++;
	return n;
}

/* n items "item-NN" of one file each; with their objects or without. */
static void many_items(struct perimeter *p, unsigned n, uint64_t revision, bool carried)
{
	p->f->entries_n = 0;
	for (unsigned i = 0; i < n; i++) {
		char item[16], path[32], text[32];
		struct contents_ref ref;
		struct record r;

		snprintf(item, sizeof item, "item-%03u", i);
		snprintf(path, sizeof path, "%s/x", item);
		snprintf(text, sizeof text, "text %u of %u", i, (unsigned)revision);
		r = fixture_file(path, text, strlen(text));
		ref = fixture_item(p->f, item, &r, 1);
		if (carried)
			fixture_object(p->f, text, strlen(text));
		fixture_approve(p->f, item, revision, "production", &ref);
	}
	fixture_list(p->f, revision);
}

/* Many items wait: ten are named, the rest is counted, and the figures are those of all. */
static void many_wait(void **state)
{
	struct perimeter *p = perimeter_new();

	(void)state;
	many_items(p, 13, 1, false);
	fixture_bundle(p->f, 17);
	APPLY(p, 4, "list 1 waits: 13 items, 13 objects missing");
	assert_int_equal(said_times(p, "waits for 1 object,"), 10);
	assert_true(perimeter_said(p, "and 3 more items"));
	EXPECT(p, 4, "\"waiting\":13,\"missing\":13,", "-C", p->store, "apply", p->f->dir, "--json");
	assert_int_equal(said_times(p, "\"why\":\"objects\",\"objects\":1,"), 13);
	assert_int_equal(said_times(p, "\"path\":\"item-0"), 13);
	assert_true(perimeter_said(p, "\"path\":\"item-000/x\""));
	EXPECT(p, 4, "\"problems\":[{\"reason\":\"waiting\",\"message\":\"updates: list 1 waits: 13 items, 13 objects missing\"}]",
	       "-C", p->store, "status", "--json");
	assert_int_equal(said_times(p, "\"why\":\"objects\",\"objects\":1,"), 13);
	assert_string_equal(perimeter_published(p, "item-000/x"), "");
	perimeter_free(p);
}

/* One frame with many objects: ten of those lost are named, the rest is counted; alike as JSON. Nothing is published. */
static void many_lost_in_a_frame(void **state)
{
	struct perimeter *p = perimeter_new();
	char dir[160];

	(void)state;
	many_items(p, 13, 1, true);
	fixture_bundle(p->f, 17);
	fixture_flip(fixture_bundle_dir(p->f, 17, dir), "vol-0001.tar.zst", 100);
	EXPECT(p, 3, "\"damage\":\"frame-digest\",\"bundle\":\"updates-00000017\"", "-C", p->store, "apply", p->f->dir, "--json");
	assert_true(perimeter_said(p, "\"file\":\"vol-0001.tar.zst\",\"frame\":0,\"at\":0,"));
	assert_true(perimeter_said(p, "\"lost\":26,"));
	assert_true(perimeter_said(p, "\"outcome\":\"damaged\""));
	APPLY(p, 3, " and 16 more");
	assert_true(perimeter_said(p, "26 lost"));
	assert_string_equal(perimeter_published(p, "item-000/x"), "");
	fixture_flip(dir, "vol-0001.tar.zst", 100);
	APPLY(p, 0, "list 1 in effect");
	assert_string_equal(perimeter_published(p, "item-012/x"), "text 12 of 1");
	perimeter_free(p);
}

/* Damage in more places than are told: a hundred are, the rest is counted, and what is whole is kept. */
static void many_damaged_places(void **state)
{
	struct perimeter *p = perimeter_new();
	char dir[160], name[32], path[200];

	(void)state;
	many_items(p, 52, 1, true);
	p->f->volume_objects = 1;
	fixture_bundle(p->f, 17);
	fixture_bundle_dir(p->f, 17, dir);
	for (unsigned i = 1; i <= 103; i++) {	/* 104 volumes, and only the last is there */
		snprintf(name, sizeof name, "vol-%04u.tar.zst", i);
		snprintf(path, sizeof path, "%s/%s", dir, name);
		assert_int_equal(unlink(path), 0);
	}
	APPLY(p, 3, "3 more damaged places");
	assert_true(perimeter_said(p, "damaged  1 object,"));
	assert_true(perimeter_said(p, "103 lost"));
	assert_int_equal(said_times(p, "updates-00000017/vol-"), 100);
	EXPECT(p, 3, "3 more damaged places", "-C", p->store, "apply", p->f->dir, "--json");
	assert_int_equal(said_times(p, "\"damage\":\""), 100);
	assert_true(perimeter_said(p, "\"lost\":103,"));
	assert_true(perimeter_said(p, "\"outcome\":\"damaged\""));
	assert_string_equal(perimeter_published(p, "item-000/x"), "");
	perimeter_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken_twice), cmocka_unit_test(several_in_order), cmocka_unit_test(older_afterwards),
		cmocka_unit_test(waiting_and_healed), cmocka_unit_test(content_ahead),
		cmocka_unit_test(damage_costs_what_was_damaged), cmocka_unit_test(signer_lied),
		cmocka_unit_test(nothing_after_a_lie),
		cmocka_unit_test(malformed_contents), cmocka_unit_test(several_media), cmocka_unit_test(dry_run),
		cmocka_unit_test(index_lost), cmocka_unit_test(busy), cmocka_unit_test(expires_in_effect),
		cmocka_unit_test(init_leaves_nothing), cmocka_unit_test(many_wait), cmocka_unit_test(many_lost_in_a_frame),
		cmocka_unit_test(many_damaged_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
