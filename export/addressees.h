/*
 * Whom a bundle is for: the destinations of --for, and what each is known to hold.
 */
#ifndef EXPORT_ADDRESSEES_H
#define EXPORT_ADDRESSEES_H

#include <stddef.h>

#include "export/confirmed.h"
#include "lib/arena.h"
#include "manifests/manifest.h"

struct args;
struct err;
struct station;
struct station_destination;

struct addressees {		/* zero-initialise */
	const struct station_destination **list;	/* sorted by name, distinct */
	size_t n;
	struct confirmed **confirmed;	/* one each, then NULL; itself NULL before addressees_ask */
};
/* The destinations that --for names, also into the manifest. ERR_USAGE. */
int addressees_take(struct addressees *a, const struct station *s, const struct args *args, struct manifest *m,
		    struct arena *arena, struct err *e);
/* Finds out what they hold. Nothing to do without any. */
int addressees_ask(struct addressees *a, const struct station *s, enum confirmed_use use, struct err *e);
/* Says what that rests on, and warns of what a person should know by the newest receipts, also before addressees_ask: other rings,
 * formats a store does not read. Where --for names nobody, of all destinations: the bundle is for any. */
int addressees_tell(const struct addressees *a, const struct station *s, struct err *e);
void addressees_free(struct addressees *a);

#endif
