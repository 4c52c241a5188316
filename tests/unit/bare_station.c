/*
 * A bare station for unit tests (tests/unit/bare_station.h).
 */
#include "tests/unit/bare_station.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/file.h"
#include "lib/outfile.h"
#include "manifests/names.h"

#include "lib/banned.h"

void bare_station_bytes(uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(i * 2654435761u >> 13);
}

void bare_station_write(const struct bare_station *s, const uint8_t *bytes, size_t len)
{
	FILE *f = fopen(s->object, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

int bare_station_put(void *station, const struct digest *d, const void *data, size_t len, struct err *e)
{
	const struct station *s = station;
	char name[80], path[96], folder[16];

	snprintf(path, sizeof path, "contents/%s", names_object(d, name));
	snprintf(folder, sizeof folder, "contents/%.2s", name);
	if (file_make_dirs_at(&s->dir, folder, 0755, e) == -1)
		return -1;
	return outfile_put(&s->dir, path, 0644, data, len, e);
}

void bare_station_make(struct bare_station *s, size_t len)
{
	const char *tmp = getenv("TMPDIR");
	uint8_t *bytes = malloc(len);
	char name[80];
	struct err e = {0};
	struct digest d;

	*s = (struct bare_station){.station = {.dir = FILE_CLOSED}};
	snprintf(s->path, sizeof s->path, "%.40s/satchel-unit-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	assert_non_null(bytes);
	assert_non_null(mkdtemp(s->path));
	bare_station_bytes(bytes, len);
	assert_int_equal(file_open_dir(s->path, &s->station.dir, &e), 0);
	assert_int_equal(digest_of(bytes, len, &d, &e), 0);
	assert_int_equal(cargo_add(&s->selection.cargo, &d, len, NULL, &e), 1);
	s->selection.cargo.documents_n = 1;
	assert_int_equal(bare_station_put(&s->station, &d, bytes, len, &e), 0);
	snprintf(s->object, sizeof s->object, "%s/contents/%s", s->path, names_object(&d, name));
	free(bytes);
}

void bare_station_remove(struct bare_station *s)
{
	struct err e = {0};

	cargo_free(&s->selection.cargo);
	assert_int_equal(file_remove_tree_at(&s->station.dir, "contents", &e), 0);
	file_close(&s->station.dir);
	assert_int_equal(rmdir(s->path), 0);
}
