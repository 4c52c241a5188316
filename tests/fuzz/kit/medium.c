/*
 * A medium in memory (tests/fuzz/kit/medium.h).
 */
#include "tests/fuzz/kit/medium.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/file.h"
#include "manifests/reason.h"
#include "manifests/volume.h"
#include "tests/fuzz/kit/fuzz.h"
#include "tests/fuzz/kit/sections.h"
#include "verify/frames.h"
#include "verify/reader.h"
#include "verify/wire.h"

struct medium {
	const struct sections *files;
	struct reader *reader;
	struct wire wire;
	pthread_t thread;
};

static int answer_file(struct medium *m, const struct section *f, uint64_t max, struct err *e)
{
	if (f->bytes.len > max)
		return err_set(e, ERR_TOO_LARGE, "too large");
	for (size_t at = 0; at < f->bytes.len;) {
		size_t n = f->bytes.len - at < WIRE_CHUNK ? f->bytes.len - at : WIRE_CHUNK;
		struct wire_head h = {.type = WIRE_BYTES, .len = (uint32_t)n};

		MUST(wire_put(&m->wire, &h, f->bytes.data + at, e) == 0);
		at += n;
	}
	return 0;
}

static void *table(const uint8_t **data, uint64_t n, size_t size)
{
	void *copy = calloc(n + 1, size);

	MUST(copy != NULL);
	memcpy(copy, *data, n * size);
	*data += n * size;
	return copy;
}

/* f: NULL where the volume isn't there. */
static int answer_volume(struct medium *m, const struct section *f, const struct wire_head *h, const uint8_t *data,
			 struct err *e)
{
	struct volume index = {.frames_n = h->a, .objects_n = h->b};
	struct file file = {f == NULL ? -1 : memfd_create("volume", MFD_CLOEXEC), (char[]){"volume"}};
	bool *want;
	int rc;

	if (f != NULL)
		MUST(file.fd != -1 && write(file.fd, f->bytes.data, f->bytes.len) == (ssize_t)f->bytes.len);
	index.frames = table(&data, h->a, sizeof *index.frames);
	index.objects = table(&data, h->b, sizeof *index.objects);
	want = table(&data, h->b, sizeof *want);
	rc = frames_answer(&m->wire, reader_window(m->reader), &(struct frames_ask){&file, &index, want, 1}, e);
	free(index.frames);
	free(index.objects);
	free(want);
	if (file.fd != -1)
		close(file.fd);
	return rc;
}

/* The file that a request names last. */
static const struct section *named(const struct medium *m, const struct wire_head *h, const uint8_t *data)
{
	const uint8_t *p = data + h->len - 1;

	MUST(h->len > 1 && *p == '\0');
	while (p > data && p[-1] != '\0')
		p--;
	return sections_find(m->files, (const char *)p);
}

static int answer(struct medium *m, const struct wire_head *h, const uint8_t *data, struct err *e)
{
	const struct section *f;

	MUST(h->type == WIRE_FILE || h->type == WIRE_VOLUME);
	f = named(m, h, data);
	if (h->type == WIRE_VOLUME)
		return answer_volume(m, f, h, data, e);
	return f == NULL ? 1 : answer_file(m, f, h->c, e);
}

static void *serve(void *arg)
{
	struct medium *m = arg;
	struct err e = {0}, cause = {0};
	struct wire_head h;
	const uint8_t *data;

	while (wire_next(&m->wire, WIRE_REQUEST, &h, &data, &e) == 0) {
		struct wire_head end = {.type = WIRE_DONE};
		int rc;

		if (h.type == WIRE_STOP || h.type == WIRE_FREE)
			continue;
		rc = answer(m, &h, data, &cause);
		end.a = (uint64_t)rc;
		if (rc == -1)
			end = (struct wire_head){.type = WIRE_ERROR, .len = (uint32_t)strlen(cause.text), .a = (uint64_t)cause.reason};
		if (wire_put(&m->wire, &end, cause.text, &e) == -1 || wire_flush(&m->wire, &e) == -1)
			break;
		err_clear(&cause);
	}
	return NULL;
}

struct medium *medium_open(const struct sections *files)
{
	struct medium *m = calloc(1, sizeof *m);
	int requests[2], answers[2];
	struct err e = {0};

	MUST(m != NULL && pipe2(requests, O_CLOEXEC) == 0 && pipe2(answers, O_CLOEXEC) == 0);
	m->files = files;
	MUST(wire_open(&m->wire, requests[0], answers[1], &e) == 0);
	m->reader = reader_over(answers[0], requests[1], "medium", &e);
	MUST(m->reader != NULL && pthread_create(&m->thread, NULL, serve, m) == 0);
	return m;
}

struct reader *medium_reader(struct medium *m)
{
	return m->reader;
}

void medium_close(struct medium *m)
{
	reader_close(m->reader);
	MUST(pthread_join(m->thread, NULL) == 0);
	wire_close(&m->wire);
	free(m);
}
