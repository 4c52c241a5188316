/*
 * Closing the cage around the reader process, and trying it (verify/cage.h). Stands before the first byte of the medium is
 * read. Believes no kernel that says yes: what is said to be shut is tried.
 */
#include "verify/cage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/file.h"
#include "manifests/limits.h"
#include "manifests/names.h"

#include "lib/banned.h"

/* Landlock as of ABI 6; the system's header may be older. */
struct ruleset {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;	/* ABI 4 */
	uint64_t scoped;		/* ABI 6 */
};
#define FS_ALL_1 ((1ull << 13) - 1)	/* execute .. make_sym */
#define FS_REFER (1ull << 13)		/* ABI 2 */
#define FS_TRUNCATE (1ull << 14)	/* ABI 3 */
#define FS_IOCTL_DEV (1ull << 15)	/* ABI 5 */
#define NET_TCP 3ull			/* bind, connect */
#define SCOPED_ALL 3ull			/* abstract UNIX sockets, signals */

#define MAX_FDS 32
#define MEMORY_FIXED (192ull << 20)	/* a request and its tables, the names of a directory, heaps */
#define MEMORY_JOB (16ull << 20)	/* a frame as stored and as tar, zstd's state, beside its stack */
#define MORE_JOBS 8			/* frames and threads there are beside those of the jobs */
#define MEMORY_UNKNOWN (4ull << 30)	/* what is in use already, where /proc doesn't say */

/* ---- privileges and limits ---- */

static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};
	uint32_t keep = 1u << CAP_DAC_READ_SEARCH;

	if (syscall(SYS_capget, &head, data) == -1)
		return -1;
	data[0].permitted &= keep;
	data[0].effective &= keep;
	data[0].inheritable = 0;
	data[1] = (struct __user_cap_data_struct){0};
	return (int)syscall(SYS_capset, &head, data);
}

/* Memory that counts against RLIMIT_DATA already: inherited from main. */
static uint64_t memory_used(void)
{
	unsigned long long pages;
	char text[128] = "";
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC), n;

	n = fd == -1 ? -1 : (int)read(fd, text, sizeof text - 1);
	if (fd != -1)
		close(fd);
	if (n <= 0 || sscanf(text, "%*u %*u %*u %*u %*u %llu", &pages) != 1)
		return MEMORY_UNKNOWN;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int limit(__rlimit_resource_t what, uint64_t most)
{
	struct rlimit now;

	if (getrlimit(what, &now) == -1)
		return -1;
	if (now.rlim_max < most)
		return 0;
	return setrlimit(what, &(struct rlimit){most, most});
}

static int limit_memory(unsigned jobs)
{
	pthread_attr_t a;
	size_t stack = 0;

	if (CAGE_SANITIZED)
		return 0;
	if (pthread_getattr_default_np(&a) != 0 || pthread_attr_getstacksize(&a, &stack) != 0)
		return -1;
	pthread_attr_destroy(&a);
	return limit(RLIMIT_DATA, memory_used() + MEMORY_FIXED + (jobs + MORE_JOBS) * (MEMORY_JOB + (uint64_t)stack));
}

static int shut_privileges(unsigned jobs, struct err *e)
{
	if (drop_capabilities() == -1)
		return err_sys(e, "capabilities");
	if (limit(RLIMIT_CORE, 0) == -1 || limit(RLIMIT_FSIZE, 0) == -1 || limit(RLIMIT_NOFILE, MAX_FDS) == -1 ||
	    limit_memory(jobs) == -1)
		return err_sys(e, "limits");
	/* last: then /proc/self is no longer its own */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return err_sys(e, "privileges");
	return 0;
}

/* ---- Landlock ---- */

static int allow_medium(int rules, const struct file *medium, struct err *e)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR};
	struct file top = FILE_CLOSED;
	struct err why = {0};
	int rc;

	if (file_open_dir_at(medium, NAMES_MEDIUM_DIR, &top, &why) == -1)
		return 0;	/* nothing to be allowed; what is wrong is said when it is asked for */
	rule.parent_fd = top.fd;
	rc = (int)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	if (rc == -1)
		err_sys(e, "landlock");
	file_close(&top);
	return rc;
}

static int shut_landlock(const struct file *medium, long *abi, struct err *e)
{
	struct ruleset all = {.handled_access_fs = FS_ALL_1};
	int rules = -1, rc = -1;

	*abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (*abi == -1)
		return err_sys(e, "landlock");
	all.handled_access_fs |= (*abi >= 2 ? FS_REFER : 0) | (*abi >= 3 ? FS_TRUNCATE : 0) | (*abi >= 5 ? FS_IOCTL_DEV : 0);
	all.handled_access_net = *abi >= 4 ? NET_TCP : 0;
	all.scoped = *abi >= 6 ? SCOPED_ALL : 0;
	rules = (int)syscall(SYS_landlock_create_ruleset, &all,
			     *abi >= 6 ? sizeof all : *abi >= 4 ? offsetof(struct ruleset, scoped) : sizeof(uint64_t), 0);
	if (rules == -1)
		return err_sys(e, "landlock");
	if (allow_medium(rules, medium, e) == 0) {
		rc = (int)syscall(SYS_landlock_restrict_self, rules, 0);
		if (rc == -1)
			err_sys(e, "landlock");
	}
	close(rules);
	return rc;
}

/* ---- trying it ---- */

/* A door that must be shut: whether the try failed, and for this reason. */
static bool shut(long result, int sys)
{
	if (result == -1)
		return errno == sys;
	return false;	/* a descriptor that was got stays: this cage is said not to hold */
}

static bool try_tcp(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool held;

	if (fd == -1)
		return true;	/* a machine without IPv4: nothing to be shut */
	held = shut(bind(fd, (const struct sockaddr *)&any, sizeof any), EACCES);
	close(fd);
	return held;
}

/* /dev/null was opened for the standard streams just before. */
static bool try_landlock(long abi, pid_t parent)
{
	return shut(open("/dev/null", O_RDONLY | O_CLOEXEC), EACCES) &&
	       shut(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), EACCES) && (abi < 4 || try_tcp()) &&
	       (abi < 6 || shut(kill(parent, 0), EPERM));
}

static bool try_filter(pid_t parent)
{
	char *const none[] = {NULL};
	long child;

	if (!shut(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), CAGE_ERRNO) ||
	    !shut(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), CAGE_ERRNO) ||
	    !shut(openat(AT_FDCWD, "/dev/null", O_WRONLY | O_CLOEXEC), CAGE_ERRNO) ||
	    !shut(execve("", none, none), CAGE_ERRNO) || !shut(kill(parent, 0), CAGE_ERRNO) ||
	    !shut(ptrace(PTRACE_PEEKDATA, parent, NULL, NULL), CAGE_ERRNO))
		return false;
	child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0)
		_exit(0);
	return child == -1 && errno == CAGE_ERRNO;
}

/* ---- the whole ---- */

static int lock_landlock(const struct cage_ask *ask, long *abi, struct err *e)
{
	if (shut_landlock(ask->medium, abi, e) == -1)
		return -1;
	return try_landlock(*abi, ask->parent) ? 0 : err_set(e, ERR_CONFIG, "landlock: it does not hold");
}

static int lock_filter(const struct cage_ask *ask, struct err *e)
{
	if (cage_filter(CAGE_FILTER_TRIED, e) == -1)
		return err_prefix(e, "seccomp");
	if (!try_filter(ask->parent))
		return err_set(e, ERR_CONFIG, "seccomp: it does not hold");
	return cage_filter(CAGE_FILTER_FINAL, e) == -1 ? err_prefix(e, "seccomp") : 0;
}

void cage_enter(const struct cage_ask *ask, struct cage *out)
{
	struct err privileges = {0}, landlock = {0}, filter = {0};
	const char *more = CAGE_SANITIZED ? " (sanitizers: wider, memory not limited)" : "";
	long abi = 0;

	shut_privileges(ask->jobs, &privileges);
	lock_landlock(ask, &abi, &landlock);
	lock_filter(ask, &filter);
	out->whole = privileges.reason == ERR_NONE && landlock.reason == ERR_NONE && filter.reason == ERR_NONE;
	if (out->whole)
		snprintf(out->text, sizeof out->text, "landlock ABI %ld + seccomp%s", abi, more);
	else if (privileges.reason != ERR_NONE)
		snprintf(out->text, sizeof out->text, "none: %.100s", privileges.text);
	else if (landlock.reason == ERR_NONE)
		snprintf(out->text, sizeof out->text, "landlock ABI %ld only: %.60s%s", abi, filter.text, more);
	else if (filter.reason == ERR_NONE)
		snprintf(out->text, sizeof out->text, "seccomp only: %.60s%s", landlock.text, more);
	else
		snprintf(out->text, sizeof out->text, "none: %.60s; %.50s", landlock.text, filter.text);
}
