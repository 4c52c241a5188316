/*
 * The names in one directory, one after the other, in whatever order its file system has them. It opens the directory for
 * itself, so that nobody else's position in it moves, and follows no link to it.
 *
 *	struct listing l;
 *	const char *name;
 *	int rc = listing_open(dir, &l, e);
 *
 *	while (rc == 0 && (rc = listing_next(&l, &name, e)) == 1)
 *		rc = take(name, e);
 *	listing_close(&l);
 *	return rc;
 */
#ifndef LIB_LISTING_H
#define LIB_LISTING_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/file.h"

struct listing {
	struct file dir;	/* the directory: reach what has the names by it; closed where there is none */
	void *stream;		/* this and the next: lib/listing's own */
	const void *entry;
};
#define LISTING_CLOSED {FILE_CLOSED, NULL, NULL}

/* Of dir itself; of a directory beneath it; the same, where one that isn't there (ERR_MISSING) has no names. 0; or -1, with
 * *l closed. Whatever *l held before is not looked at. */
int listing_open(const struct file *dir, struct listing *l, struct err *e);
int listing_open_at(const struct file *dir, const char *path, struct listing *l, struct err *e);
int listing_open_maybe(const struct file *dir, const char *path, struct listing *l, struct err *e);
/* 1: *name, good until the next call, never "." or ".."; 0: the end; -1, with the directory as place. */
int listing_next(struct listing *l, const char **name, struct err *e);
/* Whether the name that came last is a directory's (a link to one is none). */
bool listing_is_dir(const struct listing *l);
void listing_close(struct listing *l);	/* of a closed one: a no-op */

/* file_check_entries of everything in a directory beneath dir, and in the directories there, `depth` of them deep (1: it alone). Where it
 * can't be listed nothing is said: whoever needs it will. */
int listing_check_writers(const struct file *dir, const char *path, unsigned depth, uid_t owner, struct err *e);

/* Whether a directory beneath dir ("." itself) holds no names: 1, 0, -1. */
int listing_is_empty(const struct file *dir, const char *path, struct err *e);

#endif
