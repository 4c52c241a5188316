/*
 * Running a command without a shell: its own process group, nothing inherited but what is given here, a time limit, and the
 * beginning of what it says.
 */
#ifndef LIB_PROCESS_H
#define LIB_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"

struct err;

struct process_ask {
	char *const *argv;	/* [0]: the program's absolute path; NULL-terminated */
	char *const *env;	/* its whole environment, "NAME=value"; NULL-terminated */
	unsigned seconds;	/* then its process group is ended: SIGTERM, two seconds later SIGKILL */
	size_t output_max;	/* bytes kept of what it writes to stdout and stderr; the rest is read and dropped */
};
struct process_result {
	int code;		/* exit code, or 128 + the signal that ended it */
	bool timed_out;
	bool cut;		/* it said more than was kept */
	struct buf output;	/* ends with a NUL that len does not count */
};
/*
 * Runs it to its end: stdin is /dev/null, the working directory /. 0, with *out to be freed; -1 where it could not be
 * started (ERR_CONFIG where there is no such program, or it can't be run). What it leaves running in the background is
 * not waited for.
 */
int process_run(const struct process_ask *ask, struct process_result *out, struct err *e);
void process_result_free(struct process_result *r);

/*
 * Calls work in a child process and waits so long for it: 0 or -1 as it says, with its error; 1 where it did not return in
 * time. Then it is killed, and left behind if even that has to wait for a device. Nothing else that it changes comes
 * back. Not while there are threads.
 */
int process_try(unsigned seconds, int (*work)(void *arg, struct err *e), void *arg, struct err *e);

#endif
