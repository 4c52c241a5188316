/*
 * A list of digests that grows. Of a set that is asked "is it in?" while it grows, see lib/distinct.h.
 */
#ifndef LIB_DIGESTS_H
#define LIB_DIGESTS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/digest.h"

struct err;

struct digests {		/* {0}: an empty one */
	struct digest *list;
	size_t n, room;
};
int digests_add(struct digests *l, const struct digest *d, struct err *e);	/* at its end; -1: ERR_MEMORY */
int digests_add_all(struct digests *l, const struct digests *more, struct err *e);
/* Takes all that are equal to it out; how many they were. */
size_t digests_remove(struct digests *l, const struct digest *d);
void digests_sort(struct digests *l);	/* ascending, each once */
void digests_free(struct digests *l);	/* empty and usable again */

#endif
