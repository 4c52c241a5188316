/*
 * Storing: objects of a store by digest. With publish, the only code of the write side that knows the store is a
 * directory.
 *
 * An object is received when objects/9f/HEX is there (0444) or HEX.lost is (set aside as damaged). Objects are written
 * under their final name while the marker stage/receiving is there; objects_settle syncs (syncfs) and removes it. If a
 * run was interrupted in between, objects_recover hashes again every object that nothing links to and drops those that are not
 * whole; those that are older than the marker it sets aside. All new ones are among them: before settle nothing is linked but into
 * trees that are built from nothing, which publish_undo, and inspect_sweep for what the scan hook was shown, empty first.
 *
 * An object whose HEX and HEX.lost are both there was healed, and its names in the trees are not all given back yet. After an
 * interruption that is not known before HEX is hashed: a run that set it aside may have been cut off before HEX went, and objects_recover
 * takes it away.
 */
#ifndef IMPORT_OBJECTS_H
#define IMPORT_OBJECTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/digest.h"
#include "lib/extents.h"
#include "lib/file.h"

struct digests;
struct distinct;
struct err;
struct objects;
struct buf;
struct volume_object;

/* Over STORE (its descriptor stays the caller's). The caller holds the store's lock where it writes. */
struct objects *objects_open(const struct file *store, struct err *e);
void objects_close(struct objects *o);

/* How many threads work on names; as many as there are processors unless said otherwise. */
void objects_set_jobs(struct objects *o, unsigned jobs);
unsigned objects_jobs(const struct objects *o);

/* STORE, where it is on a file system that folds case and may be written to, so that names are to be tried on it; else NULL. */
const struct file *objects_folding(const struct objects *o);
void objects_set_folding(struct objects *o);

/* Whether an object is received: 1, 0, -1. *size (or NULL) its size, UINT64_MAX for a lost one. Thread-safe. */
int objects_has(const struct objects *o, const struct digest *d, uint64_t *size, struct err *e);
/* Whether its bytes are needed from a medium: not received, or lost. 1, 0, -1. */
int objects_needed(const struct objects *o, const struct digest *d, struct err *e);

/*
 * What a bundle is about to bring, each with its size; the set is taken over (import/arrivals.h). What of it is put is
 * then known to be here, and to have no name, without a look at the disk. The main thread's.
 */
void objects_expect(struct objects *o, struct distinct *sizes);

/* Stores a whole object from memory: hashed here; R_OBJECT_DIGEST where the bytes are others. What is there already is
 * fine. Heals a lost one (objects_healed tells). Thread-safe. *new (or NULL): whether it was added. */
int objects_put(struct objects *o, const struct digest *d, const void *data, size_t len, bool *new, struct err *e);

/* Memory to gather a whole object in: BULK_BLOCK bytes, with whatever stands in them, of the same that large ones are written from,
 * so that few are touched for the first time. Thread-safe but for _free, which frees those that were given back. */
uint8_t *objects_block(struct objects *o, struct err *e);
void objects_block_done(struct objects *o, uint8_t *block);	/* gives it back; NULL is a no-op */
void objects_blocks_free(struct objects *o);

/*
 * A large one, or pieces: extents are written into stage/pieces/HEX with the map of what is there beside it, in any order
 * and across bundles and runs. When all extents are there, objects_piece_end hashes the whole (while it was written in
 * order from 0 in this run: the running hash) and commits it: 1; 0 where extents are missing still (kept), or again, since they can't be
 * read; -1: R_OBJECT_DIGEST (all its extents are dropped).
 */
struct objects_piece;
struct objects_rest;
struct objects_piece *objects_piece_open(struct objects *o, const struct digest *d, uint64_t size, struct err *e);
/*
 * Bytes at..at+len, which may change while they are read: they are copied once, and the copy is hashed and written. A block of
 * them that is full is left in *rest, unless one is there already or rest is NULL: objects_rest must be called with it, from any
 * thread, while the next bytes are taken in; objects_piece_end waits until that was done. 0 or -1; what could not be written counts as missing.
 */
int objects_piece_write(struct objects_piece *p, uint64_t at, const void *data, size_t len, struct objects_rest **rest,
			struct err *e);
int objects_rest(struct objects_rest *rest, struct err *e);	/* writes it, and frees rest */
int objects_piece_end(struct objects_piece *p, struct err *e);	/* frees p; map synced */
/* Whether from..from+length of a staged object of this size is there already: 1, 0, -1. */
int objects_piece_has(const struct objects *o, const struct digest *d, uint64_t size, uint64_t from, uint64_t length, struct err *e);
/* What of an object is staged, kept by who asks for one piece after the other: it is read once for pieces of the same object in a row.
 * Zero-initialise; it knows of nothing that is written later. */
struct objects_staged {
	bool asked;
	struct digest digest;	/* of the object asked for last */
	uint64_t size;
	struct extents have;
};
/* How many bytes of from..from+length are there: 0, -1. */
int objects_staged_held(const struct objects *o, struct objects_staged *last, const struct volume_object *v, uint64_t *held,
			struct err *e);
void objects_staged_free(struct objects_staged *last);

/* Extents of a staged object that are not there, ascending: 0, *list to be freed; 1 where nothing of it is staged; -1. */
struct objects_gap {
	uint64_t from, to;
};
int objects_piece_gaps(const struct objects *o, const struct digest *d, uint64_t *size, struct objects_gap **list, size_t *n,
		       struct err *e);

/*
 * That something was found to have all its objects here, by a digest that says what was looked at: remembered until an object is
 * taken away, so that nobody needs to look again. One thread's, as is taking away.
 */
int objects_remember(struct objects *o, const struct digest *what, struct err *e);
bool objects_remembers(const struct objects *o, const struct digest *what);

/* Calls each for every object received, in order of digests; lost: set aside, its bytes are not there. Memory is that of
 * one of 256 directories. */
int objects_each(const struct objects *o, int (*each)(void *arg, const struct digest *d, bool lost, struct err *e), void *arg,
		 struct err *e);
/* Calls each for every object staged in pieces, in order of digests. */
int objects_each_piece(const struct objects *o, int (*each)(void *arg, const struct digest *d, struct err *e), void *arg,
		       struct err *e);

/*
 * Calls each for every file that is an object, a variant or a mark, in order of digests, then of kinds. Other names are passed
 * over. Memory is that of one of 256 directories.
 */
enum objects_kind {
	OBJECTS_PLAIN,		/* HEX */
	OBJECTS_VARIANT,	/* HEX.x, HEX.N, HEX.x.N */
	OBJECTS_LOST		/* HEX.lost */
};
#define OBJECTS_FILE (DIGEST_HEX + 32)
struct objects_file {
	struct digest digest;
	enum objects_kind kind;
	char path[OBJECTS_FILE];	/* below objects/: "9f/HEX.x" */
	struct stat st;
};
int objects_each_file(const struct objects *o, int (*each)(void *arg, const struct objects_file *f, struct err *e), void *arg,
		      struct err *e);
/*
 * To set damaged files aside: for each of them this, a sync, then objects_remove, a sync. What leads to the names after an
 * interruption is made: of HEX the mark HEX.lost, by which it is received, and lost; one whose variant goes is among objects_healed,
 * unless it is lost itself: HEX comes before its variants.
 */
int objects_leave_word(struct objects *o, const struct objects_file *f, struct err *e);
/* Takes a file of an object that nothing needs away; not durable before the next objects_settle or sync. */
int objects_remove(struct objects *o, const struct objects_file *f, struct err *e);
/* Takes what is staged of an object in pieces away. */
int objects_remove_piece(struct objects *o, const struct digest *d, struct err *e);
/*
 * Gives a lost object its bytes back from a published file (dir, name), which is hashed: 1, and it is among objects_healed; 0
 * where the file is none, has other bytes or there is no room for a copy; -1. exec: what the file was published as. An interruption
 * in between is as any other of healing: objects_recover finds it.
 */
int objects_restore(struct objects *o, const struct digest *d, bool exec, const struct file *dir, const char *name,
		    struct err *e);
/* Has an object that is there among objects_healed; durable with the next sync. */
int objects_heal(struct objects *o, const struct digest *d, struct err *e);

/*
 * Marker before the first put; sync and remove it after the last. What was put is durable, and may be promised, after
 * objects_settle: 0 or -1; a sync that failed is final. settle without begin is a no-op. objects_flush begins to sync, in a thread,
 * what was put: for many objects the kernel takes seconds, on one processor. Other work goes on meanwhile, and settle waits for
 * it; without begin it is a no-op. 0 or -1. All three are the main thread's.
 */
int objects_begin(struct objects *o, struct err *e);
int objects_settle(struct objects *o, struct err *e);
int objects_flush(struct objects *o, struct err *e);
/* Whether the marker is there: 1, 0, -1. */
int objects_unsettled(const struct objects *o, struct err *e);
/* After an interrupted run: see above. Called with the lock held, at start; with the marker there, or where the caller says so. */
struct objects_recovery {
	bool interrupted;
	int64_t now;
	uint64_t dropped;	/* out: files removed, for they were torn */
	uint64_t aside;		/* out: files set aside: a run was cut off at that, or they were received before it and are damaged */
	uint64_t unread;	/* out: objects that were received before it and can't be read, left as they are */
};
int objects_recover(struct objects *o, struct objects_recovery *ask, struct err *e);

/* contents_fetch: arg is the struct objects *. */
int objects_fetch(void *arg, const struct digest *d, uint64_t size, struct buf *out, struct err *e);

/*
 * Links an object to `name` in each of dirs, read-only: HEX or HEX.x for executables, made (reflink or copy, hashed) when
 * missing; when the file system's link limit is reached the next variant HEX.N, HEX.x.N. mtime is set on an inode that nothing
 * else links to yet. An existing name is ERR_FORM unless it is an inode of that object and kind (then fine: redone after an
 * interruption); which of dirs have the name then is not known. 0; 1 where the object is lost (nothing is linked, healing gives the name); -1, R_STORE_DAMAGED where it
 * isn't there at all. Thread-safe for different objects; of one object the first name decides about its time.
 */
int objects_link(struct objects *o, const struct digest *d, bool exec, int64_t mtime, const struct file *dirs, size_t dirs_n,
		 const char *name, struct err *e);
/* For a tree that is built from nothing: variants that objects_link makes need no sync of their own, since objects_begin was called, and
 * objects_settle will be before anything else depends on them. Off unless said. The main thread's, while nobody links. */
void objects_link_unsynced(struct objects *o, bool may);
/* Whether HEX.x is still to be made: 1, and the bytes that a copy of HEX takes, none where it isn't there; 0; -1. */
int objects_variant_lacks(struct objects *o, const struct digest *d, uint64_t *bytes, struct err *e);
/* Makes HEX.x ahead of objects_link, without a sync of its own: calls objects_begin. 0; 1 lost; -1. */
int objects_link_prepare(struct objects *o, const struct digest *d, bool exec, int64_t mtime, struct err *e);
/* Whether an inode is one that objects_link would give for this object and kind: 1, 0, -1. */
int objects_link_is(const struct objects *o, const struct digest *d, bool exec, const struct stat *st, struct err *e);

/*
 * Objects whose bytes came although HEX.lost was there, sorted, for publish to give their names back: of this run, and
 * (after objects_recover) of former ones that were interrupted. Added to out, which is sorted. 0 or -1. HEX.lost stays beside HEX until
 * objects_healed_done, which is called when publish_heal had all of them for every stream: that may find more (objects_restore).
 */
int objects_healed(struct objects *o, struct digests *out, struct err *e);
size_t objects_healed_n(struct objects *o);	/* how many those are */
int objects_healed_done(struct objects *o, struct err *e);

#endif
