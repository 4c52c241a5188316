/*
 * The system calls of the reader process (verify/cage.h): an allow-list, by libseccomp. Refuses, by ending the process,
 * everything else: files opened for writing, memory that can be executed, new processes, sockets, signals to others.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <seccomp.h>

#include "lib/drop_behind.h"
#include "lib/err.h"
#include "verify/cage.h"

#include "lib/banned.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

static const int allowed[] = {
	/* the medium, and the pipes */
	SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(close), SCMP_SYS(lseek),
	SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(getdents64), SCMP_SYS(fadvise64), DROP_BEHIND_CACHESTAT,
	SCMP_SYS(openat2),	/* its flags can't be seen here; Landlock and the limit on file sizes see to them */
	SCMP_SYS(poll), SCMP_SYS(ppoll),
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	/* threads */
	SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigaction),
	/* signals to itself */
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigpending), SCMP_SYS(rt_sigtimedwait), SCMP_SYS(rt_sigreturn),
	/* time, and what the C library asks for by itself (qsort: how much memory there is) */
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(restart_syscall),
	SCMP_SYS(getrandom), SCMP_SYS(sysinfo),
	-1,	/* a tracer that skips a call (fault injection of strace) sets this number: it does nothing */
};
#if CAGE_SANITIZED
static const int sanitizers[] = {
	SCMP_SYS(sigaltstack), SCMP_SYS(prlimit64), SCMP_SYS(getrlimit), SCMP_SYS(prctl),
	SCMP_SYS(readlink), SCMP_SYS(open), SCMP_SYS(getppid), SCMP_SYS(tgkill), SCMP_SYS(gettimeofday), SCMP_SYS(uname),
	SCMP_SYS(getrusage),
};
#endif

static int allow_list(scmp_filter_ctx *f, const int *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, list[i], 0);

		if (rc != 0)
			return rc;
	}
	return 0;
}

/* Calls of which only some forms are allowed. */
static int allow_forms(scmp_filter_ctx *f)
{
	const scmp_datum_t writes = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY);
	const struct { int call; struct scmp_arg_cmp arg; } forms[] = {
		{SCMP_SYS(openat), SCMP_A2_64(SCMP_CMP_MASKED_EQ, writes, 0)},
		{SCMP_SYS(fcntl), SCMP_A1_64(SCMP_CMP_EQ, F_GETFL, 0)},
		{SCMP_SYS(fcntl), SCMP_A1_64(SCMP_CMP_EQ, F_GETFD, 0)},
		{SCMP_SYS(fcntl), SCMP_A1_64(SCMP_CMP_EQ, F_SETFD, 0)},
		{SCMP_SYS(mmap), SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
		{SCMP_SYS(mprotect), SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
		{SCMP_SYS(clone), SCMP_A0_64(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)},
		{SCMP_SYS(tgkill), SCMP_A0_64(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0)},
		{SCMP_SYS(prctl), SCMP_A0_64(SCMP_CMP_EQ, PR_SET_VMA, 0)},	/* names of memory areas */
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof forms / sizeof *forms; i++)
		rc = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, forms[i].call, 1, &forms[i].arg);
	/* its flags can't be seen: the C library then takes clone */
	return rc == 0 ? seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) : rc;
}

static int fill(scmp_filter_ctx *f, enum cage_filter which)
{
	int rc = seccomp_attr_set(f, SCMP_FLTATR_API_TSKIP, 1);

	if (rc == 0)
		rc = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (rc == 0)
		rc = allow_list(f, allowed, sizeof allowed / sizeof *allowed);
#if CAGE_SANITIZED
	if (rc == 0)
		rc = allow_list(f, sanitizers, sizeof sanitizers / sizeof *sanitizers);
#endif
	if (rc == 0)
		rc = allow_forms(f);
	if (rc == 0 && which == CAGE_FILTER_TRIED)	/* to put the final one on */
		rc = allow_list(f, (const int[]){SCMP_SYS(seccomp), SCMP_SYS(prctl)}, 2);
	return rc == 0 ? seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2) : rc;
}

int cage_filter(enum cage_filter which, struct err *e)
{
	scmp_filter_ctx *f = seccomp_init(which == CAGE_FILTER_TRIED ? SCMP_ACT_ERRNO(CAGE_ERRNO) : SCMP_ACT_KILL_PROCESS);
	int rc;

	if (f == NULL)
		return err_mem(e);
	rc = fill(f, which);
	if (rc == 0)
		rc = seccomp_load(f);
	seccomp_release(f);
	return rc == 0 ? 0 : err_set(e, ERR_CONFIG, "%s", strerror(-rc));
}
