/*
 * The hashing of a survey (export/hasher.h). Refuses files that went away, can't be read, or change while they are read.
 */
#include "export/hasher.h"

#include <stdlib.h>

#include "export/survey.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/opener.h"
#include "lib/progress.h"

#include "lib/banned.h"

#define CHUNK ((size_t)256 << 10)

struct hasher {
	struct opener opener;
	struct digest_ctx *ctx;
	uint8_t *chunk;
};

void hasher_close(struct hasher *h)
{
	if (h == NULL)
		return;
	opener_close(&h->opener);
	digest_close(h->ctx);
	free(h->chunk);
	free(h);
}

struct hasher *hasher_open(const struct file *content, struct err *e)
{
	struct hasher *h = calloc(1, sizeof *h);

	if (h == NULL) {
		err_mem(e);
		return NULL;
	}
	h->opener = (struct opener)OPENER(content);
	h->chunk = malloc(CHUNK);
	if (h->chunk == NULL)
		err_mem(e);
	else if ((h->ctx = digest_open(e)) != NULL)
		return h;
	hasher_close(h);
	return NULL;
}

static bool same_file(const struct entry *n, const struct stat *st)
{
	return n->size == (uint64_t)st->st_size && n->inode == st->st_ino && file_same_time(&n->mtime, &st->st_mtim) &&
	       file_same_time(&n->ctime, &st->st_ctim);
}

static const char *hash(struct hasher *h, const struct file *f, struct entry *n, struct err *cause)
{
	struct stat st;
	uint64_t size = 0;
	int64_t got = 0;

	/* no byte behind the end is asked for: whether there is one by now, the status tells */
	while (size < n->size && (got = file_read(f, h->chunk, CHUNK, cause)) > 0) {
		digest_update(h->ctx, h->chunk, (size_t)got);
		size += (uint64_t)got;
		progress_add((uint64_t)got);
	}
	if (digest_final(h->ctx, &n->sha256, cause) == -1 || got < 0)
		return "can't be read";
	if (file_stat(f, &st, cause) == -1 || size != n->size || !same_file(n, &st))
		return "changed while it was scanned";
	return NULL;
}

const char *hasher_entry(struct hasher *h, struct entry *n, struct err *cause)
{
	struct file f = FILE_CLOSED;
	const char *why;

	if (opener_open(&h->opener, n->path, &f, cause) == -1)
		return cause->reason == ERR_MISSING ? "went away while it was scanned" : "can't be read";
	why = hash(h, &f, n, cause);
	file_close(&f);
	return why;
}
