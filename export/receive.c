/*
 * receive: finds receipts and signatures in files, on media and in directories, and hands each to its judge. Of the
 * receipts of a store the one with the highest number counts; a file that is no good never keeps a good one from being
 * found: of signature files those are tried first that are named for a document here, and of each key so many.
 * Refuses media on which the station lies, and to say 0 where anything was refused, and where there was nothing.
 */
#include "export/receive.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "export/medium.h"
#include "export/nextroot.h"
#include "export/station.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/listing.h"
#include "lib/say.h"
#include "manifests/manifest.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

#define MAX_NAMES 65536		/* of a directory: a medium with more is no accident */
#define SIGNATURE_TAIL (1 + NAMES_PREFIX + 4)

struct receive {
	struct station *s;
	struct receive_count *count;
};
struct candidate {
	char *name;		/* of the document */
	char store[MAX_NAME_LEN + 1];
	uint64_t counter;
};
struct claim {			/* a signature file */
	char *name;
	const char *key;	/* in it: how the key id begins */
	enum receive_promise promise;
	bool tried;
};
struct candidates {
	struct candidate *list;
	size_t n, room;
	struct claim *claims;
	size_t claims_n, claims_room;
};

/* ---- names ---- */

static bool ends(const char *name, const char *ending)
{
	size_t len = strlen(name), tail = strlen(ending);

	return len > tail && strcmp(name + len - tail, ending) == 0;
}

/* STORE-NUMBER.yaml */
static bool is_receipt(const char *name, char store[MAX_NAME_LEN + 1], uint64_t *counter)
{
	char stem[NAMES_BUNDLE_LEN];
	size_t len = strlen(name);

	if (!ends(name, ".yaml") || len - strlen(".yaml") >= sizeof stem)
		return false;
	memcpy(stem, name, len - strlen(".yaml"));
	stem[len - strlen(".yaml")] = '\0';
	return names_bundle_parse(stem, store, counter) == 0;
}

/* DOCUMENT.<32 hex>.sig, of anything but a receipt: those are read with it. */
static bool is_signature(const char *name)
{
	char document[NAMES_SIGNATURE_LEN], store[MAX_NAME_LEN + 1];
	size_t len = strlen(name);
	uint64_t counter;

	if (!ends(name, ".sig") || len <= SIGNATURE_TAIL || len >= sizeof document || name[len - SIGNATURE_TAIL] != '.' ||
	    strspn(name + len - SIGNATURE_TAIL + 1, "0123456789abcdef") != NAMES_PREFIX)
		return false;
	memcpy(document, name, len - SIGNATURE_TAIL);
	document[len - SIGNATURE_TAIL] = '\0';
	return !is_receipt(document, store, &counter);
}

static int add_signature(struct candidates *c, const char *name, struct err *e)
{
	struct claim *x;

	if (c->claims_n == c->claims_room) {
		size_t room = c->claims_room == 0 ? 64 : 2 * c->claims_room;
		struct claim *more = reallocarray(c->claims, room, sizeof *more);

		if (more == NULL)
			return err_mem(e);
		c->claims = more;
		c->claims_room = room;
	}
	x = &c->claims[c->claims_n++];
	*x = (struct claim){.name = strdup(name)};
	if (x->name == NULL)
		return err_mem(e);
	x->key = x->name + strlen(name) - SIGNATURE_TAIL + 1;
	return 0;
}

static int add(struct candidates *c, const char *name, struct err *e)
{
	struct candidate x = {.name = NULL};

	if (is_signature(name))
		return add_signature(c, name, e);
	if (!is_receipt(name, x.store, &x.counter))
		return 0;
	if (c->n == c->room) {
		size_t room = c->room == 0 ? 64 : 2 * c->room;
		struct candidate *more = reallocarray(c->list, room, sizeof *more);

		if (more == NULL)
			return err_mem(e);
		c->list = more;
		c->room = room;
	}
	x.name = strdup(name);
	c->list[c->n++] = x;
	return x.name == NULL ? err_mem(e) : 0;
}

static void free_candidates(struct candidates *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->list[i].name);
	for (size_t i = 0; i < c->claims_n; i++)
		free(c->claims[i].name);
	free(c->list);
	free(c->claims);
}

static int list(const struct file *dir, struct candidates *c, struct err *e)
{
	struct listing l;
	const char *name;
	int rc = listing_open(dir, &l, e);

	while (rc == 0 && (rc = listing_next(&l, &name, e)) == 1) {
		if (c->n + c->claims_n == MAX_NAMES)
			rc = err_set(e, R_MEDIUM_READ, "%s: more than %d receipts and signatures", dir->name, MAX_NAMES);
		else
			rc = add(c, name, e);
	}
	listing_close(&l);
	return rc;
}

/* By store, the highest number first. */
static int by_number(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int c = strcmp(x->store, y->store);

	return c != 0 ? c : (x->counter < y->counter) - (x->counter > y->counter);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct claim *)a)->name, ((const struct claim *)b)->name);
}

/* By key, of each those first that are named for a document of ours. */
static int by_promise(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int c = strncmp(x->key, y->key, NAMES_PREFIX);

	if (c != 0)
		return c;
	return x->promise != y->promise ? (x->promise < y->promise) - (x->promise > y->promise) : by_name(a, b);
}

/* ---- taking ---- */

void receive_counted(struct receive_count *count, enum receive_outcome out)
{
	if (out == RECEIVE_TAKEN || out == RECEIVE_KNOWN)
		count->good++;
	else
		count->refused++;
	if (out == RECEIVE_OLDER)
		count->older++;
}

/* Of each store the first that is good, or settles it. */
static int take_receipts(struct receive *r, const struct file *dir, const struct candidates *c, struct err *e)
{
	for (size_t i = 0; i < c->n;) {
		const char *store = c->list[i].store;
		bool settled = false;
		size_t older = 0;

		for (; i < c->n && strcmp(c->list[i].store, store) == 0; i++) {
			enum receive_outcome out;

			if (settled) {
				older++;
				continue;
			}
			if (receive_receipt(r->s, dir, c->list[i].name, &out, e) == -1)
				return -1;
			receive_counted(r->count, out);
			settled = out != RECEIVE_REFUSED;
		}
		if (older > 0)
			say_note("%s: %zu other receipts of %s passed over", dir->name, older, store);
	}
	return 0;
}

/* Some that are not tried, told as one. */
static void refuse(struct receive_count *count, const struct file *dir, const char *first, size_t n, int reason, const char *why)
{
	struct err e = {0};

	if (n == 0)
		return;
	if (n == 1)
		err_set(&e, reason, "%s/%s: %s", dir->name, first, why);
	else
		err_set(&e, reason, "%s/%s and %zu others: %s", dir->name, first, n - 1, why);
	say_error(&e);
	count->refused += n;
}

void receive_untried(struct receive_count *count, const struct file *dir, const char *first, size_t n)
{
	refuse(count, dir, first, n, R_SIGNATURE_THRESHOLD,
	       "not tried, since so many others bear the same key; name the file itself");
}

/* Of n that bear the same key: the first are tried. Returns how many. */
static size_t choose_of_key(struct receive *r, const struct file *dir, struct claim *list, size_t n)
{
	size_t tried = list->promise == RECEIVE_STRANGE ? 0 : n < RECEIVE_TRIED ? n : RECEIVE_TRIED;

	for (size_t i = 0; i < tried; i++)
		list[i].tried = true;
	if (tried > 0 && tried < n)
		receive_untried(r->count, dir, list[tried].name, n - tried);
	return tried;
}

/* Of each key that is known RECEIVE_TRIED; they are left in order of their names. */
static void choose(struct receive *r, const struct file *dir, const struct nextroot *draft, struct candidates *c)
{
	const char *strange = NULL;
	size_t strangers = 0;
	char why[128];

	for (size_t i = 0; i < c->claims_n; i++)
		c->claims[i].promise = receive_signature_promises(r->s, draft, c->claims[i].name);
	qsort(c->claims, c->claims_n, sizeof *c->claims, by_promise);
	for (size_t i = 0, n; i < c->claims_n; i += n) {
		struct claim *x = &c->claims[i];

		for (n = 1; i + n < c->claims_n && strncmp(x->key, x[n].key, NAMES_PREFIX) == 0; n++)
			;
		if (choose_of_key(r, dir, x, n) > 0)
			continue;
		strange = strange == NULL || strcmp(x->name, strange) < 0 ? x->name : strange;
		strangers += n;
	}
	snprintf(why, sizeof why, "by %s that trust root %" PRIu64 " does not name", strangers > 1 ? "keys" : "a key",
		 trust_chain_newest(&r->s->chain)->version);
	refuse(r->count, dir, strange, strangers, R_KEY_ROLE, why);
	qsort(c->claims, c->claims_n, sizeof *c->claims, by_name);
}

static int take_signatures(struct receive *r, const struct file *dir, struct candidates *c, struct err *e)
{
	struct nextroot draft;
	int rc = c->claims_n == 0 ? 1 : nextroot_load(r->s, &draft, e);

	if (rc != 0)
		return rc == 1 ? 0 : -1;
	choose(r, dir, &draft, c);
	nextroot_free(&draft);
	for (size_t i = 0; rc == 0 && i < c->claims_n; i++) {
		enum receive_outcome out;

		if (!c->claims[i].tried)
			continue;
		rc = receive_signature(r->s, dir, c->claims[i].name, &out, e);
		if (rc == 0)
			receive_counted(r->count, out);
	}
	return rc;
}

static int take_dir(struct receive *r, const struct file *dir, struct err *e)
{
	struct candidates c = {0};
	int rc = list(dir, &c, e);

	if (c.n > 0)
		qsort(c.list, c.n, sizeof *c.list, by_number);
	if (rc == 0)
		rc = take_receipts(r, dir, &c, e);
	if (rc == 0)
		rc = take_signatures(r, dir, &c, e);
	free_candidates(&c);
	return rc;
}

/* The directory itself, and what a medium has in satchel/receipts and beside the manifests of bundles. */
static int take_medium(struct receive *r, const char *path, struct err *e)
{
	struct file dir = FILE_CLOSED, receipts = FILE_CLOSED;
	struct err why = {0};
	int rc = file_open_dir(path, &dir, e);

	if (rc == 0)
		rc = medium_check_place(&dir, &r->s->dir, e);
	if (rc == 0)
		rc = take_dir(r, &dir, e);
	if (rc == 0 && file_open_dir_at(&dir, NAMES_MEDIUM_DIR "/" NAMES_RECEIPTS, &receipts, &why) == 0) {
		rc = take_dir(r, &receipts, e);
	} else if (rc == 0 && why.reason != ERR_MISSING) {
		*e = why;
		rc = -1;
	}
	if (rc == 0)
		rc = receive_added(r->s, &dir, r->count, e);
	file_close(&receipts);
	file_close(&dir);
	return rc;
}

static int take_file(struct receive *r, const char *path, struct err *e)
{
	struct file dir = FILE_CLOSED, f = FILE_CLOSED;
	char store[MAX_NAME_LEN + 1];
	enum receive_outcome out = RECEIVE_REFUSED;
	const char *name;
	uint64_t counter;
	int rc = station_open_parent(path, &dir, &name, e);

	if (rc == 0 && is_receipt(name, store, &counter))
		rc = receive_receipt(r->s, &dir, name, &out, e);
	else if (rc == 0 && is_signature(name))
		rc = receive_signature(r->s, &dir, name, &out, e);
	else if (rc == 0 && (rc = file_open(path, &f, e)) == 0)
		rc = receive_text(r->s, &f, &out, e);
	if (rc == 0)
		receive_counted(r->count, out);
	file_close(&f);
	file_close(&dir);
	return rc;
}

int receive_path(struct station *s, const char *path, struct receive_count *count, struct err *e)
{
	struct receive r = {s, count};
	struct stat st;

	if (stat(path, &st) == -1)
		return err_sys(e, "%s", path);
	return S_ISDIR(st.st_mode) ? take_medium(&r, path, e) : take_file(&r, path, e);
}

static int receive(struct station *s, const struct args *a, struct err *e)
{
	struct receive_count all = {0};

	for (size_t i = 0; i < args_len(a); i++) {
		struct receive_count one = {0};

		if (receive_path(s, args_at(a, i), &one, e) == -1)
			return -1;
		if (one.good + one.refused == 0)
			return err_set(e, R_NO_RECEIPT, "%s: no receipt and no signature there", args_at(a, i));
		all.refused += one.refused;
	}
	return all.refused > 0;
}

int receive_run(const struct args *a, struct err *e)
{
	struct station s;
	int rc;

	if (args_expect(a, 1, SIZE_MAX, e) == -1 || station_open(a, STATION_WRITE, &s, e) == -1)
		return -1;
	rc = receive(&s, a, e);
	station_close(&s);
	return rc;
}
