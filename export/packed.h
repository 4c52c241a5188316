/*
 * What pack says of a bundle when it is made, to people, programs and the hook.
 */
#ifndef EXPORT_PACKED_H
#define EXPORT_PACKED_H

#include <stddef.h>

struct err;
struct manifest;
struct shipment;

/* "list 42", "list 3 of epoch 2", "no list". */
#define PACKED_LIST 96
char *packed_list(const struct manifest *m, char out[PACKED_LIST]);
/* Runs the hook and prints the result. Exit code: 0; 4 below the exporter threshold, with what to do; -1. */
int packed_tell(const struct shipment *s, struct err *e);

#endif
