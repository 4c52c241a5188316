/*
 * The one place that makes threads: an ordered pipeline. Tasks are put in by one thread; `work` runs on any of the
 * workers, several at once, and tasks are taken in the order in which they were put in: where it is called for one, it was
 * called for all before, so that one may wait for what an earlier one does; `finish` runs for one task at a time, in the
 * same order, on whichever worker comes by, so that work must not wait for a finish. At most `depth` tasks are under way, so
 * memory is bounded. After the first error no further work() or finish() is called, the remaining tasks get drop() only, and
 * put and close return the error.
 *
 *     p = pool_open(&ops, arg, jobs, depth, e);
 *     while (...) if (pool_put(p, task, e) == -1) break;
 *     rc = pool_close(p, e);        // waits for all, joins the threads, frees p
 */
#ifndef LIB_POOL_H
#define LIB_POOL_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct pool;

struct pool_ops {
	int (*work)(void *arg, void *task, void *state, struct err *e);	/* may be NULL */
	int (*finish)(void *arg, void *task, struct err *e);		/* may be NULL; then order doesn't matter */
	void (*drop)(void *arg, void *task);	/* frees a task; called exactly once for each task put, at the very end of its way */
	void *(*state_new)(void *arg, struct err *e);	/* per-worker state (a zstd context, say); may be NULL */
	void (*state_free)(void *arg, void *state);
	/* Stages for lib/timings, or NULL: the caller's from open to close, the workers' work, and their finish, which waits for nothing. */
	const char *putting, *working, *finishing;
};

/* jobs: number of workers, at least 1. NULL on error. */
struct pool *pool_open(const struct pool_ops *ops, void *arg, unsigned jobs, unsigned depth, struct err *e);
/* Blocks while `depth` tasks are under way. Takes the task over in any case (drop is called for it). 0 or -1. */
int pool_put(struct pool *p, void *task, struct err *e);
/* Whether nothing that was put waits for a worker at this moment, so that one that is at work has time to spare. Any thread. */
bool pool_idle(struct pool *p);
/* Ends the pipeline: 0 when every task was worked on and finished, else -1 with the first error. NULL is a no-op. */
int pool_close(struct pool *p, struct err *e);

/* Processors this process may use, at least 1, at most 16. */
unsigned pool_default_jobs(void);

#endif
