/*
 * Which kept lists can be relied on (import/kept.h). Asked by whoever would conclude something from a list: admission from
 * its digest, the outlook from its entries. Refuses nothing by itself.
 */
#include "import/kept.h"

#include <errno.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json.h"
#include "manifests/journal.h"
#include "manifests/reason.h"
#include "verify/report.h"

#include "lib/banned.h"

static unsigned long long ull(uint64_t n)
{
	return (unsigned long long)n;
}

/* Not so what another run may find otherwise, nor roots that are gone: keys they removed would count again. */
static bool is_damage(const struct err *why)
{
	if (report_is_fatal(why) || why->reason == R_TRUST_DAMAGED)
		return false;
	return why->reason != ERR_IO || why->sys == EIO;
}

/* *why: of a damaged one; of -1. */
static int judge(const struct store *s, const char *stream, const struct list_ref *ref, struct digest *is, struct err *why)
{
	struct approvals *a = NULL;
	int rc = state_list_check(s, stream, ref->epoch, ref->revision, is, why);

	if (rc == 1)
		return KEPT_NOT;
	if (rc == 0 && digest_equal(is, &ref->sha256))
		return KEPT_WHOLE;
	if (rc == 0)	/* signed: but as the list of this place? */
		a = state_list_load(s, stream, ref->epoch, ref->revision, why);
	if (a != NULL) {
		approvals_free(a);
		return KEPT_WHOLE;
	}
	return is_damage(why) ? KEPT_DAMAGED : -1;
}

int kept_judge(const struct store *s, const char *stream, const struct list_ref *ref, struct digest *is, struct err *e)
{
	struct err why = {0};
	int rc = judge(s, stream, ref, is, &why);

	if (rc == -1)
		*e = why;
	return rc;
}

static int refuse(int kept, const struct list_ref *ref, const struct err *why, struct err *e)
{
	if (kept == -1) {
		*e = *why;
		return -1;
	}
	if (kept == KEPT_DAMAGED)
		err_set(e, R_STORE_DAMAGED, "list %llu of epoch %llu is kept, but damaged: %s: %s", ull(ref->revision),
			ull(ref->epoch), reason_word(why->reason), why->text);
	else
		err_set(e, R_STORE_DAMAGED, "list %llu of epoch %llu, which was in effect or the newest, is not among the lists kept: "
			"the tree stays as it is", ull(ref->revision), ull(ref->epoch));
	return err_hint(e, "apply a bundle that carries this list, or a later one with all it needs");
}

int kept_refuse(const struct store *s, const char *stream, const struct list_ref *ref, struct err *e)
{
	struct err why = {0};
	struct digest is;
	int kept = judge(s, stream, ref, &is, &why);

	return refuse(kept, ref, &why, e);
}

int kept_need(const struct store *s, const char *stream, const struct list_ref *ref, struct err *e)
{
	struct err why = {0};
	struct digest is;
	int kept = judge(s, stream, ref, &is, &why);

	return kept == KEPT_WHOLE && digest_equal(&is, &ref->sha256) ? 0 : refuse(kept, ref, &why, e);
}

/* ---- what it was ---- */

struct asked {
	const char *stream;
	const struct list_ref *ref;
	bool found;		/* admitted, and not dropped since, */
	struct digest sha256;	/* with this digest */
	bool dropped;		/* and not admitted again with ref->sha256 */
};

static bool is_it(const struct asked *a, const json_t *o)
{
	uint64_t epoch, revision;

	return json_get_number(o, "epoch", &epoch) == 0 && json_get_number(o, "revision", &revision) == 0 &&
	       epoch == a->ref->epoch && revision == a->ref->revision;
}

/* journal_read */
static int note(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	struct asked *a = arg;
	const char *event = json_get_text(o, "event"), *stream = json_get_text(o, "stream"), *hex;
	const json_t *list = json_object_get(o, "list");

	(void)n;
	(void)line;
	(void)e;
	if (event == NULL || stream == NULL || strcmp(stream, a->stream) != 0)
		return 0;
	if (strcmp(event, "list-dropped") == 0 && is_it(a, o)) {
		a->found = false;
		a->dropped = true;
	} else if (strcmp(event, "list") == 0 && list != NULL && is_it(a, list)) {
		hex = json_get_text(list, "sha256");
		a->found = hex != NULL && digest_parse(hex, strlen(hex), &a->sha256) == 0;
		a->dropped = a->dropped && !(a->found && digest_equal(&a->sha256, &a->ref->sha256));
	}
	return 0;
}

static void take(struct asked *a, bool has, const struct list_ref *said)
{
	if (!has || a->found || state_compare(said, a->ref) != 0)
		return;
	a->found = true;
	a->sha256 = said->sha256;
}

/* A journal that was changed says what it can; its own fault is told by whoever judges it. */
static int ask_journal(const struct store *s, struct asked *a, struct err *e)
{
	struct err why = {0};

	if (journal_read(&s->dir, "journal.jsonl", note, a, NULL, NULL, &why) == 0 || why.reason == R_JOURNAL ||
	    why.reason == ERR_MISSING)
		return 0;
	*e = why;
	return -1;
}

static int ask_state(const struct store *s, char tree, struct asked *a, struct err *e)
{
	struct state *state = NULL;
	struct err why = {0};

	if (state_load(s, a->stream, tree, &state, &why) == -1) {
		if (is_damage(&why))
			return 0;
		*e = why;
		return -1;
	}
	if (state != NULL) {
		take(a, state->has_complete, &state->complete);
		take(a, state->has_newest, &state->newest);
	}
	state_free(state);
	return 0;
}

int kept_recorded(const struct store *s, const char *stream, const struct list_ref *ref, struct digest *out, struct err *e)
{
	struct asked a = {.stream = stream, .ref = ref};

	if (ask_journal(s, &a, e) == -1)
		return -1;
	if (!a.found && !a.dropped && (ask_state(s, 'a', &a, e) == -1 || ask_state(s, 'b', &a, e) == -1))
		return -1;
	*out = a.sha256;
	return a.found;
}

int kept_was_dropped(const struct store *s, const char *stream, const struct list_ref *ref, struct err *e)
{
	struct asked a = {.stream = stream, .ref = ref};

	return ask_journal(s, &a, e) == -1 ? -1 : a.dropped;
}

/* ---- what it says ---- */

struct approvals *kept_load(const struct store *s, const char *stream, const struct list_ref *ref, struct err *e)
{
	struct err why = {0};
	struct approvals *a = state_list_load(s, stream, ref->epoch, ref->revision, &why);

	if (a != NULL)
		return a;
	if (is_damage(&why))
		kept_refuse(s, stream, ref, e);
	else
		*e = why;
	return NULL;
}

int kept_each_damaged(const struct store *s, const char *stream,
		      int (*each)(void *arg, const struct list_ref *ref, const struct err *why, struct err *e), void *arg,
		      struct err *e)
{
	struct kept_lists kept = {0};
	int rc = state_lists(s, stream, &kept, e);

	for (size_t i = 0; rc == 0 && i < kept.n; i++) {
		struct err why = {0};
		struct approvals *a = kept_load(s, stream, &kept.refs[i], &why);

		if (a == NULL && why.reason == R_STORE_DAMAGED) {
			rc = each(arg, &kept.refs[i], &why, e);
		} else if (a == NULL) {
			*e = why;
			rc = -1;
		}
		approvals_free(a);
	}
	state_lists_free(&kept);
	return rc;
}
