/*
 * Cutting the tree into items: where a path of the content root belongs, by the path alone.
 */
#ifndef EXPORT_ITEMS_H
#define EXPORT_ITEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "export/config.h"

/* Passed over at scan: a pattern with '/' is matched with the whole path, one without with the last component. */
bool items_excluded(const struct station_config *c, const char *path);
/* A directory at this path, which lies in no item, is an item. */
bool items_cut(const struct station_config *c, const char *path);
/*
 * Length of the beginning of path that would be the item holding it: the first that items_cut accepts, else all of it
 * (what lies above the cut is an item of its own).
 */
size_t items_owner(const struct station_config *c, const char *path);

/*
 * Where a link points, by its text alone: path of the link and its target (one that path_check_link accepts) give a
 * path below the content root in out (room for PATH_MAX_LEN + 1). false where that is the content root itself, or too
 * long.
 */
bool items_target(const char *path, const char *target, char *out);

#endif
