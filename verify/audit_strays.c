/*
 * Names that nothing of a store has (verify/audit_strays.h). Judges names alone: whether what bears one is what it must be is for those to
 * say who read it.
 */
#include "verify/audit_strays.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/num.h"
#include "lib/outfile.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "verify/report.h"
#include "verify/state.h"
#include "verify/store.h"

#include "lib/banned.h"

enum { MOST = 5 };	/* components of the longest path: streams/NAME/lists/1-2/root */

/* DOCUMENT, or DOCUMENT.<32 hex>.sig */
static bool is_document(const char *name, const char *document)
{
	size_t len = strlen(document);

	if (strncmp(name, document, len) != 0)
		return false;
	name += len;
	return *name == '\0' || (*name == '.' && strspn(name + 1, "0123456789abcdef") == NAMES_PREFIX &&
				 strcmp(name + 1 + NAMES_PREFIX, ".sig") == 0);
}

static bool is_root(const char *name)
{
	char document[32];
	uint64_t version;
	size_t len = strlen("trust-"), digits;

	if (strncmp(name, "trust-", len) != 0)
		return false;
	digits = strspn(name + len, "0123456789");
	return num_parse(name + len, digits, 1, MAX_REVISION, &version) == 0 && is_document(name, names_trust(version, document));
}

static bool is_one_of(const char *name, const char *const *names)
{
	while (*names != NULL && strcmp(name, *names) != 0)
		names++;
	return *names != NULL;
}

/* Below streams/NAME. current.new: what a kill at the switch leaves, until the next one. */
static bool is_of_stream(char *const *part, size_t n)
{
	static const char *const top[] = {"a", "b", "lists", "current", "current.new", "bundles", "rollback.yaml", "scanned.yaml", NULL};
	static const char *const tree[] = {"tree", "state.yaml", NULL};
	struct list_ref ref;

	if (n == 1)
		return is_one_of(part[0], top);
	if (n == 2)
		return strcmp(part[0], "lists") == 0 ? state_list_name(part[1], &ref) : is_one_of(part[1], tree);
	return n == 3 && strcmp(part[0], "lists") == 0 && (strcmp(part[2], "root") == 0 || is_document(part[2], NAMES_APPROVALS));
}

static size_t split(char *path, char *part[MOST])
{
	size_t n = 0;

	for (char *rest = path, *at; n < MOST && (at = strsep(&rest, "/")) != NULL;)
		part[n++] = at;
	return n;
}

/* Of a file that is being written, and of one that is gone meanwhile, nothing is to be said. */
static bool is_passing(const struct store *s, const char *path, const char *name)
{
	if (strncmp(name, OUTFILE_PREFIX, strlen(OUTFILE_PREFIX)) != 0)
		return false;
	return faccessat(s->dir.fd, STORE_AT_WORK, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	       (faccessat(s->dir.fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == -1 && errno == ENOENT);
}

bool audit_strays_known(const struct store *s, const char *path, struct report *r)
{
	char copy[MAX_NAME_LEN + 512], *part[MOST];
	bool known = false;
	size_t n = 0;

	if ((size_t)snprintf(copy, sizeof copy, "%s", path) < sizeof copy)	/* longer ones are nobody's */
		n = split(copy, part);
	if (n == 2 && strcmp(part[0], "streams") == 0 && store_stream(s, part[1]) == NULL) {
		report_note(r, path, "it belongs to no stream that store.yaml names, and was not looked at");
		return false;
	}
	if (n == 2)
		known = strcmp(part[0], "streams") == 0 || is_root(part[1]);
	else if (n > 2 && strcmp(part[0], "streams") == 0)
		known = is_of_stream(part + 2, n - 2);
	if (known || (n > 0 && is_passing(s, path, part[n - 1])))
		return true;
	report_finding(r, R_STORE_DAMAGED, path, "nothing of a store has this name: somebody else put it there; look at it, and remove it");
	return false;
}
