/*
 * What the files of objects share: the cached directories, the names of inode variants, the marks in the stage.
 *
 *     STORE/stage/receiving           objects are being written under their final names
 *     STORE/stage/healed/HEX          bytes of HEX came although HEX.lost is there; names are not given back yet
 *     STORE/stage/pieces/HEX HEX.map  an object that comes in pieces, and which extents of it are there
 *     STORE/stage/variant             a variant that is being made while names are linked
 */
#ifndef IMPORT_OBJECTS_IMPL_H
#define IMPORT_OBJECTS_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "import/objects.h"
#include "lib/digests.h"
#include "lib/distinct.h"
#include "lib/slabs.h"

struct arrivals;
struct pool;

#define OBJECTS_FANS 256
#define OBJECTS_NAME (DIGEST_HEX + 24)	/* HEX.x.4294967295 and its NUL */
#define OBJECTS_RUNNING 4	/* objects in pieces that are continued within a run: one at a volume's end, one at its start */
#define OBJECTS_RECEIVING "stage/receiving"
#define OBJECTS_HEALED "stage/healed"
#define OBJECTS_PIECES "stage/pieces"

struct objects_fan {		/* objects/9f, opened when it is first asked for */
	pthread_mutex_t lock;
	atomic_bool open;
	atomic_bool absent;	/* it isn't there, and only we make it */
	atomic_bool fresh;	/* it was made by us: no object of it is lost */
	atomic_bool exact;	/* files made in it have the mode asked for: no umask or default ACL takes from it */
	struct file dir;
};
struct objects_running {	/* an object in pieces between two of its pieces, while nobody has it open: objects_piece.c */
	struct digest digest;
	struct digest_ctx *hash;	/* NULL: unused */
	uint64_t hashed;
};
struct objects {
	struct file store;	/* the caller's: not closed here */
	struct file dir;	/* objects/ */
	struct objects_fan *fans;	/* OBJECTS_FANS of them */
	unsigned jobs;
	bool folding;
	struct distinct complete;	/* what objects_remember was told */
	struct arrivals *arrivals;
	struct pool *flush;	/* a sync under way, or NULL */
	bool begun, sync_failed;
	bool unsynced;		/* variants may be: objects_link_unsynced */
	struct slabs blocks;	/* of BULK_BLOCK */
	pthread_mutex_t making;	/* one variant at a time: it is made under one name */
	pthread_mutex_t lock;	/* guards what follows */
	struct digests healed;
	struct objects_running running[OBJECTS_RUNNING];
	size_t running_next;
	struct digest last;	/* what objects_link linked last to a variant with a number, and which had room for it */
	bool last_exec;
	atomic_uint last_variant;	/* 0: none yet, and no lock is taken to see that */
};

/* The directory of objects whose digest begins with this byte: 0; 1 where it isn't there (and `make` is false); -1. */
int objects_fan(const struct objects *o, unsigned first, bool make, const struct file **out, struct err *e);
/* "HEX", "HEX.x", "HEX.1", "HEX.x.1" (n 0: the first of its kind); returns out. */
char *objects_name(const struct digest *d, bool exec, unsigned n, char out[OBJECTS_NAME]);
/* The other way round, of any of these: 0, else -1 (HEX.lost too). */
int objects_name_parse(const char *name, struct digest *d, bool *exec);
char *objects_name_lost(const struct digest *d, char out[OBJECTS_NAME]);	/* "HEX.lost" */
/* Whether HEX.lost is there: 1, 0, -1. */
int objects_is_lost(const struct file *fan, const struct digest *d, struct err *e);
/* After the bytes of d were stored: notes it as healed, durably, where it was lost. */
int objects_note_healed(struct objects *o, const struct file *fan, const struct digest *d, struct err *e);
/* Adds to the list in memory alone. */
int objects_add_healed(struct objects *o, const struct digest *d, struct err *e);
/* It is set aside again: not healed after all, and its lost mark must outlive this run. */
int objects_void_healed(struct objects *o, const struct digest *d, struct err *e);

#endif
