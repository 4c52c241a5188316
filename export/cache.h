/*
 * Digests of files already hashed (STATION/cache), so that a scan reads only what changed. Sorted by path, each entry
 * with what the system says of a file: while size, times and inode are the same, so are the bytes. It may be deleted
 * at any time: the next scan hashes everything again. A file that is not whole is no cache.
 */
#ifndef EXPORT_CACHE_H
#define EXPORT_CACHE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "lib/digest.h"
#include "lib/file.h"

struct err;

enum cache_kind {
	CACHE_FILE = 'f',
	CACHE_LINK = 'l',
	CACHE_DIR = 'd'	/* an empty one */
};
struct cache_entry {
	const char *path;	/* below the content root */
	enum cache_kind kind;
	bool exec;
	bool trusted;		/* false: it may have changed since without showing it */
	uint64_t size, inode;
	struct timespec mtime, ctime;
	struct digest sha256;	/* of a file's bytes */
	const char *link;	/* a link's target, else "" */
};

/* ---- reading ---- */

struct cache;
/* 0; 1 where there is none, or none that can be used; -1. */
int cache_open(const struct file *station, struct cache **out, struct err *e);
void cache_close(struct cache *c);
/* What the writer was told of the draft that belongs to it. */
const struct digest *cache_draft(const struct cache *c);
/* Whether the item was refused: its entries hold, but the draft's newest revision is not made of them. */
bool cache_refused(const struct cache *c, const char *item);
/* Next entry in order of path bytes, valid until the next call; NULL at the end. */
const struct cache_entry *cache_next(struct cache *c);
/* The entry of a path, valid until the next call, or NULL. Cheap for paths asked in order. */
const struct cache_entry *cache_find(struct cache *c, const char *path);

/* ---- writing ---- */

struct cache_writer;
struct cache_writer *cache_writer_open(const struct file *station, struct err *e);
void cache_writer_add(struct cache_writer *w, const struct cache_entry *entry);	/* in order of path bytes */
void cache_writer_refuse(struct cache_writer *w, const char *item);
int cache_writer_commit(struct cache_writer *w, const struct digest *draft, struct err *e);	/* frees w */
void cache_writer_abort(struct cache_writer *w);	/* frees w; NULL is a no-op */

#endif
