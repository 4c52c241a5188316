/*
 * Writes documents full of strings that mean something to YAML, or that YAML readers are known to trip over:
 *     nasty_documents DIR
 * Each string stands as a title, a note, an item, a path and a link, wherever the format allows it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/outfile.h"
#include "lib/path.h"
#include "manifests/approvals.h"
#include "manifests/contents.h"
#include "manifests/names.h"
#include "manifests/trust.h"

static const char *const words[] = {
	"no", "yes", "on", "off", "y", "n", "No", "NO", "true", "True", "TRUE", "false", "null", "Null", "NULL", "~", "nan",
	"1e3", "1E+3", "12e03", "-1", "+1", "0", "-0", "00", "017", "0o17", "0x10", "0b11", "1_000", "1,000", "1.5", ".5", "5.", "-.inf",
	".inf", ".nan", ".NaN", "190:20:30", "12:30:45", "1:1", "2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01 00:00:00",
	"a: b", "a:b", ":a", "a:", ":", "- x", "-", "--", "---", "...", "--- x", "? x", "?", "#c", "a #c", "a#c", "&a", "*a", "!a", "!!str a",
	"|", ">", "|-", ">+", "%", "%YAML 1.1", "@a", "`a`", "[", "]", "{", "}", "[a]", "{a: b}", "{}", "[]", ",", "a, b", "a,b", "=", "<<",
	"'", "''", "'a'", "it's", "\"", "\"a\"", "\"\"", "\\", "\\\\", "a\\", "\\n", "\\x41", "\\u0041", "\\\"", "\\ ", "$(a)", "${a}",
	" a", "a ", " ", "  ", "   a   b   ", "a  b", " - a", "a\xc2\xa0", "\xc2\xa0" "a", "\xe3\x80\x80", "a\xe2\x80\x8b" "b", "\xe2\x80\x89",
	"\xc3\xa4", "a\xcc\x88", "\xcc\x88", "\xc3\x9f\xe1\xba\x9e", "\xe4\xb8\xad\xe6\x96\x87", "\xd7\xa2\xd7\x91", "\xf0\x9f\x98\x80",
	"a\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9", "\xf0\x90\x80\x80", "\xf3\xa0\x80\x81", "\xf4\x8f\xbf\xbd", "\xef\xbf\xbd",
	"\xee\x80\x80", "\xed\x9f\xbf", "\xef\xbf\xbc", "-rf", "a\x7e", "satchel: trust/1", "files:", "con", "nul.txt", "a.", "a|b", "C:\\x",
	"0b00000000000000000000000000000000000000000000000000000000000000", "1111111111111111111111111111111111111111111111111111111111111111",
};
#define WORDS (sizeof words / sizeof *words)

static const char *const ring_words[] = {"0", "0b11", "0x10", "1", "1.5", "12", "1_000", "1e3", "2026-01-01", "n", "nan", "no", "null",
					 "off", "on", "true", "y", "yes"};
#define RINGS (sizeof ring_words / sizeof *ring_words)

static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Those that are good paths, sorted. */
static size_t sorted_paths(const char *list[WORDS])
{
	size_t n = 0;

	for (size_t i = 0; i < WORDS; i++) {
		struct err why = {0};

		if (path_check(words[i], strlen(words[i]), &why) == 0)
			list[n++] = words[i];
	}
	qsort(list, n, sizeof *list, by_bytes);
	return n;
}

static int put_approvals(const struct file *dir, struct err *e)
{
	static struct approval items[WORDS];
	static struct revocation revoked[WORDS];
	const char *paths[WORDS];
	char *rings[RINGS], *required[1];
	size_t n = sorted_paths(paths);
	struct approvals a = {.stream = text("1e3"), .epoch = 1, .revision = 9007199254740992, .issued = 0, .expires = 253402300799,
			      .items = items, .items_n = n, .revoked = revoked, .revoked_n = n};
	struct buf b = {0};
	int rc = -1;

	for (size_t i = 0; i < RINGS; i++)
		rings[i] = text(ring_words[i]);
	required[0] = text(paths[n / 2]);
	for (size_t i = 0; i < n; i++) {
		items[i] = (struct approval){.item = text(paths[i]), .revision = i + 1, .rings = rings, .rings_n = RINGS,
					     .contents = {.size = 1, .files = i, .bytes = 4611686018427387904u},
					     .title = text(words[i]), .requires = required, .requires_n = i % 2, .urgent = i % 3 == 0,
					     .has_deadline = i % 5 == 0, .deadline = (int64_t)i * 86399, .note = text(words[WORDS - 1 - i])};
		memset(items[i].contents.sha256.bytes, 0xab, DIGEST_LEN);
		items[i].contents.sha256.bytes[0] = (uint8_t)i;
		revoked[i] = (struct revocation){.item = text(paths[i]), .revision = i + 1, .since = 1, .note = text(words[i])};
		memset(revoked[i].contents.bytes, 0xcd, DIGEST_LEN);
		revoked[i].contents.bytes[0] = (uint8_t)i;
	}
	if (approvals_encode(&a, &b, e) == 0)
		rc = outfile_put(dir, "approvals.yaml", 0644, b.data, b.len, e);
	buf_free(&b);
	return rc;
}

struct target {
	const struct file *dir;
	char name[64];
};

static int put(void *arg, const struct digest *d, const void *data, size_t len, struct err *e)
{
	const struct target *t = arg;

	(void)d;
	return outfile_put(t->dir, t->name, 0644, data, len, e);
}

static int put_contents(const struct file *dir, size_t number, const char *item, const char *const *paths, size_t n, struct err *e)
{
	struct target t = {.dir = dir};
	struct contents_writer *w = contents_writer_open(item, put, &t, e);
	struct contents_ref ref;
	int rc = w == NULL ? -1 : 0;

	snprintf(t.name, sizeof t.name, "contents-%03zu.yaml", number);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		char path[512];
		struct record r = {.path = path, .has_file = true, .has_sha256 = true, .has_mtime = true, .size = i * i * i,
				   .mtime = (int64_t)i * 1000000007 % 253402300800, .exec = i % 2 == 0};

		snprintf(path, sizeof path, "%s/%s/f", path_last(item), paths[i]);
		memset(r.sha256.bytes, 0xef, DIGEST_LEN);
		rc = contents_writer_add(w, &r, e);
		if (rc == 0) {
			struct record l = {.path = path, .link = text(paths[i])};

			snprintf(path, sizeof path, "%s/%s/l", path_last(item), paths[i]);
			rc = contents_writer_add(w, &l, e);
		}
	}
	if (rc == 0)
		rc = contents_writer_finish(w, &ref, e);
	contents_writer_free(w);
	return rc;
}

/* With '/' behind them they are sorted otherwise: "a" < "a." but "a./f" < "a/f". */
static int by_directory(const void *a, const void *b)
{
	char x[512], y[512];

	snprintf(x, sizeof x, "%s/", *(char *const *)a);
	snprintf(y, sizeof y, "%s/", *(char *const *)b);
	return strcmp(x, y);
}

static int put_all(const char *path, struct err *e)
{
	struct file dir = FILE_CLOSED;
	const char *paths[WORDS];
	size_t n = sorted_paths(paths);
	int rc = -1;

	if (file_open_dir(path, &dir, e) == -1 || put_approvals(&dir, e) == -1)
		goto out;
	qsort(paths, n, sizeof *paths, by_directory);
	if (put_contents(&dir, 0, "a: b", paths, n, e) == -1)
		goto out;
	for (size_t i = 0; i < n; i++)
		if (put_contents(&dir, i + 1, paths[i], paths + i, 1, e) == -1)
			goto out;
	rc = 0;
out:
	file_close(&dir);
	return rc;
}

int main(int argc, char **argv)
{
	struct err e = {0};

	if (argc != 2) {
		fprintf(stderr, "usage: nasty_documents DIR\n");
		return 2;
	}
	if (put_all(argv[1], &e) == -1) {
		fprintf(stderr, "nasty_documents: %s\n", e.text);
		return 1;
	}
	return 0;
}
