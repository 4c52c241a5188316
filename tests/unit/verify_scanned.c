/*
 * Two small documents of a store's stream: rollback.yaml and scanned.yaml. What was written is read back; what is not
 * canonical, out of order or of another stream is refused; another hook's verdicts count for nothing.
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
#include "lib/outfile.h"
#include "manifests/reason.h"
#include "manifests/schema.h"
#include "verify/rollback.h"
#include "verify/scanned.h"

static char top[] = "/tmp/satchel-scanned-XXXXXX";
static char *hook[] = {(char *)(uintptr_t)"/bin/scan", (char *)(uintptr_t)"-x"};
static struct store store = {.dir = FILE_CLOSED, .config.hooks = {.scan = hook, .scan_n = 2}};

static int open_top(void **state)
{
	struct err e = {0};

	(void)state;
	assert_non_null(mkdtemp(top));
	assert_int_equal(file_open_dir(top, &store.dir, &e), 0);
	assert_int_equal(file_make_dirs_at(&store.dir, "streams/updates", 0755, &e), 0);
	return 0;
}

static int close_top(void **state)
{
	struct file tmp = FILE_CLOSED;
	struct err e = {0};

	(void)state;
	file_close(&store.dir);
	assert_int_equal(file_open_dir("/tmp", &tmp, &e), 0);
	assert_int_equal(file_remove_tree_at(&tmp, top + strlen("/tmp/"), &e), 0);
	file_close(&tmp);
	return 0;
}

static struct digest digest(uint8_t first)
{
	struct digest d = {{first}};

	return d;
}

static void put(const char *path, const struct schema *s, const void *value)
{
	struct schema loose = *s;
	struct buf bytes = {0};
	struct err e = {0};

	loose.check = NULL;	/* so that what is to be refused can be written at all */
	if (schema_encode(&loose, value, &bytes, &e) == -1)
		fail_msg("%s", e.text);
	assert_int_equal(outfile_put(&store.dir, path, 0644, bytes.data, bytes.len, &e), 0);
	buf_free(&bytes);
}

static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* ---- rollback.yaml ---- */

static struct rollback sample(char **names, size_t n)
{
	return (struct rollback){.stream = text("updates"), .time = 1763805600, .list = {1, 3, digest(3)},
				 .complete = {1, 5, digest(5)}, .newest = {2, 1, digest(6)}, .with_revoked = names,
				 .with_revoked_n = n};
}

static void refuse_rollback(const struct rollback *r, int reason)
{
	struct rollback *got;
	struct err e = {0};
	char path[ROLLBACK_PATH];

	put(rollback_path("updates", path), &rollback_schema, r);
	assert_int_equal(rollback_load(&store, "updates", &got, &e), -1);
	assert_null(got);
	if (e.reason != reason)
		fail_msg("%s: %s", reason_word(e.reason), e.text);
}

static void rollbacks(void **state)
{
	char *names[] = {text("pool/a"), text("pool/b")}, *wrong[] = {text("pool/b"), text("pool/b")};
	struct rollback r = sample(names, 2), other = r, *got;
	struct err e = {0};
	char path[ROLLBACK_PATH];

	(void)state;
	assert_int_equal(rollback_load(&store, "updates", &got, &e), 1);
	assert_null(got);
	put(rollback_path("updates", path), &rollback_schema, &r);
	assert_int_equal(rollback_load(&store, "updates", &got, &e), 0);
	assert_true(rollback_equal(got, &r));
	assert_true(rollback_names(got, "pool/b") && !rollback_names(got, "pool/c") && !rollback_names(NULL, "pool/b"));
	other.time++;
	assert_true(rollback_equal(got, &other));
	other.with_revoked_n = 1;
	assert_false(rollback_equal(got, &other) || rollback_equal(got, NULL));
	other = r;
	other.newest.sha256 = digest(7);
	assert_false(rollback_equal(got, &other));
	rollback_free(got);

	other = sample(wrong, 2);
	refuse_rollback(&other, R_DOCUMENT_FORM);
	other = sample(names, 2);
	other.list.revision = 6;
	refuse_rollback(&other, R_DOCUMENT_FORM);
	other = sample(names, 2);
	other.newest = (struct list_ref){1, 4, digest(6)};
	refuse_rollback(&other, R_DOCUMENT_FORM);
	other = sample(names, 2);
	other.stream = text("others");
	refuse_rollback(&other, R_STORE_DAMAGED);
	other = sample(names, 0);
	put(path, &rollback_schema, &other);
	assert_int_equal(rollback_load(&store, "updates", &got, &e), 0);
	assert_int_equal(got->with_revoked_n, 0);
	rollback_free(got);
}

/* ---- scanned.yaml ---- */

static void verdicts(void **state)
{
	struct scanned_record records[] = {
		{text("a"), 1, digest(1), SCANNED_PASSED, 1763805600}, {text("b"), 2, digest(2), SCANNED_REFUSED, 1763805600},
		{text("c"), 3, digest(3), SCANNED_FAILED, 1763805600},
	};
	struct scanned s = {.stream = text("updates"), .records = records, .records_n = 3}, got;
	struct digest none = digest(4);
	struct err e = {0};
	char path[SCANNED_PATH];

	(void)state;
	assert_int_equal(scanned_load(&store, "updates", &got, &e), 1);	/* nothing was said yet */
	assert_false(scanned_holds(&got, &records[1].contents));
	s.hook = got.hook;
	put(scanned_path("updates", path), &scanned_schema, &s);
	assert_int_equal(scanned_load(&store, "updates", &got, &e), 0);
	assert_int_equal(got.records_n, 3);
	assert_string_equal(scanned_find(&got, &records[2].contents)->item, "c");
	assert_null(scanned_find(&got, &none));
	assert_true(!scanned_holds(&got, &records[0].contents) && scanned_holds(&got, &records[1].contents) &&
		    scanned_holds(&got, &records[2].contents) && !scanned_holds(&got, &none));
	scanned_free(&got);

	store.config.hooks.scan_n = 1;	/* another command */
	assert_int_equal(scanned_load(&store, "updates", &got, &e), 1);
	assert_false(scanned_holds(&got, &records[1].contents) || digest_equal(&got.hook, &s.hook));
	store.config.hooks.scan_n = 0;	/* none */
	assert_int_equal(scanned_load(&store, "updates", &got, &e), 1);
	store.config.hooks.scan_n = 2;

	records[2].contents = digest(2);
	put(path, &scanned_schema, &s);
	assert_int_equal(scanned_load(&store, "updates", &got, &e), -1);
	assert_int_equal(e.reason, R_DOCUMENT_FORM);
	scanned_free(&got);
	e = (struct err){0};
	s.stream = text("others");
	s.records_n = 1;
	put(path, &scanned_schema, &s);
	assert_int_equal(scanned_load(&store, "updates", &got, &e), -1);
	assert_int_equal(e.reason, R_STORE_DAMAGED);
	scanned_free(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(rollbacks), cmocka_unit_test(verdicts)};
	struct err e = {0};

	return digest_start(&e) == -1 ? 1 : cmocka_run_group_tests(tests, open_top, close_top);
}
