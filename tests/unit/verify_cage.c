/*
 * The cage of the reader process, from inside: what it may still do, and that everything else fails or ends it. Each case is
 * a process of its own.
 */
#include "verify/cage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <seccomp.h>

#include "lib/err.h"
#include "lib/file.h"

#define VERSION_ASKED 1u	/* LANDLOCK_CREATE_RULESET_VERSION */

static char medium_path[64];
static struct file medium;
static long abi;	/* of this kernel, asked by ourselves; -1: no Landlock */

static int make_medium(void **state)
{
	struct err e = {0};
	char path[96];

	(void)state;
	snprintf(medium_path, sizeof medium_path, "/tmp/satchel-cage-XXXXXX");
	if (mkdtemp(medium_path) == NULL || file_open_dir(medium_path, &medium, &e) == -1)
		return -1;
	for (const char *const *name = (const char *const[]){"satchel", "other", NULL}; *name != NULL; name++) {
		int fd;

		snprintf(path, sizeof path, "%s/%s", medium_path, *name);
		if (mkdir(path, 0755) == -1)
			return -1;
		snprintf(path, sizeof path, "%s/%s/file", medium_path, *name);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
		if (fd == -1 || write(fd, "inside", 6) != 6)
			return -1;
		close(fd);
	}
	abi = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION_ASKED);
	return 0;
}

static int remove_medium(void **state)
{
	struct file top = FILE_CLOSED;
	struct err e = {0};
	int rc = file_open_dir("/tmp", &top, &e);

	(void)state;
	if (rc == 0)
		rc = file_remove_tree_at(&top, medium_path + strlen("/tmp/"), &e);
	file_close(&top);
	file_close(&medium);
	return rc;
}

/* Runs a case in the cage: its exit code, or 128 + the signal that ended it. */
static int in_cage(int (*what)(const struct cage *cage, pid_t parent))
{
	struct cage_ask ask = {&medium, getpid(), 2};
	int status;
	pid_t child = fork();

	assert_int_not_equal(child, -1);
	if (child == 0) {
		struct cage cage;

		cage_enter(&ask, &cage);
		_exit(what(&cage, ask.parent));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- what it says of itself ---- */

static int is_whole(const struct cage *c, pid_t parent)
{
	char expected[64];

	(void)parent;
	snprintf(expected, sizeof expected, "landlock ABI %ld + seccomp", abi);
	if (abi < 0)
		return c->whole || strncmp(c->text, "seccomp only: landlock: ", 24) != 0;
	return !c->whole || strncmp(c->text, expected, strlen(expected)) != 0;
}

static void whole(void **state)
{
	(void)state;
	assert_int_equal(in_cage(is_whole), 0);
}

/* A kernel without one of them, or the other: nothing is claimed that isn't there. */
static void forbid(const char *name, int error)
{
	scmp_filter_ctx *f = seccomp_init(SCMP_ACT_ALLOW);

	if (f == NULL || seccomp_rule_add(f, SCMP_ACT_ERRNO((uint32_t)error), seccomp_syscall_resolve_name(name), 0) != 0 ||
	    seccomp_load(f) != 0)
		_exit(99);
	seccomp_release(f);
}

static void without(void **state)
{
	static const struct { const char *call, *begins; int error; } cases[] = {
		{"landlock_create_ruleset", "seccomp only: landlock: Function not implemented", ENOSYS},
		{"landlock_create_ruleset", "seccomp only: landlock: Operation not supported", EOPNOTSUPP},
		{"landlock_restrict_self", "seccomp only: landlock: ", EPERM},
		{"capset", "none: capabilities: ", EPERM},
		{"seccomp", " only: seccomp: ", EINVAL},
	};
	struct cage_ask ask = {&medium, getpid(), 2};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bool landlock = strstr(cases[i].call, "landlock") != NULL;
		pid_t child;
		int status;

		if (abi < 0 && !landlock)
			continue;	/* said by case 0 already */
		child = fork();
		assert_int_not_equal(child, -1);
		if (child == 0) {
			struct cage cage;

			forbid(cases[i].call, cases[i].error);
			cage_enter(&ask, &cage);
			_exit(cage.whole || strstr(cage.text, cases[i].begins) == NULL);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("without %s: status %x", cases[i].call, (unsigned)status);
	}
}

/* ---- what it may ---- */

static void *nothing(void *arg)
{
	return arg;
}

static int work_on(const struct cage *c, pid_t parent)
{
	struct file top = FILE_CLOSED, f = FILE_CLOSED;
	struct err e = {0};
	pthread_t thread;
	char data[6];

	(void)c;
	(void)parent;
	if (file_open_dir_at(&medium, "satchel", &top, &e) == -1 || file_open_at(&top, "file", &f, &e) == -1 ||
	    file_pread(&f, data, sizeof data, 0, &e) == -1 || memcmp(data, "inside", 6) != 0)
		return 1;
	if (pthread_create(&thread, NULL, nothing, NULL) != 0 || pthread_join(thread, NULL) != 0)
		return 2;
	return malloc(8u << 20) == NULL ? 3 : 0;
}

static void work_goes_on(void **state)
{
	(void)state;
	assert_int_equal(in_cage(work_on), 0);
}

/* ---- what it may not, and only Landlock can tell ---- */

static int open_outside(const struct cage *c, pid_t parent)
{
	struct open_how how = {.flags = O_RDONLY};
	char path[96];

	(void)c;
	(void)parent;
	snprintf(path, sizeof path, "%s/other/file", medium_path);
	if (open("/etc/passwd", O_RDONLY) != -1 || errno != EACCES)
		return 1;
	if (open(path, O_RDONLY) != -1 || errno != EACCES)
		return 2;
	if (openat(medium.fd, ".", O_RDONLY | O_DIRECTORY) != -1 || errno != EACCES)
		return 3;
	if (openat(medium.fd, "satchel/../../../etc", O_RDONLY | O_DIRECTORY) != -1 || errno != EACCES)
		return 4;
	if (syscall(SYS_openat2, AT_FDCWD, "/proc/self/mem", &how, sizeof how) != -1 || errno != EACCES)
		return 5;
	how.flags = O_WRONLY;
	if (syscall(SYS_openat2, medium.fd, "satchel/file", &how, sizeof how) != -1 || errno != EACCES)
		return 6;
	how.flags = O_RDONLY | O_CREAT;
	how.mode = 0600;
	if (syscall(SYS_openat2, medium.fd, "satchel/new", &how, sizeof how) != -1 || errno != EACCES)
		return 7;
	return 0;
}

static void outside(void **state)
{
	(void)state;
	if (abi < 0)
		skip();	/* cmocka says so; `whole` looked at what is claimed then */
	assert_int_equal(in_cage(open_outside), 0);
}

/* ---- what ends it ---- */

static pid_t main_process;
static int door;

static void go_through(void)
{
	char *const none[] = {NULL};

	switch (door) {
	case 0: socket(AF_INET, SOCK_STREAM, 0); break;
	case 1: socket(AF_UNIX, SOCK_DGRAM, 0); break;
	case 2: execve("/bin/true", none, none); break;
	case 3: kill(main_process, SIGTERM); break;
	case 4: ptrace(PTRACE_ATTACH, main_process, NULL, NULL); break;
	case 5: syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); break;
	case 6: openat(medium.fd, "satchel/file", O_WRONLY); break;
	case 7: openat(medium.fd, "satchel/new", O_RDONLY | O_CREAT, 0600); break;
	case 8: mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); break;
	case 9: mprotect((void *)((uintptr_t)&door & ~(uintptr_t)4095), 4096, PROT_READ | PROT_EXEC); break;
	case 10: unlinkat(medium.fd, "satchel/file", 0); break;
	case 11: syscall(SYS_io_uring_setup, 1, NULL); break;
	case 12: syscall(SYS_bpf, 0, NULL, 0); break;
	case 13: syscall(SYS_process_vm_readv, main_process, NULL, 0, NULL, 0, 0); break;
	case 14: syscall(SYS_seccomp, 0, 0, NULL); break;
	case 15: setrlimit(RLIMIT_FSIZE, &(struct rlimit){1, 1}); break;
	case 16: renameat(medium.fd, "satchel/file", medium.fd, "satchel/else"); break;
	case 17: syscall(SYS_dup, 2); break;
	case 18: prctl(PR_SET_PDEATHSIG, 0); break;
	case 19: syscall(SYS_open_by_handle_at, medium.fd, NULL, O_RDONLY); break;
	case 20: syscall(SYS_tgkill, main_process, main_process, SIGTERM); break;
	default: _exit(98);
	}
}
#define DOORS 21

static int try_door(const struct cage *c, pid_t parent)
{
	(void)c;
	main_process = parent;
	go_through();
	return 77;
}

static void shut(void **state)
{
	(void)state;
	for (door = 0; door < DOORS; door++) {
		int code;

		if (CAGE_SANITIZED && (door == 15 || door == 18 || door == 20))
			continue;	/* the sanitizers' own calls */
		code = in_cage(try_door);
		if (code != 128 + SIGSYS)
			fail_msg("door %d is not shut: %d", door, code);
	}
}

/* ---- what others see of it ---- */

static int wait_for_end(const struct cage *c, pid_t parent)
{
	char byte;

	(void)c;
	(void)parent;
	return read(STDIN_FILENO, &byte, 1) == 0 ? 0 : 1;
}

static bool has_line(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	return at != NULL && at > text && at[-1] == '\n';
}

static void seen_from_outside(void **state)
{
	struct cage_ask ask = {&medium, getpid(), 2};
	char path[64], text[4096] = "";
	struct rlimit limit;
	int pipes[2], ready[2], fd, status;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(pipe(ready), 0);
	child = fork();
	assert_int_not_equal(child, -1);
	if (child == 0) {
		struct cage cage;

		dup2(pipes[0], STDIN_FILENO);
		close(pipes[1]);
		cage_enter(&ask, &cage);
		if (write(ready[1], "x", 1) != 1)
			_exit(9);
		_exit(wait_for_end(&cage, ask.parent));
	}
	assert_int_equal(read(ready[0], text, 1), 1);
	snprintf(path, sizeof path, "/proc/%d/status", child);
	fd = open(path, O_RDONLY);
	assert_true(fd != -1 && read(fd, text, sizeof text - 1) > 0);
	close(fd);
	assert_true(has_line(text, "NoNewPrivs:\t1\n"));
	assert_true(has_line(text, "Seccomp:\t2\n"));
	assert_true(has_line(text, "CapEff:\t0000000000000000\n") || has_line(text, "CapEff:\t0000000000000004\n"));
	assert_int_equal(prlimit(child, RLIMIT_FSIZE, NULL, &limit), 0);
	assert_int_equal(limit.rlim_max, 0);
	assert_int_equal(prlimit(child, RLIMIT_CORE, NULL, &limit), 0);
	assert_int_equal(limit.rlim_max, 0);
	assert_int_equal(prlimit(child, RLIMIT_NOFILE, NULL, &limit), 0);
	assert_true(limit.rlim_max <= 32);
	assert_int_equal(prlimit(child, RLIMIT_DATA, NULL, &limit), 0);
	assert_true(CAGE_SANITIZED || limit.rlim_max < 2ull << 30);
	for (size_t i = 0; i < 2; i++) {
		close(pipes[i]);
		close(ready[i]);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole), cmocka_unit_test(without), cmocka_unit_test(work_goes_on), cmocka_unit_test(outside),
		cmocka_unit_test(shut), cmocka_unit_test(seen_from_outside),
	};

	return cmocka_run_group_tests(tests, make_medium, remove_medium);
}
