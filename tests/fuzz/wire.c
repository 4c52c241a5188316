/*
 * A reader that says anything: its messages as bytes, the first byte choosing what it was asked for. Main takes no byte that
 * was not asked for, and every one that was, unless its frame is called damaged.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/buf.h"
#include "manifests/limits.h"
#include "manifests/volume.h"
#include "tests/fuzz/kit/fuzz.h"
#include "verify/inflow.h"
#include "verify/reader.h"

#define OBJECTS 5
#define FILE_MAX 1000

static struct volume_object objects[OBJECTS] = {
	{.size = 100}, {.size = 0}, {.size = FRAME_SIZE + 7}, {.size = 30}, {.size = 600},
};
static struct volume_frame frames[3];
static struct volume in_question = {.stream = (char[]){"updates"}, .sequence = 17, .volume = 1, .frames = frames, .frames_n = 0,
			      .objects = objects, .objects_n = OBJECTS};

static void make_index(void)
{
	uint64_t at = 0, left;

	for (size_t i = 0; i < OBJECTS; i++) {
		objects[i].at = at + VOLUME_BLOCK;
		at += volume_entry_span(objects[i].size);
	}
	left = volume_tar_size(&in_question);
	for (in_question.frames_n = 0; left > 0; in_question.frames_n++) {
		frames[in_question.frames_n].at = 100 * in_question.frames_n;
		frames[in_question.frames_n].size = 100;
		frames[in_question.frames_n].holds = left < FRAME_SIZE ? left : FRAME_SIZE;
		left -= frames[in_question.frames_n].holds;
	}
}

struct taken {
	const bool *want;
	uint64_t next[OBJECTS], fail_at;
	_Atomic uint64_t calls;
	atomic_int begun;	/* and not ended */
	bool damage;
};
struct arrival {
	struct taken *t;
	size_t object;
};

/* From several threads; each has objects of its own. */
static int take_whole(void *arg, size_t object, const void *data, size_t len, struct err *e)
{
	struct taken *t = arg;

	MUST(object < OBJECTS && t->want[object] && t->next[object] == 0 && len == objects[object].size);
	MUST(data != NULL || len == 0);
	t->next[object] = len;
	return t->fail_at == 1 ? err_set(e, ERR_NO_SPACE, "full") : 0;
}

static int begin(void *arg, size_t object, void **arriving, struct err *e)
{
	struct taken *t = arg;
	struct arrival *a = calloc(1, sizeof *a);

	MUST(object < OBJECTS && t->want[object] && t->next[object] == 0);
	if (a == NULL)
		return err_mem(e);
	*a = (struct arrival){t, object};
	t->begun++;
	*arriving = a;
	return 0;
}

static int take_part(void *arriving, uint64_t from, const void *data, size_t len, void **rest, struct err *e)
{
	struct arrival *a = arriving;
	struct taken *t = a->t;

	(void)rest;
	MUST(from >= t->next[a->object] && from + len <= objects[a->object].size && (data != NULL || len == 0));
	t->next[a->object] = from + len;
	return ++t->calls == t->fail_at ? err_set(e, ERR_NO_SPACE, "full") : 0;
}

static int end(void *arriving, struct err *e)
{
	struct arrival *a = arriving;

	(void)e;
	a->t->begun--;
	free(a);
	return 0;
}

static int take_damage(void *arg, const struct reader_damage *d, struct err *e)
{
	struct taken *t = arg;

	(void)e;
	MUST(d->frame < in_question.frames_n && strlen(d->text) <= 1024);
	t->damage = true;
	return 0;
}

static int ask_volume(struct reader *r, uint8_t how, struct err *e)
{
	bool want[OBJECTS];
	struct taken t = {.want = want, .fail_at = how & 0x40 ? 2 : 0};
	const struct inflow_sink sink = {.arg = &t, .whole = take_whole, .begin = begin, .part = take_part, .end = end,
					 .damage = take_damage};
	const struct inflow_ask ask = {r, "updates-00000017", &in_question, want, 2};
	int rc;

	for (int i = 0; i < OBJECTS; i++)
		want[i] = how >> i & 1;
	rc = inflow_volume(&ask, &sink, e);
	MUST(t.begun == 0);
	for (int i = 0; rc != -1 && !t.damage && i < OBJECTS; i++)
		MUST(!want[i] || t.next[i] == objects[i].size);
	return rc;
}

static int take_name(void *arg, const char *name, bool is_dir, struct err *e)
{
	char *last = arg;

	(void)is_dir;
	(void)e;
	MUST(strlen(name) > 0 && strlen(name) < 256 && strchr(name, '/') == NULL && strcmp(last, name) < 0);
	memcpy(last, name, strlen(name) + 1);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf file = {0};
	struct err e = {0};
	struct reader *r;
	char last[256] = "";
	int fd, rc;

	if (len == 0)
		return 0;
	fd = memfd_create("answers", MFD_CLOEXEC);
	MUST(fd != -1 && write(fd, data + 1, len - 1) == (ssize_t)(len - 1) && lseek(fd, 0, SEEK_SET) == 0);
	r = reader_over(fd, open("/dev/null", O_WRONLY | O_CLOEXEC), "medium", &e);
	MUST(r != NULL);
	make_index();
	if (data[0] % 4 == 0)
		rc = reader_names(r, data[0] & 0x80 ? NULL : "updates-00000017", take_name, last, &e);
	else if (data[0] % 4 == 1)
		rc = reader_file(r, "updates-00000017", "manifest.yaml", FILE_MAX, &file, &e);
	else
		rc = ask_volume(r, data[0] >> 1, &e);
	MUST(file.len <= FILE_MAX);
	if (rc == -1 && e.reason != ERR_INTERNAL && e.reason != ERR_MEMORY)	/* these two a reader may say */
		fuzz_refused(&e);
	reader_close(r);
	buf_free(&file);
	return 0;
}
