/*
 * FREEZE, between DECIDE and SELECT: the draft's decisions become lists/N.yaml, and approvers sign it. Refuses to freeze
 * what no importer would admit, and to renew while a list waits for signatures.
 *
 * Order on disk: keys are loaded first, so that a mistyped passphrase leaves nothing behind; then ledger, list, ledger,
 * signature. A list without signatures is what the next `sign` goes on with. What --new abandons is abandoned before the new
 * list is there: cut off in between, the station is one whose newest list is the one before, and a number is left out.
 */
#include "export/freeze.h"

#include <stdlib.h>
#include <string.h>

#include "export/draft.h"
#include "export/floor.h"
#include "export/ledger.h"
#include "export/station.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/outfile.h"
#include "lib/say.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define DAY 86400ll
#define LAST_SECOND 253402300799	/* 9999-12-31T23:59:59Z */

const struct option_def freeze_options[] = {
	{"key", 0, "FILE", "sign with this key (default: the station's own)", true},
	{"passphrase-file", 0, "FILE", "the first line of FILE opens the key (default: ask)", false},
	{0},
};

struct freeze {
	struct station s;
	struct seckey **keys;
	size_t keys_n;
	struct approvals *list;		/* the newest frozen one, or NULL; then the one to be signed */
	struct signatures sigs;		/* beside it */
	struct draft *draft;
};

static const struct trust *root(const struct freeze *f)
{
	return trust_chain_newest(&f->s.chain);
}

static size_t count_signers(const struct freeze *f)
{
	return trust_count(root(f), ROLE_APPROVER, f->list->bytes.data, f->list->bytes.len, &f->sigs, NULL);
}

/* The newest list needs signatures still, and could enter a store once it has them. */
static bool waits(const struct freeze *f)
{
	return f->list != NULL && f->list->epoch == root(f)->epoch &&
	       count_signers(f) < root(f)->roles.role[ROLE_APPROVER].threshold;
}

/* ---- what changed ---- */

bool freeze_same_entry(const struct approval *x, const struct approval *y)
{
	struct buf a = {0}, b = {0};
	bool same;

	schema_encode_record(&approval_schema, x, &a);
	schema_encode_record(&approval_schema, y, &b);
	same = !a.failed && !b.failed && a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
	buf_free(&b);
	buf_free(&a);
	return same;
}

static bool same_revocation(const struct revocation *a, const struct revocation *b)
{
	return strcmp(a->item, b->item) == 0 && a->revision == b->revision && digest_equal(&a->contents, &b->contents) &&
	       strcmp(a->note != NULL ? a->note : "", b->note != NULL ? b->note : "") == 0;
}

bool freeze_changed(const struct draft *d, const struct approvals *l)
{
	if (l == NULL)
		return d->decisions_n > 0 || d->revoked_n > 0;
	if (l->items_n != d->decisions_n || l->revoked_n != d->revoked_n)
		return true;
	for (size_t i = 0; i < l->items_n; i++)
		if (!freeze_same_entry(&l->items[i], &d->decisions[i]))
			return true;
	for (size_t i = 0; i < l->revoked_n; i++)
		if (!same_revocation(&l->revoked[i], &d->revoked[i]))
			return true;
	return false;
}

static bool changed(const struct freeze *f)
{
	return freeze_changed(f->draft, f->list) || (f->list != NULL && f->list->epoch != root(f)->epoch);
}

/* ---- freezing ---- */

uint64_t freeze_since(const struct approvals *l, const struct revocation *r)
{
	for (size_t i = 0; l != NULL && i < l->revoked_n; i++)
		if (strcmp(l->revoked[i].item, r->item) == 0 && l->revoked[i].revision == r->revision &&
		    digest_equal(&l->revoked[i].contents, &r->contents))
			return l->revoked[i].since;
	return 0;
}

/* Encodes, records and writes the list; it takes the place of f->list. */
static int write_list(struct freeze *f, const struct approvals *next, struct err *e)
{
	struct buf b = {0};
	struct approvals *parsed = NULL;
	char name[STATION_LIST_NAME], path[STATION_LIST_NAME + 8];
	json_t *o = json_object();
	int rc = -1;

	/* parsed again, so that nothing is signed that our own reader refuses */
	if (approvals_encode(next, &b, e) == -1 || (parsed = approvals_take(&b, e)) == NULL) {
		json_decref(o);
		goto out;
	}
	ledger_put_list(o, parsed->epoch, parsed->revision, &parsed->digest);
	snprintf(path, sizeof path, "lists/%s", station_list_name(parsed->epoch, parsed->revision, name));
	if (ledger_append(&f->s, "freeze", o, e) == -1 ||
	    outfile_put(&f->s.dir, path, 0644, parsed->bytes.data, parsed->bytes.len, e) == -1)
		goto out;
	approvals_free(f->list);
	f->list = parsed;
	parsed = NULL;
	signatures_free(&f->sigs);
	rc = 0;
out:
	approvals_free(parsed);
	buf_free(&b);
	return rc;
}

/* Past numbers of abandoned lists, and those used before the station was restored from a backup. */
static int skip_used(const struct freeze *f, struct approvals *next, struct err *e)
{
	struct station_list_id *ids;
	struct floor floor;
	size_t n;
	int rc = station_list_ids(&f->s, &ids, &n, e);

	if (rc == 0 && n > 0 && ids[0].epoch == next->epoch && ids[0].revision >= next->revision)
		next->revision = ids[0].revision + 1;
	free(ids);
	if (rc == -1 || floor_load(&f->s, &floor, e) == -1)
		return -1;
	if (floor.epoch == next->epoch && floor.revision >= next->revision)
		next->revision = floor.revision + 1;
	return 0;
}

/* A new list of these decisions. */
static int freeze(struct freeze *f, struct approval *items, size_t items_n, const struct revocation *revoked,
		  size_t revoked_n, struct err *e)
{
	const struct approvals *before = f->list != NULL && f->list->epoch == root(f)->epoch ? f->list : NULL;
	struct approvals next = {
		.stream = f->s.config.stream, .epoch = root(f)->epoch, .revision = before == NULL ? 1 : before->revision + 1,
		.issued = f->s.now, .expires = f->s.now + (int64_t)f->s.config.policy.expires_days * DAY, .items = items,
		.items_n = items_n, .revoked_n = revoked_n,
	};
	int rc;

	if (skip_used(f, &next, e) == -1)
		return -1;
	if (next.expires > LAST_SECOND)
		next.expires = LAST_SECOND;
	next.revoked = calloc(revoked_n + 1, sizeof *next.revoked);
	if (next.revoked == NULL)
		return err_mem(e);
	for (size_t i = 0; i < revoked_n; i++) {
		next.revoked[i] = revoked[i];
		next.revoked[i].since = freeze_since(before, &revoked[i]);
		if (next.revoked[i].since == 0)
			next.revoked[i].since = next.revision;
	}
	rc = write_list(f, &next, e);
	free(next.revoked);
	return rc;
}

/* ---- abandoning ---- */

static int abandon_one(struct freeze *f, struct station_list_id id, struct err *e)
{
	struct approvals *list = NULL;
	json_t *o;
	int rc = station_list_abandoned(&f->s, id, e);

	if (rc != 0)
		return rc == -1 ? -1 : 0;
	if (station_list_load(&f->s, id.epoch, id.revision, &list, NULL, e) == -1)
		return -1;
	o = json_object();
	ledger_put_list(o, id.epoch, id.revision, &list->digest);
	rc = ledger_append(&f->s, "abandon", o, e) == -1 ? -1 : station_list_abandon(&f->s, id, e);
	if (rc == 0)
		say_note("list %llu is abandoned: signatures of it that still arrive are not taken", (unsigned long long)id.revision);
	approvals_free(list);
	return rc;
}

/* Every list that waits: the oldest first, so that, cut off, none that was abandoned before is the newest that waits. */
static int abandon(struct freeze *f, struct err *e)
{
	struct station_list_id *ids;
	struct approvals *effective = NULL;
	size_t n;
	int rc = station_list_ids(&f->s, &ids, &n, e);

	if (rc == 0 && station_list_effective(&f->s, &effective, NULL, e) == -1)
		rc = -1;
	for (size_t i = n; rc == 0 && i-- > 0;)
		if (ids[i].epoch == root(f)->epoch &&
		    (effective == NULL || effective->epoch < ids[i].epoch || effective->revision < ids[i].revision))
			rc = abandon_one(f, ids[i], e);
	approvals_free(effective);
	free(ids);
	return rc;
}

/* ---- signing ---- */

static bool has_signed(const struct freeze *f, const struct seckey *k)
{
	const struct pubkey *public = sign_public(k);

	for (size_t i = 0; i < f->sigs.n; i++)
		if (digest_equal(&f->sigs.list[i].key, pubkey_id(public)) &&
		    pubkey_verify(public, f->list->bytes.data, f->list->bytes.len, f->sigs.list[i].bytes, f->sigs.list[i].len))
			return true;
	return false;
}

static int record(struct freeze *f, const struct trust_key *k, struct err *e)
{
	json_t *o = json_object();

	json_put_text(o, "document", "approvals");
	ledger_put_list(o, f->list->epoch, f->list->revision, &f->list->digest);
	ledger_put_key(o, &k->id);
	json_put_text(o, "key_name", k->name);
	return ledger_append(&f->s, "sign", o, e);
}

/* A good signature is written again: the run that wrote it may have been killed before its name was durable. */
static int sign_one(struct freeze *f, const struct file *dir, const char *name, const struct seckey *k, struct err *e)
{
	const struct trust_key *known = trust_find(root(f), pubkey_id(sign_public(k)));
	bool again = has_signed(f, k);

	if (!again && record(f, known, e) == -1)
		return -1;
	if (station_keys_sign(dir, name, f->list->bytes.data, f->list->bytes.len, k, e) == -1)
		return -1;
	if (again)
		say_note("list %llu is signed with key \"%s\" already", (unsigned long long)f->list->revision, known->name);
	return 0;
}

static void report(const struct freeze *f)
{
	uint64_t signers = count_signers(f), threshold = root(f)->roles.role[ROLE_APPROVER].threshold;
	char hex[DIGEST_HEX + 1], time[32], name[STATION_LIST_NAME];
	json_t *o = json_object();

	json_put_number(o, "list", f->list->revision);
	json_put_number(o, "epoch", f->list->epoch);
	json_put_text(o, "sha256", digest_hex(&f->list->digest, hex));
	json_put_number(o, "entries", f->list->items_n);
	json_put_number(o, "revoked", f->list->revoked_n);
	json_put_text(o, "expires", num_format_time(f->list->expires, time));
	json_put_number(o, "signatures", signers);
	json_put_number(o, "threshold", threshold);
	say_object(o);
	say_line("list %llu: %s, %zu revoked, expires %s, %llu of %s", (unsigned long long)f->list->revision,
		 num_of(f->list->items_n, "entry"), f->list->revoked_n, time, (unsigned long long)signers, num_of(threshold, "signature"));
	if (signers >= threshold)
		station_next(&f->s, "pack MEDIUM");
	else
		say_note("it waits for signatures: 'sign --key FILE' here, or 'sign %s --key FILE' where the file is carried to",
			 station_list_name(f->list->epoch, f->list->revision, name));
}

static int sign_all(struct freeze *f, struct err *e)
{
	struct file dir = FILE_CLOSED;
	char name[STATION_LIST_NAME];
	int rc = file_open_dir_at(&f->s.dir, "lists", &dir, e);

	station_list_name(f->list->epoch, f->list->revision, name);
	for (size_t i = 0; i < f->keys_n && rc == 0; i++)
		rc = sign_one(f, &dir, name, f->keys[i], e);
	signatures_free(&f->sigs);
	if (rc == 0)
		rc = signatures_collect(&f->sigs, root(f), ROLE_APPROVER, name, station_signature, &dir, e);
	file_close(&dir);
	if (rc == 0)
		report(f);
	return rc;
}

/* ---- the commands ---- */

static int load(struct freeze *f, const struct args *a, struct err *e)
{
	if (args_expect(a, 0, 0, e) == -1)
		return -1;
	if (station_check_root(&f->s, e) == -1 || station_list_newest(&f->s, &f->list, &f->sigs, e) == -1)
		return -1;
	f->draft = draft_load(&f->s, e);
	return f->draft == NULL ? -1 : 0;
}

/* Nobody signs what no store would take, nor what isn't the list that was frozen. */
static int judge_waiting(const struct freeze *f, struct err *e)
{
	char name[STATION_LIST_NAME];
	int rc = approvals_check_time(f->list, f->s.now, e) == -1 ? -1 : ledger_froze(&f->s, f->list, e);

	if (rc == 0) {
		err_set(e, R_STATION_DAMAGED, "lists/%s: is not what was frozen, by the ledger's digest",
			station_list_name(f->list->epoch, f->list->revision, name));
		return err_hint(e, "'sign --new' gives it up and freezes the decisions again; where it was packed, move it away, and "
				   "`satchel-export recover MEDIUM` takes it from there");
	}
	if (rc == -1 && (e->reason == R_EXPIRED || e->reason == R_CLOCK))
		err_hint(e, "'sign --new' freezes the decisions again");
	return rc == 1 ? 0 : -1;
}

static int sign(struct freeze *f, const struct args *a, struct err *e)
{
	bool pending, fresh = args_has(a, "new");

	if (load(f, a, e) == -1)
		return -1;
	pending = waits(f);
	if (pending && !fresh && judge_waiting(f, e) == -1)
		return -1;
	if (f->list == NULL && f->draft->decisions_n == 0 && f->draft->revoked_n == 0) {
		err_set(e, R_NOT_APPROVED, "nothing is approved yet");
		return err_hint(e, "'approve ITEM... --ring RING' comes first");
	}
	if (!pending && !changed(f)) {
		say_note("nothing changed since list %llu; 'renew' gives the same decisions a new expiry",
			 (unsigned long long)f->list->revision);
		return 0;
	}
	if (station_keys(&f->s, a, ROLE_APPROVER, &f->keys, &f->keys_n, e) == -1)
		return -1;
	if (pending && fresh && abandon(f, e) == -1)
		return -1;
	if ((!pending || fresh) && freeze(f, f->draft->decisions, f->draft->decisions_n, f->draft->revoked,
					  f->draft->revoked_n, e) == -1)
		return -1;
	if (pending && !fresh && changed(f))
		say_note("list %llu, which waited for signatures, is signed; later decisions wait for the next list",
			 (unsigned long long)f->list->revision);
	return sign_all(f, e);
}

static int renew(struct freeze *f, const struct args *a, struct err *e)
{
	struct approvals *old;
	int rc;

	if (load(f, a, e) == -1)
		return -1;
	if (f->list == NULL) {
		err_set(e, R_NOT_APPROVED, "there is no list to renew");
		return err_hint(e, "'approve' and 'sign' make the first one");
	}
	if (waits(f)) {
		err_set(e, R_SIGNATURE_THRESHOLD, "list %llu waits for signatures", (unsigned long long)f->list->revision);
		return err_hint(e, "'sign' it first, or abandon it by 'sign --new'");
	}
	if (station_keys(&f->s, a, ROLE_APPROVER, &f->keys, &f->keys_n, e) == -1)
		return -1;
	if (changed(f))
		say_note("decisions made since list %llu are not in the renewed one; 'sign' freezes them",
			 (unsigned long long)f->list->revision);
	/* freeze replaces f->list, whose entries it encodes */
	old = f->list;
	f->list = approvals_parse(old->bytes.data, old->bytes.len, e);
	rc = f->list == NULL ? -1 : freeze(f, old->items, old->items_n, old->revoked, old->revoked_n, e);
	approvals_free(old);
	return rc == -1 ? -1 : sign_all(f, e);
}

static int run(const struct args *a, int (*act)(struct freeze *f, const struct args *a, struct err *e), struct err *e)
{
	struct freeze f = {.keys = NULL};
	int rc;

	if (station_open(a, STATION_WRITE, &f.s, e) == -1)
		return -1;
	rc = act(&f, a, e);
	station_keys_free(f.keys, f.keys_n);
	signatures_free(&f.sigs);
	approvals_free(f.list);
	draft_free(f.draft);
	station_close(&f.s);
	return rc;
}

int freeze_sign(const struct args *a, struct err *e)
{
	return run(a, sign, e);
}

int freeze_renew(const struct args *a, struct err *e)
{
	return run(a, renew, e);
}
