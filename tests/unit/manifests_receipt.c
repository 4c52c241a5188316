/*
 * Receipts: the form of every field, the rules between them, and which receipt may follow which.
 */
#include "manifests/receipt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "manifests/limits.h"
#include "manifests/reason.h"

#define A "1100000000000000000000000000000000000000000000000000000000000000"
#define B "2200000000000000000000000000000000000000000000000000000000000000"
#define C "3300000000000000000000000000000000000000000000000000000000000000"

static const char sample[] =
	"satchel: receipt/1\n"
	"store: \"perimeter-a\"\n"
	"counter: 12\n"
	"time: 2026-11-23T10:00:00Z\n"
	"trust: {version: 3, sha256: " A "}\n"
	"reads: [\"approvals/1\", \"volume/1\"]\n"
	"sandbox: \"seccomp only: landlock: Function not implemented\"\n"
	"objects: {count: 3, size: 195, sha256: " B "}\n"
	"lacks: 4\n"
	"streams:\n"
	"  - stream: \"drivers\"\n"
	"    rings: [\"pilot\", \"production\"]\n"
	"    sequence: 0\n"
	"    waiting: 0\n"
	"    missing: 0\n"
	"    bytes: 0\n"
	"  - stream: \"updates\"\n"
	"    rings: [\"production\"]\n"
	"    newest: {epoch: 1, revision: 42, sha256: " A "}\n"
	"    complete: {epoch: 1, revision: 40, sha256: " B "}\n"
	"    rollback: {epoch: 1, revision: 40, sha256: " B "}\n"
	"    sequence: 17\n"
	"    arrived: 2026-11-22T10:00:00Z\n"
	"    waiting: 2\n"
	"    missing: 2\n"
	"    bytes: 1000\n"
	"bundles:\n"
	"  - {stream: \"updates\", sequence: 16, manifest: " A ", arrived: 2026-11-21T10:00:00Z}\n"
	"  - {stream: \"updates\", sequence: 17, manifest: " A ", arrived: 2026-11-22T10:00:00Z}\n"
	"  - {stream: \"updates\", sequence: 17, manifest: " B ", arrived: 2026-11-22T10:00:00Z}\n"
	"waiting:\n"
	"  - {stream: \"updates\", item: \"pool/a\", revision: 3, objects: 2, bytes: 1000, why: \"objects\"}\n"
	"  - {stream: \"updates\", item: \"pool/b\", revision: 1, objects: 0, bytes: 0, why: \"requires pool/a\"}\n"
	"missing:\n"
	"  - {sha256: " A "}\n"
	"  - {sha256: " B ", size: 900, from: 0, length: 100}\n"
	"  - {sha256: " B ", size: 900, from: 100, length: 799}\n"
	"  - {sha256: " C ", size: 0}\n"
	"refusals:\n"
	"  - {time: 2026-11-20T10:00:00Z, event: refused, reason: \"signature-threshold\", bundle: \"updates-00000015\", text: \"no\"}\n"
	"  - {time: 2026-11-21T10:00:00Z, event: alarm, reason: \"sequence-twice\"}\n"
	"history:\n"
	"  - {counter: 10, length: 100, head: " A "}\n"
	"  - {counter: 11, length: 101, head: " B "}\n"
	"  - {counter: 12, length: 230, head: " C "}\n";

static int judge(const char *data, size_t len)
{
	struct err e = {0};
	struct receipt *r = receipt_parse(data, len, &e);
	struct buf again = {0};

	if (!r) {
		assert_int_not_equal(e.reason, 0);
		return e.reason;
	}
	assert_int_equal(receipt_encode(r, &again, &e), 0);
	assert_int_equal(again.len, len);
	assert_memory_equal(again.data, data, len);
	buf_free(&again);
	receipt_free(r);
	return 0;
}

/* The sample with a text exchanged where it stands first. */
static void exchange(const char *from, const char *to, struct buf *out)
{
	const char *at = strstr(sample, from);

	assert_non_null(at);
	buf_append(out, sample, (size_t)(at - sample));
	buf_puts(out, to);
	buf_puts(out, at + strlen(from));
	assert_false(out->failed);
}

static int with(const char *from, const char *to)
{
	struct buf doc = {0};
	int rc;

	exchange(from, to, &doc);
	rc = judge((const char *)doc.data, doc.len);
	buf_free(&doc);
	return rc;
}

#define REFUSED(from, to) assert_int_equal(with(from, to), R_DOCUMENT_FORM)
#define ACCEPTED(from, to) assert_int_equal(with(from, to), 0)

static void goes_round(void **state)
{
	struct err e = {0};
	struct receipt *r = receipt_parse(sample, strlen(sample), &e);
	const struct digest b = {{0x22}};
	size_t n;

	(void)state;
	assert_non_null(r);
	assert_int_equal(judge(sample, strlen(sample)), 0);
	assert_true(r->counter == 12 && r->has_objects && r->objects.count == 3 && r->streams_n == 2 && r->missing_n == 4);
	assert_ptr_equal(receipt_stream(r, "updates"), &r->streams[1]);
	assert_null(receipt_stream(r, "update"));
	assert_int_equal(receipt_find_missing(r, &b, &n), 1);
	assert_int_equal(n, 2);
	receipt_find_missing(r, &(struct digest){{0x23}}, &n);
	assert_int_equal(n, 0);
	assert_true(receipt_has_bundle(r, "updates", 17, &b) && !receipt_has_bundle(r, "updates", 16, &b) &&
		    !receipt_has_bundle(r, "updates", 1, &b) && !receipt_has_bundle(r, "drivers", 17, &b));
	assert_true(receipt_history(r, 11)->length == 101 && receipt_history(r, 9) == NULL);
	receipt_free(r);
	receipt_free(NULL);
	ACCEPTED("objects: {count: 3, size: 195, sha256: " B "}\n", "");	/* brief */
}

static void fields(void **state)
{
	(void)state;
	assert_int_equal(with("receipt/1", "receipt/2"), R_DOCUMENT_VERSION);
	assert_int_equal(with("receipt/1", "manifest/1"), R_DOCUMENT_TYPE);
	assert_int_equal(with("perimeter-a", "perimeter-A"), R_NAME);
	assert_int_equal(with("pool/a\"", "../a\""), R_NAME);
	REFUSED("counter: 12", "counter: 012");
	REFUSED("counter: 12", "counter: 0");
	REFUSED("counter: 12", "counter: 13");	/* history ends with 12 */
	REFUSED("counter: 12\n", "counter: 12\ncounter: 12\n");
	REFUSED("time: 2026-11-23T10", "time: 2026-11-23T24");
	REFUSED("trust: {version: 3, ", "trust: {version: 3, more: 1, ");
	REFUSED("lacks: 4\n", "");
	REFUSED("lacks: 4", "lacks: four");
	REFUSED("lacks: 4", "lacks: 4 ");
	REFUSED("lacks: 4", "lacks: 4611686018427387905");
	ACCEPTED("lacks: 4", "lacks: 4611686018427387904");
	REFUSED("event: alarm", "event: Alarm");
	REFUSED("event: alarm", "event: other");
	REFUSED("text: \"no\"", "text: \"\"");
	REFUSED("text: \"no\"", "text: \"n\xe2\x80\xa8o\"");
	REFUSED("text: \"no\"", "text: \"n\xe2\x80\xaeo\"");
	REFUSED("waiting:\n  -", "waiting:\n\n  -");
	assert_int_equal(with("satchel:", "%YAML 1.1\nsatchel:"), R_DOCUMENT_TYPE);
}

static void rules(void **state)
{
	(void)state;
	REFUSED("size: 195", "size: 194");
	REFUSED("[\"approvals/1\", \"volume/1\"]", "[\"volume/1\", \"approvals/1\"]");
	REFUSED("[\"approvals/1\", \"volume/1\"]", "[\"volume/1\", \"volume/1\"]");
	REFUSED("stream: \"drivers\"", "stream: \"updates\"");
	REFUSED("stream: \"drivers\"", "stream: \"zzz\"");
	REFUSED("rings: [\"pilot\", \"production\"]", "rings: [\"production\", \"pilot\"]");
	REFUSED("rings: [\"pilot\", \"production\"]", "rings: []");
	REFUSED("sequence: 17\n", "sequence: 16\n");	/* a bundle above it */
	REFUSED("sequence: 16, ", "sequence: 18, ");
	REFUSED("{stream: \"updates\", sequence: 16", "{stream: \"other\", sequence: 16");
	REFUSED("sequence: 17, manifest: " B, "sequence: 17, manifest: " A);
	REFUSED("item: \"pool/a\"", "item: \"pool/c\"");
	ACCEPTED("item: \"pool/b\"", "item: \"pool/a\"");
	REFUSED("{stream: \"updates\", item: \"pool/b\"", "{stream: \"drivers\", item: \"pool/b\"");
	REFUSED("lacks: 4", "lacks: 2");	/* three are named */
	ACCEPTED("lacks: 4", "lacks: 3");
}

static void missing_objects(void **state)
{
	(void)state;
	REFUSED("  - {sha256: " A "}\n", "  - {sha256: " A "}\n  - {sha256: " A "}\n");
	REFUSED("  - {sha256: " A "}\n", "  - {sha256: " A "}\n  - {sha256: " A ", size: 9, from: 0, length: 1}\n");
	REFUSED("  - {sha256: " A "}\n", "  - {sha256: " C "}\n");
	REFUSED("from: 100, length: 799", "from: 99, length: 799");	/* they overlap */
	REFUSED("from: 100, length: 799", "from: 100");
	REFUSED("from: 100, length: 799", "length: 799");
	REFUSED("size: 900, from: 100", "from: 100");
	REFUSED("size: 900, from: 100", "size: 901, from: 100");	/* another size than its first extent */
	ACCEPTED("length: 799", "length: 800");
	REFUSED("length: 799", "length: 801");
	REFUSED("length: 799", "length: 0");
	REFUSED("size: 900, from: 0, length: 100", "size: 900, from: 0, length: 900");
	ACCEPTED(", size: 0}", ", size: 1125899906842624}");
	REFUSED(", size: 0}", ", size: 1125899906842625}");
}

static void histories(void **state)
{
	(void)state;
	REFUSED("counter: 11, length", "counter: 10, length");
	REFUSED("length: 101", "length: 100");
	REFUSED("  - {counter: 12, length: 230, head: " C "}\n", "");
	REFUSED("counter: 12, length", "counter: 13, length");
}

/* More of them than a list may have. */
static void limits(void **state)
{
	static const struct { const char *list, *line; size_t max; } lists[] = {
		{"refusals:\n", "  - {time: 2026-11-20T10:00:00Z, event: failed, reason: \"io\"}\n", MAX_RECEIPT_REFUSALS - 2},
		{"waiting:\n", "  - {stream: \"drivers\", item: \"a\", revision: 1, objects: 0, bytes: 0, why: \"list\"}\n",
		 MAX_RECEIPT_WAITING - 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		for (size_t over = 0; over <= 1; over++) {
			struct buf to = {0}, doc = {0};

			buf_puts(&to, lists[i].list);
			for (size_t n = 0; n < lists[i].max + over; n++)
				buf_puts(&to, lists[i].line);
			buf_puts(&to, "");
			exchange(lists[i].list, (const char *)to.data, &doc);
			assert_int_equal(judge((const char *)doc.data, doc.len), over ? R_DOCUMENT_FORM : 0);
			buf_free(&to);
			buf_free(&doc);
		}
}

static void too_large(void **state)
{
	struct buf doc = {0};

	(void)state;
	buf_puts(&doc, sample);
	while (doc.len <= MAX_RECEIPT_SIZE)
		buf_putc(&doc, '#');
	assert_int_equal(judge((const char *)doc.data, doc.len), R_DOCUMENT_TOO_LARGE);
	buf_free(&doc);
}

/* Cut off anywhere, or with any byte changed to another: never accepted as something else than it says. */
static void every_byte(void **state)
{
	size_t len = strlen(sample);
	char *copy = malloc(len + 1);

	(void)state;
	assert_non_null(copy);
	for (size_t i = 0; i < len; i++)
		assert_int_not_equal(judge(sample, i), 0);
	for (size_t i = 0; i < len; i++) {
		static const char bytes[] = {'\0', '\n', ' ', '#', '"', '\x80', '}'};

		memcpy(copy, sample, len + 1);
		for (size_t k = 0; k < sizeof bytes; k++) {
			copy[i] = bytes[k];
			judge(copy, len);	/* asserts that what is accepted is canonical */
		}
	}
	free(copy);
}

/* ---- which one follows which ---- */

/* A store's life: what its receipt of each counter said of the journal. */
static struct receipt *life(uint64_t counter, uint64_t branch, uint64_t from)
{
	struct receipt *r = calloc(1, sizeof *r);
	uint64_t first = counter > MAX_RECEIPT_HISTORY ? counter - MAX_RECEIPT_HISTORY + 1 : 1;

	assert_non_null(r);
	r->counter = counter;
	r->history = arena_alloc(&r->arena, MAX_RECEIPT_HISTORY * sizeof *r->history);
	assert_non_null(r->history);
	for (uint64_t n = first; n <= counter; n++) {
		uint8_t b = n >= from ? (uint8_t)branch : 0;

		r->history[r->history_n++] = (struct receipt_history){n, 3 * n + b, {{(uint8_t)n, b}}};
	}
	r->digest = (struct digest){{(uint8_t)counter, counter >= from ? (uint8_t)branch : 0}};
	return r;
}

static enum receipt_order order(uint64_t last, uint64_t next, uint64_t branch, uint64_t from)
{
	struct receipt *a = life(last, 0, UINT64_MAX), *b = life(next, branch, from);
	enum receipt_order o = receipt_compare(a, b);

	receipt_free(a);
	receipt_free(b);
	return o;
}

static void one_after_the_other(void **state)
{
	(void)state;
	assert_int_equal(order(12, 12, 0, 99), RECEIPT_SAME);
	assert_int_equal(order(12, 13, 0, 99), RECEIPT_NEXT);
	assert_int_equal(order(12, 112, 0, 999), RECEIPT_NEXT);
	assert_int_equal(order(12, 113, 0, 999), RECEIPT_APART);
	assert_int_equal(order(12, 11, 0, 99), RECEIPT_OLDER);
	assert_int_equal(order(300, 1, 0, 999), RECEIPT_OLDER);
	/* set back to what it was after receipt 9, and gone on from there */
	assert_int_equal(order(12, 10, 1, 10), RECEIPT_FORKED);
	assert_int_equal(order(12, 12, 1, 10), RECEIPT_FORKED);
	assert_int_equal(order(12, 13, 1, 10), RECEIPT_FORKED);
	assert_int_equal(order(12, 112, 1, 10), RECEIPT_FORKED);
	assert_int_equal(order(12, 9, 1, 10), RECEIPT_OLDER);
	assert_int_equal(order(12, 13, 1, 13), RECEIPT_NEXT);
}

static void a_history_with_a_hole(void **state)
{
	struct receipt *last = life(12, 0, 99), *next = life(14, 0, 99);

	(void)state;
	/* receipt 12 is left out of what 14 tells */
	next->history[11] = next->history[12];
	next->history[12] = next->history[13];
	next->history_n--;
	assert_int_equal(receipt_compare(last, next), RECEIPT_FORKED);
	receipt_free(last);
	receipt_free(next);
	/* it begins its history behind 12, although it had room for it */
	last = life(12, 0, 99);
	next = life(14, 0, 99);
	next->history += 12;
	next->history_n = 2;
	assert_int_equal(receipt_compare(last, next), RECEIPT_FORKED);
	receipt_free(last);
	receipt_free(next);
}

/* ---- the file of digests ---- */

static int read_held(const char *text, uint64_t count, size_t step)
{
	const struct receipt_objects o = {.count = count, .size = count * RECEIPT_LINE};
	struct receipt_held h = {.at = 0};
	struct err e = {0};
	size_t len = strlen(text);

	for (size_t at = 0; at < len; at += step)
		if (receipt_held_add(&h, text + at, len - at < step ? len - at : step, &e) == -1)
			return e.reason;
	return receipt_held_end(&h, &o, &e) == 0 ? 0 : e.reason;
}

static void objects_files(void **state)
{
	(void)state;
	for (size_t step = 1; step <= 200; step += 33) {
		assert_int_equal(read_held("", 0, step), 0);
		assert_int_equal(read_held("", 1, step), R_DOCUMENT_FORM);
		assert_int_equal(read_held(A "\n" B "\n" C "\n", 3, step), 0);
		assert_int_equal(read_held(A "\n" B "\n" C "\n", 2, step), R_DOCUMENT_FORM);
		assert_int_equal(read_held(A "\n" C "\n" B "\n", 3, step), R_DOCUMENT_FORM);
		assert_int_equal(read_held(A "\n" A "\n", 2, step), R_DOCUMENT_FORM);
		assert_int_equal(read_held(A "\n" B, 2, step), R_DOCUMENT_FORM);
		assert_int_equal(read_held(A "\r\n", 1, step), R_DOCUMENT_FORM);
		assert_int_equal(read_held("A" A "\n", 1, step), R_DOCUMENT_FORM);
		assert_int_equal(read_held(A " ", 1, step), R_DOCUMENT_FORM);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_round), cmocka_unit_test(fields), cmocka_unit_test(rules),
		cmocka_unit_test(missing_objects), cmocka_unit_test(histories), cmocka_unit_test(limits),
		cmocka_unit_test(too_large), cmocka_unit_test(every_byte), cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(a_history_with_a_hole), cmocka_unit_test(objects_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
