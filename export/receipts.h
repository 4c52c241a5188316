/*
 * STATION/receipts: the newest receipt of each destination, with its signature and its list of objects, and what people
 * acknowledged since.
 *
 *     perimeter-a-00000012.yaml .yaml.<id>.sig .objects     as on the medium; the highest counter counts
 *     perimeter-a.acknowledged                              a strict document; counts while that receipt is the newest
 */
#ifndef EXPORT_RECEIPTS_H
#define EXPORT_RECEIPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/file.h"
#include "manifests/manifest.h"
#include "manifests/receipt.h"

struct err;
struct pubkey;
struct station;
struct station_destination;

/* The receipt key that is pinned for a destination which has one. Free with pubkey_free. ERR_CONFIG, ERR_KEY. */
struct pubkey *receipts_key(const struct station_destination *d, struct err *e);
/* The newest receipt of a destination, signed by the key that is pinned for it now: 0; 1 where there is none (*out NULL), as
 * where no key is pinned; -1. */
int receipts_newest(const struct station *s, const char *destination, struct receipt **out, struct err *e);
/* Whether it follows the rings that the station says: only then "complete" there means what is complete here. */
bool receipts_same_rings(const struct station_destination *d, const struct receipt_stream *s);
/* Its objects file, compared with what it says: R_STATION_DAMAGED. */
int receipts_open_held(const struct station *s, const struct receipt *r, struct file *out, struct err *e);
/* Takes a judged receipt and its signature over, durably; its objects file is there already. Then drops former ones. */
int receipts_put(struct station *s, const struct receipt *r, const struct digest *key, const void *signature, size_t len,
		 struct err *e);
/* Drops what a run that was cut off left of them. */
int receipts_drop_former(struct station *s, const struct receipt *r, struct err *e);
/* Drops all there is of a destination: its history begins anew. */
int receipts_forget(struct station *s, const char *destination, struct err *e);

/* Bundles that people say have arrived. */
struct receipts_arrival {
	uint64_t sequence;
	int64_t time;		/* when it was said */
};
struct receipts_acknowledged {
	uint64_t since;		/* counter of the newest receipt at that time; 0: none */
	struct receipts_arrival *list;	/* in the order in which it was said */
	size_t n;
	struct arena arena;	/* not part of the document */
};
/* Those that count; none where a receipt came since. *out is to be freed in any case. */
int receipts_acknowledged(const struct station *s, const char *destination, const struct receipt *newest,
			  struct receipts_acknowledged *out, struct err *e);
void receipts_acknowledged_free(struct receipts_acknowledged *a);
bool receipts_is_acknowledged(const struct receipts_acknowledged *a, uint64_t sequence);
int receipts_acknowledge(struct station *s, const char *destination, const struct receipt *newest, uint64_t sequence,
			 struct err *e);

/* The witnesses for a manifest: of every destination whose receipt is known, sorted. */
int receipts_witness(const struct station *s, struct manifest *m, struct arena *a, struct err *e);

#endif
