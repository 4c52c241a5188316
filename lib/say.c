/*
 * The only way to the terminal. Refuses to print anything that is not escaped; remembers that something could not be
 * written, for say_finish.
 */
#include "lib/say.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/progress.h"
#include "lib/text.h"

#include "lib/banned.h"

#define BLOCK (64u << 10)	/* written at once, of a long object */

static const struct say silent = {.program = "", .quiet = false};
static const struct say *say = &silent;

/* Changed between progress_pause and progress_resume only, which keep other threads off. */
static int failed;	/* errno of the first write that failed */

void say_start(const struct say *s)
{
	say = s != NULL ? s : &silent;
}

bool say_json(void)
{
	return say->json;
}

static void note_failure(int sys)
{
	if (failed == 0)
		failed = sys != 0 ? sys : EIO;
}

/* Results: collected by stdio, since there can be a million lines. */
static void put_result(const struct buf *line)
{
	progress_pause();
	if (line->failed)
		note_failure(ENOMEM);
	else if (fwrite(line->data, 1, line->len, stdout) != line->len)
		note_failure(errno);
	progress_resume();
}

/* Talk: one write for one line, so that lines of several processes don't mix; results said before go first. */
static void put_talk(const struct buf *line)
{
	size_t at = 0;

	progress_pause();
	if (line->failed)
		note_failure(ENOMEM);
	if (fflush(stdout) != 0)
		note_failure(errno);
	while (!line->failed && at < line->len) {
		ssize_t n = write(STDERR_FILENO, line->data + at, line->len - at);

		if (n >= 0) {
			at += (size_t)n;
		} else if (errno == EAGAIN) {
			struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};

			poll(&ready, 1, -1);
		} else if (errno != EINTR) {
			note_failure(errno);
			break;
		}
	}
	progress_resume();
}

/* Appends what the format gives, escaped, and a line feed. */
__attribute__((format(printf, 2, 0)))
static void compose(struct buf *line, const char *fmt, va_list ap)
{
	char *text = NULL;
	int n = vasprintf(&text, fmt, ap);

	if (n == -1) {
		line->failed = true;
		return;
	}
	text_escape(line, text, (size_t)n);
	buf_putc(line, '\n');
	free(text);
}

void say_line(const char *fmt, ...)
{
	struct buf line = {0};
	va_list ap;

	if (say->json)
		return;
	va_start(ap, fmt);
	compose(&line, fmt, ap);
	va_end(ap);
	put_result(&line);
	buf_free(&line);
}

void say_bytes(const void *data, size_t len)
{
	struct buf b = {0};

	buf_append(&b, data, len);
	put_result(&b);
	buf_free(&b);
}

static void put_object(const json_t *o)
{
	struct buf line = {0};

	if (json_line(o, &line, NULL) == -1)
		line.failed = true;
	buf_putc(&line, '\n');
	put_result(&line);
	buf_free(&line);
}

void say_object(json_t *take)
{
	if (say->json)
		put_object(take);
	json_decref(take);
}

void say_object_list(json_t *take, const char *key, size_t n, json_t *(*make)(const void *arg, size_t i), const void *arg)
{
	struct buf line = {0};

	if (say->json) {
		if (json_line(take, &line, NULL) == -1)
			line.failed = true;
		else
			line.len--;	/* its brace */
		buf_printf(&line, "%s\"%s\":[", line.len > 1 ? "," : "", key);
		for (size_t i = 0; i < n; i++) {
			json_t *o = make(arg, i);

			buf_puts(&line, i > 0 ? "," : "");
			if (json_line(o, &line, NULL) == -1)
				line.failed = true;
			json_decref(o);
			if (line.len < BLOCK)
				continue;
			put_result(&line);
			buf_clear(&line);
		}
		buf_puts(&line, "]}\n");
		put_result(&line);
	}
	json_decref(take);
	buf_free(&line);
}

void say_note(const char *fmt, ...)
{
	struct buf line = {0};
	va_list ap;

	if (say->quiet)
		return;
	buf_printf(&line, "%s: ", say->program);
	va_start(ap, fmt);
	compose(&line, fmt, ap);
	va_end(ap);
	put_talk(&line);
	buf_free(&line);
}

void say_warn(const char *fmt, ...)
{
	struct buf line = {0};
	va_list ap;

	buf_printf(&line, "%s: warning: ", say->program);
	va_start(ap, fmt);
	compose(&line, fmt, ap);
	va_end(ap);
	put_talk(&line);
	buf_free(&line);
}

__attribute__((format(printf, 2, 3)))
static void compose_line(struct buf *line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	compose(line, fmt, ap);
	va_end(ap);
}

void say_error(const struct err *e)
{
	const char *word = say->word != NULL ? say->word(e->reason) : "error";
	struct buf line = {0};

	compose_line(&line, "%s: %s (%s)", say->program, e->text, word);
	put_talk(&line);
	buf_free(&line);
	if (say->json) {
		json_t *o = json_object();

		json_put_text(o, "error", word);
		json_put_text(o, "message", e->text);
		say_object(o);
	}
}

int say_finish(struct err *e)
{
	int copy;

	progress_end();
	progress_pause();
	if (fflush(stdout) != 0 || ferror(stdout) != 0)
		note_failure(errno);
	copy = dup(STDOUT_FILENO);	/* some file systems tell of a full disk at closing only */
	if (copy != -1 && close(copy) == -1 && errno != EINTR)
		note_failure(errno);
	progress_resume();
	if (failed == 0)
		return 0;
	errno = failed;
	return err_sys(e, "output could not be written");
}
