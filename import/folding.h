/*
 * FOLDING: names that the store's file system takes for one, letters that differ in case say, or in how they are composed. Which
 * those are it alone knows: so names are tried on it.
 */
#ifndef IMPORT_FOLDING_H
#define IMPORT_FOLDING_H

#include <stdbool.h>

struct err;
struct file;
struct folding;

/* Whether it folds case at all: the store's "stage" is found as "STAGE" as well. */
bool folding_is(const struct file *store);

/* Makes STORE/stage/names, empty; NULL on error. The caller holds the store's lock. */
struct folding *folding_open(const struct file *store, struct err *e);
/* One path more, in order: the paths below each directory follow one another. -1: R_NAME where it, or a directory on the way, is taken for a name
 * before it that has other bytes. */
int folding_try(struct folding *f, const char *path, struct err *e);
int folding_close(struct folding *f, struct err *e);	/* removes what was made; NULL is nothing */

#endif
