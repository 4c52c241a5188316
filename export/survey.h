/*
 * The first half of SCAN: a walk over the content root that cuts it into items, judges every name and type, tells by
 * the cache what is unchanged, and hashes the rest on several threads. What it finds is handed over in order.
 */
#ifndef EXPORT_SURVEY_H
#define EXPORT_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include "export/cache.h"
#include "export/config.h"
#include "lib/file.h"

struct err;

enum entry_kind {
	ENTRY_BEGIN,	/* an item begins; what follows up to its end belongs to it */
	ENTRY_FILE,
	ENTRY_LINK,
	ENTRY_DIR,	/* an empty directory */
	ENTRY_REFUSED,	/* can't be carried: why */
	ENTRY_MISSED,	/* the cache has something at this path that is no longer there */
	ENTRY_END
};
struct entry {
	enum entry_kind kind;
	char *path;	/* below the content root, raw bytes */
	bool known;	/* as the cache has it, so nothing of it changed since */
	bool dir;	/* BEGIN: the item is a directory; REFUSED: so is what was refused, and nobody looked into it */
	bool exec, trusted;	/* see struct cache_entry */
	uint64_t size, inode;
	struct timespec mtime, ctime;
	struct digest sha256;
	char *link;
	char *why;	/* REFUSED */
};

struct survey {
	const struct station_config *config;
	const struct file *content;
	struct cache *cache;	/* or NULL */
	bool rehash;		/* use nothing of the cache but what is missed */
	unsigned jobs;
	/* Called for one entry at a time, in order of path bytes, on another thread. */
	int (*take)(void *arg, const struct entry *entry, struct err *e);
	void *arg;
};
int survey_run(const struct survey *s, struct err *e);

#endif
