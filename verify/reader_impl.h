/*
 * What the files of the reader's client share among themselves; nobody else includes it.
 *
 *     reader.c         the process: started, asked, ended; names and files
 *     reader_volume.c  frames of volumes, and the slots they come in
 */
#ifndef VERIFY_READER_IMPL_H
#define VERIFY_READER_IMPL_H

#include <stdatomic.h>
#include <sys/types.h>

#include "verify/cage.h"
#include "verify/reader.h"
#include "verify/window.h"
#include "verify/wire.h"

struct reader {
	struct wire wire;
	pid_t pid;	/* -1: none of ours */
	char *medium;
	bool broken;	/* what comes next can't be made sense of */
	bool late;	/* for it did not come in time */
	bool caged;
	char sandbox[CAGE_TEXT];
	struct window window;
	atomic_bool held[WINDOW_SLOTS(WINDOW_JOBS)];	/* slots of frames that were handed over and are not released yet */
};

/* Sends a request, its data put together with reader_put and sealed into h by reader_seal. */
void reader_put(struct buf *b, const char *name);
int reader_seal(struct buf *b, struct wire_head *h, struct err *e);
int reader_request(struct reader *r, const struct wire_head *h, const struct buf *data, struct err *e);
/* The next message of the answer. */
int reader_answer(struct reader *r, struct wire_head *h, const uint8_t **data, struct err *e);
/* A text from the reader: something, and kept from ending early. 0 or -1. */
int reader_check_text(struct reader *r, const struct wire_head *h, const uint8_t *data, struct err *e);
/* DONE or ERROR: 0, 1, -1. */
int reader_end(struct reader *r, const struct wire_head *h, const uint8_t *data, struct err *e);
/* A callback failed: what is under way is ended, so that the reader can be asked again. -1. */
int reader_stop(struct reader *r);
/* It can't be made sense of any more: R_READER, -1. */
int reader_broke(struct reader *r, struct err *e, const char *why);

#endif
