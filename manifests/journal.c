/*
 * The hash-chained logs of station and store (FORMAT 10): every line names the digest of the line before, so that
 * whoever knows the last one (a receipt, a manifest's witness) knows them all.
 * Refuses logs of which a line was changed, dropped, added or moved; what can't be seen from the log alone, that its
 * newest lines were taken away, is seen against a receipt.
 */
#include "manifests/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/num.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define MAX_LINE (1u << 20)	/* FORMAT 10.2: bounds what a reader holds */
#define CHUNK (64u << 10)
#define PREV_MARK "\"prev\":\""
#define PREV_LEN (sizeof(PREV_MARK) - 1 + DIGEST_HEX + 2)	/* with the closing "} */

struct journal {
	struct file file;
	uint64_t length;
	struct digest head;
	struct buf pending;	/* lines noted and not written yet */
	bool failed;	/* an append ended somewhere in its lines */
};

/* ---- one line ---- */

/* What a line says of its place in the chain. */
struct link {
	uint64_t n;
	struct digest prev;
	json_t *o;	/* owned */
};

static bool is_ascii(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] > 0x7f)
			return false;
	return true;
}

/* Parses a line (without its LF) by its own form: n, time, event, prev at the end. */
static int read_line(const char *line, size_t len, struct link *out, struct err *e)
{
	const char *time, *prev;
	int64_t seconds;

	if (!is_ascii(line, len))
		return err_set(e, R_JOURNAL, "holds what is not ASCII");
	out->o = json_parse_line(line, len, e);
	if (!out->o) {
		if (e->reason == ERR_FORM)
			e->reason = R_JOURNAL;
		return -1;
	}
	time = json_get_text(out->o, "time");
	prev = json_get_text(out->o, "prev");
	if (json_get_number(out->o, "n", &out->n) || !time || num_parse_time(time, strlen(time), &seconds) ||
	    !json_get_text(out->o, "event"))
		err_set(e, R_JOURNAL, "without number, time or event");
	else if (!prev || len < PREV_LEN || memcmp(line + len - PREV_LEN, PREV_MARK, sizeof(PREV_MARK) - 1) ||
		 digest_parse(prev, strlen(prev), &out->prev))
		err_set(e, R_JOURNAL, "without the digest of the line before at its end");
	else
		return 0;
	json_decref(out->o);
	out->o = NULL;
	return -1;
}

/* An append that was cut off leaves the beginning of a line. A whole line and one more byte is something else: its
 * line feed was changed. */
static bool interrupted(const char *tail, size_t len)
{
	struct err e = {0};
	struct link link = {0};

	if (len < 2 || read_line(tail, len - 1, &link, &e))
		return true;
	json_decref(link.o);
	return false;
}

/* ---- appending ---- */

static int open_log(const struct file *dir, const char *name, bool create, struct file *out, struct err *e)
{
	int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	struct stat st;

	if (asprintf(&out->name, "%s/%s", dir->name, name) == -1) {
		out->name = NULL;
		return err_mem(e);
	}
	out->fd = openat(dir->fd, name, flags);
	if (out->fd == -1 && errno == ENOENT && create) {
		out->fd = openat(dir->fd, name, flags | O_CREAT | O_EXCL, 0644);
		if (out->fd != -1 && (file_sync(out, e) || file_sync(dir, e)))
			return -1;
	}
	if (out->fd == -1)
		return err_sys(e, "%s", out->name);
	if (file_stat(out, &st, e))
		return -1;
	return S_ISREG(st.st_mode) ? 0 : err_set(e, ERR_FILE_TYPE, "%s: not a regular file", out->name);
}

/* Offset just behind the last LF before `end`, 0 where there is none; looking back as far as a line may be long. */
static int line_start(const struct file *f, uint64_t end, uint64_t *start, struct err *e)
{
	uint64_t least = end > MAX_LINE + 1 ? end - MAX_LINE - 1 : 0, at = end;
	char *chunk = malloc(CHUNK);
	const char *lf = NULL;
	int rc = chunk ? 0 : err_mem(e);

	while (rc == 0 && !lf && at > least) {
		size_t n = at - least < CHUNK ? (size_t)(at - least) : CHUNK;

		at -= n;
		rc = file_pread(f, chunk, n, at, e);
		lf = rc ? NULL : memrchr(chunk, '\n', n);
	}
	if (rc == 0 && !lf && at > 0)
		rc = err_set(e, R_JOURNAL, "%s: the last line is longer than %u bytes", f->name, MAX_LINE);
	*start = lf ? at + (uint64_t)(lf - chunk) + 1 : 0;
	free(chunk);
	return rc;
}

static int read_range(const struct file *f, uint64_t from, uint64_t to, struct buf *out, struct err *e)
{
	size_t n = (size_t)(to - from);

	buf_clear(out);
	if (buf_reserve(out, n + 1))
		return err_mem(e);
	if (n > 0 && file_pread(f, out->data, n, from, e))
		return -1;
	out->len = n;
	return 0;
}

/* Cuts off what an interrupted append has left. */
static int cut_tail(struct journal *j, uint64_t from, uint64_t to, struct buf *tail, struct err *e)
{
	if (read_range(&j->file, from, to, tail, e))
		return -1;
	if (!interrupted((const char *)tail->data, tail->len))
		return err_set(e, R_JOURNAL, "%s: the last line does not end with a line feed, but is whole", j->file.name);
	if (ftruncate(j->file.fd, (off_t)from))
		return err_sys(e, "%s", j->file.name);
	return file_sync(&j->file, e);
}

/* Finds the last line and takes number and digest from it. */
static int find_head(struct journal *j, bool *cut, struct err *e)
{
	struct link link = {0};
	struct buf line = {0};
	struct stat st;
	uint64_t end, start;
	int rc = -1;

	if (file_stat(&j->file, &st, e) || line_start(&j->file, (uint64_t)st.st_size, &end, e))
		goto out;
	if (end < (uint64_t)st.st_size) {
		if (cut_tail(j, end, (uint64_t)st.st_size, &line, e))
			goto out;
		*cut = true;
	}
	rc = 0;
	if (end == 0)
		goto out;
	rc = -1;
	if (line_start(&j->file, end - 1, &start, e) || read_range(&j->file, start, end - 1, &line, e))
		goto out;
	if (read_line((const char *)line.data, line.len, &link, e) || digest_of(line.data, line.len, &j->head, e)) {
		err_prefix(e, "%s: last line", j->file.name);
		goto out;
	}
	j->length = link.n;
	rc = link.n > 0 ? 0 : err_set(e, R_JOURNAL, "%s: last line: number 0", j->file.name);
out:
	json_decref(link.o);
	buf_free(&line);
	return rc;
}

struct journal *journal_open(const struct file *dir, const char *name, bool create, bool *cut, struct err *e)
{
	struct journal *j = calloc(1, sizeof(*j));
	bool was_cut = false;

	if (!j) {
		err_mem(e);
		return NULL;
	}
	j->file = (struct file)FILE_CLOSED;
	if (open_log(dir, name, create, &j->file, e) || find_head(j, &was_cut, e)) {
		journal_close(j);
		return NULL;
	}
	if (cut)
		*cut = was_cut;
	return j;
}

/* The object of a new line: what every line has around the members of this event. */
static json_t *compose(const struct journal *j, int64_t now, const char *event, json_t *members, struct err *e)
{
	char time[32], hex[DIGEST_HEX + 1];
	json_t *o = json_object(), *value;
	const char *key;

	if (!o || json_put_number(o, "n", j->length + 1) || json_put_text(o, "time", num_format_time(now, time)) ||
	    json_put_text(o, "event", event))
		goto memory;
	json_object_foreach(members, key, value) {
		if (json_object_get(o, key) || !strcmp(key, "prev")) {
			err_set(e, ERR_INTERNAL, "%s: event \"%s\" has a member \"%s\" of its own", j->file.name, event, key);
			json_decref(o);
			return NULL;
		}
		if (json_put(o, key, json_incref(value)))
			goto memory;
	}
	if (json_put_text(o, "prev", digest_hex(&j->head, hex)))
		goto memory;
	return o;
memory:
	json_decref(o);
	err_mem(e);
	return NULL;
}

/* What was noted, in one write and one sync. */
static int write_pending(struct journal *j, struct err *e)
{
	if (j->pending.len == 0)
		return 0;
	j->failed = true;
	if (file_write(&j->file, j->pending.data, j->pending.len, e) || file_sync(&j->file, e))
		return -1;
	j->failed = false;
	j->pending.len = 0;
	return 0;
}

/* The next line of the chain, pending. */
static int add_line(struct journal *j, const struct buf *line, struct err *e)
{
	struct digest d;

	if (line->len > MAX_LINE)
		return err_set(e, ERR_TOO_LARGE, "%s: a line of %zu bytes, and the most is %u", j->file.name, line->len, MAX_LINE);
	if (digest_of(line->data, line->len, &d, e))
		return -1;
	buf_append(&j->pending, line->data, line->len);
	buf_putc(&j->pending, '\n');
	if (buf_ok(&j->pending, e)) {
		j->failed = true;	/* what is pending is not whole */
		return -1;
	}
	j->head = d;
	j->length++;
	return 0;
}

int journal_note(struct journal *j, int64_t now, const char *event, json_t *members, struct err *e)
{
	struct buf line = {0};
	json_t *o = NULL;
	int rc = -1;

	if (j->failed)	/* what is on disk is unknown: the next open finds out */
		err_set(e, ERR_IO, "%s: an append has failed before", j->file.name);
	else
		o = compose(j, now, event, members, e);
	if (o && json_line(o, &line, e) == 0)
		rc = add_line(j, &line, e);
	json_decref(o);
	json_decref(members);
	buf_free(&line);
	return rc == 0 && j->pending.len >= CHUNK ? write_pending(j, e) : rc;
}

int journal_append(struct journal *j, int64_t now, const char *event, json_t *members, struct err *e)
{
	return journal_note(j, now, event, members, e) ? -1 : write_pending(j, e);
}

uint64_t journal_length(const struct journal *j)
{
	return j->length;
}

const struct digest *journal_head(const struct journal *j)
{
	return &j->head;
}

void journal_close(struct journal *j)
{
	struct err ignored = {0};

	if (!j)
		return;
	if (!j->failed)
		(void)write_pending(j, &ignored);
	file_close(&j->file);
	buf_free(&j->pending);
	free(j);
}

/* ---- reading ---- */

struct chain {
	const char *name;
	uint64_t length;
	struct digest head;
	int (*each)(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e);
	void *arg;
};

static int follow(struct chain *c, const char *line, size_t len, struct err *e)
{
	struct link link = {0};
	struct digest d;
	int rc = -1;

	if (read_line(line, len, &link, e) || digest_of(line, len, &d, e))
		goto out;
	if (link.n != c->length + 1)
		err_set(e, R_JOURNAL, "has number %llu", (unsigned long long)link.n);
	else if (!digest_equal(&link.prev, &c->head))
		err_set(e, R_JOURNAL, "does not continue the line before: one of the two was changed");
	else
		rc = 0;
	if (rc)
		goto out;
	c->length++;
	c->head = d;
	rc = c->each ? c->each(c->arg, c->length, &d, link.o, e) : 0;
	json_decref(link.o);
	return rc;
out:
	json_decref(link.o);
	return err_prefix(e, "%s: line %llu", c->name, (unsigned long long)c->length + 1);
}

/* Goes through the whole lines of what was read so far and keeps the rest. */
static int follow_lines(struct chain *c, struct buf *b, struct err *e)
{
	const char *p = (const char *)b->data, *end = p + b->len, *lf;

	while (p < end && (lf = memchr(p, '\n', (size_t)(end - p)))) {
		if (lf - p > MAX_LINE)
			break;
		if (follow(c, p, (size_t)(lf - p), e))
			return -1;
		p = lf + 1;
	}
	if (end - p > MAX_LINE)
		return err_set(e, R_JOURNAL, "%s: line %llu: longer than %u bytes", c->name, (unsigned long long)c->length + 1,
			       MAX_LINE);
	memmove(b->data, p, (size_t)(end - p));
	b->len = (size_t)(end - p);
	return 0;
}

static int follow_file(struct chain *c, const struct file *f, struct buf *b, struct err *e)
{
	for (;;) {
		int64_t n;

		if (buf_reserve(b, CHUNK))
			return err_mem(e);
		n = file_read(f, b->data + b->len, CHUNK, e);
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		b->len += (size_t)n;
		if (follow_lines(c, b, e))
			return -1;
	}
	/* an append under way or interrupted is no line yet */
	if (!interrupted((const char *)b->data, b->len))
		return err_set(e, R_JOURNAL, "%s: line %llu: does not end with a line feed, but is whole", c->name,
			       (unsigned long long)c->length + 1);
	return 0;
}

int journal_read(const struct file *dir, const char *name,
		 int (*each)(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e), void *arg,
		 uint64_t *length, struct digest *head, struct err *e)
{
	struct file f = FILE_CLOSED;
	struct chain c = {.each = each, .arg = arg};
	struct buf b = {0};
	int rc = -1;

	if (file_open_at(dir, name, &f, e) == 0) {
		c.name = f.name;
		rc = follow_file(&c, &f, &b, e);
	}
	if (rc == 0 && length)
		*length = c.length;
	if (rc == 0 && head)
		*head = c.head;
	buf_free(&b);
	file_close(&f);
	return rc;
}
