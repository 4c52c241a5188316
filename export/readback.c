/*
 * Reading back. medium | READBACK.
 * Refuses a volume whose frames don't come back from the device as they were written. One thread reads and hashes: that is
 * faster than any medium, and the next volume is being packed beside it.
 */
#include "export/readback.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "export/medium.h"
#include "lib/buf.h"
#include "lib/digest.h"
#include "lib/drop_behind.h"
#include "lib/err.h"
#include "lib/file.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "manifests/volume.h"

#include "lib/banned.h"

#define STEP ((size_t)256 << 10)	/* stays in the processor's cache between reading and hashing */

struct reading {
	struct file file;
	struct digest_ctx *hash;
	struct drop_behind way;
	uint8_t *buffer;	/* STEP bytes */
};

static int unreadable(size_t frame, struct err *e)
{
	if (e->reason != ERR_MEMORY)
		e->reason = R_READ_BACK;
	err_prefix(e, "frame %zu", frame);
	return err_hint(e, "use another medium");
}

static int read_frame(struct reading *r, size_t frame, const struct volume_frame *f, struct err *e)
{
	struct digest d;

	for (uint64_t done = 0; done < f->size;) {
		size_t n = f->size - done < STEP ? (size_t)(f->size - done) : STEP;
		struct iovec place = {r->buffer, n};

		if (drop_behind_read(&r->way, &place, 1, f->at + done, e) == -1)
			return unreadable(frame, e);
		digest_update(r->hash, r->buffer, n);
		done += n;
	}
	if (digest_final(r->hash, &d, e) == -1)
		return -1;
	if (digest_equal(&d, &f->sha256))
		return 0;
	err_set(e, R_READ_BACK, "%s: frame %zu at %" PRIu64 ": reads back differently from what was written", r->file.name,
		frame, f->at);
	return err_hint(e, "use another medium");
}

static int check_size(const struct reading *r, const struct volume *index, struct err *e)
{
	struct stat st;

	if (file_stat(&r->file, &st, e) == -1)
		return -1;
	if ((uint64_t)st.st_size == volume_file_size(index))
		return 0;
	return err_set(e, R_READ_BACK, "%s: %lld bytes, and %" PRIu64 " were written", r->file.name, (long long)st.st_size,
		       volume_file_size(index));
}

int readback_volume(const struct medium *m, const struct volume *index, const struct buf *index_bytes,
		    int (*count)(void *arg, uint64_t bytes, struct err *e), void *arg, struct err *e)
{
	struct reading r = {.file = FILE_CLOSED};
	char name[32];
	int rc = -1;

	if (medium_check(m, names_volume_index(index->volume, name), index_bytes->data, index_bytes->len, e) == -1)
		return -1;
	r.hash = digest_open(e);
	r.buffer = malloc(STEP);
	if (!r.hash || !r.buffer)
		err_mem(e);
	else if (medium_reopen(m, names_volume(index->volume, name), &r.file, e) == 0 && check_size(&r, index, e) == 0) {
		drop_behind_open(&r.way, &r.file, volume_file_size(index), DROP_BEHIND_CARRIED);
		rc = 0;
	}
	for (size_t i = 0; rc == 0 && i < index->frames_n; i++) {
		rc = read_frame(&r, i, &index->frames[i], e);
		if (rc == 0)
			rc = count(arg, index->frames[i].size, e);
	}
	drop_behind_close(&r.way);
	file_close(&r.file);
	digest_close(r.hash);
	free(r.buffer);
	return rc;
}
