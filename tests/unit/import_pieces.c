/*
 * Imports of objects that come in pieces, or more than once: what of them is kept, counted and asked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/perimeter.h"

/* The names of what is staged in pieces, and whether they are there; makes them older than anything is kept. */
static unsigned staged(const struct perimeter *p, const struct digest *d, bool age)
{
	const struct timespec long_ago[2] = {{time(NULL) - 100 * 86400, 0}, {time(NULL) - 100 * 86400, 0}};
	char path[256], hex[DIGEST_HEX + 1];
	unsigned n = 0;

	for (int map = 0; map < 2; map++) {
		snprintf(path, sizeof path, "%s/stage/pieces/%s%s", p->store, digest_hex(d, hex), map ? ".map" : "");
		n += access(path, F_OK) == 0;
		if (age)
			assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
	}
	return n;
}

static void three_objects(struct fixture *f, struct manifest *m)
{
	(void)f;
	m->objects.count = 3;	/* the fixture counts entries */
}

static void one_object(struct fixture *f, struct manifest *m)
{
	(void)f;
	m->objects.count = 1;
}

/* Volumes of a bundle may have an object more than once, whole and in pieces (FORMAT 8.6): what one of them brought leaves nothing
 * behind in the stage when another comes. */
static void again_in_another_volume(void **state)
{
	static const char whole[] = "comes whole, then in pieces", pieces[] = "comes in pieces, then whole";
	struct perimeter *p = perimeter_new();
	struct record r[2] = {fixture_file("alpha/a", whole, sizeof whole - 1), fixture_file("alpha/b", pieces, sizeof pieces - 1)};
	struct contents_ref ref;
	struct digest one, two;
	struct err e = {0};

	(void)state;
	assert_int_equal(digest_of(whole, sizeof whole - 1, &one, &e), 0);
	assert_int_equal(digest_of(pieces, sizeof pieces - 1, &two, &e), 0);
	p->f->volume_objects = 1;
	p->f->change_manifest = three_objects;
	fixture_object(p->f, whole, sizeof whole - 1);
	fixture_piece(p->f, whole, sizeof whole - 1, 3, 9);
	fixture_object(p->f, whole, sizeof whole - 1);
	fixture_piece(p->f, pieces, sizeof pieces - 1, 0, 4);
	fixture_piece(p->f, pieces, sizeof pieces - 1, 4, sizeof pieces - 1 - 4);
	fixture_piece(p->f, pieces, sizeof pieces - 1, 2, 7);
	fixture_object(p->f, pieces, sizeof pieces - 1);
	ref = fixture_item(p->f, "alpha", r, 2);
	fixture_approve(p->f, "alpha", 1, "production", &ref);
	fixture_list(p->f, 1);
	fixture_bundle(p->f, 17);
	APPLY(p, 0, "imported  3 objects");
	assert_int_equal(staged(p, &one, false) + staged(p, &two, false), 0);
	assert_string_equal(perimeter_published(p, "alpha/a"), whole);
	assert_string_equal(perimeter_published(p, "alpha/b"), pieces);
	perimeter_free(p);
}

/* A copy in another volume that is damaged costs nothing: it is not read, for the object is here by then. */
static void damaged_copy(void **state)
{
	static uint8_t big[5 << 20];
	struct perimeter *p = perimeter_new();
	struct record r;
	struct contents_ref ref;
	char dir[160];

	(void)state;
	fixture_random(3, big, sizeof big);
	r = fixture_file("alpha/a", big, sizeof big);
	p->f->volume_objects = 1;
	p->f->change_manifest = three_objects;
	fixture_object(p->f, big, sizeof big);
	fixture_object(p->f, big, sizeof big);
	fixture_object(p->f, "another", 7);
	ref = fixture_item(p->f, "alpha", &r, 1);
	fixture_approve(p->f, "alpha", 1, "production", &ref);
	fixture_list(p->f, 1);
	fixture_bundle(p->f, 17);
	fixture_bundle_dir(p->f, 17, dir);
	fixture_flip(dir, "vol-0002.tar.zst", 1000);
	APPLY(p, 0, "imported  3 objects");
	perimeter_free(p);
}

/* Of a piece whose end is lost, what came before it is kept. */
static void piece_cut_short(void **state)
{
	static uint8_t big[9 << 20];
	struct perimeter *p = perimeter_new();
	struct digest d;
	struct err e = {0};
	char dir[160];

	(void)state;
	fixture_random(4, big, sizeof big);
	assert_int_equal(digest_of(big, sizeof big, &d, &e), 0);
	fixture_piece(p->f, big, sizeof big, 0, 6 << 20);
	fixture_bundle(p->f, 17);
	fixture_bundle_dir(p->f, 17, dir);
	fixture_flip(dir, "vol-0001.tar.zst", 5 << 20);	/* the second frame of two */
	APPLY(p, 3, "1 lost");
	assert_int_equal(staged(p, &d, false), 2);
	perimeter_free(p);
}

/* Of an object in pieces that an earlier bundle said another size of, nothing counts: all of it is taken from the next bundle. */
static void pieces_of_another_size(void **state)
{
	static const char whole[] = "twenty bytes, twenty";
	struct perimeter *p = perimeter_new();
	struct record r = fixture_file("alpha/a", whole, sizeof whole - 1);
	struct contents_ref ref;
	struct digest d;
	struct err e = {0};

	(void)state;
	assert_int_equal(digest_of(whole, sizeof whole - 1, &d, &e), 0);
	for (unsigned of = 0; of < 2; of++) {	/* the piece that is there already, by the lie: the second, the first */
		fixture_piece(p->f, whole, sizeof whole - 1, of == 0 ? 10 : 0, 10);
		p->f->objects[0].size++;
		p->f->sequence = 0;
		fixture_bundle(p->f, 17 + of);
		APPLY(p, 0, NULL);
		assert_int_equal(staged(p, &d, false), 2);
	}
	p->f->volume_objects = 1;
	p->f->change_manifest = three_objects;
	fixture_piece(p->f, whole, sizeof whole - 1, 0, 10);
	fixture_piece(p->f, whole, sizeof whole - 1, 10, sizeof whole - 1 - 10);
	fixture_object(p->f, "another", 7);
	ref = fixture_item(p->f, "alpha", &r, 1);
	fixture_approve(p->f, "alpha", 1, "production", &ref);
	fixture_list(p->f, 1);
	fixture_bundle(p->f, 19);
	APPLY(p, 0, "list 1 in effect");
	assert_string_equal(perimeter_published(p, "alpha/a"), whole);
	perimeter_free(p);
}

/* Extents of two objects that lied keep nothing out that is good: each is dropped, and asked of the good bundle, whose volumes are read
 * up to what is found to lie. */
static void poisoned_twice(void **state)
{
	static const char *const wholes[] = {"the first of two, twenty-six", "the second, and as long as it"};
	struct perimeter *p = perimeter_new();
	struct record r[2];
	struct contents_ref ref;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		r[i] = fixture_file(i == 0 ? "alpha/a" : "alpha/b", wholes[i], strlen(wholes[i]));
		fixture_piece(p->f, wholes[i], strlen(wholes[i]), 0, 10);
		p->f->objects[i].data.data[0] ^= 1;
	}
	fixture_bundle(p->f, 17);
	APPLY(p, 0, "imported  0 objects");
	perimeter_move(p, "updates-00000017", "lying");
	p->f->volume_objects = 1;
	p->f->change_manifest = three_objects;
	for (size_t i = 0; i < 2; i++) {
		fixture_piece(p->f, wholes[i], strlen(wholes[i]), 0, 10);
		fixture_piece(p->f, wholes[i], strlen(wholes[i]), 10, strlen(wholes[i]) - 10);
	}
	ref = fixture_item(p->f, "alpha", r, 2);
	fixture_approve(p->f, "alpha", 1, "production", &ref);
	fixture_list(p->f, 1);
	fixture_bundle(p->f, 18);
	APPLY(p, 0, "list 1 in effect");
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(perimeter_published(p, i == 0 ? "alpha/a" : "alpha/b"), wholes[i]);
	perimeter_free(p);
}

/* One that lies itself is read once more at most, and refused. */
static void poisoned_and_lying(void **state)
{
	static const char whole[] = "twenty bytes, twenty";
	struct perimeter *p = perimeter_new();
	struct digest d;
	struct err e = {0};

	(void)state;
	assert_int_equal(digest_of(whole, sizeof whole - 1, &d, &e), 0);
	for (unsigned sequence = 17; sequence < 19; sequence++) {
		fixture_piece(p->f, whole, sizeof whole - 1, 0, 10);
		p->f->objects[0].data.data[0] ^= 1;
		if (sequence == 18) {
			p->f->volume_objects = 1;
			fixture_piece(p->f, whole, sizeof whole - 1, 10, sizeof whole - 1 - 10);
			p->f->change_manifest = one_object;
		}
		fixture_bundle(p->f, sequence);
		APPLY(p, sequence == 18, sequence == 18 ? "object-digest" : NULL);
	}
	assert_int_equal(staged(p, &d, false), 0);
	perimeter_free(p);
}

/* Staged in part: what came lately stays, what no list ever needed goes after 90 days, what a list waits for stays. */
static void prune_drops_old_pieces(void **state)
{
	static const char whole[] = "needed by the newest list";
	struct perimeter *p = perimeter_new();
	struct digest stray, needed;
	struct contents_ref ref;
	struct record r = fixture_file("alpha/x", whole, sizeof whole - 1);
	struct err e = {0};

	(void)state;
	fixture_piece(p->f, "nobody needs this", 17, 0, 5);
	fixture_piece(p->f, whole, sizeof whole - 1, 3, 5);
	assert_int_equal(digest_of("nobody needs this", 17, &stray, &e), 0);
	assert_int_equal(digest_of(whole, sizeof whole - 1, &needed, &e), 0);
	ref = fixture_item(p->f, "alpha", &r, 1);
	fixture_approve(p->f, "alpha", 1, "production", &ref);
	fixture_list(p->f, 1);
	fixture_bundle(p->f, 17);
	APPLY(p, 4, "list 1 waits");
	EXPECT(p, 0, "0 objects", "-C", p->store, "prune");
	assert_int_equal(staged(p, &stray, true) + staged(p, &needed, true), 4);
	EXPECT(p, 0, "1 object,", "-C", p->store, "prune", "--dry-run");
	assert_int_equal(staged(p, &stray, false), 2);
	EXPECT(p, 0, "1 object,", "-C", p->store, "prune");
	assert_int_equal(staged(p, &stray, false), 0);
	assert_int_equal(staged(p, &needed, false), 2);
	buf_clear(&p->f->list);
	fixture_piece(p->f, whole, sizeof whole - 1, 0, 3);
	fixture_bundle(p->f, 18);
	fixture_piece(p->f, whole, sizeof whole - 1, 8, sizeof whole - 1 - 8);
	fixture_bundle(p->f, 19);
	APPLY(p, 0, "list 1 in effect");
	assert_string_equal(perimeter_published(p, "alpha/x"), whole);
	assert_int_equal(staged(p, &needed, false), 0);
	perimeter_free(p);
}

/* What a killed run was making in stage/ goes with the next run that may write, so that nothing shields an object by a name there. */
static void leftovers_go(void **state)
{
	static const char *const left[] = {"healing", "variant", "names/1", "pieces/.tmp-0123456789abcdef"};
	struct perimeter *p = perimeter_new();
	struct buf before = {0};
	char object[256], path[256], hex[DIGEST_HEX + 1];
	struct digest d;
	struct err e = {0};

	(void)state;
	perimeter_bundle(p, 7, 17, "seven");
	fixture_piece(p->f, "staged in part", 14, 0, 5);
	fixture_bundle(p->f, 18);
	APPLY(p, 0, NULL);
	perimeter_snapshot(p, &before);
	assert_int_equal(digest_of("seven", 5, &d, &e), 0);
	digest_hex(&d, hex);
	snprintf(object, sizeof object, "%s/objects/%.2s/%s", p->store, hex, hex);
	snprintf(path, sizeof path, "%s/stage/names", p->store);
	assert_int_equal(mkdir(path, 0700), 0);
	for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
		snprintf(path, sizeof path, "%s/stage/%s", p->store, left[i]);
		assert_int_equal(link(object, path), 0);
	}
	EXPECT(p, 0, "0 objects", "-C", p->store, "prune");
	perimeter_same(p, &before);
	buf_free(&before);
	perimeter_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(again_in_another_volume), cmocka_unit_test(damaged_copy), cmocka_unit_test(piece_cut_short),
		cmocka_unit_test(pieces_of_another_size), cmocka_unit_test(poisoned_twice),
		cmocka_unit_test(poisoned_and_lying), cmocka_unit_test(prune_drops_old_pieces),
		cmocka_unit_test(leftovers_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
