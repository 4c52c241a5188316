/*
 * Small files of a bundle, each read once (verify/seen.h). Refuses nothing: whoever asked judges.
 */
#include "verify/seen.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "verify/reader.h"

#include "lib/banned.h"

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct seen_file *)a)->name, ((const struct seen_file *)b)->name);
}

static void forget(void *file)
{
	spooled_free(&((struct seen_file *)file)->kept);
	free(file);
}

void seen_free(struct seen *s)
{
	tdestroy(s->tree, forget);
	s->tree = NULL;
}

/* Takes nothing of the caller's bytes over. */
static int keep_all(const struct seen *s, struct seen_file *f, const void *data, size_t len, struct err *e)
{
	struct buf copy = {0};
	int rc;

	if (s->keep == NULL)
		return 0;
	buf_append(&copy, data, len);
	rc = buf_ok(&copy, e) == -1 ? -1 : spool_keep(s->keep, &copy, &f->kept, e);
	buf_free(&copy);
	return rc;
}

static int remember(struct seen *s, const char *name, const void *data, size_t len, struct err *e)
{
	struct seen_file *f = calloc(1, sizeof *f), **node;

	if (f == NULL)
		return err_mem(e);
	memcpy(f->name, name, strlen(name) + 1);
	f->size = len;
	if (len > 0 && len <= sizeof f->bytes)
		memcpy(f->bytes, data, len);
	if (digest_of(data, len, &f->sha256, e) == -1 || keep_all(s, f, data, len, e) == -1) {
		forget(f);
		return -1;
	}
	node = tsearch(f, &s->tree, by_name);
	if (node == NULL) {
		forget(f);
		return err_mem(e);
	}
	if (*node != f) {	/* read once more after all: what was read last counts */
		forget(*node);
		*node = f;
	}
	return 0;
}

int seen_read(struct seen *s, const char *name, size_t max, struct buf *out, struct err *e)
{
	const struct seen_file *known = s->keep == NULL ? NULL : seen_find(s, name);
	size_t before = out->len;
	int rc;

	if (known != NULL && known->size <= max)
		return spool_read(s->keep, &known->kept, out, e);
	if (strlen(name) >= NAMES_SIGNATURE_LEN)
		return err_set(e, ERR_INTERNAL, "%s: longer than any name of a bundle", name);
	rc = reader_file(s->reader, s->bundle, name, max, out, e);
	if (rc == 0)
		rc = remember(s, name, out->len == before ? "" : (const char *)out->data + before, out->len - before, e);
	return rc == -1 ? err_prefix(e, "%s/%s", s->bundle, name) : rc;
}

const struct seen_file *seen_find(const struct seen *s, const char *name)
{
	struct seen_file key = {.size = 0};
	void *node;

	if (strlen(name) >= sizeof key.name)
		return NULL;
	memcpy(key.name, name, strlen(name) + 1);
	node = tfind(&key, &s->tree, by_name);
	return node == NULL ? NULL : *(struct seen_file **)node;
}

int seen_signature(void *arg, const char *name, struct buf *out, struct err *e)
{
	static const uint8_t too_long[PUBKEY_MAX_SIGNATURE + 1];	/* stands for what is not read: never verifies either */
	const struct seen_file *f = seen_find(arg, name);
	int rc;

	if (f != NULL) {
		buf_append(out, f->bytes, f->size < sizeof f->bytes ? f->size : sizeof f->bytes);
		return buf_ok(out, e);
	}
	rc = seen_read(arg, name, PUBKEY_MAX_SIGNATURE + 1, out, e);
	if (rc == -1 && e->reason == ERR_TOO_LARGE) {
		err_clear(e);
		buf_append(out, too_long, sizeof too_long);
		return buf_ok(out, e);
	}
	return rc;
}
