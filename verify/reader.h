/*
 * The reader process: the only one that opens the medium. reader_open forks it; two pipes, requests in and answers
 * out, and the window that frames come through are all it shares with its maker (all other descriptors are closed in it). It dies with its parent
 * (PR_SET_PDEATHSIG). Whoever asks believes nothing of what comes back: documents are judged by signature and digest, objects
 * by their digest; every message is checked for form, order and bounds (R_READER).
 *
 * The reader opens beneath MEDIUM/satchel only (lib/file: no links, no FIFOs, no devices), reads each byte asked for
 * once, never writes. For volumes it works on several frames at once: read into memory, digest compared, decompressed
 * with bounds into memory that both share (verify/window.h), tar headers and padding compared with what the index implies. What
 * lies there in raw blocks is read to its place in that memory, and then all the same is done with it before main hears of it.
 *
 * The messages are described in verify/wire.h; several requests never overlap. Where a callback returns -1 the reader is
 * told to stop, and may be asked again afterwards; after R_READER and R_MEDIUM_TIMEOUT every further request fails.
 */
#ifndef VERIFY_READER_H
#define VERIFY_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct volume;
struct reader;

struct reader_ask {
	const char *medium;
	unsigned jobs;		/* frames worked on at once */
	unsigned seconds;	/* a medium that sends nothing for so long is given up; 0: READER_SECONDS */
	bool require_sandbox;	/* nothing is read unless the cage is whole */
};
/* Rows for a command's table of options. */
#define READER_OPTIONS \
	{.name = "medium-timeout", .value = "SECONDS", .help = "give a medium up that sends nothing for so long (180)"}, \
	{.name = "require-sandbox", .help = "read nothing where the process that reads media can't be fully caged"}
/* The kernel tries a bad sector five times for 30 seconds before it reports it. */
#define READER_SECONDS 180
#define READER_MAX_SECONDS 86400
/* Stages for lib/timings, of the reader process. */
#define READER_READING "reading the medium"
#define READER_UNPACKING "frames: digest, unpacking"
/*
 * Starts a reader on a medium. Call it before any thread is made.
 * R_MEDIUM_MISSING when the path is no directory; R_SANDBOX. A medium without a `satchel` directory has no bundles.
 */
struct reader *reader_open(const struct reader_ask *ask, struct err *e);
/* Ends it and waits for it, but only seconds for one that hangs in the medium. NULL is a no-op. */
void reader_close(struct reader *r);
/* What it is caged by, as it stands in journals and receipts (verify/cage.h), and whether that is all there is. */
const char *reader_sandbox(const struct reader *r);
bool reader_caged(const struct reader *r);
/* For tests: a reader whose answers come from `in` and whose requests go to `out`; takes both over. Its window is that of one
 * job. */
struct reader *reader_over(int in, int out, const char *medium, struct err *e);
struct window;
const struct window *reader_window(const struct reader *r);
const char *reader_medium(const struct reader *r);	/* the path as given */

/*
 * Calls each for every name in MEDIUM/satchel (bundle NULL) or in one bundle's directory, in order of bytes; is_dir as lstat
 * says. At most READER_MAX_NAMES names, further ones end in R_MEDIUM_READ. 0; 1 where the directory isn't there; -1.
 */
#define READER_MAX_NAMES 65536
int reader_names(struct reader *r, const char *bundle,
		 int (*each)(void *arg, const char *name, bool is_dir, struct err *e), void *arg, struct err *e);

/*
 * Reads a whole file of a bundle, at most max bytes, into out (appended). 0; 1 where it isn't there; -1:
 * ERR_TOO_LARGE (found by its size, not read), R_FILE_TYPE, R_MEDIUM_READ.
 */
int reader_file(struct reader *r, const char *bundle, const char *name, size_t max, struct buf *out, struct err *e);
/* Streams a file's bytes, in order, for digests of whole volumes. Same returns. */
int reader_stream(struct reader *r, const char *bundle, const char *name, uint64_t max,
		  int (*bytes)(void *arg, const void *data, size_t len, struct err *e), void *arg, struct err *e);

/* What a volume gives. Calls come in order of the file, on the caller's thread. */
struct reader_frame {
	size_t frame;		/* its number in the index, from 0 */
	unsigned slot;		/* to be released */
	const uint8_t *tar;	/* the bytes it holds, in the window: they may change at any moment (verify/window.h), */
	size_t len;		/* but for those from the first one on that is not as it must be: then that is the volume's error */
};
struct reader_damage {
	size_t frame, frames;	/* the first, and how many in a row: one, but where verify/inflow.h puts them together */
	uint64_t at, size;	/* their extent in the file */
	int reason;		/* R_FRAME_DIGEST, R_MEDIUM_READ */
	const char *text;	/* cause, from the reader: escape before printing */
};
struct reader_sink {
	void *arg;
	/* A frame came. Its slot is the sink's until reader_release, also where this returns -1. */
	int (*frame)(void *arg, const struct reader_frame *f, struct err *e);
	/* A frame is lost: what it held of any object will not come. Others follow. */
	int (*damage)(void *arg, const struct reader_damage *d, struct err *e);
};
/*
 * Reads those frames of a volume that the wanted objects lie in (header and padding included, and with the last object
 * the end of the tar: who wants all objects gets all frames), each once, and hands them over.
 * index: authenticated. want[i]: objects[i] is wanted.
 * On 0 and 1 every such frame was handed over, but for those that damage was called for. All slots must be released
 * before the next request.
 * 0; 1 where the file isn't there or is too short for a frame (then damage was called for what it lacks);
 * -1: R_FRAME_FORM, R_FRAME_SIZE, R_ENTRY_HEADER (the signer lied: nothing further is read, what came before is good),
 * R_FILE_SIZE (the file goes on after its last frame: said after everything wanted was handed over), R_FILE_TYPE,
 * R_READER, R_MEDIUM_TIMEOUT, the sink's error.
 */
int reader_volume(struct reader *r, const char *bundle, const struct volume *index, const bool *want,
		  const struct reader_sink *sink, struct err *e);
/* Gives a frame's slot back; from any thread. */
void reader_release(struct reader *r, unsigned slot);

#endif
