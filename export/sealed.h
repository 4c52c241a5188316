/*
 * A bundle of this station's that was sealed, while its books lack it: pack was stopped between the signature on the medium and
 * the copy of the manifest in STATION/bundles/SEQUENCE. A store may have it by now, so its sequence stands for these very bytes.
 * It is not continued, not removed, and none is made in its place under its number.
 */
#ifndef EXPORT_SEALED_H
#define EXPORT_SEALED_H

#include <stdint.h>

#include "manifests/manifest.h"
#include "manifests/trust.h"

struct err;
struct file;
struct medium;
struct station;

/* Whether a bundle's directory on the medium holds a manifest, whatever it says, that an exporter of the newest root signed:
 * 1, 0, -1. */
int sealed_is(const struct station *s, const struct medium *m, const char *bundle, struct err *e);

struct sealed {
	const struct station *station;
	const struct manifest *wanted;	/* as pack would make it; witness and files may differ */
	const struct file *copies;	/* STATION/bundles/SEQUENCE */
	/* found, zero-initialise; free with sealed_free: */
	struct manifest *manifest;
	struct signatures signatures;	/* the good ones */
	uint64_t stored;		/* bytes of its volumes */
};
/*
 * Reads all of the bundle that `there` has open (medium_enter) back from the device, compares it with its manifest, and puts copies
 * of its indexes into the station. 0; 1: it is another bundle, or not whole, and why says so; -1: ERR_NO_SPACE where it takes more than
 * there's limit.
 */
int sealed_take(struct sealed *s, const struct medium *there, struct err *why, struct err *e);
void sealed_free(struct sealed *s);

#endif
