/*
 * lib/args: what a command line means, and a word of advice for each that means nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/args.h"
#include "lib/err.h"

static const struct option_def init_options[] = {
	{"name", 'n', "NAME", "its name", false},
	{"add", 0, "NAME", "more of them", true},
	{"force", 'f', NULL, "anyhow", false},
	{"size", 's', "SIZE", "how large", false},
	{0},
};
static const struct option_def common[] = {{"dir", 'C', "DIR", "where", false}, {0}};
static const struct command commands[] = {
	{"init", "DIR --name NAME", "prog init x", "Makes it. Really.", init_options, NULL},
	{"key new", "NAME", "prog key new x", "Makes a key.", NULL, NULL},
	{"key show", "NAME", "prog key show x", "Shows a key.", NULL, NULL},
	{"key", "", "prog key", "Lists keys.", NULL, NULL},
	{"trust show", "", "prog trust show", "Shows it.", NULL, NULL},
	{0},
};
static const struct program program = {.name = "prog", .commands = commands, .common = common};

/* "init -q x" as argc and argv. */
static int parse(const char *line, struct args *out, struct err *e)
{
	static char text[256], *argv[32];
	int argc = 1;

	strncpy(text, line, sizeof text - 1);
	argv[0] = (char[]){"prog"};
	for (char *save, *w = strtok_r(text, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	return args_parse(&program, argc, argv, out, e);
}

static void good(const char *line, struct args *out, const char *command)
{
	struct err e = {0};

	if (parse(line, out, &e) == -1)
		fail_msg("%s: %s", line, e.text);
	if (command == NULL)
		assert_null(out->command);
	else
		assert_string_equal(out->command->name, command);
}

static void bad(const char *line, const char *text)
{
	struct args a;
	struct err e = {0};

	if (parse(line, &a, &e) == 0)
		fail_msg("accepted: %s", line);
	assert_int_equal(e.reason, ERR_USAGE);
	assert_string_equal(e.text, text);
	args_free(&a);
}

static void commands_of_one_and_two_words(void **state)
{
	struct args a;

	(void)state;
	good("init x", &a, "init");
	assert_string_equal(args_at(&a, 0), "x");
	args_free(&a);
	good("key new x", &a, "key new");
	assert_int_equal(args_len(&a), 1);
	assert_string_equal(args_at(&a, 0), "x");
	args_free(&a);
	good("key", &a, "key");
	args_free(&a);
	good("key other", &a, "key");
	assert_string_equal(args_at(&a, 0), "other");
	args_free(&a);
	good("trust show", &a, "trust show");
	assert_int_equal(args_len(&a), 0);
	assert_null(args_at(&a, 0));
	args_free(&a);
	good("", &a, NULL);
	args_free(&a);
}

static void options_in_every_form(void **state)
{
	static const char *const forms[] = {
		"-C /d init --name n -f x", "--dir /d init --name=n --force x", "--dir=/d init x -fn n", "-C/d init x -nn -f",
		"init --dir /d --name n x --force", "init x -f -C /d -n n", "-q -C /d init -f --name n -- x",
	};
	struct args a;

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		good(forms[i], &a, "init");
		assert_string_equal(args_get(&a, "dir"), "/d");
		assert_string_equal(args_get(&a, "name"), "n");
		assert_true(args_has(&a, "force"));
		assert_false(args_has(&a, "json"));
		assert_null(args_get(&a, "size"));
		assert_int_equal(args_len(&a), 1);
		assert_string_equal(args_at(&a, 0), "x");
		args_free(&a);
	}
	good("init --name= x", &a, "init");
	assert_string_equal(args_get(&a, "name"), "");
	args_free(&a);
	good("init --name --force", &a, "init");	/* an option's value may begin with a dash */
	assert_string_equal(args_get(&a, "name"), "--force");
	args_free(&a);
}

static void repeated(void **state)
{
	struct args a;

	(void)state;
	good("init --add a x --add=b y --add c", &a, "init");
	assert_int_equal(args_count(&a, "add"), 3);
	assert_string_equal(args_nth(&a, "add", 0), "a");
	assert_string_equal(args_nth(&a, "add", 1), "b");
	assert_string_equal(args_nth(&a, "add", 2), "c");
	assert_null(args_nth(&a, "add", 3));
	assert_string_equal(args_get(&a, "add"), "c");
	assert_string_equal(args_at(&a, 1), "y");
	args_free(&a);
}

static void dashes(void **state)
{
	struct args a;

	(void)state;
	good("init -- --name -f --", &a, "init");
	assert_int_equal(args_len(&a), 3);
	assert_string_equal(args_at(&a, 2), "--");
	assert_false(args_has(&a, "force"));
	args_free(&a);
	good("init -", &a, "init");
	assert_string_equal(args_at(&a, 0), "-");
	args_free(&a);
}

static void help_and_version(void **state)
{
	static const struct { const char *line, *command; } helps[] = {
		{"--help", NULL}, {"-h", NULL}, {"help", NULL}, {"init --help", "init"}, {"--help init", "init"}, {"help init", "init"},
		{"init x --help", "init"}, {"key new --help", "key new"}, {"help key new", "key new"}, {"help key", "key"},
		{"help trust", NULL}, {"trust --help", NULL},
	};
	struct args a;

	(void)state;
	for (size_t i = 0; i < sizeof helps / sizeof *helps; i++) {
		good(helps[i].line, &a, helps[i].command);
		assert_true(a.help);
		args_free(&a);
	}
	good("--version", &a, NULL);
	assert_true(a.version);
	args_free(&a);
	good("init help", &a, "init");	/* an argument like any other */
	assert_false(a.help);
	args_free(&a);
}

static void mistakes(void **state)
{
	(void)state;
	bad("bogus", "unknown command 'bogus'; see 'prog --help'");
	bad("help bogus", "unknown command 'bogus'; see 'prog --help'");
	bad("bogus --help", "unknown command 'bogus'; see 'prog --help'");
	bad("trust", "'trust' needs one of: show; see 'prog --help'");
	bad("trust bogus", "'trust' needs one of: show; see 'prog --help'");
	bad("--name n init", "unknown option --name; see 'prog --help'");
	bad("init --bogus", "unknown option --bogus; see 'prog init --help'");
	bad("init --bogus=x", "unknown option --bogus; see 'prog init --help'");
	bad("init --nam x", "unknown option --nam; see 'prog init --help'");
	bad("init --names x", "unknown option --names; see 'prog init --help'");
	bad("init -fz", "unknown option -z; see 'prog init --help'");
	bad("init --force=1", "--force takes no value; see 'prog init --help'");
	bad("init --name", "--name needs a value: --name NAME; see 'prog init --help'");
	bad("init -n", "--name needs a value: --name NAME; see 'prog init --help'");
	bad("init -C", "--dir needs a value: --dir DIR; see 'prog init --help'");
	bad("init --name a --name b", "--name was given twice; see 'prog init --help'");
	bad("-C a init --dir b", "--dir was given twice; see 'prog init --help'");
	bad("init -ff", "--force was given twice; see 'prog init --help'");
	bad("key new --name x", "unknown option --name; see 'prog key new --help'");
}

/* -q and --json that stood before a mistake count for its report. */
static void what_stood_before_a_mistake(void **state)
{
	struct args a;

	(void)state;
	assert_int_equal(parse("--json init --bogus", &a, NULL), -1);
	assert_true(args_has(&a, "json"));
	args_free(&a);
}

static void expectations(void **state)
{
	struct args a;
	struct err e = {0};

	(void)state;
	good("init x y", &a, "init");
	assert_int_equal(args_expect(&a, 1, 2, &e), 0);
	assert_int_equal(args_expect(&a, 2, 2, &e), 0);
	assert_int_equal(args_expect(&a, 0, 1, &e), -1);
	assert_int_equal(e.reason, ERR_USAGE);
	assert_string_equal(e.text, "unexpected argument 'y'; usage: prog init DIR --name NAME");
	err_clear(&e);
	assert_int_equal(args_expect(&a, 3, 9, &e), -1);
	assert_string_equal(e.text, "an argument is missing; usage: prog init DIR --name NAME");
	args_free(&a);
}

static void values(void **state)
{
	struct args a;
	struct err e = {0};
	uint64_t n;

	(void)state;
	good("init --name 7 --size 4GiB", &a, "init");
	assert_int_equal(args_number(&a, "name", 1, 7, 3, &n, &e), 0);
	assert_int_equal(n, 7);
	assert_int_equal(args_number(&a, "add", 1, 7, 3, &n, &e), 0);
	assert_int_equal(n, 3);
	assert_int_equal(args_number(&a, "name", 1, 6, 3, &n, &e), -1);
	assert_int_equal(e.reason, ERR_USAGE);
	assert_string_equal(e.text, "--name 7: must be a number from 1 to 6");
	err_clear(&e);
	assert_int_equal(args_number(&a, "size", 1, 6, 3, &n, &e), -1);
	err_clear(&e);
	assert_int_equal(args_size(&a, "size", 0, UINT64_MAX, 3, &n, &e), 0);
	assert_true(n == UINT64_C(4) << 30);
	assert_int_equal(args_size(&a, "add", 0, 10, 3, &n, &e), 0);
	assert_int_equal(n, 3);
	assert_int_equal(args_size(&a, "size", 0, (UINT64_C(4) << 30) - 1024, 3, &n, &e), -1);
	assert_string_equal(e.text, "--size 4GiB: must be from 0 to 4194303KiB");
	args_free(&a);
	err_clear(&e);
	good("init --size many", &a, "init");
	assert_int_equal(args_size(&a, "size", 0, 9, 3, &n, &e), -1);
	assert_string_equal(e.text, "--size many: must be a size like 700M, 4GiB or 123456");
	args_free(&a);
}

static void many_letters(void **state)
{
	static char letters[300] = "-";
	char *argv[] = {(char[]){"prog"}, letters, NULL};
	static const struct option_def verbose[] = {{"verbose", 'v', NULL, "more", true}, {0}};
	struct program p = program;
	struct args a;

	(void)state;
	memset(letters + 1, 'v', sizeof letters - 2);
	p.common = verbose;
	assert_int_equal(args_parse(&p, 2, argv, &a, NULL), 0);
	assert_int_equal(args_count(&a, "verbose"), 298);
	args_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_of_one_and_two_words), cmocka_unit_test(options_in_every_form),
		cmocka_unit_test(repeated), cmocka_unit_test(dashes), cmocka_unit_test(help_and_version),
		cmocka_unit_test(mistakes), cmocka_unit_test(what_stood_before_a_mistake), cmocka_unit_test(expectations),
		cmocka_unit_test(values), cmocka_unit_test(many_letters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
