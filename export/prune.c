/*
 * satchel-export prune: drops the kept objects and contents lists that nothing needs (export/needs.h). draft, lists, needs >
 * PRUNE > shelf. First everything is looked at and said, then dropped, each file by itself: nothing names what goes, so an
 * interruption leaves a station that is whole, and the next run drops the rest. Lists, bundles, receipts and the ledger
 * stay: they are small, and history, acknowledgements and recover rest on them.
 */
#include "export/prune.h"

#include "export/board.h"
#include "export/ledger.h"
#include "export/needs.h"
#include "export/shelf.h"
#include "export/station.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/progress.h"
#include "lib/say.h"
#include "manifests/contents.h"

#include "lib/banned.h"

const struct option_def prune_options[] = {
	{"keep", 0, "N", "keep the bytes of N former lists as well, to be able to approve their revisions again (0)", false},
	{"dry-run", 'n', NULL, "say what would be dropped, drop nothing", false},
	{0}
};

struct sum {
	uint64_t n, bytes;
};
struct pruning {
	struct station s;
	struct draft *draft;
	struct board *board;
	struct needs needs;
	uint64_t keep;
	bool dry, dropping;	/* dropping: the second time over */
	const char *shelf;	/* the one that is looked through */
	struct sum objects, documents, *sum;
};

static int meet(void *arg, const struct digest *d, uint64_t size, struct err *e)
{
	struct pruning *p = arg;

	progress_add(1);
	if (bloom_has(&p->needs.met, d))
		return 0;
	if (p->dropping)
		return shelf_remove(&p->s.dir, p->shelf, d, e);
	p->sum->n++;
	p->sum->bytes += size;
	return 0;
}

static int look_through(struct pruning *p, const char *shelf, struct sum *sum, struct err *e)
{
	p->shelf = shelf;
	p->sum = sum;
	return shelf_each(&p->s.dir, shelf, meet, p, e);
}

static int each_file(struct pruning *p, struct err *e)
{
	int rc;

	progress_phase(p->dropping ? "dropping" : "looking at objects", 0, 0);
	rc = look_through(p, "objects", &p->objects, e);
	if (rc == 0)
		rc = look_through(p, "contents", &p->documents, e);
	progress_end();
	return rc;
}

/* ---- telling ---- */

/* Of a revision: the kept files that go; what was never kept, or went before, has none. */
static int count_files(const struct pruning *p, const struct draft_revision *r, struct sum *out, struct err *e)
{
	struct contents_reader *reader = NULL;
	const struct record *record;
	int rc = contents_reader_open(&r->contents, r->item, station_fetch, (void *)(uintptr_t)&p->s, &reader, e), got = 0;

	while (rc == 0 && (got = contents_reader_next(reader, &record, e)) > 0)
		if (got == 1 && record->has_file && !bloom_has(&p->needs.met, &record->sha256) &&
		    shelf_stands(&p->s.dir, "objects", &record->sha256)) {
			out->n++;
			out->bytes += record->size;
		}
	contents_reader_close(reader);
	return rc == -1 || got == -1 ? -1 : 0;
}

static int tell_revision(const struct pruning *p, const struct draft_revision *r, struct err *e)
{
	struct sum sum = {0};
	char size[24];
	json_t *o;

	if (count_files(p, r, &sum, e) == -1)
		return -1;
	if (sum.n == 0)
		return 0;
	o = json_object();
	json_put_text(o, "item", r->item);
	json_put_number(o, "revision", r->revision);
	json_put_number(o, "files", sum.n);
	json_put_number(o, "bytes", sum.bytes);
	say_object(o);
	say_line("%s revision %llu, %s, %s  %s", r->item, (unsigned long long)r->revision, num_of(sum.n, "file"),
		 num_format_size(sum.bytes, size), p->dry ? "would go" : "goes");
	return 0;
}

static json_t *numbers(const struct pruning *p)
{
	json_t *o = json_object();

	json_put_number(o, "keep", p->keep);
	json_put_number(o, "objects", p->objects.n);
	json_put_number(o, "bytes", p->objects.bytes);
	json_put_number(o, "documents", p->documents.n);
	return o;
}

static int tell(const struct pruning *p, struct err *e)
{
	const char *verb = p->dry ? "would go" : "going";
	json_t *o;
	char size[24];

	for (size_t i = 0; p->objects.n > 0 && i < p->draft->revisions_n; i++)
		if (tell_revision(p, &p->draft->revisions[i], e) == -1)
			return -1;
	o = numbers(p);
	json_put(o, "dry", json_boolean(p->dry));
	say_object(o);
	say_line("%s, %s, that nothing needs: %s", num_of(p->objects.n, "object"), num_format_size(p->objects.bytes, size), verb);
	if (p->documents.n > 0)
		say_line("%s that nothing names: %s", num_of(p->documents.n, "contents list"), verb);
	return 0;
}

/* ---- the whole ---- */

static int drop(struct pruning *p, struct err *e)
{
	if (p->dry || p->objects.n + p->documents.n == 0)
		return 0;
	if (ledger_append(&p->s, "prune", numbers(p), e) == -1)
		return -1;
	p->dropping = true;
	return each_file(p, e) == -1 ? -1 : file_sync_fs(&p->s.dir, e);
}

static int prune(struct pruning *p, struct err *e)
{
	p->draft = draft_load(&p->s, e);
	p->board = p->draft == NULL ? NULL : board_open(&p->s, p->draft, e);
	if (p->board == NULL)
		return -1;
	progress_phase("reading lists", 0, 0);
	if (needs_gather(&p->needs, p->board, p->keep, e) == -1 || each_file(p, e) == -1)
		return -1;
	return tell(p, e) == -1 ? -1 : drop(p, e);
}

int prune_run(const struct args *a, struct err *e)
{
	struct pruning p = {.dry = args_has(a, "dry-run")};
	int rc;

	if (args_expect(a, 0, 0, e) == -1 || args_number(a, "keep", 0, 1000000, 0, &p.keep, e) == -1 ||
	    station_open(a, p.dry ? STATION_READ : STATION_WRITE, &p.s, e) == -1)
		return -1;
	rc = prune(&p, e);
	needs_free(&p.needs);
	board_free(p.board);
	draft_free(p.draft);
	station_close(&p.s);
	return rc;
}
