/*
 * Bundles that wait for an exporter: made under the trust root in force, and signed by fewer exporters than it asks for, as
 * far as the station knows (STATION/bundles/N). Those older than one that has all its signatures are left alone.
 */
#ifndef EXPORT_HALFSIGNED_H
#define EXPORT_HALFSIGNED_H

#include "export/signers.h"

struct err;
struct file;
struct manifest;
struct station;

#define HALFSIGNED_MAX 16	/* the newest of them */

/* Calls each for them in order of sequences; what it returns but 0 ends it. */
int halfsigned_each(const struct station *s, int (*each)(void *arg, const struct manifest *m, const struct signers *w, struct err *e),
		    void *arg, struct err *e);

#endif
