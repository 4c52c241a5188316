/*
 * Media, as far as a store looks at them itself (the reader process does the rest). receipt > MEDIA. Refuses media that
 * hold the store or lie in it, and names that are taken already, by whatever.
 */
#include "import/media.h"

#include <errno.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/process.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

int media_check(const struct file *store, const char *path, struct err *e)
{
	struct file medium = FILE_CLOSED;
	struct err why = {0};
	bool below = false;
	int rc = -1;

	if (file_open_dir(path, &medium, &why) == -1) {
		err_set(e, why.reason == ERR_MISSING || why.reason == ERR_FILE_TYPE ? R_MEDIUM_MISSING : R_MEDIUM_READ, "%s",
			why.text);
		return err_hint(e, "is it mounted?");
	}
	if (file_is_below(store, &medium, &below, &why) == -1 ||
	    (!below && file_is_below(&medium, store, &below, &why) == -1)) {
		err_set(e, why.reason == ERR_IO ? R_MEDIUM_READ : why.reason, "%s", why.text);
		goto out;
	}
	rc = below ? err_set(e, R_STORE_ON_MEDIUM, "%s: the store and this medium lie in one another", path) : 0;
out:
	file_close(&medium);
	return rc;
}

struct checking {
	const struct file *store;
	const char *path;
};

static int check(void *arg, struct err *e)
{
	const struct checking *c = arg;

	return media_check(c->store, c->path, e);
}

int media_check_within(unsigned seconds, const struct file *store, const char *path, struct err *e)
{
	struct checking c = {store, path};
	int rc = process_try(seconds, check, &c, e);

	return rc == 1 ? err_set(e, R_MEDIUM_TIMEOUT, "%s: it did not answer for %u seconds", path, seconds) : rc;
}

int media_wrong(struct err *e)
{
	if (e->reason == ERR_IO || e->reason == ERR_MISSING)
		e->reason = R_MEDIUM_WRITE;
	if (e->sys == EROFS)
		err_hint(e, "is it mounted read-only, or has it a switch against writing?");
	return -1;
}

static int open_folder(const struct file *parent, const char *name, struct file *out, struct err *e)
{
	struct err why = {0};

	if (file_open_dir_at(parent, name, out, &why) == 0)
		return 0;
	if (why.reason != ERR_MISSING) {
		*e = why;
		return err_hint(e, "look at it and remove it: nothing is written through it");
	}
	if (file_make_dir_at(parent, name, 0755, e) == -1 || file_open_dir_at(parent, name, out, e) == -1)
		return -1;
	return file_sync_dir(parent, e);
}

int media_open(const char *path, struct media *out, struct err *e)
{
	*out = (struct media)MEDIA_CLOSED;
	if (file_open_dir(path, &out->medium, e) == -1 ||
	    open_folder(&out->medium, NAMES_MEDIUM_DIR, &out->satchel, e) == -1 ||
	    open_folder(&out->satchel, NAMES_RECEIPTS, &out->receipts, e) == -1)
		return media_wrong(e);
	return 0;
}

void media_close(struct media *m)
{
	file_close(&m->receipts);
	file_close(&m->satchel);
	file_close(&m->medium);
}

int media_create(const struct media *m, const char *name, struct file *out, struct err *e)
{
	if (file_create_at(&m->receipts, name, 0644, out, e) == 0)
		return 0;
	if (e->sys == EEXIST)
		err_hint(e, "nothing is replaced; run it again for the next number, and find out who wrote this one");
	return media_wrong(e);
}

int media_finish(struct file *f, struct err *e)
{
	int rc = file_sync(f, e);

	file_close(f);
	return rc == 0 ? 0 : media_wrong(e);
}

int media_put(const struct media *m, const char *name, const void *data, size_t len, struct err *e)
{
	struct file f = FILE_CLOSED;

	if (media_create(m, name, &f, e) == -1)
		return -1;
	if (file_write(&f, data, len, e) == 0) {
		if (media_finish(&f, e) == 0)
			return 0;
	} else {
		file_close(&f);
		media_wrong(e);
	}
	media_remove(m, name);
	return -1;
}

int media_sync(const struct media *m, struct err *e)
{
	return file_sync_dir(&m->receipts, e) == 0 ? 0 : media_wrong(e);
}

void media_remove(const struct media *m, const char *name)
{
	(void)unlinkat(m->receipts.fd, name, 0);
}
