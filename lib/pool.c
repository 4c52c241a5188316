/*
 * The one place that makes threads: an ordered pipeline over `depth` slots used in turn. Refuses nothing; after the first
 * error it only drops.
 */
#include "lib/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/timings.h"

#include "lib/banned.h"

#define MOST_JOBS 16

struct slot {
	void *task;
	bool done;	/* worked on, or passed over after an error */
};

struct worker {
	struct pool *pool;
	void *state;
	bool has_state, running;
	uint64_t since;		/* for timings */
	pthread_t thread;
};

/*
 * Tasks are numbered as they are put in; task n stands in slot n % depth. finished <= taken <= put <= finished +
 * depth, all under the lock.
 */
struct pool {
	const struct pool_ops *ops;
	void *arg;
	unsigned jobs, depth;
	pthread_mutex_t lock;
	pthread_cond_t may_put, may_work;
	uint64_t put, taken, finished;
	bool closing, failed, finishing;	/* the last: a worker is about the oldest task */
	uint64_t putting_since;	/* for timings; the caller's alone */
	struct err err;
	struct slot *slots;
	struct worker *workers;
};

/* With the lock held: keeps the first error and lets everybody see it. */
static void fail(struct pool *p, const struct err *cause)
{
	if (p->failed)
		return;
	p->failed = true;
	p->err = *cause;
	if (p->err.reason == ERR_NONE)
		err_set(&p->err, ERR_INTERNAL, "a task failed without saying why");
	pthread_cond_broadcast(&p->may_put);
}

static int report(const struct pool *p, struct err *e)
{
	if (e != NULL && e->reason == ERR_NONE)
		*e = p->err;
	return -1;
}

/* With the lock held, which is let go of meanwhile. */
static void work_on(struct pool *p, struct worker *w, struct slot *slot)
{
	struct err e = {0};
	int rc = 0;

	p->taken++;
	if (!p->failed && p->ops->work != NULL) {
		pthread_mutex_unlock(&p->lock);
		w->since = timings_waited(p->ops->working, w->since);
		rc = p->ops->work(p->arg, slot->task, w->state, &e);
		w->since = timings_busy(p->ops->working, w->since);
		pthread_mutex_lock(&p->lock);
	}
	if (rc == -1)
		fail(p, &e);
	slot->done = true;
}

static void finish(struct pool *p, struct worker *w, struct slot *slot)
{
	bool good = !p->failed;
	struct err e = {0};
	int rc = 0;

	p->finishing = true;
	pthread_mutex_unlock(&p->lock);
	w->since = timings_waited(p->ops->working, w->since);
	if (good && p->ops->finish != NULL)
		rc = p->ops->finish(p->arg, slot->task, &e);
	if (p->ops->drop != NULL)
		p->ops->drop(p->arg, slot->task);
	w->since = timings_busy(p->ops->finishing, w->since);
	pthread_mutex_lock(&p->lock);
	p->finishing = false;
	if (rc == -1)
		fail(p, &e);
	*slot = (struct slot){0};
	p->finished++;
	pthread_cond_signal(&p->may_put);
}

/*
 * Whoever is done with a task finishes what is next in order, unless somebody does, who then goes on with this one: no thread more
 * than processors, and nobody who waits for one that waits for a processor.
 */
static void *run(void *arg)
{
	struct worker *w = arg;
	struct pool *p = w->pool;

	w->since = timings_now();
	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct slot *oldest = &p->slots[p->finished % p->depth];

		if (oldest->done && !p->finishing)
			finish(p, w, oldest);
		else if (p->taken < p->put)
			work_on(p, w, &p->slots[p->taken % p->depth]);
		else if (p->closing)
			break;
		else
			pthread_cond_wait(&p->may_work, &p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static struct pool *make(const struct pool_ops *ops, void *arg, unsigned jobs, unsigned depth)
{
	struct pool *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->ops = ops;
	p->arg = arg;
	p->jobs = jobs == 0 ? 1 : jobs;
	p->depth = depth == 0 ? 1 : depth;
	p->putting_since = timings_now();
	p->slots = calloc(p->depth, sizeof *p->slots);
	p->workers = calloc(p->jobs, sizeof *p->workers);
	if (p->slots == NULL || p->workers == NULL) {
		free(p->slots);
		free(p->workers);
		free(p);
		return NULL;
	}
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->may_put, NULL);
	pthread_cond_init(&p->may_work, NULL);
	return p;
}

static int make_states(struct pool *p, struct err *e)
{
	for (unsigned i = 0; i < p->jobs; i++) {
		struct worker *w = &p->workers[i];

		w->pool = p;
		if (p->ops->state_new == NULL)
			continue;
		w->state = p->ops->state_new(p->arg, e);
		if (w->state == NULL)
			return e != NULL && e->reason != ERR_NONE ? -1 : err_mem(e);
		w->has_state = true;
	}
	return 0;
}

/* Signals are the main thread's business; those that a thread causes itself stay open. */
static int start_threads(struct pool *p, struct err *e)
{
	sigset_t all, before;
	int rc = 0;

	sigfillset(&all);
	for (const int *s = (const int[]){SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP, 0}; *s != 0; s++)
		sigdelset(&all, *s);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	for (unsigned i = 0; i < p->jobs && rc == 0; i++) {
		p->workers[i].running = pthread_create(&p->workers[i].thread, NULL, run, &p->workers[i]) == 0;
		if (!p->workers[i].running)
			rc = -1;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc == 0 ? 0 : err_set(e, ERR_MEMORY, "no thread could be started");
}

struct pool *pool_open(const struct pool_ops *ops, void *arg, unsigned jobs, unsigned depth, struct err *e)
{
	struct pool *p = make(ops, arg, jobs, depth);

	if (p == NULL) {
		err_mem(e);
		return NULL;
	}
	if (make_states(p, e) == -1 || start_threads(p, e) == -1) {
		pool_close(p, NULL);
		return NULL;
	}
	timings_name(ops->putting, 1);
	timings_name(ops->working, p->jobs);
	timings_name(ops->finishing, 1);
	return p;
}

int pool_put(struct pool *p, void *task, struct err *e)
{
	bool failed;

	p->putting_since = timings_busy(p->ops->putting, p->putting_since);
	pthread_mutex_lock(&p->lock);
	while (p->put - p->finished == p->depth && !p->failed)
		pthread_cond_wait(&p->may_put, &p->lock);
	failed = p->failed;
	if (!failed) {
		p->slots[p->put % p->depth] = (struct slot){.task = task};
		p->put++;
		pthread_cond_signal(&p->may_work);
	}
	pthread_mutex_unlock(&p->lock);
	p->putting_since = timings_waited(p->ops->putting, p->putting_since);
	if (!failed)
		return 0;
	if (p->ops->drop != NULL)
		p->ops->drop(p->arg, task);
	return report(p, e);	/* once failed is set, err no longer changes */
}

bool pool_idle(struct pool *p)
{
	bool idle;

	pthread_mutex_lock(&p->lock);
	idle = p->taken == p->put;
	pthread_mutex_unlock(&p->lock);
	return idle;
}

static void end_threads(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->closing = true;
	pthread_cond_broadcast(&p->may_work);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->jobs; i++)
		if (p->workers[i].running)
			pthread_join(p->workers[i].thread, NULL);
}

int pool_close(struct pool *p, struct err *e)
{
	int rc;

	if (p == NULL)
		return 0;
	p->putting_since = timings_busy(p->ops->putting, p->putting_since);
	end_threads(p);
	timings_waited(p->ops->putting, p->putting_since);
	rc = p->failed ? report(p, e) : 0;
	for (unsigned i = 0; i < p->jobs; i++)
		if (p->workers[i].has_state && p->ops->state_free != NULL)
			p->ops->state_free(p->arg, p->workers[i].state);
	pthread_cond_destroy(&p->may_work);
	pthread_cond_destroy(&p->may_put);
	pthread_mutex_destroy(&p->lock);
	free(p->workers);
	free(p->slots);
	free(p);
	return rc;
}

unsigned pool_default_jobs(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof set, &set) == 0)
		n = CPU_COUNT(&set);
	else
		n = (int)sysconf(_SC_NPROCESSORS_ONLN);	/* more processors than the set can hold */
	return n < 1 ? 1 : n > MOST_JOBS ? MOST_JOBS : (unsigned)n;
}
