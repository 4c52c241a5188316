/*
 * What an audit found, printed as it is found: findings (what differs, damage), notes (what an auditor may want to know), and
 * the exit code they come to. Safe to use from several threads.
 */
#ifndef VERIFY_REPORT_H
#define VERIFY_REPORT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct err;

struct report {
	pthread_mutex_t lock;
	bool refused, damaged;	/* findings that end in 1, and in 3 */
	uint64_t findings, notes;
	/* Where set it gets the findings, under the lock, in place of the terminal. */
	void (*each)(void *arg, int reason, const char *place, const char *text);
	void *arg;
};
#define REPORT_EMPTY {.lock = PTHREAD_MUTEX_INITIALIZER}

/* "PLACE: TEXT (WORD)" on stdout; {"finding": WORD, "place": PLACE, "message": TEXT} under --json. */
void report_finding(struct report *r, int reason, const char *place, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The same from an error, which is cleared. */
void report_err(struct report *r, const char *place, struct err *e);
/* "PLACE: note: TEXT"; {"note": TEXT, "place": PLACE}. No influence on the exit code. */
void report_note(struct report *r, const char *place, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* 1 when anything differed, else 3 when anything was damaged or unreadable, else 0. */
int report_exit(const struct report *r);

/* Errors of the machine, not of what is judged: they end the audit. */
bool report_is_fatal(const struct err *e);

#endif
