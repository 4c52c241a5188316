/*
 * How the tree is cut into items, for SCAN: by depth, or by the patterns of station.yaml. Says nothing of what is on
 * disk; items can't nest, since the first cut on a path counts.
 */
#include "export/items.h"

#include <string.h>

#include "lib/path.h"

#include "lib/banned.h"

bool items_excluded(const struct station_config *c, const char *path)
{
	for (size_t i = 0; i < c->exclude_n; i++) {
		const char *pattern = c->exclude[i];

		if (path_match(pattern, strchr(pattern, '/') == NULL ? path_last(path) : path))
			return true;
	}
	return false;
}

bool items_cut(const struct station_config *c, const char *path)
{
	if (c->patterns_n == 0)
		return path_depth(path) + 1 == c->depth;
	for (size_t i = 0; i < c->patterns_n; i++)
		if (path_match(c->patterns[i], path))
			return true;
	return false;
}

size_t items_owner(const struct station_config *c, const char *path)
{
	char part[PATH_MAX_LEN + 1];
	size_t all = strlen(path);

	for (size_t len = strcspn(path, "/"); len < all; len += 1 + strcspn(path + len + 1, "/")) {
		memcpy(part, path, len);
		part[len] = '\0';
		if (items_cut(c, part))
			return len;
	}
	return all;
}

bool items_target(const char *path, const char *target, char *out)
{
	const char *slash = strrchr(path, '/');
	size_t top = slash == NULL ? 0 : (size_t)(slash - path), len;

	while (strncmp(target, "..", 2) == 0 && (target[2] == '/' || target[2] == '\0')) {
		while (top > 0 && path[top - 1] != '/')
			top--;
		top -= top > 0;
		target += target[2] == '/' ? 3 : 2;
	}
	len = strlen(target);
	if (top + len + 2 > PATH_MAX_LEN || (top == 0 && len == 0))
		return false;
	memcpy(out, path, top);
	if (top > 0 && len > 0)
		out[top++] = '/';
	memcpy(out + top, target, len + 1);
	return true;
}
