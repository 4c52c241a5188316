/*
 * Lists that a state names and that are gone or damaged (import/lost.h). What a new trust root drops is journaled before it goes,
 * and is not lost; what is older than the list in effect goes by policy, and no state needs it.
 */
#include "import/lost.h"

#include "import/kept.h"
#include "lib/err.h"

#include "lib/banned.h"

static bool same(const struct list_ref *a, const struct list_ref *b)
{
	return state_compare(a, b) == 0 && digest_equal(&a->sha256, &b->sha256);
}

int lost_newest(const struct store *s, const char *stream, const struct list_ref *was, const struct list_ref *is, struct err *e)
{
	int dropped;

	if (is != NULL && (state_compare(is, was) > 0 || same(is, was)))
		return 0;
	dropped = kept_was_dropped(s, stream, was, e);
	return dropped == 0 ? kept_refuse(s, stream, was, e) : dropped == 1 ? 0 : -1;
}

/* The newest list that is kept whole, as far as it is not older than `was`: 1, 0 where there is none, -1. */
static int find_newest(const struct store *s, const char *stream, const struct list_ref *was, struct list_ref *is, struct err *e)
{
	struct kept_lists kept = {0};
	int rc = state_lists(s, stream, &kept, e);

	for (size_t i = kept.n; rc == 0 && i-- > 0 && state_compare(&kept.refs[i], was) >= 0;) {
		struct digest sha256;
		int got;

		*is = kept.refs[i];
		is->sha256 = was->sha256;
		got = kept_judge(s, stream, is, &sha256, e);
		is->sha256 = sha256;
		rc = got == -1 ? -1 : got == KEPT_WHOLE;
	}
	state_lists_free(&kept);
	return rc;
}

static int check_newest(const struct store *s, const char *stream, const struct list_ref *was, struct err *e)
{
	struct list_ref is;
	int found = find_newest(s, stream, was, &is, e);

	return found == -1 ? -1 : lost_newest(s, stream, was, found == 1 ? &is : NULL, e);
}

int lost_check(const struct store *s, const char *stream, const struct state *now, struct err *e)
{
	int rc = 0;

	if (now != NULL && now->has_complete)
		rc = kept_need(s, stream, &now->complete, e);
	if (rc == 0 && now != NULL && now->has_newest && !(now->has_complete && same(&now->newest, &now->complete)))
		rc = check_newest(s, stream, &now->newest, e);
	return rc == -1 ? err_prefix(e, "%s", stream) : 0;
}
