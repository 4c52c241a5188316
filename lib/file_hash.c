/*
 * The digest of a file (lib/file_hash.h). Refuses nothing.
 */
#include "lib/file_hash.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "lib/digest.h"
#include "lib/drop_behind.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/progress.h"

#include "lib/banned.h"

#define CHUNK ((size_t)256 << 10)	/* stays in the processor's cache between reading and hashing */

struct file_hash {
	struct digest_ctx *digest;
	enum file_hash_how how;
	uint8_t chunk[CHUNK];
};

struct file_hash *file_hash_open(enum file_hash_how how, struct err *e)
{
	struct file_hash *h = malloc(sizeof *h);

	if (h == NULL) {
		err_mem(e);
		return NULL;
	}
	h->how = how;
	h->digest = digest_open(e);
	if (h->digest != NULL)
		return h;
	free(h);
	return NULL;
}

void file_hash_close(struct file_hash *h)
{
	if (h == NULL)
		return;
	digest_close(h->digest);
	free(h);
}

/* Files of at most a unit are left alone: there are many, and asking about each would be felt. */
static void begin(const struct file_hash *h, struct drop_behind *d, const struct file *f)
{
	struct stat st;

	*d = (struct drop_behind){.file = f};
	if (!(h->how & FILE_HASH_AGAIN) && fstat(f->fd, &st) == 0 && (uint64_t)st.st_size > DROP_BEHIND_UNIT)
		drop_behind_open(d, f, (uint64_t)st.st_size, DROP_BEHIND_SHARED);
}

int file_hash_run(struct file_hash *h, const struct file *f, struct digest *out, struct err *e)
{
	struct drop_behind d;
	int64_t n;

	begin(h, &d, f);
	while ((n = drop_behind_read_on(&d, h->chunk, CHUNK, e)) > 0) {
		digest_update(h->digest, h->chunk, (size_t)n);
		if (h->how & FILE_HASH_TOLD)
			progress_add((uint64_t)n);
	}
	drop_behind_close(&d);
	return digest_final(h->digest, out, n == -1 ? NULL : e) == -1 || n == -1 ? -1 : 0;
}

int file_hash_once(const struct file *f, enum file_hash_how how, struct digest *out, struct err *e)
{
	struct file_hash *h = file_hash_open(how, e);
	int rc = h == NULL ? -1 : file_hash_run(h, f, out, e);

	file_hash_close(h);
	return rc;
}
