/*
 * Commands: exit codes, what they say, what they get, and how they are ended.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/process.h"

static struct process_result r;
static struct err e;

static int shell(const char *script, unsigned seconds, size_t max)
{
	char *argv[] = {(char *)(uintptr_t)"/bin/sh", (char *)(uintptr_t)"-c", (char *)(uintptr_t)script, NULL};
	char *env[] = {(char *)(uintptr_t)"A=one two", (char *)(uintptr_t)"PATH=/usr/bin:/bin", NULL};
	struct process_ask ask = {.argv = argv, .env = env, .seconds = seconds, .output_max = max};

	process_result_free(&r);
	e = (struct err){0};
	return process_run(&ask, &r, &e);
}

static const char *said(void)
{
	return (const char *)r.output.data;
}

static void codes(void **state)
{
	(void)state;
	assert_int_equal(shell("exit 0", 10, 100), 0);
	assert_int_equal(r.code, 0);
	assert_string_equal(said(), "");
	assert_int_equal(shell("exit 7", 10, 100), 0);
	assert_int_equal(r.code, 7);
	assert_int_equal(shell("kill -SEGV $$", 10, 100), 0);
	assert_int_equal(r.code, 128 + SIGSEGV);
	assert_false(r.timed_out);
}

static void what_it_gets(void **state)
{
	(void)state;
	setenv("LEAK", "x", 1);
	assert_int_equal(shell("cat; pwd; echo $A; echo $LEAK; echo err >&2; ls /proc/self/fd | wc -l", 10, 1000), 0);
	assert_string_equal(said(), "/\none two\n\nerr\n4\n");	/* 0 1 2 and ls's own */
	assert_false(r.cut);
}

static void bounded_output(void **state)
{
	(void)state;
	assert_int_equal(shell("i=0; while [ $i -lt 30000 ]; do echo 0123456789; i=$((i+1)); done; exit 3", 30, 25), 0);
	assert_int_equal(r.code, 3);
	assert_true(r.cut);
	assert_string_equal(said(), "0123456789\n0123456789\n012");
	assert_int_equal(shell("printf 12345", 10, 5), 0);
	assert_false(r.cut);
}

static void ended_in_time(void **state)
{
	time_t before = time(NULL);

	(void)state;
	assert_int_equal(shell("echo begun; sleep 60 & wait; echo never", 5, 100), 0);
	assert_true(r.timed_out);
	assert_string_equal(said(), "begun\n");
	assert_int_equal(r.code, 128 + SIGTERM);
	assert_int_equal(shell("trap '' TERM; exec 1>&- 2>&-; while :; do sleep 1; done", 5, 100), 0);
	assert_true(r.timed_out);
	assert_int_equal(r.code, 128 + SIGKILL);
	assert_true(time(NULL) - before < 60);
}

static void background_is_not_waited_for(void **state)
{
	time_t before = time(NULL);

	(void)state;
	assert_int_equal(shell("sleep 20 & echo done", 10, 100), 0);
	assert_int_equal(r.code, 0);
	assert_string_equal(said(), "done\n");
	assert_true(time(NULL) - before < 9);
}

static void cannot_start(void **state)
{
	char *relative[] = {(char *)(uintptr_t)"sh", NULL}, *none[] = {(char *)(uintptr_t)"/nowhere/x", NULL};
	char *dir[] = {(char *)(uintptr_t)"/tmp", NULL}, *env[] = {NULL};
	char **all[] = {relative, none, dir};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct process_ask ask = {.argv = all[i], .env = env, .seconds = 1, .output_max = 10};
		struct process_result out;

		e = (struct err){0};
		assert_int_equal(process_run(&ask, &out, &e), -1);
		assert_int_equal(e.reason, ERR_CONFIG);
		assert_non_null(strstr(e.text, all[i][0]));
	}
}

struct trial {
	int rc;
	unsigned seconds;
	int seen;
};

static int work(void *arg, struct err *why)
{
	struct trial *t = arg;

	t->seen = 1;
	if (t->seconds > 0)
		sleep(t->seconds);
	return t->rc == -1 ? err_set(why, ERR_UNSAFE, "so it is") : 0;
}

static void tried(void **state)
{
	struct trial good = {0}, bad = {.rc = -1}, slow = {.seconds = 60};
	time_t start = time(NULL);

	(void)state;
	e = (struct err){0};
	assert_int_equal(process_try(10, work, &good, &e), 0);
	assert_int_equal(good.seen, 0);	/* it was another process's */
	assert_int_equal(process_try(10, work, &bad, &e), -1);
	assert_int_equal(e.reason, ERR_UNSAFE);
	assert_string_equal(e.text, "so it is");
	e = (struct err){0};
	assert_int_equal(process_try(1, work, &slow, &e), 1);
	assert_int_equal(e.reason, 0);
	assert_true(time(NULL) - start < 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tried), cmocka_unit_test(codes), cmocka_unit_test(what_it_gets), cmocka_unit_test(bounded_output),
		cmocka_unit_test(ended_in_time), cmocka_unit_test(background_is_not_waited_for), cmocka_unit_test(cannot_start),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	process_result_free(&r);
	return rc;
}
