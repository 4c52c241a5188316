/*
 * Journals: appends that hold, and every change of what is there named by its line.
 */
#include "manifests/journal.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/file.h"
#include "manifests/reason.h"

#define LOG "journal.jsonl"
#define NOW 1795341600	/* 2026-11-22T10:00:00Z */
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static struct file dir = FILE_CLOSED;
static char *dir_path;

static int set_up(void **state)
{
	char path[] = "/tmp/satchel-journal-XXXXXX";
	struct err e = {0};

	(void)state;
	assert_non_null(mkdtemp(path));
	dir_path = strdup(path);
	return file_open_dir(path, &dir, &e);
}

static int tear_down(void **state)
{
	(void)state;
	unlinkat(dir.fd, LOG, 0);
	file_close(&dir);
	rmdir(dir_path);
	free(dir_path);
	return 0;
}

static void put(const void *data, size_t len)
{
	int fd = openat(dir.fd, LOG, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd != -1);
	for (size_t at = 0; at < len;) {
		ssize_t n = write(fd, (const char *)data + at, len - at);

		assert_true(n > 0);
		at += (size_t)n;
	}
	close(fd);
}

static void get(struct buf *out)
{
	struct err e = {0};

	buf_clear(out);
	assert_int_equal(file_read_all_at(&dir, LOG, 64u << 20, out, &e), 0);
}

static void append(const char *event, json_t *members)
{
	struct err e = {0};
	struct journal *j = journal_open(&dir, LOG, true, NULL, &e);

	assert_non_null(j);
	assert_int_equal(journal_append(j, NOW, event, members, &e), 0);
	journal_close(j);
}

static json_t *member(const char *key, const char *value)
{
	json_t *o = json_object();

	assert_int_equal(json_put_text(o, key, value), 0);
	return o;
}

static int read_log(uint64_t *length, struct digest *head, struct err *e)
{
	*e = (struct err){0};
	if (journal_read(&dir, LOG, NULL, NULL, length, head, e) == 0)
		return 0;
	return e->reason;
}

static void lines_as_format_says(void **state)
{
	struct buf got = {0};
	struct digest first;
	struct err e = {0};
	char hex[DIGEST_HEX + 1], *want = NULL;
	const char *line = "{\"n\":1,\"time\":\"2026-11-22T10:00:00Z\",\"event\":\"made\",\"prev\":\"" ZEROS "\"}";

	(void)state;
	append("made", NULL);
	append("signed", member("key", "\xc3\xa4\n\"x\""));
	assert_int_equal(digest_of(line, strlen(line), &first, &e), 0);
	assert_true(asprintf(&want, "%s\n{\"n\":2,\"time\":\"2026-11-22T10:00:00Z\",\"event\":\"signed\","
			     "\"key\":\"\\u00E4\\n\\\"x\\\"\",\"prev\":\"%s\"}\n", line, digest_hex(&first, hex)) > 0);
	get(&got);
	assert_string_equal((const char *)got.data, want);
	free(want);
	buf_free(&got);
}

struct seen {
	uint64_t n;
	struct digest last;
	uint64_t stop;
};

static int see(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	struct seen *s = arg;
	uint64_t stated;

	assert_true(n == s->n + 1);
	assert_int_equal(json_get_number(o, "n", &stated), 0);
	assert_true(stated == n);
	s->n = n;
	s->last = *line;
	return n == s->stop ? err_set(e, ERR_INTERNAL, "enough") : 0;
}

static void many_in_one_go_and_read_again(void **state)
{
	struct err e = {0};
	struct journal *j = journal_open(&dir, LOG, true, NULL, &e);
	struct seen s = {0};
	struct digest head;
	uint64_t length;
	bool cut = true;

	(void)state;
	assert_non_null(j);
	assert_true(journal_length(j) == 0);
	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(journal_append(j, NOW + i, "step", member("name", "x"), &e), 0);
	assert_true(journal_length(j) == 300);
	assert_int_equal(journal_read(&dir, LOG, see, &s, &length, &head, &e), 0);
	assert_true(length == 300 && s.n == 300);
	assert_true(digest_equal(&head, journal_head(j)) && digest_equal(&head, &s.last));
	journal_close(j);
	j = journal_open(&dir, LOG, false, &cut, &e);
	assert_non_null(j);
	assert_true(!cut && journal_length(j) == 300 && digest_equal(&head, journal_head(j)));
	journal_close(j);
	s = (struct seen){.stop = 5};
	assert_int_equal(journal_read(&dir, LOG, see, &s, NULL, NULL, &e), -1);
	assert_int_equal(e.reason, ERR_INTERNAL);
	assert_true(s.n == 5);
}

static void missing_and_empty(void **state)
{
	struct err e = {0};
	struct digest head;
	uint64_t length = 7;

	(void)state;
	assert_null(journal_open(&dir, LOG, false, NULL, &e));
	assert_int_equal(e.reason, ERR_MISSING);
	assert_int_equal(read_log(&length, &head, &e), ERR_MISSING);
	put("", 0);
	assert_int_equal(read_log(&length, &head, &e), 0);
	assert_true(length == 0 && digest_equal(&head, &(struct digest){{0}}));
	journal_close(NULL);
}

static void no_regular_file(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(symlinkat("/etc/hostname", dir.fd, LOG), 0);
	assert_null(journal_open(&dir, LOG, true, NULL, &e));
	assert_int_equal(e.reason, ERR_FILE_TYPE);
	assert_int_equal(read_log(NULL, NULL, &e), ERR_FILE_TYPE);
	unlinkat(dir.fd, LOG, 0);
	assert_int_equal(mkfifoat(dir.fd, LOG, 0600), 0);
	e = (struct err){0};
	assert_null(journal_open(&dir, LOG, true, NULL, &e));
	assert_int_equal(e.reason, ERR_FILE_TYPE);
}

/* Cut off at every byte of the last line: the line is dropped, what follows continues the one before. */
static void interrupted_appends(void **state)
{
	struct buf whole = {0}, again = {0};
	struct digest before, head;
	struct err e;
	uint64_t length;
	size_t two;

	(void)state;
	append("a", NULL);
	append("b", member("k", "v"));
	get(&whole);
	two = whole.len;
	assert_int_equal(read_log(&length, &before, &e), 0);
	append("c", member("k", "v"));
	get(&whole);
	for (size_t len = two; len < whole.len; len++) {
		struct journal *j;
		bool cut;

		put(whole.data, len);
		assert_int_equal(read_log(&length, &head, &e), 0);
		assert_true(length == 2 && digest_equal(&head, &before));
		j = journal_open(&dir, LOG, false, &cut, &e);
		assert_non_null(j);
		assert_int_equal(cut, len > two);
		assert_true(journal_length(j) == 2);
		assert_int_equal(journal_append(j, NOW, "c", member("k", "v"), &e), 0);
		journal_close(j);
		get(&again);
		assert_int_equal(again.len, whole.len);
		assert_memory_equal(again.data, whole.data, whole.len);
	}
	buf_free(&whole);
	buf_free(&again);
}

/* Lines among many come in blocks, and are one chain with those that are synced one by one. */
static void noted_in_blocks(void **state)
{
	struct err e = {0};
	struct journal *j = journal_open(&dir, LOG, true, NULL, &e);
	struct buf now = {0};
	struct digest head, known;
	uint64_t length;

	(void)state;
	assert_non_null(j);
	assert_int_equal(journal_append(j, NOW, "begin", NULL, &e), 0);
	get(&now);
	for (int i = 0, blocks = 0; i < 2000; i++) {
		size_t had = now.len;

		assert_int_equal(journal_note(j, NOW, "one", member("k", "v"), &e), 0);
		get(&now);
		blocks += now.len > had;
		assert_true(i > 0 || blocks == 0);
		assert_true(i < 1999 || (blocks > 1 && blocks < 20));
	}
	assert_int_equal(journal_append(j, NOW, "end", NULL, &e), 0);
	known = *journal_head(j);
	assert_int_equal(read_log(&length, &head, &e), 0);
	assert_true(length == 2002 && digest_equal(&head, &known));
	assert_int_equal(journal_note(j, NOW, "last", NULL, &e), 0);
	journal_close(j);
	assert_int_equal(read_log(&length, &head, &e), 0);
	assert_true(length == 2003);
	buf_free(&now);
}

/* Every byte changed: the head is another, or the line (or the one after it) is named. */
static void every_byte_changed(void **state)
{
	struct buf whole = {0};
	struct digest good, head;
	struct err e;
	uint64_t length;
	size_t line = 1, last;

	(void)state;
	append("a", member("k", "v"));
	append("b", member("k", "v"));
	append("c", member("k", "v"));
	get(&whole);
	assert_int_equal(read_log(&length, &good, &e), 0);
	last = (size_t)((uint8_t *)memrchr(whole.data, '\n', whole.len - 1) - whole.data) + 1;
	for (size_t i = 0; i < whole.len; i++) {
		char here[32], after[32];
		uint8_t was = whole.data[i];
		int rc;

		whole.data[i] ^= 1;
		put(whole.data, whole.len);
		whole.data[i] = was;
		rc = read_log(&length, &head, &e);
		if (rc == 0) {
			assert_true(i >= last && length == 3 && !digest_equal(&head, &good));
		} else {
			snprintf(here, sizeof(here), "line %zu:", line);
			snprintf(after, sizeof(after), "line %zu:", line + 1);
			assert_int_equal(rc, R_JOURNAL);
			assert_true(strstr(e.text, here) || strstr(e.text, after));
		}
		line += was == '\n';
	}
	buf_free(&whole);
}

static void lines_dropped_moved_repeated(void **state)
{
	const int orders[][4] = {{1, 2, 3, -1}, {0, 2, 3, -1}, {0, 1, 3, -1}, {0, 2, 1, 3}, {0, 0, 1, 2}, {0, 1, 1, 2}, {3, 2, 1, 0}};
	struct buf whole = {0}, other = {0};
	const char *lines[5];
	struct err e;
	size_t n = 0;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		append("a", member("k", "v"));
	get(&whole);
	for (const char *p = (const char *)whole.data; *p; p = strchr(p, '\n') + 1)
		lines[n++] = p;
	lines[n] = (const char *)whole.data + whole.len;
	for (size_t k = 0; k < sizeof(orders) / sizeof(orders[0]); k++) {
		buf_clear(&other);
		for (size_t i = 0; i < 4 && orders[k][i] >= 0; i++)
			buf_append(&other, lines[orders[k][i]], (size_t)(lines[orders[k][i] + 1] - lines[orders[k][i]]));
		put(other.data, other.len);
		assert_int_equal(read_log(NULL, NULL, &e), R_JOURNAL);
		assert_non_null(strstr(e.text, LOG ": line "));
	}
	buf_free(&whole);
	buf_free(&other);
}

#define MEMBERS "\"n\":1,\"time\":\"2026-11-22T10:00:00Z\",\"event\":\"a\""
#define PREV "\"prev\":\"" ZEROS "\""

static void lines_of_another_form(void **state)
{
	const char *bad[] = {"\n", "{}\n", "[]\n", "x\n", "{" MEMBERS "}\n", "{" MEMBERS "," PREV "} \n", " {" MEMBERS "," PREV "}\n",
			     "{" PREV "," MEMBERS "}\n", "{" MEMBERS ",\"prev\":\"\"}\n", "{" MEMBERS ",\"prev\":1}\n",
			     "{" MEMBERS ",\"x\":{" PREV "}}\n", "{" MEMBERS ",\"prev\": \"" ZEROS "\"}\n",
			     "{" MEMBERS ",\"k\":\"\xc3\xa9\"," PREV "}\n",	/* well-formed UTF-8, and not ASCII */
			     "{" MEMBERS ",\"n\":1," PREV "}\n", "{\"n\":1,\"event\":\"a\"," PREV "}\n",
			     "{\"n\":1,\"time\":\"2026-11-22T10:00:00\",\"event\":\"a\"," PREV "}\n",
			     "{\"n\":1,\"time\":\"2026-11-22T10:00:00Z\"," PREV "}\n",
			     "{\"n\":-1,\"time\":\"2026-11-22T10:00:00Z\",\"event\":\"a\"," PREV "}\n",
			     "{\"n\":1.0,\"time\":\"2026-11-22T10:00:00Z\",\"event\":\"a\"," PREV "}\n",
			     "{\"n\":0,\"time\":\"2026-11-22T10:00:00Z\",\"event\":\"a\"," PREV "}\n"};
	struct err e;

	(void)state;
	put("{" MEMBERS "," PREV "}\n", strlen("{" MEMBERS "," PREV "}\n"));
	assert_int_equal(read_log(NULL, NULL, &e), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(bad[i], strlen(bad[i]));
		assert_int_equal(read_log(NULL, NULL, &e), R_JOURNAL);
		e = (struct err){0};
		assert_null(journal_open(&dir, LOG, true, NULL, &e));
		assert_int_equal(e.reason, R_JOURNAL);
	}
	/* an event may not bring what every line has */
	put("", 0);
	e = (struct err){0};
	{
		struct journal *j = journal_open(&dir, LOG, true, NULL, &e);

		assert_int_equal(journal_append(j, NOW, "a", member("prev", "x"), &e), -1);
		assert_int_equal(e.reason, ERR_INTERNAL);
		e = (struct err){0};
		assert_int_equal(journal_append(j, NOW, "a", member("n", "x"), &e), -1);
		assert_true(journal_length(j) == 0);
		journal_close(j);
	}
}

static char *filled(size_t n)
{
	char *s = malloc(n + 1);

	memset(s, 'x', n);
	s[n] = '\0';
	return s;
}

/* Lines of 1 MiB are the longest, to write, to find on opening, and to read. */
static void longest_line_and_one_over(void **state)
{
	size_t frame = strlen("{" MEMBERS ",\"k\":\"\"," PREV "}"), most = (1u << 20) - frame;
	struct err e = {0};
	struct journal *j;
	struct buf log = {0};
	uint64_t length;
	char *s = filled(most + 1);

	(void)state;
	j = journal_open(&dir, LOG, true, NULL, &e);
	assert_int_equal(journal_append(j, NOW, "a", member("k", s), &e), -1);
	assert_int_equal(e.reason, ERR_TOO_LARGE);
	assert_true(journal_length(j) == 0);
	e = (struct err){0};
	assert_int_equal(journal_append(j, NOW, "a", member("k", s + 1), &e), 0);
	journal_close(j);
	for (unsigned i = 0; i < 2; i++) {	/* first line, and one behind another */
		j = journal_open(&dir, LOG, true, NULL, &e);
		assert_non_null(j);
		assert_int_equal(journal_append(j, NOW, "a", member("k", s + 1), &e), 0);
		journal_close(j);
	}
	assert_int_equal(read_log(&length, NULL, &e), 0);
	assert_true(length == 3);
	get(&log);
	log.len--;
	put(log.data, log.len);	/* without its line feed it is an append cut off */
	assert_int_equal(read_log(&length, NULL, &e), 0);
	assert_true(length == 2);
	buf_puts(&log, "xx");	/* longer than any line */
	put(log.data, log.len);
	assert_int_equal(read_log(&length, NULL, &e), R_JOURNAL);
	e = (struct err){0};
	assert_null(journal_open(&dir, LOG, true, NULL, &e));
	assert_int_equal(e.reason, R_JOURNAL);
	buf_free(&log);
	free(s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(lines_as_format_says),
		TEST(many_in_one_go_and_read_again),
		TEST(missing_and_empty),
		TEST(no_regular_file),
		TEST(interrupted_appends),
		TEST(noted_in_blocks),
		TEST(every_byte_changed),
		TEST(lines_dropped_moved_repeated),
		TEST(lines_of_another_form),
		TEST(longest_line_and_one_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
