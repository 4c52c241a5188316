/*
 * lib/progress: silent where it should be, a line with the right numbers where not, seldom enough, never in a message.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/progress.h"
#include "lib/say.h"

/* Runs `what` with stderr on a pseudo-terminal of so many columns, or on a pipe (0): what came out of it. */
static void watch(void (*what)(void), unsigned short columns, char *out, size_t size)
{
	struct winsize w = {.ws_row = 24, .ws_col = columns};
	int ends[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t child;

	if (columns == 0) {
		assert_int_equal(pipe(ends), 0);
	} else {
		ends[0] = posix_openpt(O_RDWR | O_NOCTTY);
		assert_int_equal(grantpt(ends[0]), 0);
		assert_int_equal(unlockpt(ends[0]), 0);
		ends[1] = open(ptsname(ends[0]), O_RDWR | O_NOCTTY);
		assert_int_equal(ioctl(ends[1], TIOCSWINSZ, &w), 0);
	}
	child = fork();
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		what();
		_exit(0);
	}
	close(ends[1]);
	while (len < size - 1 && (n = read(ends[0], out + len, size - 1 - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Adds n every ten milliseconds or so, for 1500 of them: whoever is held up for a second still sees something. */
static void add_for_a_while(uint64_t n)
{
	int64_t end = now_ms() + 1500;

	while (now_ms() < end) {
		progress_add(n);
		usleep(10000);
	}
}

/* Somewhat below half of 4 GiB; then a count of things without a total. */
static void two_phases(void)
{
	progress_phase("packing", UINT64_C(4) << 30, 1);
	progress_add(UINT64_C(1) << 30);
	add_for_a_while(10 << 20);
	progress_phase("scanning", 0, 0);
	add_for_a_while(100);
	progress_end();
}

static void automatic(void)
{
	setenv("TERM", "xterm", 1);
	progress_start(PROGRESS_AUTO);
	two_phases();
}

static void on_a_dumb_terminal(void)
{
	setenv("TERM", "dumb", 1);
	progress_start(PROGRESS_AUTO);
	two_phases();
}

static void never(void)
{
	progress_start(PROGRESS_NEVER);
	two_phases();
}

static void always(void)
{
	progress_start(PROGRESS_ALWAYS);
	two_phases();
}

static unsigned count(const char *s, const char *what)
{
	unsigned n = 0;

	for (; (s = strstr(s, what)) != NULL; s += strlen(what))
		n++;
	return n;
}

static void modes(void **state)
{
	char out[4000];

	(void)state;
	watch(never, 80, out, sizeof out);
	assert_string_equal(out, "");
	watch(on_a_dumb_terminal, 80, out, sizeof out);
	assert_string_equal(out, "");
	watch(automatic, 0, out, sizeof out);
	assert_string_equal(out, "");
	watch(always, 0, out, sizeof out);
	assert_int_not_equal(count(out, "packing"), 0);
}

static void numbers(void **state)
{
	char out[4000];

	(void)state;
	watch(automatic, 80, out, sizeof out);
	assert_non_null(strstr(out, "\rpacking  1."));
	assert_non_null(strstr(out, " of 4.0 GiB  "));
	assert_non_null(strstr(out, " %  "));
	assert_non_null(strstr(out, "iB/s  0:0"));
	assert_non_null(strstr(out, " left\033[K"));
	assert_non_null(strstr(out, "\rscanning  "));
	assert_in_range(count(out, "packing"), 1, 7);	/* of 1500 ms the first 500 without; five a second */
	assert_in_range(count(out, "scanning"), 1, 7);
	/* at the end the line is empty */
	assert_true(strlen(out) > 4);
	assert_string_equal(out + strlen(out) - 4, "\r\033[K");
	for (const char *s = out; *s != '\0'; s++)
		assert_true(*s != '\n');
}

static void narrow_terminals(void **state)
{
	char out[4000];

	(void)state;
	watch(automatic, 20, out, sizeof out);
	assert_int_not_equal(count(out, "\rpacking"), 0);
	for (const char *s = strchr(out, '\r'); s != NULL; s = strchr(s + 1, '\r'))
		assert_true(strcspn(s + 1, "\r\033") < 20);
}

static void talking(void)
{
	static const struct say say = {.program = "prog"};

	setenv("TERM", "xterm", 1);
	say_start(&say);
	progress_start(PROGRESS_AUTO);
	progress_phase("packing", 100, 0);
	usleep(600000);
	progress_add(1);
	say_note("hello");
	usleep(300000);
	progress_add(1);
	progress_end();
}

static void messages_on_a_clean_line(void **state)
{
	char out[4000];
	const char *at;

	(void)state;
	watch(talking, 80, out, sizeof out);
	at = strstr(out, "prog: hello\r\n");
	assert_non_null(at);
	assert_memory_equal(at - 4, "\r\033[K", 4);
	assert_non_null(strstr(at, "\rpacking  2 of 100  2 %"));	/* and it goes on behind it */
}

static void *adder(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20000; i++)
		progress_add(1);
	return NULL;
}

static void many_threads(void)
{
	pthread_t t[4];

	progress_start(PROGRESS_ALWAYS);
	progress_phase("counting", 80000, 0);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, adder, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	usleep(600000);
	progress_add(0);
	progress_end();
}

static void no_count_is_lost(void **state)
{
	char out[4000];

	(void)state;
	watch(many_threads, 0, out, sizeof out);
	assert_non_null(strstr(out, "\rcounting  80000 of 80000  100 %"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modes), cmocka_unit_test(numbers), cmocka_unit_test(narrow_terminals),
		cmocka_unit_test(messages_on_a_clean_line), cmocka_unit_test(no_count_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
