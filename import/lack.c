/*
 * What of a bundle a store lacks. admit > LACK > stage. Refuses, before the first write, what there is no room for,
 * however much a validly signed giant declares.
 */
#include "import/lack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "import/arrivals.h"
#include "import/objects.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/say.h"
#include "manifests/reason.h"
#include "verify/unseal.h"

#include "lib/banned.h"

#define BLOCK 4096u
#define INODE 512u		/* an object's inode and name */
#define RESERVE (1u << 20)	/* for lists, states and the journal */

/* 1, 0, -1. */
static int lacking(struct objects *o, struct objects_staged *staged, const struct volume_object *v, struct err *e)
{
	int needed = objects_needed(o, &v->sha256, e);
	uint64_t held;

	if (needed != 1 || !v->has_piece)
		return needed;
	return objects_staged_held(o, staged, v, &held, e) == -1 ? -1 : held != v->length;
}

int64_t lack_volume(struct objects *o, const struct volume *v, const uint8_t *before, bool *want, struct err *e)
{
	struct objects_staged staged = {0};
	int64_t n = 0;

	for (size_t i = 0; n != -1 && i < v->objects_n; i++) {
		bool known = before != NULL && before[i] != LACK_ASK;
		int rc = known ? before[i] == LACK_IT : lacking(o, &staged, &v->objects[i], e);

		want[i] = rc == 1;
		n = rc == -1 ? -1 : n + rc;
	}
	objects_staged_free(&staged);
	return n;
}

/* What an entry will take on the disk beside what of it is staged already, which may be much of a large one. */
static int room_of(const struct objects *o, struct objects_staged *staged, const struct volume_object *v, uint64_t *room, struct err *e)
{
	uint64_t len = volume_object_len(v), held = 0;

	if ((v->has_piece || len > FRAME_SIZE) &&
	    objects_staged_held(o, staged, v, &held, e) == -1)
		return -1;
	*room = (len - held + BLOCK - 1) / BLOCK * BLOCK + INODE;
	return 0;
}

struct tally {			/* of all indexes of a bundle */
	uint64_t entries;
	uint64_t bytes;		/* no sum overflows, see below */
	uint64_t objects;	/* different ones, where there are no more than a set takes in; else not fewer */
	struct objects_staged staged;
};

static int count(struct objects *o, struct tally *t, const struct volume *v, const bool *want, uint8_t *answers, struct lack *sum,
		 struct err *e)
{
	for (size_t i = 0; i < v->objects_n; i++) {
		uint64_t len = volume_object_len(&v->objects[i]), size = v->objects[i].size, room;
		int new = distinct_add_valued(&sum->sizes, &v->objects[i].sha256, &size, e);
		char hex[DIGEST_HEX + 1];

		if (new == -1)
			return -1;
		if (size != v->objects[i].size)
			return err_set(e, R_DOCUMENT_FORM, "object %s has two sizes in the indexes (FORMAT 8.6)",
				       digest_hex(&v->objects[i].sha256, hex));
		/* no sum overflows: MAX_VOLUMES volumes of MAX_VOLUME_SIZE stay far below 2^62 */
		t->entries++;
		t->objects += (uint64_t)new;
		t->bytes += len;
		answers[i] = new == 0 || v->objects[i].has_piece ? LACK_ASK : want[i] ? LACK_IT : LACK_NOTHING;
		if (!want[i])
			continue;
		sum->objects++;
		sum->bytes += len;
		if (room_of(o, &t->staged, &v->objects[i], &room, e) == -1)
			return -1;
		sum->room += room;
		if (v->objects[i].size > sum->largest)
			sum->largest = v->objects[i].size;
	}
	return 0;
}

static int check_tally(const struct tally *t, const struct bundle *b, struct err *e)
{
	const struct manifest *m = b->manifest;

	if (t->bytes == m->objects.bytes && (t->objects == m->objects.count ||
					     (t->objects > m->objects.count && m->objects.count >= DISTINCT_MAX)))
		return 0;
	return err_set(e, R_DOCUMENT_FORM, "%s/%s: the indexes have %llu objects of %llu bytes, %llu of %llu are stated (FORMAT 7.4)",
		       b->name, NAMES_MANIFEST, (unsigned long long)t->objects, (unsigned long long)t->bytes,
		       (unsigned long long)m->objects.count, (unsigned long long)m->objects.bytes);
}

/* Answers are kept as long as each object that comes again is known as such: that bounds their memory, too. */
static int add_volume(struct objects *o, const struct volume *v, struct tally *t, struct lack *l, struct err *e)
{
	bool *want = calloc(v->objects_n + 1, sizeof *want);
	uint8_t *answers = calloc(v->objects_n + 1, sizeof *answers);
	int rc = -1;

	if (want == NULL || answers == NULL)
		err_mem(e);
	else if (lack_volume(o, v, NULL, want, e) != -1)
		rc = count(o, t, v, want, answers, l, e);
	if (t->entries > DISTINCT_MAX) {
		free(answers);
		answers = NULL;
	}
	l->volumes[l->volumes_n++] = answers;
	free(want);
	return rc;
}

int lack_bundle(struct objects *o, struct bundle *b, struct lack *out, struct err *e)
{
	struct tally t = {0};
	int rc;

	*out = (struct lack){0};
	out->volumes = calloc(b->manifest->volumes + 1, sizeof *out->volumes);
	if (out->volumes == NULL)
		return err_mem(e);
	rc = distinct_reserve_valued(&out->sizes, b->manifest->objects.count, e);
	for (uint64_t n = 1; rc == 0 && n <= b->manifest->volumes; n++) {
		struct volume *v = bundle_volume(b, n, e);

		rc = v == NULL ? -1 : add_volume(o, v, &t, out, e);
		volume_free(v);
	}
	if (rc == 0)
		rc = check_tally(&t, b, e);
	if (out->sizes.n > ARRIVALS_MAX)
		distinct_free(&out->sizes);
	objects_staged_free(&t.staged);
	return rc;
}

void lack_free(struct lack *l)
{
	for (uint64_t n = 0; n < l->volumes_n; n++)
		free(l->volumes[n]);
	free(l->volumes);
	distinct_free(&l->sizes);
	*l = (struct lack){0};
}

/* A piece may stand where no file reaches, however little room it takes. Where that can't be tried, writing finds out. */
static int check_largest(const struct file *store, uint64_t size, struct err *e)
{
	int fd = openat(store->fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	bool too_large = fd != -1 && ftruncate(fd, (off_t)size) == -1 && errno == EFBIG;
	char text[24];

	if (fd != -1)
		close(fd);
	if (!too_large)
		return 0;
	return err_set(e, ERR_NO_SPACE, "%s: its file system has no files of %s, as an object of this bundle would be", store->name,
		       num_format_size(size, text));
}

int lack_room(const struct file *store, const struct lack *l, struct err *e)
{
	uint64_t free_bytes;
	char need[24], have[24];
	bool known;

	if (l->objects == 0)
		return 0;
	if (check_largest(store, l->largest, e) == -1)
		return -1;
	if (file_free_space(store, &free_bytes, &known, e) == -1)
		return -1;
	if (!known) {
		say_warn("%s: the file system does not say how much room it has", store->name);
		return 0;
	}
	if (l->room + RESERVE <= free_bytes)
		return 0;
	err_set(e, ERR_NO_SPACE, "%s: %s needed, %s free", store->name, num_format_size(l->room + RESERVE, need),
		num_format_size(free_bytes, have));
	return err_hint(e, "make room and run it again");
}
