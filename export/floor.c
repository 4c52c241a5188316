/*
 * Numbers that must not be used again. recover | FLOOR | freeze, reservation. Refuses a file that is not canonical.
 */
#include "export/floor.h"

#include "export/station.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/outfile.h"
#include "manifests/limits.h"
#include "manifests/schema.h"

#include "lib/banned.h"

#define NAME "floor.yaml"

static const struct field fields[] = {
	{.name = "sequence", .kind = FIELD_NUMBER, .at = offsetof(struct floor, sequence), .max = MAX_REVISION},
	{.name = "epoch", .kind = FIELD_NUMBER, .at = offsetof(struct floor, epoch), .max = MAX_REVISION},
	{.name = "revision", .kind = FIELD_NUMBER, .at = offsetof(struct floor, revision), .max = MAX_REVISION},
	{0}
};
static const struct schema floor_schema = {.type = "floor", .size = sizeof(struct floor), .fields = fields};

int floor_load(const struct station *s, struct floor *out, struct err *e)
{
	struct arena a = {0};
	struct buf b = {0};
	struct err why = {0};
	int rc = 0;

	*out = (struct floor){0};
	if (file_read_all_at(&s->dir, NAME, MAX_CONFIG_SIZE, &b, &why) == -1) {
		rc = why.reason == ERR_MISSING ? 0 : -1;
		if (rc == -1)
			*e = why;
	} else if (schema_parse(&floor_schema, b.data, b.len, out, &a, e) == -1) {
		rc = err_prefix(e, "%s/" NAME, s->dir.name);
	}
	arena_free(&a);
	buf_free(&b);
	return rc;
}

int floor_save(struct station *s, const struct floor *f, struct err *e)
{
	struct buf b = {0};
	int rc = -1;

	if (schema_encode(&floor_schema, f, &b, e) == 0 && buf_ok(&b, e) == 0)
		rc = outfile_put(&s->dir, NAME, 0644, b.data, b.len, e);
	buf_free(&b);
	return rc;
}

void floor_see_sequence(struct floor *f, uint64_t sequence)
{
	if (sequence > f->sequence)
		f->sequence = sequence;
}

void floor_see_list(struct floor *f, uint64_t epoch, uint64_t revision)
{
	if (epoch < f->epoch || (epoch == f->epoch && revision <= f->revision))
		return;
	f->epoch = epoch;
	f->revision = revision;
}
