/*
 * The one judge of names that come from outside and become paths. A good relative path: components separated by
 * single '/', none empty, "." or "..", each at most 255 bytes, at most PATH_MAX_DEPTH of them, at most
 * PATH_MAX_LEN bytes in all, well-formed UTF-8, nothing text_forbidden() or text_bidi(), no LF.
 */
#ifndef LIB_PATH_H
#define LIB_PATH_H

#include <stdbool.h>
#include <stddef.h>

struct err;

#define PATH_MAX_LEN 4000	/* below Linux' PATH_MAX with room for a prefix */
#define PATH_MAX_COMPONENT 255	/* NAME_MAX of every file system in use */
#define PATH_MAX_DEPTH 64	/* deeper trees are mistakes or attacks; bounds the descriptors of a walk */

/* 0, or -1 with ERR_NAME and the cause ("component of 300 bytes"). */
int path_check(const char *path, size_t len, struct err *e);
/* One component: path_check and no '/'. */
int path_check_component(const char *name, size_t len, struct err *e);

/*
 * A link's target, relative: first "..", at most `depth` of them, then ordinary components (at least one thing in
 * all). depth: number of directories between the tree's root and the link. 0 or -1 with ERR_NAME.
 */
int path_check_link(const char *target, size_t len, size_t depth, struct err *e);

/* Names that a portable tree must not have: Windows' reserved ones, trailing dot or blank, characters \ : * ? " < > |. */
bool path_reserved(const char *component, size_t len);

size_t path_depth(const char *path);	/* number of '/' in it */
const char *path_last(const char *path);	/* its last component */
/* path lies at or below `top` ("a/b" is below "a", "ab" is not). */
bool path_below(const char *path, const char *top);
/* Shell pattern match of a whole path: fnmatch(3) with FNM_PATHNAME, and "**" for any number of components. */
bool path_match(const char *pattern, const char *path);

#endif
