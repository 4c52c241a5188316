/*
 * Files that are there whole or not at all. Refuses to commit after any write failed; a failed sync is final.
 */
#include "lib/outfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/file.h"
#include "lib/listing.h"

#include "lib/banned.h"

#define ROOM 65536	/* encoders write in small pieces */
#define TRIES 16

struct outfile {
	struct file parent, file;
	char *last;		/* the final name in parent */
	char temporary[32];
	struct err err;		/* the first one */
	size_t used;
	char room[ROOM];
};

static int create(struct outfile *o, mode_t mode, struct err *e)
{
	for (int i = 0; i < TRIES; i++) {
		struct err cause = {0};
		uint64_t number;

		if (getrandom(&number, sizeof number, 0) != sizeof number)
			return err_sys(e, "random number");
		snprintf(o->temporary, sizeof o->temporary, OUTFILE_PREFIX "%016llx", (unsigned long long)number);
		if (file_create_at(&o->parent, o->temporary, mode, &o->file, &cause) == 0)
			return 0;
		o->temporary[0] = '\0';	/* not ours */
		if (cause.sys != EEXIST) {
			if (e != NULL && e->reason == ERR_NONE)
				*e = cause;
			return -1;
		}
	}
	return err_set(e, ERR_IO, "%s: no free name for a temporary file", o->parent.name);
}

struct outfile *outfile_open(const struct file *dir, const char *path, mode_t mode, struct err *e)
{
	struct outfile *o = malloc(sizeof *o);
	const char *last;

	if (o == NULL) {
		err_mem(e);
		return NULL;
	}
	o->parent = o->file = (struct file)FILE_CLOSED;
	o->last = NULL;
	o->temporary[0] = '\0';
	o->err = (struct err){0};
	o->used = 0;
	if (file_open_parent_at(dir, path, &o->parent, &last, e) == -1)
		goto out;
	o->last = strdup(last);
	if (o->last == NULL) {
		err_mem(e);
		goto out;
	}
	if (create(o, mode, e) == 0)
		return o;
out:
	outfile_abort(o);
	return NULL;
}

static void flush(struct outfile *o)
{
	if (o->err.reason == ERR_NONE && o->used > 0)
		file_write(&o->file, o->room, o->used, &o->err);
	o->used = 0;
}

void outfile_write(struct outfile *o, const void *data, size_t len)
{
	if (len > ROOM - o->used)
		flush(o);
	if (o->err.reason != ERR_NONE || len == 0)
		return;
	if (len > ROOM) {
		file_write(&o->file, data, len, &o->err);
		return;
	}
	memcpy(o->room + o->used, data, len);
	o->used += len;
}

/* The first error of writing goes to the caller. */
static int latched(const struct outfile *o, struct err *e)
{
	if (o->err.reason == ERR_NONE)
		return 0;
	if (e != NULL && e->reason == ERR_NONE)
		*e = o->err;
	return -1;
}

int outfile_pread(struct outfile *o, void *data, size_t len, uint64_t at, struct err *e)
{
	flush(o);
	return latched(o, e) == -1 ? -1 : file_pread(&o->file, data, len, at, e);
}

static void put_in_place(struct outfile *o)
{
	struct err *e = &o->err;

	flush(o);
	if (e->reason != ERR_NONE || file_sync(&o->file, e) == -1)
		return;
	if (renameat(o->parent.fd, o->temporary, o->parent.fd, o->last) == -1) {
		err_sys(e, "%s/%s: renaming to it", o->parent.name, o->last);
		return;
	}
	o->temporary[0] = '\0';
	file_sync(&o->parent, e);
}

int outfile_commit(struct outfile *o, struct err *e)
{
	int rc;

	put_in_place(o);
	rc = latched(o, e);
	outfile_abort(o);
	return rc;
}

void outfile_abort(struct outfile *o)
{
	if (o == NULL)
		return;
	if (o->temporary[0] != '\0')
		unlinkat(o->parent.fd, o->temporary, 0);
	file_close(&o->file);
	file_close(&o->parent);
	free(o->last);
	free(o);
}

int outfile_put(const struct file *dir, const char *path, mode_t mode, const void *data, size_t len, struct err *e)
{
	struct outfile *o = outfile_open(dir, path, mode, e);

	if (o == NULL)
		return -1;
	outfile_write(o, data, len);
	return outfile_commit(o, e);
}

int outfile_sweep(const struct file *dir, const char *path, struct err *e)
{
	struct listing l;
	const char *name;
	int rc = listing_open_maybe(dir, path, &l, e);

	while (rc == 0 && (rc = listing_next(&l, &name, e)) == 1) {
		rc = 0;
		if (strncmp(name, OUTFILE_PREFIX, strlen(OUTFILE_PREFIX)) == 0)
			unlinkat(l.dir.fd, name, 0);
	}
	listing_close(&l);
	return rc;
}
