/*
 * Something that may never return, done in a child process, so that its caller can go on without it (lib/process.h).
 */
#include "lib/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/err.h"

#include "lib/banned.h"

#define LAST_WAIT 1000	/* milliseconds for a child that was killed */

static void run(int (*work)(void *arg, struct err *e), void *arg, int out) __attribute__((noreturn));
static void run(int (*work)(void *arg, struct err *e), void *arg, int out)
{
	struct err e = {0};
	int rc;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	rc = work(arg, &e);
	if (rc == -1 && write(out, &e, sizeof e) != (ssize_t)sizeof e)
		_exit(2);
	_exit(rc == -1 ? 1 : 0);
}

/* Whether it ended within the time; *status is how. */
static bool ended(pid_t pid, int milliseconds, int *status)
{
	struct pollfd p = {.fd = pidfd_open(pid, 0), .events = POLLIN};

	while (poll(&p, 1, milliseconds) == -1 && errno == EINTR)
		;
	if (p.fd != -1)
		close(p.fd);
	return waitpid(pid, status, WNOHANG) == pid;
}

static int judge(int status, int in, struct err *e)
{
	struct err said = {0};

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 1 && read(in, &said, sizeof said) == (ssize_t)sizeof said) {
		said.text[sizeof said.text - 1] = '\0';
		return err_set(e, said.reason, "%s", said.text);
	}
	return err_set(e, ERR_INTERNAL, "a child process failed");
}

int process_try(unsigned seconds, int (*work)(void *arg, struct err *e), void *arg, struct err *e)
{
	int pipes[2], status = 0, rc;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) == -1)
		return err_sys(e, "can't make a pipe");
	pid = fork();
	if (pid == 0)
		run(work, arg, pipes[1]);
	if (pid == -1) {
		rc = err_sys(e, "can't start a process");
	} else if (ended(pid, (int)seconds * 1000, &status)) {
		rc = judge(status, pipes[0], e);
	} else {
		kill(pid, SIGKILL);
		ended(pid, LAST_WAIT, &status);
		rc = 1;
	}
	close(pipes[0]);
	close(pipes[1]);
	return rc;
}
