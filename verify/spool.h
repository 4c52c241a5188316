/*
 * What must be kept during one run and may be more than memory should hold: in memory as far as SPOOL_MEMORY goes, beyond that in
 * a nameless file, gone with the process. Keeping is for one thread at a time; what is kept may be read by several.
 */
#ifndef VERIFY_SPOOL_H
#define VERIFY_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct file;

#define SPOOL_MEMORY ((size_t)32 << 20)	/* the indexes, or the contents lists, of 200,000 files and more */

struct spool {
	const struct file *dir;	/* not owned: the directory of the file; NULL: one for temporary files */
	int fd;			/* -1: none was needed yet */
	uint64_t end;		/* of the file */
	size_t room;		/* of SPOOL_MEMORY, what is left */
	bool in_memory;		/* the file is: there is no directory for it */
	uint64_t promised;	/* bytes of places that were not written yet */
};
struct spooled {		/* one string of bytes; {0}: none */
	uint8_t *kept;		/* NULL: in the file, from `at` on */
	uint64_t at, len;
};

void spool_open(struct spool *s, const struct file *dir);
void spool_close(struct spool *s);	/* after each spooled was freed */

/* Takes bytes->data over and leaves *bytes empty, or writes them and leaves *bytes as it was. */
int spool_keep(struct spool *s, struct buf *bytes, struct spooled *out, struct err *e);
int spool_read(const struct spool *s, const struct spooled *p, struct buf *out, struct err *e);	/* appends to out */
/* The bytes without a copy, where they are in memory; else read into *room, which is empty. NULL on error. */
const uint8_t *spool_see(const struct spool *s, const struct spooled *p, struct buf *room, struct err *e);
void spooled_free(struct spooled *p);

/*
 * A place for so many bytes in the file, to be written and read in any order: 0, *at; 1 where they are not free on its file system
 * besides what was promised before, or the file is in memory and would take more than SPOOL_MEMORY; -1.
 */
int spool_place(struct spool *s, uint64_t len, uint64_t *at, struct err *e);
int spool_put(struct spool *s, uint64_t at, const void *data, size_t len, struct err *e);
int spool_get(const struct spool *s, uint64_t at, void *data, size_t len, struct err *e);	/* what was put there */

#endif
