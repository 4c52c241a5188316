/*
 * Errors as values. A function that can fail returns 0 or -1 (or a pointer or NULL) and takes `struct err *e`
 * last. The first error stays; callers on the way up add the place with err_prefix(). Nothing here allocates.
 *
 * `reason` is a small number. The ones below belong to lib/; those of the project start at ERR_FIRST_FREE and
 * stand, with their words and exit codes, in one table above lib/, which covers these as well.
 *
 * Texts hold names as they came from outside; they are escaped where they are printed (lib/say) or put into JSON
 * (lib/json), and nowhere else.
 */
#ifndef LIB_ERR_H
#define LIB_ERR_H

enum err_reason {
	ERR_NONE = 0,
	ERR_IO,		/* a system call failed */
	ERR_NO_SPACE,	/* ENOSPC, EDQUOT */
	ERR_MEMORY,	/* out of memory */
	ERR_USAGE,	/* wrong use of the command line */
	ERR_CONFIG,	/* a configuration file or a directory is not what it must be */
	ERR_FORM,	/* bytes that are not of the form they must have */
	ERR_TOO_LARGE,	/* larger than the bound the caller gave */
	ERR_MISSING,	/* ENOENT, ENOTDIR */
	ERR_FILE_TYPE,	/* not a regular file (or directory), or a link on the way */
	ERR_BUSY,	/* somebody else holds the lock */
	ERR_UNSAFE,	/* others than the owner can write here */
	ERR_NAME,	/* a name that must not become a path */
	ERR_KEY,	/* a key that must not be used */
	ERR_INTERNAL,	/* a defect of the program */
	ERR_FIRST_FREE = 32
};

struct err {
	int reason;	/* 0: no error */
	int sys;	/* errno, or 0 */
	char text[1600];	/* one line, no full stop */
};

/* Sets the error unless one is set already. Always returns -1. The text is cut when too long. */
int err_set(struct err *e, int reason, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As err_set, from errno: reason by errno (see above, others ERR_IO), ": " and strerror appended. Returns -1. */
int err_sys(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* err_set(e, ERR_MEMORY, "out of memory"). Returns -1. */
int err_mem(struct err *e);

/* Puts a place before the text: "PLACE: TEXT". Nothing happens where no error is set. Returns -1. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Appends a next step: "TEXT; STEP". Nothing happens where no error is set. Returns -1. */
int err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Forgets the error (after it was handled or reported). */
void err_clear(struct err *e);

#endif
