/*
 * Names of things and of files, spelled in one place for both sides. FORMAT.md 11.
 */
#include "manifests/names.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/num.h"
#include "manifests/reason.h"

#include "lib/banned.h"

static bool alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

int names_check(const char *s, size_t len, struct err *e)
{
	if (len == 0)
		return err_set(e, R_NAME, "an empty name");
	if (len > MAX_NAME_LEN)
		return err_set(e, R_NAME, "a name of %zu bytes, and the most is %d", len, MAX_NAME_LEN);
	for (size_t i = 0; i < len; i++)
		if (!alphanumeric(s[i]) && (i == 0 || !strchr("._-", s[i]) || s[i] == '\0'))
			return err_set(e, R_NAME, "\"%.*s\" is no name: a-z, 0-9 and, not first, '.', '_', '-'", (int)len, s);
	if (memmem(s, len, "..", 2))
		return err_set(e, R_NAME, "\"%.*s\" is no name: \"..\" in it", (int)len, s);
	return 0;
}

char *names_bundle(const char *stream, uint64_t sequence, char out[NAMES_BUNDLE_LEN])
{
	snprintf(out, NAMES_BUNDLE_LEN, "%.*s-%08" PRIu64, MAX_NAME_LEN, stream, sequence);
	return out;
}

int names_bundle_parse(const char *name, char stream[MAX_NAME_LEN + 1], uint64_t *sequence)
{
	const char *dash = strrchr(name, '-'), *digits;
	char again[NAMES_BUNDLE_LEN];
	struct err e = {0};
	size_t len;

	if (!dash || (size_t)(dash - name) > MAX_NAME_LEN)
		return -1;
	for (digits = dash + 1; *digits == '0'; digits++)
		;
	if (num_parse(digits, strlen(digits), 1, MAX_REVISION, sequence))
		return -1;
	len = (size_t)(dash - name);
	memcpy(stream, name, len);
	stream[len] = '\0';
	if (names_check(stream, len, &e) || strcmp(names_bundle(stream, *sequence, again), name))
		return -1;
	return 0;
}

char *names_signature(const char *document, const struct digest *key_id, char out[NAMES_SIGNATURE_LEN])
{
	char hex[DIGEST_HEX + 1];

	snprintf(out, NAMES_SIGNATURE_LEN, "%s.%.*s.sig", document, NAMES_PREFIX, digest_hex(key_id, hex));
	return out;
}

char *names_trust(uint64_t version, char out[32])
{
	snprintf(out, 32, "trust-%" PRIu64 ".yaml", version);
	return out;
}

char *names_volume_index(uint64_t volume, char out[32])
{
	snprintf(out, 32, "vol-%04" PRIu64 ".yaml", volume);
	return out;
}

char *names_volume(uint64_t volume, char out[32])
{
	snprintf(out, 32, "vol-%04" PRIu64 ".tar.zst", volume);
	return out;
}

char *names_entry(const struct digest *d, int piece, uint64_t from, char out[NAMES_ENTRY_LEN])
{
	digest_hex(d, out);
	if (piece)
		snprintf(out + DIGEST_HEX, NAMES_ENTRY_LEN - DIGEST_HEX, ".%016" PRIu64, from);
	return out;
}

char *names_object(const struct digest *d, char out[80])
{
	digest_hex(d, out + 3);
	memcpy(out, out + 3, 2);
	out[2] = '/';
	return out;
}

bool names_inside_medium(const char *path)
{
	char last[NAMES_BUNDLE_LEN], stream[MAX_NAME_LEN + 1];
	size_t end = strlen(path), begin;
	uint64_t sequence;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (begin = end; begin > 0 && path[begin - 1] != '/'; begin--)
		;
	if (end - begin >= sizeof last)
		return false;
	memcpy(last, path + begin, end - begin);
	last[end - begin] = '\0';
	return strcmp(last, NAMES_MEDIUM_DIR) == 0 || names_bundle_parse(last, stream, &sequence) == 0;
}
