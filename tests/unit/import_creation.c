/*
 * A store that can't be made leaves nothing behind (import/creation.c): on a file system that can't publish, and where a
 * step fails. The calls that such a file system refuses are this program's own, which fail when told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "tests/unit/perimeter.h"

static const char *deny = "";	/* the call that fails, or the name that nothing is renamed to */
static int deny_errno;

static bool denied(const char *what)
{
	if (strcmp(deny, what) != 0)
		return false;
	errno = deny_errno;
	return true;
}

int linkat(int from, const char *old, int to, const char *new, int flags)
{
	return denied("linkat") ? -1 : (int)syscall(SYS_linkat, from, old, to, new, flags);
}

int symlinkat(const char *target, int to, const char *new)
{
	return denied("symlinkat") ? -1 : (int)syscall(SYS_symlinkat, target, to, new);
}

int renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
	return (flags == RENAME_EXCHANGE && denied("exchange")) || denied(new) ? -1 :
		(int)syscall(SYS_renameat2, from, old, to, new, flags);
}

int renameat(int from, const char *old, int to, const char *new)
{
	return denied(new) ? -1 : (int)syscall(SYS_renameat2, from, old, to, new, 0);
}

int syncfs(int fd)
{
	return denied("syncfs") ? -1 : (int)syscall(SYS_syncfs, fd);
}

#define INIT(p, code, word, path, trust) \
	EXPECT(p, code, word, "init", path, "--name", "b", "--trust", trust, "--stream", "s", "--ring", "r")

static void unfit_or_failing_leaves_nothing(void **state)
{
	static const struct { const char *deny; int sys, code; const char *word; } cases[] = {
		{"linkat", EPERM, 2, "does not allow hard links: Operation not permitted"},
		{"symlinkat", EPERM, 2, "does not allow symbolic links"},
		{"c", EEXIST, 2, "does not allow atomic renames: File exists"},
		{"exchange", EINVAL, 2, "does not allow exchanging two names"},
		{"receipt.key", ENOSPC, 3, "No space left on device"},
		{"syncfs", EIO, 3, "Input/output error"},
		{"store.yaml", EIO, 3, "Input/output error"},
	};
	struct perimeter *p = perimeter_new();
	char path[96], trust[96];

	(void)state;
	snprintf(path, sizeof path, "%s/new", p->top);
	snprintf(trust, sizeof trust, "%s/trust-1.yaml", p->top);
	for (size_t i = 0; i < 2 * (sizeof cases / sizeof *cases); i++) {
		bool there = i % 2 == 1;	/* a directory that was there stays, and is empty again */

		if (there)
			assert_int_equal(mkdir(path, 0755), 0);
		deny = cases[i / 2].deny;
		deny_errno = cases[i / 2].sys;
		INIT(p, cases[i / 2].code, cases[i / 2].word, path, trust);
		deny = "";
		if (cases[i / 2].code == 2)
			assert_true(perimeter_said(p, "put the store on ext4, XFS or btrfs"));
		assert_int_equal(rmdir(path) == 0, there);
		assert_int_equal(access(path, F_OK), -1);
	}
	INIT(p, 0, NULL, path, trust);
	EXPECT(p, 0, "no list in effect", "-C", path, "status");
	perimeter_free(p);
}

static void where_no_store_can_be(void **state)
{
	struct perimeter *p = perimeter_new();
	char path[96], trust[96];
	struct stat st;

	(void)state;
	snprintf(trust, sizeof trust, "%s/trust-1.yaml", p->top);
	snprintf(path, sizeof path, "%s/missing/new", p->top);
	INIT(p, 2, "No such file or directory", path, trust);
	INIT(p, 1, "file-type", trust, trust);	/* a file */
	assert_int_equal(stat(trust, &st), 0);
	assert_true(S_ISREG(st.st_mode) && (size_t)st.st_size == p->f->roots[1].len);
	/* others could write there */
	snprintf(path, sizeof path, "%s/open", p->top);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(chmod(path, 0777), 0);
	INIT(p, 2, "unsafe", path, trust);
	assert_int_equal(rmdir(path), 0);	/* as empty as it was */
	perimeter_free(p);
}

/* What isn't said well makes nothing; what is said twice counts once, in order. */
static void what_init_asks_for(void **state)
{
	struct perimeter *p = perimeter_new();
	char path[96], trust[96], rings[800] = "ring-0", *end = rings + strlen(rings);
	struct buf config = {0};

	(void)state;
	snprintf(path, sizeof path, "%s/new", p->top);
	snprintf(trust, sizeof trust, "%s/trust-1.yaml", p->top);
	for (int i = 1; i < 64; i++)
		end += sprintf(end, ",ring-%d", i);
#define SAID(code, word, ...) EXPECT(p, code, word, "init", path, "--trust", trust, __VA_ARGS__)
	SAID(2, "--name is missing", "--stream", "s", "--ring", "r");
	SAID(2, "--stream is missing", "--name", "b", "--ring", "r");
	SAID(2, "--ring is missing", "--name", "b", "--stream", "s");
	SAID(2, "--stream s is given twice", "--name", "b", "--stream", "s", "--stream", "s", "--ring", "r");
	SAID(2, "--stream S", "--name", "b", "--stream", "S", "--ring", "r");
	SAID(2, "more than 64 rings", "--name", "b", "--stream", "s", "--ring", rings, "--ring", "r");
	SAID(2, "--fingerprint must be", "--name", "b", "--stream", "s", "--ring", "r", "--fingerprint", "00");
	EXPECT(p, 2, "--trust is missing", "init", path, "--name", "b", "--stream", "s", "--ring", "r");
	EXPECT(p, 2, "No such file", "init", path, "--name", "b", "--stream", "s", "--ring", "r", "--trust", "/nowhere/trust-1.yaml");
	EXPECT(p, 2, "not a regular file", "init", path, "--name", "b", "--stream", "s", "--ring", "r", "--trust", p->top);
	fixture_write(p->top, "no-root.yaml", "satchel: trust/1\n", 17);
	snprintf(trust, sizeof trust, "%s/no-root.yaml", p->top);
	SAID(1, "no-root.yaml: ", "--name", "b", "--stream", "s", "--ring", "r");
	snprintf(trust, sizeof trust, "%s/trust-1.yaml", p->top);
	assert_int_equal(access(path, F_OK), -1);
	SAID(0, "\"store\":\"b\",", "--name", "b", "--stream", "s", "--ring", "z,a", "--ring", "z", "--json");
	assert_true(perimeter_said(p, "\"trust\":1,"));
	fixture_read(path, "store.yaml", &config);
	assert_non_null(strstr((const char *)config.data, "rings: [\"a\", \"z\"]"));
	buf_free(&config);
	perimeter_free(p);
}

/* An old root may have to be begun with: said, and no more. */
static void expired_root_is_said(void **state)
{
	struct perimeter *p = perimeter_new();
	struct fixture_root root = {.version = 1, .epoch = 1, .issued = time(NULL) - 7200, .expires = time(NULL) - 3600};
	char path[96], trust[96];

	(void)state;
	fixture_root(p->f, &root);
	fixture_write(p->top, "old.yaml", p->f->roots[1].data, p->f->roots[1].len);
	snprintf(path, sizeof path, "%s/new", p->top);
	snprintf(trust, sizeof trust, "%s/old.yaml", p->top);
	INIT(p, 0, "trust root 1 expired at ", path, trust);
	EXPECT(p, 1, "trust-expired", "-C", path, "status");
	perimeter_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unfit_or_failing_leaves_nothing), cmocka_unit_test(where_no_store_can_be),
		cmocka_unit_test(what_init_asks_for), cmocka_unit_test(expired_root_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
