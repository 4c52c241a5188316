/*
 * The cage of the reader process, whatever a bug in zstd or a crafted medium makes of that process:
 *
 *   Landlock     opens nothing but files and directories beneath MEDIUM/satchel, for reading; no TCP (ABI 4), no abstract
 *                sockets and no signals to others (ABI 6)
 *   seccomp      only the system calls that reading, threads and memory need (verify/cage_filter.c); any other ends it
 *   capabilities none but CAP_DAC_READ_SEARCH, where it was there (media of another user)
 *   limits       no new file may grow, few descriptors, memory for its jobs and no more, no core
 *   and          no new privileges, not dumpable (nobody of the same user can trace it)
 *
 * That the descriptors are closed and that it dies with its parent is verify/serve.c's part.
 *
 * In builds with sanitizers the filter lets their own calls through as well and memory is not limited (their shadow
 * takes terabytes); the text says so.
 */
#ifndef VERIFY_CAGE_H
#define VERIFY_CAGE_H

#include <stdbool.h>
#include <sys/types.h>

struct err;
struct file;

#define CAGE_TEXT 129	/* of `sandbox` in receipts (FORMAT 14.1), with its NUL */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CAGE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define CAGE_SANITIZED 1
#endif
#endif
#ifndef CAGE_SANITIZED
#define CAGE_SANITIZED 0
#endif

struct cage_ask {
	const struct file *medium;	/* open; its `satchel` is what stays readable */
	pid_t parent;			/* tried in the self-test */
	unsigned jobs;
};
struct cage {
	bool whole;		/* Landlock and seccomp, and the self-test saw both hold */
	char text[CAGE_TEXT];	/* "landlock ABI 7 + seccomp", "seccomp only: ...", "landlock ABI 7 only: ...", "none: ..." */
};
/*
 * Closes the cage around this process, which must have one thread, and tries it: opening files, sockets, signals, exec,
 * ptrace and fork. Never fails: what could not be had stands in *out.
 */
void cage_enter(const struct cage_ask *ask, struct cage *out);

/* The two filters, put on one after the other: what is not allowed fails with CAGE_ERRNO (for the self-test), then kills. */
#define CAGE_ERRNO 55	/* ENOANO: no system call that is tried gives it by itself */
enum cage_filter { CAGE_FILTER_TRIED, CAGE_FILTER_FINAL };
int cage_filter(enum cage_filter which, struct err *e);

#endif
