/*
 * The receipts that a station keeps, on a page (verify/page.h), and the names in its directories. What the receipts say of
 * themselves is told, not judged: the keys they were judged by stand in the station's own configuration.
 */
#include "verify/page.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/file.h"
#include "lib/num.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/receipt.h"

#include "lib/banned.h"

/* ---- names ---- */

void page_names_free(struct page_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->list[i]);
	free(names->list);
	*names = (struct page_names){0};
}

static int add_name(struct page_names *names, const char *name, struct err *e)
{
	char **more = realloc(names->list, (names->n + 1) * sizeof *more);

	if (more == NULL)
		return err_mem(e);
	names->list = more;
	names->list[names->n] = strdup(name);
	if (names->list[names->n] == NULL)
		return err_mem(e);
	names->n++;
	return 0;
}

int page_names_read(const struct file *dir, bool (*is)(const char *name), int (*order)(const void *a, const void *b),
		    struct page_names *out, struct err *e)
{
	int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (d == NULL) {
		err_sys(e, "%s", dir->name);
		if (fd != -1)
			close(fd);
		return -1;
	}
	while (errno = 0, rc == 0 && (entry = readdir(d)) != NULL)
		if (is(entry->d_name))
			rc = add_name(out, entry->d_name, e);
	if (rc == 0 && errno != 0)
		rc = err_sys(e, "%s", dir->name);
	closedir(d);
	if (out->n > 0)
		qsort(out->list, out->n, sizeof *out->list, order);
	return rc;
}

/* ---- receipts ---- */

/* "perimeter-a-00000012.yaml" */
static bool is_receipt(const char *name)
{
	char store[MAX_NAME_LEN + 1], stem[NAMES_BUNDLE_LEN];
	size_t len = strlen(name);
	uint64_t counter;

	if (len < 6 || len - 5 >= sizeof stem || strcmp(name + len - 5, ".yaml") != 0)
		return false;
	snprintf(stem, sizeof stem, "%.*s", (int)(len - 5), name);
	return names_bundle_parse(stem, store, &counter) == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_ref(struct page *p, bool has, const struct receipt_list *ref)
{
	if (has)
		page_cell(p, "%llu-%llu", (unsigned long long)ref->epoch, (unsigned long long)ref->revision);
	else
		page_cell(p, "-");
}

static int tell_receipt(struct page *p, const struct file *dir, const char *name, struct err *why)
{
	struct receipt *r = NULL;
	struct buf bytes = {0};
	char when[32];

	if (file_read_all_at(dir, name, MAX_RECEIPT_SIZE, &bytes, why) == 0)
		r = receipt_parse(bytes.data, bytes.len, why);
	if (r == NULL)
		err_prefix(why, "receipts/%s", name);
	for (size_t i = 0; r != NULL && i < r->streams_n; i++) {
		const struct receipt_stream *s = &r->streams[i];

		page_row(p);
		page_cell(p, "%s", r->store);
		page_cell(p, "%llu", (unsigned long long)r->counter);
		page_cell(p, "%s", num_format_time(r->time, when));
		page_cell(p, "%s", s->stream);
		put_ref(p, s->has_complete, &s->complete);
		put_ref(p, s->has_newest, &s->newest);
		page_cell(p, "%llu", (unsigned long long)s->waiting);
		page_cell(p, "%llu", (unsigned long long)s->missing);
		page_cell(p, "%zu", r->refusals_n);
	}
	receipt_free(r);
	buf_free(&bytes);
	return why->reason == ERR_NONE ? 0 : -1;
}

int page_receipts(struct page *p, const struct file *dir, struct err *e)
{
	struct page_names names = {0};
	struct err *why = NULL;
	int rc = page_names_read(dir, is_receipt, by_name, &names, e);

	if (rc == 0 && (why = calloc(names.n + 1, sizeof *why)) == NULL)
		rc = err_mem(e);
	page_heading(p, "Receipts of destinations");
	page_line(p, "As the station keeps them: their signatures were judged when they were received, and not again for this page.");
	page_table(p, "store|counter|time|stream|in effect|newest list|items waiting|objects missing|refusals");
	for (size_t i = 0; rc == 0 && i < names.n; i++)
		tell_receipt(p, dir, names.list[i], &why[i]);
	page_table_end(p, names.n);
	for (size_t i = 0; rc == 0 && i < names.n; i++)
		if (why[i].reason != ERR_NONE)
			rc = page_fault_of(p, &why[i], e);
	free(why);
	page_names_free(&names);
	return rc;
}
