/*
 * A perimeter for tests of whole imports: a store in a folder of its own, satchel-import's commands run in a process of
 * their own with what they print in files, and a digest of all that the store is.
 */
#ifndef TESTS_UNIT_PERIMETER_H
#define TESTS_UNIT_PERIMETER_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "import/commands.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/walk.h"
#include "manifests/reason.h"
#include "tests/unit/fixture.h"

struct perimeter {
	struct fixture *f;	/* its folder is the medium */
	char top[64];		/* store below it */
	char store[80];
	struct buf out, err;	/* of the last command */
};

static const struct command perimeter_commands[] = {
	{"init", "", "", "", init_options, init_run},
	{"apply", "", "", "", apply_options, apply_run},
	{"status", "", "", "", status_options, status_run},
	{"log", "", "", "", log_options, log_run},
	{"prune", "", "", "", prune_options, prune_run},
	{"receipt", "", "", "", receipt_options, receipt_run},
	{0},
};
static const struct option_def perimeter_common[] = {{.name = "store", .letter = 'C', .value = "STORE", .help = ""}, {0}};
static const struct program perimeter_program = {
	.name = "satchel-import", .version = "test", .about = "", .commands = perimeter_commands, .common = perimeter_common,
	.word = reason_word, .exit_code = reason_exit,
};

static inline void perimeter_send(const char *top, const char *name, int fd)
{
	char path[128];
	int to;

	snprintf(path, sizeof path, "%s/%s", top, name);
	to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (to == -1 || dup2(to, fd) == -1)
		_exit(126);
	close(to);
}

/* Runs a command line (NULL-terminated): its exit code. */
static inline int perimeter_run(struct perimeter *p, const char *const *words)
{
	char *argv[16] = {(char *)(uintptr_t)"satchel-import"};
	int argc = 1, status;
	pid_t child;

	while (words[argc - 1] != NULL) {
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
		argc++;
	}
	fflush(NULL);
	child = fork();
	assert_int_not_equal(child, -1);
	if (child == 0) {
		perimeter_send(p->top, "out", 1);
		perimeter_send(p->top, "err", 2);
		exit(options_run(&perimeter_program, argc, argv));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	buf_clear(&p->out);
	buf_clear(&p->err);
	fixture_read(p->top, "out", &p->out);
	fixture_read(p->top, "err", &p->err);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline bool perimeter_said(const struct perimeter *p, const char *word)
{
	return (p->out.len > 0 && strstr((const char *)p->out.data, word) != NULL) ||
	       (p->err.len > 0 && strstr((const char *)p->err.data, word) != NULL);
}

/* The exit code and a word that must be said (NULL: none). */
static inline void perimeter_expect(struct perimeter *p, int code, const char *word, const char *const *words)
{
	int got = perimeter_run(p, words);

	if (got != code || (word != NULL && !perimeter_said(p, word)))
		fail_msg("%s: exit %d instead of %d, or no \"%s\" in:\n%s%s", words[2] ? words[2] : words[0], got, code,
			 word != NULL ? word : "", p->out.len ? (const char *)p->out.data : "",
			 p->err.len ? (const char *)p->err.data : "");
}
#define EXPECT(p, code, word, ...) perimeter_expect(p, code, word, (const char *const[]){__VA_ARGS__, NULL})
#define APPLY(p, code, word) EXPECT(p, code, word, "-C", (p)->store, "apply", (p)->f->dir)

/* A fixture whose times are those of the clock, and a store that follows it. */
static inline struct perimeter *perimeter_new(void)
{
	struct perimeter *p = calloc(1, sizeof *p);
	struct fixture_root root = {.version = 1, .epoch = 1, .issued = time(NULL) - 3600, .expires = time(NULL) + 31536000};
	char trust[96];

	assert_non_null(p);
	p->f = fixture_new();
	fixture_root(p->f, &root);
	p->f->created = p->f->issued = time(NULL) - 60;
	p->f->expires = time(NULL) + 30 * 86400;
	snprintf(p->top, sizeof p->top, "/tmp/satchel-perimeter-XXXXXX");
	assert_non_null(mkdtemp(p->top));
	snprintf(p->store, sizeof p->store, "%s/store", p->top);
	fixture_write(p->top, "trust-1.yaml", p->f->roots[1].data, p->f->roots[1].len);
	snprintf(trust, sizeof trust, "%s/trust-1.yaml", p->top);
	EXPECT(p, 0, NULL, "init", p->store, "--name", "perimeter-a", "--trust", trust, "--stream", "updates", "--ring",
	       "production");
	return p;
}

static inline void perimeter_free(struct perimeter *p)
{
	struct file top = FILE_CLOSED;
	struct err e = {0};

	fixture_free(p->f);
	assert_int_equal(file_open_dir("/tmp", &top, &e), 0);
	assert_int_equal(file_remove_tree_at(&top, p->top + strlen("/tmp/"), &e), 0);
	file_close(&top);
	buf_free(&p->out);
	buf_free(&p->err);
	free(p);
}

static inline enum walk_verdict perimeter_note(void *arg, const struct walk_entry *w, struct err *e)
{
	struct file f = FILE_CLOSED;
	struct buf link = {0};
	struct digest d = {{0}};
	char hex[DIGEST_HEX + 1];

	if (w->leaving || strcmp(w->path, "journal.jsonl") == 0)
		return WALK_ON;
	if (S_ISLNK(w->st.st_mode)) {
		assert_int_equal(buf_reserve(&link, 4096), 0);
		link.len = (size_t)readlinkat(w->parent->fd, w->name, (char *)link.data, 4095);
		assert_int_equal(digest_of(link.data, link.len, &d, e), 0);
	} else if (S_ISREG(w->st.st_mode)) {
		assert_int_equal(file_open_at(w->parent, w->name, &f, e), 0);
		assert_int_equal(file_read_all(&f, BUF_MAX / 2, &link, e), 0);
		assert_int_equal(digest_of(link.len == 0 ? (const void *)"" : link.data, link.len, &d, e), 0);
		file_close(&f);
	}
	buf_printf(arg, "%s %o %s\n", w->path, w->st.st_mode, digest_hex(&d, hex));
	buf_free(&link);
	return WALK_ON;
}

/* Every path of the store but the journal: type, mode, target or digest. */
static inline void perimeter_snapshot(const struct perimeter *p, struct buf *out)
{
	struct file store = FILE_CLOSED;
	struct err e = {0};

	buf_clear(out);
	assert_int_equal(file_open_dir(p->store, &store, &e), 0);
	assert_int_equal(walk_tree(&store, 64, perimeter_note, out, &e), 0);
	file_close(&store);
}

static inline void perimeter_same(const struct perimeter *p, const struct buf *before)
{
	struct buf now = {0};

	perimeter_snapshot(p, &now);
	if (now.len != before->len || memcmp(now.data, before->data, now.len) != 0)
		fail_msg("the store changed; before:\n%s\nnow:\n%s", (const char *)before->data, (const char *)now.data);
	buf_free(&now);
}

/* What a published file holds; an empty string where it isn't there. */
static inline const char *perimeter_published(const struct perimeter *p, const char *path)
{
	static char text[4096];
	char full[256];
	FILE *in;
	size_t n;

	snprintf(full, sizeof full, "%s/published/updates/%s", p->store, path);
	in = fopen(full, "r");
	if (in == NULL)
		return "";
	n = fread(text, 1, sizeof text - 1, in);
	text[n] = '\0';
	fclose(in);
	return text;
}

/* Takes a bundle off the medium. */
static inline void perimeter_move(const struct perimeter *p, const char *from, const char *to)
{
	char a[200], b[200];

	snprintf(a, sizeof a, "%s/satchel/%s", p->f->dir, from);
	snprintf(b, sizeof b, "%s/%s", p->top, to);
	assert_int_equal(rename(a, b), 0);
}

static inline void perimeter_put_back(const struct perimeter *p, const char *from, const char *to)
{
	char a[200], b[200];

	snprintf(a, sizeof a, "%s/%s", p->top, from);
	snprintf(b, sizeof b, "%s/satchel/%s", p->f->dir, to);
	assert_int_equal(rename(a, b), 0);
}

/* A list with the item "alpha" of one file with this text and "beta", which never changes; its bundle on the medium. */
static inline void perimeter_bundle(struct perimeter *p, uint64_t revision, uint64_t sequence, const char *text)
{
	struct record x = fixture_file("alpha/x", text, strlen(text)), y = fixture_file("beta/y", "constant", 8);
	struct contents_ref a, b;

	p->f->entries_n = 0;
	a = fixture_item(p->f, "alpha", &x, 1);
	fixture_object(p->f, text, strlen(text));
	b = fixture_item(p->f, "beta", &y, 1);
	fixture_object(p->f, "constant", 8);
	fixture_approve(p->f, "alpha", revision, "production", &a);
	fixture_approve(p->f, "beta", 1, "production", &b);
	fixture_list(p->f, revision);
	fixture_bundle(p->f, sequence);
}

#endif
