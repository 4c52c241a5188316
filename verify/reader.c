/*
 * Main's side of the reader process (verify/reader.h): starts it, asks, and believes nothing. Refuses answers that are
 * not of the form, the order and the size that the request allows.
 */
#include "verify/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/timings.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "verify/reader_impl.h"
#include "verify/serve.h"

#include "lib/banned.h"

#define GRACE_MS 5000	/* for one that was told to end */
#define KILL_MS 2000
#define PIPE_SIZE (1 << 20)	/* the most an ordinary user gets */
#define STOP_LIMIT (256ull << 20)	/* what may still come after a stop: frames in flight */

/* ---- starting and ending ---- */

static struct reader *make(int in, int out, const char *medium, unsigned jobs, struct err *e)
{
	struct reader *r = calloc(1, sizeof *r);

	if (r != NULL)
		r->medium = strdup(medium);
	if (r == NULL || r->medium == NULL) {
		free(r);
		close(in);
		close(out);
		err_mem(e);
		return NULL;
	}
	r->pid = -1;
	if (wire_open(&r->wire, in, out, e) == -1 || window_open(&r->window, jobs, e) == -1) {
		reader_close(r);
		return NULL;
	}
	return r;
}

struct reader *reader_over(int in, int out, const char *medium, struct err *e)
{
	return make(in, out, medium, 1, e);
}

static void close_pair(int fd[2])
{
	if (fd[0] != -1)
		close(fd[0]);
	if (fd[1] != -1)
		close(fd[1]);
}

/* requests[1] and answers[0] are main's ends, taken over. */
static struct reader *start(const struct reader_ask *ask, int requests[2], int answers[2], struct err *e)
{
	struct reader *r = make(answers[0], requests[1], ask->medium, ask->jobs, e);
	pid_t parent = getpid();

	answers[0] = requests[1] = -1;
	if (r == NULL)
		return NULL;
	r->pid = fork();
	if (r->pid == 0)
		serve_run(requests[0], answers[1], parent, &r->window, ask);
	if (r->pid == -1)
		err_sys(e, "can't start the reader process");
	if (r->pid == -1 || window_only_read(&r->window, e) == -1) {
		reader_close(r);
		return NULL;
	}
	wire_limit(&r->wire, ask->seconds == 0 ? READER_SECONDS : ask->seconds);
	return r;
}

/* What the reader says before it reads a byte of the medium: its cage, then whether there is a medium. */
static int greet(struct reader *r, struct err *e)
{
	struct wire_head h;
	const uint8_t *data;

	if (reader_answer(r, &h, &data, e) == -1)
		return -1;
	if (h.type == WIRE_CAGE && h.len < sizeof r->sandbox && reader_check_text(r, &h, data, e) == 0) {
		memcpy(r->sandbox, data, h.len);
		r->caged = h.a == 1;
		if (reader_answer(r, &h, &data, e) == -1)
			return -1;
	}
	if (reader_end(r, &h, data, e) == 0)
		return 0;
	return err_set(e, R_READER, "%s: the reader did not begin as it must", r->medium);
}

struct reader *reader_open(const struct reader_ask *ask, struct err *e)
{
	int requests[2] = {-1, -1}, answers[2] = {-1, -1};
	struct reader *r = NULL;

	timings_name(READER_READING, 1);	/* before the fork, so that both count them as the same */
	timings_name(READER_UNPACKING, ask->jobs);
	if (pipe2(requests, O_CLOEXEC) == -1 || pipe2(answers, O_CLOEXEC) == -1) {
		err_sys(e, "can't make a pipe");
		goto out;
	}
	fcntl(answers[0], F_SETPIPE_SZ, PIPE_SIZE);	/* only faster: refused is fine */
	fcntl(requests[0], F_SETPIPE_SZ, PIPE_SIZE);
	r = start(ask, requests, answers, e);
	if (r == NULL)
		goto out;
	close_pair((int[2]){requests[0], answers[1]});
	requests[0] = answers[1] = -1;
	if (greet(r, e) == -1) {
		reader_close(r);
		r = NULL;
	}
out:
	close_pair(requests);
	close_pair(answers);
	return r;
}

/* Waits so long for the process to end. Then *status is how, and it is gone. */
static bool ended(struct reader *r, int milliseconds, int *status)
{
	struct pollfd p = {.fd = pidfd_open(r->pid, 0), .events = POLLIN};
	bool gone;

	while (poll(&p, 1, milliseconds) == -1 && errno == EINTR)
		;
	if (p.fd != -1)
		close(p.fd);
	gone = waitpid(r->pid, status, WNOHANG) != 0;
	if (gone)
		r->pid = -1;
	return gone;
}

/* One that hangs in the kernel can't even be killed before the device answers: nobody waits for that. */
static void reap(struct reader *r)
{
	int status;

	if (!r->broken && ended(r, GRACE_MS, &status))
		return;
	kill(r->pid, SIGKILL);
	ended(r, KILL_MS, &status);
}

void reader_close(struct reader *r)
{
	if (r == NULL)
		return;
	wire_close(&r->wire);
	if (r->pid > 0)
		reap(r);
	window_close(&r->window);
	free(r->medium);
	free(r);
}

const struct window *reader_window(const struct reader *r)
{
	return &r->window;
}

const char *reader_sandbox(const struct reader *r)
{
	return r->sandbox;
}

bool reader_caged(const struct reader *r)
{
	return r->caged;
}

const char *reader_medium(const struct reader *r)
{
	return r->medium;
}

/* ---- asking ---- */

int reader_broke(struct reader *r, struct err *e, const char *why)
{
	r->broken = true;
	return err_set(e, R_READER, "the reader process broke its protocol: %s", why);
}

int reader_request(struct reader *r, const struct wire_head *h, const struct buf *data, struct err *e)
{
	if (r->broken)
		return err_set(e, r->late ? R_MEDIUM_TIMEOUT : R_READER, "%s was given up after an error before",
			       r->late ? "the medium" : "the reader process");
	if (wire_put(&r->wire, h, data->data, e) == -1 || wire_flush(&r->wire, e) == -1) {
		r->broken = true;
		return -1;
	}
	return 0;
}

/* It closed its pipe in the middle of the work. */
static int tell_end(struct reader *r, struct err *e)
{
	int status = 0;

	if (r->pid > 0 && ended(r, KILL_MS, &status) && WIFSIGNALED(status))
		return err_set(e, R_READER, "the reader process was ended by signal %d (%s)", WTERMSIG(status),
			       WTERMSIG(status) == SIGSYS ? "a system call that its cage does not allow" : strsignal(WTERMSIG(status)));
	return err_set(e, R_READER, "the reader process ended");
}

int reader_answer(struct reader *r, struct wire_head *h, const uint8_t **data, struct err *e)
{
	struct err cause = {0};
	int rc = wire_next(&r->wire, WIRE_CHUNK, h, data, &cause);

	if (rc == 0)
		return 0;
	r->broken = true;
	r->late = cause.reason == R_MEDIUM_TIMEOUT;
	if (rc == 1)
		return tell_end(r, e);
	return err_set(e, cause.reason, "%s", cause.text);
}

/* The reasons a reader may give. */
static bool may_say(uint64_t reason)
{
	static const int good[] = {
		R_FILE_TYPE, R_FILE_SIZE, R_MEDIUM_READ, R_MEDIUM_MISSING, R_FRAME_FORM, R_FRAME_SIZE, R_ENTRY_HEADER,
		R_READER, R_SANDBOX, ERR_TOO_LARGE, ERR_MEMORY, ERR_INTERNAL, ERR_NAME,
	};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (reason == (uint64_t)good[i])
			return true;
	return false;
}

int reader_check_text(struct reader *r, const struct wire_head *h, const uint8_t *data, struct err *e)
{
	if (h->len == 0 || h->len > WIRE_TEXT || memchr(data, '\0', h->len) != NULL)
		return reader_broke(r, e, "a text that is none");
	return 0;
}

int reader_end(struct reader *r, const struct wire_head *h, const uint8_t *data, struct err *e)
{
	if (h->type == WIRE_DONE && h->a <= 1 && h->len == 0)
		return (int)h->a;
	if (h->type != WIRE_ERROR || !may_say(h->a))
		return reader_broke(r, e, "an answer that does not belong here");
	if (reader_check_text(r, h, data, e) == -1)
		return -1;
	err_set(e, (int)h->a, "%.*s", (int)h->len, (const char *)data);
	return -1;
}

int reader_stop(struct reader *r)
{
	struct wire_head h = {.type = WIRE_STOP};
	uint64_t total = 0;
	struct err e = {0};
	const uint8_t *data;

	if (wire_put(&r->wire, &h, NULL, &e) == -1 || wire_flush(&r->wire, &e) == -1)
		r->broken = true;
	while (!r->broken && reader_answer(r, &h, &data, &e) == 0 && h.type != WIRE_DONE && h.type != WIRE_ERROR) {
		total += sizeof h + h.len;
		if (total > STOP_LIMIT)
			r->broken = true;
	}
	return -1;
}

void reader_put(struct buf *b, const char *name)
{
	buf_append(b, name, strlen(name) + 1);
}

int reader_seal(struct buf *b, struct wire_head *h, struct err *e)
{
	if (buf_ok(b, e) == -1)
		return -1;
	if (b->len > WIRE_REQUEST)
		return err_set(e, ERR_INTERNAL, "a request of %zu bytes", b->len);
	h->len = (uint32_t)b->len;
	return 0;
}

/* ---- names ---- */

static int check_name(struct reader *r, const struct wire_head *h, const uint8_t *data, const char *last, char name[256],
		      struct err *e)
{
	if (h->len == 0 || h->len > 255 || memchr(data, '\0', h->len) != NULL || memchr(data, '/', h->len) != NULL)
		return reader_broke(r, e, "a name that is none");
	memcpy(name, data, h->len);
	name[h->len] = '\0';
	if (strcmp(name, last) <= 0)
		return reader_broke(r, e, "names out of order");
	return 0;
}

int reader_names(struct reader *r, const char *bundle,
		 int (*each)(void *arg, const char *name, bool is_dir, struct err *e), void *arg, struct err *e)
{
	struct wire_head h = {.type = WIRE_NAMES};
	char name[256], last[256] = "";
	struct buf request = {0};
	const uint8_t *data;
	size_t n = 0;
	int rc = -1;

	reader_put(&request, bundle == NULL ? "" : bundle);
	if (reader_seal(&request, &h, e) == -1 || reader_request(r, &h, &request, e) == -1)
		goto out;
	while ((rc = reader_answer(r, &h, &data, e)) == 0 && h.type == WIRE_NAME) {
		if (n++ == READER_MAX_NAMES)
			rc = reader_broke(r, e, "more names than there may be");
		else
			rc = check_name(r, &h, data, last, name, e);
		if (rc == -1)
			goto out;
		if (each(arg, name, h.a == 1, e) == -1) {
			rc = reader_stop(r);
			goto out;
		}
		memcpy(last, name, sizeof last);
	}
	if (rc == 0)
		rc = reader_end(r, &h, data, e);
out:
	buf_free(&request);
	return rc;
}

/* ---- files ---- */

int reader_stream(struct reader *r, const char *bundle, const char *name, uint64_t max,
		  int (*bytes)(void *arg, const void *data, size_t len, struct err *e), void *arg, struct err *e)
{
	struct wire_head h = {.type = WIRE_FILE, .c = max};
	struct buf request = {0};
	const uint8_t *data;
	uint64_t left = max;
	int rc = -1;

	reader_put(&request, bundle);
	reader_put(&request, name);
	if (reader_seal(&request, &h, e) == -1 || reader_request(r, &h, &request, e) == -1)
		goto out;
	while ((rc = reader_answer(r, &h, &data, e)) == 0 && h.type == WIRE_BYTES) {
		if (h.len == 0 || h.len > left) {
			rc = reader_broke(r, e, "more bytes than were asked for");
			goto out;
		}
		left -= h.len;
		if (bytes(arg, data, h.len, e) == -1) {
			rc = reader_stop(r);
			goto out;
		}
	}
	if (rc == 0)
		rc = reader_end(r, &h, data, e);
	if (rc == 1 && left < max)
		rc = reader_broke(r, e, "bytes of a file that is not there");
out:
	buf_free(&request);
	return rc;
}

static int append(void *arg, const void *data, size_t len, struct err *e)
{
	struct buf *out = arg;

	buf_append(out, data, len);
	return buf_ok(out, e);
}

int reader_file(struct reader *r, const char *bundle, const char *name, size_t max, struct buf *out, struct err *e)
{
	return reader_stream(r, bundle, name, max, append, out, e);
}
