/*
 * The hooks of store.yaml (import/hooks.h). Stands beside the path: update and intake call it. Refuses nothing itself; a
 * scan hook that can't be run has not said yes.
 */
#include "import/hooks.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "import/run.h"
#include "lib/err.h"
#include "lib/say.h"

#include "lib/banned.h"

static struct hook find(const struct run *r, enum hooks_event event)
{
	const struct store_hooks *h = &r->store.config.hooks;
	const struct hook all[] = {
		[HOOKS_SCAN] = {"scan", h->scan, h->scan_n, (unsigned)h->seconds, NULL},
		[HOOKS_PUBLISHED] = {"published", h->published, h->published_n, (unsigned)h->seconds, NULL},
		[HOOKS_REFUSED] = {"refused", h->refused, h->refused_n, (unsigned)h->seconds, NULL},
		[HOOKS_WAITING] = {"waiting", h->waiting, h->waiting_n, (unsigned)h->seconds, NULL},
	};

	return all[event];
}

bool hooks_wanted(const struct run *r, enum hooks_event event)
{
	return !r->dry && find(r, event).n > 0;
}

/* path: below the store, a last argument; or NULL. */
static int call(struct run *r, enum hooks_event event, const char *path, struct hook_env *env, enum hook_answer *out,
		struct err *e)
{
	struct hook h = find(r, event);
	char *store = realpath(r->store.dir.name, NULL), full[2 * PATH_MAX];
	struct err warning = {0};
	json_t *line = NULL;
	int rc;

	if (store == NULL) {
		hook_free(env);
		return err_sys(e, "%s", r->store.dir.name);
	}
	hook_put(env, "STORE", "%s", store);
	hook_put(env, "STORE_NAME", "%s", r->store.config.name);
	if (path != NULL) {
		snprintf(full, sizeof full, "%s/%s", store, path);
		h.path = full;
	}
	rc = hook_run(&h, env, out, &line, &warning, e);
	if (warning.reason != ERR_NONE)
		say_warn("%s", warning.text);
	if (rc == 0)
		rc = run_log(r, "hook", line, e);
	free(store);
	return rc;
}

int hooks_notify(struct run *r, enum hooks_event event, struct hook_env *env, struct err *e)
{
	enum hook_answer answer;

	if (hooks_wanted(r, event))
		return call(r, event, NULL, env, &answer, e);
	hook_free(env);
	return 0;
}

int hooks_ask(struct run *r, const char *path, struct hook_env *env, enum hook_answer *out, struct err *e)
{
	return call(r, HOOKS_SCAN, path, env, out, e);
}
