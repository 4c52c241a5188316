/*
 * Names from outside that become paths, judged in one place. Refuses what could leave a directory, what terminals
 * and YAML readers change, and what no file system holds.
 */
#include "lib/path.h"

#include <fnmatch.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "lib/err.h"
#include "lib/text.h"

#include "lib/banned.h"

static int check_text(const char *s, size_t len, struct err *e)
{
	const uint8_t *p = (const uint8_t *)s;

	for (size_t at = text_plain(p, len); at < len; at += text_plain(p + at, len - at)) {
		uint32_t cp;
		size_t n = text_decode(p + at, len - at, &cp);

		if (n == 0)
			return err_set(e, ERR_NAME, "not UTF-8 at byte %zu", at + 1);
		if (cp == '\n' || text_forbidden(cp))
			return err_set(e, ERR_NAME, "contains the character U+%04X", (unsigned)cp);
		if (text_bidi(cp))
			return err_set(e, ERR_NAME, "contains the bidirectional control U+%04X", (unsigned)cp);
		at += n;
	}
	return 0;
}

static size_t component_len(const char *s, size_t len)
{
	const char *slash = memchr(s, '/', len);

	return slash == NULL ? len : (size_t)(slash - s);
}

static bool is_dots(const char *s, size_t len)
{
	return (len == 1 && s[0] == '.') || (len == 2 && s[0] == '.' && s[1] == '.');
}

/* Ordinary components only; `depth` of the path's components were seen before these. */
static int check_components(const char *s, size_t len, size_t depth, struct err *e)
{
	for (size_t at = 0;; at++) {
		size_t n = component_len(s + at, len - at);

		if (n == 0)
			return err_set(e, ERR_NAME, at == 0 && len > 0 ? "begins with '/'" : "empty component");
		if (is_dots(s + at, n))
			return err_set(e, ERR_NAME, "component \"%.*s\"", (int)n, s + at);
		if (n > PATH_MAX_COMPONENT)
			return err_set(e, ERR_NAME, "component of %zu bytes, at most %d are allowed", n, PATH_MAX_COMPONENT);
		if (++depth > PATH_MAX_DEPTH)
			return err_set(e, ERR_NAME, "more than %d components", PATH_MAX_DEPTH);
		at += n;
		if (at >= len)
			return 0;
	}
}

static int check_len(size_t len, struct err *e)
{
	if (len == 0)
		return err_set(e, ERR_NAME, "empty name");
	if (len > PATH_MAX_LEN)
		return err_set(e, ERR_NAME, "path of %zu bytes, at most %d are allowed", len, PATH_MAX_LEN);
	return 0;
}

int path_check(const char *path, size_t len, struct err *e)
{
	if (check_len(len, e) == -1 || check_text(path, len, e) == -1)
		return -1;
	return check_components(path, len, 0, e);
}

int path_check_component(const char *name, size_t len, struct err *e)
{
	if (path_check(name, len, e) == -1)
		return -1;
	if (memchr(name, '/', len) != NULL)
		return err_set(e, ERR_NAME, "contains '/'");
	return 0;
}

int path_check_link(const char *target, size_t len, size_t depth, struct err *e)
{
	size_t ups = 0;

	if (check_len(len, e) == -1 || check_text(target, len, e) == -1)
		return -1;
	while (component_len(target, len) == 2 && memcmp(target, "..", 2) == 0) {
		if (++ups > depth)
			return err_set(e, ERR_NAME, "link leaves the tree");
		if (len == 2)
			return 0;
		target += 3;
		len -= 3;
	}
	return check_components(target, len, ups, e);
}

static bool same(const char *s, size_t len, const char *word)
{
	return strlen(word) == len && strncasecmp(s, word, len) == 0;
}

/* COM1 and its kind: a digit, or one of the superscripts that Windows takes for digits. */
static bool numbered(const char *s, size_t len)
{
	if (len < 4 || (strncasecmp(s, "COM", 3) != 0 && strncasecmp(s, "LPT", 3) != 0))
		return false;
	if (len == 4)
		return s[3] >= '0' && s[3] <= '9';
	return len == 5 && (memcmp(s + 3, "\xc2\xb9", 2) == 0 || memcmp(s + 3, "\xc2\xb2", 2) == 0 ||
			    memcmp(s + 3, "\xc2\xb3", 2) == 0);
}

bool path_reserved(const char *component, size_t len)
{
	static const char *const words[] = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"};
	const char *dot;
	size_t stem;

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)component[i] < 0x20 || strchr("\\:*?\"<>|", component[i]) != NULL)
			return true;
	if (len > 0 && (component[len - 1] == '.' || component[len - 1] == ' '))
		return true;
	dot = memchr(component, '.', len);
	stem = dot == NULL ? len : (size_t)(dot - component);
	while (stem > 0 && component[stem - 1] == ' ')	/* "NUL .txt" is the device, too */
		stem--;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (same(component, stem, words[i]))
			return true;
	return numbered(component, stem);
}

size_t path_depth(const char *path)
{
	size_t n = 0;

	for (; *path != '\0'; path++)
		n += *path == '/';
	return n;
}

const char *path_last(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

bool path_below(const char *path, const char *top)
{
	size_t len = strlen(top);

	return strncmp(path, top, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* The next component of *s into out, *s behind it and its '/'. false at the end, or where it is too long for out. */
static bool next(const char **s, char out[PATH_MAX_LEN + 1])
{
	size_t len = strcspn(*s, "/");

	if (**s == '\0' || len > PATH_MAX_LEN)
		return false;
	memcpy(out, *s, len);
	out[len] = '\0';
	*s += len;
	if (**s == '/')
		(*s)++;
	return true;
}

/* As for '*' within a name: only the last "**" is ever tried again, so the time is bounded by the product of lengths. */
bool path_match(const char *pattern, const char *path)
{
	const char *retry_pattern = NULL, *retry_path = NULL;
	char want[PATH_MAX_LEN + 1], have[PATH_MAX_LEN + 1];

	while (*path != '\0' || *pattern != '\0') {
		const char *p = pattern, *s = path;

		if (next(&p, want)) {
			if (strcmp(want, "**") == 0) {
				retry_pattern = pattern = p;
				retry_path = path;
				continue;
			}
			if (next(&s, have) && fnmatch(want, have, FNM_PATHNAME) == 0) {
				pattern = p;
				path = s;
				continue;
			}
		}
		if (retry_pattern == NULL || !next(&retry_path, have))
			return false;
		pattern = retry_pattern;
		path = retry_path;
	}
	return true;
}
