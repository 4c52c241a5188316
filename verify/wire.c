/*
 * The message stream of the reader process (verify/wire.h). Refuses messages longer than the taker allows, streams that
 * end within a message, and waits no longer than it is told.
 */
#include "verify/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define ROOM (512u << 10)	/* read at once */
#define GATHER (64u << 10)	/* small messages written at once */

int wire_open(struct wire *w, int in, int out, struct err *e)
{
	*w = (struct wire){.in = in, .out = out};
	w->got = malloc(ROOM);
	w->put = malloc(GATHER);
	w->room = ROOM;
	if (w->got == NULL || w->put == NULL) {
		wire_close(w);
		return err_mem(e);
	}
	return 0;
}

void wire_close(struct wire *w)
{
	if (w->in != -1)
		close(w->in);
	if (w->out != -1)
		close(w->out);
	free(w->got);
	free(w->put);
	*w = (struct wire){.in = -1, .out = -1};
}

void wire_limit(struct wire *w, unsigned seconds)
{
	w->patience = seconds;
	fcntl(w->out, F_SETFL, O_WRONLY | O_NONBLOCK);
}

static int64_t milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits until something can be read, or written; no longer than the message under way may take. */
static int await(const struct wire *w, bool in, int64_t *until, struct err *e)
{
	struct pollfd p = {.fd = in ? w->in : w->out, .events = in ? POLLIN : POLLOUT};
	int64_t left = -1;
	int n;

	do {
		if (w->patience > 0) {
			int64_t now = milliseconds();

			if (*until == 0)
				*until = now + (int64_t)w->patience * 1000;
			left = *until > now ? *until - now : 0;
		}
		n = poll(&p, 1, (int)left);
	} while (n == -1 && errno == EINTR);
	if (n == 0)
		return err_set(e, R_MEDIUM_TIMEOUT, "the medium did not answer for %u seconds", w->patience);
	return n == -1 ? err_set(e, R_READER, "can't wait for the other process: %s", strerror(errno)) : 0;
}

/* Writes all of two pieces. */
static int write_all(struct wire *w, struct iovec iov[2], struct err *e)
{
	struct iovec *v = iov;
	int n = 2;

	w->until_out = 0;
	while (n > 0) {
		ssize_t done = writev(w->out, v, n);

		if (done == -1 && errno == EINTR)
			continue;
		if (done == -1 && errno == EAGAIN) {
			if (await(w, false, &w->until_out, e) == -1)
				return -1;
			continue;
		}
		if (done == -1)
			return err_set(e, R_READER, "can't write to the other process: %s", strerror(errno));
		for (; n > 0 && (size_t)done >= v->iov_len; v++, n--)
			done -= (ssize_t)v->iov_len;
		if (n > 0) {
			v->iov_base = (uint8_t *)v->iov_base + done;
			v->iov_len -= (size_t)done;
		}
	}
	return 0;
}

/* A reader that died must be an error, not a signal: SIGPIPE is held back and taken away again if it was ours. */
static int write_unsignalled(struct wire *w, struct iovec iov[2], struct err *e)
{
	struct timespec now = {0, 0};
	sigset_t pipe_set, old, pending;
	int rc;

	sigemptyset(&pipe_set);
	sigaddset(&pipe_set, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe_set, &old);
	rc = write_all(w, iov, e);
	if (rc == -1 && !sigismember(&pending, SIGPIPE))
		sigtimedwait(&pipe_set, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

int wire_signal(const struct wire *w, const struct wire_head *h, struct err *e)
{
	struct wire bare = {.in = -1, .out = w->out, .patience = w->patience};
	struct iovec iov[2] = {{(void *)(uintptr_t)h, sizeof *h}, {NULL, 0}};

	/* less than PIPE_BUF: whole, or not at all */
	return write_unsignalled(&bare, iov, e);
}

int wire_flush(struct wire *w, struct err *e)
{
	struct iovec iov[2] = {{w->put, w->put_len}, {NULL, 0}};

	w->put_len = 0;
	return iov[0].iov_len == 0 ? 0 : write_unsignalled(w, iov, e);
}

int wire_put(struct wire *w, const struct wire_head *h, const void *data, struct err *e)
{
	struct iovec iov[2];

	if (w->put_len + sizeof *h > GATHER && wire_flush(w, e) == -1)
		return -1;
	memcpy(w->put + w->put_len, h, sizeof *h);
	w->put_len += sizeof *h;
	if (h->len <= GATHER - w->put_len) {
		if (h->len > 0)
			memcpy(w->put + w->put_len, data, h->len);
		w->put_len += h->len;
		return 0;
	}
	iov[0] = (struct iovec){w->put, w->put_len};
	iov[1] = (struct iovec){(void *)(uintptr_t)data, h->len};
	w->put_len = 0;
	return write_unsignalled(w, iov, e);
}

/* Makes sure that `need` bytes stand at got[start..]. 0; 1 at the end of the stream with nothing left; -1. */
static int fill(struct wire *w, size_t need, struct err *e)
{
	if (w->start == w->end)
		w->start = w->end = 0;
	if (w->room - w->start < need && w->start > 0) {
		memmove(w->got, w->got + w->start, w->end - w->start);
		w->end -= w->start;
		w->start = 0;
	}
	if (w->room < need) {
		uint8_t *more = realloc(w->got, need);

		if (more == NULL)
			return err_mem(e);
		w->got = more;
		w->room = need;
	}
	while (w->end - w->start < need) {
		ssize_t n;

		if (w->patience > 0 && await(w, true, &w->until_in, e) == -1)
			return -1;
		n = read(w->in, w->got + w->end, w->room - w->end);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_set(e, R_READER, "can't read from the other process: %s", strerror(errno));
		if (n == 0 && w->end == w->start)
			return 1;
		if (n == 0)
			return err_set(e, R_READER, "a message was cut off");
		w->end += (size_t)n;
	}
	return 0;
}

int wire_next(struct wire *w, size_t max, struct wire_head *h, const uint8_t **data, struct err *e)
{
	int rc;

	w->until_in = 0;
	rc = fill(w, sizeof *h, e);
	if (rc != 0)
		return rc;
	memcpy(h, w->got + w->start, sizeof *h);
	if (h->len > max)
		return err_set(e, R_READER, "a message of %lu bytes where %zu are the most", (unsigned long)h->len, max);
	if (fill(w, sizeof *h + h->len, e) != 0)
		return -1;
	*data = w->got + w->start + sizeof *h;
	w->start += sizeof *h + h->len;
	return 0;
}

bool wire_ready(const struct wire *w)
{
	struct pollfd p = {.fd = w->in, .events = POLLIN};

	return w->end > w->start || poll(&p, 1, 0) == 1;
}
