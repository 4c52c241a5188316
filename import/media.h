/*
 * MEDIA: what a store may do with a medium beside reading it: judge where it lies, and write receipts. The only code of
 * import/ that writes to one. What makes a receipt is its signature, which is written last; nothing is written through a
 * link, and nothing that is there is replaced.
 */
#ifndef IMPORT_MEDIA_H
#define IMPORT_MEDIA_H

#include <stddef.h>

#include "lib/file.h"

struct err;

/* The medium is a directory, and neither it nor the store lies in the other. R_MEDIUM_MISSING, R_STORE_ON_MEDIUM. */
int media_check(const struct file *store, const char *path, struct err *e);
/* The same, given up after a time: R_MEDIUM_TIMEOUT. Not while there are threads. */
int media_check_within(unsigned seconds, const struct file *store, const char *path, struct err *e);

struct media {		/* the folder for receipts on one medium */
	struct file medium, satchel, receipts;
};
#define MEDIA_CLOSED {FILE_CLOSED, FILE_CLOSED, FILE_CLOSED}
/* Opens MEDIUM/satchel/receipts, made where it isn't there. ERR_FILE_TYPE where something else has one of these names;
 * R_MEDIUM_WRITE. media_close in any case. */
int media_open(const char *path, struct media *out, struct err *e);
void media_close(struct media *m);

/* A new file there: open it, write to it with file_write, then finish (synced; closes, also on error). R_MEDIUM_WRITE, also
 * where the name is taken. */
int media_create(const struct media *m, const char *name, struct file *out, struct err *e);
int media_finish(struct file *f, struct err *e);
int media_put(const struct media *m, const char *name, const void *data, size_t len, struct err *e);
/* Makes the names durable. */
int media_sync(const struct media *m, struct err *e);
/* Removes what could not be finished. */
void media_remove(const struct media *m, const char *name);
/* An error of the system while a medium is written is one of the medium. Returns -1. */
int media_wrong(struct err *e);

#endif
