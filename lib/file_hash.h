/*
 * The digest of a whole file. A large one is not left in the page cache (lib/drop_behind.h), unless it is read again:
 * hashing a store must not push out what the machine serves.
 */
#ifndef LIB_FILE_HASH_H
#define LIB_FILE_HASH_H

struct digest;
struct err;
struct file;
struct file_hash;

enum file_hash_how {
	FILE_HASH_QUIET = 0,
	FILE_HASH_TOLD = 1,	/* bytes are added to the progress */
	FILE_HASH_AGAIN = 2,	/* the file is read again at once */
};

/* What one thread needs for one file after another. NULL: ERR_MEMORY, ERR_INTERNAL. */
struct file_hash *file_hash_open(enum file_hash_how how, struct err *e);
/* Of a file just opened, from its start; its position moves. -1: ERR_IO, …; `h` may be used again. */
int file_hash_run(struct file_hash *h, const struct file *f, struct digest *out, struct err *e);
void file_hash_close(struct file_hash *h);	/* NULL is nothing */
/* For a single file: opens, runs, closes. */
int file_hash_once(const struct file *f, enum file_hash_how how, struct digest *out, struct err *e);

#endif
