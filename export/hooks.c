/*
 * The hooks of station.yaml (export/hooks.h). Stands beside the path: scan and pack call it. Refuses nothing.
 */
#include "export/hooks.h"

#include <inttypes.h>
#include <stdlib.h>

#include "export/board.h"
#include "export/freeze.h"
#include "export/ledger.h"
#include "export/station.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/say.h"
#include "manifests/manifest.h"

#include "lib/banned.h"

static int call(struct station *s, const struct hook *h, struct hook_env *env, struct err *e)
{
	char *station = realpath(s->dir.name, NULL);
	enum hook_answer answer;
	struct err warning = {0};
	json_t *line = NULL;
	int rc;

	if (station == NULL) {
		hook_free(env);
		return err_sys(e, "%s", s->dir.name);
	}
	hook_put(env, "STATION", "%s", station);
	hook_put(env, "STREAM", "%s", s->config.stream);
	free(station);
	rc = hook_run(h, env, &answer, &line, &warning, e);
	if (warning.reason != ERR_NONE)
		say_warn("%s", warning.text);
	return rc == 0 ? ledger_append(s, "hook", line, e) : -1;
}

int hooks_packed(struct station *s, const struct hooks_packed *p, struct err *e)
{
	const struct station_hooks *c = &s->config.hooks;
	const struct hook h = {.event = "packed", .words = c->packed, .n = c->packed_n, .seconds = (unsigned)c->seconds};
	const struct manifest *m = p->manifest;
	struct hook_env env = {0};
	struct buf names = {0};
	int rc;

	if (h.n == 0)
		return 0;
	for (size_t i = 0; i < m->destinations_n; i++)
		buf_printf(&names, "%s%s", i > 0 ? "," : "", m->destinations[i]);
	buf_puts(&names, "");
	if (buf_ok(&names, e) == -1)
		return -1;
	hook_put(&env, "BUNDLE", "%s", p->bundle);
	hook_put(&env, "SEQUENCE", "%" PRIu64, m->sequence);
	hook_put(&env, "MEDIUM", "%s", p->medium);
	hook_put(&env, "DESTINATIONS", "%s", (const char *)names.data);
	if (m->has_approvals)
		hook_put(&env, "LIST", "%" PRIu64, m->approvals.revision);
	else
		hook_put(&env, "LIST", "%s", "");
	hook_put(&env, "OBJECTS", "%" PRIu64, m->objects.count);
	hook_put(&env, "BYTES", "%" PRIu64, m->objects.bytes);
	hook_put(&env, "SIGNATURES", "%" PRIu64, p->signatures);
	hook_put(&env, "THRESHOLD", "%" PRIu64, p->threshold);
	rc = call(s, &h, &env, e);
	buf_free(&names);
	return rc;
}

struct waiting {
	uint64_t pending, unsigned_list;
	bool unfrozen;
};

static int count(struct station *s, const struct draft *d, struct waiting *w, struct err *e)
{
	struct board *b = board_open(s, (struct draft *)(uintptr_t)d, e);
	struct approvals *newest = NULL, *effective = NULL;
	int rc = -1;

	if (b == NULL)
		return -1;
	w->pending = board_pending(b);
	if (station_list_newest(s, &newest, NULL, e) != -1 && station_list_effective(s, &effective, NULL, e) != -1) {
		rc = 0;
		w->unfrozen = freeze_changed(d, newest);
		if (newest != NULL && (effective == NULL || approvals_compare(newest, effective) > 0))
			w->unsigned_list = newest->revision;
	}
	approvals_free(effective);
	approvals_free(newest);
	board_free(b);
	return rc;
}

int hooks_waiting(struct station *s, const struct draft *d, const struct hooks_scanned *n, struct err *e)
{
	const struct station_hooks *c = &s->config.hooks;
	const struct hook h = {.event = "waiting", .words = c->waiting, .n = c->waiting_n, .seconds = (unsigned)c->seconds};
	struct hook_env env = {0};
	struct waiting w = {0};

	if (h.n == 0)
		return 0;
	if (count(s, d, &w, e) == -1)
		return -1;
	if (w.pending == 0 && !w.unfrozen && w.unsigned_list == 0)
		return 0;
	hook_put(&env, "PENDING", "%" PRIu64, w.pending);
	hook_put(&env, "NEW", "%" PRIu64, n->found);
	hook_put(&env, "CHANGED", "%" PRIu64, n->changed);
	hook_put(&env, "GONE", "%" PRIu64, n->gone);
	hook_put(&env, "REFUSED", "%" PRIu64, n->refused);
	hook_put(&env, "UNFROZEN", "%s", w.unfrozen ? "1" : "");
	if (w.unsigned_list != 0)
		hook_put(&env, "UNSIGNED", "%" PRIu64, w.unsigned_list);
	else
		hook_put(&env, "UNSIGNED", "%s", "");
	return call(s, &h, &env, e);
}
