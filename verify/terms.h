/*
 * By what is judged: the time, the newest trust root that counts, and how many threads do it.
 */
#ifndef VERIFY_TERMS_H
#define VERIFY_TERMS_H

#include <stdbool.h>
#include <stdint.h>

struct args;
struct err;
struct trust_chain;

struct terms {
	int64_t now;		/* --at, else the clock: one sample */
	bool dated;		/* --at was given */
	uint64_t trust_max;	/* --trust-version, or 0 */
	unsigned jobs;		/* --jobs, else as many as there are processors */
};
/* Rows for a command's table of options. */
#define TERMS_AS_OF \
	{.name = "at", .value = "TIME", .help = "judge as of this time, 2026-11-22T10:00:00Z"}, \
	{.name = "trust-version", .value = "N", .help = "judge by trust root N, and ask for none newer"}
#define TERMS_OPTIONS \
	TERMS_AS_OF, \
	{.name = "jobs", .value = "N", .help = "threads to use; default: as many as there are processors"}

int terms_parse(const struct args *a, struct terms *out, struct err *e);
/* Reads the trust root a person named and pins the chain to it. ERR_USAGE where it can't be read or is above trust_max. */
int terms_pin(const struct terms *t, const char *path, struct trust_chain *chain, struct err *e);

#endif
