/*
 * satchel-import receipt: what this store holds and lacks, signed by its own key (FORMAT 14). journal > RECEIPT > medium.
 * The counter is used up, in the journal, before anything is written. On a medium nothing is replaced and the
 * signature comes last; where that can't be written, nothing stays of the rest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import/bundles.h"
#include "import/commands.h"
#include "import/lacking.h"
#include "import/media.h"
#include "import/objects.h"
#include "import/outlook.h"
#include "import/past.h"
#include "import/places.h"
#include "import/run.h"
#include "import/update.h"
#include "lib/base64.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/progress.h"
#include "lib/say.h"
#include "lib/sign.h"
#include "manifests/journal.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "manifests/receipt.h"

#include "lib/banned.h"

#define FLUSH (1u << 20)
#define FILE_NAME (NAMES_BUNDLE_LEN + 16)

const struct option_def receipt_options[] = {
	{.name = "brief", .help = "without the list of objects held: smaller, and it confirms a little less"},
	{.name = "wait", .value = "SECONDS", .help = "how long to wait for another run to end (0)"},
	{0},
};

/* The formats that unseal, unpack and contents_reader read. */
static const char *const reads[] = {"approvals/1", "contents-part/1", "contents/1", "manifest/1", "trust/1", "volume/1"};

struct making {
	struct run run;
	const char *medium;	/* NULL: to standard output */
	struct media media;
	struct past past;
	struct lacking lacking;
	struct receipt receipt;
	struct arena arena;
	char name[NAMES_BUNDLE_LEN];	/* perimeter-a-00000012 */
	struct seckey *key;
	/* the objects file: */
	struct file held;
	bool listed;		/* it is there, and ours */
	struct digest_ctx *hash;
	struct buf lines;
};

static char *file_name(const struct making *m, const char *ending, char out[FILE_NAME])
{
	snprintf(out, FILE_NAME, "%s%s", m->name, ending);
	return out;
}

/* ---- what is held ---- */

static int flush(struct making *m, struct err *e)
{
	if (buf_ok(&m->lines, e) == -1)
		return -1;
	digest_update(m->hash, m->lines.data, m->lines.len);
	if (m->lines.len > 0 && file_write(&m->held, m->lines.data, m->lines.len, e) == -1)
		return media_wrong(e);
	buf_clear(&m->lines);
	return 0;
}

static int take_object(void *arg, const struct digest *d, bool lost, struct err *e)
{
	struct making *m = arg;
	char hex[DIGEST_HEX + 1];

	progress_add(1);
	if (lost)
		return lacking_add_lost(&m->lacking, d, e);
	if (!m->receipt.has_objects)
		return 0;
	digest_hex(d, hex);
	hex[DIGEST_HEX] = '\n';
	buf_append(&m->lines, hex, sizeof hex);
	m->receipt.objects.count++;
	return m->lines.len >= FLUSH ? flush(m, e) : 0;
}

static int take_objects(struct making *m, struct err *e)
{
	struct receipt_objects *o = &m->receipt.objects;
	char name[FILE_NAME];
	int rc;

	if (m->receipt.has_objects) {
		m->hash = digest_open(e);
		if (m->hash == NULL || media_create(&m->media, file_name(m, ".objects", name), &m->held, e) == -1)
			return -1;
		m->listed = true;
	}
	progress_phase("listing objects", 0, 0);
	rc = objects_each(m->run.objects, take_object, m, e);
	progress_end();
	if (rc == -1 || !m->receipt.has_objects)
		return rc;
	o->size = o->count * RECEIPT_LINE;
	if (flush(m, e) == -1 || digest_final(m->hash, &o->sha256, e) == -1)
		return -1;
	return media_finish(&m->held, e);
}

/* ---- streams ---- */

static char *keep(struct making *m, const char *s)
{
	return arena_strndup(&m->arena, s, strlen(s));
}

static struct receipt_list list_of(const struct list_ref *r)
{
	return (struct receipt_list){r->epoch, r->revision, r->sha256};
}

static int take_bundles(struct making *m, const struct store_stream *stream, struct receipt_stream *s, struct err *e)
{
	const struct bundles *b = run_bundles(&m->run, stream, e);
	size_t most = MAX_RECEIPT_BUNDLES / m->run.store.config.streams_n;

	if (b == NULL)
		return -1;
	s->arrived = bundles_arrived(b);
	s->has_arrived = s->arrived > 0;
	s->sequence = bundles_highest(b);
	for (size_t i = b->n > most ? b->n - most : 0; i < b->n; i++)
		m->receipt.bundles[m->receipt.bundles_n++] = (struct receipt_bundle){
			s->stream, b->list[i].sequence, b->list[i].manifest, b->list[i].arrived};
	return 0;
}

static int take_waiting(struct making *m, struct receipt_stream *s, const struct state *want, struct err *e)
{
	size_t most = MAX_RECEIPT_WAITING / m->run.store.config.streams_n;

	s->waiting = want->waiting_n;
	for (size_t i = 0; i < want->waiting_n && i < most; i++) {
		const struct state_waiting *w = &want->waiting[i];
		struct receipt_waiting *out = &m->receipt.waiting[m->receipt.waiting_n++];

		*out = (struct receipt_waiting){s->stream, keep(m, w->item), w->revision, w->objects, w->bytes, keep(m, w->why)};
		if (out->item == NULL || out->why == NULL)
			return err_mem(e);
	}
	return 0;
}

static int take_stream(struct making *m, const struct store_stream *stream, struct err *e)
{
	struct receipt_stream *s = &m->receipt.streams[m->receipt.streams_n++];
	struct places places = {0};
	struct outlook_ask ask = {.store = &m->run.store, .objects = m->run.objects, .stream = stream, .now = m->run.now,
				  .places = &places};
	struct outlook look;
	int rc = outlook_open(&ask, &look, e);

	*s = (struct receipt_stream){.stream = stream->stream, .rings = stream->rings, .rings_n = stream->rings_n};
	if (rc == -1)
		goto out;
	s->has_newest = look.want.has_newest;
	s->newest = list_of(&look.want.newest);
	s->has_complete = look.want.has_complete;
	s->complete = list_of(&look.want.complete);
	s->has_rollback = look.want.has_rollback;
	s->rollback = list_of(&look.want.rollback);
	s->missing = look.want.missing_total;
	s->bytes = look.missing_bytes;
	rc = -1;
	if (take_bundles(m, stream, s, e) == 0 && take_waiting(m, s, &look.want, e) == 0)
		rc = lacking_add_newest(&m->lacking, m->run.objects, &look, stream->rings, stream->rings_n, e);
out:
	outlook_free(&look);
	places_free(&places);
	return rc;
}

static int by_stream(const void *a, const void *b)
{
	const struct store_stream *const *x = a, *const *y = b;

	return strcmp((*x)->stream, (*y)->stream);
}

static int take_streams(struct making *m, struct err *e)
{
	const struct store_config *c = &m->run.store.config;
	struct receipt *r = &m->receipt;
	const struct store_stream **sorted = arena_alloc(&m->arena, (c->streams_n + 1) * sizeof *sorted);

	r->streams = arena_alloc(&m->arena, (c->streams_n + 1) * sizeof *r->streams);
	r->bundles = arena_alloc(&m->arena, MAX_RECEIPT_BUNDLES * sizeof *r->bundles);
	r->waiting = arena_alloc(&m->arena, MAX_RECEIPT_WAITING * sizeof *r->waiting);
	if (sorted == NULL || r->streams == NULL || r->bundles == NULL || r->waiting == NULL)
		return err_mem(e);
	for (size_t i = 0; i < c->streams_n; i++)
		sorted[i] = &c->streams[i];
	qsort(sorted, c->streams_n, sizeof *sorted, by_stream);
	for (size_t i = 0; i < c->streams_n; i++)
		if (take_stream(m, sorted[i], e) == -1)
			return -1;
	return 0;
}

/* ---- the document ---- */

/* Uses up the next counter: what follows in the journal follows this receipt. */
static int take_counter(struct making *m, struct err *e)
{
	struct receipt *r = &m->receipt;
	struct receipt_history own;
	json_t *o = json_object();

	if (past_read(&m->run.store.dir, &m->past, e) == -1) {
		json_decref(o);
		return -1;
	}
	r->counter = m->past.counter + 1;
	names_bundle(r->store, r->counter, m->name);
	json_put_number(o, "counter", r->counter);
	json_put_text(o, "medium", m->medium == NULL ? "-" : m->medium);
	json_put(o, "brief", json_boolean(!r->has_objects));
	if (run_log(&m->run, "receipt", o, e) == -1)
		return -1;
	own = (struct receipt_history){r->counter, journal_length(m->run.journal), *journal_head(m->run.journal)};
	past_add(&m->past, &own);
	return past_fill(&m->past, r, e);
}

static int fill(struct making *m, struct err *e)
{
	const struct trust *root = trust_chain_newest(&m->run.store.chain);
	struct receipt *r = &m->receipt;

	r->store = m->run.store.config.name;
	r->time = m->run.now;
	r->trust = (struct receipt_trust){root->version, root->digest};
	r->reads = (char **)(uintptr_t)reads;
	r->reads_n = sizeof reads / sizeof *reads;
	if (take_counter(m, e) == -1 || lacking_add_staged(&m->lacking, m->run.objects, e) == -1 || take_objects(m, e) == -1 ||
	    take_streams(m, e) == -1)
		return -1;
	lacking_sort(&m->lacking);
	r->lacks = m->lacking.objects;
	r->missing = m->lacking.list;
	r->missing_n = m->lacking.n;
	return 0;
}

static int load_key(struct making *m, struct err *e)
{
	char *path = NULL;

	if (asprintf(&path, "%s/keys/receipt.key", m->run.store.dir.name) == -1)
		return err_mem(e);
	m->key = sign_load(path, NULL, e);
	free(path);
	return m->key == NULL ? -1 : 0;
}

/* ---- where it goes ---- */

struct sealed {
	struct buf bytes;
	uint8_t signature[PUBKEY_MAX_SIGNATURE];
	size_t len;
};

static int put_on_medium(struct making *m, const struct sealed *s, struct err *e)
{
	char name[FILE_NAME], signature[NAMES_SIGNATURE_LEN];

	file_name(m, ".yaml", name);
	names_signature(name, pubkey_id(sign_public(m->key)), signature);
	if (media_put(&m->media, name, s->bytes.data, s->bytes.len, e) == -1)
		return -1;
	if (media_sync(&m->media, e) == 0 && media_put(&m->media, signature, s->signature, s->len, e) == 0) {
		if (media_sync(&m->media, e) == 0)
			return 0;
		media_remove(&m->media, signature);
	}
	media_remove(&m->media, name);
	return -1;
}

/* Document, key and signature in one object: document, "\n"-terminated as it is, is what was signed. */
static int put_json(const struct making *m, const struct sealed *s, struct err *e)
{
	char hex[DIGEST_HEX + 1], text[BASE64_LEN(PUBKEY_MAX_SIGNATURE) + 1];
	struct buf document = {0};
	json_t *o = json_object();
	int rc;

	buf_append(&document, s->bytes.data, s->bytes.len);
	buf_append(&document, "", 1);
	rc = buf_ok(&document, e);
	json_put_text(o, "receipt", m->name);
	json_put_number(o, "counter", m->receipt.counter);
	json_put_number(o, "lacks", m->receipt.lacks);
	if (rc == 0)
		json_put_text(o, "document", (const char *)document.data);
	json_put_text(o, "key", digest_hex(pubkey_id(sign_public(m->key)), hex));
	json_put_text(o, "signature", base64_encode(s->signature, s->len, text));
	buf_free(&document);
	if (rc == 0)
		say_object(json_incref(o));
	json_decref(o);
	return rc;
}

/* The document, and its signature in a line that belongs to neither. */
static int put_out(const struct making *m, const struct sealed *s, struct err *e)
{
	char hex[DIGEST_HEX + 1], text[BASE64_LEN(PUBKEY_MAX_SIGNATURE) + 1];
	struct buf out = {0};
	int rc;

	buf_append(&out, s->bytes.data, s->bytes.len);
	buf_printf(&out, NAMES_SIGNATURE_LINE "%s %s\n", digest_hex(pubkey_id(sign_public(m->key)), hex),
		   base64_encode(s->signature, s->len, text));
	rc = buf_ok(&out, e);
	if (rc == 0)
		say_bytes(out.data, out.len);
	buf_free(&out);
	return rc;
}

static void tell(const struct making *m)
{
	const struct receipt *r = &m->receipt;
	json_t *o = json_object();
	char held[64] = "brief";

	if (r->has_objects)
		snprintf(held, sizeof held, "%s held", num_of(r->objects.count, "object"));
	json_put_text(o, "receipt", m->name);
	json_put_text(o, "medium", m->medium);
	json_put_number(o, "counter", r->counter);
	if (r->has_objects)
		json_put_number(o, "objects", r->objects.count);
	json_put_number(o, "lacks", r->lacks);
	say_object(o);
	say_line("%s/" NAMES_MEDIUM_DIR "/" NAMES_RECEIPTS "/%s.yaml: %s, %llu lacking", m->medium, m->name, held,
		 (unsigned long long)r->lacks);
}

static int seal(struct making *m, struct err *e)
{
	struct sealed s = {.len = PUBKEY_MAX_SIGNATURE};
	int rc = -1;

	if (receipt_encode(&m->receipt, &s.bytes, e) == -1 || buf_ok(&s.bytes, e) == -1 ||
	    sign_data(m->key, s.bytes.data, s.bytes.len, s.signature, &s.len, e) == -1)
		goto out;
	rc = m->medium != NULL ? put_on_medium(m, &s, e) : say_json() ? put_json(m, &s, e) : put_out(m, &s, e);
	if (rc == 0 && m->medium != NULL)
		tell(m);
out:
	buf_free(&s.bytes);
	return rc;
}

static int make(struct making *m, struct err *e)
{
	char name[FILE_NAME];

	if (m->medium != NULL &&
	    (media_check(&m->run.store.dir, m->medium, e) == -1 || media_open(m->medium, &m->media, e) == -1))
		return -1;
	if (load_key(m, e) == -1)
		return -1;
	if (fill(m, e) == 0 && seal(m, e) == 0)
		return 0;
	if (m->listed)
		media_remove(&m->media, file_name(m, ".objects", name));
	return -1;
}

int receipt_run(const struct args *a, struct err *e)
{
	struct run_ask ask = {.path = run_store_path(a, e)};
	struct making m = {.media = MEDIA_CLOSED, .held = FILE_CLOSED};
	uint64_t wait;
	int rc = -1;

	if (ask.path == NULL || args_expect(a, 1, 1, e) == -1 || args_number(a, "wait", 0, 1000000, 0, &wait, e) == -1)
		return -1;
	ask.wait_seconds = (unsigned)wait;
	m.medium = strcmp(args_at(a, 0), "-") == 0 ? NULL : args_at(a, 0);
	m.receipt.has_objects = m.medium != NULL && !args_has(a, "brief");
	if (run_open(&ask, &m.run, e) == 0 && update_rest(&m.run, e) == 0 && run_done(&m.run, 0, e) == 0)
		rc = make(&m, e);
	buf_free(&m.lines);
	digest_close(m.hash);
	file_close(&m.held);
	sign_free(m.key);
	lacking_free(&m.lacking);
	past_free(&m.past);
	arena_free(&m.arena);
	media_close(&m.media);
	run_close(&m.run);
	return rc;
}
