/*
 * States and lists of a store, read and judged (verify/state.h). Refuses documents that are not canonical, lists that
 * the root recorded with them does not bear out, and a `current` that is no tree.
 */
#include "verify/state.h"

#include <dirent.h>
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
#include "lib/path.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "manifests/schema.h"
#include "verify/unseal.h"

#include "lib/banned.h"

/* ---- state.yaml ---- */

static const struct field ref_fields[] = {
	{.name = "epoch", .kind = FIELD_NUMBER, .at = offsetof(struct list_ref, epoch), .min = 1, .max = MAX_REVISION},
	{.name = "revision", .kind = FIELD_NUMBER, .at = offsetof(struct list_ref, revision), .min = 1, .max = MAX_REVISION},
	{.name = "sha256", .kind = FIELD_DIGEST, .at = offsetof(struct list_ref, sha256)},
	{0}
};
const struct schema state_ref_schema = {.size = sizeof(struct list_ref), .fields = ref_fields};

static const struct field item_fields[] = {
	{.name = "item", .kind = FIELD_TEXT, .at = offsetof(struct state_item, item), .min = 1, .max = PATH_MAX_LEN,
	 .check = path_check},
	{.name = "epoch", .kind = FIELD_NUMBER, .at = offsetof(struct state_item, epoch), .min = 1, .max = MAX_REVISION},
	{.name = "list", .kind = FIELD_NUMBER, .at = offsetof(struct state_item, list), .min = 1, .max = MAX_REVISION},
	{.name = "revision", .kind = FIELD_NUMBER, .at = offsetof(struct state_item, revision), .min = 1, .max = MAX_REVISION},
	{.name = "contents", .kind = FIELD_DIGEST, .at = offsetof(struct state_item, contents)},
	{.name = "size", .kind = FIELD_NUMBER, .at = offsetof(struct state_item, size), .min = 1, .max = MAX_CONTENTS_SIZE},
	{.name = "files", .kind = FIELD_NUMBER, .at = offsetof(struct state_item, files), .max = MAX_SUM},
	{.name = "bytes", .kind = FIELD_NUMBER, .at = offsetof(struct state_item, bytes), .max = MAX_SUM},
	{0}
};
static const struct schema item_schema = {.size = sizeof(struct state_item), .fields = item_fields};

static const struct field waiting_fields[] = {
	{.name = "item", .kind = FIELD_TEXT, .at = offsetof(struct state_waiting, item), .min = 1, .max = PATH_MAX_LEN,
	 .check = path_check},
	{.name = "revision", .kind = FIELD_NUMBER, .at = offsetof(struct state_waiting, revision), .min = 1,
	 .max = MAX_REVISION},
	{.name = "contents", .kind = FIELD_DIGEST, .at = offsetof(struct state_waiting, contents)},
	{.name = "objects", .kind = FIELD_NUMBER, .at = offsetof(struct state_waiting, objects), .max = MAX_SUM},
	{.name = "bytes", .kind = FIELD_NUMBER, .at = offsetof(struct state_waiting, bytes), .max = MAX_SUM},
	{.name = "why", .kind = FIELD_TEXT, .at = offsetof(struct state_waiting, why), .min = 1, .max = PATH_MAX_LEN + 64},
	{0}
};
static const struct schema waiting_schema = {.size = sizeof(struct state_waiting), .fields = waiting_fields};

static const struct field missing_fields[] = {
	{.name = "sha256", .kind = FIELD_DIGEST, .at = offsetof(struct state_missing, sha256)},
	{.name = "size", .kind = FIELD_NUMBER, .at = offsetof(struct state_missing, size), .max = MAX_OBJECT_SIZE},
	{0}
};
static const struct schema missing_schema = {.size = sizeof(struct state_missing), .fields = missing_fields};

static int check_items(const struct state_item *items, size_t n, struct err *e)
{
	for (size_t i = 1; i < n; i++)
		if (strcmp(items[i - 1].item, items[i].item) >= 0)
			return err_set(e, R_DOCUMENT_FORM, "item \"%s\" is there twice, or not in order", items[i].item);
	return 0;
}

static int check_state(const void *value, struct err *e)
{
	const struct state *s = value;

	if (s->has_rollback && (!s->has_complete || state_compare(&s->rollback, &s->complete) != 0))
		return err_set(e, R_DOCUMENT_FORM, "`rollback` is not `complete`");
	if (s->phase == STATE_CLEAN && s->former_n > 0)
		return err_set(e, R_DOCUMENT_FORM, "`former` in a tree that is clean");
	for (size_t i = 1; i < s->rings_n; i++)
		if (strcmp(s->rings[i - 1], s->rings[i]) >= 0)
			return err_set(e, R_DOCUMENT_FORM, "ring \"%s\" is there twice, or not in order", s->rings[i]);
	if (check_items(s->items, s->items_n, e) == -1 || check_items(s->former, s->former_n, e) == -1)
		return -1;
	for (size_t i = 1; i < s->waiting_n; i++)
		if (strcmp(s->waiting[i - 1].item, s->waiting[i].item) > 0)
			return err_set(e, R_DOCUMENT_FORM, "waiting \"%s\" is not in order", s->waiting[i].item);
	return s->missing_n <= s->missing_total ? 0 : err_set(e, R_DOCUMENT_FORM, "`missing` lists more than there are");
}

static const char *const phases[] = {"clean", "building", NULL};

static const struct field state_fields[] = {
	{.name = "stream", .kind = FIELD_TEXT, .at = offsetof(struct state, stream), .min = 1, .max = MAX_NAME_LEN,
	 .check = names_check},
	{.name = "phase", .kind = FIELD_CHOICE, .at = offsetof(struct state, phase), .words = phases},
	{.name = "time", .kind = FIELD_TIME, .at = offsetof(struct state, time)},
	{.name = "rings", .kind = FIELD_TEXTS, .at = offsetof(struct state, rings), .count_at = offsetof(struct state, rings_n),
	 .optional = true, .min = 1, .max = MAX_NAME_LEN, .max_count = MAX_RINGS},
	{.name = "newest", .kind = FIELD_MAP, .at = offsetof(struct state, newest), .optional = true,
	 .present_at = offsetof(struct state, has_newest), .sub = &state_ref_schema},
	{.name = "complete", .kind = FIELD_MAP, .at = offsetof(struct state, complete), .optional = true,
	 .present_at = offsetof(struct state, has_complete), .sub = &state_ref_schema},
	{.name = "rollback", .kind = FIELD_MAP, .at = offsetof(struct state, rollback), .optional = true,
	 .present_at = offsetof(struct state, has_rollback), .sub = &state_ref_schema},
	{.name = "missing_total", .kind = FIELD_NUMBER, .at = offsetof(struct state, missing_total), .max = MAX_SUM},
	{.name = "items", .kind = FIELD_RECORDS, .at = offsetof(struct state, items),
	 .count_at = offsetof(struct state, items_n), .max_count = MAX_ITEMS, .sub = &item_schema},
	{.name = "former", .kind = FIELD_RECORDS, .at = offsetof(struct state, former),
	 .count_at = offsetof(struct state, former_n), .optional = true, .max_count = MAX_ITEMS, .sub = &item_schema},
	{.name = "waiting", .kind = FIELD_RECORDS, .at = offsetof(struct state, waiting),
	 .count_at = offsetof(struct state, waiting_n), .max_count = MAX_ITEMS, .sub = &waiting_schema},
	{.name = "missing", .kind = FIELD_RECORDS, .at = offsetof(struct state, missing),
	 .count_at = offsetof(struct state, missing_n), .max_count = STATE_MAX_MISSING, .sub = &missing_schema},
	{0}
};
const struct schema state_schema = {
	.type = "state", .size = sizeof(struct state), .fields = state_fields, .check = check_state
};

static struct state *parse(const struct buf *bytes, const char *stream, struct err *e)
{
	struct state *s = calloc(1, sizeof *s);

	if (s == NULL) {
		err_mem(e);
		return NULL;
	}
	if (schema_parse(&state_schema, bytes->data, bytes->len, s, &s->arena, e) == 0 &&
	    digest_of(bytes->data, bytes->len, &s->sha256, e) == 0) {
		if (strcmp(s->stream, stream) == 0)
			return s;
		err_set(e, R_STORE_DAMAGED, "it is of the stream %s", s->stream);
	}
	state_free(s);
	return NULL;
}

/* 0; 1 where it isn't there; -1. */
static int read_state(const struct store *s, const char *stream, char tree, struct buf *out, struct err *e)
{
	char path[MAX_NAME_LEN + 32];

	snprintf(path, sizeof path, "streams/%s/%c/state.yaml", stream, tree);
	if (file_read_all_at(&s->dir, path, STATE_MAX_SIZE, out, e) == 0)
		return 0;
	if (e->reason != ERR_MISSING)
		return -1;
	err_clear(e);
	return 1;
}

int state_digest(const struct store *s, const char *stream, char tree, struct digest *out, struct err *e)
{
	struct buf bytes = {0};
	int rc = read_state(s, stream, tree, &bytes, e);

	if (rc == 0)
		rc = digest_of(bytes.data, bytes.len, out, e);
	buf_free(&bytes);
	return rc;
}

int state_load(const struct store *s, const char *stream, char tree, struct state **out, struct err *e)
{
	struct buf bytes = {0};
	int rc = read_state(s, stream, tree, &bytes, e);

	*out = NULL;
	if (rc == 0) {
		*out = parse(&bytes, stream, e);
		if (*out == NULL)
			rc = err_prefix(e, "%s/streams/%s/%c/state.yaml", s->dir.name, stream, tree);
	}
	buf_free(&bytes);
	return rc;
}

size_t state_bound(const struct state *s, const char *path)
{
	size_t low = 0, high = s->items_n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(s->items[mid].item, path) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool state_from_nothing(const struct state *s)
{
	return s->phase == STATE_BUILDING && s->former_n == 0;
}

void state_free(struct state *s)
{
	if (s == NULL)
		return;
	arena_free(&s->arena);
	free(s);
}

int state_current(const struct store *s, const char *stream, char *tree, struct err *e)
{
	char path[MAX_NAME_LEN + 32], target[2];
	ssize_t n;

	*tree = 0;
	snprintf(path, sizeof path, "streams/%s/current", stream);
	n = readlinkat(s->dir.fd, path, target, sizeof target);
	if (n == -1 && errno == ENOENT)
		return 0;
	if (n == -1 && errno != EINVAL)
		return err_sys(e, "%s/%s", s->dir.name, path);
	if (n != 1 || (target[0] != 'a' && target[0] != 'b'))
		return err_set(e, R_STORE_DAMAGED, "%s/%s: it is no link to a or b", s->dir.name, path);
	*tree = target[0];
	return 0;
}

/* ---- lists ---- */

bool state_list_name(const char *name, struct list_ref *out)
{
	const char *dash = strchr(name, '-');

	*out = (struct list_ref){0};
	return dash != NULL && num_parse(name, (size_t)(dash - name), 1, MAX_REVISION, &out->epoch) == 0 &&
	       num_parse(dash + 1, strlen(dash + 1), 1, MAX_REVISION, &out->revision) == 0;
}

static int keep(struct kept_lists *k, const struct list_ref *ref, struct err *e)
{
	struct list_ref *more;

	if (k->n % 16 == 0) {
		more = realloc(k->refs, (k->n + 16) * sizeof *more);
		if (more == NULL)
			return err_mem(e);
		k->refs = more;
	}
	k->refs[k->n++] = *ref;
	return 0;
}

bool state_publishes(const struct state_item *i, const struct contents_ref *c)
{
	return i != NULL && digest_equal(&i->contents, &c->sha256) && i->size == c->size && i->files == c->files && i->bytes == c->bytes;
}

int state_compare(const struct list_ref *a, const struct list_ref *b)
{
	if (a->epoch != b->epoch)
		return a->epoch < b->epoch ? -1 : 1;
	return (a->revision > b->revision) - (a->revision < b->revision);
}

static int by_order(const void *a, const void *b)
{
	return state_compare(a, b);
}

int state_lists(const struct store *s, const char *stream, struct kept_lists *out, struct err *e)
{
	char path[MAX_NAME_LEN + 32];
	struct file dir = FILE_CLOSED;
	const struct dirent *entry;
	struct err why = {0};
	DIR *d = NULL;
	int fd, rc = -1;

	*out = (struct kept_lists){0};
	snprintf(path, sizeof path, "streams/%s/lists", stream);
	if (file_open_dir_at(&s->dir, path, &dir, &why) == -1) {
		if (why.reason == ERR_MISSING)
			return 0;
		*e = why;
		return -1;
	}
	fd = openat(dir.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd == -1 ? NULL : fdopendir(fd);
	if (d == NULL) {
		err_sys(e, "%s", dir.name);
		if (fd != -1)
			close(fd);
		goto out;
	}
	rc = 0;
	while (errno = 0, rc == 0 && (entry = readdir(d)) != NULL) {
		struct list_ref ref;

		if (state_list_name(entry->d_name, &ref))
			rc = keep(out, &ref, e);
	}
	if (rc == 0 && errno != 0)
		rc = err_sys(e, "%s", dir.name);
	if (out->n > 0)
		qsort(out->refs, out->n, sizeof *out->refs, by_order);
out:
	if (d != NULL)
		closedir(d);
	file_close(&dir);
	if (rc == -1)
		state_lists_free(out);
	return rc;
}

void state_lists_free(struct kept_lists *k)
{
	free(k->refs);
	*k = (struct kept_lists){0};
}

/* The root recorded with a list; where the store is judged as of an older one, that. */
static const struct trust *judge_of(const struct store *s, const struct file *dir, struct err *e)
{
	const struct trust *root = NULL;
	struct buf text = {0};
	uint64_t version;

	if (file_read_all_at(dir, "root", 32, &text, e) == 0) {
		if (text.len < 2 || text.data[text.len - 1] != '\n' ||
		    num_parse((const char *)text.data, text.len - 1, 1, MAX_REVISION, &version) == -1)
			err_set(e, R_STORE_DAMAGED, "`root` is no version of a trust root");
		else if (s->as_of && version > trust_chain_newest(&s->chain)->version)
			root = trust_chain_newest(&s->chain);
		else if ((root = trust_chain_at(&s->chain, version)) == NULL)
			err_set(e, R_TRUST_DAMAGED, "judged by trust root %llu, which is not there", (unsigned long long)version);
	}
	buf_free(&text);
	return root;
}

/* Of one stream: by the newest list, which the newest of its roots has judged. */
static int check_roots(const struct store *s, const char *stream, struct err *e)
{
	struct kept_lists kept = {0};
	struct file dir = FILE_CLOSED;
	struct err why = {0};
	char path[MAX_NAME_LEN + 96];
	int rc = state_lists(s, stream, &kept, e);

	if (rc == 0 && kept.n > 0) {
		const struct list_ref *newest = &kept.refs[kept.n - 1];

		snprintf(path, sizeof path, "streams/%s/lists/%llu-%llu", stream, (unsigned long long)newest->epoch,
			 (unsigned long long)newest->revision);
		/* any other fault is said where the list is needed */
		if (file_open_dir_at(&s->dir, path, &dir, &why) == 0 && judge_of(s, &dir, &why) == NULL &&
		    why.reason == R_TRUST_DAMAGED) {
			err_set(e, why.reason, "%s: %s", path, why.text);
			rc = err_hint(e, "restore trust/ from a backup");
		}
	}
	file_close(&dir);
	state_lists_free(&kept);
	return rc;
}

int state_check_roots(const struct store *s, struct err *e)
{
	for (size_t i = 0; i < s->config.streams_n; i++)
		if (check_roots(s, s->config.streams[i].stream, e) == -1)
			return -1;
	return 0;
}

static int open_list(const struct store *s, const char *stream, uint64_t epoch, uint64_t revision, struct file *out,
		     struct err *e)
{
	char path[MAX_NAME_LEN + 80];

	snprintf(path, sizeof path, "streams/%s/lists/%llu-%llu", stream, (unsigned long long)epoch,
		 (unsigned long long)revision);
	return file_open_dir_at(&s->dir, path, out, e);
}

static int check_list(const struct store *s, struct file *dir, struct digest *out, struct err *e)
{
	const struct trust *root = judge_of(s, dir, e);
	struct signatures found = {0};
	struct buf bytes = {0};
	int rc = -1;

	if (root == NULL || file_read_all_at(dir, NAMES_APPROVALS, MAX_APPROVALS_SIZE, &bytes, e) == -1 ||
	    signatures_collect(&found, root, ROLE_APPROVER, NAMES_APPROVALS, store_signature, dir, e) == -1 ||
	    trust_require(root, ROLE_APPROVER, bytes.data, bytes.len, &found, e) == -1)
		goto out;
	rc = digest_of(bytes.data, bytes.len, out, e);
out:
	buf_free(&bytes);
	signatures_free(&found);
	return rc;
}

int state_list_check(const struct store *s, const char *stream, uint64_t epoch, uint64_t revision, struct digest *out,
		     struct err *e)
{
	struct file dir = FILE_CLOSED;
	struct err why = {0};
	int rc;

	if (open_list(s, stream, epoch, revision, &dir, &why) == -1) {
		if (why.reason == ERR_MISSING)
			return 1;
		*e = why;
		return -1;
	}
	rc = check_list(s, &dir, out, e);
	if (rc == -1)
		err_prefix(e, "%s", dir.name);
	file_close(&dir);
	return rc;
}

static struct approvals *load_list(const struct store *s, struct file *dir, struct err *e)
{
	const struct trust *root = judge_of(s, dir, e);
	struct signatures found = {0};
	struct approvals *a = NULL;
	struct buf bytes = {0};

	if (root == NULL || file_read_all_at(dir, NAMES_APPROVALS, MAX_APPROVALS_SIZE, &bytes, e) == -1)
		goto out;
	if (signatures_collect(&found, root, ROLE_APPROVER, NAMES_APPROVALS, store_signature, dir, e) == 0)
		a = unseal_list(bytes.data, bytes.len, &found, root, e);
out:
	buf_free(&bytes);
	signatures_free(&found);
	return a;
}

struct approvals *state_list_load(const struct store *s, const char *stream, uint64_t epoch, uint64_t revision, struct err *e)
{
	struct file dir = FILE_CLOSED;
	struct approvals *a = NULL;

	if (open_list(s, stream, epoch, revision, &dir, e) == -1)
		return NULL;
	a = load_list(s, &dir, e);
	if (a != NULL && (strcmp(a->stream, stream) != 0 || a->epoch != epoch || a->revision != revision)) {
		err_set(e, R_STORE_DAMAGED, "it is revision %llu of epoch %llu of %s", (unsigned long long)a->revision,
			(unsigned long long)a->epoch, a->stream);
		approvals_free(a);
		a = NULL;
	}
	if (a == NULL)
		err_prefix(e, "%s", dir.name);
	file_close(&dir);
	return a;
}
