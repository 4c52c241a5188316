/*
 * The policy portable_names: names that Windows and file systems that fold case can keep apart.
 */
#ifndef EXPORT_PORTABLE_H
#define EXPORT_PORTABLE_H

struct err;
struct portable;

struct portable *portable_open(struct err *e);
void portable_close(struct portable *p);
/*
 * Judges the last component of a path that path_check accepts; paths come as walk_tree visits them. *why is NULL where
 * the name is good, else says what is wrong. -1: out of memory.
 */
int portable_check(struct portable *p, const char *path, const char **why, struct err *e);

#endif
