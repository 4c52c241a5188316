/*
 * Objects of a store (verify/audit_objects.h). The walk judges names, kinds and modes, workers read and hash, some files at a
 * time. Reports objects whose bytes don't have the digest they are named by, objects set aside, and whatever is no object.
 */
#include "verify/audit_objects.h"

#include <limits.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/file_hash.h"
#include "lib/num.h"
#include "lib/path.h"
#include "lib/pool.h"
#include "lib/progress.h"
#include "lib/walk.h"
#include "manifests/reason.h"
#include "verify/report.h"
#include "verify/store.h"
#include "verify/unfinished.h"

#include "lib/banned.h"

#define BATCH 64		/* files of a task: small ones cost less than handing them over */
#define BATCH_BYTES (4u << 20)
#define PERMISSIONS 07777

struct batch {
	size_t n;
	uint64_t bytes;
	struct one {
		char path[96];	/* below objects/ */
		struct digest sha256;
	} files[BATCH];
};
struct inspection {
	const struct store *store;
	struct report *report;
	const struct audit_sample *sample;
	struct audit_objects *out;
	struct file dir;
	struct pool *pool;
	struct batch *batch;
	bool receiving;		/* an import is at work, or was interrupted: what nothing published links to may be torn */
	ino_t *undone;		/* then: of names that the next import takes back, sorted; one for each name */
	size_t undone_n, undone_room;
};

/* ---- samples ---- */

int audit_sample_parse(const char *text, struct audit_sample *out, struct err *e)
{
	const char *slash;

	*out = (struct audit_sample){1, 1};
	if (text == NULL)
		return 0;
	slash = strchr(text, '/');
	if (slash != NULL && num_parse(slash + 1, strlen(slash + 1), 1, 1000000, &out->m) == 0 &&
	    num_parse(text, (size_t)(slash - text), 1, out->m, &out->n) == 0)
		return 0;
	return err_set(e, ERR_USAGE, "--sample %s: N/M is needed, 3/7 for the third of seven parts", text);
}

bool audit_sample_has(const struct audit_sample *s, const struct digest *d)
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 8 | d->bytes[i];
	return n % s->m == s->n - 1;
}

/* ---- hashing ---- */

static void *hash_new(void *arg, struct err *e)
{
	(void)arg;
	return file_hash_open(FILE_HASH_TOLD, e);
}

static void hash_free(void *arg, void *state)
{
	(void)arg;
	file_hash_close(state);
}

/* Names of an inode among those that the next import takes back. */
static size_t count_undone(const struct inspection *i, ino_t inode)
{
	size_t low = 0, high = i->undone_n, n = 0;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (i->undone[mid] < inode)
			low = mid + 1;
		else
			high = mid;
	}
	while (low + n < i->undone_n && i->undone[low + n] == inode)
		n++;
	return n;
}

/* The next import hashes such objects again and drops them; none is published. */
static bool may_be_torn(const struct inspection *i, const struct stat *st)
{
	return i->receiving && st->st_nlink == 1 + count_undone(i, st->st_ino);
}

static int check_file(const struct inspection *i, struct file_hash *h, const struct one *o, struct err *e)
{
	struct file f = FILE_CLOSED;
	struct err cause = {0};
	struct stat st = {0};
	char place[128];
	struct digest d;
	int rc = file_open_at(&i->dir, o->path, &f, &cause);

	snprintf(place, sizeof place, "objects/%s", o->path);
	if (rc == 0)
		rc = file_stat(&f, &st, &cause);
	if (rc == 0)
		rc = file_hash_run(h, &f, &d, &cause);
	file_close(&f);
	if (rc == -1 && report_is_fatal(&cause))
		return err_set(e, cause.reason, "%s", cause.text);
	if (rc == -1)
		report_err(i->report, place, &cause);
	else if (!digest_equal(&d, &o->sha256) && may_be_torn(i, &st))
		report_note(i->report, place, "not whole: an import is at work, or was interrupted; the next one drops it, or sets it aside");
	else if (!digest_equal(&d, &o->sha256))
		report_finding(i->report, R_OBJECT_DIGEST, place, "its bytes have another digest");
	return 0;
}

static int work(void *arg, void *task, void *state, struct err *e)
{
	const struct batch *b = task;

	for (size_t n = 0; n < b->n; n++)
		if (check_file(arg, state, &b->files[n], e) == -1)
			return -1;
	return 0;
}

static void drop(void *arg, void *task)
{
	(void)arg;
	free(task);
}

static int send_batch(struct inspection *i, struct err *e)
{
	struct batch *b = i->batch;

	i->batch = NULL;
	return b == NULL ? 0 : pool_put(i->pool, b, e);
}

static int add_file(struct inspection *i, const char *path, const struct digest *d, uint64_t size, struct err *e)
{
	struct one *o;

	if (i->batch == NULL)
		i->batch = calloc(1, sizeof *i->batch);
	if (i->batch == NULL)
		return err_mem(e);
	o = &i->batch->files[i->batch->n++];
	snprintf(o->path, sizeof o->path, "%s", path);
	o->sha256 = *d;
	i->batch->bytes += size;
	i->out->files++;
	i->out->bytes += size;
	return i->batch->n == BATCH || i->batch->bytes >= BATCH_BYTES ? send_batch(i, e) : 0;
}

/* ---- names ---- */

enum kind { NOTHING, PLAIN, EXECUTABLE, LOST };

/* HEX, HEX.N, HEX.x, HEX.x.N, HEX.lost */
static enum kind parse_name(const char *name, struct digest *d)
{
	const char *rest = name + DIGEST_HEX;
	enum kind kind = PLAIN;
	uint64_t n;

	if (strlen(name) < DIGEST_HEX || digest_parse(name, DIGEST_HEX, d) == -1)
		return NOTHING;
	if (strcmp(rest, ".lost") == 0)
		return LOST;
	if (strncmp(rest, ".x", 2) == 0) {
		kind = EXECUTABLE;
		rest += 2;
	}
	if (*rest == '\0')
		return kind;
	return *rest == '.' && num_parse(rest + 1, strlen(rest + 1), 1, UINT64_MAX, &n) == 0 ? kind : NOTHING;
}

static int judge_file(struct inspection *i, const struct walk_entry *w, const char *place, struct err *e)
{
	unsigned mode = w->st.st_mode & PERMISSIONS;
	struct digest d;
	enum kind kind = parse_name(w->name, &d);
	char text[STORE_STRANGER];

	if (store_stranger(i->store, &w->st, text))
		report_finding(i->report, ERR_UNSAFE, place, "%s", text);
	if (kind == NOTHING || strncmp(w->path, w->name, 2) != 0) {
		report_finding(i->report, R_STORE_DAMAGED, place, "it is no object");
	} else if (!S_ISREG(w->st.st_mode)) {
		report_finding(i->report, R_STORE_DAMAGED, place, "it is no regular file");
	} else if (kind == LOST) {
		report_finding(i->report, R_STORE_DAMAGED, place, "the object was set aside as damaged; the next bundle can heal it");
	} else {
		if (mode != (kind == EXECUTABLE ? 0555u : 0444u))
			report_finding(i->report, R_STORE_DAMAGED, place, "its mode is %04o", mode);
		return audit_sample_has(i->sample, &d) ? add_file(i, w->path, &d, (uint64_t)w->st.st_size, e) : 0;
	}
	return 0;
}

static bool is_fan(const char *name)
{
	return strlen(name) == 2 && strspn(name, "0123456789abcdef") == 2;
}

static enum walk_verdict visit(void *arg, const struct walk_entry *w, struct err *e)
{
	struct inspection *i = arg;
	char place[PATH_MAX + 16], text[STORE_STRANGER];

	if (w->leaving)
		return WALK_ON;
	snprintf(place, sizeof place, "objects/%s", w->path);
	if (w->sys != 0) {
		report_finding(i->report, ERR_IO, place, "%s", strerror(w->sys));
		return WALK_SKIP;
	}
	if (strchr(w->path, '/') != NULL) {
		if (judge_file(i, w, place, e) == -1)
			return WALK_STOP;
		return WALK_SKIP;
	}
	if (!S_ISDIR(w->st.st_mode) || !is_fan(w->name)) {
		report_finding(i->report, R_STORE_DAMAGED, place, "it is no directory of objects");
		return WALK_SKIP;
	}
	if ((w->st.st_mode & 022) != 0)
		report_finding(i->report, R_STORE_DAMAGED, place, "others may write it");
	if (store_stranger(i->store, &w->st, text))
		report_finding(i->report, ERR_UNSAFE, place, "%s", text);
	return WALK_ON;
}

/* ---- names in what the next import takes back ---- */

static enum walk_verdict note_name(void *arg, const struct walk_entry *w, struct err *e)
{
	struct inspection *i = arg;

	if (w->sys != 0 || !S_ISREG(w->st.st_mode))
		return WALK_ON;
	if (i->undone_n == i->undone_room) {
		size_t more = i->undone_room * 2 + 1024;
		ino_t *p = realloc(i->undone, more * sizeof *p);

		if (p == NULL) {
			err_mem(e);
			return WALK_STOP;
		}
		i->undone = p;
		i->undone_room = more;
	}
	i->undone[i->undone_n++] = w->st.st_ino;
	return WALK_ON;
}

static int note_tree(void *arg, const struct file *dir, struct err *e)
{
	return walk_tree(dir, PATH_MAX_DEPTH + 2, note_name, arg, e);
}

static int by_inode(const void *a, const void *b)
{
	const ino_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* What can't be read there costs the excuse alone. */
static int note_undone(struct inspection *i, const struct store *s, struct err *e)
{
	struct file scan = FILE_CLOSED;
	struct err why = {0}, none = {0};
	int rc = unfinished_each(s, note_tree, i, &why);

	if (rc == 0 && file_open_dir_at(&s->dir, "stage/scan", &scan, &none) == 0)
		rc = note_tree(i, &scan, &why);
	file_close(&scan);
	if (i->undone_n > 0)
		qsort(i->undone, i->undone_n, sizeof *i->undone, by_inode);
	if (rc == -1 && report_is_fatal(&why))
		return err_set(e, why.reason, "%s", why.text);
	if (rc == -1)
		report_err(i->report, "streams", &why);
	return 0;
}

int audit_objects(const struct store *s, const struct audit_sample *sample, unsigned jobs, struct report *r,
		  struct audit_objects *out, struct err *e)
{
	static const struct pool_ops ops = {.work = work, .drop = drop, .state_new = hash_new, .state_free = hash_free,
					    .putting = "listing objects", .working = "objects: digest"};
	struct inspection i = {.store = s, .report = r, .sample = sample, .out = out, .dir = FILE_CLOSED};
	int rc;

	*out = (struct audit_objects){0};
	i.receiving = faccessat(s->dir.fd, "stage/receiving", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	if ((i.receiving && note_undone(&i, s, e) == -1) || file_open_dir_at(&s->dir, "objects", &i.dir, e) == -1) {
		free(i.undone);
		return -1;
	}
	i.pool = pool_open(&ops, &i, jobs, jobs * 4, e);
	if (i.pool == NULL) {
		free(i.undone);
		file_close(&i.dir);
		return -1;
	}
	progress_phase("hashing objects", 0, 1);
	rc = walk_tree(&i.dir, 2, visit, &i, e);
	if (rc == 0)
		rc = send_batch(&i, e);
	if (pool_close(i.pool, e) == -1)
		rc = -1;
	progress_end();
	free(i.batch);
	free(i.undone);
	file_close(&i.dir);
	return rc;
}
