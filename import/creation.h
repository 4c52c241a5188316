/*
 * CREATION: a new store on disk.
 */
#ifndef IMPORT_CREATION_H
#define IMPORT_CREATION_H

#include <stdint.h>

#include "verify/store.h"

struct err;

struct creation {
	const char *path;	/* a new directory, or an empty one */
	struct store_config config;
	const struct trust *root;	/* to be pinned, as config says */
	int64_t now;
};
/* 0, durably; or -1, and nothing is left of it. */
int creation_make(const struct creation *c, struct err *e);

#endif
