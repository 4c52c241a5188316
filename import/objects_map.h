/*
 * The map of an object in pieces: STORE/stage/pieces/HEX.map, which says what of stage/pieces/HEX is there durably. Text:
 * "satchel-pieces SIZE COUNT\n", then "FROM TO\n" for each extent, in bytes.
 */
#ifndef IMPORT_OBJECTS_MAP_H
#define IMPORT_OBJECTS_MAP_H

#include <stdint.h>

struct err;
struct extents;
struct file;

/* The extents and the object's size by the map `map` in dir, beside which `file` must be. 0; 1 where there is none that counts: no
 * map, no file, a sector of it that can't be read, or not what objects_map_write makes, which is never too large; -1. After anything but 0
 * there are no extents in x, which the caller frees. */
int objects_map_load(const struct file *dir, const char *map, const char *file, struct extents *x, uint64_t *size, struct err *e);
/* Durably, in place of a former one: the bytes it promises are synced already. Extents that there is no room for go from x,
 * the shortest first, and are missing again. */
int objects_map_write(const struct file *dir, const char *map, struct extents *x, uint64_t size, struct err *e);

#endif
