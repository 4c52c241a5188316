/*
 * station.yaml, before the first step of the path: what the station is for. Refuses fields it doesn't know, a depth
 * beside patterns, rings that the station doesn't have.
 */
#include "export/config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/outfile.h"
#include "lib/path.h"
#include "manifests/hook.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define DEFAULT_EXPIRES_DAYS 90	/* DESIGN 3: a list's life */
#define MAX_EXPIRES_DAYS 3660
#define MAX_PATTERNS 4096
#define BLOCK_NAME "destinations:"

static const struct field pin_fields[] = {
	{.name = "version", .kind = FIELD_NUMBER, .at = offsetof(struct station_pin, version), .min = 1, .max = MAX_REVISION},
	{.name = "sha256", .kind = FIELD_DIGEST, .at = offsetof(struct station_pin, sha256)},
	{0},
};
static const struct schema pin_schema = {.size = sizeof(struct station_pin), .fields = pin_fields};

static const struct field destination_fields[] = {
	{.name = "name", .kind = FIELD_TEXT, .at = offsetof(struct station_destination, name), .min = 1, .max = MAX_NAME_LEN,
	 .check = names_check},
	{.name = "rings", .kind = FIELD_TEXTS, .at = offsetof(struct station_destination, rings),
	 .count_at = offsetof(struct station_destination, rings_n), .min = 1, .max = MAX_NAME_LEN, .max_count = MAX_RINGS,
	 .check = names_check},
	{.name = "key", .kind = FIELD_TEXT, .at = offsetof(struct station_destination, key), .optional = true, .min = 1,
	 .max = 256},
	{0},
};
static const struct schema destination_schema = {
	.size = sizeof(struct station_destination), .fields = destination_fields,
};

static const struct field auto_fields[] = {
	{.name = "match", .kind = FIELD_TEXTS, .at = offsetof(struct station_auto, match),
	 .count_at = offsetof(struct station_auto, match_n), .min = 1, .max = PATH_MAX_LEN, .max_count = MAX_PATTERNS},
	{.name = "rings", .kind = FIELD_TEXTS, .at = offsetof(struct station_auto, rings),
	 .count_at = offsetof(struct station_auto, rings_n), .min = 1, .max = MAX_NAME_LEN, .max_count = MAX_RINGS,
	 .check = names_check},
	{0},
};
static const struct schema auto_schema = {.size = sizeof(struct station_auto), .fields = auto_fields};

static const struct field policy_fields[] = {
	{.name = "expires_days", .kind = FIELD_NUMBER, .at = offsetof(struct station_policy, expires_days), .optional = true,
	 .present_at = offsetof(struct station_policy, has_expires_days), .min = 1, .max = MAX_EXPIRES_DAYS},
	{.name = "keep_objects", .kind = FIELD_BOOL, .at = offsetof(struct station_policy, keep_objects), .optional = true,
	 .present_at = offsetof(struct station_policy, has_keep_objects)},
	{.name = "portable_names", .kind = FIELD_BOOL, .at = offsetof(struct station_policy, portable_names),
	 .optional = true, .present_at = offsetof(struct station_policy, has_portable_names)},
	{.name = "auto_approve_revisions", .kind = FIELD_BOOL, .at = offsetof(struct station_policy, auto_approve_revisions),
	 .optional = true, .present_at = offsetof(struct station_policy, has_auto_approve_revisions)},
	{.name = "auto_approve", .kind = FIELD_MAP, .at = offsetof(struct station_policy, auto_approve), .optional = true,
	 .present_at = offsetof(struct station_policy, has_auto_approve), .sub = &auto_schema},
	{0},
};
static const struct schema policy_schema = {.size = sizeof(struct station_policy), .fields = policy_fields};

static const struct field hooks_fields[] = {
	HOOK_FIELD(struct station_hooks, packed), HOOK_FIELD(struct station_hooks, waiting),
	{.name = "seconds", .kind = FIELD_NUMBER, .at = offsetof(struct station_hooks, seconds), .optional = true,
	 .present_at = offsetof(struct station_hooks, has_seconds), .min = 1, .max = HOOK_MAX_SECONDS},
	{0},
};

static int check_hooks(const void *value, struct err *e)
{
	const struct station_hooks *h = value;

	return hook_check(h->packed, h->packed_n, e) == -1 || hook_check(h->waiting, h->waiting_n, e) == -1 ? -1 : 0;
}
static const struct schema hooks_schema = {.size = sizeof(struct station_hooks), .fields = hooks_fields, .check = check_hooks};

#define TEXTS(member) .kind = FIELD_TEXTS, .at = offsetof(struct station_config, member), \
	.count_at = offsetof(struct station_config, member##_n)

static const struct field config_fields[] = {
	{.name = "stream", .kind = FIELD_TEXT, .at = offsetof(struct station_config, stream), .min = 1, .max = MAX_NAME_LEN,
	 .check = names_check},
	{.name = "content", .kind = FIELD_TEXT, .at = offsetof(struct station_config, content), .min = 1, .max = PATH_MAX_LEN},
	{.name = "trust", .kind = FIELD_MAP, .at = offsetof(struct station_config, trust), .sub = &pin_schema},
	{.name = "depth", .kind = FIELD_NUMBER, .at = offsetof(struct station_config, depth), .optional = true,
	 .present_at = offsetof(struct station_config, has_depth), .min = 1, .max = PATH_MAX_DEPTH},
	{.name = "patterns", TEXTS(patterns), .optional = true, .min = 1, .max = PATH_MAX_LEN, .max_count = MAX_PATTERNS},
	{.name = "exclude", TEXTS(exclude), .optional = true, .min = 1, .max = PATH_MAX_LEN, .max_count = MAX_PATTERNS},
	{.name = "rings", TEXTS(rings), .min = 1, .max = MAX_NAME_LEN, .max_count = MAX_RINGS, .check = names_check},
	{.name = "policy", .kind = FIELD_BLOCK, .at = offsetof(struct station_config, policy), .optional = true,
	 .sub = &policy_schema},
	{.name = "hooks", .kind = FIELD_BLOCK, .at = offsetof(struct station_config, hooks), .optional = true,
	 .present_at = offsetof(struct station_config, has_hooks), .sub = &hooks_schema},
	{.name = "destinations", .kind = FIELD_RECORDS, .at = offsetof(struct station_config, destinations),
	 .count_at = offsetof(struct station_config, destinations_n), .optional = true, .max_count = MAX_DESTINATIONS,
	 .sub = &destination_schema},
	{0},
};
const struct schema config_schema = {
	.type = "station", .size = sizeof(struct station_config), .fields = config_fields,
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_texts(char **list, size_t *n)
{
	size_t kept = 0;

	if (*n > 0)
		qsort(list, *n, sizeof *list, by_text);
	for (size_t i = 0; i < *n; i++)
		if (kept == 0 || strcmp(list[kept - 1], list[i]) != 0)
			list[kept++] = list[i];
	*n = kept;
}

bool config_has_ring(const struct station_config *c, const char *ring)
{
	for (size_t i = 0; i < c->rings_n; i++)
		if (strcmp(c->rings[i], ring) == 0)
			return true;
	return false;
}

static int check_destination(const struct station_config *c, size_t i, struct err *e)
{
	const struct station_destination *d = &c->destinations[i];

	for (size_t k = 0; k < i; k++)
		if (strcmp(c->destinations[k].name, d->name) == 0)
			return err_set(e, ERR_CONFIG, "destination \"%s\" comes twice", d->name);
	if (d->rings_n == 0)
		return err_set(e, ERR_CONFIG, "destination \"%s\" has no ring", d->name);
	for (size_t k = 0; k < d->rings_n; k++)
		if (!config_has_ring(c, d->rings[k]))
			return err_set(e, ERR_CONFIG, "destination \"%s\": \"%s\" is none of the station's rings", d->name, d->rings[k]);
	return 0;
}

static int check_auto(struct station_auto *a, const struct station_config *c, struct err *e)
{
	sort_texts(a->rings, &a->rings_n);
	if (a->match_n == 0 || a->rings_n == 0)
		return err_set(e, ERR_CONFIG, "auto_approve: match and rings need one entry each at least");
	for (size_t i = 0; i < a->rings_n; i++)
		if (!config_has_ring(c, a->rings[i]))
			return err_set(e, ERR_CONFIG, "auto_approve: \"%s\" is none of the station's rings", a->rings[i]);
	return 0;
}

static int check(struct station_config *c, struct err *e)
{
	if (c->content[0] != '/')
		return err_set(e, ERR_CONFIG, "content: \"%s\" must be an absolute path", c->content);
	if (c->has_depth && c->patterns_n > 0)
		return err_set(e, ERR_CONFIG, "depth and patterns exclude one another; remove one of them");
	if (c->rings_n == 0)
		return err_set(e, ERR_CONFIG, "rings: at least one is needed");
	sort_texts(c->rings, &c->rings_n);
	if (c->policy.has_auto_approve && check_auto(&c->policy.auto_approve, c, e) == -1)
		return -1;
	for (size_t i = 0; i < c->destinations_n; i++) {
		sort_texts(c->destinations[i].rings, &c->destinations[i].rings_n);
		if (check_destination(c, i, e) == -1)
			return -1;
	}
	return 0;
}

static void fill_defaults(struct station_config *c)
{
	if (!c->has_depth)
		c->depth = 1;
	if (!c->policy.has_expires_days)
		c->policy.expires_days = DEFAULT_EXPIRES_DAYS;
	if (!c->policy.has_keep_objects)
		c->policy.keep_objects = true;
	if (!c->hooks.has_seconds)
		c->hooks.seconds = HOOK_SECONDS;
}

static int parse(const struct buf *b, struct station_config *out, struct arena *a, struct err *e)
{
	if (schema_parse_config(&config_schema, b->data, b->len, out, a, e) == -1)
		return -1;
	fill_defaults(out);
	return check(out, e);
}

int config_load(const struct file *station, struct station_config *out, struct arena *a, struct err *e)
{
	struct buf b = {0};
	int rc = -1;

	if (file_read_all_at(station, CONFIG_NAME, MAX_CONFIG_SIZE, &b, e) == -1) {
		if (e->reason == ERR_MISSING)
			err_hint(e, "is this a station? 'satchel-export init' makes one");
		e->reason = e->reason == ERR_MISSING ? ERR_CONFIG : e->reason;
		goto out;
	}
	rc = parse(&b, out, a, e);
	if (rc == -1 && e->reason != ERR_MEMORY)
		e->reason = ERR_CONFIG;
	if (rc == -1)
		err_prefix(e, "%s/" CONFIG_NAME, station->name);
out:
	buf_free(&b);
	return rc;
}

int config_write(const struct file *station, const struct station_config *c, struct err *e)
{
	struct buf b = {0};
	int rc = -1;

	if (schema_encode(&config_schema, c, &b, e) == 0 && buf_ok(&b, e) == 0)
		rc = outfile_put(station, CONFIG_NAME, 0644, b.data, b.len, e);
	buf_free(&b);
	return rc == -1 ? err_prefix(e, CONFIG_NAME) : 0;
}

/* The start of the line behind `at`. */
static size_t next_line(const struct buf *b, size_t at)
{
	const uint8_t *lf = at < b->len ? memchr(b->data + at, '\n', b->len - at) : NULL;

	return lf == NULL ? b->len : (size_t)(lf - b->data) + 1;
}

/* The lines of the destinations block: from its name to the next line that begins a field. */
static void find_block(const struct buf *b, size_t *from, size_t *to)
{
	size_t at = 0;

	while (at < b->len && strncmp((const char *)b->data + at, BLOCK_NAME, strlen(BLOCK_NAME)) != 0)
		at = next_line(b, at);
	*from = at;
	if (at < b->len)
		at = next_line(b, at);
	while (at < b->len && strchr(" -\n", b->data[at]) != NULL)
		at = next_line(b, at);
	*to = at;
}

/* The file as it is, with the block exchanged. */
static int splice(const struct buf *old, const struct station_config *c, struct buf *out, struct err *e)
{
	size_t from, to;

	find_block(old, &from, &to);
	buf_append(out, old->data, from);
	if (out->len > 0 && out->data[out->len - 1] != '\n')
		buf_putc(out, '\n');
	if (c->destinations_n > 0)
		buf_puts(out, BLOCK_NAME "\n");
	for (size_t i = 0; i < c->destinations_n; i++)
		schema_encode_record(&destination_schema, &c->destinations[i], out);
	buf_append(out, old->data + to, old->len - to);
	return buf_ok(out, e);
}

/* Whether the text means exactly c: people write YAML in more ways than splice understands. */
static bool means(const struct buf *text, const struct station_config *c)
{
	struct station_config other;
	struct arena a = {0};
	struct buf want = {0}, have = {0};
	struct err e = {0};
	bool same = false;

	if (parse(text, &other, &a, &e) == 0 && schema_encode(&config_schema, c, &want, &e) == 0 &&
	    schema_encode(&config_schema, &other, &have, &e) == 0)
		same = want.len == have.len && memcmp(want.data, have.data, want.len) == 0;
	buf_free(&have);
	buf_free(&want);
	arena_free(&a);
	return same;
}

int config_write_destinations(const struct file *station, const struct station_config *c, struct err *e)
{
	struct buf old = {0}, text = {0};
	int rc = -1;

	if (file_read_all_at(station, CONFIG_NAME, MAX_CONFIG_SIZE, &old, e) == -1 || splice(&old, c, &text, e) == -1)
		goto out;
	rc = means(&text, c) ? outfile_put(station, CONFIG_NAME, 0644, text.data, text.len, e) : config_write(station, c, e);
out:
	buf_free(&text);
	buf_free(&old);
	return rc;
}

/* Splits one value at commas into list; returns the new count, or -1. */
static int split(const char *value, struct arena *a, char **list, size_t *n, struct err *e)
{
	for (const char *s = value;; s++) {
		size_t len = strcspn(s, ",");

		if (names_check(s, len, e) == -1) {
			e->reason = ERR_USAGE;
			return err_prefix(e, "ring \"%.*s\"", (int)len, s);
		}
		if (*n == MAX_RINGS)
			return err_set(e, ERR_USAGE, "more than %d rings", MAX_RINGS);
		list[*n] = arena_strndup(a, s, len);
		if (list[(*n)++] == NULL)
			return err_mem(e);
		s += len;
		if (*s == '\0')
			return 0;
	}
}

int config_rings(char *const *given, size_t n, struct arena *a, char ***out, size_t *out_n, struct err *e)
{
	*out = arena_alloc(a, MAX_RINGS * sizeof **out);
	*out_n = 0;
	if (*out == NULL)
		return err_mem(e);
	for (size_t i = 0; i < n; i++)
		if (split(given[i], a, *out, out_n, e) == -1)
			return -1;
	sort_texts(*out, out_n);
	return 0;
}
