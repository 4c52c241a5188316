/*
 * SELECT's reading of contents lists: the files of entries. Lists are read, hashed and parsed by several threads; what is in them is
 * told in order.
 */
#ifndef EXPORT_SELECT_FILES_H
#define EXPORT_SELECT_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "lib/digest.h"

struct err;
struct select_entry;
struct station;

struct select_file {
	const struct select_entry *entry;
	struct digest sha256;
	uint64_t size;		/* bytes */
	const char *path;	/* below the content root; NULL: the entry's bytes are kept, and nobody asks. Good during the call */
};
/* What it returns but 0 ends it: 1 is fine, -1 an error. */
typedef int select_each_file(void *arg, const struct select_file *f, struct err *e);

/* What reading a contents list of an entry came to: 0 fine; 1 it, 2 a part of it is not in the station; -1 an error: 0 or -1,
 * R_STATION_DAMAGED, with item and revision. */
int select_files_judge(const struct select_entry *x, int rc, struct err *e);
/* Every regular file of one entry, with its path, in order of paths, on the caller's thread: 0, what each returned, or -1:
 * R_STATION_DAMAGED where its contents list or a part of that is not in the station. */
int select_files_of(const struct station *s, const struct select_entry *x, select_each_file *each, void *arg, struct err *e);
/* The same of n entries, in their order. Each is called on another thread than the caller's, for one file at a time. Takes a few
 * MiB; the error is that of the first entry that has one. */
int select_files_all(const struct station *s, const struct select_entry *entries, size_t n, select_each_file *each, void *arg,
		     struct err *e);

#endif
