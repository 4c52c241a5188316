/*
 * Numbers and times from outside: one strict parser each, with the bounds stated by the caller; sums that can't
 * overflow silently.
 */
#ifndef LIB_NUM_H
#define LIB_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Canonical decimal only: digits, no sign, no leading zero but "0" itself. 0, or -1 (form or range; no err). */
int num_parse(const char *s, size_t len, uint64_t min, uint64_t max, uint64_t *out);

/* "700M", "4GiB", "4 GiB", "1.5G", "123": K M G T (with or without iB) are powers of 1024. 0 or -1. */
int num_parse_size(const char *s, uint64_t *bytes);

/* "1.4 GiB" into out (at least 24 bytes); returns out. */
char *num_format_size(uint64_t bytes, char out[24]);

/* "1 object", "2 objects", "2 entries": how many of what, into out, cut where it is too long; returns out. And the same in
 * an argument: the text lives as long as the block around it. */
#define NUM_COUNT 64
char *num_count(uint64_t n, const char *noun, char out[NUM_COUNT]);
#define num_of(n, noun) num_count((n), (noun), (char[NUM_COUNT]){0})

/*
 * Time in exactly the form 2026-11-22T10:00:00Z (20 bytes), years 1970..9999, calendar and ranges checked, no leap
 * second. 0 or -1.
 */
int num_parse_time(const char *s, size_t len, int64_t *seconds);
/* The same, and also a day alone (2026-11-22), which is its beginning: for what people type. */
int num_parse_day(const char *s, int64_t *seconds);
char *num_format_time(int64_t seconds, char out[32]);	/* same form; seconds within 0..253402300799; returns out */

/* a + b, a * b into *out; true when it overflowed (then *out is undefined). */
#define num_add(a, b, out) __builtin_add_overflow((a), (b), (out))
#define num_mul(a, b, out) __builtin_mul_overflow((a), (b), (out))

#endif
