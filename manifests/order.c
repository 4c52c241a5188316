/*
 * The order of paths in approval lists and contents lists. Refuses a path that comes twice or too early, and one that
 * lies below another.
 *
 * "a", "a.b", "a/b" is a sorted list, so a path and one below it need not be neighbours. What stands between them all
 * begins with "a" and goes on with a byte below '/': the earlier paths that can still be met below are exactly those
 * with which the last path begins, and of those only that with which the next one begins stays.
 */
#include "manifests/order.h"

#include <string.h>

#include "lib/err.h"
#include "manifests/reason.h"

#include "lib/banned.h"

static size_t common(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] != '\0' && a[n] == b[n])
		n++;
	return n;
}

int order_next(struct order *o, const char *path, struct err *e)
{
	size_t len = strlen(path), same = common(o->last, path), open = o->open_n;

	if (len == 0 || len > PATH_MAX_LEN)
		return err_set(e, R_NAME, "path of %zu bytes", len);
	if (same == len || (unsigned char)path[same] < (unsigned char)o->last[same])
		return err_set(e, R_DOCUMENT_FORM, same == len && same == o->len ? "\"%s\" comes twice"
				: "\"%s\" comes after a path that sorts behind it", path);
	while (open > 0 && o->open[open - 1] > same)
		open--;
	if (open > 0 && o->open[open - 1] == same) {
		if (path[same] == '/')
			return err_set(e, R_NAME, "\"%s\" lies below \"%.*s\"", path, (int)same, path);
		if ((unsigned char)path[same] > '/')
			open--;
	}
	memcpy(o->last + same, path + same, len + 1 - same);
	o->len = len;
	o->open[open] = (uint16_t)len;
	o->open_n = open + 1;
	return 0;
}
