/*
 * Receipts on a medium that fails (import/receipt.c, media.c): one that could not be written and synced leaves nothing of
 * itself behind, and takes nothing away that it didn't write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "tests/unit/perimeter.h"

static unsigned fail_at;	/* which sync on the medium fails, counted from 1; 0: none */

/* Syncs of what lies on the medium are counted, by the names in /proc. */
int fsync(int fd)
{
	char link[32], path[256];
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	path[n > 0 ? n : 0] = '\0';
	if (fail_at > 0 && strstr(path, "/satchel/receipts") != NULL && --fail_at == 0) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

/* The names in satchel/receipts; how many end in this. */
static unsigned count(const struct perimeter *p, const char *ending)
{
	char path[128];
	unsigned n = 0;
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof path, "%s/satchel/receipts", p->f->dir);
	dir = opendir(path);
	assert_non_null(dir);
	while ((d = readdir(dir)) != NULL) {
		size_t len = strlen(d->d_name), end = strlen(ending);

		n += d->d_name[0] != '.' && len >= end && strcmp(d->d_name + len - end, ending) == 0;
	}
	closedir(dir);
	return n;
}

static void failed_sync_leaves_nothing(void **state)
{
	struct perimeter *p = perimeter_new();
	unsigned at = 0;
	int code;

	(void)state;
	perimeter_bundle(p, 7, 17, "seven");
	APPLY(p, 0, NULL);
	EXPECT(p, 0, NULL, "-C", p->store, "receipt", p->f->dir);
	assert_int_equal(count(p, ""), 3);	/* objects, receipt, signature */
	do {
		const char *const words[] = {"-C", p->store, "receipt", p->f->dir, NULL};

		fail_at = ++at;
		code = perimeter_run(p, words);
		fail_at = 0;
		assert_true(code == 0 || code == 3);
		if (code == 3)
			assert_true(perimeter_said(p, "medium-write"));
		assert_int_equal(count(p, ""), code == 0 ? 6 : 3);
		assert_int_equal(count(p, ".sig"), code == 0 ? 2 : 1);
	} while (code == 3);
	assert_true(at > 4);	/* three files and their folder were synced */
	perimeter_free(p);
}

/* A signature that somebody put there before: not replaced, not removed, and no receipt stays beside it. */
static void planted_signature_stays(void **state)
{
	struct perimeter *p = perimeter_new();
	char from[400], to[400], pattern[128];
	struct dirent *d;
	struct stat st;
	DIR *dir;

	(void)state;
	perimeter_bundle(p, 7, 17, "seven");
	APPLY(p, 0, NULL);
	EXPECT(p, 0, NULL, "-C", p->store, "receipt", p->f->dir, "--brief");
	snprintf(pattern, sizeof pattern, "%s/satchel/receipts", p->f->dir);
	dir = opendir(pattern);
	assert_non_null(dir);
	to[0] = '\0';
	while ((d = readdir(dir)) != NULL)
		if (strstr(d->d_name, ".sig") != NULL) {
			snprintf(from, sizeof from, "%s/%s", pattern, d->d_name);
			snprintf(to, sizeof to, "%s", from);
			*(strstr(to, "00000001") + 7) = '2';
		}
	closedir(dir);
	assert_int_equal(symlink("/nowhere", to), 0);
	EXPECT(p, 3, "medium-write", "-C", p->store, "receipt", p->f->dir, "--brief");
	assert_true(perimeter_said(p, "nothing is replaced"));
	assert_int_equal(lstat(to, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(count(p, ".yaml"), 1);
	EXPECT(p, 0, NULL, "-C", p->store, "receipt", p->f->dir, "--brief");
	assert_int_equal(count(p, ".yaml"), 2);
	perimeter_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failed_sync_leaves_nothing), cmocka_unit_test(planted_signature_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
