/*
 * lib/timings: nothing while it is off; busy and waiting time of stages, from threads, from a pool that measures itself and
 * from a process forked after the stages were named; what set the pace.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/pool.h"
#include "lib/say.h"
#include "lib/timings.h"

enum { TASKS = 40, NAP = 20000 };	/* microseconds */

static int nap(void *arg, void *task, void *state, struct err *e)
{
	(void)arg;
	(void)task;
	(void)state;
	(void)e;
	usleep(NAP);
	return 0;
}

static void sleep_in_child(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		uint64_t since = timings_now();

		usleep(NAP);
		timings_busy("child", since);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* What timings_tell prints on stdout. */
static json_t *told(void)
{
	const struct say say = {.program = "test", .quiet = true, .json = true};
	int out = dup(STDOUT_FILENO);
	FILE *to = tmpfile();
	char text[8192];
	json_t *o = NULL;
	size_t n;

	fflush(stdout);
	dup2(fileno(to), STDOUT_FILENO);
	say_start(&say);
	timings_tell();
	fflush(stdout);
	say_start(NULL);
	dup2(out, STDOUT_FILENO);
	close(out);
	rewind(to);
	n = fread(text, 1, sizeof text - 1, to);
	fclose(to);
	if (n > 0)
		o = json_parse_line(text, n - 1, NULL);
	return o;
}

static double figure(const json_t *o, const char *stage, const char *what)
{
	const json_t *list = json_object_get(o, "timings");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *s = json_array_get(list, i);

		if (strcmp(json_string_value(json_object_get(s, "stage")), stage) == 0)
			return json_number_value(json_object_get(s, what));
	}
	return -1;
}

static void run_pool(void)
{
	static const struct pool_ops ops = {.work = nap, .putting = "putting", .working = "working"};
	int tasks[TASKS];
	struct err e = {0};
	struct pool *p = pool_open(&ops, NULL, 2, 2, &e);

	assert_non_null(p);
	for (int i = 0; i < TASKS; i++)
		assert_int_equal(pool_put(p, &tasks[i], &e), 0);
	assert_int_equal(pool_close(p, &e), 0);
}

static void test_off(void **state)
{
	(void)state;
	assert_int_equal(timings_now(), 0);
	assert_int_equal(timings_busy("nothing", 0), 0);
	run_pool();
	assert_null(told());
}

static void test_on(void **state)
{
	double nap_seconds = NAP / 1e6, whole;
	json_t *o;

	(void)state;
	timings_start();
	timings_name("child", 1);
	timings_busy(NULL, timings_now());
	run_pool();
	sleep_in_child();
	o = told();
	assert_non_null(o);
	whole = json_number_value(json_object_get(o, "seconds"));
	assert_true(whole >= nap_seconds * (TASKS / 2 + 1));
	assert_true(figure(o, "child", "busy") >= nap_seconds);
	assert_true(figure(o, "child", "busy") < whole);
	assert_true(figure(o, "working", "busy") >= nap_seconds * TASKS);
	assert_int_equal(figure(o, "working", "threads"), 2);
	assert_true(figure(o, "putting", "waiting") >= nap_seconds);	/* only two fit */
	assert_true(figure(o, "putting", "busy") + figure(o, "putting", "waiting") < whole);
	assert_int_equal(figure(o, "nothing", "busy"), -1);
	assert_string_equal(json_string_value(json_object_get(o, "bound")), "working");
	json_decref(o);
}

/* A wait in the midst of a task is the stage's waiting, and not its work. */
static void test_paused(void **state)
{
	uint64_t since = timings_now(), pause;
	double nap_seconds = NAP / 1e6;
	json_t *o;

	(void)state;
	pause = timings_now();
	usleep(4 * NAP);
	timings_paused("paused", pause);
	usleep(NAP);
	timings_busy("paused", since);
	o = told();
	assert_true(figure(o, "paused", "waiting") >= 4 * nap_seconds);
	assert_true(figure(o, "paused", "busy") >= nap_seconds);
	assert_true(figure(o, "paused", "busy") + figure(o, "paused", "waiting") < json_number_value(json_object_get(o, "seconds")));
	json_decref(o);
}

/* More stages than there is room for: those that fit are counted. */
static void test_many(void **state)
{
	static char names[2 * TIMINGS_STAGES][32];
	json_t *o;

	(void)state;
	for (int i = 0; i < 2 * TIMINGS_STAGES; i++) {
		snprintf(names[i], sizeof names[i], "stage %d", i);
		timings_busy(names[i], timings_now());
	}
	o = told();
	assert_int_equal(json_array_size(json_object_get(o, "timings")), TIMINGS_STAGES);
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_on),
		cmocka_unit_test(test_paused),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
