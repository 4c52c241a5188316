/*
 * Where pack reads an object from: STATION/contents for documents, else what keep holds or the content root.
 */
#ifndef EXPORT_SOURCE_H
#define EXPORT_SOURCE_H

#include <stddef.h>

struct err;
struct file;
struct selection;
struct station;

/* Opens object i of the cargo. Nothing is hashed here: the reader must. R_CONTENT_CHANGED, R_STATION_DAMAGED where it is
 * nowhere, with its path. */
int source_open(const struct station *s, const struct selection *sel, size_t i, struct file *out, struct err *e);
/* Sets e to `reason` with the path of object i: "PATH: TEXT" and what to do next. Returns -1. */
int source_blame(const struct station *s, const struct selection *sel, size_t i, int reason, const char *text, struct err *e);
/* Before the first write: opens every object that has to come from the content root, once, so that what changed there is
 * found early. All are named in the error, as far as they fit. */
int source_check(const struct station *s, const struct selection *sel, struct err *e);

#endif
