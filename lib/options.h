/*
 * Command lines: `PROGRAM [common options] COMMAND [options and arguments in any order] [--] ...`. Everything stands
 * in const tables; --help is made from them: the example first, then the synopsis, then each option.
 */
#ifndef LIB_OPTIONS_H
#define LIB_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct args;

struct option_def {
	const char *name;	/* "key"; without the dashes */
	char letter;		/* 'C', or 0 */
	const char *value;	/* "NAME" in the help; NULL: a flag */
	const char *help;
	bool many;		/* may be given several times; others only once */
};

struct command {
	const char *name;	/* "init"; "key new" for a word of two parts */
	const char *synopsis;	/* "DIR --name NAME [--key FILE]..." */
	const char *example;	/* a line that works as it stands */
	const char *about;	/* what it does, in a few sentences; lines of at most 78 columns */
	const struct option_def *options;	/* ends with a zero row; may be NULL */
	int (*run)(const struct args *a, struct err *e);	/* exit code >= 0, or -1 with e set */
};

struct program {
	const char *name, *version, *about;
	const struct command *commands;	/* ends with a zero row */
	const struct option_def *common;	/* accepted before and after the command; ends with a zero row */
	const char *(*word)(int reason);
	int (*exit_code)(int reason);
};

/*
 * Parses, starts say and progress (-q, --json, --progress, --timings are added to `common` by this function, as
 * are --help and --version), runs the command, reports its error, and returns main's exit code. Wrong use: exit code of ERR_USAGE.
 */
int options_run(const struct program *p, int argc, char **argv);

const char *args_get(const struct args *a, const char *option);	/* value of an option, the last one given, or NULL */
bool args_has(const struct args *a, const char *option);
size_t args_count(const struct args *a, const char *option);
const char *args_nth(const struct args *a, const char *option, size_t n);	/* n-th value of a repeated option */
/* Positional arguments. */
size_t args_len(const struct args *a);
const char *args_at(const struct args *a, size_t n);	/* NULL beyond the end */
/* Checks the number of positional arguments: ERR_USAGE naming the command's synopsis. 0 or -1. */
int args_expect(const struct args *a, size_t min, size_t max, struct err *e);
/* An option's number or size within bounds, or the default when not given. 0 or -1 with ERR_USAGE. */
int args_number(const struct args *a, const char *option, uint64_t min, uint64_t max, uint64_t def, uint64_t *out, struct err *e);
int args_size(const struct args *a, const char *option, uint64_t min, uint64_t max, uint64_t def, uint64_t *out, struct err *e);

#endif
