/*
 * The ledger for people; under --json its lines as they are. Refuses to go past a line that was changed.
 */
#include "export/log.h"

#include <string.h>

#include "export/ledger.h"
#include "export/station.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/say.h"

#include "lib/banned.h"

const struct option_def log_options[] = {
	{"since", 0, "TIME", "only what happened from TIME on, like 2026-12-01 or 2026-12-01T00:00:00Z", false},
	{0},
};

static void append_value(struct buf *out, const json_t *v)
{
	const json_t *each;
	size_t i;

	if (json_is_string(v))
		buf_puts(out, json_string_value(v));
	else if (json_is_integer(v))
		buf_printf(out, "%lld", (long long)json_integer_value(v));
	else if (json_is_boolean(v))
		buf_puts(out, json_is_true(v) ? "yes" : "no");
	else
		json_array_foreach(v, i, each) {
			buf_puts(out, i > 0 ? ", " : "");
			append_value(out, each);
		}
}

/* "a revision 3 for pilot" */
static void append_item(struct buf *out, const json_t *item)
{
	const json_t *rings = json_object_get(item, "rings");

	append_value(out, json_object_get(item, "item"));
	buf_puts(out, " revision ");
	append_value(out, json_object_get(item, "revision"));
	if (json_array_size(rings) > 0) {
		buf_puts(out, " for ");
		append_value(out, rings);
	}
}

static bool is_frame(const char *key)
{
	return strcmp(key, "n") == 0 || strcmp(key, "time") == 0 || strcmp(key, "event") == 0 || strcmp(key, "user") == 0 ||
	       strcmp(key, "prev") == 0 || strcmp(key, "items") == 0;
}

static void print(const json_t *o)
{
	const json_t *items = json_object_get(o, "items"), *item;
	const char *user = json_get_text(o, "user"), *key;
	struct buf head = {0}, text = {0};
	json_t *v;
	size_t i;

	buf_printf(&head, "%s  %s  %s", json_get_text(o, "time"), user != NULL ? user : "-", json_get_text(o, "event"));
	json_object_foreach((json_t *)(uintptr_t)o, key, v) {
		if (is_frame(key))
			continue;
		buf_printf(&text, "  %s ", key);
		append_value(&text, v);
	}
	buf_puts(&text, "");
	if (head.failed || text.failed) {
		say_warn("a line was too long to be shown");
	} else if (items == NULL) {
		say_line("%s%s", (const char *)head.data, (const char *)text.data);
	} else {
		struct buf line = {0};

		json_array_foreach(items, i, item) {
			buf_clear(&line);
			append_item(&line, item);
			if (!line.failed)
				say_line("%s  %s%s", (const char *)head.data, (const char *)line.data, (const char *)text.data);
		}
		buf_free(&line);
	}
	buf_free(&text);
	buf_free(&head);
}

static int each(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	const int64_t *since = arg;
	const char *time = json_get_text(o, "time");
	int64_t at;

	(void)n;
	(void)line;
	if (num_parse_time(time, strlen(time), &at) == -1)
		return err_set(e, ERR_FORM, "time \"%s\"", time);
	if (at < *since)
		return 0;
	if (say_json())
		say_object(json_incref((json_t *)(uintptr_t)o));
	else
		print(o);
	return 0;
}

int log_run(const struct args *a, struct err *e)
{
	const char *since = args_get(a, "since");
	struct station s;
	int64_t from = 0;
	int rc;

	if (args_expect(a, 0, 0, e) == -1)
		return -1;
	if (since != NULL && num_parse_day(since, &from) == -1)
		return err_set(e, ERR_USAGE, "--since %s: must be like 2026-12-01 or 2026-12-01T00:00:00Z", since);
	if (station_open(a, STATION_READ, &s, e) == -1)
		return -1;
	rc = journal_read(&s.dir, LEDGER_NAME, each, &from, NULL, NULL, e);
	station_close(&s);
	return rc;
}
