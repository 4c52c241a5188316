/*
 * Command lines after lib/options.h's tables. Refuses options that the command doesn't have, values that are missing
 * or too many, and repetitions where one value is meant.
 */
#include "lib/args.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/num.h"

#include "lib/banned.h"

const struct option_def args_builtin[] = {
	{"quiet", 'q', NULL, "say nothing but warnings and errors", false},
	{"json", 0, NULL, "print results as JSON, one object in a line", false},
	{"progress", 0, "WHEN", "auto (on a terminal), always or never", false},
	{"timings", 0, NULL, "say at the end where the time went", false},
	{"help", 'h', NULL, "show this help", false},
	{"version", 0, NULL, "show the version", false},
	{0},
};

/* Where the parser stands. */
struct reader {
	char **argv;
	int argc, at;
	struct args *out;
	bool plain;	/* "--" was seen */
};

static const struct option_def *find_in(const struct option_def *list, const char *name, size_t len, char letter)
{
	for (; list != NULL && list->name != NULL; list++)
		if (name != NULL ? strlen(list->name) == len && strncmp(list->name, name, len) == 0
				 : list->letter != 0 && list->letter == letter)
			return list;
	return NULL;
}

/* By name, or where that is NULL by letter. */
static const struct option_def *find(const struct args *a, const char *name, size_t len, char letter)
{
	const struct option_def *d = NULL;

	if (a->command != NULL)
		d = find_in(a->command->options, name, len, letter);
	if (d == NULL)
		d = find_in(a->program->common, name, len, letter);
	if (d == NULL)
		d = find_in(args_builtin, name, len, letter);
	return d;
}

/* "NAME COMMAND --help", for messages. */
static int usage(const struct args *a, struct err *e)
{
	const char *command = a->command != NULL ? a->command->name : "";

	return err_hint(e, "see '%s%s%s --help'", a->program->name, *command != '\0' ? " " : "", command);
}

static int add(struct reader *r, const struct option_def *d, const char *value, struct err *e)
{
	struct args *a = r->out;

	if (d != NULL && !d->many && args_has(a, d->name)) {
		err_set(e, ERR_USAGE, "--%s was given twice", d->name);
		return usage(a, e);
	}
	a->room[a->count++] = (struct arg){d, value};
	if (d != NULL && strcmp(d->name, "help") == 0)
		a->help = true;
	if (d != NULL && strcmp(d->name, "version") == 0)
		a->version = true;
	return 0;
}

/* An option with its value: `given` (behind "=" or the letter), or the next argument. */
static int add_option(struct reader *r, const struct option_def *d, const char *given, struct err *e)
{
	if (d->value == NULL && given != NULL) {
		err_set(e, ERR_USAGE, "--%s takes no value", d->name);
		return usage(r->out, e);
	}
	if (d->value != NULL && given == NULL) {
		if (r->at == r->argc) {
			err_set(e, ERR_USAGE, "--%s needs a value: --%s %s", d->name, d->name, d->value);
			return usage(r->out, e);
		}
		given = r->argv[r->at++];
	}
	return add(r, d, given, e);
}

static int long_option(struct reader *r, const char *name, struct err *e)
{
	size_t len = strcspn(name, "=");
	const struct option_def *d = find(r->out, name, len, 0);

	if (d == NULL) {
		err_set(e, ERR_USAGE, "unknown option --%.*s", (int)len, name);
		return usage(r->out, e);
	}
	return add_option(r, d, name[len] == '=' ? name + len + 1 : NULL, e);
}

/* "-q", "-C DIR", "-CDIR", "-qC DIR". */
static int letters(struct reader *r, const char *s, struct err *e)
{
	for (; *s != '\0'; s++) {
		const struct option_def *d = find(r->out, NULL, 0, *s);

		if (d == NULL) {
			err_set(e, ERR_USAGE, "unknown option -%c", *s);
			return usage(r->out, e);
		}
		if (d->value != NULL)
			return add_option(r, d, s[1] != '\0' ? s + 1 : NULL, e);
		if (add(r, d, NULL, e) == -1)
			return -1;
	}
	return 0;
}

const struct command *args_command(const struct program *p, const char *first, const char *second, int *words)
{
	const struct command *one = NULL;
	size_t len = strlen(first);

	for (const struct command *c = p->commands; c->name != NULL; c++) {
		if (strcmp(c->name, first) == 0)
			one = c;
		if (second != NULL && strncmp(c->name, first, len) == 0 && c->name[len] == ' ' &&
		    strcmp(c->name + len + 1, second) == 0) {
			*words = 2;
			return c;
		}
	}
	*words = 1;
	return one;
}

static bool begins_command(const struct program *p, const char *first)
{
	size_t len = strlen(first);

	for (const struct command *c = p->commands; c->name != NULL; c++)
		if (strncmp(c->name, first, len) == 0 && c->name[len] == ' ')
			return true;
	return false;
}

/* Names the second words that a first one can have: "'key' needs one of: new, show". -1 with e set. */
static int refuse_command(const struct reader *r, const char *first, struct err *e)
{
	const struct program *p = r->out->program;
	char list[256] = "";
	size_t len = strlen(first), at = 0;

	for (const struct command *c = p->commands; c->name != NULL; c++) {
		const char *second = c->name + len + 1;

		if (strncmp(c->name, first, len) != 0 || c->name[len] != ' ')
			continue;
		if (at + strlen(second) + 3 > sizeof list)
			break;
		if (at > 0) {
			memcpy(list + at, ", ", 2);
			at += 2;
		}
		memcpy(list + at, second, strlen(second) + 1);
		at += strlen(second);
	}
	if (at > 0)
		err_set(e, ERR_USAGE, "'%s' needs one of: %s", first, list);
	else
		err_set(e, ERR_USAGE, "unknown command '%s'", first);
	return usage(r->out, e);
}

/* A word that is no option: the command, or one of its arguments. */
static int word(struct reader *r, const char *s, struct err *e)
{
	struct args *a = r->out;
	const char *second = r->at < r->argc ? r->argv[r->at] : NULL;
	int words;

	if (a->command != NULL)
		return add(r, NULL, s, e);
	if (strcmp(s, "help") == 0 && !a->help) {	/* "help COMMAND" is "COMMAND --help" */
		a->help = true;
		return 0;
	}
	a->command = args_command(a->program, s, second, &words);
	if (a->command == NULL && (a->help || (second != NULL && strcmp(second, "--help") == 0)) &&
	    begins_command(a->program, s))
		return 0;	/* "key --help": the overview shows what can follow */
	if (a->command == NULL)
		return refuse_command(r, s, e);
	if (words == 2)
		r->at++;
	return 0;
}

int args_parse(const struct program *p, int argc, char **argv, struct args *out, struct err *e)
{
	struct reader r = {.argv = argv, .argc = argc, .at = 1, .out = out};
	size_t most = (size_t)argc + 1;

	for (int i = 1; i < argc; i++)	/* each letter of an argument can be an option */
		if (argv[i][0] == '-' && argv[i][1] != '-')
			most += strlen(argv[i]);
	*out = (struct args){.program = p};
	out->room = calloc(most, sizeof *out->room);
	if (out->room == NULL)
		return err_mem(e);
	out->list = out->room;
	while (r.at < argc) {
		const char *s = argv[r.at++];
		int rc;

		if (r.plain || s[0] != '-' || s[1] == '\0')
			rc = word(&r, s, e);
		else if (strcmp(s, "--") == 0)
			rc = 0, r.plain = true;
		else if (s[1] == '-')
			rc = long_option(&r, s + 2, e);
		else
			rc = letters(&r, s + 1, e);
		if (rc == -1)
			return -1;
	}
	return 0;
}

void args_free(struct args *a)
{
	free(a->room);
	*a = (struct args){0};
}

const char *args_get(const struct args *a, const char *option)
{
	const char *value = NULL;

	for (size_t i = 0; i < a->count; i++)
		if (a->list[i].option != NULL && strcmp(a->list[i].option->name, option) == 0)
			value = a->list[i].value;
	return value;
}

bool args_has(const struct args *a, const char *option)
{
	return args_count(a, option) > 0;
}

size_t args_count(const struct args *a, const char *option)
{
	size_t n = 0;

	for (size_t i = 0; i < a->count; i++)
		n += a->list[i].option != NULL && strcmp(a->list[i].option->name, option) == 0;
	return n;
}

const char *args_nth(const struct args *a, const char *option, size_t n)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->list[i].option != NULL && strcmp(a->list[i].option->name, option) == 0 && n-- == 0)
			return a->list[i].value;
	return NULL;
}

size_t args_len(const struct args *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->count; i++)
		n += a->list[i].option == NULL;
	return n;
}

const char *args_at(const struct args *a, size_t n)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->list[i].option == NULL && n-- == 0)
			return a->list[i].value;
	return NULL;
}

int args_expect(const struct args *a, size_t min, size_t max, struct err *e)
{
	size_t n = args_len(a);

	if (n >= min && n <= max)
		return 0;
	if (n > max)
		err_set(e, ERR_USAGE, "unexpected argument '%s'", args_at(a, max));
	else
		err_set(e, ERR_USAGE, "an argument is missing");
	return err_hint(e, "usage: %s %s %s", a->program->name, a->command->name, a->command->synopsis);
}

int args_number(const struct args *a, const char *option, uint64_t min, uint64_t max, uint64_t def, uint64_t *out, struct err *e)
{
	const char *s = args_get(a, option);

	*out = def;
	if (s == NULL || num_parse(s, strlen(s), min, max, out) == 0)
		return 0;
	return err_set(e, ERR_USAGE, "--%s %s: must be a number from %llu to %llu", option, s, (unsigned long long)min,
		       (unsigned long long)max);
}

/* As it may be typed: "8191MiB", where a rounded "8.0 GiB" would be refused. */
static char *exact_size(uint64_t bytes, char out[24])
{
	static const char *const units[] = {"", "KiB", "MiB", "GiB", "TiB"};
	size_t i = 0;

	for (; bytes > 0 && bytes % 1024 == 0 && i + 1 < sizeof units / sizeof *units; i++)
		bytes /= 1024;
	snprintf(out, 24, "%" PRIu64 "%s", bytes, units[i]);
	return out;
}

int args_size(const struct args *a, const char *option, uint64_t min, uint64_t max, uint64_t def, uint64_t *out, struct err *e)
{
	const char *s = args_get(a, option);
	char low[24], high[24];
	uint64_t n;

	*out = def;
	if (s == NULL)
		return 0;
	if (num_parse_size(s, &n) == -1)
		return err_set(e, ERR_USAGE, "--%s %s: must be a size like 700M, 4GiB or 123456", option, s);
	if (n < min || n > max)
		return err_set(e, ERR_USAGE, "--%s %s: must be from %s to %s", option, s, exact_size(min, low), exact_size(max, high));
	*out = n;
	return 0;
}
