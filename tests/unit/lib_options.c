/*
 * lib/options: exit codes, help with the example first, and errors in one line.
 */
#include <fcntl.h>
#include <setjmp.h>
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
#include "lib/options.h"
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
	return reason == ERR_USAGE ? "usage" : reason == ERR_FORM ? "form" : "other";
}

static int exit_code(int reason)
{
	return reason == ERR_USAGE ? 2 : reason == ERR_FORM ? 1 : 3;
}

static int make_it(const struct args *a, struct err *e)
{
	if (args_expect(a, 1, 1, e) == -1)
		return -1;
	say_line("made %s", args_at(a, 0));
	say_note("talk");
	return args_has(a, "wait") ? 4 : 0;
}

static int fail_it(const struct args *a, struct err *e)
{
	(void)a;
	return err_set(e, ERR_FORM, "file: bad");
}

static int fail_silently(const struct args *a, struct err *e)
{
	(void)a;
	(void)e;
	return -1;
}

static const struct option_def make_options[] = {
	{"wait", 'w', NULL, "wait for what is missing, which can take a while, and longer than one thinks; that is why it is said here",
	 false},
	{"item", 0, "NAME", "one more of them", true},
	{0},
};
static const struct option_def common[] = {{"dir", 'C', "DIR", "where it is", false}, {0}};
static const struct command commands[] = {
	{"make", "DIR [--wait] [--item NAME]...", "prog make /srv/x --wait", "Makes it. And more.\nSecond line.", make_options, make_it},
	{"make fail", "", "prog make fail", "Fails.", NULL, fail_it},
	{"silent", "", "prog silent", "Fails without a word.", NULL, fail_silently},
	{0},
};
static const struct program program = {
	.name = "prog", .version = "1.2.3", .about = "A program.", .commands = commands, .common = common, .word = word,
	.exit_code = exit_code,
};

static char *const *arguments;
static int before_run;	/* a descriptor to close, or -1 */

static void run(void)
{
	int argc = 0;
	char *copy[16];

	while (arguments[argc] != NULL) {
		copy[argc] = arguments[argc];
		argc++;
	}
	copy[argc] = NULL;
	if (before_run != -1)
		close(before_run);
	_exit(options_run(&program, argc, copy));
}

static char out[8000], err[8000];

#define RUN(...) (arguments = (char *[]){(char[]){"prog"}, __VA_ARGS__ __VA_OPT__(,) NULL}, capture(run, out, err, sizeof out))

static void runs(void **state)
{
	(void)state;
	assert_int_equal(RUN("make", "x"), 0);
	assert_string_equal(out, "made x\n");
	assert_string_equal(err, "prog: talk\n");
	assert_int_equal(RUN("make", "-qw", "x"), 4);
	assert_string_equal(out, "made x\n");
	assert_string_equal(err, "");
	assert_int_equal(RUN("--json", "make", "x"), 0);
	assert_string_equal(out, "");
}

static void errors(void **state)
{
	(void)state;
	assert_int_equal(RUN("make", "fail"), 1);
	assert_string_equal(out, "");
	assert_string_equal(err, "prog: file: bad (form)\n");
	assert_int_equal(RUN("make", "fail", "--json"), 1);
	assert_string_equal(out, "{\"error\":\"form\",\"message\":\"file: bad\"}\n");
	assert_int_equal(RUN("silent"), 3);
	assert_string_equal(err, "prog: failed without saying why (other)\n");
	assert_int_equal(RUN("make"), 2);
	assert_string_equal(err, "prog: an argument is missing; usage: prog make DIR [--wait] [--item NAME]... (usage)\n");
	assert_int_equal(RUN("make", "x", "--progress=maybe"), 2);
	assert_string_equal(err, "prog: --progress maybe: must be auto, always or never (usage)\n");
	assert_int_equal(RUN("--json", "bogus"), 2);
	assert_string_equal(out, "{\"error\":\"usage\",\"message\":\"unknown command 'bogus'; see 'prog --help'\"}\n");
	assert_int_equal(RUN("-q"), 2);
	assert_string_equal(err, "prog: no command was given; see 'prog --help' (usage)\n");
}

static void check_lines(const char *text)
{
	for (; *text != '\0'; text += strcspn(text, "\n"), text += *text != '\0') {
		assert_true(strcspn(text, "\n") <= 78);
		assert_true(text[0] == '\n' || text[strcspn(text, "\n") - 1] != ' ');
	}
}

static void help(void **state)
{
	char first[8000];

	(void)state;
	assert_int_equal(RUN("make", "--help"), 0);
	assert_string_equal(err, "");
	assert_int_equal(strncmp(out, "Example:\n  prog make /srv/x --wait\n\nUsage:\n  prog make DIR [--wait] [--item NAME]...\n", 80), 0);
	assert_non_null(strstr(out, "\nMakes it. And more.\nSecond line.\n"));
	assert_non_null(strstr(out, "\n  -w, --wait              wait for what is missing"));
	assert_non_null(strstr(out, "\n      --item NAME         one more of them (may be repeated)\n"));
	assert_non_null(strstr(out, "\n  -C, --dir DIR           where it is\n"));
	assert_non_null(strstr(out, "\n      --json "));
	check_lines(out);
	memcpy(first, out, sizeof first);
	assert_int_equal(RUN("help", "make"), 0);
	assert_string_equal(out, first);
	assert_int_equal(RUN("--json", "-q", "make", "--help"), 0);
	assert_string_equal(out, first);
}

static void overviews(void **state)
{
	char first[8000];

	(void)state;
	assert_int_equal(RUN("--help"), 0);
	assert_int_equal(strncmp(out, "A program.\n\nUsage:\n  prog [OPTION]... COMMAND", 40), 0);
	assert_non_null(strstr(out, "\n  make                    Makes it\n"));
	assert_non_null(strstr(out, "\n  make fail               Fails\n"));
	assert_string_equal(err, "");
	check_lines(out);
	memcpy(first, out, sizeof first);
	assert_int_equal(RUN("help"), 0);
	assert_string_equal(out, first);
	assert_int_equal(RUN(), 2);
	assert_string_equal(out, "");
	assert_string_equal(err, first);
}

static void version(void **state)
{
	(void)state;
	assert_int_equal(RUN("--version"), 0);
	assert_string_equal(out, "prog 1.2.3\n");
	assert_int_equal(RUN("make", "--version"), 0);
	assert_string_equal(out, "prog 1.2.3\n");
}

static void run_into_a_full_disk(void)
{
	int fd = open("/dev/full", O_WRONLY);

	dup2(fd, STDOUT_FILENO);
	close(fd);
	run();
}

static void lost_results(void **state)
{
	char *const make[] = {(char[]){"prog"}, (char[]){"make"}, (char[]){"x"}, NULL};
	char *const helping[] = {(char[]){"prog"}, (char[]){"--help"}, NULL};

	(void)state;
	arguments = make;
	assert_int_equal(capture(run_into_a_full_disk, out, err, sizeof out), 3);
	assert_non_null(strstr(err, "prog: output could not be written: No space left on device (other)\n"));
	arguments = helping;
	assert_int_equal(capture(run_into_a_full_disk, out, err, sizeof out), 3);
}

/* A caller that closed stdout must not find our results in a file of ours, nor hear of success. */
static void closed_descriptors(void **state)
{
	(void)state;
	before_run = STDOUT_FILENO;
	assert_int_equal(RUN("make", "x"), 3);
	before_run = STDIN_FILENO;
	assert_int_equal(RUN("make", "x"), 0);
	before_run = -1;
}

static void run_into_a_closed_pipe(void)
{
	int ends[2];

	if (pipe(ends) == -1 || close(ends[0]) == -1 || dup2(ends[1], STDOUT_FILENO) == -1)
		_exit(100);
	run();
}

static void closed_pipes(void **state)
{
	char *const make[] = {(char[]){"prog"}, (char[]){"make"}, (char[]){"x"}, NULL};

	(void)state;
	arguments = make;
	assert_int_equal(capture(run_into_a_closed_pipe, out, err, sizeof out), 3);	/* and no death by SIGPIPE */
	assert_non_null(strstr(err, "Broken pipe"));
}

static int make_top_first(void **state)
{
	before_run = -1;
	return make_top(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs), cmocka_unit_test(errors), cmocka_unit_test(help), cmocka_unit_test(overviews),
		cmocka_unit_test(version), cmocka_unit_test(lost_results), cmocka_unit_test(closed_descriptors),
		cmocka_unit_test(closed_pipes),
	};

	return cmocka_run_group_tests(tests, make_top_first, remove_top);
}
