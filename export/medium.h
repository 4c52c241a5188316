/*
 * MEDIUM: the only code that knows where a bundle is written: MEDIUM/satchel/STREAM-SEQUENCE/, straight to the final
 * names (nothing here relies on rename: fusefat empties a directory that is renamed). Every file and directory is synced
 * on its own; what makes the directory a bundle is written last by the caller. No link on the medium is followed.
 */
#ifndef EXPORT_MEDIUM_H
#define EXPORT_MEDIUM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bulk.h"
#include "lib/file.h"
#include "manifests/names.h"

struct buf;
struct err;

struct medium {
	struct file dir;	/* as the user named it */
	struct file satchel;	/* MEDIUM/satchel; closed where there is none yet */
	struct file bundle;	/* the bundle being written */
	char name[NAMES_BUNDLE_LEN];
	bool made_satchel;
	uint64_t unit;		/* what a file's room is a multiple of, MEDIUM_UNIT at least */
	uint64_t limit;		/* that the bundle may take, counted as medium_takes does; 0: what there is */
	atomic_uint_fast64_t taken;
};
#define MEDIUM_CLOSED {.dir = FILE_CLOSED, .satchel = FILE_CLOSED, .bundle = FILE_CLOSED}

enum medium_use { MEDIUM_LOOK, MEDIUM_FILL };

#define MEDIUM_UNIT 4096	/* most file systems' */

/*
 * Opens a mounted medium or any directory. Writes nothing. R_MEDIUM_MISSING; R_STORE_ON_MEDIUM where the station lies on
 * it or it lies in the station; ERR_FILE_TYPE where `satchel` is a link or a file; MEDIUM_FILL: R_MEDIUM_WRITE where it
 * is read-only.
 */
int medium_open(const char *path, const struct file *station, enum medium_use use, struct medium *out, struct err *e);
void medium_close(struct medium *m);
/* Of any directory that the user named to be read: where it is a medium, since `satchel` lies in it, R_STORE_ON_MEDIUM as above. */
int medium_check_place(const struct file *dir, const struct file *station, struct err *e);
/* Free bytes, for files; *known false where the file system does not say. */
int medium_room(const struct medium *m, uint64_t *bytes, bool *known, struct err *e);
/* Room that so many files of a bundle take at most, whose sizes add up to `bytes`: with what is left free at their ends,
 * their names, and the directories. */
uint64_t medium_takes(const struct medium *m, uint64_t files, uint64_t bytes);
/* And what one file of that size takes, with its name. */
uint64_t medium_file_takes(const struct medium *m, uint64_t size);

/* Whether a bundle's directory is there: 1, 0, -1 (something else has its name). */
int medium_has(const struct medium *m, const char *bundle, struct err *e);
/* Bytes of the files in a bundle's directory; 0 where it is not there. */
int medium_bytes(const struct medium *m, const char *bundle, uint64_t *bytes, struct err *e);

/*
 * A bundle that stands there, to be looked at alone: medium_check and medium_reopen work on `out`, and nothing that is done with
 * m removes it. medium_close it.
 */
int medium_enter(const struct medium *m, const char *bundle, struct medium *out, struct err *e);
/* Makes the bundle's directory and opens it; resume: it may be there already, as what an interrupted run left; a manifest in it,
 * which nobody has signed, is removed first. */
int medium_begin(struct medium *m, const char *bundle, bool resume, struct err *e);
/* Syncs the bundle's directory and those above. */
int medium_sync(struct medium *m, struct err *e);
/* Removes what was begun, manifest and signatures first: while these can't be, all of it is left, so that nothing looks like a
 * bundle and lacks a volume. And `satchel` if this run made it. */
int medium_remove(struct medium *m, struct err *e);

/* A file of the bundle, written from its start to its end, past the page cache where that can be (lib/bulk). What an
 * interrupted run left there is not written again as far as it is the same. Stays where it was created. */
struct medium_file {
	struct medium *medium;
	uint64_t takes;		/* of its limit */
	struct file file;
	struct bulk_buffer out;
	uint64_t at, left;	/* written so far; size of what was left there */
	bool same;		/* so far */
	uint8_t *compare;	/* buffer for reading what is there */
};
#define MEDIUM_FILE_CLOSED {.file = FILE_CLOSED}
/* ERR_NO_SPACE beyond the medium's limit, as where it is full. */
int medium_create(struct medium *m, const char *name, struct medium_file *out, struct err *e);
int medium_write(struct medium_file *f, const void *data, size_t len, struct err *e);
/* What the file system was given of it stays, whatever happens. -1 is final, as that of medium_finish: the device lost something. */
int medium_sync_early(struct medium_file *f, struct err *e);
/* Cuts off what was longer, syncs, closes, also on error. */
int medium_finish(struct medium_file *f, struct err *e);
void medium_abort(struct medium_file *f);	/* closes; no-op after finish */
/* All in one, for small files. */
int medium_put(struct medium *m, const char *name, const void *data, size_t len, struct err *e);

/*
 * Opens a finished file for reading back: its cached pages are dropped, so that the device is asked. What the device
 * itself keeps in a cache, and pages that others have mapped, can't be dropped from here.
 */
int medium_reopen(const struct medium *m, const char *name, struct file *out, struct err *e);
/* Reads a small file back and compares it with the bytes: R_READ_BACK. */
int medium_check(const struct medium *m, const char *name, const void *data, size_t len, struct err *e);

#endif
