/*
 * Worlds for tests of publishing (tests/unit/world.h).
 */
#include "tests/unit/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "import/objects.h"
#include "lib/err.h"
#include "lib/path.h"

#include "lib/banned.h"

uint64_t world_seed;

unsigned world_rnd(unsigned n)
{
	world_seed = world_seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(world_seed >> 33) % n;
}

int world_text(unsigned data, char out[64])
{
	return data == 0 ? snprintf(out, 64, "%s", "") : snprintf(out, 64, "text %u\n", data);
}

static bool nests(const char *a, const char *b)
{
	return path_below(a, b) || path_below(b, a);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct world_record *)a)->path, ((const struct world_record *)b)->path);
}

static void fill(struct world_record *r, const char *path, size_t depth)
{
	static const char kinds[] = "ffffxxlld";

	snprintf(r->path, sizeof r->path, "%s", path);
	r->kind = kinds[world_rnd(sizeof kinds - 1)];
	r->data = world_rnd(WORLD_DATA);
	r->mtime = 1000000 + world_rnd(100);
	if (depth > 0 && world_rnd(2) == 0)
		snprintf(r->target, sizeof r->target, "../other %u", world_rnd(3));
	else
		snprintf(r->target, sizeof r->target, "dangling/%u", world_rnd(3));
}

static void random_item(struct world_item *it, const char *name)
{
	static const char *const below[] = {"f", "f/x", "f/x/y", "d", "d/x", "d/y", "d/e/z", "d-1", "d/e", "g h", "\xc3\xbc/\"q\"",
					    "d.d/z"};
	const char *last = path_last(name);

	*it = (struct world_item){0};
	snprintf(it->name, sizeof it->name, "%s", name);
	for (unsigned i = world_rnd(4) == 0 ? 0 : 1 + world_rnd(12); i > 0 && it->n < WORLD_RECORDS; i--) {
		char path[64];
		bool taken = false;

		snprintf(path, sizeof path, "%s/%s", last, below[world_rnd(sizeof below / sizeof *below)]);
		for (size_t k = 0; k < it->n; k++)
			taken |= nests(it->list[k].path, path);
		if (!taken)
			fill(&it->list[it->n++], path, path_depth(name) + path_depth(path));
	}
	if (it->n == 0)
		fill(&it->list[it->n++], last, path_depth(name));
	qsort(it->list, it->n, sizeof *it->list, by_path);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct world_item *)a)->name, ((const struct world_item *)b)->name);
}

/* Often keeps items of the world before, and often changes a little in them. */
void world_random(struct world *w, const struct world *before)
{
	static const char *const names[] = {"a", "a/b", "a/c", "a-b", "b", "b/d/e", "b/d", "ring \xc3\xbc", "c", "a/b/f"};

	*w = (struct world){0};
	for (unsigned i = world_rnd(9); i > 0 && w->n < WORLD_ITEMS; i--) {
		const char *name = names[world_rnd(sizeof names / sizeof *names)];
		struct world_item *it = &w->items[w->n];
		bool taken = false;

		for (size_t k = 0; k < w->n; k++)
			taken |= nests(w->items[k].name, name);
		if (taken)
			continue;
		w->n++;
		random_item(it, name);
		for (size_t k = 0; before != NULL && k < before->n; k++)
			if (strcmp(before->items[k].name, name) == 0 && world_rnd(3) > 0) {
				*it = before->items[k];
				if (world_rnd(2) == 0) {
					struct world_record *r = &it->list[world_rnd((unsigned)it->n)];
					char path[64];

					snprintf(path, sizeof path, "%s", r->path);
					fill(r, path, path_depth(name) + path_depth(path));
				}
			}
	}
	qsort(w->items, w->n, sizeof *w->items, by_name);
}

int world_put_document(void *arg, const struct digest *d, const void *data, size_t len, struct err *e)
{
	return objects_put(arg, d, data, len, NULL, e);
}

struct digest world_data_digest(unsigned data)
{
	struct err e = {0};
	struct digest d;
	char text[64];
	int len = world_text(data, text);

	bare_store_must(digest_of(text, (size_t)len, &d, &e), &e);
	return d;
}

void world_put_data(struct bare_store *s, unsigned data)
{
	struct digest d = world_data_digest(data);
	struct err e = {0};
	char text[64];
	int len = world_text(data, text);

	bare_store_must(objects_put(s->objects, &d, text, (size_t)len, NULL, &e), &e);
}

struct contents_ref world_put_item(struct bare_store *s, const struct world_item *it)
{
	struct err e = {0};
	struct contents_writer *w = contents_writer_open(it->name, world_put_document, s->objects, &e);
	struct contents_ref ref;

	bare_store_must(w == NULL ? -1 : 0, &e);
	for (size_t i = 0; i < it->n; i++) {
		const struct world_record *one = &it->list[i];
		struct record r = {0};
		char path[64], target[64], text[64];

		snprintf(path, sizeof path, "%s", one->path);
		snprintf(target, sizeof target, "%s", one->target);
		r.path = path;
		if (one->kind == 'l')
			r.link = target;
		else if (one->kind == 'd')
			r.dir = true;
		else {
			world_put_data(s, one->data);
			r.has_file = r.has_sha256 = r.has_mtime = true;
			r.exec = one->kind == 'x';
			r.size = (uint64_t)world_text(one->data, text);
			r.sha256 = world_data_digest(one->data);
			r.mtime = one->mtime;
		}
		bare_store_must(contents_writer_add(w, &r, &e), &e);
	}
	bare_store_must(contents_writer_finish(w, &ref, &e), &e);
	contents_writer_free(w);
	return ref;
}

void world_state_unsettled(struct bare_store *s, const struct world *w, struct state *out, struct state_item items[WORLD_ITEMS])
{
	static char stream[] = WORLD_STREAM;
	struct err e = {0};

	*out = (struct state){.stream = stream, .phase = STATE_CLEAN, .time = 1790000000, .items = items, .items_n = w->n};
	bare_store_must(objects_begin(s->objects, &e), &e);
	for (size_t i = 0; i < w->n; i++) {
		struct contents_ref ref = world_put_item(s, &w->items[i]);

		items[i] = (struct state_item){.item = (char *)(uintptr_t)w->items[i].name, .epoch = 1, .list = 1, .revision = 1,
					       .contents = ref.sha256, .size = ref.size, .files = ref.files,
					       .bytes = ref.bytes};
	}
}

void world_state(struct bare_store *s, const struct world *w, struct state *out, struct state_item items[WORLD_ITEMS])
{
	struct err e = {0};

	world_state_unsettled(s, w, out, items);
	bare_store_must(objects_settle(s->objects, &e), &e);
}

struct listing {
	char **lines;
	size_t n, cap;
};

static void add_line(struct listing *l, const char *line)
{
	if (l->n == l->cap) {
		l->cap = l->cap * 2 + 64;
		l->lines = realloc(l->lines, l->cap * sizeof *l->lines);
		assert_non_null(l->lines);
	}
	l->lines[l->n] = strdup(line);
	assert_non_null(l->lines[l->n++]);
}

static int by_line(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_lines(struct listing *l)
{
	size_t n = 0;

	if (l->n > 0)
		qsort(l->lines, l->n, sizeof *l->lines, by_line);
	for (size_t i = 0; i < l->n; i++) {
		if (n > 0 && strcmp(l->lines[n - 1], l->lines[i]) == 0)
			free(l->lines[i]);
		else
			l->lines[n++] = l->lines[i];
	}
	l->n = n;
}

static void free_lines(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->lines[i]);
	free(l->lines);
	*l = (struct listing){0};
}

static void list_world(const struct world *w, struct listing *out)
{
	char path[128], line[512], text[64];

	for (size_t i = 0; i < w->n; i++)
		for (size_t k = 0; k < w->items[i].n; k++) {
			const struct world_item *it = &w->items[i];
			const struct world_record *r = &it->list[k];

			snprintf(path, sizeof path, "%.*s%s", (int)(path_last(it->name) - it->name), it->name, r->path);
			world_text(r->data, text);
			if (r->kind == 'l')
				snprintf(line, sizeof line, "%s: link to %s", path, r->target);
			else if (r->kind == 'd')
				snprintf(line, sizeof line, "%s: directory 755", path);
			else
				snprintf(line, sizeof line, "%s: file %o: %s", path, r->kind == 'x' ? 0555u : 0444u, text);
			add_line(out, line);
			for (char *slash; (slash = strrchr(path, '/')) != NULL;) {
				*slash = '\0';
				snprintf(line, sizeof line, "%s: directory 755", path);
				add_line(out, line);
			}
		}
	sort_lines(out);
}

static void list_dir(const char *top, const char *below, struct listing *out)
{
	char path[600], line[1300], text[256];
	const struct dirent *entry;
	DIR *d;

	snprintf(path, sizeof path, "%s%s", top, below);
	d = opendir(path);
	if (d == NULL)
		fail_msg("%s can't be opened", path);
	while ((entry = readdir(d)) != NULL) {
		char name[500];
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(name, sizeof name, "%.200s/%.255s", below, entry->d_name);
		snprintf(path, sizeof path, "%.90s%s", top, name);
		assert_int_equal(lstat(path, &st), 0);
		memset(text, 0, sizeof text);
		if (S_ISLNK(st.st_mode)) {
			assert_true(readlink(path, text, sizeof text - 1) >= 0);
			snprintf(line, sizeof line, "%s: link to %s", name + 1, text);
		} else if (S_ISREG(st.st_mode)) {
			int fd = open(path, O_RDONLY);

			assert_true(fd >= 0 && read(fd, text, sizeof text - 1) >= 0);
			close(fd);
			snprintf(line, sizeof line, "%s: file %o: %s", name + 1, st.st_mode & 07777, text);
		} else
			snprintf(line, sizeof line, "%s: directory %o", name + 1, st.st_mode & 07777);
		add_line(out, line);
		if (S_ISDIR(st.st_mode))
			list_dir(top, name, out);
	}
	closedir(d);
}

static bool equal_lines(const struct listing *a, const struct listing *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->lines[i], b->lines[i]) != 0)
			return false;
	return true;
}

static void show(const char *what, const struct listing *l)
{
	print_error("%s:\n", what);
	for (size_t i = 0; i < l->n; i++)
		print_error("  %s\n", l->lines[i]);
}

bool world_tree_is(const char *path, const struct world *w)
{
	struct listing is = {0}, want = {0};
	bool same;

	list_dir(path, "", &is);
	sort_lines(&is);
	list_world(w, &want);
	same = equal_lines(&is, &want);
	free_lines(&is);
	free_lines(&want);
	return same;
}

void world_assert_tree(const char *path, const struct world *w)
{
	struct listing is = {0}, want = {0};

	if (world_tree_is(path, w))
		return;
	list_dir(path, "", &is);
	sort_lines(&is);
	list_world(w, &want);
	show(path, &is);
	show("wanted", &want);
	fail_msg("%s is not what it must be (world_seed now %llu)", path, (unsigned long long)world_seed);
}

/* state.yaml of a tree is clean and says what the world says. */
void world_assert_state(struct bare_store *s, char tree, const struct state *want)
{
	struct state *is = NULL;
	struct err e = {0};

	assert_int_equal(state_load(&s->store, WORLD_STREAM, tree, &is, &e), 0);
	assert_int_equal(is->phase, STATE_CLEAN);
	assert_int_equal(is->items_n, want->items_n);
	for (size_t i = 0; i < is->items_n; i++) {
		assert_string_equal(is->items[i].item, want->items[i].item);
		assert_true(digest_equal(&is->items[i].contents, &want->items[i].contents));
	}
	state_free(is);
}

const char *world_published(const struct bare_store *s)
{
	return bare_store_path(s, "published/" WORLD_STREAM);
}

char world_current(struct bare_store *s)
{
	struct err e = {0};
	char tree = 0;

	bare_store_must(state_current(&s->store, WORLD_STREAM, &tree, &e), &e);
	return tree;
}

const char *world_tree_path(const struct bare_store *s, char tree)
{
	return bare_store_path(s, tree == 'a' ? "streams/" WORLD_STREAM "/a/tree" : "streams/" WORLD_STREAM "/b/tree");
}

char world_other(struct bare_store *s)
{
	return world_current(s) == 'a' ? 'b' : 'a';
}

void world_make(struct bare_store *s)
{
	struct err e = {0};

	bare_store_make(s);
	assert_int_equal(mkdir(bare_store_path(s, "undo"), 0700), 0);
	bare_store_must(publish_init(&s->store.dir, WORLD_STREAM, &e), &e);
}

struct publish_result world_update(struct bare_store *s, const struct state *want)
{
	struct publish_result r;
	struct err e = {0};

	bare_store_must(publish_update(&s->store, s->objects, want, &r, &e), &e);
	return r;
}

struct publish_result world_publish(struct bare_store *s, const struct world *w)
{
	struct state_item items[WORLD_ITEMS];
	struct publish_result r;
	struct state want;

	world_state(s, w, &want, items);
	r = world_update(s, &want);
	world_assert_tree(world_published(s), w);
	world_assert_state(s, world_current(s), &want);
	return r;
}

/* What the next run of the program does first. */
bool world_recover(struct bare_store *s)
{
	struct err e = {0};
	struct objects_recovery recovery = {.interrupted = true};
	bool found;

	bare_store_reopen(s);
	if (objects_unsettled(s->objects, &e) == 1)
		bare_store_must(publish_undo(&s->store, &e), &e);
	bare_store_must(objects_recover(s->objects, &recovery, &e), &e);
	bare_store_must(publish_recover(&s->store, s->objects, WORLD_STREAM, &found, &e), &e);
	return found;
}

void world_add_item(struct world *w, const char *name)
{
	snprintf(w->items[w->n++].name, sizeof w->items[0].name, "%s", name);
}

void world_add_record(struct world *w, const char *path, char kind, unsigned data)
{
	struct world_item *it = &w->items[w->n - 1];
	struct world_record *r = &it->list[it->n++];

	snprintf(r->path, sizeof r->path, "%s", path);
	r->kind = kind;
	r->data = data;
	r->mtime = 5000;
	snprintf(r->target, sizeof r->target, "somewhere");
}
