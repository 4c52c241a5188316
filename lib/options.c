/*
 * What stands around a program's commands: help from the tables, one place that reports errors and makes the exit code.
 * Refuses to start with a standard descriptor closed, since the next file opened would take its place.
 */
#include "lib/options.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/args.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/progress.h"
#include "lib/say.h"
#include "lib/timings.h"

#include "lib/banned.h"

#define COLUMNS 78
#define HELP_AT 26	/* column of the explanations */

/* Appends text in lines of at most COLUMNS, each behind `indent` blanks; `at`: the column where the first begins. */
static void wrap(struct buf *out, const char *text, size_t at, size_t indent)
{
	bool first = true;

	while (*text != '\0') {
		size_t len = strcspn(text, " ");

		if (!first && at + 1 + len > COLUMNS) {
			buf_printf(out, "\n%*s", (int)indent, "");
			at = indent;
			first = true;
		}
		if (!first) {
			buf_putc(out, ' ');
			at++;
		}
		buf_append(out, text, len);
		at += len;
		first = false;
		text += len;
		while (*text == ' ')
			text++;
	}
	buf_putc(out, '\n');
}

static void explain(struct buf *out, const char *head, const char *text)
{
	size_t len = strlen(head);

	buf_puts(out, head);
	if (len + 2 > HELP_AT) {
		buf_printf(out, "\n%*s", HELP_AT, "");
		len = HELP_AT;
	} else {
		buf_printf(out, "%*s", (int)(HELP_AT - len), "");
	}
	wrap(out, text, len < HELP_AT ? HELP_AT : len, HELP_AT);
}

static void list_options(struct buf *out, const struct option_def *d)
{
	for (; d != NULL && d->name != NULL; d++) {
		struct buf head = {0}, text = {0};

		if (d->letter != 0)
			buf_printf(&head, "  -%c, --%s", d->letter, d->name);
		else
			buf_printf(&head, "      --%s", d->name);
		if (d->value != NULL)
			buf_printf(&head, " %s", d->value);
		buf_printf(&text, "%s%s", d->help, d->many ? " (may be repeated)" : "");
		if (!head.failed && !text.failed)
			explain(out, (const char *)head.data, (const char *)text.data);
		else
			out->failed = true;
		buf_free(&text);
		buf_free(&head);
	}
}

static void list_common(struct buf *out, const struct program *p)
{
	buf_puts(out, "\nCommon options:\n");
	list_options(out, p->common);
	list_options(out, args_builtin);
}

/* What a text says first: up to the end of its first sentence, or its first colon or semicolon. */
static void first_words(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr(".:;", *text) != NULL && strchr(" \n", text[1]) != NULL)	/* or at the text's end */
			break;
		buf_putc(out, *text == '\n' ? ' ' : *text);
	}
}

static void overview(struct buf *out, const struct program *p)
{
	buf_printf(out, "%s\n\nUsage:\n  %s [OPTION]... COMMAND [ARGUMENT]...\n\nCommands:\n", p->about, p->name);
	for (const struct command *c = p->commands; c->name != NULL; c++) {
		struct buf head = {0}, text = {0};

		buf_printf(&head, "  %s", c->name);
		first_words(&text, c->about);
		if (!head.failed && !text.failed)
			explain(out, (const char *)head.data, (const char *)text.data);
		else
			out->failed = true;
		buf_free(&text);
		buf_free(&head);
	}
	list_common(out, p);
	buf_printf(out, "\n'%s COMMAND --help' shows an example and the options of a command.\n", p->name);
}

static void command_help(struct buf *out, const struct program *p, const struct command *c)
{
	buf_printf(out, "Example:\n  %s\n\nUsage:\n  ", c->example);
	buf_printf(out, "%s %s ", p->name, c->name);
	wrap(out, c->synopsis, 4 + strlen(p->name) + strlen(c->name), 6);
	buf_printf(out, "\n%s\n", c->about);
	if (c->options != NULL && c->options->name != NULL) {
		buf_puts(out, "\nOptions:\n");
		list_options(out, c->options);
	}
	list_common(out, p);
}

/* Our own text, which is not to be escaped. */
static int print(const struct buf *text, FILE *to, struct err *e)
{
	if (buf_ok(text, e) == -1)
		return -1;
	if (fwrite(text->data, 1, text->len, to) != text->len || fflush(to) != 0)
		return err_sys(e, "output could not be written");
	return 0;
}

static int tell_version(const struct program *p)
{
	json_t *o = json_object();

	json_put_text(o, "program", p->name);
	json_put_text(o, "version", p->version);
	say_object(o);
	return 0;
}

static int help(const struct args *a, struct err *e)
{
	struct buf text = {0};
	int rc;

	if (a->version && args_has(a, "json"))
		return tell_version(a->program);
	if (a->version)
		buf_printf(&text, "%s %s\n", a->program->name, a->program->version);
	else if (a->command != NULL)
		command_help(&text, a->program, a->command);
	else
		overview(&text, a->program);
	rc = print(&text, stdout, e);
	buf_free(&text);
	return rc;
}

/* Wrong options are an error like others, told as JSON where that was asked for, on whichever side of the wrong one. */
static bool wants_json(const struct args *a, int argc, char **argv)
{
	bool json = args_has(a, "json");

	for (int i = 1; i < argc && !json && strcmp(argv[i], "--") != 0; i++)
		json = strcmp(argv[i], "--json") == 0;
	return json;
}

static int refuse_nothing(const struct program *p, struct err *e)
{
	struct buf text = {0};
	int rc;

	overview(&text, p);
	rc = print(&text, stderr, e);
	buf_free(&text);
	return rc == -1 ? -1 : p->exit_code(ERR_USAGE);
}

static int start_progress(const struct args *a, struct err *e)
{
	const char *when = args_get(a, "progress");
	enum progress_mode mode = PROGRESS_AUTO;

	if (when != NULL && strcmp(when, "always") == 0)
		mode = PROGRESS_ALWAYS;
	else if (when != NULL && strcmp(when, "never") == 0)
		mode = PROGRESS_NEVER;
	else if (when != NULL && strcmp(when, "auto") != 0)
		return err_set(e, ERR_USAGE, "--progress %s: must be auto, always or never", when);
	progress_start(args_has(a, "quiet") ? PROGRESS_NEVER : mode);
	return 0;
}

/* A descriptor that was closed by the caller would be the next file we open, and our talk would go into it. */
static int hold_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			return -1;	/* opened the wrong way round, so that using it is an error, as before */
	return 0;
}

static int run(const struct args *a, int argc, struct err *e)
{
	if (a->help || a->version)
		return help(a, e);
	if (a->command == NULL && argc < 2)
		return refuse_nothing(a->program, e);
	if (a->command == NULL)
		return err_set(e, ERR_USAGE, "no command was given; see '%s --help'", a->program->name);
	if (start_progress(a, e) == -1)
		return -1;
	if (args_has(a, "timings"))
		timings_start();
	return a->command->run(a, e);
}

int options_run(const struct program *p, int argc, char **argv)
{
	struct say say = {.program = p->name, .word = p->word};
	struct args a;
	struct err e = {0}, at_end = {0};
	int rc;

	if (hold_descriptors() == -1)
		return p->exit_code(ERR_IO);
	signal(SIGPIPE, SIG_IGN);	/* a reader that went away is an error of the write */
	rc = args_parse(p, argc, argv, &a, &e);
	say.quiet = args_has(&a, "quiet");
	say.json = rc == -1 ? wants_json(&a, argc, argv) : args_has(&a, "json");
	say_start(&say);
	if (rc == 0)
		rc = run(&a, argc, &e);
	progress_end();
	timings_tell();
	if (rc == -1) {
		if (e.reason == ERR_NONE)
			err_set(&e, ERR_INTERNAL, "failed without saying why");
		say_error(&e);
		rc = p->exit_code(e.reason);
	}
	if (say_finish(&at_end) == -1 && e.reason == ERR_NONE) {	/* else there is a line that says more */
		say_error(&at_end);
		rc = rc == 1 ? 1 : p->exit_code(at_end.reason);	/* a refusal stays one */
	}
	args_free(&a);
	say_start(NULL);
	return rc;
}
