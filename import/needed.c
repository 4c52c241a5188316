/*
 * From lists and trees to the objects they need (import/needed.h). objects, contents lists > NEEDED > prune. Refuses to answer
 * where a contents list can't be read.
 */
#include "import/needed.h"

#include "import/missing.h"
#include "import/objects.h"
#include "lib/err.h"
#include "manifests/contents.h"
#include "manifests/reason.h"

#include "lib/banned.h"

int needed_open(struct needed *n, struct err *e)
{
	*n = (struct needed){0};
	return bloom_open(&n->met, e);
}

void needed_free(struct needed *n)
{
	bloom_free(&n->met);
	distinct_free(&n->walked);
	*n = (struct needed){0};
}

bool needed_has(const struct needed *n, const struct digest *d)
{
	return bloom_has(&n->met, d);
}

/* A document that can't be read: fine where it was never received. */
static int judge_gap(struct objects *o, const struct digest *d, const char *item, bool published, struct err *e)
{
	int has = objects_has(o, d, NULL, e);
	char hex[DIGEST_HEX + 1];

	if (has == -1 || (has == 0 && !published))
		return has;
	err_set(e, R_STORE_DAMAGED, "%s: its contents list, or a part of it, %s, is damaged or gone: what it needs can't be told", item,
		digest_hex(d, hex));
	return err_hint(e, "run `satchel-import check`, and apply a bundle that carries it");
}

static int walk_records(struct needed *n, struct objects *o, struct contents_reader *r, const char *item, bool published,
			struct err *e)
{
	const struct record *record;
	int got;

	while ((got = contents_reader_next(r, &record, e)) > 0)
		if (got == 2) {
			if (judge_gap(o, &contents_reader_part(r)->sha256, item, published, e) == -1)
				return -1;
		} else if (record->has_file)
			bloom_add(&n->met, &record->sha256);
	return got;
}

static int walk(struct needed *n, struct objects *o, const struct contents_ref *ref, const char *item, bool published,
		struct err *e)
{
	struct contents_reader *r = NULL;
	const struct contents_part *parts;
	struct err why = {0};
	size_t parts_n;
	int rc = distinct_add(&n->walked, &ref->sha256, e);

	if (rc != 1)
		return rc;
	bloom_add(&n->met, &ref->sha256);
	rc = contents_reader_open(ref, item, objects_fetch, o, &r, &why);
	if (rc == 1)
		return judge_gap(o, &ref->sha256, item, published, e);
	if (rc == 0) {
		parts = contents_reader_parts(r, &parts_n);
		for (size_t i = 0; i < parts_n; i++)
			bloom_add(&n->met, &parts[i].sha256);
		rc = walk_records(n, o, r, item, published, &why);
	}
	contents_reader_close(r);
	if (rc == 0 || (!published && missing_is_malformed(why.reason)))	/* such an entry is never published */
		return 0;
	*e = why;
	return err_prefix(e, "%s", item);
}

int needed_add_list(struct needed *n, struct objects *o, const struct approvals *list, const struct store_stream *stream,
		    struct err *e)
{
	for (size_t i = 0; i < list->items_n; i++) {
		const struct approval *p = &list->items[i];

		if (p != approvals_entry(list, p->item, stream->rings, stream->rings_n))
			continue;
		if (walk(n, o, &p->contents, p->item, false, e) == -1)
			return -1;
	}
	return 0;
}

int needed_add_tree(struct needed *n, struct objects *o, const struct state *tree, struct err *e)
{
	for (size_t i = 0; i < tree->items_n; i++) {
		const struct state_item *it = &tree->items[i];
		const struct contents_ref ref = {it->contents, it->size, it->files, it->bytes};

		if (walk(n, o, &ref, it->item, true, e) == -1)
			return -1;
	}
	return 0;
}
