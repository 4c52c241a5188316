/*
 * One volume of a bundle, looked at completely: every frame read, every object hashed.
 */
#ifndef VERIFY_AUDIT_VOLUME_H
#define VERIFY_AUDIT_VOLUME_H

#include <stdint.h>

struct bundle;
struct carried;
struct err;
struct pieces;
struct report;
struct volume;

struct audit_volume {		/* kept from volume to volume */
	struct report *report;
	struct carried *carried;
	struct pieces *pieces;
	const void *bundle;	/* by which its pieces were expected */
	unsigned jobs;
	uint64_t damaged;	/* frames */
	uint64_t unexpected;	/* pieces that were not, and went by unlooked at */
	uint64_t bytes;		/* of objects, as the indexes say */
};
/* place: "MEDIUM: BUNDLE/vol-0001.tar.zst". What is wrong is reported; -1 only where the audit can't go on. */
int audit_volume(struct audit_volume *a, const struct bundle *b, const struct volume *index, const char *place, struct err *e);

#endif
