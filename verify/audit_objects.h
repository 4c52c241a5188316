/*
 * The objects of a store, all of them or a sample: every file hashed, nothing else there.
 */
#ifndef VERIFY_AUDIT_OBJECTS_H
#define VERIFY_AUDIT_OBJECTS_H

#include <stdbool.h>
#include <stdint.h>

struct digest;
struct err;
struct report;
struct store;

/* Part n (from 1) of m: the objects whose digest's first eight bytes, as a big-endian number, are n - 1 modulo m. Parts 1 to m
 * together are all. */
struct audit_sample {
	uint64_t n, m;
};
/* "3/7"; NULL: all. 0, or -1 with ERR_USAGE. */
int audit_sample_parse(const char *text, struct audit_sample *out, struct err *e);
bool audit_sample_has(const struct audit_sample *s, const struct digest *d);

struct audit_objects {		/* what was hashed */
	uint64_t files, bytes;
};
/* What is wrong is reported; -1 only where the audit can't go on. */
int audit_objects(const struct store *s, const struct audit_sample *sample, unsigned jobs, struct report *r,
		  struct audit_objects *out, struct err *e);

#endif
