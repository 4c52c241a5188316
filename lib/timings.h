/*
 * Where a command's time goes (--timings): for each stage how long its threads were busy, how long they waited (for
 * something to work on, or for room to put it), and what set the pace. Off unless started: then a call is one test of a
 * flag. Meant for tasks, frames and phases, never for single bytes or small objects. From any thread; processes forked
 * later add to the same counters, for stages that were named before the fork.
 *
 * lib/pool measures itself, for stages that its pool_ops name. Elsewhere:
 *
 *     uint64_t since = timings_now();
 *     ... ; timings_busy("syncing", since);
 */
#ifndef LIB_TIMINGS_H
#define LIB_TIMINGS_H

#include <stdint.h>

#define TIMINGS_STAGES 32	/* further ones are not counted */

/* Once, from main, before any thread or process: measures from now on. */
void timings_start(void);
/* Names a stage and how many threads work on it (the most counts). Stages are told in this order; a name stays where it
 * is. NULL is no stage, here and below. */
void timings_name(const char *stage, unsigned threads);
/* The clock in nanoseconds; 0 while nothing is measured. */
uint64_t timings_now(void);
/* Adds the time since `since` to a stage, naming it (one thread) if need be. Returns the clock, for the next span. */
uint64_t timings_busy(const char *stage, uint64_t since);
uint64_t timings_waited(const char *stage, uint64_t since);
/* For a wait in the midst of what will be added as busy: counted as waiting alone. */
void timings_paused(const char *stage, uint64_t since);
/* Prints the table: talk, and one object under --json. Nothing unless started. */
void timings_tell(void);

#endif
