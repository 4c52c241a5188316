/*
 * unframe | UNPACK: tar bytes against the index. There is no tar parser: what each byte outside of object data must be
 * follows from the index, and is compared.
 */
#ifndef VERIFY_UNPACK_H
#define VERIFY_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct volume;

/* Where a frame's bytes stand in the volume's tar stream. */
uint64_t unpack_frame_at(size_t frame);

/*
 * Marks the frames that wanted objects lie in, headers and padding included; with the last object also the end of the
 * tar. All frames where there are no objects. frames: index->frames_n of them, all false.
 */
void unpack_frames(const struct volume *index, const bool *want, bool *frames);

/* The object with data both in a frame and behind its end; objects_n where there is none. */
size_t unpack_crossing(const struct volume *index, size_t frame);

/* Compares headers, padding and the tar's end in one frame's bytes (tar: holds bytes). R_ENTRY_HEADER; then *good is how many of
 * them come before what is not as it must be, and before its entry, where that is a header. */
int unpack_check(const struct volume *index, size_t frame, const uint8_t *tar, size_t *good, struct err *e);

/*
 * Calls each for the data of wanted objects in one frame's first tar_len bytes (at most holds), in order. An empty object gives one
 * call with len 0, from the frame its header ends in.
 */
int unpack_each(const struct volume *index, const bool *want, size_t frame, const uint8_t *tar, size_t tar_len,
		int (*each)(void *arg, size_t object, uint64_t from, const uint8_t *data, size_t len, struct err *e),
		void *arg, struct err *e);

#endif
