/*
 * A bare store for unit tests (tests/unit/bare_store.h).
 */
#include "tests/unit/bare_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/file.h"
#include "manifests/names.h"

#include "lib/banned.h"

void bare_store_must(int rc, const struct err *e)
{
	if (rc == -1)
		fail_msg("error: %s", e->text);
}

void bare_store_make(struct bare_store *s)
{
	const char *tmp = getenv("TMPDIR");
	struct err e = {0};

	*s = (struct bare_store){0};
	snprintf(s->path, sizeof s->path, "%.40s/satchel-unit-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	assert_non_null(mkdtemp(s->path));
	assert_int_equal(chmod(s->path, 0755), 0);
	bare_store_must(file_open_dir(s->path, &s->store.dir, &e), &e);
	bare_store_must(file_make_dir_at(&s->store.dir, "objects", 0755, &e), &e);
	bare_store_must(file_make_dir_at(&s->store.dir, "stage", 0700, &e), &e);
	bare_store_reopen(s);
}

void bare_store_reopen(struct bare_store *s)
{
	struct err e = {0};

	objects_close(s->objects);
	s->objects = objects_open(&s->store.dir, &e);
	bare_store_must(s->objects == NULL ? -1 : 0, &e);
}

void bare_store_remove(struct bare_store *s)
{
	struct file tmp = FILE_CLOSED;
	struct err e = {0};
	char parent[64];

	objects_close(s->objects);
	file_close(&s->store.dir);
	snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(s->path, '/') - s->path), s->path);
	bare_store_must(file_open_dir(parent, &tmp, &e), &e);
	bare_store_must(file_remove_tree_at(&tmp, strrchr(s->path, '/') + 1, &e), &e);
	file_close(&tmp);
}

int bare_store_setup(void **state)
{
	struct bare_store *s = calloc(1, sizeof *s);

	assert_non_null(s);
	bare_store_make(s);
	*state = s;
	return 0;
}

int bare_store_teardown(void **state)
{
	bare_store_remove(*state);
	free(*state);
	return 0;
}

struct digest bare_store_put(struct bare_store *s, const void *data, size_t len)
{
	struct err e = {0};
	struct digest d;

	bare_store_must(digest_of(data, len, &d, &e), &e);
	bare_store_must(objects_begin(s->objects, &e), &e);
	bare_store_must(objects_put(s->objects, &d, data, len, NULL, &e), &e);
	bare_store_must(objects_settle(s->objects, &e), &e);
	return d;
}

static char *room(void)
{
	static char rooms[4][256];
	static unsigned next;

	return rooms[next++ % 4];
}

const char *bare_store_object(const struct bare_store *s, const struct digest *d, const char *suffix)
{
	char name[80], *out = room();

	snprintf(out, 256, "%s/objects/%s%s", s->path, names_object(d, name), suffix);
	return out;
}

const char *bare_store_path(const struct bare_store *s, const char *path)
{
	char *out = room();

	snprintf(out, 256, "%s/%s", s->path, path);
	return out;
}
