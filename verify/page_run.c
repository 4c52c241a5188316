/*
 * `satchel-verify report`: a store, a station or a medium on one page, for an auditor's file. Beside the page, which must be a
 * new file outside of what is looked at, nothing is written: nothing is replaced, renamed or removed (lib/outfile would), so
 * the page is made whole in memory first.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/num.h"
#include "lib/path.h"
#include "lib/say.h"
#include "manifests/reason.h"
#include "verify/commands.h"
#include "verify/page.h"
#include "verify/terms.h"

#include "lib/banned.h"

const struct option_def page_options[] = {
	{.name = "output", .letter = 'o', .value = "FILE", .help = "the page, a new file; - is stdout"},
	{.name = "trust", .value = "FILE", .help = "the trust root to judge by, as you got it on a way of its own"},
	TERMS_AS_OF,
	{0}
};

/* ---- where the page goes ---- */

/* The directory of the page, which must not lie in what it is about. */
static int open_target(const char *path, const char *about, struct file *out, struct err *e)
{
	char *dir = strndup(path, (size_t)(path_last(path) - path));
	struct file top = FILE_CLOSED;
	bool below = false;
	int rc;

	if (dir == NULL)
		return err_mem(e);
	rc = file_open_dir(dir[0] == '\0' ? "." : dir, out, e);
	if (rc == 0 && (file_open_dir(about, &top, e) == -1 || file_is_below(out, &top, &below, e) == -1))
		rc = -1;
	if (rc == 0 && below)
		rc = err_set(e, ERR_USAGE, "%s: it lies in %s, where nothing is written", path, about);
	file_close(&top);
	free(dir);
	return rc;
}

static int refuse_existing(const char *path, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) == -1)
		return 0;
	err_set(e, ERR_USAGE, "%s: it is there already, and is not replaced", path);
	return err_hint(e, "name a new file");
}

static int write_page(const struct file *dir, const char *path, const struct buf *bytes, struct err *e)
{
	struct file f = {openat(dir->fd, path_last(path), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666),
			 (char *)(uintptr_t)path};
	int rc;

	if (f.fd == -1)
		return errno == EEXIST ? refuse_existing(path, e) : err_sys(e, "%s", path);
	rc = file_write(&f, bytes->data, bytes->len, e);
	if (rc == 0)
		rc = file_sync(&f, e);
	if (close(f.fd) == -1 && rc == 0)
		rc = err_sys(e, "%s", path);
	if (rc == -1)
		return err_hint(e, "the page is not whole: remove it");
	return file_sync_dir(dir, e);
}

/* ---- the command ---- */

/* By what lies there; what is neither store nor station may be a medium. */
static int fill(struct page *p, const struct terms *t, const char *path, const char *trust, struct err *e)
{
	char marker[PATH_MAX_LEN + 32];
	struct stat st;

	if (strlen(path) > PATH_MAX_LEN)
		return err_set(e, ERR_USAGE, "the path of what to look at is too long");
	snprintf(marker, sizeof marker, "%s/store.yaml", path);
	if (lstat(marker, &st) == 0)
		return page_store(p, t, path, trust, e);
	snprintf(marker, sizeof marker, "%s/station.yaml", path);
	if (lstat(marker, &st) == 0)
		return page_station(p, t, path, trust, e);
	return page_medium(p, t, path, trust, e);
}

static void say_result(const struct page *p, const char *output)
{
	json_t *o;

	if (strcmp(output, "-") == 0)
		return;
	say_line("%s: %s; %s", output, p->faults == 0 ? "written" : "written, NOT GOOD", num_of(p->faults, "fault"));
	o = json_object();
	json_put_text(o, "report", output);
	json_put(o, "good", json_boolean(p->faults == 0));
	json_put_number(o, "faults", p->faults);
	say_object(o);
}

int page_run(const struct args *a, struct err *e)
{
	const char *output = args_get(a, "output"), *about;
	struct file dir = FILE_CLOSED;
	struct page page = {0};
	struct terms terms;
	int rc = -1;

	if (args_expect(a, 1, 1, e) == -1 || terms_parse(a, &terms, e) == -1)
		return -1;
	if (output == NULL)
		return err_set(e, ERR_USAGE, "-o FILE is needed: where the page goes");
	about = args_at(a, 0);
	if (strcmp(output, "-") != 0 && (open_target(output, about, &dir, e) == -1 || refuse_existing(output, e) == -1))
		goto out;
	if (fill(&page, &terms, about, args_get(a, "trust"), e) == -1 || buf_ok(&page.out, e) == -1)
		goto out;
	if (strcmp(output, "-") == 0)
		say_bytes(page.out.data, page.out.len);
	else if (write_page(&dir, output, &page.out, e) == -1)
		goto out;
	say_result(&page, output);
	rc = page_exit(&page);
out:
	buf_free(&page.out);
	file_close(&dir);
	return rc;
}
