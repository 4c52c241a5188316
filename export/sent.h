/*
 * What the station has sent: its own copies of the manifests and indexes of finished bundles, STATION/bundles/N/.
 */
#ifndef EXPORT_SENT_H
#define EXPORT_SENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifests/manifest.h"
#include "manifests/volume.h"

struct err;
struct station;

/* The manifest of a finished bundle: 0; 1 where there is none (*out NULL); -1. */
int sent_load(const struct station *s, uint64_t sequence, struct manifest **out, struct err *e);
/* All sequences there is a directory of, finished or not, ascending; free *list. */
int sent_sequences(const struct station *s, uint64_t **list, size_t *n, struct err *e);
/* Calls each for every finished bundle, in order of sequences; what it returns but 0 ends it. */
int sent_each(const struct station *s, int (*each)(void *arg, const struct manifest *m, struct err *e), void *arg, struct err *e);
/* Whether it was for a destination: named, or for any. */
bool sent_is_for(const struct manifest *m, const char *destination);
/* Calls each for every entry of its volumes. */
int sent_objects(const struct station *s, const struct manifest *m,
		 int (*each)(void *arg, const struct volume_object *o, struct err *e), void *arg, struct err *e);

#endif
