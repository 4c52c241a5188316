/*
 * Lists that a state names and that are gone (import/lost.h). What a new trust root drops is journaled before it goes, and
 * is not lost; what is older than the list in effect goes by policy, and no state needs it.
 */
#include "import/lost.h"

#include <string.h>

#include "import/lists.h"
#include "lib/err.h"
#include "lib/json.h"
#include "manifests/journal.h"
#include "manifests/reason.h"

#include "lib/banned.h"

struct drop {			/* what the journal says of one list */
	const char *stream;
	const struct list_ref *ref;
	bool dropped;
};

static bool is_of(const json_t *o, const struct list_ref *ref)
{
	uint64_t epoch, revision;

	return o != NULL && json_get_number(o, "epoch", &epoch) == 0 && json_get_number(o, "revision", &revision) == 0 &&
	       epoch == ref->epoch && revision == ref->revision;
}

/* journal_read. Dropped, and not admitted again since. */
static int note_drop(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	struct drop *d = arg;
	const char *event = json_get_text(o, "event"), *stream = json_get_text(o, "stream"), *hex;
	const json_t *list = json_object_get(o, "list");
	struct digest sha256;

	(void)n;
	(void)line;
	(void)e;
	if (event == NULL || stream == NULL || strcmp(stream, d->stream) != 0)
		return 0;
	if (strcmp(event, "list-dropped") == 0 && is_of(o, d->ref))
		d->dropped = true;
	if (strcmp(event, "list") == 0 && is_of(list, d->ref) && (hex = json_get_text(list, "sha256")) != NULL &&
	    digest_parse(hex, strlen(hex), &sha256) == 0 && digest_equal(&sha256, &d->ref->sha256))
		d->dropped = false;
	return 0;
}

static int was_dropped(const struct store *s, const char *stream, const struct list_ref *ref, struct err *e)
{
	struct drop d = {.stream = stream, .ref = ref};
	struct err why = {0};

	if (journal_read(&s->dir, "journal.jsonl", note_drop, &d, NULL, NULL, &why) == -1 && why.reason != R_JOURNAL &&
	    why.reason != ERR_MISSING) {
		*e = why;
		return -1;
	}
	return d.dropped;
}

int lost_refuse(const struct list_ref *ref, struct err *e)
{
	err_set(e, R_STORE_DAMAGED, "list %llu of epoch %llu, which was in effect or the newest, is not among the lists kept: "
		"the tree stays as it is", (unsigned long long)ref->revision, (unsigned long long)ref->epoch);
	return err_hint(e, "apply a bundle that carries this list, or a later one with all it needs");
}

int lost_newest(const struct store *s, const char *stream, const struct list_ref *was, const struct list_ref *is, struct err *e)
{
	int order = is == NULL ? -1 : state_compare(is, was), dropped;

	if (order > 0 || (order == 0 && digest_equal(&is->sha256, &was->sha256)))
		return 0;
	dropped = was_dropped(s, stream, was, e);
	return dropped == 0 ? lost_refuse(was, e) : dropped == 1 ? 0 : -1;
}

static int check_complete(const struct store *s, const char *stream, const struct list_ref *complete, struct err *e)
{
	struct digest is;
	int kept = lists_digest(s, stream, complete->epoch, complete->revision, &is, e);

	if (kept == -1)
		return -1;
	return kept == 1 && digest_equal(&is, &complete->sha256) ? 0 : lost_refuse(complete, e);
}

int lost_check(const struct store *s, const char *stream, const struct state *now, struct err *e)
{
	struct kept_lists kept = {0};
	struct list_ref *last = NULL;
	int rc = -1;

	if (now == NULL)
		return 0;
	if ((now->has_complete && check_complete(s, stream, &now->complete, e) == -1) || state_lists(s, stream, &kept, e) == -1)
		goto out;
	if (kept.n > 0) {
		last = &kept.refs[kept.n - 1];
		if (lists_digest(s, stream, last->epoch, last->revision, &last->sha256, e) == -1)
			goto out;
	}
	rc = now->has_newest ? lost_newest(s, stream, &now->newest, last, e) : 0;
out:
	state_lists_free(&kept);
	return rc == -1 ? err_prefix(e, "%s", stream) : 0;
}
