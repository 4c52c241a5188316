/*
 * Storing, when what was put is durable (import/objects.h): stage > OBJECTS > publish. The marker stage/receiving stands before
 * the first object is written and goes after the sync that proves the last. Refuses to go on after a sync that failed: what
 * the kernel could not write it may have forgotten.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "import/objects_impl.h"
#include "lib/err.h"
#include "lib/outfile.h"
#include "lib/pool.h"
#include "lib/timings.h"

#include "lib/banned.h"

#define SYNCING "syncing objects"

int objects_begin(struct objects *o, struct err *e)
{
	if (o->begun)
		return 0;
	if (outfile_put(&o->store, OBJECTS_RECEIVING, 0600, "", 0, e) == -1)
		return -1;
	o->begun = true;
	return 0;
}

static int sync_all(const struct objects *o, struct err *e)
{
	uint64_t since = timings_now();
	int rc = file_sync_fs(&o->dir, e);

	timings_busy(SYNCING, since);
	return rc;
}

static int work(void *arg, void *task, void *state, struct err *e)
{
	(void)task;
	(void)state;
	return sync_all(arg, e);
}

static void nothing(void *arg, void *task)
{
	(void)arg;
	(void)task;
}

int objects_flush(struct objects *o, struct err *e)
{
	static const struct pool_ops ops = {.work = work, .drop = nothing};

	if (!o->begun || o->flush != NULL)
		return 0;
	timings_name(SYNCING, 1);	/* here: a reader may be forked while the thread would */
	o->flush = pool_open(&ops, o, 1, 1, e);
	return o->flush == NULL ? -1 : pool_put(o->flush, NULL, e);
}

/* Waits for what objects_flush began. */
static int end_flush(struct objects *o, struct err *e)
{
	struct pool *p = o->flush;

	o->flush = NULL;
	return pool_close(p, e);
}

static int take_marker(const struct objects *o, struct err *e)
{
	struct file stage = FILE_CLOSED;
	int rc = -1;

	if (file_open_dir_at(&o->store, "stage", &stage, e) == -1)
		return -1;
	if (unlinkat(o->store.fd, OBJECTS_RECEIVING, 0) == -1 && errno != ENOENT)
		err_sys(e, "%s/" OBJECTS_RECEIVING, o->store.name);
	else
		rc = file_sync(&stage, e);
	file_close(&stage);
	return rc;
}

int objects_settle(struct objects *o, struct err *e)
{
	if (!o->begun)
		return 0;
	if (o->sync_failed)
		return err_set(e, ERR_IO, "%s: an earlier sync of its file system failed", o->dir.name);
	if (end_flush(o, e) == -1 || sync_all(o, e) == -1) {
		o->sync_failed = true;
		return -1;
	}
	if (take_marker(o, e) == -1)
		return -1;
	o->begun = false;
	return 0;
}

int objects_unsettled(const struct objects *o, struct err *e)
{
	if (faccessat(o->store.fd, OBJECTS_RECEIVING, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : err_sys(e, "%s/" OBJECTS_RECEIVING, o->store.name);
}
