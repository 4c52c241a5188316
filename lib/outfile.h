/*
 * Files that are there whole or not at all: a temporary beside the target, write, sync, rename, sync directory.
 * Writes latch their first error, so that callers check once, at commit. outfile_abort removes the temporary and is
 * a no-op after a commit and on NULL.
 */
#ifndef LIB_OUTFILE_H
#define LIB_OUTFILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct file;
struct outfile;

/* How the names of temporaries begin, so that what a killed run left behind can be known and removed. */
#define OUTFILE_PREFIX ".tmp-"

struct outfile *outfile_open(const struct file *dir, const char *path, mode_t mode, struct err *e);
void outfile_write(struct outfile *o, const void *data, size_t len);
/* Exactly len bytes of what was written so far, from an offset, for who judges it before it commits. The first error of writing
 * is its own as well; fewer bytes: ERR_FORM. */
int outfile_pread(struct outfile *o, void *data, size_t len, uint64_t at, struct err *e);
int outfile_commit(struct outfile *o, struct err *e);	/* frees o, also on error */
void outfile_abort(struct outfile *o);		/* frees o */

/* All in one: path beneath dir holds exactly data afterwards, durably. */
int outfile_put(const struct file *dir, const char *path, mode_t mode, const void *data, size_t len, struct err *e);

/* Removes what killed writers left in a directory beneath dir ("." itself), where that is there. The caller holds the lock of all
 * who write there. */
int outfile_sweep(const struct file *dir, const char *path, struct err *e);

#endif
