/*
 * ABSENT: objects that were received, are needed, and are nowhere: neither there nor set aside. check > ABSENT > objects.
 */
#ifndef IMPORT_ABSENT_H
#define IMPORT_ABSENT_H

#include "lib/distinct.h"
#include "verify/store.h"

struct err;
struct objects;

struct absent {
	struct objects *objects;
	int (*each)(void *arg, const struct digest *d, struct err *e);	/* once for each object */
	void *arg;
	/* zero-initialise the rest; absent_free */
	struct distinct walked, met;
};
/* Looks for what the trees of a stream and its list in effect need. What a contents list that can't be read names is not known. */
int absent_look(struct absent *a, const struct store *s, const struct store_stream *stream, struct err *e);
void absent_free(struct absent *a);

#endif
