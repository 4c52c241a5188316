/*
 * Files of entries (export/select_files.h): all of them in order, whoever read their lists; and errors in their turn.
 */
#include "export/select_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "export/select.h"
#include "lib/err.h"
#include "manifests/contents.h"
#include "manifests/reason.h"
#include "tests/unit/bare_station.h"

#include "lib/banned.h"

/* Small ones that share a batch, one that fills it, some that are read as they are told, first, last and side by side. */
static const unsigned files[] = {4097, 1, 3, 1100, 700, 300, 100, 5000, 4500, 2, 4096, 1, 1, 9000};
#define ENTRIES (sizeof files / sizeof *files)

static struct bare_station bare;
static struct select_entry entries[ENTRIES];
static struct contents_ref lists[ENTRIES];
static char items[ENTRIES][16];

/* The path of a file below its item's directory, and below the content root. */
static void name_file(size_t entry, unsigned file, char record[32], char path[48])
{
	snprintf(record, 32, "%s/%05u", items[entry] + strlen("pool/"), file);
	snprintf(path, 48, "pool/%s", record);
}

static struct digest digest_of_file(size_t entry, unsigned file)
{
	struct digest d = {{(uint8_t)entry, (uint8_t)file, (uint8_t)(file >> 8)}};

	return d;
}

static void write_list(size_t entry)
{
	struct err e = {0};
	struct contents_writer *w = contents_writer_open(items[entry], bare_station_put, &bare.station, &e);
	char name[32], path[48];

	assert_non_null(w);
	for (unsigned i = 0; i < files[entry]; i++) {
		struct record r = {.path = name, .has_file = true, .has_sha256 = true, .has_mtime = true, .size = i + 1,
				   .sha256 = digest_of_file(entry, i), .mtime = 1000};

		name_file(entry, i, name, path);
		assert_int_equal(contents_writer_add(w, &r, &e), 0);
	}
	assert_int_equal(contents_writer_finish(w, &lists[entry], &e), 0);
	contents_writer_free(w);
}

static int begin(void **state)
{
	(void)state;
	bare_station_make(&bare, 1);
	for (size_t i = 0; i < ENTRIES; i++) {
		snprintf(items[i], sizeof items[i], "pool/i%02zu", i);
		write_list(i);
		entries[i] = (struct select_entry){.item = items[i], .revision = 1, .contents = &lists[i], .kept = i % 3 != 0};
	}
	return 0;
}

static int finish(void **state)
{
	(void)state;
	bare_station_remove(&bare);
	return 0;
}

struct told {
	size_t entry;
	unsigned file, all;	/* the next one; how many so far */
	unsigned fail_at;
};

static int each(void *arg, const struct select_file *f, struct err *e)
{
	struct told *t = arg;
	char record[32], path[48];
	struct digest d;

	if (t->file == files[t->entry]) {
		t->entry++;
		t->file = 0;
	}
	d = digest_of_file(t->entry, t->file);
	name_file(t->entry, t->file, record, path);
	assert_ptr_equal(f->entry, &entries[t->entry]);
	assert_true(digest_equal(&f->sha256, &d));
	assert_true(f->size == t->file + 1);
	if (f->entry->kept)
		assert_null(f->path);
	else
		assert_string_equal(f->path, path);
	t->file++;
	return ++t->all == t->fail_at ? err_set(e, ERR_USAGE, "enough") : 0;
}

static unsigned before(size_t entry)
{
	unsigned n = 0;

	for (size_t i = 0; i < entry; i++)
		n += files[i];
	return n;
}

static void all_in_order(void **state)
{
	struct told t = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(select_files_all(&bare.station, entries, ENTRIES, each, &t, &e), 0);
	assert_int_equal(t.all, before(ENTRIES));
	t = (struct told){0};
	assert_int_equal(select_files_all(&bare.station, entries, 0, each, &t, &e), 0);
	assert_int_equal(t.all, 0);
}

/* What comes before a list that is lost is told, nothing after it; the first one is named. */
static void lost_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < ENTRIES; i++) {
		struct told t = {0};
		struct err e = {0};

		lists[i].sha256.bytes[5] ^= 1;
		lists[ENTRIES - 1].sha256.bytes[6] ^= 1;
		assert_int_equal(select_files_all(&bare.station, entries, ENTRIES, each, &t, &e), -1);
		assert_int_equal(e.reason, R_STATION_DAMAGED);
		assert_non_null(strstr(e.text, items[i]));
		assert_int_equal(t.all, before(i));
		lists[i].sha256.bytes[5] ^= 1;
		lists[ENTRIES - 1].sha256.bytes[6] ^= 1;
	}
}

static void the_caller_ends_it(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= before(ENTRIES); n += 997) {
		struct told t = {.fail_at = n};
		struct err e = {0};

		assert_int_equal(select_files_all(&bare.station, entries, ENTRIES, each, &t, &e), -1);
		assert_int_equal(e.reason, ERR_USAGE);
		assert_int_equal(t.all, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_in_order), cmocka_unit_test(lost_lists), cmocka_unit_test(the_caller_ends_it),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
