/*
 * What a check is made with. Shared by check.c, which finds what is damaged and puts right what it can, and check_tell.c, which says so.
 */
#ifndef IMPORT_CHECK_IMPL_H
#define IMPORT_CHECK_IMPL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "import/objects.h"
#include "import/places.h"
#include "import/run.h"
#include "lib/digests.h"
#include "lib/file.h"
#include "verify/audit_objects.h"

struct check_batch;
struct list_ref;
struct mend_told;
struct pool;

#define CHECK_REST (OBJECTS_FILE - DIGEST_HEX - 3)
/* Of a damaged file what its damage needs told: of a store's million files all may be. */
struct check_bad {
	struct digest digest;
	enum objects_kind kind;
	char rest[CHECK_REST];	/* of its name, after HEX */
	int reason;		/* R_OBJECT_DIGEST; ERR_IO: it can't be read; R_OBJECT_MISSING; R_STORE_DAMAGED: its mode alone */
};
struct checking {
	struct run run;
	struct audit_sample sample;
	struct file dir;	/* objects/ */
	struct pool *pool;
	struct check_batch *batch;
	pthread_mutex_t lock;	/* guards bad */
	struct check_bad *bad;
	size_t bad_n, bad_room;
	struct digests names;	/* objects whose names are to be seen to; sorted */
	struct digests marked;	/* HEX stands beside HEX.lost */
	struct objects_file plain;	/* the last HEX met */
	bool has_plain, plain_sent;	/* sent: to be hashed */
	uint64_t lists;		/* damaged ones */
	uint64_t files, bytes, waiting;	/* waiting: set aside before, not healed yet */
	uint64_t mended, lost;	/* lost: objects whose bytes are to come again */
	struct places places;
};

/* Its name below objects/. */
void check_bad_path(const struct check_bad *b, char out[OBJECTS_FILE]);
/* On the screen and in the journal. 0; -1: it could not be written there. */
int check_tell_bad(struct checking *c, const struct check_bad *b, struct err *e);	/* with what became of it: names were seen to */
/* kept_each_damaged (arg: struct checking): only a bundle that carries the list can heal it. */
int check_tell_list(void *arg, const struct list_ref *ref, const struct err *why, struct err *e);
/* mend_ask.each (arg: struct checking). */
int check_tell_mended(void *arg, const struct mend_told *t, struct err *e);
int check_tell_done(struct checking *c, struct err *e);

#endif
