/*
 * HASHER of the survey's workers, one for each: the bytes of a file of the content root, and whether they are still those that
 * the walk saw.
 */
#ifndef EXPORT_HASHER_H
#define EXPORT_HASHER_H

struct entry;
struct err;
struct file;
struct hasher;

/* content: the content root, which stays open meanwhile. NULL: ERR_MEMORY, ERR_INTERNAL. */
struct hasher *hasher_open(const struct file *content, struct err *e);
void hasher_close(struct hasher *h);	/* NULL is a no-op */
/*
 * Puts the digest of a file into its entry (export/survey.h), which has its path, size, inode and times. NULL, or why it can't be
 * carried, as the user is told; then `cause` has what is behind it, if anything: ERR_MEMORY, ERR_MISSING, an error of reading.
 */
const char *hasher_entry(struct hasher *h, struct entry *n, struct err *cause);

#endif
