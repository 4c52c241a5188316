/*
 * Commands of the administrator's own (import/hooks.h). Stands beside the path: update and intake call it. Refuses nothing
 * itself; a scan hook that can't be run has not said yes.
 */
#include "import/hooks.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import/run.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/process.h"
#include "lib/say.h"
#include "lib/text.h"
#include "manifests/limits.h"

#include "lib/banned.h"

static const char *const words[] = {"scan", "published", "refused", "waiting"};

struct command {
	char *const *list;
	size_t n;
};

static struct command find(const struct run *r, enum hooks_event event)
{
	const struct store_hooks *h = &r->store.config.hooks;
	const struct command all[] = {
		{h->scan, h->scan_n}, {h->published, h->published_n}, {h->refused, h->refused_n}, {h->waiting, h->waiting_n}
	};

	return all[event];
}

bool hooks_wanted(const struct run *r, enum hooks_event event)
{
	return !r->dry && find(r, event).n > 0;
}

void hooks_put(struct hooks_env *env, const char *name, const char *fmt, ...)
{
	struct buf out = {0};
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) == -1)
		text = NULL;
	va_end(ap);
	if (text != NULL) {
		buf_printf(&out, "SATCHEL_%s=", name);
		text_escape(&out, text, strlen(text));
	}
	if (text == NULL || out.failed || env->n == HOOKS_MAX_VARS) {
		env->failed = true;
		buf_free(&out);
	} else
		env->list[env->n++] = (char *)out.data;	/* with its NUL */
	free(text);
}

void hooks_free(struct hooks_env *env)
{
	for (size_t i = 0; i < env->n; i++)
		free(env->list[i]);
	*env = (struct hooks_env){0};
}

/* What every hook is told. */
static void put_common(struct run *r, enum hooks_event event, const char *store, struct hooks_env *env)
{
	static const char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char *own = strdup(path);

	hooks_put(env, "EVENT", "%s", words[event]);
	hooks_put(env, "STORE", "%s", store);
	hooks_put(env, "STORE_NAME", "%s", r->store.config.name);
	if (own == NULL || env->n == HOOKS_MAX_VARS) {
		env->failed = true;
		free(own);
	} else
		env->list[env->n++] = own;
}

static int log_hook(struct run *r, enum hooks_event event, const char *program, const struct process_result *p,
		    const struct err *why, struct err *e)
{
	json_t *o = json_object();

	json_put_text(o, "hook", words[event]);
	json_put_text(o, "command", program);
	if (why->reason != ERR_NONE)
		json_put_text(o, "error", why->text);
	else
		json_put_number(o, "code", (uint64_t)p->code);
	if (p->timed_out)
		json_put(o, "timed_out", json_true());
	if (p->output.len > 0)
		json_put_text(o, "output", (const char *)p->output.data);
	if (p->cut)
		json_put(o, "cut", json_true());
	return run_log(r, "hook", o, e);
}

/* path: a last argument, or NULL. */
static int call(struct run *r, enum hooks_event event, const char *path, struct hooks_env *env, enum hooks_answer *out,
		struct err *e)
{
	struct command c = find(r, event);
	char *argv[MAX_HOOK_WORDS + 2] = {NULL}, *store = realpath(r->store.dir.name, NULL), full[2 * PATH_MAX];
	struct process_ask ask = {.argv = argv, .env = env->list, .seconds = (unsigned)r->store.config.hooks.seconds,
				  .output_max = HOOKS_MAX_OUTPUT};
	struct process_result p = {0};
	struct err why = {0};
	int rc = -1;

	if (store == NULL) {
		err_sys(e, "%s", r->store.dir.name);
		goto out;
	}
	put_common(r, event, store, env);
	memcpy(argv, c.list, c.n * sizeof *argv);
	if (path != NULL) {
		snprintf(full, sizeof full, "%s/%s", store, path);
		argv[c.n] = full;
		hooks_put(env, "PATH", "%s", full);
	}
	if (env->failed) {
		err_mem(e);
		goto out;
	}
	process_run(&ask, &p, &why);
	while (p.output.len > 0 && p.output.data[p.output.len - 1] == '\n')
		p.output.data[--p.output.len] = '\0';
	if (why.reason == ERR_NONE && p.code != 0)
		say_warn("the %s hook %s: %s %d%s%s", words[event], argv[0], p.timed_out ? "took too long; it ended with" : "exit",
			 p.code, p.output.len > 0 ? ": " : "", p.output.len > 0 ? (const char *)p.output.data : "");
	else if (why.reason != ERR_NONE)
		say_warn("the %s hook: %s", words[event], why.text);
	*out = why.reason != ERR_NONE || p.timed_out || p.code > 1 ? HOOKS_FAILED : p.code == 1 ? HOOKS_NO : HOOKS_YES;
	rc = log_hook(r, event, argv[0], &p, &why, e);
out:
	process_result_free(&p);
	free(store);
	hooks_free(env);
	return rc;
}

int hooks_notify(struct run *r, enum hooks_event event, struct hooks_env *env, struct err *e)
{
	enum hooks_answer answer;

	if (hooks_wanted(r, event))
		return call(r, event, NULL, env, &answer, e);
	hooks_free(env);
	return 0;
}

int hooks_ask(struct run *r, const char *path, struct hooks_env *env, enum hooks_answer *out, struct err *e)
{
	return call(r, HOOKS_SCAN, path, env, out, e);
}
