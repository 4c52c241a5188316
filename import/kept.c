/*
 * Which kept lists can be relied on (import/kept.h). Asked by whoever would conclude something from a list: admission from
 * its digest, the outlook from its entries. Refuses nothing by itself.
 */
#include "import/kept.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json.h"
#include "manifests/journal.h"
#include "manifests/limits.h"
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

struct past_list {
	struct list_ref ref;	/* sha256: what it was admitted with last */
	bool admitted;		/* and not dropped since */
	bool dropped;		/* it was, under a new trust root */
};
struct kept_past {
	char stream[MAX_NAME_LEN + 1];
	struct past_list *lists;	/* ascending */
	size_t n, room;
};

/* Index of the first that does not come before. */
static size_t place(const struct kept_past *p, const struct list_ref *ref)
{
	size_t low = 0, high = p->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (state_compare(&p->lists[mid].ref, ref) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static const struct past_list *find(const struct kept_past *p, const struct list_ref *ref)
{
	size_t at = place(p, ref);

	return at < p->n && state_compare(&p->lists[at].ref, ref) == 0 ? &p->lists[at] : NULL;
}

/* The one of this number, new where there was none; NULL: out of memory. */
static struct past_list *add(struct kept_past *p, const struct list_ref *ref, struct err *e)
{
	size_t at = place(p, ref), room = p->room * 2 + 16;

	if (at < p->n && state_compare(&p->lists[at].ref, ref) == 0)
		return &p->lists[at];
	if (p->n == p->room) {
		void *more = realloc(p->lists, room * sizeof *p->lists);

		if (more == NULL) {
			err_mem(e);
			return NULL;
		}
		p->lists = more;
		p->room = room;
	}
	memmove(&p->lists[at + 1], &p->lists[at], (p->n - at) * sizeof *p->lists);
	p->lists[at] = (struct past_list){.ref = *ref};
	p->n++;
	return &p->lists[at];
}

int kept_past_note(struct kept_past *p, const char *event, const json_t *o, struct err *e)
{
	const char *stream = json_get_text(o, "stream"), *hex;
	bool admits = strcmp(event, "list") == 0;
	const json_t *about = admits ? json_object_get(o, "list") : o;
	struct list_ref ref = {0};
	struct past_list *l;

	if ((!admits && strcmp(event, "list-dropped") != 0) || stream == NULL || strcmp(stream, p->stream) != 0 || about == NULL ||
	    json_get_number(about, "epoch", &ref.epoch) == -1 || json_get_number(about, "revision", &ref.revision) == -1)
		return 0;
	l = add(p, &ref, e);
	if (l == NULL)
		return -1;
	hex = admits ? json_get_text(about, "sha256") : NULL;
	l->admitted = hex != NULL && digest_parse(hex, strlen(hex), &l->ref.sha256) == 0;
	l->dropped = l->dropped || !admits;
	return 0;
}

/* journal_read */
static int note(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	const char *event = json_get_text(o, "event");

	(void)n;
	(void)line;
	return event == NULL ? 0 : kept_past_note(arg, event, o, e);
}

/* A journal that was changed says what it can; its own fault is told by whoever judges it. */
static int ask_journal(const struct store *s, struct kept_past *p, struct err *e)
{
	struct err why = {0};

	if (journal_read(&s->dir, "journal.jsonl", note, p, NULL, NULL, &why) == 0 || why.reason == R_JOURNAL ||
	    why.reason == ERR_MISSING)
		return 0;
	*e = why;
	return -1;
}

/* What a state says counts where the journal says nothing. */
static int take(struct kept_past *p, bool has, const struct list_ref *said, struct err *e)
{
	struct past_list *l = has ? add(p, said, e) : NULL;

	if (l == NULL)
		return has ? -1 : 0;
	if (!l->admitted && !l->dropped)
		*l = (struct past_list){.ref = *said, .admitted = true};
	return 0;
}

static int ask_state(const struct store *s, char tree, struct kept_past *p, struct err *e)
{
	struct state *state = NULL;
	struct err why = {0};
	int rc = 0;

	if (state_load(s, p->stream, tree, &state, &why) == -1) {
		if (is_damage(&why))
			return 0;
		*e = why;
		return -1;
	}
	if (state != NULL && (take(p, state->has_complete, &state->complete, e) == -1 ||
			      take(p, state->has_newest, &state->newest, e) == -1))
		rc = -1;
	state_free(state);
	return rc;
}

struct kept_past *kept_past_load(const struct store *s, const char *stream, struct err *e)
{
	struct kept_past *p = calloc(1, sizeof *p);

	if (p == NULL) {
		err_mem(e);
		return NULL;
	}
	snprintf(p->stream, sizeof p->stream, "%s", stream);
	if (ask_journal(s, p, e) == 0 && ask_state(s, 'a', p, e) == 0 && ask_state(s, 'b', p, e) == 0)
		return p;
	kept_past_free(p);
	return NULL;
}

bool kept_past_digest(const struct kept_past *p, const struct list_ref *ref, struct digest *out)
{
	const struct past_list *l = find(p, ref);

	if (l == NULL || !l->admitted)
		return false;
	*out = l->ref.sha256;
	return true;
}

void kept_past_free(struct kept_past *p)
{
	if (p == NULL)
		return;
	free(p->lists);
	free(p);
}

int kept_was_dropped(const struct store *s, const char *stream, const struct list_ref *ref, struct err *e)
{
	struct kept_past p = {.n = 0};
	const struct past_list *l;
	int rc;

	snprintf(p.stream, sizeof p.stream, "%s", stream);
	rc = ask_journal(s, &p, e);
	l = rc == 0 ? find(&p, ref) : NULL;
	if (l != NULL && l->dropped)
		rc = !l->admitted || !digest_equal(&l->ref.sha256, &ref->sha256);
	free(p.lists);
	return rc;
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
