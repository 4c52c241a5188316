/*
 * Messages between main and its reader process, over two pipes: a head of fixed size, then `len` bytes. Both ends are
 * the same program (the reader is forked, not executed), so numbers stand as the machine has them. The bytes of frames
 * stand in memory that both share (verify/window.h); a message only says in which slot.
 *
 * One request is answered by any number of parts and exactly one end:
 *
 *     request   a, b, c; bytes                             parts                          end
 *     NAMES     "BUNDLE\0" ("" for the medium's own)       NAME a: is a directory; name    DONE, ERROR
 *     FILE      c: greatest size; "BUNDLE\0NAME\0"         BYTES; data in order            DONE, ERROR
 *     VOLUME    a: frames, b: objects; volume_frame[],     FRAME a: frame, b: slot, c      DONE, ERROR
 *               volume_object[], bool[], "BUNDLE\0NAME\0"  DAMAGE a: frame, b: reason, c: slot; text
 *     FREE      a: slot, which main needs no longer; no answer. With each request all slots are free
 *     STOP      ends what is under way early; no answer of its own
 *
 * FRAME c: so many bytes at its end don't count: an ERROR follows that is about them. DONE a: 0, or 1 where it isn't there. ERROR a: reason, b: errno; text. A reader begins with CAGE (a: 1 where it is
 * whole; text: verify/cage.h) and then DONE or ERROR for its medium, or with ERROR alone. Everything that breaks this
 * is R_READER.
 */
#ifndef VERIFY_WIRE_H
#define VERIFY_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum wire_type {
	WIRE_NAMES = 1, WIRE_FILE, WIRE_VOLUME, WIRE_STOP,
	WIRE_NAME, WIRE_BYTES, WIRE_DAMAGE, WIRE_DONE, WIRE_ERROR, WIRE_CAGE,
	WIRE_FREE, WIRE_FRAME
};
struct wire_head {
	uint32_t type, len;
	uint64_t a, b, c;
};

#define WIRE_CHUNK (128u << 10)	/* most bytes of an answer: it stays in the second-level cache */
#define WIRE_REQUEST (8u << 20)	/* most bytes of a request: the tables of a volume with the most objects, 4.7 MiB */
#define WIRE_TEXT 1024u		/* most bytes of a text or name */

struct wire {
	int in, out;		/* owned */
	uint8_t *got;		/* read and not yet taken: got[start..end] */
	size_t start, end, room;
	uint8_t *put;		/* small messages gathered for one write */
	size_t put_len;
	unsigned patience;	/* seconds; 0: waits for ever */
	int64_t until_in, until_out;	/* when the message under way must be through, in milliseconds; 0: not waited yet */
};

/* Takes over both descriptors, also on error. */
int wire_open(struct wire *w, int in, int out, struct err *e);
void wire_close(struct wire *w);
/* From now on no message, in or out, is waited for longer than that. */
void wire_limit(struct wire *w, unsigned seconds);

/*
 * Queues a message; h->len bytes of data. Large ones are written at once, small ones at wire_flush or when enough.
 * R_READER, R_MEDIUM_TIMEOUT (the other end does not take them).
 */
int wire_put(struct wire *w, const struct wire_head *h, const void *data, struct err *e);
int wire_flush(struct wire *w, struct err *e);
/* Sends a head without data at once, past what is queued: from any thread, also while another one waits for messages. */
int wire_signal(const struct wire *w, const struct wire_head *h, struct err *e);

/*
 * The next message, its data valid until the next call. 0; 1 where the other end closed between messages; -1:
 * R_READER (cut off, longer than max), R_MEDIUM_TIMEOUT (it did not come within the limit).
 */
int wire_next(struct wire *w, size_t max, struct wire_head *h, const uint8_t **data, struct err *e);
/* Whether something is there to be taken, or the other end is gone. */
bool wire_ready(const struct wire *w);

#endif
