/*
 * Journals and ledgers: lines as they are, and with `"prev":"@"` filled in with the digest of the line before, so that
 * changed lines still form a chain. Read to the end, then opened for appending; both must see the same lines.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/file.h"
#include "manifests/journal.h"
#include "tests/fuzz/kit/fuzz.h"

static struct file dir = FILE_CLOSED;

static void drop_dir(void)
{
	unlinkat(dir.fd, "log", 0);
	rmdir(dir.name);
}

static void open_dir(void)
{
	char path[] = "/dev/shm/satchel-fuzz-XXXXXX";
	struct err e = {0};

	if (dir.fd != -1)
		return;
	MUST(mkdtemp(path) != NULL && file_open_dir(path, &dir, &e) == 0);
	atexit(drop_dir);
}

/* Lines with their chain filled in. */
static void link_lines(const uint8_t *data, size_t len, struct buf *out)
{
	static const char mark[] = "\"prev\":\"@\"";
	struct digest d = {{0}};
	char hex[DIGEST_HEX + 1];
	struct err e = {0};

	for (const uint8_t *end = data + len, *next; data < end; data = next) {
		const uint8_t *lf = memchr(data, '\n', (size_t)(end - data)), *at;
		size_t n = (size_t)((lf == NULL ? end : lf) - data), start = out->len;

		next = lf == NULL ? end : lf + 1;
		at = memmem(data, n, mark, strlen(mark));
		buf_append(out, data, at == NULL ? n : (size_t)(at - data));
		if (at != NULL) {
			buf_printf(out, "\"prev\":\"%s\"", digest_hex(&d, hex));
			buf_append(out, at + strlen(mark), n - (size_t)(at - data) - strlen(mark));
		}
		MUST(digest_of(out->data + start, out->len - start, &d, &e) == 0);
		if (lf != NULL)
			buf_putc(out, '\n');
	}
}

static int see(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	uint64_t *seen = arg;

	(void)line;
	(void)e;
	MUST(n == ++*seen && json_get_text(o, "event") != NULL);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint64_t seen = 0, length = 0;
	struct journal *j;
	struct digest head;
	struct buf log = {0};
	struct err e = {0};
	bool cut;
	int fd;

	open_dir();
	link_lines(data, len, &log);
	fd = openat(dir.fd, "log", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	MUST(fd != -1 && (log.len == 0 || write(fd, log.data, log.len) == (ssize_t)log.len) && close(fd) == 0);
	if (journal_read(&dir, "log", see, &seen, &length, &head, &e) == -1) {
		fuzz_refused(&e);
	} else {
		j = journal_open(&dir, "log", false, &cut, &e);
		MUST(j != NULL && seen == length && journal_length(j) == length && digest_equal(journal_head(j), &head));
		MUST(journal_append(j, 0, "fuzz", NULL, &e) == 0);
		journal_close(j);
		MUST(journal_read(&dir, "log", NULL, NULL, &length, NULL, &e) == 0 && length == seen + 1);
	}
	buf_free(&log);
	return 0;
}
