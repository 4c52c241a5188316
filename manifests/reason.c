/*
 * Reasons as words and exit codes: the one table that report, journal, JSON and tests speak from. FORMAT.md 13.
 */
#include "manifests/reason.h"

#include <stddef.h>

#include "lib/banned.h"

struct row {
	const char *word;
	int code;
	const char *meaning;
};

static const struct row lib_rows[] = {
	[ERR_NONE] = {"none", 3, "no error"},
	[ERR_IO] = {"io", 3, "the system could not read or write"},
	[ERR_NO_SPACE] = {"no-space", 3, "no space left"},
	[ERR_MEMORY] = {"memory", 3, "out of memory"},
	[ERR_USAGE] = {"usage", 2, "wrong use of the command line"},
	[ERR_CONFIG] = {"config", 2, "a configuration file or directory is not what it must be"},
	[ERR_FORM] = {"form", 1, "bytes that are not of the form they must have"},
	[ERR_TOO_LARGE] = {"too-large", 1, "larger than allowed"},
	[ERR_MISSING] = {"missing", 2, "no such file or directory"},
	[ERR_FILE_TYPE] = {"file-type", 1, "not a regular file or directory"},
	[ERR_BUSY] = {"busy", 3, "another run holds the lock"},
	[ERR_UNSAFE] = {"unsafe", 2, "others than the owner can write or read it"},
	[ERR_NAME] = {"name", 1, "a name, path or link target that is not allowed"},
	[ERR_KEY] = {"key", 1, "a key that must not be used"},
	[ERR_INTERNAL] = {"internal", 3, "a defect of the program"},
};

#define R(name, word, code, meaning) [name - ERR_FIRST_FREE] = {word, code, meaning},
static const struct row rows[] = {REASONS(R)};
#undef R

_Static_assert(sizeof(rows) / sizeof(rows[0]) == R_END - ERR_FIRST_FREE, "each reason has its row");

static const struct row *find(int reason)
{
	if (reason >= ERR_FIRST_FREE && reason < R_END)
		return &rows[reason - ERR_FIRST_FREE];
	if (reason >= 0 && (size_t)reason < sizeof(lib_rows) / sizeof(lib_rows[0]))
		return &lib_rows[reason];
	return &lib_rows[ERR_INTERNAL];
}

const char *reason_word(int reason)
{
	return find(reason)->word;
}

int reason_exit(int reason)
{
	return find(reason)->code;
}

const char *reason_meaning(int reason)
{
	return find(reason)->meaning;
}
