/*
 * Indexes of volumes: what is accepted fits together to the last byte.
 */
#include "lib/buf.h"
#include "manifests/limits.h"
#include "manifests/volume.h"
#include "tests/fuzz/kit/fuzz.h"

/* Frames and objects lie end to end, and hold the same bytes. */
static void check(const struct volume *v)
{
	uint64_t tar = 0, file = 0, holds = 0;

	for (size_t i = 0; i < v->objects_n; i++) {
		MUST(v->objects[i].at == tar + VOLUME_BLOCK);
		MUST(volume_object_len(&v->objects[i]) <= v->objects[i].size);
		tar += volume_entry_span(volume_object_len(&v->objects[i]));
	}
	for (size_t i = 0; i < v->frames_n; i++) {
		MUST(v->frames[i].at == file && v->frames[i].holds <= FRAME_SIZE && v->frames[i].size <= MAX_FRAME_STORED);
		file += v->frames[i].size;
		holds += v->frames[i].holds;
	}
	MUST(tar + 2 * VOLUME_BLOCK == volume_tar_size(v) && volume_tar_size(v) == holds && file == volume_file_size(v));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct err e = {0};
	struct buf again = {0};
	struct volume *v = volume_parse(data, len, &e);

	if (v == NULL) {
		fuzz_refused(&e);
	} else {
		check(v);
		MUST(schema_encode(&volume_schema, v, &again, &e) == 0);
		fuzz_same(&again, data, len);
		fuzz_json(&volume_schema, v);
	}
	volume_free(v);
	return 0;
}
