/*
 * What of a bundle a store lacks. admit > LACK > stage. Refuses, before the first write, what there is no room for,
 * however much a validly signed giant declares.
 */
#include "import/lack.h"

#include <stdlib.h>

#include "import/objects.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/say.h"
#include "manifests/reason.h"
#include "verify/unseal.h"

#include "lib/banned.h"

#define BLOCK 4096u
#define INODE 512u		/* an object's inode and name */
#define RESERVE (1u << 20)	/* for lists, states and the journal */

/* 1, 0, -1. */
static int lacking(struct objects *o, const struct volume_object *v, struct err *e)
{
	int needed = objects_needed(o, &v->sha256, e), there;

	if (needed != 1 || !v->has_piece)
		return needed;
	there = objects_piece_has(o, &v->sha256, v->from, v->length, e);
	return there == -1 ? -1 : !there;
}

int lack_volume(struct objects *o, const struct volume *v, bool *want, struct lack *sum, struct err *e)
{
	for (size_t i = 0; i < v->objects_n; i++) {
		uint64_t len = volume_object_len(&v->objects[i]);
		int rc = lacking(o, &v->objects[i], e);

		if (rc == -1)
			return -1;
		want[i] = rc == 1;
		if (!want[i])
			continue;
		sum->objects++;
		/* no sum overflows: MAX_VOLUMES volumes of MAX_VOLUME_SIZE stay far below 2^62 */
		sum->bytes += len;
		sum->room += (len + BLOCK - 1) / BLOCK * BLOCK + INODE;
	}
	return 0;
}

int lack_bundle(struct objects *o, const struct bundle *b, struct lack *out, struct err *e)
{
	uint64_t bytes = 0;	/* no sum overflows, see above */

	*out = (struct lack){0};
	for (uint64_t n = 1; n <= b->manifest->volumes; n++) {
		struct volume *v = bundle_volume(b, n, e);
		bool *want = v == NULL ? NULL : calloc(v->objects_n + 1, sizeof *want);
		int rc = -1;

		if (want != NULL)
			rc = lack_volume(o, v, want, out, e);
		else if (v != NULL)
			err_mem(e);
		for (size_t i = 0; rc == 0 && i < v->objects_n; i++)
			bytes += volume_object_len(&v->objects[i]);
		free(want);
		volume_free(v);
		if (rc == -1)
			return -1;
	}
	if (bytes != b->manifest->objects.bytes)
		return err_set(e, R_DOCUMENT_FORM, "%s/%s: the indexes have objects of %llu bytes, %llu are stated (FORMAT 7.4)", b->name,
			       NAMES_MANIFEST, (unsigned long long)bytes, (unsigned long long)b->manifest->objects.bytes);
	return 0;
}

int lack_room(const struct file *store, const struct lack *l, struct err *e)
{
	uint64_t free_bytes;
	char need[24], have[24];
	bool known;

	if (l->objects == 0)
		return 0;
	if (file_free_space(store, &free_bytes, &known, e) == -1)
		return -1;
	if (!known) {
		say_warn("%s: the file system does not say how much room it has", store->name);
		return 0;
	}
	if (l->room + RESERVE <= free_bytes)
		return 0;
	err_set(e, ERR_NO_SPACE, "%s: %s needed, %s free", store->name, num_format_size(l->room + RESERVE, need),
		num_format_size(free_bytes, have));
	return err_hint(e, "make room and run it again");
}
