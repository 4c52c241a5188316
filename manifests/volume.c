/*
 * Indexes of volumes, and the tar bytes they imply (FORMAT 8 and 9). On export the frames are written from an index;
 * on import no tar is parsed: what the index implies is made again and compared.
 * Refuses indexes whose frames or objects leave gaps, overlap, come twice, or don't add up.
 */
#include "manifests/volume.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/num.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define TAR_END (2 * VOLUME_BLOCK)	/* the two zero blocks */

static const struct field frame_fields[] = {
	{.name = "at", .kind = FIELD_NUMBER, .at = offsetof(struct volume_frame, at), .max = MAX_VOLUME_SIZE},
	{.name = "size", .kind = FIELD_NUMBER, .at = offsetof(struct volume_frame, size), .min = 1, .max = MAX_FRAME_STORED},
	{.name = "holds", .kind = FIELD_NUMBER, .at = offsetof(struct volume_frame, holds), .min = 1, .max = FRAME_SIZE},
	{.name = "sha256", .kind = FIELD_DIGEST, .at = offsetof(struct volume_frame, sha256)},
	{0}
};
const struct schema volume_frame_schema = {.size = sizeof(struct volume_frame), .fields = frame_fields};

static int check_object(const void *value, struct err *e)
{
	const struct volume_object *o = value;

	if (o->has_piece != o->has_length)
		return err_set(e, R_DOCUMENT_FORM, "`from` and `length` come both or not at all");
	if (o->has_piece && (o->length >= o->size || o->from > o->size - o->length))
		return err_set(e, R_DOCUMENT_FORM, "a piece must be less than the object and lie within it");
	return 0;
}

static const struct field object_fields[] = {
	{.name = "sha256", .kind = FIELD_DIGEST, .at = offsetof(struct volume_object, sha256)},
	{.name = "size", .kind = FIELD_NUMBER, .at = offsetof(struct volume_object, size), .max = MAX_OBJECT_SIZE},
	{.name = "at", .kind = FIELD_NUMBER, .at = offsetof(struct volume_object, at), .min = VOLUME_BLOCK,
	 .max = (uint64_t)MAX_VOLUME_FRAMES * FRAME_SIZE},
	{.name = "from", .kind = FIELD_NUMBER, .at = offsetof(struct volume_object, from), .optional = true,
	 .present_at = offsetof(struct volume_object, has_piece), .max = MAX_OBJECT_SIZE},
	{.name = "length", .kind = FIELD_NUMBER, .at = offsetof(struct volume_object, length), .optional = true,
	 .present_at = offsetof(struct volume_object, has_length), .min = 1, .max = (uint64_t)MAX_VOLUME_FRAMES * FRAME_SIZE},
	{0}
};
const struct schema volume_object_schema = {
	.size = sizeof(struct volume_object), .fields = object_fields, .check = check_object
};

/* Frames lie end to end from 0, all but the last full; *holds: their tar bytes. */
static int check_frames(const struct volume *v, uint64_t *holds, struct err *e)
{
	uint64_t at = 0;

	*holds = 0;
	for (size_t i = 0; i < v->frames_n; i++) {
		const struct volume_frame *f = v->frames + i;

		if (f->at != at)
			return err_set(e, R_DOCUMENT_FORM, "frames: frame %zu is at %llu, and the one before ends at %llu", i,
				       (unsigned long long)f->at, (unsigned long long)at);
		if (f->holds != FRAME_SIZE && i + 1 < v->frames_n)
			return err_set(e, R_DOCUMENT_FORM, "frames: frame %zu holds %llu bytes, and only the last may hold less than %u",
				       i, (unsigned long long)f->holds, FRAME_SIZE);
		at += f->size;	/* at most MAX_VOLUME_FRAMES * MAX_FRAME_STORED */
		*holds += f->holds;
	}
	if (at > MAX_VOLUME_SIZE)
		return err_set(e, R_DOCUMENT_FORM, "frames: %llu bytes, and a volume has at most %llu", (unsigned long long)at,
			       (unsigned long long)MAX_VOLUME_SIZE);
	return v->frames_n ? 0 : err_set(e, R_DOCUMENT_FORM, "frames: a volume has at least one");
}

/* Objects lie end to end, and with the end of the tar they fill the frames. */
static int check_layout(const struct volume *v, uint64_t holds, struct err *e)
{
	uint64_t at = VOLUME_BLOCK;

	for (size_t i = 0; i < v->objects_n; i++) {
		const struct volume_object *o = v->objects + i;

		if (o->at != at)
			return err_set(e, R_DOCUMENT_FORM, "objects: object %zu is at %llu, and must be at %llu", i + 1,
				       (unsigned long long)o->at, (unsigned long long)at);
		/* bounds the sum as well: nothing of it exceeds what the frames hold */
		if (volume_object_len(o) > holds || volume_entry_span(volume_object_len(o)) > holds - (at - VOLUME_BLOCK))
			return err_set(e, R_DOCUMENT_FORM, "objects: object %zu goes beyond the %llu bytes that the frames hold",
				       i + 1, (unsigned long long)holds);
		at += volume_entry_span(volume_object_len(o));
	}
	if (v->objects_n == 0)
		return err_set(e, R_DOCUMENT_FORM, "objects: a volume has at least one");
	if (at - VOLUME_BLOCK + TAR_END != holds)
		return err_set(e, R_DOCUMENT_FORM, "the objects need %llu bytes of tar, and the frames hold %llu",
			       (unsigned long long)(at - VOLUME_BLOCK + TAR_END), (unsigned long long)holds);
	return 0;
}

struct sorted {
	struct digest sha256;
	const struct volume_object *object;
};

static int compare_objects(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	int c = digest_compare(&x->sha256, &y->sha256);

	return c ? c : (x->object->from > y->object->from) - (x->object->from < y->object->from);
}

/* No byte of an object comes twice, and an object has one size. */
static int check_distinct(const struct volume *v, struct err *e)
{
	struct sorted *sorted = calloc(v->objects_n, sizeof *sorted);
	int rc = sorted ? 0 : err_mem(e);

	for (size_t i = 0; rc == 0 && i < v->objects_n; i++)
		sorted[i] = (struct sorted){v->objects[i].sha256, v->objects + i};
	if (rc == 0)
		digest_sort(sorted, v->objects_n, sizeof *sorted, compare_objects);
	for (size_t i = 1; rc == 0 && i < v->objects_n; i++) {
		const struct volume_object *a = sorted[i - 1].object, *b = sorted[i].object;
		char hex[DIGEST_HEX + 1];

		if (!digest_equal(&a->sha256, &b->sha256))
			continue;
		if (a->size != b->size || !a->has_piece || !b->has_piece || a->from + a->length > b->from)
			rc = err_set(e, R_DOCUMENT_FORM, "objects: %s comes twice, or its pieces overlap",
				     digest_hex(&a->sha256, hex));
	}
	free(sorted);
	return rc;
}

static int check_volume(const void *value, struct err *e)
{
	const struct volume *v = value;
	uint64_t holds;

	if (check_frames(v, &holds, e) || check_layout(v, holds, e))
		return -1;
	return check_distinct(v, e);
}

static const struct field volume_fields[] = {
	{.name = "stream", .kind = FIELD_TEXT, .at = offsetof(struct volume, stream), .min = 1, .max = MAX_NAME_LEN,
	 .check = names_check},
	{.name = "sequence", .kind = FIELD_NUMBER, .at = offsetof(struct volume, sequence), .min = 1, .max = MAX_REVISION},
	{.name = "volume", .kind = FIELD_NUMBER, .at = offsetof(struct volume, volume), .min = 1, .max = MAX_VOLUMES},
	{.name = "frames", .kind = FIELD_RECORDS, .at = offsetof(struct volume, frames),
	 .count_at = offsetof(struct volume, frames_n), .max_count = MAX_VOLUME_FRAMES, .sub = &volume_frame_schema},
	{.name = "objects", .kind = FIELD_RECORDS, .at = offsetof(struct volume, objects),
	 .count_at = offsetof(struct volume, objects_n), .max_count = MAX_VOLUME_OBJECTS, .sub = &volume_object_schema},
	{0}
};
const struct schema volume_schema = {
	.type = "volume", .size = sizeof(struct volume), .fields = volume_fields, .check = check_volume
};

struct volume *volume_parse(const void *data, size_t len, struct err *e)
{
	struct volume *v;

	if (len > MAX_VOLUME_INDEX_SIZE) {
		err_set(e, R_DOCUMENT_TOO_LARGE, "%zu bytes, and a volume's index has at most %u", len, MAX_VOLUME_INDEX_SIZE);
		return NULL;
	}
	v = calloc(1, sizeof(*v));
	if (!v) {
		err_mem(e);
		return NULL;
	}
	if (schema_parse(&volume_schema, data, len, v, &v->arena, e)) {
		volume_free(v);
		return NULL;
	}
	return v;
}

void volume_free(struct volume *v)
{
	if (!v)
		return;
	arena_free(&v->arena);
	free(v);
}

uint64_t volume_entry_span(uint64_t data_len)
{
	return VOLUME_BLOCK + (data_len + VOLUME_BLOCK - 1) / VOLUME_BLOCK * VOLUME_BLOCK;
}

uint64_t volume_object_len(const struct volume_object *o)
{
	return o->has_piece ? o->length : o->size;
}

uint64_t volume_tar_size(const struct volume *v)
{
	const struct volume_object *last = v->objects_n ? v->objects + v->objects_n - 1 : NULL;

	return TAR_END + (last ? last->at - VOLUME_BLOCK + volume_entry_span(volume_object_len(last)) : 0);
}

uint64_t volume_file_size(const struct volume *v)
{
	const struct volume_frame *last = v->frames_n ? v->frames + v->frames_n - 1 : NULL;

	return last ? last->at + last->size : 0;
}

/* A field of `digits` octal digits; what follows it is there already. */
static void octal(uint8_t *field, unsigned digits, uint64_t n)
{
	while (digits-- > 0) {
		field[digits] = (uint8_t)('0' + (n & 7));
		n >>= 3;
	}
}

void volume_entry_header(const struct volume_object *o, uint8_t out[VOLUME_BLOCK])
{
	char name[NAMES_ENTRY_LEN];
	unsigned sum = 0;

	memset(out, 0, VOLUME_BLOCK);
	names_entry(&o->sha256, o->has_piece, o->from, name);
	memcpy(out, name, strlen(name));
	memcpy(out + 100, "000444 \0" "000000 \0" "000000 \0", 24);	/* mode, uid, gid */
	memcpy(out + 124, "00000000000 " "00000000000 ", 24);	/* size, mtime */
	octal(out + 124, 11, volume_object_len(o));
	memset(out + 148, ' ', 8);	/* checksum: as blanks while it is added up */
	out[156] = '0';
	memcpy(out + 257, "ustar\0" "00", 8);
	memcpy(out + 329, "000000 \0" "000000 \0", 16);	/* device numbers */
	for (size_t i = 0; i < VOLUME_BLOCK; i++)
		sum += out[i];
	octal(out + 148, 6, sum);
	out[154] = '\0';
}
