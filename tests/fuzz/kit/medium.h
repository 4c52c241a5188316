/*
 * A medium in memory, and a reader of it on a thread: the seam between main and its reader process (verify/wire.h) is the
 * same pair of pipes, answered by the reader's own code for volumes (verify/frames.h), without a fork for every input.
 */
#ifndef TESTS_FUZZ_KIT_MEDIUM_H
#define TESTS_FUZZ_KIT_MEDIUM_H

struct reader;
struct sections;

struct medium;
/* The sections must stay until medium_close. */
struct medium *medium_open(const struct sections *files);
struct reader *medium_reader(struct medium *m);
void medium_close(struct medium *m);	/* closes the reader too */

#endif
