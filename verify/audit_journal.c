/*
 * `satchel-verify journal`: a store's journal or a station's ledger: that each line has the digest of the one before, and that
 * the journal still has every line that receipts witnessed. A receipt is judged by the store's receipt key before it is
 * parsed: the key given with --key, else the store's own, which is then said.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/num.h"
#include "lib/path.h"
#include "lib/pubkey.h"
#include "lib/say.h"
#include "manifests/journal.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"
#include "manifests/receipt.h"
#include "manifests/receipt_text.h"
#include "verify/commands.h"
#include "verify/report.h"
#include "verify/store.h"
#include "verify/terms.h"

#include "lib/banned.h"

const struct option_def audit_journal_options[] = {
	{.name = "receipt", .value = "FILE", .help = "a receipt of the store, its signature at its end or in a file beside it: the journal must extend it",
	 .many = true},
	{.name = "key", .value = "FILE", .help = "the store's receipt.pub, as you got it on a way of its own"},
	TERMS_AS_OF,
	{0}
};

struct point {			/* a line that a receipt witnessed */
	const struct receipt *receipt;
	const struct receipt_history *history;
};
struct audit {
	const struct args *args;
	struct terms terms;
	struct file dir;
	const char *name;	/* of the journal in it */
	struct report report;
	struct pubkey *key;
	struct receipt **receipts;
	size_t receipts_n;
	struct point *points;	/* in order of lines */
	size_t points_n, next;
	uint64_t length, then;	/* lines: in all, and as of --at and --trust-version */
	struct digest head, then_head;
	bool past;		/* lines from here on are of later */
	bool readable;
};

/* ---- receipts ---- */

static int load_key(struct audit *u, struct err *e)
{
	const char *path = args_get(u->args, "key");
	struct file f = FILE_CLOSED;
	struct buf pem = {0};
	int rc = path != NULL ? file_open(path, &f, e) : file_open_at(&u->dir, "keys/receipt.pub", &f, e);

	if (rc == 0)
		rc = file_read_all(&f, MAX_CONFIG_SIZE, &pem, e);
	if (rc == 0) {
		u->key = pubkey_load_pem((const char *)pem.data, pem.len, e);
		rc = u->key != NULL ? 0 : err_prefix(e, "%s", f.name);
	}
	if (rc == 0 && path == NULL)
		report_note(&u->report, "receipts", "judged by the store's own receipt key: no --key was given");
	file_close(&f);
	buf_free(&pem);
	return rc;
}

static int refuse(const char *path, struct err *e)
{
	return err_set(e, R_SIGNATURE_THRESHOLD, "%s: not signed by this store's receipt key", path);
}

/* Whether the signature file beside a receipt is good. */
static int check_beside(const struct audit *u, const char *path, const struct buf *bytes, struct err *e)
{
	char name[NAMES_SIGNATURE_LEN], beside[PATH_MAX_LEN + NAMES_SIGNATURE_LEN];
	const char *last = path_last(path);
	struct file f = FILE_CLOSED;
	struct buf sig = {0};
	int rc;

	if (strlen(last) > MAX_NAME_LEN + 32 || strlen(path) > PATH_MAX_LEN)
		return err_set(e, R_NAME, "%s: not the name of a receipt", path);
	names_signature(last, pubkey_id(u->key), name);
	snprintf(beside, sizeof beside, "%.*s%s", (int)(last - path), path, name);
	rc = file_open(beside, &f, e);
	if (rc == 0)
		rc = file_read_all(&f, PUBKEY_MAX_SIGNATURE, &sig, e);
	if (rc == -1 && e->reason == ERR_MISSING) {
		e->reason = R_SIGNATURE_MISSING;
		err_hint(e, "copy the receipt's signature file beside it; it bears the name of the key, which --key gives");
	}
	if (rc == 0 && !pubkey_verify(u->key, bytes->data, bytes->len, sig.data, sig.len))
		rc = refuse(path, e);
	file_close(&f);
	buf_free(&sig);
	return rc;
}

/* Its signature stands at its end, which is cut off, or in a file beside it. */
static int check_signature(const struct audit *u, const char *path, struct buf *bytes, struct err *e)
{
	struct receipt_text text;
	struct err none = {0};

	if (receipt_text_split(bytes->data, bytes->len, &text, &none) == -1)
		return check_beside(u, path, bytes, e);
	bytes->len = text.len;
	return pubkey_verify(u->key, bytes->data, bytes->len, text.signature, text.signature_len) ? 0 : refuse(path, e);
}

static int load_receipt(struct audit *u, const char *store, const char *path, struct err *e)
{
	struct file f = FILE_CLOSED;
	struct receipt *r = NULL;
	struct buf bytes = {0};
	char when[32];
	int rc = file_open(path, &f, e);

	if (rc == 0)
		rc = file_read_all(&f, RECEIPT_TEXT_MAX, &bytes, e);
	if (rc == 0)
		rc = check_signature(u, path, &bytes, e);
	if (rc == 0 && (r = receipt_parse(bytes.data, bytes.len, e)) == NULL)
		rc = err_prefix(e, "%s", path);
	if (rc == 0 && strcmp(r->store, store) != 0)
		rc = err_set(e, R_RECEIPT_FOREIGN, "%s: a receipt of the store %s, and this is %s", path, r->store, store);
	if (rc == 0 && r->time - u->terms.now > MAX_CLOCK_AHEAD)
		report_note(&u->report, path, "it was made at %s, after the time it is judged as of", num_format_time(r->time, when));
	if (rc == 0)
		u->receipts[u->receipts_n++] = r;
	else
		receipt_free(r);
	file_close(&f);
	buf_free(&bytes);
	return rc;
}

static int by_line(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	return (x->history->length > y->history->length) - (x->history->length < y->history->length);
}

static int load_receipts(struct audit *u, struct err *e)
{
	size_t n = args_count(u->args, "receipt"), points = 0;
	struct store store;
	int rc = 0;

	if (n == 0)
		return 0;
	/* nothing here rests on its trust roots, and damage there is a reason to ask */
	if (store_open_unjudged(u->dir.name, &store, e) == -1)
		return -1;
	u->receipts = calloc(n, sizeof(struct receipt *));
	rc = u->receipts == NULL ? err_mem(e) : load_key(u, e);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = load_receipt(u, store.config.name, args_nth(u->args, "receipt", i), e);
	store_close(&store);
	for (size_t i = 0; i < u->receipts_n; i++)
		points += u->receipts[i]->history_n;
	u->points = calloc(points + 1, sizeof *u->points);
	if (rc == 0 && u->points == NULL)
		rc = err_mem(e);
	for (size_t i = 0; rc == 0 && i < u->receipts_n; i++)
		for (size_t k = 0; k < u->receipts[i]->history_n; k++)
			u->points[u->points_n++] = (struct point){u->receipts[i], &u->receipts[i]->history[k]};
	if (u->points_n > 0)
		qsort(u->points, u->points_n, sizeof *u->points, by_line);
	return rc;
}

/* ---- the journal ---- */

static void find_missing_line(struct audit *u, const struct point *p, const char *what)
{
	report_finding(&u->report, R_JOURNAL_HISTORY, u->name,
		       "receipt %llu witnessed line %llu as it was for receipt %llu, and %s; the journal was changed, or the store was "
		       "restored from a backup", (unsigned long long)p->receipt->counter, (unsigned long long)p->history->length,
		       (unsigned long long)p->history->counter, what);
}

static bool as_of(const struct audit *u)
{
	return u->terms.dated || u->terms.trust_max != 0;
}

/* Whether a line is of after the time, or tells of a newer root (a store's `root`, a station's `trust`) than is judged as of. */
static bool is_later(const struct audit *u, const json_t *o)
{
	const char *time = json_get_text(o, "time"), *event = json_get_text(o, "event");
	uint64_t version;
	int64_t at;

	if (u->terms.dated && (time == NULL || num_parse_time(time, strlen(time), &at) == -1 || at > u->terms.now))
		return true;
	return u->terms.trust_max != 0 && event != NULL && (strcmp(event, "root") == 0 || strcmp(event, "trust") == 0) &&
	       json_get_number(o, "version", &version) == 0 && version > u->terms.trust_max;
}

static int look(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	struct audit *u = arg;

	(void)e;
	u->past = u->past || (as_of(u) && is_later(u, o));
	if (!u->past) {
		u->then = n;
		u->then_head = *line;
	}
	for (; u->next < u->points_n && u->points[u->next].history->length <= n; u->next++)
		if (!digest_equal(&u->points[u->next].history->head, line))
			find_missing_line(u, &u->points[u->next], "it is another one now");
	return 0;
}

static int check(struct audit *u, struct err *e)
{
	struct err cause = {0};

	if (journal_read(&u->dir, u->name, look, u, &u->length, &u->head, &cause) == -1) {
		if (report_is_fatal(&cause))
			return err_set(e, cause.reason, "%s", cause.text);
		err_hint(&cause, "restore it from a backup");
		report_err(&u->report, u->name, &cause);
		return 0;
	}
	u->readable = true;
	for (; u->next < u->points_n; u->next++)
		find_missing_line(u, &u->points[u->next], "there are fewer lines");
	return 0;
}

static void say_result(const struct audit *u)
{
	char hex[DIGEST_HEX + 1];
	json_t *o;

	if (!u->readable)
		return;
	digest_hex(&u->head, hex);
	if (u->receipts_n == 0)
		say_line("%s: %s; %s, head %s", u->name, u->report.findings == 0 ? "unbroken" : "NOT GOOD",
			 num_of(u->length, "line"), hex);
	else
		say_line("%s: %s; %s, head %s; %s, %s witnessed", u->name,
			 u->report.findings == 0 ? "unbroken" : "NOT GOOD", num_of(u->length, "line"), hex,
			 num_of(u->receipts_n, "receipt"), num_of(u->points_n, "line"));
	o = json_object();
	json_put_text(o, "journal", u->name);
	json_put(o, "good", json_boolean(u->report.findings == 0));
	json_put_number(o, "length", u->length);
	json_put_text(o, "head", hex);
	json_put_number(o, "receipts", u->receipts_n);
	json_put_number(o, "findings", u->report.findings);
	if (as_of(u)) {
		digest_hex(&u->then_head, hex);
		say_line("%s: as of then: %s, head %s", u->name, num_of(u->then, "line"), hex);
		json_put_number(o, "then_length", u->then);
		json_put_text(o, "then_head", hex);
	}
	say_object(o);
}

/* A store's journal or a station's ledger: whichever lies there. */
static int find_journal(struct audit *u, const char *path, struct err *e)
{
	if (file_open_dir(path, &u->dir, e) == -1)
		return -1;
	if (faccessat(u->dir.fd, "store.yaml", F_OK, 0) == 0)
		u->name = "journal.jsonl";
	else if (faccessat(u->dir.fd, "station.yaml", F_OK, 0) == 0)
		u->name = "ledger.jsonl";
	else
		return err_set(e, ERR_CONFIG, "%s: neither a store nor a station", path);
	if (strcmp(u->name, "ledger.jsonl") == 0 && args_has(u->args, "receipt"))
		return err_set(e, ERR_USAGE, "--receipt goes with a store: a station's ledger is witnessed by none");
	return 0;
}

int audit_journal_run(const struct args *a, struct err *e)
{
	struct audit u = {.args = a, .dir = FILE_CLOSED, .report = REPORT_EMPTY};
	int rc = -1;

	if (args_expect(a, 1, 1, e) == -1 || terms_parse(a, &u.terms, e) == -1)
		return -1;
	if (args_has(a, "key") && !args_has(a, "receipt"))
		return err_set(e, ERR_USAGE, "--key goes with --receipt");
	if (find_journal(&u, args_at(a, 0), e) == 0 && load_receipts(&u, e) == 0 && check(&u, e) == 0) {
		say_result(&u);
		rc = report_exit(&u.report);
	}
	for (size_t i = 0; i < u.receipts_n; i++)
		receipt_free(u.receipts[i]);
	free(u.receipts);
	free(u.points);
	pubkey_free(u.key);
	file_close(&u.dir);
	return rc;
}
