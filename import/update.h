/*
 * UPDATE: brings what a stream publishes up to date with the lists kept and the objects received; at the end of an
 * import, once for each stream.
 */
#ifndef IMPORT_UPDATE_H
#define IMPORT_UPDATE_H

#include <stdbool.h>

#include "import/outlook.h"
#include "import/publish.h"

struct run;
struct places;

struct update {
	struct outlook outlook;
	struct publish_result result;
	bool changed;		/* what is published, or what its state says, is new */
};
/* places: answered as far as it can be. 0 or -1; update_free in any case. */
int update_stream(struct run *r, const struct store_stream *s, struct places *places, struct update *out, struct err *e);
void update_free(struct update *u);

#endif
