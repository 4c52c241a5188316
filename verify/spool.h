/*
 * What must be kept during one run and may be more than memory should hold: in memory as far as SPOOL_MEMORY goes, beyond that in
 * a nameless file, gone with the process. Keeping is for one thread at a time; what is kept may be read by several.
 */
#ifndef VERIFY_SPOOL_H
#define VERIFY_SPOOL_H

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

#endif
