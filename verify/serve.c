/*
 * FIND, and the reader process itself (verify/serve.h): the only code that opens the medium. It holds no key, no lock
 * and no descriptor but the medium's and its two pipes, judges no signature, and never writes to the medium. Opens
 * nothing but what main names, beneath MEDIUM/satchel; refuses links, FIFOs and devices on the way.
 */
#include "verify/serve.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/file.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "manifests/volume.h"
#include "verify/cage.h"
#include "verify/frames.h"
#include "verify/reader.h"
#include "verify/wire.h"

#include "lib/banned.h"

enum { REQUESTS = 3, ANSWERS = 4, FIRST_OTHER = 5 };	/* where the pipes stand */

struct serve {
	struct wire wire;
	struct file medium;
	unsigned jobs;
	const struct window *window;
	const char *bundle, *name;	/* what is asked for, for messages */
	uint8_t chunk[WIRE_CHUNK];
};

/* ---- descriptors ---- */

/* Standard streams go to /dev/null, so that nothing printed can reach a terminal or a pipe. */
static int isolate(int requests, int answers, pid_t parent)
{
	int null, in = fcntl(requests, F_DUPFD, 16), out = fcntl(answers, F_DUPFD, 16);

	if (in == -1 || out == -1 || prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || getppid() != parent)
		return -1;
	if (dup2(in, REQUESTS) == -1 || dup2(out, ANSWERS) == -1 || syscall(SYS_close_range, FIRST_OTHER, ~0u, 0) == -1)
		return -1;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null == -1)
		return -1;
	for (int fd = 0; fd < REQUESTS; fd++)
		if (dup2(null, fd) == -1)
			return -1;
	if (null > ANSWERS)
		close(null);
	signal(SIGPIPE, SIG_DFL);
	return 0;
}

/* ---- requests ---- */

/* The strings at the end of a request: exactly n of them, each ending in a NUL. */
static int take_names(const uint8_t *data, size_t len, size_t n, const char **names, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		const uint8_t *nul = len == 0 ? NULL : memchr(data, 0, len);

		if (nul == NULL)
			return err_set(e, R_READER, "a request is not what it must be");
		names[i] = (const char *)data;
		len -= (size_t)(nul + 1 - data);
		data = nul + 1;
	}
	return len == 0 ? 0 : err_set(e, R_READER, "a request is longer than it must be");
}

/* The directory of a bundle, or of all bundles (""). 0; 1 where it isn't there; -1. */
static int open_dir(struct serve *s, const char *bundle, struct file *out, struct err *e)
{
	struct file top = FILE_CLOSED;
	int rc;

	s->bundle = bundle;
	s->name = NULL;
	rc = file_open_dir_at(&s->medium, NAMES_MEDIUM_DIR, &top, e);

	if (rc == 0 && *bundle != '\0') {
		rc = file_open_dir_at(&top, bundle, out, e);
		file_close(&top);
	} else if (rc == 0) {
		*out = top;
	}
	if (rc == -1 && e->reason == ERR_MISSING) {
		err_clear(e);
		return 1;
	}
	return rc;
}

static int open_file(struct serve *s, const char *bundle, const char *name, struct file *out, struct err *e)
{
	struct file dir = FILE_CLOSED;
	int rc = open_dir(s, bundle, &dir, e);

	if (rc != 0)
		return rc;
	s->name = name;
	rc = file_open_at(&dir, name, out, e);
	file_close(&dir);
	if (rc == -1 && e->reason == ERR_MISSING) {
		err_clear(e);
		return 1;
	}
	return rc;
}

struct names {
	char **list;
	size_t n, room;
};

/* Keeps "d" or "-" and the name. */
static int keep_name(struct names *k, const struct file *dir, const struct dirent *d, struct err *e)
{
	bool is_dir = d->d_type == DT_DIR;
	struct stat st;

	if (k->n == READER_MAX_NAMES)
		return err_set(e, R_MEDIUM_READ, "more than %d names in one directory", READER_MAX_NAMES);
	if (d->d_type == DT_UNKNOWN)
		is_dir = fstatat(dir->fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
	if (k->n == k->room) {
		char **more = realloc(k->list, (k->room * 2 + 64) * sizeof *more);

		if (more == NULL)
			return err_mem(e);
		k->list = more;
		k->room = k->room * 2 + 64;
	}
	if (asprintf(&k->list[k->n], "%c%s", is_dir ? 'd' : '-', d->d_name) == -1)
		return err_mem(e);
	k->n++;
	return 0;
}

static int list_names(const struct file *dir, struct names *k, struct err *e)
{
	int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int rc = 0;

	if (d == NULL) {
		err_sys(e, "can't list it");
		if (fd != -1)
			close(fd);
		return -1;
	}
	while (errno = 0, rc == 0 && (entry = readdir(d)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = keep_name(k, dir, entry, e);
	if (rc == 0 && errno != 0)
		rc = err_sys(e, "can't list it");
	closedir(d);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a + 1, *(char *const *)b + 1);
}

static int answer_names(struct serve *s, const uint8_t *data, size_t len, struct err *e)
{
	struct file dir = FILE_CLOSED;
	struct names k = {0};
	const char *bundle = "";
	int rc;

	if (take_names(data, len, 1, &bundle, e) == -1)
		return -1;
	rc = open_dir(s, bundle, &dir, e);
	if (rc != 0)
		return rc;
	rc = list_names(&dir, &k, e);
	if (rc == 0 && k.n > 0)
		qsort(k.list, k.n, sizeof *k.list, by_name);
	for (size_t i = 0; rc == 0 && i < k.n && !wire_ready(&s->wire); i++) {
		struct wire_head h = {.type = WIRE_NAME, .len = (uint32_t)strlen(k.list[i] + 1), .a = k.list[i][0] == 'd'};

		rc = wire_put(&s->wire, &h, k.list[i] + 1, e);
	}
	for (size_t i = 0; i < k.n; i++)
		free(k.list[i]);
	free(k.list);
	file_close(&dir);
	return rc;
}

static int send_file(struct serve *s, const struct file *f, uint64_t max, struct err *e)
{
	uint64_t total = 0;
	struct stat st;
	int64_t n = 0;

	if (file_stat(f, &st, e) == -1)
		return -1;
	if ((uint64_t)st.st_size > max)
		return err_set(e, ERR_TOO_LARGE, "%llu bytes where %llu are the most", (unsigned long long)st.st_size,
			       (unsigned long long)max);
	while (!wire_ready(&s->wire) && (n = file_read(f, s->chunk, sizeof s->chunk, e)) > 0) {
		struct wire_head h = {.type = WIRE_BYTES, .len = (uint32_t)n};

		total += (uint64_t)n;
		if (total > max)
			return err_set(e, ERR_TOO_LARGE, "it grew beyond %llu bytes while it was read", (unsigned long long)max);
		if (wire_put(&s->wire, &h, s->chunk, e) == -1)
			return -1;
	}
	return n == -1 ? -1 : 0;
}

static int answer_file(struct serve *s, const struct wire_head *h, const uint8_t *data, struct err *e)
{
	struct file f = FILE_CLOSED;
	const char *names[2] = {"", ""};
	int rc;

	if (take_names(data, h->len, 2, names, e) == -1)
		return -1;
	rc = open_file(s, names[0], names[1], &f, e);
	if (rc == 0)
		rc = send_file(s, &f, h->c, e);
	file_close(&f);
	return rc;
}

/* A table out of a request: its own copy, aligned. */
static void *take_table(const uint8_t **data, size_t *left, uint64_t n, size_t size, struct err *e)
{
	void *copy;

	if (n > *left / size) {
		err_set(e, R_READER, "a request is shorter than it must be");
		return NULL;
	}
	copy = calloc(n + 1, size);
	if (copy == NULL) {
		err_mem(e);
		return NULL;
	}
	memcpy(copy, *data, n * size);
	*data += n * size;
	*left -= n * size;
	return copy;
}

static int answer_volume(struct serve *s, const struct wire_head *h, const uint8_t *data, struct err *e)
{
	struct volume index = {.frames_n = h->a, .objects_n = h->b};
	struct file f = FILE_CLOSED;
	size_t left = h->len;
	const char *names[2] = {"", ""};
	bool *want = NULL;
	int rc = -1;

	index.frames = take_table(&data, &left, h->a, sizeof *index.frames, e);
	if (index.frames != NULL)
		index.objects = take_table(&data, &left, h->b, sizeof *index.objects, e);
	if (index.objects != NULL)
		want = take_table(&data, &left, h->b, sizeof *want, e);
	if (want == NULL || take_names(data, left, 2, names, e) == -1)
		goto out;
	if (open_file(s, names[0], names[1], &f, e) != -1)
		rc = frames_answer(&s->wire, s->window, &(struct frames_ask){&f, &index, want, s->jobs}, e);
out:
	file_close(&f);
	free(index.frames);
	free(index.objects);
	free(want);
	return rc;
}

/* ---- the loop ---- */

/* What lib says about a file becomes what the project says about a medium. */
static int reason_of(const struct err *e)
{
	if (e->reason == ERR_IO || e->reason == ERR_MISSING)
		return R_MEDIUM_READ;
	return e->reason == ERR_FILE_TYPE ? R_FILE_TYPE : e->reason;
}

/* The text without the path it begins with: main puts the place before it, in its own words. */
static const char *bare_text(const struct serve *s, const struct err *cause)
{
	char path[sizeof cause->text];
	int len = s->name == NULL ? 0 : snprintf(path, sizeof path, "%s/%s/%s/%s: ", s->medium.name, NAMES_MEDIUM_DIR,
						 s->bundle, s->name);

	if (len > 0 && (size_t)len < sizeof path && strncmp(cause->text, path, (size_t)len) == 0)
		return cause->text + len;
	return cause->text;
}

/* rc: what a request came to. */
static int send_end(struct serve *s, int rc, const struct err *cause, struct err *e)
{
	struct wire_head h = {.type = WIRE_DONE, .a = (uint64_t)rc};
	const char *text = bare_text(s, cause);

	if (rc == -1) {
		size_t len = strlen(text);

		h = (struct wire_head){.type = WIRE_ERROR, .a = (uint64_t)reason_of(cause), .b = (uint64_t)cause->sys};
		h.len = (uint32_t)(len < WIRE_TEXT ? len : WIRE_TEXT);
	}
	if (wire_put(&s->wire, &h, text, e) == -1)
		return -1;
	return wire_flush(&s->wire, e);
}

static int open_medium(struct serve *s, const char *medium, struct err *e)
{
	if (file_open_dir(medium, &s->medium, e) == 0)
		return 0;
	if (e->reason == ERR_MISSING || e->reason == ERR_FILE_TYPE)
		e->reason = R_MEDIUM_MISSING;
	return -1;
}

static int answer(struct serve *s, const struct wire_head *h, const uint8_t *data, struct err *e)
{
	switch (h->type) {
	case WIRE_NAMES:
		return answer_names(s, data, h->len, e);
	case WIRE_FILE:
		return answer_file(s, h, data, e);
	case WIRE_VOLUME:
		return answer_volume(s, h, data, e);
	default:
		return err_set(e, R_READER, "an unknown request");
	}
}

/* Opens the medium and goes into the cage, before a byte of the medium is read and before there is any thread. */
static int begin(struct serve *s, pid_t parent, const struct reader_ask *ask, struct err *e)
{
	struct cage_ask want = {.medium = &s->medium, .parent = parent, .jobs = s->jobs};
	struct wire_head h = {.type = WIRE_CAGE};
	struct cage cage;

	if (open_medium(s, ask->medium, e) == -1)
		return -1;
	cage_enter(&want, &cage);
	if (ask->require_sandbox && !cage.whole)
		return err_set(e, R_SANDBOX, "the process that reads media can't be caged here (%s)", cage.text);
	h.a = cage.whole;
	h.len = (uint32_t)strlen(cage.text);
	return wire_put(&s->wire, &h, cage.text, e);
}

static int loop(struct serve *s, pid_t parent, const struct reader_ask *ask)
{
	struct err cause = {0}, e = {0};
	struct wire_head h;
	const uint8_t *data;
	int rc = begin(s, parent, ask, &cause);

	if (send_end(s, rc, &cause, &e) == -1 || rc == -1)
		return -1;
	while (wire_next(&s->wire, WIRE_REQUEST, &h, &data, &e) == 0) {
		if (h.type == WIRE_STOP || h.type == WIRE_FREE)
			continue;	/* what it was to stop has ended already; with each request all slots are free */
		err_clear(&cause);
		s->name = NULL;
		rc = answer(s, &h, data, &cause);
		if (send_end(s, rc, &cause, &e) == -1)
			return -1;
	}
	return e.reason == ERR_NONE ? 0 : -1;
}

void serve_run(int requests, int answers, pid_t parent, const struct window *window, const struct reader_ask *ask)
{
	struct serve *s = calloc(1, sizeof *s);
	struct err e = {0};

	if (s == NULL || isolate(requests, answers, parent) == -1 || wire_open(&s->wire, REQUESTS, ANSWERS, &e) == -1)
		_exit(1);
	s->window = window;
	s->jobs = ask->jobs == 0 ? 1 : ask->jobs;
	_exit(loop(s, parent, ask) == 0 ? 0 : 1);
}
