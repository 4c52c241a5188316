/*
 * Where a command's time goes (lib/timings.h). Counters lie in memory that is shared with forked processes, names and the
 * number of stages do not: whatever such a process does to the memory, it changes figures and nothing else. Refuses
 * nothing; without memory nothing is measured.
 */
#include "lib/timings.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#include "lib/pool.h"
#include "lib/say.h"

#include "lib/banned.h"

#define BUSY_ENOUGH 0.85	/* of all processors: they set the pace, and no stage does */

struct counters {
	atomic_uint_fast64_t busy, waited;	/* ns */
};
struct stage {
	const char *name;
	unsigned threads;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;	/* over names */
static struct stage stages[TIMINGS_STAGES];
static atomic_uint stages_n;
static struct counters *counters;	/* NULL: nothing is measured; set before any thread */
static uint64_t started;

static uint64_t clock_ns(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void timings_start(void)
{
	void *shared = mmap(NULL, TIMINGS_STAGES * sizeof *counters, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED)
		return;
	counters = shared;
	started = clock_ns(CLOCK_MONOTONIC);
}

/* TIMINGS_STAGES where it has no place. */
static unsigned find(const char *name)
{
	unsigned n = atomic_load_explicit(&stages_n, memory_order_acquire);

	for (unsigned i = 0; i < n; i++)
		if (strcmp(stages[i].name, name) == 0)
			return i;
	return TIMINGS_STAGES;
}

static unsigned place(const char *name, unsigned threads)
{
	unsigned at;

	pthread_mutex_lock(&lock);
	at = find(name);
	if (at == TIMINGS_STAGES && stages_n < TIMINGS_STAGES) {
		at = stages_n;
		stages[at] = (struct stage){.name = name};
		atomic_store_explicit(&stages_n, at + 1, memory_order_release);
	}
	if (at < TIMINGS_STAGES && threads > stages[at].threads)
		stages[at].threads = threads;
	pthread_mutex_unlock(&lock);
	return at;
}

void timings_name(const char *stage, unsigned threads)
{
	if (counters != NULL && stage != NULL)
		place(stage, threads);
}

uint64_t timings_now(void)
{
	return counters == NULL ? 0 : clock_ns(CLOCK_MONOTONIC);
}

/* NULL: not counted. */
static struct counters *counters_of(const char *stage)
{
	unsigned at = find(stage);

	if (at == TIMINGS_STAGES)
		at = place(stage, 1);
	return at == TIMINGS_STAGES ? NULL : &counters[at];
}

static uint64_t add(const char *stage, uint64_t since, bool busy)
{
	uint64_t now = timings_now();
	struct counters *c = now == 0 || stage == NULL ? NULL : counters_of(stage);

	if (c != NULL)
		atomic_fetch_add_explicit(busy ? &c->busy : &c->waited, now - since, memory_order_relaxed);
	return now;
}

uint64_t timings_busy(const char *stage, uint64_t since)
{
	return add(stage, since, true);
}

uint64_t timings_waited(const char *stage, uint64_t since)
{
	return add(stage, since, false);
}

void timings_paused(const char *stage, uint64_t since)
{
	uint64_t now = timings_waited(stage, since);
	struct counters *c = now == 0 || stage == NULL ? NULL : counters_of(stage);

	if (c != NULL)
		atomic_fetch_sub_explicit(&c->busy, now - since, memory_order_relaxed);
}

/* Of this process and those that it waited for. */
static double processor_seconds(void)
{
	struct rusage self, children;

	getrusage(RUSAGE_SELF, &self);
	getrusage(RUSAGE_CHILDREN, &children);
	return (double)(self.ru_utime.tv_sec + self.ru_stime.tv_sec + children.ru_utime.tv_sec + children.ru_stime.tv_sec) +
	       (double)(self.ru_utime.tv_usec + self.ru_stime.tv_usec + children.ru_utime.tv_usec + children.ru_stime.tv_usec) / 1e6;
}

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

/* The part of the whole time that one thread of a stage was busy. */
static double share(unsigned at, double wall)
{
	unsigned threads = stages[at].threads == 0 ? 1 : stages[at].threads;

	return wall <= 0 ? 0 : seconds(counters[at].busy) / threads / wall;
}

static const char *bound(double wall, double processor, unsigned processors)
{
	const char *name = "nothing";
	double most = 0;

	if (processor >= BUSY_ENOUGH * wall * processors)
		return "processors";
	for (unsigned i = 0; i < stages_n; i++)
		if (share(i, wall) > most) {
			most = share(i, wall);
			name = stages[i].name;
		}
	return name;
}

static json_t *describe(unsigned at)
{
	json_t *o = json_object();

	json_put_text(o, "stage", stages[at].name);
	json_put_number(o, "threads", stages[at].threads);
	json_put(o, "busy", json_real(seconds(counters[at].busy)));
	json_put(o, "waiting", json_real(seconds(counters[at].waited)));
	return o;
}

void timings_tell(void)
{
	double wall, processor = processor_seconds();
	unsigned processors = pool_default_jobs();
	json_t *o, *list;

	if (counters == NULL)
		return;
	wall = seconds(timings_now() - started);
	o = json_object();
	list = json_array();
	say_note("%.3f s, %.3f s of %u processors; what set the pace: %s", wall, processor, processors,
		 bound(wall, processor, processors));
	if (stages_n > 0)
		say_note("%-28s %7s %10s %11s %5s", "stage", "threads", "busy s", "waiting s", "busy");
	for (unsigned i = 0; i < stages_n; i++) {
		say_note("%-28s %7u %10.3f %11.3f %3.0f %%", stages[i].name, stages[i].threads, seconds(counters[i].busy),
			 seconds(counters[i].waited), 100 * share(i, wall));
		json_array_append_new(list, describe(i));
	}
	json_put(o, "timings", list);
	json_put(o, "seconds", json_real(wall));
	json_put(o, "processor_seconds", json_real(processor));
	json_put_number(o, "processors", processors);
	json_put_text(o, "bound", bound(wall, processor, processors));
	say_object(o);
}
