/*
 * The end of an import's path: stage > UPDATE > effect > publish > journal. Does nothing where nothing differs, so that
 * a bundle taken in twice leaves no trace. Refuses nothing.
 */
#include "import/update.h"

#include "import/lists.h"
#include "import/objects.h"
#include "import/run.h"

#include "lib/banned.h"

static void put_ref(json_t *o, const char *key, const struct list_ref *ref)
{
	char hex[DIGEST_HEX + 1];
	json_t *sub = json_object();

	json_put_number(sub, "epoch", ref->epoch);
	json_put_number(sub, "revision", ref->revision);
	json_put_text(sub, "sha256", digest_hex(&ref->sha256, hex));
	json_put(o, key, sub);
}

static int log_published(struct run *r, const struct update *u, struct err *e)
{
	const struct state *want = &u->outlook.want;
	json_t *o = json_object();

	json_put_text(o, "stream", want->stream);
	if (want->has_newest)
		put_ref(o, "newest", &want->newest);
	if (want->has_complete)
		put_ref(o, "complete", &want->complete);
	json_put(o, "switched", json_boolean(u->result.switched));
	json_put_number(o, "items", want->items_n);
	json_put_number(o, "added", u->result.items_added);
	json_put_number(o, "changed", u->result.items_changed);
	json_put_number(o, "removed", u->result.items_removed);
	json_put_number(o, "waiting", want->waiting_n);
	json_put_number(o, "missing", want->missing_total);
	return run_log(r, "published", o, e);
}

int update_stream(struct run *r, const struct store_stream *s, struct places *places, struct update *out, struct err *e)
{
	struct outlook_ask ask = {.store = &r->store, .objects = r->objects, .stream = s, .now = r->now, .places = places};
	bool dropped;
	int same;

	*out = (struct update){0};
	if (lists_judge_again(r, s->stream, &dropped, e) == -1 ||
	    outlook_open(&ask, &out->outlook, e) == -1)
		return -1;
	same = outlook_same(&out->outlook, e);
	if (same == -1)
		return -1;
	if (same == 0) {
		if (run_change(r, e) == -1 ||
		    publish_update(&r->store, r->objects, &out->outlook.want, &out->result, e) == -1)
			return -1;
		out->changed = true;
		if (log_published(r, out, e) == -1)
			return -1;
	}
	if (!out->outlook.want.has_complete)
		return 0;
	return lists_prune(&r->store, s->stream, &out->outlook.want.complete, r->store.config.policy.keep_lists, e);
}

void update_free(struct update *u)
{
	outlook_free(&u->outlook);
}
