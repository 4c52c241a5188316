/*
 * Unfinished trees (verify/unfinished.h). A tree is begun from nothing by a state that says so, durably, before its first
 * link; by the time it becomes current its state is clean. So a begun one counts whatever `current` says, and one without a
 * state only where it can't be what servers serve. Refuses nothing: what is wrong with a state or a link is for others to say.
 */
#include "verify/unfinished.h"

#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/file.h"
#include "lib/listing.h"
#include "manifests/limits.h"
#include "verify/report.h"
#include "verify/state.h"

#include "lib/banned.h"

/* 1, 0, -1 */
static int is_unfinished(const struct store *s, const char *stream, char tree, struct err *e)
{
	struct state *state = NULL;
	struct err why = {0};
	char current = 0;
	int rc = state_load(s, stream, tree, &state, &why);

	if (rc == 0) {
		rc = state_from_nothing(state);
		state_free(state);
		return rc;
	}
	if (rc == -1 && (why.reason == ERR_IO || report_is_fatal(&why)))
		return err_set(e, why.reason, "%s", why.text);
	return state_current(s, stream, &current, NULL) == 0 && current != tree;
}

static int each_tree(const struct store *s, const char *stream, int (*each)(void *arg, const struct file *dir, struct err *e), void *arg,
		     struct err *e)
{
	for (char tree = 'a'; tree <= 'b'; tree++) {
		struct file dir = FILE_CLOSED;
		char place[MAX_NAME_LEN + 32];
		struct err why = {0};
		int rc = 0;

		snprintf(place, sizeof place, "streams/%s/%c", stream, tree);
		if (file_open_dir_at(&s->dir, place, &dir, &why) == 0) {
			rc = is_unfinished(s, stream, tree, e);
			if (rc == 1)
				rc = each(arg, &dir, e);
		} else if (why.reason != ERR_MISSING && why.reason != ERR_FILE_TYPE)
			rc = err_set(e, why.reason, "%s", why.text);
		file_close(&dir);
		if (rc == -1)
			return -1;
	}
	return 0;
}

int unfinished_each(const struct store *s, int (*each)(void *arg, const struct file *dir, struct err *e), void *arg, struct err *e)
{
	struct listing l;
	const char *name;
	int rc = listing_open_maybe(&s->dir, "streams", &l, e);

	while (rc == 0 && (rc = listing_next(&l, &name, e)) == 1) {
		rc = 0;
		if (listing_is_dir(&l) && name[0] != '.' && strlen(name) <= MAX_NAME_LEN)
			rc = each_tree(s, name, each, arg, e);
	}
	listing_close(&l);
	return rc;
}
