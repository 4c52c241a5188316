/*
 * ARRIVALS: what this run put into the store, so that it is not looked for on the disk again. lack > objects > ARRIVALS. A first
 * publication asks of each object whether it is here, then whether anything links to it: of what was just written both are known.
 */
#ifndef IMPORT_ARRIVALS_H
#define IMPORT_ARRIVALS_H

#include <stdbool.h>
#include <stdint.h>

struct digest;
struct distinct;
struct err;
struct arrivals;

#define ARRIVALS_MAX ((uint64_t)1 << 18)	/* more are not remembered: some 20 MiB */

struct arrivals *arrivals_open(struct err *e);	/* none; NULL on error */
void arrivals_close(struct arrivals *a);	/* NULL is a no-op */
/* What may come, in place of what was known: takes the set over (distinct_add_valued, each with its size), which is empty then. */
void arrivals_expect(struct arrivals *a, struct distinct *set);
/* Nothing is known any more: some of it may have been taken away. */
void arrivals_forget(struct arrivals *a);
/* These are thread-safe. */
void arrivals_put(struct arrivals *a, const struct digest *d, uint64_t size);	/* it was written as a file of its own, of so many bytes */
bool arrivals_has(struct arrivals *a, const struct digest *d, uint64_t *size);	/* whether it was; *size (or NULL) */
bool arrivals_first_name(struct arrivals *a, const struct digest *d);	/* the same, true once: nothing else links to the file yet */

#endif
