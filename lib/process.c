/*
 * Commands as child processes (lib/process.h). Knows nothing of what they are for. Refuses programs that are not named by an
 * absolute path: the environment has no say in what is run.
 */
#include "lib/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"

#include "lib/banned.h"

#define GRACE 2000		/* milliseconds between SIGTERM and SIGKILL */

struct child {
	pid_t pid;
	int pidfd, out;		/* out: -1 once it is closed */
};

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int add_actions(posix_spawn_file_actions_t *a, int out)
{
	int rc = posix_spawn_file_actions_addopen(a, 0, "/dev/null", O_RDONLY, 0);

	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(a, out, 1);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(a, out, 2);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(a, 3);	/* also what we were given by whoever started us */
	return rc == 0 ? posix_spawn_file_actions_addchdir_np(a, "/") : rc;
}

static int set_attributes(posix_spawnattr_t *a)
{
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	rc = posix_spawnattr_setflags(a, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (rc == 0)
		rc = posix_spawnattr_setsigmask(a, &none);
	return rc == 0 ? posix_spawnattr_setsigdefault(a, &all) : rc;
}

/* 0 or an errno. */
static int spawn(const struct process_ask *ask, int out, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int rc = posix_spawn_file_actions_init(&actions);

	if (rc != 0)
		return rc;
	rc = posix_spawnattr_init(&attr);
	if (rc == 0) {
		rc = add_actions(&actions, out);
		if (rc == 0)
			rc = set_attributes(&attr);
		if (rc == 0)
			rc = posix_spawn(pid, ask->argv[0], &actions, &attr, ask->argv, ask->env);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

static int start(const struct process_ask *ask, struct child *c, struct err *e)
{
	int ends[2], rc;

	if (pipe2(ends, O_CLOEXEC) == -1)
		return err_sys(e, "%s: a pipe for what it says", ask->argv[0]);
	rc = spawn(ask, ends[1], &c->pid);
	close(ends[1]);
	if (rc != 0) {
		close(ends[0]);
		errno = rc;
		err_sys(e, "%s: can't be run", ask->argv[0]);
		if (rc == ENOENT || rc == EACCES || rc == ENOEXEC || rc == ENOTDIR)
			e->reason = ERR_CONFIG;
		return -1;
	}
	c->out = ends[0];
	fcntl(c->out, F_SETFL, O_NONBLOCK);
	c->pidfd = pidfd_open(c->pid, 0);	/* it is not reaped before the end: its number stays its own */
	return 0;
}

/* Reads what is there. */
static void take(struct child *c, const struct process_ask *ask, struct process_result *r)
{
	char some[4096];

	for (;;) {
		ssize_t n = c->out == -1 ? -1 : read(c->out, some, sizeof some);
		size_t room = ask->output_max - r->output.len;

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			return;
		if (n <= 0) {
			if (c->out != -1)
				close(c->out);
			c->out = -1;
			return;
		}
		if ((size_t)n > room)
			r->cut = true;
		buf_append(&r->output, some, (size_t)n < room ? (size_t)n : room);
	}
}

/* Waits until it has ended, or a time is reached: 1 ended, 0 not. */
static int wait_until(struct child *c, const struct process_ask *ask, struct process_result *r, int64_t end)
{
	for (;;) {
		struct pollfd fds[2] = {{.fd = c->pidfd, .events = POLLIN}, {.fd = c->out, .events = POLLIN}};
		int64_t left = end - now();
		int n = poll(fds, 2, left < 0 ? 0 : left > 1000 ? 1000 : (int)left);

		take(c, ask, r);
		if (n > 0 && fds[0].revents != 0)
			return 1;
		if (n == -1 && errno != EINTR)
			return 0;
		if (left <= 0)
			return 0;
	}
}

static void finish(struct child *c, const struct process_ask *ask, struct process_result *r)
{
	int status;

	if (!wait_until(c, ask, r, now() + (int64_t)ask->seconds * 1000)) {
		r->timed_out = true;
		kill(-c->pid, SIGTERM);
		wait_until(c, ask, r, now() + GRACE);
		kill(-c->pid, SIGKILL);
	}
	while (waitpid(c->pid, &status, 0) == -1 && errno == EINTR)
		;
	take(c, ask, r);
	r->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + (WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

int process_run(const struct process_ask *ask, struct process_result *out, struct err *e)
{
	struct child c = {.pidfd = -1, .out = -1};

	*out = (struct process_result){0};
	if (ask->argv[0] == NULL || ask->argv[0][0] != '/')
		return err_set(e, ERR_CONFIG, "%s: a program must be named by its absolute path",
			       ask->argv[0] == NULL ? "" : ask->argv[0]);
	if (start(ask, &c, e) == -1)
		return -1;
	if (c.pidfd == -1) {
		err_sys(e, "%s: watching it", ask->argv[0]);
		kill(-c.pid, SIGKILL);
		waitpid(c.pid, NULL, 0);
	} else
		finish(&c, ask, out);
	if (c.out != -1)
		close(c.out);
	if (c.pidfd == -1)
		return -1;
	close(c.pidfd);
	buf_append(&out->output, "", 1);
	if (buf_ok(&out->output, e) == -1) {
		process_result_free(out);
		return -1;
	}
	out->output.len--;
	return 0;
}

void process_result_free(struct process_result *r)
{
	buf_free(&r->output);
}
