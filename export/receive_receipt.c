/*
 * One receipt, from bytes that anybody may have written to what the station knows of a destination (FORMAT 14.6): the
 * signature by the pinned key first, then its form, its history, its objects file. Refuses what is forged, foreign or
 * replayed, and raises an alarm where the journal behind it is another one than before.
 */
#include "export/receive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/ledger.h"
#include "export/receipts.h"
#include "export/station.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/outfile.h"
#include "lib/path.h"
#include "lib/say.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "manifests/receipt_text.h"

#include "lib/banned.h"

#define STEP ((size_t)1 << 20)

struct taking {
	struct station *s;
	const struct file *dir;		/* where its objects file lies; NULL: it has none */
	const char *place;		/* for messages */
	char stem[NAMES_BUNDLE_LEN];	/* its name without .yaml; empty: its name says nothing */
	const struct station_destination *destination;
	struct pubkey *key;
	struct buf bytes;
	uint8_t signature[PUBKEY_MAX_SIGNATURE + 1];
	size_t signature_len;
	struct receipt *receipt, *last;	/* parsed; the newest so far, or NULL */
	bool known;			/* the same again */
	enum receive_outcome refused;	/* what it is when it is refused */
};

/* ---- whose it is ---- */

static int foreign(const char *place, const char *store, bool has_name, struct err *e)
{
	err_set(e, R_RECEIPT_FOREIGN, "%s: %s", place, has_name ? "the key of this destination is not known" : "no destination has this name");
	return err_hint(e, "`satchel-export destination add %s --key FILE` with receipt.pub of that store", store);
}

/* By the name of the file. */
static int find_by_name(struct taking *t, struct err *e)
{
	const struct station_config *c = &t->s->config;
	char store[MAX_NAME_LEN + 1];
	uint64_t counter;

	if (names_bundle_parse(t->stem, store, &counter) == -1)
		return err_set(e, R_NO_RECEIPT, "%s: no name of a receipt", t->place);
	for (size_t i = 0; i < c->destinations_n; i++)
		if (strcmp(c->destinations[i].name, store) == 0)
			t->destination = &c->destinations[i];
	if (t->destination == NULL || t->destination->key == NULL)
		return foreign(t->place, store, t->destination != NULL, e);
	t->key = receipts_key(t->destination, e);
	return t->key == NULL ? -1 : 0;
}

/* By the key it names. */
static int find_by_key(struct taking *t, const struct digest *id, struct err *e)
{
	const struct station_config *c = &t->s->config;

	for (size_t i = 0; i < c->destinations_n; i++) {
		struct pubkey *k = c->destinations[i].key == NULL ? NULL : receipts_key(&c->destinations[i], e);

		if (k == NULL && c->destinations[i].key != NULL)
			return -1;
		if (k != NULL && digest_equal(pubkey_id(k), id)) {
			t->destination = &c->destinations[i];
			t->key = k;
			return 0;
		}
		pubkey_free(k);
	}
	return foreign(t->place, "NAME", false, e);
}

/* ---- authentic ---- */

static int check_signature(struct taking *t, struct err *e)
{
	if (t->bytes.len > MAX_RECEIPT_SIZE)
		return err_set(e, R_DOCUMENT_TOO_LARGE, "%s: larger than any receipt", t->place);
	if (pubkey_verify(t->key, t->bytes.data, t->bytes.len, t->signature, t->signature_len))
		return 0;
	return err_set(e, R_SIGNATURE_THRESHOLD, "%s: not signed by the receipt key of %s", t->place, t->destination->name);
}

/* From here on what it says is what the store says. */
static int parse(struct taking *t, struct err *e)
{
	char name[NAMES_BUNDLE_LEN];

	t->receipt = receipt_parse(t->bytes.data, t->bytes.len, e);
	if (t->receipt == NULL)
		return err_prefix(e, "%s", t->place);
	names_bundle(t->receipt->store, t->receipt->counter, name);
	if (strcmp(t->receipt->store, t->destination->name) != 0 || (t->stem[0] != '\0' && strcmp(t->stem, name) != 0))
		return err_set(e, R_DOCUMENT_FORM, "%s: it is receipt %s", t->place, name);
	return 0;
}

/* ---- its history ---- */

static int raise_alarm(struct taking *t, struct err *e)
{
	char hex[DIGEST_HEX + 1];
	json_t *o = json_object();

	json_put_text(o, "destination", t->destination->name);
	json_put_text(o, "what", reason_word(R_JOURNAL_HISTORY));
	json_put_number(o, "counter", t->receipt->counter);
	json_put_text(o, "sha256", digest_hex(&t->receipt->digest, hex));
	json_put_number(o, "newest", t->last->counter);
	return ledger_append(t->s, "alarm", o, e);
}

/* 0; 1 refused, with *why; -1. */
static int judge_history(struct taking *t, struct err *why, struct err *e)
{
	const char *store = t->destination->name;
	enum receipt_order order;
	int rc = receipts_newest(t->s, store, &t->last, e);

	if (rc != 0)
		return rc == 1 ? 0 : -1;
	order = receipt_compare(t->last, t->receipt);
	t->known = order == RECEIPT_SAME;
	if (order == RECEIPT_NEXT || order == RECEIPT_SAME)
		return 0;
	t->refused = order == RECEIPT_OLDER ? RECEIVE_OLDER : RECEIVE_ALARM;
	if (order == RECEIPT_OLDER) {
		err_set(why, R_RECEIPT_REPLAYED, "%s: receipt %llu of %s is known", t->place, (unsigned long long)t->last->counter,
			store);
		return 1;
	}
	if (order == RECEIPT_APART)
		err_set(why, R_JOURNAL_HISTORY, "%s: its history does not reach back to receipt %llu, the newest that is known",
			t->place, (unsigned long long)t->last->counter);
	else
		err_set(why, R_JOURNAL_HISTORY, "%s: its journal does not extend that of receipt %llu: the store was restored from a "
			"backup, or its key is in two hands", t->place, (unsigned long long)t->last->counter);
	err_hint(why, "find out why; `satchel-export destination add %s --key FILE` then begins its history anew", store);
	return raise_alarm(t, e) == -1 ? -1 : 1;
}

/* ---- its objects file ---- */

struct copying {
	struct file from;
	struct outfile *to;
	struct digest_ctx *hash;
	uint64_t size;
	uint8_t *room;
};

/* Into the station, and measured on the way: nothing looks into it before it is known to be what the store signed. */
static int copy(struct copying *c, const struct receipt_objects *o, struct err *why, struct err *e)
{
	struct digest d;

	for (;;) {
		int64_t n = file_read(&c->from, c->room, STEP, why);

		if (n == -1)
			return 1;
		if (n == 0)
			break;
		c->size += (uint64_t)n;
		if (c->size > o->size) {
			err_set(why, R_FILE_SIZE, "%s: larger than the receipt says", c->from.name);
			return 1;
		}
		digest_update(c->hash, c->room, (size_t)n);
		outfile_write(c->to, c->room, (size_t)n);
	}
	if (digest_final(c->hash, &d, e) == -1)
		return -1;
	if (c->size != o->size)
		err_set(why, R_FILE_SIZE, "%s: %llu bytes, and the receipt says %llu", c->from.name, (unsigned long long)c->size,
			(unsigned long long)o->size);
	else if (!digest_equal(&d, &o->sha256))
		err_set(why, R_FILE_DIGEST, "%s: another digest than the receipt says", c->from.name);
	else
		return 0;
	return 1;
}

/* Parses the copy: a medium might answer otherwise when it is asked again. */
static int parse_copy(struct copying *c, const struct receipt_objects *o, struct err *why, struct err *e)
{
	struct receipt_held held = {.at = 0};
	size_t n;

	for (uint64_t at = 0; at < c->size; at += n) {
		n = c->size - at < STEP ? (size_t)(c->size - at) : STEP;
		if (outfile_pread(c->to, c->room, n, at, e) == -1)
			return -1;
		if (receipt_held_add(&held, c->room, n, why) == -1)
			break;
	}
	if (why->reason != ERR_NONE || receipt_held_end(&held, o, why) == -1) {
		err_prefix(why, "%s", c->from.name);
		return 1;
	}
	return 0;
}

/* The file comes into the station while it is judged, and stays if it is what the receipt says: read once. */
static int take_objects(struct taking *t, struct err *why, struct err *e)
{
	struct copying c = {.from = FILE_CLOSED};
	char name[NAMES_BUNDLE_LEN + 16], path[NAMES_BUNDLE_LEN + 32];
	int rc = 1;

	if (!t->receipt->has_objects)
		return 0;
	names_bundle(t->receipt->store, t->receipt->counter, name);
	strncat(name, ".objects", sizeof name - strlen(name) - 1);
	snprintf(path, sizeof path, "receipts/%s", name);
	if (t->dir == NULL) {
		err_set(why, R_FILE_MISSING, "%s: its list of objects did not come with it", t->place);
		return 1;
	}
	if (file_open_at(t->dir, name, &c.from, why) == -1) {
		why->reason = why->reason == ERR_MISSING ? R_FILE_MISSING : why->reason;
		return 1;
	}
	c.hash = digest_open(e);
	c.room = malloc(STEP);
	c.to = outfile_open(&t->s->dir, path, 0644, e);
	if (c.hash == NULL || c.to == NULL)
		rc = -1;
	else
		rc = c.room == NULL ? err_mem(e) : copy(&c, &t->receipt->objects, why, e);
	if (rc == 0)
		rc = parse_copy(&c, &t->receipt->objects, why, e);
	if (rc == 0) {
		rc = outfile_commit(c.to, e);
		c.to = NULL;
	}
	outfile_abort(c.to);
	digest_close(c.hash);
	free(c.room);
	file_close(&c.from);
	return rc;
}

/* ---- taken ---- */

static int record(struct taking *t, struct err *e)
{
	const struct receipt *r = t->receipt;
	char hex[DIGEST_HEX + 1];
	json_t *o = json_object();

	json_put_text(o, "destination", r->store);
	json_put_number(o, "counter", r->counter);
	json_put_text(o, "sha256", digest_hex(&r->digest, hex));
	json_put(o, "brief", json_boolean(!r->has_objects));
	json_put_number(o, "lacks", r->lacks);
	return ledger_append(t->s, "receipt", o, e);
}

/* What a person should know of it. */
static void warn(const struct taking *t)
{
	const struct receipt *r = t->receipt;
	const struct receipt_stream *s = receipt_stream(r, t->s->config.stream);
	int64_t since = t->last == NULL ? 0 : t->last->time;

	if (s == NULL)
		say_warn("%s does not follow the stream %s", r->store, t->s->config.stream);
	else if (!receipts_same_rings(t->destination, s))
		say_warn("%s follows other rings than " CONFIG_NAME " says; bundles are packed by " CONFIG_NAME, r->store);
	if (r->time > t->s->now + MAX_CLOCK_AHEAD)
		say_warn("the clock of %s is ahead of ours by more than a day", r->store);
	for (size_t i = 0; i < r->refusals_n; i++)
		if (r->refusals[i].event == RECEIPT_ALARM && r->refusals[i].time >= since)
			say_warn("%s reports an alarm: %s%s%s", r->store, r->refusals[i].reason,
				 r->refusals[i].bundle != NULL ? ", " : "",
				 r->refusals[i].bundle != NULL ? r->refusals[i].bundle : "");
}

static void tell(const struct taking *t)
{
	const struct receipt *r = t->receipt;
	const struct receipt_stream *s = receipt_stream(r, t->s->config.stream);
	char list[64] = "no list complete", time[32];
	json_t *o = json_object();

	num_format_time(r->time, time);
	if (s != NULL && s->has_complete)
		snprintf(list, sizeof list, "list %llu complete", (unsigned long long)s->complete.revision);
	json_put_text(o, "destination", r->store);
	json_put_number(o, "receipt", r->counter);
	json_put_text(o, "time", time);
	json_put(o, "known", json_boolean(t->known));
	if (s != NULL && s->has_complete)
		json_put_number(o, "list", s->complete.revision);
	if (r->has_objects)
		json_put_number(o, "objects", r->objects.count);
	json_put_number(o, "lacks", r->lacks);
	say_object(o);
	say_line("%s: receipt %llu of %s%s: %s, %s waiting, %s lacking", r->store,
		 (unsigned long long)r->counter, time, t->known ? ", known already" : "", list,
		 num_of(s == NULL ? 0 : s->waiting, "item"), num_of(r->lacks, "object"));
}

/* Its bytes, signature and key are here. 0; 1 refused; -1. */
static int take(struct taking *t, struct err *why, struct err *e)
{
	int rc;

	if (check_signature(t, why) == -1 || parse(t, why) == -1)
		return 1;
	rc = judge_history(t, why, e);
	if (rc == 0 && !t->known)
		rc = take_objects(t, why, e);
	if (rc != 0)
		return rc;
	if (!t->known && (record(t, e) == -1 ||
			  receipts_put(t->s, t->receipt, pubkey_id(t->key), t->signature, t->signature_len, e) == -1))
		return -1;
	if (t->known && receipts_drop_former(t->s, t->last, e) == -1)
		return -1;
	tell(t);
	if (!t->known)
		warn(t);
	return 0;
}

/* Tells what came of it, and frees it. */
static int end(struct taking *t, int rc, const struct err *why, enum receive_outcome *out, struct err *e)
{
	*out = t->known ? RECEIVE_KNOWN : RECEIVE_TAKEN;
	if (rc == 1) {
		*out = t->refused;
		if (why->reason == ERR_MEMORY) {
			*e = *why;
			rc = -1;
		} else {
			say_error(why);
		}
	}
	receipt_free(t->receipt);
	receipt_free(t->last);
	pubkey_free(t->key);
	buf_free(&t->bytes);
	return rc == -1 ? -1 : 0;
}

/* ---- a document with files beside it ---- */

static int read_beside(struct taking *t, const char *name, struct err *why)
{
	char signature[NAMES_SIGNATURE_LEN];
	struct buf b = {0};
	int rc;

	if (file_read_all_at(t->dir, name, MAX_RECEIPT_SIZE, &t->bytes, why) == -1) {
		why->reason = why->reason == ERR_TOO_LARGE ? R_DOCUMENT_TOO_LARGE : why->reason;
		return 1;
	}
	rc = station_signature((void *)(uintptr_t)t->dir, names_signature(name, pubkey_id(t->key), signature), &b, why);
	if (rc == 0 && b.len <= sizeof t->signature) {
		if (b.len > 0)
			memcpy(t->signature, b.data, b.len);
		t->signature_len = b.len;
	}
	buf_free(&b);
	if (rc == 1)
		err_set(why, R_SIGNATURE_MISSING, "%s: no signature by the receipt key of %s", t->place, t->destination->name);
	return rc == 0 ? 0 : 1;
}

int receive_receipt(struct station *s, const struct file *dir, const char *name, enum receive_outcome *out, struct err *e)
{
	struct taking t = {.s = s, .dir = dir, .refused = RECEIVE_REFUSED};
	char place[PATH_MAX_LEN + 256];
	struct err why = {0};
	size_t len = strlen(name) - strlen(".yaml");
	int rc;

	snprintf(place, sizeof place, "%s/%s", dir->name, name);
	t.place = place;
	snprintf(t.stem, sizeof t.stem, "%.*s", (int)len, name);
	rc = find_by_name(&t, &why) == -1 ? 1 : read_beside(&t, name, &why);
	if (why.reason == R_RECEIPT_FOREIGN)
		t.refused = RECEIVE_FOREIGN;
	if (rc == 0)
		rc = take(&t, &why, e);
	return end(&t, rc, &why, out, e);
}

/* ---- a text with its signature at its end ---- */

/* Its line comes off: what is left is the document. */
static int split(struct taking *t, struct digest *id, struct err *why)
{
	struct receipt_text text;

	if (receipt_text_split(t->bytes.data, t->bytes.len, &text, why) == -1) {
		err_prefix(why, "%s", t->place);
		return err_hint(why, "a receipt from a medium is named by its file STORE-NUMBER.yaml, with its signature beside it");
	}
	t->bytes.len = text.len;
	*id = text.key;
	memcpy(t->signature, text.signature, text.signature_len);
	t->signature_len = text.signature_len;
	return 0;
}

int receive_text(struct station *s, const struct file *f, enum receive_outcome *out, struct err *e)
{
	struct taking t = {.s = s, .place = f->name, .refused = RECEIVE_REFUSED};
	struct digest id;
	struct err why = {0};
	int rc = 1;

	if (file_read_all(f, RECEIPT_TEXT_MAX, &t.bytes, &why) == -1)
		why.reason = why.reason == ERR_TOO_LARGE ? R_DOCUMENT_TOO_LARGE : why.reason;
	else if (split(&t, &id, &why) == 0 && find_by_key(&t, &id, &why) == 0)
		rc = take(&t, &why, e);
	return end(&t, rc, &why, out, e);
}
