/*
 * The judges of single words: numbers, sizes, times, base64, UTF-8, names and paths, patterns, JSON. What is accepted must be
 * what its contract says, and have its one form.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base64.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/num.h"
#include "lib/path.h"
#include "lib/text.h"
#include "manifests/names.h"
#include "tests/fuzz/kit/fuzz.h"

static void numbers(const char *s, size_t len)
{
	uint64_t n;
	int64_t t;
	char again[32];

	if (num_parse(s, len, 0, UINT64_MAX, &n) == 0) {
		snprintf(again, sizeof again, "%llu", (unsigned long long)n);
		MUST(strlen(again) == len && memcmp(again, s, len) == 0);
	}
	if (num_parse_time(s, len, &t) == 0)
		MUST(len == 20 && memcmp(num_format_time(t, again), s, len) == 0);
	if (strlen(s) == len && num_parse_day(s, &t) == 0)
		MUST(memcmp(num_format_time(t, again), s, 10) == 0);
	if (strlen(s) == len && num_parse_size(s, &n) == 0)
		num_format_size(n, again);
}

static void encodings(const char *s, size_t len)
{
	uint8_t bytes[256];
	char again[BASE64_LEN(sizeof bytes) + 1], name[NAMES_BUNDLE_LEN], stream[MAX_NAME_LEN + 1];
	struct digest d;
	uint64_t sequence;
	size_t n;

	if (base64_decode(s, len, bytes, sizeof bytes, &n) == 0)
		MUST(strlen(base64_encode(bytes, n, again)) == len && memcmp(again, s, len) == 0);
	if (digest_parse(s, len, &d) == 0)
		MUST(memcmp(digest_hex(&d, again), s, len) == 0);
	if (strlen(s) == len && names_bundle_parse(s, stream, &sequence) == 0)
		MUST(strcmp(names_bundle(stream, sequence, name), s) == 0);
}

/* A path that passes leads nowhere but down. */
static void paths(const char *s, size_t len)
{
	struct err e = {0};

	if (path_check(s, len, &e) == 0) {
		MUST(strlen(s) == len && len <= PATH_MAX_LEN && s[0] != '/' && s[len - 1] != '/' && strstr(s, "//") == NULL);
		MUST(strcmp(s, "..") != 0 && strncmp(s, "../", 3) != 0 && strstr(s, "/../") == NULL && strchr(s, '\n') == NULL);
		MUST(path_depth(s) < PATH_MAX_DEPTH && path_below(s, s) && strlen(path_last(s)) <= PATH_MAX_COMPONENT);
		path_reserved(path_last(s), strlen(path_last(s)));
	} else {
		fuzz_refused(&e);
	}
	if (path_check_component(s, len, &e) == 0)
		MUST(memchr(s, '/', len) == NULL);
	else
		fuzz_refused(&e);
	if (path_check_link(s, len, 3, &e) == 0)
		MUST(s[0] != '/' && strncmp(s, "../../../../", 12) != 0);
	else
		fuzz_refused(&e);
	if (names_check(s, len, &e) == 0)
		MUST(path_check_component(s, len, &e) == 0);
	else
		fuzz_refused(&e);
}

/* Escaped text is harmless, however often. */
static void texts(const char *s, size_t len)
{
	struct buf out = {0};
	uint32_t cp;

	text_escape(&out, s, len);
	for (size_t at = 0, n; at < out.len; at += n) {
		n = text_decode(out.data + at, out.len - at, &cp);
		MUST(n > 0 && !text_forbidden(cp) && !text_bidi(cp) && cp != '\n');
	}
	buf_free(&out);
}

static void json(const char *s, size_t len)
{
	struct err e = {0};
	struct buf line = {0}, again = {0};
	json_t *o = json_parse_line(s, len, &e), *p;

	if (o == NULL) {
		fuzz_refused(&e);
		return;
	}
	MUST(json_line(o, &line, &e) == 0);
	p = json_parse_line((const char *)line.data, line.len, &e);
	MUST(p != NULL && json_line(p, &again, &e) == 0);
	fuzz_same(&again, line.data, line.len);
	buf_free(&line);
	json_decref(o);
	json_decref(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *s = malloc(len + 1), *slash;

	MUST(s != NULL);
	memcpy(s, data, len);
	s[len] = '\0';
	numbers(s, len);
	encodings(s, len);
	paths(s, len);
	texts(s, len);
	json(s, len);
	slash = strchr(s, '\n');
	if (slash != NULL && len < 64) {	/* a pattern and a path */
		*slash = '\0';
		path_match(s, slash + 1);
	}
	free(s);
	return 0;
}
