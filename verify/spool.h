/*
 * A nameless file for what must be kept during one run and may be larger than memory.
 */
#ifndef VERIFY_SPOOL_H
#define VERIFY_SPOOL_H

#include <stdint.h>

struct buf;
struct err;

int spool_open(struct err *e);	/* a descriptor, or -1 */
int spool_add(int fd, const void *data, uint64_t len, uint64_t *at, struct err *e);	/* appends; *at: where */
int spool_read(int fd, uint64_t at, uint64_t len, struct buf *out, struct err *e);	/* appends to out */

#endif
