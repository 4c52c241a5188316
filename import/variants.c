/*
 * Executables' own inodes, forecast and made (import/variants.h). Called by publish_build between its two passes. Refuses to begin
 * what there is no room for; where files can share their bytes, or that can't be told, writing finds out.
 */
#include "import/variants.h"

#include <stdbool.h>
#include <stdlib.h>

#include "import/objects.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/num.h"

#include "lib/banned.h"

#define BLOCK 4096u
#define INODE 512u		/* with its name */
#define RESERVE (1u << 20)	/* for names, states and the journal */

static int grow(struct variants *v, struct err *e)
{
	size_t allocated = v->allocated * 2 + 64;
	void *more = realloc(v->list, allocated * sizeof *v->list);

	if (more == NULL)
		return err_mem(e);
	v->list = more;
	v->allocated = allocated;
	return 0;
}

int variants_add(struct variants *v, const struct digest *d, int64_t mtime, struct err *e)
{
	uint64_t bytes;
	int rc = objects_variant_lacks(v->objects, d, &bytes, e);

	if (rc == 1 && v->n == VARIANTS_MAX && variants_make(v, e) == -1)
		return -1;
	if (rc == 1)
		rc = distinct_add(&v->seen, d, e);
	if (rc != 1)
		return rc;
	if (v->n == v->allocated && grow(v, e) == -1)
		return -1;
	v->list[v->n++] = (struct variant){*d, mtime};
	v->bytes += bytes + INODE;
	return 0;
}

static int check_room(const struct variants *v, struct err *e)
{
	char need[24], have[24];
	uint64_t free_bytes;
	bool known;

	if (file_free_space(v->dir, &free_bytes, &known, e) == -1)
		return -1;
	if (!known || v->bytes + RESERVE <= free_bytes || file_may_clone(v->dir))
		return 0;
	return err_set(e, ERR_NO_SPACE, "%s: %s needed for %s, of which each is a file of its own, %s free", v->dir->name,
		       num_format_size(v->bytes + RESERVE, need), num_of(v->n, "executable"), num_format_size(free_bytes, have));
}

int variants_make(struct variants *v, struct err *e)
{
	if (v->n > 0 && check_room(v, e) == -1)
		return -1;
	for (size_t i = 0; i < v->n; i++)
		if (objects_link_prepare(v->objects, &v->list[i].sha256, true, v->list[i].mtime, e) == -1)
			return -1;
	v->n = 0;
	v->bytes = 0;
	distinct_free(&v->seen);
	return 0;
}

int variants_have_room(const struct file *dir, uint64_t files, uint64_t bytes, struct err *e)
{
	uint64_t free_bytes;
	bool known;

	if (file_free_space(dir, &free_bytes, &known, e) == -1)
		return -1;
	return known && free_bytes > RESERVE && bytes < free_bytes - RESERVE && files < (free_bytes - RESERVE - bytes) / (BLOCK + INODE);
}

void variants_free(struct variants *v)
{
	free(v->list);
	distinct_free(&v->seen);
}
