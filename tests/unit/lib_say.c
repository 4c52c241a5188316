/*
 * lib/say: results and talk go where they belong, escaped and whole; a full disk is noticed.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/say.h"

static char top[256];

/* Runs `what` in a process of its own with stdout and stderr in files: its exit status, and both texts. */
static int capture(void (*what)(void), char *out, char *err, size_t size)
{
	char *const into[] = {out, err};
	char path[2][300];
	int status;
	pid_t child;

	for (int i = 0; i < 2; i++)
		snprintf(path[i], sizeof path[i], "%s/%d", top, i);
	child = fork();
	if (child == 0) {
		for (int i = 0; i < 2; i++) {
			int fd = open(path[i], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);

			if (fd == -1 || dup2(fd, i + 1) == -1)
				_exit(126);
			close(fd);
		}
		what();
		exit(0);
	}
	waitpid(child, &status, 0);
	for (int i = 0; i < 2; i++) {
		int fd = open(path[i], O_RDONLY);
		ssize_t n = read(fd, into[i], size - 1);

		close(fd);
		unlink(path[i]);
		assert_true(n >= 0);
		into[i][n] = '\0';
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int make_top(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(top, sizeof top, "%s/satchel-XXXXXX", tmp != NULL ? tmp : "/tmp");
	return mkdtemp(top) == NULL ? -1 : 0;
}

static int remove_top(void **state)
{
	(void)state;
	return rmdir(top);
}

static const char *word(int reason)
{
	return reason == ERR_FORM ? "form" : "other";
}

static const struct say plain = {.program = "prog", .word = word}, quiet = {.program = "prog", .quiet = true, .word = word},
			json = {.program = "prog", .json = true, .word = word};

static void say_everything(void)
{
	struct err e = {0};
	json_t *o = json_object();

	err_set(&e, ERR_FORM, "%s: bad", "a\nb\xff");
	json_put_text(o, "name", "x");
	say_line("result %d %s", 1, "na\x1b[31mme\\");
	say_object(o);
	say_note("note %s", "\xc3\xa9\xe2\x80\xae");
	say_warn("%s", "warn\n");
	say_error(&e);
	exit(say_finish(NULL) == 0 ? 0 : 9);
}

static void plainly(void)
{
	say_start(&plain);
	assert_false(say_json());
	say_everything();
}

static void quietly(void)
{
	say_start(&quiet);
	say_everything();
}

static void as_json(void)
{
	say_start(&json);
	assert_true(say_json());
	say_everything();
}

static void channels(void **state)
{
	char out[1000], err[1000];

	(void)state;
	assert_int_equal(capture(plainly, out, err, sizeof out), 0);
	assert_string_equal(out, "result 1 na\\x1b[31mme\\\\\n");
	assert_string_equal(err, "prog: note \xc3\xa9\\xe2\\x80\\xae\nprog: warning: warn\\x0a\nprog: a\\x0ab\\xff: bad (form)\n");
	assert_int_equal(capture(quietly, out, err, sizeof out), 0);
	assert_string_equal(out, "result 1 na\\x1b[31mme\\\\\n");
	assert_string_equal(err, "prog: warning: warn\\x0a\nprog: a\\x0ab\\xff: bad (form)\n");
	assert_int_equal(capture(as_json, out, err, sizeof out), 0);
	assert_string_equal(out, "{\"name\":\"x\"}\n{\"error\":\"form\",\"message\":\"a\\nb\\\\xff: bad\"}\n");
	assert_non_null(strstr(err, "(form)\n"));
}

#define MANY 5000	/* of more bytes than are written at once */

static json_t *make(const void *arg, size_t i)
{
	json_t *o = json_object();

	json_put_text(o, "name", arg);
	json_put_number(o, "n", i);
	return o;
}

static void say_lists(const struct say *how)
{
	json_t *o = json_object();

	say_start(how);
	say_object_list(json_object(), "none", 0, make, "");
	json_put_text(o, "name", "x");
	say_object_list(o, "many", MANY, make, "twenty bytes of text");
	exit(say_finish(NULL) == 0 ? 0 : 9);
}

static void lists_plainly(void)
{
	say_lists(&plain);
}

static void lists_as_json(void)
{
	say_lists(&json);
}

static void long_objects(void **state)
{
	static char out[300000], err[300000];
	const char *second;
	json_t *o;

	(void)state;
	assert_int_equal(capture(lists_plainly, out, err, sizeof out), 0);
	assert_string_equal(out, "");
	assert_int_equal(capture(lists_as_json, out, err, sizeof out), 0);
	assert_memory_equal(out, "{\"none\":[]}\n{\"name\":\"x\",\"many\":[{", 33);
	second = strchr(out, '\n') + 1;
	assert_ptr_equal(strchr(second, '\n'), out + strlen(out) - 1);
	o = json_parse_line(second, strlen(second) - 1, NULL);
	assert_int_equal(json_array_size(json_object_get(o, "many")), MANY);
	json_decref(o);
}

static void before_any_start(void)
{
	say_warn("early");
	say_start(&plain);
	say_start(NULL);
	say_line("late");
	exit(say_finish(NULL) == 0 ? 0 : 9);
}

static void without_a_program(void **state)
{
	char out[100], err[100];

	(void)state;
	assert_int_equal(capture(before_any_start, out, err, sizeof out), 0);
	assert_string_equal(out, "late\n");
	assert_string_equal(err, ": warning: early\n");
}

static void into_a_full_disk(void)
{
	struct err e = {0};
	int fd = open("/dev/full", O_WRONLY);

	dup2(fd, STDOUT_FILENO);
	say_start(&plain);
	say_line("lost");
	if (say_finish(&e) != -1)
		exit(1);
	if (e.reason != ERR_NO_SPACE)
		exit(2);
	exit(0);
}

static void into_a_closed_pipe(void)
{
	struct err e = {0};
	int ends[2];

	signal(SIGPIPE, SIG_IGN);
	if (pipe(ends) == -1 || close(ends[0]) == -1 || dup2(ends[1], STDERR_FILENO) == -1)
		exit(3);
	say_start(&plain);
	say_note("lost");
	exit(say_finish(&e) == -1 && e.reason == ERR_IO ? 0 : 1);
}

static void lost_output(void **state)
{
	char out[100], err[100];

	(void)state;
	assert_int_equal(capture(into_a_full_disk, out, err, sizeof out), 0);
	assert_int_equal(capture(into_a_closed_pipe, out, err, sizeof out), 0);
}

/* One write for a line of talk, however long: two processes' lines don't mix. */
static void talk_in_one_write(void **state)
{
	int ends[2];
	char name[2001], got[4000];
	pid_t child;
	ssize_t n;

	(void)state;
	memset(name, 'x', sizeof name - 1);
	name[2000] = '\0';
	assert_int_equal(pipe2(ends, O_DIRECT), 0);	/* packets: a read gives what one write gave */
	child = fork();
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		say_start(&plain);
		say_note("%s", name);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	n = read(ends[0], got, sizeof got);
	assert_int_equal(n, 6 + 2000 + 1);
	assert_memory_equal(got, "prog: xxx", 9);
	assert_int_equal(got[n - 1], '\n');
	close(ends[0]);
	close(ends[1]);
}

/* Results said before stand before talk said after, when both go to one place. */
static void both_in_one_place(void)
{
	dup2(STDERR_FILENO, STDOUT_FILENO);
	say_start(&plain);
	say_line("1");
	say_note("2");
	say_line("3");
	exit(say_finish(NULL) == 0 ? 0 : 1);
}

static void order(void **state)
{
	char out[100], err[100];

	(void)state;
	assert_int_equal(capture(both_in_one_place, out, err, sizeof out), 0);
	assert_string_equal(err, "1\nprog: 2\n3\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(channels), cmocka_unit_test(long_objects), cmocka_unit_test(without_a_program), cmocka_unit_test(lost_output),
		cmocka_unit_test(talk_in_one_write), cmocka_unit_test(order),
	};

	return cmocka_run_group_tests(tests, make_top, remove_top);
}
