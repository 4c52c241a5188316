/*
 * What stood on a command line, in the terms of the tables of lib/options.h, which declares the functions that
 * commands read it with.
 */
#ifndef LIB_ARGS_H
#define LIB_ARGS_H

#include "lib/options.h"

struct arg {
	const struct option_def *option;	/* NULL: positional */
	const char *value;			/* NULL: a flag */
};

struct args {
	const struct program *program;
	const struct command *command;	/* NULL: none was given */
	const struct arg *list;		/* in the order of the command line */
	size_t count;
	struct arg *room;		/* list's memory */
	bool help, version;
};

/* What every program accepts beside its own common options: --help, --version, -q, --json, --progress. */
extern const struct option_def args_builtin[];

/*
 * Parses into *out, which args_free empties, also after an error: then it holds what stood before the mistake, so that
 * -q and --json count where the mistake is reported. Points into argv. 0, or -1 with ERR_USAGE.
 */
int args_parse(const struct program *p, int argc, char **argv, struct args *out, struct err *e);
void args_free(struct args *a);

/* The command of one or two words, or NULL. second may be NULL. *words: how many were used. */
const struct command *args_command(const struct program *p, const char *first, const char *second, int *words);

#endif
