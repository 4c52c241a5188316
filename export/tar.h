/*
 * The tar stream of a volume, written by libarchive. Every header it makes is compared with volume_entry_header, so that
 * what import regenerates from the index is what was written.
 */
#ifndef EXPORT_TAR_H
#define EXPORT_TAR_H

#include <stddef.h>

struct err;
struct tar;
struct volume_object;

/* write gets the stream in order, in pieces of any length; 0 or -1. NULL on error. */
struct tar *tar_open(int (*write)(void *arg, const void *data, size_t len, struct err *e), void *arg, struct err *e);
/* An entry: begin, exactly volume_object_len(o) bytes of data, end (which writes the padding). */
int tar_begin(struct tar *t, const struct volume_object *o, struct err *e);
int tar_data(struct tar *t, const void *data, size_t len, struct err *e);
int tar_end(struct tar *t, struct err *e);
/* Writes the two zero blocks and frees t, also on error. */
int tar_close(struct tar *t, struct err *e);
/* Frees t without another byte. NULL is a no-op. */
void tar_abort(struct tar *t);

#endif
