/*
 * lib/pool: order, bounds, one drop for each task, the first error, under many shapes; meant for ThreadSanitizer, too.
 */
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/pool.h"

enum { MOST = 5000 };

/* What one run saw. Assertions stay on the main thread: cmocka's jump only there. */
struct seen {
	unsigned next;			/* finish's; in order, so not atomic */
	bool in_order;
	atomic_uint works, finishes, drops, under_way, most_under_way, states, at_work, most_at_work, at_finish, most_at_finish;
	atomic_bool failed;
	unsigned fail_work, fail_finish;	/* task numbers; 0: none */
	useconds_t nap;
	pthread_t main;
	atomic_bool on_main, signals_open;
};

struct task {
	unsigned number;	/* from 1 on */
	unsigned result;
	unsigned drops;
};

static void highest(atomic_uint *most, unsigned n)
{
	unsigned before = atomic_load(most);

	while (before < n && !atomic_compare_exchange_weak(most, &before, n))
		;
}

static int work(void *arg, void *task, void *state, struct err *e)
{
	struct seen *s = arg;
	struct task *t = task;
	sigset_t set;

	highest(&s->most_at_work, atomic_fetch_add(&s->at_work, 1) + 1);
	atomic_fetch_add(&s->works, 1);
	if (pthread_equal(pthread_self(), s->main))
		atomic_store(&s->on_main, true);
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	if (sigismember(&set, SIGINT) != 1 || sigismember(&set, SIGSEGV) != 0)
		atomic_store(&s->signals_open, true);
	if (state != NULL)
		++*(unsigned *)state;	/* a race, if two workers had the same */
	if (s->nap > 0 && t->number % 7 == 0)
		usleep(s->nap);
	t->result = t->number * 3;
	atomic_fetch_sub(&s->at_work, 1);
	if (t->number == s->fail_work) {
		atomic_store(&s->failed, true);
		return err_set(e, ERR_FORM, "work %u", t->number);
	}
	return 0;
}

static int finish(void *arg, void *task, struct err *e)
{
	struct seen *s = arg;
	struct task *t = task;

	highest(&s->most_at_finish, atomic_fetch_add(&s->at_finish, 1) + 1);
	atomic_fetch_add(&s->finishes, 1);
	if (s->nap > 0 && t->number % 5 == 0)
		usleep(s->nap);
	atomic_fetch_sub(&s->at_finish, 1);
	if (t->number != ++s->next || t->result != t->number * 3)
		s->in_order = false;
	if (t->number == s->fail_finish)
		return err_set(e, ERR_NO_SPACE, "finish %u", t->number);
	return 0;
}

static void drop(void *arg, void *task)
{
	struct seen *s = arg;

	((struct task *)task)->drops++;
	atomic_fetch_add(&s->drops, 1);
	atomic_fetch_sub(&s->under_way, 1);
}

static void *state_new(void *arg, struct err *e)
{
	(void)e;
	atomic_fetch_add(&((struct seen *)arg)->states, 1);
	return calloc(1, sizeof(unsigned));
}

static void state_free(void *arg, void *state)
{
	atomic_fetch_sub(&((struct seen *)arg)->states, 1);
	free(state);
}

static const struct pool_ops all = {.work = work, .finish = finish, .drop = drop, .state_new = state_new, .state_free = state_free};

static void begin(struct seen *s)
{
	memset(s, 0, sizeof *s);
	s->in_order = true;
	s->main = pthread_self();
}

/* Puts `tasks` tasks in. The result of close; *put: how many were taken. */
static int run(struct seen *s, const struct pool_ops *ops, unsigned jobs, unsigned depth, unsigned tasks, unsigned *put,
	       struct err *e)
{
	static struct task list[MOST];
	struct pool *p = pool_open(ops, s, jobs, depth, e);
	int rc;

	assert_non_null(p);
	memset(list, 0, sizeof list);
	for (*put = 0; *put < tasks;) {
		struct err cause = {0};

		list[*put].number = *put + 1;
		highest(&s->most_under_way, atomic_fetch_add(&s->under_way, 1) + 1);
		(*put)++;
		if (pool_put(p, &list[*put - 1], &cause) == -1) {
			assert_true(cause.reason != ERR_NONE);
			break;
		}
	}
	rc = pool_close(p, e);
	for (unsigned i = 0; i < *put; i++)
		assert_int_equal(list[i].drops, 1);
	return rc;
}

static void shapes(void **state)
{
	static const unsigned jobs[] = {1, 2, 3, 8}, depths[] = {1, 2, 7, 64}, counts[] = {0, 1, 2, 1000};

	(void)state;
	for (unsigned i = 0; i < 4 * 4 * 4; i++) {
		unsigned depth = depths[i / 4 % 4], n = counts[i / 16], put;
		struct err e = {0};
		struct seen s;

		begin(&s);
		assert_int_equal(run(&s, &all, jobs[i % 4], depth, n, &put, &e), 0);
		assert_int_equal(e.reason, ERR_NONE);
		assert_int_equal(s.works, n);
		assert_int_equal(s.finishes, n);
		assert_int_equal(s.drops, n);
		assert_true(s.in_order);
		assert_true(s.most_under_way <= depth + 1);	/* and the one that waits in pool_put */
		assert_int_equal(s.states, 0);
		assert_false(s.on_main);
		assert_false(s.signals_open);
	}
}

static void without_work_or_finish(void **state)
{
	struct pool_ops only_work = {.work = work, .drop = drop}, only_drop = {.drop = drop};
	struct pool_ops bare = {.work = work};
	struct seen s;
	unsigned put;

	(void)state;
	begin(&s);
	assert_int_equal(run(&s, &only_work, 4, 8, 500, &put, NULL), 0);
	assert_int_equal(s.works, 500);
	assert_int_equal(s.drops, 500);
	begin(&s);
	assert_int_equal(run(&s, &only_drop, 4, 8, 500, &put, NULL), 0);
	assert_int_equal(s.works, 0);
	assert_int_equal(s.drops, 500);
	begin(&s);
	struct pool *p = pool_open(&bare, &s, 2, 2, NULL);
	struct task t[3] = {{1, 0, 0}, {2, 0, 0}, {3, 0, 0}};

	for (int i = 0; i < 3; i++)
		assert_int_equal(pool_put(p, &t[i], NULL), 0);
	assert_int_equal(pool_close(p, NULL), 0);
	assert_int_equal(s.works, 3);
	assert_int_equal(pool_close(NULL, NULL), 0);
}

static void failing_work(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 2000; n = n * 3 + 1) {
		struct err e = {0};
		struct seen s;
		unsigned put;

		begin(&s);
		s.fail_work = n;
		assert_int_equal(run(&s, &all, 4, 16, 2000, &put, &e), -1);
		assert_int_equal(e.reason, ERR_FORM);
		assert_non_null(strstr(e.text, "work "));
		assert_int_equal(s.drops, put);
		assert_true(s.finishes < n);		/* never beyond a task that failed */
		assert_true(s.in_order);
		assert_true(put <= n + 16 + 1);		/* and put notices */
	}
}

static void failing_finish(void **state)
{
	struct err e = {0};
	struct seen s;
	unsigned put;

	(void)state;
	begin(&s);
	s.fail_finish = 100;
	assert_int_equal(run(&s, &all, 4, 16, 2000, &put, &e), -1);
	assert_int_equal(e.reason, ERR_NO_SPACE);
	assert_string_equal(e.text, "finish 100");
	assert_int_equal(s.finishes, 100);
	assert_int_equal(s.drops, put);
	assert_true(put <= 100 + 16 + 1);
	/* the very last task's error is not lost */
	begin(&s);
	s.fail_finish = 50;
	err_clear(&e);
	assert_int_equal(run(&s, &all, 4, 64, 50, &put, &e), -1);
	assert_string_equal(e.text, "finish 50");
	begin(&s);
	s.fail_work = 50;
	err_clear(&e);
	assert_int_equal(run(&s, &all, 4, 64, 50, &put, &e), -1);
	assert_string_equal(e.text, "work 50");
}

static int silent_failure(void *arg, void *task, struct err *e)
{
	(void)arg;
	(void)task;
	(void)e;
	return -1;
}

static void failing_without_a_word(void **state)
{
	struct pool_ops ops = {.finish = silent_failure, .drop = drop};
	struct err e = {0};
	struct seen s;
	unsigned put;

	(void)state;
	begin(&s);
	assert_int_equal(run(&s, &ops, 1, 1, 3, &put, &e), -1);
	assert_int_equal(e.reason, ERR_INTERNAL);
}

/* Slow tasks on several workers at once: they do run at the same time. */
static void works_at_once(void **state)
{
	struct seen s;
	unsigned put;

	(void)state;
	begin(&s);
	s.nap = 2000;
	assert_int_equal(run(&s, &all, 4, 32, 400, &put, NULL), 0);
	assert_true(s.most_at_work >= 2);
	assert_true(s.most_at_work <= 4);
	assert_int_equal(s.most_at_finish, 1);
	assert_true(s.in_order);
}

static int wait_for_third(void *arg, void *task, struct err *e)
{
	struct seen *s = arg;

	for (unsigned i = 0; ((struct task *)task)->number == 1 && atomic_load(&s->works) < 3; i++) {
		if (i == 10000)
			return err_set(e, ERR_INTERNAL, "nobody works while one finishes");
		usleep(1000);
	}
	return 0;
}

/* Who finishes holds nobody up but those who would, too. */
static void works_beside_finish(void **state)
{
	const struct pool_ops ops = {.work = work, .finish = wait_for_third, .drop = drop};
	struct err e = {0};
	struct seen s;
	unsigned put;

	(void)state;
	begin(&s);
	assert_int_equal(run(&s, &ops, 2, 3, 3, &put, &e), 0);
	assert_int_equal(s.works, 3);
}

static unsigned threads(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *x;
	unsigned n = 0;

	assert_non_null(d);
	while ((x = readdir(d)) != NULL)
		n += x->d_name[0] != '.';
	closedir(d);
	return n;
}

/* A thread more than processors would have somebody wait for one that waits for a processor. */
static void no_other_threads(void **state)
{
	unsigned before = threads();
	struct seen s;
	struct pool *p;

	(void)state;
	begin(&s);
	p = pool_open(&all, &s, 3, 8, NULL);
	assert_non_null(p);
	assert_int_equal(threads() - before, 3);
	assert_int_equal(pool_close(p, NULL), 0);
}

static int slow_finish(void *arg, void *task, struct err *e)
{
	(void)task;
	(void)e;
	usleep(((struct seen *)arg)->nap);
	return 0;
}

/* Waiting costs no processor time. */
static void waits_idly(void **state)
{
	struct pool_ops ops = {.finish = slow_finish, .drop = drop};
	struct rusage before, after;
	struct seen s;
	unsigned put;
	double used;

	(void)state;
	begin(&s);
	s.nap = 100000;
	getrusage(RUSAGE_SELF, &before);
	assert_int_equal(run(&s, &ops, 4, 2, 10, &put, NULL), 0);
	getrusage(RUSAGE_SELF, &after);
	used = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) +
	       (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1e6;
	assert_true(used < 0.4);	/* of a second that four threads waited */
}

struct held {
	atomic_uint taken;
	atomic_bool free;
};

static int hold(void *arg, void *task, void *state, struct err *e)
{
	struct held *h = arg;

	(void)task;
	(void)state;
	(void)e;
	atomic_fetch_add(&h->taken, 1);
	while (!atomic_load(&h->free))
		usleep(1000);
	return 0;
}

/* What a worker has doesn't wait; what is put beside it does. */
static void idle(void **state)
{
	struct pool_ops ops = {.work = hold};
	struct held h = {0};
	struct pool *p = pool_open(&ops, &h, 1, 4, NULL);
	int task;

	(void)state;
	assert_true(pool_idle(p));
	assert_int_equal(pool_put(p, &task, NULL), 0);
	while (atomic_load(&h.taken) == 0)
		usleep(1000);
	assert_true(pool_idle(p));
	assert_int_equal(pool_put(p, &task, NULL), 0);
	assert_false(pool_idle(p));
	atomic_store(&h.free, true);
	while (atomic_load(&h.taken) == 1)
		usleep(1000);
	assert_true(pool_idle(p));
	assert_int_equal(pool_close(p, NULL), 0);
}

static void *no_state(void *arg, struct err *e)
{
	struct seen *s = arg;

	if (atomic_fetch_add(&s->states, 1) < 2)
		return malloc(1);
	atomic_fetch_sub(&s->states, 1);
	err_set(e, ERR_MEMORY, "no third state");
	return NULL;
}

static void states_that_fail(void **state)
{
	struct pool_ops ops = {.work = work, .finish = finish, .drop = drop, .state_new = no_state, .state_free = state_free};
	struct err e = {0};
	struct seen s;

	(void)state;
	begin(&s);
	assert_null(pool_open(&ops, &s, 4, 4, &e));
	assert_string_equal(e.text, "no third state");
	assert_int_equal(s.states, 0);
}

static void default_jobs(void **state)
{
	cpu_set_t before, one;

	(void)state;
	assert_in_range(pool_default_jobs(), 1, 16);
	assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
	CPU_ZERO(&one);
	for (size_t i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &before)) {
			CPU_SET(i, &one);
			break;
		}
	assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
	assert_int_equal(pool_default_jobs(), 1);
	sched_setaffinity(0, sizeof before, &before);
}

/* Where work is called for a task, it was called for all before: each waits for the one before it to have begun. */
static atomic_uint begun[MOST];

static int wait_for_former(void *arg, void *task, void *state, struct err *e)
{
	size_t i = (size_t)((atomic_uint *)task - begun);

	(void)arg;
	(void)state;
	(void)e;
	atomic_store(&begun[i], 1);
	while (i > 0 && !atomic_load(&begun[i - 1]))
		sched_yield();
	return 0;
}

static void drop_nothing(void *arg, void *task)
{
	(void)arg;
	(void)task;
}

static void taken_in_order(void **state)
{
	static const struct pool_ops ops = {.work = wait_for_former, .drop = drop_nothing};
	struct err e = {0};
	struct pool *p = pool_open(&ops, NULL, 4, 64, &e);

	(void)state;
	assert_non_null(p);
	alarm(60);	/* else it would hang */
	for (size_t i = 0; i < MOST; i++)
		assert_int_equal(pool_put(p, &begun[i], &e), 0);
	assert_int_equal(pool_close(p, &e), 0);
	alarm(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes), cmocka_unit_test(without_work_or_finish), cmocka_unit_test(failing_work),
		cmocka_unit_test(failing_finish), cmocka_unit_test(failing_without_a_word), cmocka_unit_test(works_at_once),
		cmocka_unit_test(works_beside_finish), cmocka_unit_test(no_other_threads),
		cmocka_unit_test(waits_idly), cmocka_unit_test(idle), cmocka_unit_test(states_that_fail), cmocka_unit_test(default_jobs),
		cmocka_unit_test(taken_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
