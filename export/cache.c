/*
 * The cache of digests, beside SCAN: one pass reads the old one along with the walk, another is written anew. Refuses
 * to be used when it isn't whole or of another version, and then the scan hashes everything.
 *
 * The file: MAGIC, entries (struct head, path, link), the offset of every STRIDE-th entry, the refused items (each with
 * its NUL), struct tail. It never leaves the machine, so numbers stand as the machine has them.
 */
#include "export/cache.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/outfile.h"
#include "lib/path.h"

#include "lib/banned.h"

#define MAGIC "satchel-cache-1\n"
#define MAGIC_LEN 16
#define STRIDE 256
#define WINDOW ((size_t)1 << 18)	/* bytes of the file held at once; far more than one entry */

struct head {
	uint16_t path_len, link_len;
	uint8_t kind, exec, trusted, zero;
	uint32_t mtime_ns, ctime_ns;
	uint64_t size, inode;
	int64_t mtime, ctime;
	struct digest sha256;
};
struct tail {
	uint64_t index_at, index_n, refused_size;
	struct digest draft;
	char magic[MAGIC_LEN];
};

struct cache {
	struct file file;
	uint64_t size;
	struct tail tail;
	uint8_t *window;
	uint64_t window_at;
	size_t window_len;
	uint64_t at;		/* of the next entry */
	char *refused;		/* its texts, and where they begin, sorted */
	const char **items;
	size_t items_n;
	struct cache_entry entry;
	char path[PATH_MAX_LEN + 1], link[PATH_MAX_LEN + 1];
};

/* The bytes [at, at + len) of the file, or NULL. */
static const void *look(struct cache *c, uint64_t at, size_t len)
{
	struct err e = {0};

	if (at > c->size || len > c->size - at || len > WINDOW)
		return NULL;
	if (at < c->window_at || at + len > c->window_at + c->window_len) {
		c->window_len = c->size - at < WINDOW ? (size_t)(c->size - at) : WINDOW;
		c->window_at = at;
		if (file_pread(&c->file, c->window, c->window_len, at, &e) == -1) {
			c->window_len = 0;
			return NULL;
		}
	}
	return c->window + (at - c->window_at);
}

static bool usable(struct cache *c)
{
	const void *p = look(c, 0, MAGIC_LEN);
	uint64_t index_size;

	if (p == NULL || memcmp(p, MAGIC, MAGIC_LEN) != 0 || c->size < MAGIC_LEN + sizeof c->tail)
		return false;
	p = look(c, c->size - sizeof c->tail, sizeof c->tail);
	if (p == NULL)
		return false;
	memcpy(&c->tail, p, sizeof c->tail);
	return memcmp(c->tail.magic, MAGIC, MAGIC_LEN) == 0 && c->tail.index_at >= MAGIC_LEN &&
	       !num_mul(c->tail.index_n, sizeof(uint64_t), &index_size) && c->tail.refused_size <= BUF_MAX &&
	       index_size <= c->size && c->tail.index_at <= c->size &&
	       c->size - c->tail.index_at == index_size + c->tail.refused_size + sizeof c->tail;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of refused items. 0, 1 where they can't be read, -1 out of memory. */
static int load_refused(struct cache *c, struct err *e)
{
	size_t size = (size_t)c->tail.refused_size, n = 0;
	struct err cause = {0};

	if (size == 0)
		return 0;
	c->refused = malloc(size);
	if (c->refused == NULL)
		return err_mem(e);
	if (file_pread(&c->file, c->refused, size, c->tail.index_at + c->tail.index_n * sizeof(uint64_t), &cause) == -1 ||
	    c->refused[size - 1] != '\0')
		return 1;
	for (size_t i = 0; i < size; i++)
		n += c->refused[i] == '\0';
	c->items = calloc(n, sizeof *c->items);
	if (c->items == NULL)
		return err_mem(e);
	for (const char *s = c->refused; c->items_n < n; s += strlen(s) + 1)
		c->items[c->items_n++] = s;
	qsort(c->items, n, sizeof *c->items, by_text);
	return 0;
}

bool cache_refused(const struct cache *c, const char *item)
{
	return c->items_n > 0 && bsearch(&item, c->items, c->items_n, sizeof *c->items, by_text) != NULL;
}

int cache_open(const struct file *station, struct cache **out, struct err *e)
{
	struct cache *c = calloc(1, sizeof *c);
	struct err cause = {0};
	struct stat st;
	int rc = 1;

	*out = NULL;
	if (c == NULL)
		return err_mem(e);
	c->file = (struct file)FILE_CLOSED;
	c->window = malloc(WINDOW);
	if (c->window == NULL) {
		cache_close(c);
		return err_mem(e);
	}
	if (file_open_at(station, "cache", &c->file, &cause) == 0 && file_stat(&c->file, &st, &cause) == 0) {
		c->size = (uint64_t)st.st_size;
		c->at = MAGIC_LEN;
		if (usable(c))
			rc = load_refused(c, e);
	}
	if (rc == 0)
		*out = c;
	else
		cache_close(c);
	return rc;
}

void cache_close(struct cache *c)
{
	if (c == NULL)
		return;
	file_close(&c->file);
	free(c->items);
	free(c->refused);
	free(c->window);
	free(c);
}

const struct digest *cache_draft(const struct cache *c)
{
	return &c->tail.draft;
}

const struct cache_entry *cache_next(struct cache *c)
{
	struct head h;
	const void *p;

	if (c->at >= c->tail.index_at || (p = look(c, c->at, sizeof h)) == NULL)
		return NULL;
	memcpy(&h, p, sizeof h);
	if (h.path_len > PATH_MAX_LEN || h.link_len > PATH_MAX_LEN)
		return NULL;
	p = look(c, c->at + sizeof h, (size_t)h.path_len + h.link_len);
	if (p == NULL)
		return NULL;
	memcpy(c->path, p, h.path_len);
	c->path[h.path_len] = '\0';
	memcpy(c->link, (const char *)p + h.path_len, h.link_len);
	c->link[h.link_len] = '\0';
	c->at += sizeof h + h.path_len + h.link_len;
	c->entry = (struct cache_entry){
		.path = c->path, .link = c->link, .kind = h.kind, .exec = h.exec != 0, .trusted = h.trusted != 0,
		.size = h.size, .inode = h.inode, .sha256 = h.sha256,
		.mtime = {.tv_sec = h.mtime, .tv_nsec = h.mtime_ns}, .ctime = {.tv_sec = h.ctime, .tv_nsec = h.ctime_ns},
	};
	return &c->entry;
}

/* Where the n-th stride begins; the end of all where it can't be read. */
static uint64_t stride(struct cache *c, uint64_t n)
{
	const void *p = look(c, c->tail.index_at + n * sizeof(uint64_t), sizeof(uint64_t));
	uint64_t at = c->tail.index_at;

	if (p != NULL)
		memcpy(&at, p, sizeof at);
	return at;
}

/* Sets `at` to the last stride whose first path is not behind `path`. */
static void seek(struct cache *c, const char *path)
{
	uint64_t low = 0, high = c->tail.index_n;

	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;
		const struct cache_entry *first;

		c->at = stride(c, middle);
		first = cache_next(c);
		if (first != NULL && strcmp(first->path, path) <= 0)
			low = middle;
		else
			high = middle;
	}
	c->at = c->tail.index_n == 0 ? c->tail.index_at : stride(c, low);
}

const struct cache_entry *cache_find(struct cache *c, const char *path)
{
	const struct cache_entry *entry = &c->entry;
	unsigned steps = 0;

	/* from where we are, if that is not far before it */
	if (entry->path == NULL || strcmp(entry->path, path) > 0) {
		seek(c, path);
		entry = cache_next(c);
	}
	while (entry != NULL && strcmp(entry->path, path) < 0) {
		if (++steps == STRIDE + 1)
			seek(c, path);
		entry = cache_next(c);
	}
	return entry != NULL && strcmp(entry->path, path) == 0 ? entry : NULL;
}

struct cache_writer {
	struct outfile *out;
	uint64_t at, count;
	struct buf index, refused;
};

struct cache_writer *cache_writer_open(const struct file *station, struct err *e)
{
	struct cache_writer *w = calloc(1, sizeof *w);

	if (w == NULL) {
		err_mem(e);
		return NULL;
	}
	w->out = outfile_open(station, "cache", 0600, e);
	if (w->out == NULL) {
		free(w);
		return NULL;
	}
	outfile_write(w->out, MAGIC, MAGIC_LEN);
	w->at = MAGIC_LEN;
	return w;
}

void cache_writer_add(struct cache_writer *w, const struct cache_entry *entry)
{
	struct head h = {
		.path_len = (uint16_t)strlen(entry->path), .link_len = (uint16_t)(entry->link == NULL ? 0 : strlen(entry->link)),
		.kind = (uint8_t)entry->kind, .exec = entry->exec, .trusted = entry->trusted,
		.mtime_ns = (uint32_t)entry->mtime.tv_nsec, .ctime_ns = (uint32_t)entry->ctime.tv_nsec,
		.size = entry->size, .inode = entry->inode, .mtime = entry->mtime.tv_sec, .ctime = entry->ctime.tv_sec,
		.sha256 = entry->sha256,
	};

	if (w->count++ % STRIDE == 0)
		buf_append(&w->index, &w->at, sizeof w->at);
	outfile_write(w->out, &h, sizeof h);
	outfile_write(w->out, entry->path, h.path_len);
	if (h.link_len > 0)
		outfile_write(w->out, entry->link, h.link_len);
	w->at += sizeof h + h.path_len + h.link_len;
}

void cache_writer_refuse(struct cache_writer *w, const char *item)
{
	buf_append(&w->refused, item, strlen(item) + 1);
}

int cache_writer_commit(struct cache_writer *w, const struct digest *draft, struct err *e)
{
	struct tail t = {.index_at = w->at, .index_n = w->index.len / sizeof(uint64_t), .refused_size = w->refused.len,
			 .draft = *draft};
	int rc = -1;

	memcpy(t.magic, MAGIC, MAGIC_LEN);
	if (buf_ok(&w->index, e) == 0 && buf_ok(&w->refused, e) == 0) {
		outfile_write(w->out, w->index.data, w->index.len);
		outfile_write(w->out, w->refused.data, w->refused.len);
		outfile_write(w->out, &t, sizeof t);
		rc = outfile_commit(w->out, e);
		w->out = NULL;
	}
	cache_writer_abort(w);
	return rc;
}

void cache_writer_abort(struct cache_writer *w)
{
	if (w == NULL)
		return;
	outfile_abort(w->out);
	buf_free(&w->refused);
	buf_free(&w->index);
	free(w);
}
