/*
 * Prints each document named on the command line as a JSON object, a line each, as our own loader reads it:
 *     document_json FILE...
 * Exit 1 where one is refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/json.h"
#include "manifests/approvals.h"
#include "manifests/contents.h"
#include "manifests/limits.h"
#include "manifests/manifest.h"
#include "manifests/reason.h"
#include "manifests/receipt.h"
#include "manifests/trust.h"
#include "manifests/volume.h"

static const struct schema *find(const struct buf *b, struct err *e)
{
	static const struct schema *const all[] = {&trust_schema, &approvals_schema, &contents_schema, &contents_part_schema,
						   &manifest_schema, &volume_schema, &receipt_schema};
	char type[32];

	if (schema_type_of(b->data, b->len, type) == 0)
		for (size_t i = 0; i < sizeof all / sizeof *all; i++)
			if (strcmp(all[i]->type, type) == 0)
				return all[i];
	err_set(e, R_DOCUMENT_TYPE, "no type that is known here");
	return NULL;
}

static int print(const char *path, struct err *e)
{
	struct file f = FILE_CLOSED;
	struct buf bytes = {0}, line = {0};
	struct arena a = {0};
	const struct schema *s;
	void *document = NULL;
	json_t *o = NULL;
	int rc = -1;

	if (file_open(path, &f, e) == -1 || file_read_all(&f, MAX_APPROVALS_SIZE, &bytes, e) == -1)
		goto out;
	s = find(&bytes, e);
	if (s == NULL)
		goto out;
	document = calloc(1, s->size);
	if (document == NULL || schema_parse(s, bytes.data, bytes.len, document, &a, e) == -1)
		goto out;
	o = schema_json(s, document);
	if (o == NULL || json_line(o, &line, e) == -1)
		goto out;
	rc = puts((const char *)line.data) < 0 ? -1 : 0;
out:
	json_decref(o);
	arena_free(&a);
	free(document);
	buf_free(&line);
	buf_free(&bytes);
	file_close(&f);
	return rc;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct err e = {0};

		if (print(argv[i], &e) == -1) {
			fprintf(stderr, "%s: %s (%s)\n", argv[i], e.text, reason_word(e.reason));
			return 1;
		}
	}
	return 0;
}
