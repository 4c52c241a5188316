/*
 * satchel-import log: the journal for people, or line by line as it is (--json). Reads only, takes no lock, and checks
 * the chain while reading: a journal that was changed is named, exit 1.
 */
#include <stdlib.h>
#include <string.h>

#include "import/commands.h"
#include "import/run.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/say.h"
#include "manifests/journal.h"
#include "verify/store.h"

#include "lib/banned.h"

const struct option_def log_options[] = {
	{.name = "since", .value = "TIME", .help = "only what happened at or after 2026-11-22 or 2026-11-22T10:00:00Z"},
	{0},
};

static int parse_since(const char *text, int64_t *since, struct err *e)
{
	if (num_parse_day(text, since) == 0)
		return 0;
	return err_set(e, ERR_USAGE, "--since %s: must be like 2026-11-22 or 2026-11-22T10:00:00Z", text);
}

static void print_value(struct buf *out, const json_t *v)
{
	char *text;

	if (json_is_string(v)) {
		buf_puts(out, json_string_value(v));
		return;
	}
	text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII);
	buf_puts(out, text != NULL ? text : "?");
	free(text);
}

/* "2026-11-22T10:00:00Z  bundle  bundle=updates-00000017 objects=812 ..." */
static int print(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	const int64_t *since = arg;
	const char *event = json_get_text(o, "event"), *time = json_get_text(o, "time"), *key;
	struct buf text = {0};
	json_t *value;
	int64_t at;
	int rc;

	(void)n;
	(void)line;
	if (event == NULL || time == NULL || num_parse_time(time, strlen(time), &at) == -1 || at < *since)
		return 0;
	if (say_json()) {
		say_object(json_copy((json_t *)(uintptr_t)o));
		return 0;
	}
	json_object_foreach((json_t *)(uintptr_t)o, key, value) {
		if (strcmp(key, "n") == 0 || strcmp(key, "time") == 0 || strcmp(key, "event") == 0 || strcmp(key, "prev") == 0)
			continue;
		buf_printf(&text, " %s=", key);
		print_value(&text, value);
	}
	buf_puts(&text, "");
	rc = buf_ok(&text, e);
	if (rc == 0)
		say_line("%s  %s %s", time, event, text.data == NULL ? "" : (const char *)text.data);
	buf_free(&text);
	return rc;
}

int log_run(const struct args *a, struct err *e)
{
	const char *path = run_store_path(a, e), *from = args_get(a, "since");
	struct store store = {.dir = FILE_CLOSED};
	int64_t since = 0;
	int rc;

	if (path == NULL || args_expect(a, 0, 0, e) == -1 || (from != NULL && parse_since(from, &since, e) == -1) ||
	    store_open(path, &store, e) == -1)
		return -1;
	rc = journal_read(&store.dir, "journal.jsonl", print, &since, NULL, NULL, e);
	store_close(&store);
	return rc;
}
