/*
 * Reads what was written back from the device and compares it: frames by their digests, small files by their bytes.
 */
#ifndef EXPORT_READBACK_H
#define EXPORT_READBACK_H

struct err;
struct volumes;
struct volumes_job;

/* All volumes and their indexes. R_READ_BACK names file, frame and offset. */
int readback_volumes(const struct volumes_job *j, const struct volumes *v, struct err *e);

#endif
