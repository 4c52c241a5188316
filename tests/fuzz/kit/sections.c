/*
 * Reads inputs of several files and fills in what they say of one another (tests/fuzz/kit/sections.h).
 */
#include "tests/fuzz/kit/sections.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <zstd.h>

#include "lib/base64.h"
#include "lib/err.h"
#include "manifests/names.h"
#include "manifests/volume.h"
#include "tests/fuzz/kit/fuzz.h"

#define MARK "=== "

_Static_assert(NAMES_SIGNATURE_LEN <= sizeof((struct section *)0)->name, "a name of a signature file fits");

/* ---- keys ---- */

static struct {
	EVP_PKEY *key;
	struct digest id;
	char public[BASE64_LEN(128) + 1];
} keys[SECTIONS_KEYS];

static void make_keys(void)
{
	struct err e = {0};

	if (keys[0].key != NULL)
		return;
	for (int i = 0; i < SECTIONS_KEYS; i++) {
		uint8_t seed[32], *der = NULL;
		int len;

		memset(seed, 'A' + i, sizeof seed);
		keys[i].key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof seed);
		MUST(keys[i].key != NULL);
		len = i2d_PUBKEY(keys[i].key, &der);
		MUST(len > 0 && len <= 128);
		MUST(digest_of(der, (size_t)len, &keys[i].id, &e) == 0);
		base64_encode(der, (size_t)len, keys[i].public);
		OPENSSL_free(der);
	}
}

static void sign(int key, const struct buf *bytes, struct buf *out)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint8_t sig[64];
	size_t len = sizeof sig;

	MUST(c != NULL && EVP_DigestSignInit(c, NULL, NULL, NULL, keys[key].key) == 1);
	MUST(EVP_DigestSign(c, sig, &len, bytes->len == 0 ? (const uint8_t *)"" : bytes->data, bytes->len) == 1);
	buf_append(out, sig, len);
	EVP_MD_CTX_free(c);
}

/* ---- tokens ---- */

static int number_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'z' ? c - 'a' + 10 : -1;
}

/* What stands for a token; false where it is none. */
static bool fill_in(const struct sections *s, char kind, char what, struct buf *out)
{
	char hex[DIGEST_HEX + 1];
	int k = what - 'A', n = number_of(what);

	if (strchr("$%^", kind) != NULL) {
		if (k < 0 || k >= SECTIONS_KEYS)
			return false;
		if (kind == '%')
			buf_puts(out, keys[k].public);
		else
			buf_append(out, digest_hex(&keys[k].id, hex), kind == '$' ? DIGEST_HEX : NAMES_PREFIX);
		return true;
	}
	if (n < 0 || (size_t)n >= s->n)
		return false;
	if (kind == '@')
		buf_puts(out, digest_hex(&s->list[n].sha256, hex));
	else
		buf_printf(out, "%" PRIu64, kind == '#' ? s->list[n].bytes.len : kind == '~' ? s->list[n].at : s->list[n].holds);
	return true;
}

static void fill(const struct sections *s, const uint8_t *p, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len && out->len < SECTIONS_BYTES; i++)
		if (i + 1 < len && p[i] != '\0' && strchr("@#~!$%^", p[i]) != NULL &&
		    fill_in(s, (char)p[i], (char)p[i + 1], out))
			i++;
		else
			buf_putc(out, (char)p[i]);
}

/* ---- volumes ---- */

/* Where the objects that no volume has yet stand in the next one. */
static void place_object(struct sections *s, struct section *new)
{
	const struct section *last = NULL;

	for (const struct section *o = s->list; o < new; o++)
		if (o->object)
			last = o;
		else if (o->holds > 0)
			last = NULL;
	new->at = VOLUME_BLOCK;
	if (last != NULL)
		new->at += last->at - VOLUME_BLOCK + volume_entry_span(last->bytes.len);
}

static void make_tar(const struct sections *s, const struct section *volume, struct buf *tar)
{
	static const uint8_t zeros[2 * VOLUME_BLOCK];
	const struct section *first = s->list;

	for (const struct section *o = s->list; o < volume; o++)
		if (o->holds > 0)
			first = o + 1;
	for (const struct section *o = first; o < volume; o++) {
		struct volume_object entry = {.sha256 = o->sha256, .size = o->bytes.len, .at = o->at};
		uint8_t header[VOLUME_BLOCK];

		if (!o->object)
			continue;
		volume_entry_header(&entry, header);
		buf_append(tar, header, sizeof header);
		if (o->bytes.len > 0)
			buf_append(tar, o->bytes.data, o->bytes.len);
		buf_append(tar, zeros, -tar->len % VOLUME_BLOCK);
	}
	buf_append(tar, zeros, sizeof zeros);
}

static void make_volume(const struct sections *s, struct section *v, const uint8_t *changes, size_t len)
{
	struct buf tar = {0};
	size_t n;

	make_tar(s, v, &tar);
	for (; len >= 3; changes += 3, len -= 3)
		tar.data[((size_t)changes[0] << 8 | changes[1]) % tar.len] = changes[2];
	MUST(buf_reserve(&v->bytes, ZSTD_compressBound(tar.len)) == 0);
	n = ZSTD_compress(v->bytes.data, ZSTD_compressBound(tar.len), tar.data, tar.len, 1);
	MUST(!ZSTD_isError(n));
	v->bytes.len = n;
	v->holds = tar.len;
	buf_free(&tar);
}

/* ---- sections ---- */

static void make_signature(const struct sections *s, struct section *new, const uint8_t *body, size_t len)
{
	int n = number_of(new->name[4]), k = new->name[4] == '\0' || new->name[5] == '\0' ? -1 : new->name[6] - 'A';
	char name[NAMES_SIGNATURE_LEN];

	if (n < 0 || (size_t)n >= s->n || k < 0 || k >= SECTIONS_KEYS)
		return;
	if (strlen(s->list[n].name) > MAX_NAME_LEN)
		return;
	names_signature(s->list[n].name, &keys[k].id, name);
	memcpy(new->name, name, strlen(name) + 1);
	if (len > 1)
		buf_append(&new->bytes, body, len);
	else
		sign(k, &s->list[n].bytes, &new->bytes);
}

static void add(struct sections *s, const uint8_t *name, size_t name_len, const uint8_t *body, size_t len)
{
	struct section *new = &s->list[s->n];
	struct err e = {0};

	*new = (struct section){.at = 0};
	snprintf(new->name, sizeof new->name, "%.*s", (int)name_len, (const char *)name);
	new->object = strcmp(new->name, "object") == 0;
	if (strncmp(new->name, "tar ", 4) == 0) {
		memmove(new->name, new->name + 4, strlen(new->name + 4) + 1);
		make_volume(s, new, body, len);
	} else if (strncmp(new->name, "sig ", 4) == 0) {
		make_signature(s, new, body, len);
	} else {
		fill(s, body, len, &new->bytes);
	}
	buf_append(&new->bytes, "", 0);
	MUST(digest_of(new->bytes.len == 0 ? (const uint8_t *)"" : new->bytes.data, new->bytes.len, &new->sha256, &e) == 0);
	if (new->object)
		place_object(s, new);
	s->n++;
}

/* The next line that begins a section, or the end. */
static const uint8_t *next_mark(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *m = p;

	while (m < end && (m = memmem(m, (size_t)(end - m), MARK, strlen(MARK))) != NULL) {
		if (m == p || m[-1] == '\n')
			return m;
		m++;
	}
	return end;
}

void sections_read(struct sections *s, const uint8_t *data, size_t len)
{
	const uint8_t *end = data + len, *p = next_mark(data, end);

	make_keys();
	s->n = 0;
	while (p < end && s->n < SECTIONS_MAX) {
		const uint8_t *name = p + strlen(MARK), *lf = memchr(name, '\n', (size_t)(end - name));
		const uint8_t *body = lf == NULL ? end : lf + 1;

		p = next_mark(body, end);
		add(s, name, (size_t)((lf == NULL ? end : lf) - name), body, (size_t)(p - body));
	}
}

void sections_free(struct sections *s)
{
	for (size_t i = 0; i < s->n; i++)
		buf_free(&s->list[i].bytes);
	s->n = 0;
}

const struct section *sections_find(const struct sections *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->list[i].object && strcmp(s->list[i].name, name) == 0)
			return &s->list[i];
	return NULL;
}

const struct section *sections_object(const struct sections *s, const struct digest *d)
{
	for (size_t i = 0; i < s->n; i++)
		if (digest_equal(&s->list[i].sha256, d))
			return &s->list[i];
	return NULL;
}
