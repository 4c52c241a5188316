/*
 * The tar stream of a volume. plan | TAR | frame.
 * Refuses to go on where libarchive writes other header bytes than FORMAT.md section 9 says.
 */
#include "export/tar.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "lib/err.h"
#include "manifests/names.h"
#include "manifests/volume.h"

#include "lib/banned.h"

struct tar {
	struct archive *archive;
	struct archive_entry *entry;
	int (*write)(void *arg, const void *data, size_t len, struct err *e);
	void *arg;
	uint8_t expect[VOLUME_BLOCK];	/* the next header, while in_header */
	size_t seen;	/* bytes of it that came */
	bool in_header, silent;
	struct err err;	/* of write, the first one */
};

/*
 * What libarchive hands out: headers are compared, everything is passed on. It is never told of an error, since after
 * one it loses memory when freed; the error is kept, nothing more is passed on, and our own functions ask for it.
 */
static la_ssize_t pass(struct archive *a, void *arg, const void *data, size_t len)
{
	struct tar *t = arg;

	(void)a;
	if (t->silent || t->err.reason != ERR_NONE)
		return (la_ssize_t)len;
	if (t->in_header) {
		if (len > VOLUME_BLOCK - t->seen || memcmp(t->expect + t->seen, data, len) != 0) {
			err_set(&t->err, ERR_INTERNAL, "libarchive writes another tar header than the format has");
			return (la_ssize_t)len;
		}
		t->seen += len;
	}
	if (t->write(t->arg, data, len, &t->err) == -1 && t->err.reason == ERR_NONE)
		err_set(&t->err, ERR_INTERNAL, "a write failed without saying why");
	return (la_ssize_t)len;
}

static int fail(struct tar *t, struct err *e)
{
	if (t->err.reason != ERR_NONE) {
		if (e->reason == ERR_NONE)
			*e = t->err;
		return -1;
	}
	return err_set(e, ERR_INTERNAL, "libarchive: %s", archive_error_string(t->archive));
}

struct tar *tar_open(int (*write)(void *arg, const void *data, size_t len, struct err *e), void *arg, struct err *e)
{
	struct tar *t = calloc(1, sizeof *t);

	if (!t) {
		err_mem(e);
		return NULL;
	}
	t->write = write;
	t->arg = arg;
	t->archive = archive_write_new();
	t->entry = archive_entry_new();
	if (!t->archive || !t->entry) {
		err_mem(e);
	} else if (archive_write_set_format_ustar(t->archive) != ARCHIVE_OK ||
		   archive_write_set_bytes_per_block(t->archive, 0) != ARCHIVE_OK ||
		   archive_write_set_bytes_in_last_block(t->archive, 1) != ARCHIVE_OK ||
		   archive_write_open(t->archive, t, NULL, pass, NULL) != ARCHIVE_OK) {
		fail(t, e);
	} else {
		return t;
	}
	tar_abort(t);
	return NULL;
}

int tar_begin(struct tar *t, const struct volume_object *o, struct err *e)
{
	char name[NAMES_ENTRY_LEN];
	int rc;

	volume_entry_header(o, t->expect);
	archive_entry_clear(t->entry);
	archive_entry_set_pathname(t->entry, names_entry(&o->sha256, o->has_piece, o->from, name));
	archive_entry_set_filetype(t->entry, AE_IFREG);
	archive_entry_set_perm(t->entry, 0444);
	archive_entry_set_size(t->entry, (la_int64_t)volume_object_len(o));
	archive_entry_set_mtime(t->entry, 0, 0);
	t->seen = 0;
	t->in_header = true;
	rc = archive_write_header(t->archive, t->entry);
	t->in_header = false;
	if (rc != ARCHIVE_OK || t->err.reason != ERR_NONE)
		return fail(t, e);
	if (t->seen != VOLUME_BLOCK)
		return err_set(e, ERR_INTERNAL, "libarchive wrote a tar header of %zu bytes", t->seen);
	return 0;
}

int tar_data(struct tar *t, const void *data, size_t len, struct err *e)
{
	la_ssize_t n = archive_write_data(t->archive, data, len);

	if (n < 0 || t->err.reason != ERR_NONE)
		return fail(t, e);
	if ((size_t)n != len)
		return err_set(e, ERR_INTERNAL, "libarchive took %zd of %zu bytes of an entry", (ssize_t)n, len);
	return 0;
}

int tar_end(struct tar *t, struct err *e)
{
	if (archive_write_finish_entry(t->archive) != ARCHIVE_OK || t->err.reason != ERR_NONE)
		return fail(t, e);
	return 0;
}

int tar_close(struct tar *t, struct err *e)
{
	int rc = 0;

	if (archive_write_close(t->archive) != ARCHIVE_OK || t->err.reason != ERR_NONE)
		rc = fail(t, e);
	tar_abort(t);
	return rc;
}

void tar_abort(struct tar *t)
{
	if (!t)
		return;
	t->silent = true;	/* freeing closes it, which would write the end */
	archive_entry_free(t->entry);
	archive_write_free(t->archive);
	free(t);
}
