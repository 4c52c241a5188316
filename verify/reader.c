/*
 * Main's side of the reader process (verify/reader.h): starts it, asks, and believes nothing. Refuses answers that are
 * not of the form, the order and the size that the request allows.
 */
#include "verify/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
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
#include "manifests/volume.h"
#include "verify/cage.h"
#include "verify/serve.h"
#include "verify/watch.h"
#include "verify/window.h"
#include "verify/wire.h"

#include "lib/banned.h"

#define GRACE_MS 5000	/* for one that was told to end */
#define KILL_MS 2000
#define PIPE_SIZE (1 << 20)	/* the most an ordinary user gets */
#define STOP_LIMIT (256ull << 20)	/* what may still come after a stop: frames in flight */

struct reader {
	struct wire wire;
	pid_t pid;	/* -1: none of ours */
	char *medium;
	bool broken;	/* what comes next can't be made sense of */
	bool late;	/* for it did not come in time */
	bool caged;
	char sandbox[CAGE_TEXT];
	struct window window;
	atomic_bool held[WINDOW_SLOTS(WINDOW_JOBS)];	/* slots of frames that were handed over and are not released yet */
};

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

static int answer(struct reader *r, struct wire_head *h, const uint8_t **data, struct err *e);
static int check_text(struct reader *r, const struct wire_head *h, const uint8_t *data, struct err *e);
static int end(struct reader *r, const struct wire_head *h, const uint8_t *data, struct err *e);

/* What the reader says before it reads a byte of the medium: its cage, then whether there is a medium. */
static int greet(struct reader *r, struct err *e)
{
	struct wire_head h;
	const uint8_t *data;

	if (answer(r, &h, &data, e) == -1)
		return -1;
	if (h.type == WIRE_CAGE && h.len < sizeof r->sandbox && check_text(r, &h, data, e) == 0) {
		memcpy(r->sandbox, data, h.len);
		r->caged = h.a == 1;
		if (answer(r, &h, &data, e) == -1)
			return -1;
	}
	if (end(r, &h, data, e) == 0)
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

static int broke(struct reader *r, struct err *e, const char *why)
{
	r->broken = true;
	return err_set(e, R_READER, "the reader process broke its protocol: %s", why);
}

static int ask(struct reader *r, const struct wire_head *h, const struct buf *data, struct err *e)
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

static int answer(struct reader *r, struct wire_head *h, const uint8_t **data, struct err *e)
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

/* A text from the reader: something, and kept from ending early. */
static int check_text(struct reader *r, const struct wire_head *h, const uint8_t *data, struct err *e)
{
	if (h->len == 0 || h->len > WIRE_TEXT || memchr(data, '\0', h->len) != NULL)
		return broke(r, e, "a text that is none");
	return 0;
}

/* DONE or ERROR: 0, 1, -1. */
static int end(struct reader *r, const struct wire_head *h, const uint8_t *data, struct err *e)
{
	if (h->type == WIRE_DONE && h->a <= 1 && h->len == 0)
		return (int)h->a;
	if (h->type != WIRE_ERROR || !may_say(h->a))
		return broke(r, e, "an answer that does not belong here");
	if (check_text(r, h, data, e) == -1)
		return -1;
	err_set(e, (int)h->a, "%.*s", (int)h->len, (const char *)data);
	return -1;
}

/* A callback failed: what is under way is ended, so that the reader can be asked again. */
static int stop(struct reader *r)
{
	struct wire_head h = {.type = WIRE_STOP};
	uint64_t total = 0;
	struct err e = {0};
	const uint8_t *data;

	if (wire_put(&r->wire, &h, NULL, &e) == -1 || wire_flush(&r->wire, &e) == -1)
		r->broken = true;
	while (!r->broken && answer(r, &h, &data, &e) == 0 && h.type != WIRE_DONE && h.type != WIRE_ERROR) {
		total += sizeof h + h.len;
		if (total > STOP_LIMIT)
			r->broken = true;
	}
	return -1;
}

static void put_name(struct buf *b, const char *name)
{
	buf_append(b, name, strlen(name) + 1);
}

static int seal(struct buf *b, struct wire_head *h, struct err *e)
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
		return broke(r, e, "a name that is none");
	memcpy(name, data, h->len);
	name[h->len] = '\0';
	if (strcmp(name, last) <= 0)
		return broke(r, e, "names out of order");
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

	put_name(&request, bundle == NULL ? "" : bundle);
	if (seal(&request, &h, e) == -1 || ask(r, &h, &request, e) == -1)
		goto out;
	while ((rc = answer(r, &h, &data, e)) == 0 && h.type == WIRE_NAME) {
		if (n++ == READER_MAX_NAMES)
			rc = broke(r, e, "more names than there may be");
		else
			rc = check_name(r, &h, data, last, name, e);
		if (rc == -1)
			goto out;
		if (each(arg, name, h.a == 1, e) == -1) {
			rc = stop(r);
			goto out;
		}
		memcpy(last, name, sizeof last);
	}
	if (rc == 0)
		rc = end(r, &h, data, e);
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

	put_name(&request, bundle);
	put_name(&request, name);
	if (seal(&request, &h, e) == -1 || ask(r, &h, &request, e) == -1)
		goto out;
	while ((rc = answer(r, &h, &data, e)) == 0 && h.type == WIRE_BYTES) {
		if (h.len == 0 || h.len > left) {
			rc = broke(r, e, "more bytes than were asked for");
			goto out;
		}
		left -= h.len;
		if (bytes(arg, data, h.len, e) == -1) {
			rc = stop(r);
			goto out;
		}
	}
	if (rc == 0)
		rc = end(r, &h, data, e);
	if (rc == 1 && left < max)
		rc = broke(r, e, "bytes of a file that is not there");
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

/* ---- volumes ---- */

void reader_release(struct reader *r, unsigned slot)
{
	struct wire_head h = {.type = WIRE_FREE, .a = slot};
	struct err gone = {0};

	atomic_store(&r->held[slot], false);
	wire_signal(&r->wire, &h, &gone);	/* a reader that is gone is found out by who waits for its answers */
}

/* Takes a slot over from the reader: it must be one that main does not have. */
static int hold(struct reader *r, uint64_t slot, struct err *e)
{
	if (slot < r->window.slots && !atomic_exchange(&r->held[slot], true))
		return 0;
	return broke(r, e, "a slot that it does not have");
}

static int take_damage(struct reader *r, struct watch *o, const struct wire_head *h, const uint8_t *data,
		       const struct reader_sink *sink, struct err *e)
{
	char text[WIRE_TEXT + 1] = "";
	struct reader_damage d = {.text = text};

	if (watch_damage(o, h->a, h->b, e) == -1 || check_text(r, h, data, e) == -1) {
		r->broken = true;
		return -1;
	}
	if (hold(r, h->c, e) == -1)
		return -1;
	reader_release(r, (unsigned)h->c);
	memcpy(text, data, h->len);
	d.frame = h->a;
	d.reason = (int)h->b;
	d.at = o->index->frames[h->a].at;
	d.size = o->index->frames[h->a].size;
	return sink->damage(sink->arg, &d, e) == -1 ? stop(r) : 0;
}

static int take_frame(struct reader *r, struct watch *o, const struct wire_head *h, const struct reader_sink *sink, struct err *e)
{
	struct reader_frame f = {.frame = h->a, .slot = (unsigned)h->b};

	if (watch_frame(o, h->a, e) == -1) {
		r->broken = true;
		return -1;
	}
	if (h->len != 0)
		return broke(r, e, "bytes where none belong");
	if (hold(r, h->b, e) == -1)
		return -1;
	f.tar = window_slot(&r->window, f.slot);
	return sink->frame(sink->arg, &f, e) == -1 ? stop(r) : 0;
}

static int take_volume(struct reader *r, struct watch *o, const struct reader_sink *sink, struct err *e)
{
	struct wire_head h;
	const uint8_t *data;
	int rc;

	while ((rc = answer(r, &h, &data, e)) == 0) {
		if (h.type == WIRE_FRAME)
			rc = take_frame(r, o, &h, sink, e);
		else if (h.type == WIRE_DAMAGE)
			rc = take_damage(r, o, &h, data, sink, e);
		else
			break;
		if (rc == -1)
			return -1;
	}
	if (rc == 0)
		rc = end(r, &h, data, e);
	if (rc >= 0 && watch_end(o, e) == -1) {
		r->broken = true;
		rc = -1;
	}
	return rc;
}

int reader_volume(struct reader *r, const char *bundle, const struct volume *index, const bool *want,
		  const struct reader_sink *sink, struct err *e)
{
	struct wire_head h = {.type = WIRE_VOLUME, .a = index->frames_n, .b = index->objects_n};
	struct buf request = {0};
	struct watch o = {0};
	char name[32];
	int rc = -1;

	buf_append(&request, index->frames, index->frames_n * sizeof *index->frames);
	buf_append(&request, index->objects, index->objects_n * sizeof *index->objects);
	buf_append(&request, want, index->objects_n * sizeof *want);
	put_name(&request, bundle);
	put_name(&request, names_volume(index->volume, name));
	if (seal(&request, &h, e) == 0 && watch_open(&o, index, want, e) == 0 && ask(r, &h, &request, e) == 0) {
		buf_free(&request);
		rc = take_volume(r, &o, sink, e);
	}
	buf_free(&request);
	watch_close(&o);
	return rc;
}
