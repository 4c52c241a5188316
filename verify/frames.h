/*
 * The reader's work on one volume: read | unframe | unpack, several frames at once, answers in order of the file.
 */
#ifndef VERIFY_FRAMES_H
#define VERIFY_FRAMES_H

#include <stdbool.h>

struct err;
struct file;
struct volume;
struct window;
struct wire;

struct frames_ask {
	const struct file *file;	/* closed where the volume isn't there: then all frames asked for are damage */
	const struct volume *index;
	const bool *want;
	unsigned jobs;
};
/*
 * Answers a VOLUME request with parts (verify/wire.h), unpacking into slots of the window as main gives them free. 0; 1
 * where the file is not there or too short; -1: R_FRAME_FORM, R_FRAME_SIZE, R_ENTRY_HEADER, R_FILE_SIZE (longer than its
 * frames, found at the end), R_READER. Ends early, with 0, when main says stop.
 */
int frames_answer(struct wire *w, const struct window *window, const struct frames_ask *ask, struct err *e);

#endif
