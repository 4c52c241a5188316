/*
 * Commands of the administrator's own (manifests/hook.h). Stands beside both paths: their hooks.c say when and what. Refuses
 * nothing itself; a command that can't be run has not said yes.
 */
#include "manifests/hook.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/process.h"
#include "lib/text.h"
#include "manifests/limits.h"

#include "lib/banned.h"

int hook_check(char *const *words, size_t n, struct err *e)
{
	if (n == 0 || words[0][0] == '/')
		return 0;
	return err_set(e, ERR_CONFIG, "hook %s: a program must be named by its absolute path", words[0]);
}

/* Takes text over. */
static void add(struct hook_env *env, char *text)
{
	if (text == NULL || env->n == HOOK_MAX_VARS) {
		env->failed = true;
		free(text);
	} else {
		env->list[env->n++] = text;
	}
}

void hook_put(struct hook_env *env, const char *name, const char *fmt, ...)
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
	if (text == NULL || out.failed) {
		env->failed = true;
		buf_free(&out);
	} else {
		add(env, (char *)out.data);	/* with its NUL */
	}
	free(text);
}

void hook_free(struct hook_env *env)
{
	for (size_t i = 0; i < env->n; i++)
		free(env->list[i]);
	*env = (struct hook_env){0};
}

static json_t *describe(const struct hook *h, const struct process_result *p, const struct err *why)
{
	json_t *o = json_object();

	json_put_text(o, "hook", h->event);
	json_put_text(o, "command", h->words[0]);
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
	return o;
}

static void warn(const struct hook *h, const struct process_result *p, const struct err *why, struct err *warning)
{
	const char *said = p->output.len > 0 ? (const char *)p->output.data : NULL;

	if (why->reason != ERR_NONE)
		err_set(warning, why->reason, "the %s hook: %s", h->event, why->text);
	else if (p->code != 0)
		err_set(warning, ERR_IO, "the %s hook %s: %s %d%s%s", h->event, h->words[0],
			p->timed_out ? "took too long; it ended with" : "exit", p->code, said != NULL ? ": " : "",
			said != NULL ? said : "");
}

int hook_run(const struct hook *h, struct hook_env *env, enum hook_answer *out, json_t **line, struct err *warning,
	     struct err *e)
{
	char *argv[MAX_HOOK_WORDS + 2] = {NULL};
	struct process_ask ask = {.argv = argv, .env = env->list, .seconds = h->seconds, .output_max = HOOK_MAX_OUTPUT};
	struct process_result p = {0};
	struct err why = {0};
	int rc = -1;

	*line = NULL;
	hook_put(env, "EVENT", "%s", h->event);
	if (h->path != NULL)
		hook_put(env, "PATH", "%s", h->path);
	add(env, strdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
	memcpy(argv, h->words, h->n * sizeof *argv);
	argv[h->n] = (char *)(uintptr_t)h->path;
	if (env->failed) {
		err_mem(e);
		goto out;
	}
	process_run(&ask, &p, &why);
	while (p.output.len > 0 && p.output.data[p.output.len - 1] == '\n')
		p.output.data[--p.output.len] = '\0';
	warn(h, &p, &why, warning);
	*out = why.reason != ERR_NONE || p.timed_out || p.code > 1 ? HOOK_FAILED : p.code == 1 ? HOOK_NO : HOOK_YES;
	*line = describe(h, &p, &why);
	rc = 0;
out:
	process_result_free(&p);
	hook_free(env);
	return rc;
}
