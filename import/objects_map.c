/*
 * Which extents of an object in pieces are there durably: stage/pieces/HEX.map beside stage/pieces/HEX (import/objects_map.h).
 * objects_piece | OBJECTS_MAP. Refuses nothing: what is no such map, can't be read on its disk or is without its file counts for nothing.
 */
#include "import/objects_map.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "import/objects_impl.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/extents.h"
#include "lib/num.h"
#include "lib/outfile.h"
#include "manifests/limits.h"
#include "manifests/volume.h"

#include "lib/banned.h"

#define MAX_MAP ((size_t)16 << 20)
#define MAX_LINE ((size_t)42)	/* at most: two numbers */
#define MAX_EXTENTS (MAX_MAP / MAX_LINE - 2)	/* far more than damaged frames leave of any object; the first line has room, too */
#define MAP_TYPE "satchel-pieces "

/* Two numbers in a line "A B\n" at *s; moves on. */
static int parse_line(const char **s, const char *end, uint64_t *a, uint64_t *b)
{
	const char *lf = memchr(*s, '\n', (size_t)(end - *s));
	const char *blank = lf == NULL ? NULL : memchr(*s, ' ', (size_t)(lf - *s));

	if (blank == NULL || num_parse(*s, (size_t)(blank - *s), 0, MAX_OBJECT_SIZE, a) == -1 ||
	    num_parse(blank + 1, (size_t)(lf - blank - 1), 0, MAX_OBJECT_SIZE, b) == -1)
		return -1;
	*s = lf + 1;
	return 0;
}

/* "satchel-pieces SIZE COUNT\n", then "FROM TO\n" each. 0; 1 where it is not such a map; -1. */
static int parse_map(const struct buf *b, struct extents *x, uint64_t *size, struct err *e)
{
	const char *s = (const char *)b->data, *end = s + b->len;
	uint64_t count;

	if (b->len < strlen(MAP_TYPE) || memcmp(s, MAP_TYPE, strlen(MAP_TYPE)) != 0)
		return 1;
	s += strlen(MAP_TYPE);
	if (parse_line(&s, end, size, &count) == -1)
		return 1;
	for (; count > 0; count--) {
		uint64_t from, to;

		if (parse_line(&s, end, &from, &to) == -1 || from >= to || to > *size)
			return 1;
		if (extents_add(x, from, to, e) == -1)
			return -1;
	}
	return s == end ? 0 : 1;
}

int objects_map_load(const struct file *dir, const char *map, const char *file, struct extents *x, uint64_t *size,
		     struct err *e)
{
	struct buf b = {0};
	struct err cause = {0};
	struct stat st;
	int rc = 1;

	x->n = 0;
	if (fstatat(dir->fd, file, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 1 : err_sys(e, "%s/%s", dir->name, file);
	if (file_read_all_at(dir, map, MAX_MAP, &b, &cause) == 0)
		rc = parse_map(&b, x, size, e);
	else if (cause.sys != ENOENT && cause.sys != EIO && cause.reason != ERR_TOO_LARGE) {
		if (e != NULL && e->reason == ERR_NONE)
			*e = cause;
		rc = -1;
	}
	if (rc != 0)
		x->n = 0;
	buf_free(&b);
	return rc;
}

/* Of too many, as only small pieces with gaps between them make, the shortest go. */
static void drop_shortest(struct extents *x)
{
	for (uint64_t least = 2; x->n > MAX_EXTENTS; least *= 2) {
		size_t over = x->n - MAX_EXTENTS, kept = 0;

		for (size_t i = 0; i < x->n; i++)
			if (over > 0 && x->list[i].to - x->list[i].from < least)
				over--;
			else
				x->list[kept++] = x->list[i];
		x->n = kept;
	}
}

int objects_map_write(const struct file *dir, const char *map, struct extents *x, uint64_t size, struct err *e)
{
	struct buf b = {0};
	int rc;

	drop_shortest(x);
	buf_printf(&b, MAP_TYPE "%" PRIu64 " %zu\n", size, x->n);
	for (size_t i = 0; i < x->n; i++)
		buf_printf(&b, "%" PRIu64 " %" PRIu64 "\n", x->list[i].from, x->list[i].to);
	rc = buf_ok(&b, e);
	if (rc == 0)
		rc = outfile_put(dir, map, 0600, b.data, b.len, e);
	buf_free(&b);
	return rc;
}

/* What the map of an object says: nothing where there is none. */
static int load(const struct objects *o, const struct digest *d, struct extents *x, uint64_t *size, struct err *e)
{
	struct file dir = FILE_CLOSED;
	struct err cause = {0};
	char name[OBJECTS_NAME], map[OBJECTS_NAME];
	int rc;

	if (file_open_dir_at(&o->store, OBJECTS_PIECES, &dir, &cause) == -1) {
		if (cause.sys == ENOENT)
			return 0;
		if (e != NULL && e->reason == ERR_NONE)
			*e = cause;
		return -1;
	}
	memcpy(objects_name(d, false, 0, map) + DIGEST_HEX, ".map", 5);
	rc = objects_map_load(&dir, map, objects_name(d, false, 0, name), x, size, e);
	file_close(&dir);
	return rc == -1 ? -1 : 0;
}

int objects_staged_held(const struct objects *o, struct objects_staged *last, const struct volume_object *v, uint64_t *held,
			struct err *e)
{
	uint64_t from = v->has_piece ? v->from : 0, to;

	*held = 0;
	if (!last->asked || !digest_equal(&last->digest, &v->sha256)) {
		last->asked = false;
		last->size = last->have.n = 0;
		if (load(o, &v->sha256, &last->have, &last->size, e) == -1)
			return -1;
		last->digest = v->sha256;
		last->asked = true;
	}
	/* of another size: some signer lied, and writing drops it all */
	if (last->size == v->size && !num_add(from, v->has_piece ? v->length : v->size, &to))
		*held = extents_within(&last->have, from, to);
	return 0;
}

void objects_staged_free(struct objects_staged *last)
{
	extents_free(&last->have);
	*last = (struct objects_staged){0};
}

int objects_piece_has(const struct objects *o, const struct digest *d, uint64_t size, uint64_t from, uint64_t length, struct err *e)
{
	const struct volume_object v = {.sha256 = *d, .size = size, .has_piece = true, .from = from, .length = length};
	struct objects_staged staged = {0};
	uint64_t held;
	int rc = objects_staged_held(o, &staged, &v, &held, e);

	objects_staged_free(&staged);
	return rc == -1 ? -1 : held == length;
}

/* What lies between the extents, and behind the last. */
static int find_gaps(const struct extents *x, uint64_t size, struct objects_gap **list, size_t *n, struct err *e)
{
	uint64_t at = 0;

	*n = 0;
	*list = calloc(x->n + 1, sizeof **list);
	if (*list == NULL)
		return err_mem(e);
	for (size_t i = 0; i < x->n; i++) {
		if (x->list[i].from > at)
			(*list)[(*n)++] = (struct objects_gap){at, x->list[i].from};
		at = x->list[i].to;
	}
	if (at < size)
		(*list)[(*n)++] = (struct objects_gap){at, size};
	return 0;
}

int objects_piece_gaps(const struct objects *o, const struct digest *d, uint64_t *size, struct objects_gap **list, size_t *n,
		       struct err *e)
{
	struct file dir = FILE_CLOSED;
	struct err cause = {0};
	struct extents x = {0};
	char name[OBJECTS_NAME], map[OBJECTS_NAME];
	int rc;

	if (file_open_dir_at(&o->store, OBJECTS_PIECES, &dir, &cause) == -1) {
		if (cause.sys == ENOENT)
			return 1;
		*e = cause;
		return -1;
	}
	memcpy(objects_name(d, false, 0, map) + DIGEST_HEX, ".map", 5);
	rc = objects_map_load(&dir, map, objects_name(d, false, 0, name), &x, size, e);
	if (rc == 0)
		rc = find_gaps(&x, *size, list, n, e);
	extents_free(&x);
	file_close(&dir);
	return rc;
}
