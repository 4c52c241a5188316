/*
 * Numbers that must not be used again. recover | FLOOR | freeze, reservation. Refuses a file that is not canonical,
 * and numbers too far above all others.
 */
#include "export/floor.h"

#include <stdbool.h>

#include "export/station.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/outfile.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
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

static bool is_above(const struct floor *a, const struct floor *b)
{
	return a->epoch > b->epoch || (a->epoch == b->epoch && a->revision > b->revision);
}

void floor_lift(struct floor *f, const struct floor *known)
{
	if (known->sequence > f->sequence)
		f->sequence = known->sequence;
	if (is_above(known, f)) {
		f->epoch = known->epoch;
		f->revision = known->revision;
	}
}

static bool jumps(uint64_t known, uint64_t seen)
{
	return seen > known && (seen - known > MAX_JUMP || seen > FLOOR_MAX);
}

int floor_see_sequence(struct floor *f, const struct floor *known, uint64_t sequence, struct err *e)
{
	uint64_t top = f->sequence > known->sequence ? f->sequence : known->sequence;

	if (jumps(top, sequence)) {
		err_set(e, R_JUMP, "sequence %llu is more than %llu above %llu, the highest known here", (unsigned long long)sequence,
			MAX_JUMP, (unsigned long long)top);
		return err_hint(e, "no station counts so far: was it made with a stolen exporter key? 'trust remove' it; the "
				   "next bundle is numbered as if this one were not");
	}
	floor_lift(f, &(struct floor){.sequence = sequence});
	return 0;
}

int floor_see_list(struct floor *f, const struct floor *known, uint64_t epoch, uint64_t revision, struct err *e)
{
	const struct floor seen = {.epoch = epoch, .revision = revision}, *top = is_above(known, f) ? known : f;

	if (epoch > top->epoch ? jumps(top->epoch, epoch) || jumps(0, revision) : epoch == top->epoch && jumps(top->revision, revision)) {
		err_set(e, R_JUMP, "list %llu of epoch %llu is more than %llu above list %llu of epoch %llu, the highest known here",
			(unsigned long long)revision, (unsigned long long)epoch, MAX_JUMP, (unsigned long long)top->revision,
			(unsigned long long)top->epoch);
		return err_hint(e, "if a store has it in effect, a new epoch leaves it behind: 'trust epoch', 'trust sign', then 'sign'");
	}
	floor_lift(f, &seen);
	return 0;
}
