/*
 * One line on the terminal for what takes long. Refuses to draw where stderr is no terminal, or a dumb one.
 */
#include "lib/progress.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "lib/banned.h"

#define INTERVAL 200	/* ms: at most five updates a second */
#define PATIENCE 500	/* ms: what is over before is not worth a line */
#define COLUMNS 80

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;	/* the terminal's */
static atomic_bool active;	/* there is a phase, and a terminal to show it on */
static atomic_uint_fast64_t done;
static atomic_int_fast64_t next_draw;	/* ms */

/* Under the lock. */
static bool enabled, drawn;
static const char *label;
static uint64_t total, last_done;
static bool bytes;
static int64_t last_time;
static double rate;	/* a second */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void put(const char *s, size_t len)
{
	if (write(STDERR_FILENO, s, len) == -1)
		enabled = false;	/* the terminal went away: work goes on without it */
}

static void erase(void)
{
	if (drawn)
		put("\r\033[K", 4);
	drawn = false;
}

/* A number and its unit as the largest of the two needs it: "1.2" of "3.4 GiB". */
static double scale(uint64_t largest, const char **unit)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double factor = 1;
	size_t u = 0;

	*unit = "";
	if (!bytes)
		return 1;
	while (u < 6 && (double)largest >= 1024 * factor) {
		factor *= 1024;
		u++;
	}
	*unit = units[u];
	return factor;
}

__attribute__((format(printf, 4, 5)))
static size_t add(char *line, size_t size, size_t at, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line + at, size - at, fmt, ap);
	va_end(ap);
	if (n < 0)
		return at;
	return at + (size_t)n < size ? at + (size_t)n : size - 1;
}

static size_t add_left(char *line, size_t size, size_t at, uint64_t n)
{
	double left = rate > 0 ? (double)(total - n) / rate : 0;
	unsigned long seconds;

	if (rate <= 0 || left > 359999)
		return at;
	seconds = (unsigned long)(left + 0.5);
	if (seconds >= 3600)
		return add(line, size, at, "  %lu:%02lu:%02lu left", seconds / 3600, seconds / 60 % 60, seconds % 60);
	return add(line, size, at, "  %lu:%02lu left", seconds / 60, seconds % 60);
}

static size_t compose(char *line, size_t size, uint64_t n)
{
	const char *unit, *rate_unit;
	double factor = scale(total > n ? total : n, &unit), rate_factor = scale((uint64_t)rate, &rate_unit);
	int digits = bytes && factor > 1 ? 1 : 0, rate_digits = rate / rate_factor < 10 ? 1 : 0;
	size_t at = add(line, size, 0, "\r%s  %.*f", label, digits, (double)n / factor);

	if (total > 0 && n <= total)
		at = add(line, size, at, " of %.*f", digits, (double)total / factor);
	if (bytes)
		at = add(line, size, at, " %s", unit);
	if (total > 0 && n <= total)
		at = add(line, size, at, "  %u %%", (unsigned)((double)n * 100 / (double)total));
	if (rate > 0)
		at = add(line, size, at, "  %.*f%s%s/s", rate_digits, rate / rate_factor, bytes ? " " : "", rate_unit);
	if (total > 0 && n <= total)
		at = add_left(line, size, at, n);
	return at;
}

static unsigned columns(void)
{
	struct winsize w;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == -1 || w.ws_col < 10)
		return COLUMNS;
	return w.ws_col;
}

/* With the lock held. The rate leans towards what was seen last, so that the time left follows a change of speed. */
static void draw(int64_t now)
{
	char line[256];
	uint64_t n = atomic_load(&done);
	double elapsed = (double)(now - last_time) / 1000;
	size_t len;

	if (elapsed > 0) {
		double seen = (double)(n - last_done) / elapsed;

		rate = rate > 0 ? rate * 0.8 + seen * 0.2 : seen;
		last_time = now;
		last_done = n;
	}
	len = compose(line, sizeof line - 4, n);
	if (len > columns())	/* the '\r' takes no column, and the last one stays free */
		len = columns();
	memcpy(line + len, "\033[K", 3);
	put(line, len + 3);
	drawn = true;
}

void progress_start(enum progress_mode mode)
{
	const char *terminal = getenv("TERM");

	pthread_mutex_lock(&lock);
	enabled = mode == PROGRESS_ALWAYS ||
		  (mode == PROGRESS_AUTO && isatty(STDERR_FILENO) == 1 && terminal != NULL && strcmp(terminal, "dumb") != 0);
	pthread_mutex_unlock(&lock);
}

void progress_phase(const char *name, uint64_t how_many, int unit_bytes)
{
	pthread_mutex_lock(&lock);
	erase();
	label = name;
	total = how_many;
	bytes = unit_bytes != 0;
	last_done = 0;
	rate = 0;
	last_time = now_ms();
	atomic_store(&done, 0);
	atomic_store(&next_draw, last_time + PATIENCE);
	atomic_store(&active, enabled);
	pthread_mutex_unlock(&lock);
}

void progress_add(uint64_t n)
{
	int64_t now;

	if (!atomic_load_explicit(&active, memory_order_relaxed))
		return;
	atomic_fetch_add_explicit(&done, n, memory_order_relaxed);
	now = now_ms();
	if (now < atomic_load_explicit(&next_draw, memory_order_relaxed) || pthread_mutex_trylock(&lock) != 0)
		return;
	if (atomic_load(&active) && now >= atomic_load(&next_draw)) {
		draw(now);
		atomic_store(&next_draw, now + INTERVAL);
	}
	pthread_mutex_unlock(&lock);
}

void progress_end(void)
{
	pthread_mutex_lock(&lock);
	atomic_store(&active, false);
	erase();
	pthread_mutex_unlock(&lock);
}

void progress_pause(void)
{
	pthread_mutex_lock(&lock);
	erase();
}

void progress_resume(void)
{
	pthread_mutex_unlock(&lock);
}
