/*
 * Links and the tree in service (verify/service.h). Judges no content: that is audit_stream's, and import's own.
 */
#include "verify/service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/json.h"
#include "manifests/journal.h"
#include "manifests/limits.h"
#include "manifests/reason.h"
#include "verify/runs.h"

#include "lib/banned.h"

#define PLACE (MAX_NAME_LEN + 40)
#define TRIES 3	/* a run may end between two looks */

const char *service_target(const char *stream, char out[SERVICE_TARGET])
{
	snprintf(out, SERVICE_TARGET, "../streams/%s/current/tree", stream);
	return out;
}

/* 1, 0, -1 where it can't be read. */
static int link_is(const struct store *s, const char *stream, struct err *e)
{
	char path[PLACE], must[SERVICE_TARGET], is[SERVICE_TARGET];
	ssize_t n;

	snprintf(path, sizeof path, "published/%s", stream);
	service_target(stream, must);
	n = readlinkat(s->dir.fd, path, is, sizeof is);
	if (n == -1 && errno != ENOENT && errno != EINVAL && errno != ENOTDIR)
		return err_sys(e, "%s/%s", s->dir.name, path);
	return n == (ssize_t)strlen(must) && memcmp(is, must, (size_t)n) == 0;
}

/* ---- what the journal says ---- */

static void take_ref(const json_t *o, const char *key, struct list_ref *out)
{
	const json_t *sub = json_object_get(o, key);
	const char *hex = sub == NULL ? NULL : json_get_text(sub, "sha256");

	*out = (struct list_ref){0};
	if (hex == NULL || json_get_number(sub, "epoch", &out->epoch) == -1 ||
	    json_get_number(sub, "revision", &out->revision) == -1 || digest_parse(hex, strlen(hex), &out->sha256) == -1)
		*out = (struct list_ref){0};
}

/* journal_read */
static int note_published(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	struct service *v = arg;
	const char *event = json_get_text(o, "event"), *stream = json_get_text(o, "stream"), *hex = json_get_text(o, "state");

	(void)n;
	(void)line;
	(void)e;
	runs_follow(o, &v->at_work);
	if (event == NULL || stream == NULL || strcmp(stream, v->stream) != 0)
		return 0;
	if (strcmp(event, "rollback") == 0)
		v->going_back = true;
	if (strcmp(event, "published") != 0)
		return 0;
	v->published = true;
	v->going_back = false;
	take_ref(o, "newest", &v->newest);
	take_ref(o, "complete", &v->complete);
	v->has_state = hex != NULL && digest_parse(hex, strlen(hex), &v->state) == 0;
	return 0;
}

static int read_journal(const struct store *s, struct service *v, struct err *e)
{
	struct err why = {0};

	if (journal_read(&s->dir, "journal.jsonl", note_published, v, NULL, NULL, &why) == 0 || why.reason == R_JOURNAL ||
	    why.reason == ERR_MISSING)
		return 0;
	*e = why;
	return -1;
}

/* ---- what is there ---- */

static bool same_list(bool has, const struct list_ref *is, const struct list_ref *said)
{
	return has ? state_compare(is, said) == 0 && digest_equal(&is->sha256, &said->sha256) : said->revision == 0;
}

static bool same(const struct state *is, const struct service *v)
{
	return same_list(is->has_newest, &is->newest, &v->newest) && same_list(is->has_complete, &is->complete, &v->complete) &&
	       (!v->has_state || digest_equal(&is->sha256, &v->state));
}

static int keep(const struct err *why, struct err *e)
{
	if (e->reason == ERR_NONE)
		*e = *why;
	return -1;
}

/* A tree with a state that can't be read, or that is being built, has faults of its own. */
static int compare_tree(const struct store *s, struct service *v, struct err *e)
{
	struct state *state = NULL;
	struct err why = {0};
	int rc = state_load(s, v->stream, v->tree, &state, &why);

	if (rc == 1)
		v->faults |= SERVICE_STATE;
	if (rc == -1 && (why.reason == ERR_MEMORY || why.reason == ERR_IO))
		return keep(&why, e);
	if (rc == 0 && v->published && state->phase == STATE_CLEAN && !same(state, v)) {
		v->untold = true;
		if (state->has_complete)
			v->serves = state->complete;
	}
	state_free(state);
	return 0;
}

/* Only a rollback leads to an older list. */
static bool is_unexplained(const struct service *v)
{
	return !v->going_back && state_compare(&v->serves, &v->complete) < 0;
}

static int look(const struct store *s, struct service *v, struct err *e)
{
	struct err why = {0};

	int rc = read_journal(s, v, e), link = link_is(s, v->stream, e);

	if (link == 0)
		v->faults |= SERVICE_LINK;
	rc = link == -1 ? -1 : rc;
	if (state_current(s, v->stream, &v->tree, &why) == -1 && why.reason != R_STORE_DAMAGED)
		return keep(&why, e);
	if (v->tree != 0)
		return compare_tree(s, v, e) == -1 ? -1 : rc;
	if (v->published || why.reason == R_STORE_DAMAGED)
		v->faults |= SERVICE_CURRENT;
	return rc;
}

int service_judge(const struct store *s, const char *stream, struct service *out, struct err *e)
{
	for (int i = 0; i < TRIES; i++) {
		*out = (struct service){.stream = stream};
		if (look(s, out, e) == -1)
			return -1;
		if (!out->untold || (out->at_work && !is_unexplained(out)))
			return 0;
	}
	out->faults |= SERVICE_OTHER;
	return 0;
}

/* ---- for people ---- */

static const char *list_text(const struct list_ref *ref, char out[64])
{
	if (ref->revision == 0)
		snprintf(out, 64, "no whole list");
	else
		snprintf(out, 64, "list %llu of epoch %llu", (unsigned long long)ref->revision, (unsigned long long)ref->epoch);
	return out;
}

void service_tell(const struct service *v, void (*tell)(void *arg, const char *place, const char *text), void *arg)
{
	char place[PLACE], text[256], is[64], said[64], target[SERVICE_TARGET];

	list_text(&v->complete, said);
	if ((v->faults & SERVICE_LINK) != 0) {
		snprintf(place, sizeof place, "published/%s", v->stream);
		snprintf(text, sizeof text, "it is no link to %s", service_target(v->stream, target));
		tell(arg, place, text);
	}
	if ((v->faults & SERVICE_CURRENT) != 0) {
		snprintf(place, sizeof place, "streams/%s/current", v->stream);
		snprintf(text, sizeof text, "it is gone, or no link to a or b%s%s", v->published ? "; the journal says that something was "
			 "published, last with " : "", v->published ? said : "");
		tell(arg, place, text);
	}
	if ((v->faults & SERVICE_STATE) != 0) {
		snprintf(place, sizeof place, "streams/%s/%c/state.yaml", v->stream, v->tree);
		tell(arg, place, "it is gone, and with it what the tree in service is");
	}
	if ((v->faults & SERVICE_OTHER) != 0 && state_compare(&v->serves, &v->complete) == 0) {
		snprintf(place, sizeof place, "streams/%s/%c/state.yaml", v->stream, v->tree);
		tell(arg, place, "it is not what the journal says was published last");
	} else if ((v->faults & SERVICE_OTHER) != 0) {
		snprintf(place, sizeof place, "streams/%s/current", v->stream);
		snprintf(text, sizeof text, "it leads to %c, with %s, and the journal says that another state was published last, with %s",
			 v->tree, list_text(&v->serves, is), said);
		tell(arg, place, text);
	}
}
