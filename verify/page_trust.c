/*
 * What a store and a station have in common on a page (verify/page.h): roots and keys, and the journal with its last events.
 * The chain of both is checked while it is read.
 */
#include "verify/page.h"

#include <stdlib.h>
#include <string.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/num.h"
#include "lib/pubkey.h"
#include "manifests/journal.h"
#include "manifests/reason.h"
#include "manifests/trust.h"
#include "verify/report.h"
#include "verify/terms.h"

#include "lib/banned.h"

/* ---- trust ---- */

static void put_keys(struct page *p, const struct trust *root)
{
	char hex[DIGEST_HEX + 1];

	page_table(p, "role|threshold|key|algorithm|key id");
	for (int r = 0; r < ROLES; r++) {
		const struct trust_role *role = &root->roles.role[r];

		for (size_t i = 0; i < role->keys_n; i++) {
			const struct trust_key *key = trust_find(root, &role->keys[i]);

			page_row(p);
			page_cell(p, "%s", trust_role_name((enum role)r));
			page_cell(p, "%llu of %zu", (unsigned long long)role->threshold, role->keys_n);
			page_cell(p, "%s", key->name);
			page_cell(p, "%s", pubkey_algorithm_name(pubkey_algorithm(key->key)));
			page_cell(p, "%s", digest_hex(&role->keys[i], hex));
		}
	}
	page_table_end(p, root->keys_n);
}

void page_trust(struct page *p, const struct trust_chain *chain, int64_t now)
{
	const struct trust *newest = trust_chain_newest(chain);
	char from[32], to[32], hex[DIGEST_HEX + 1];

	page_heading(p, "Trust roots");
	page_table(p, "version|epoch|issued|expires|SHA-256");
	for (size_t i = 0; i < chain->n; i++) {
		const struct trust *root = chain->roots[i];

		page_row(p);
		page_cell(p, "%llu", (unsigned long long)root->version);
		page_cell(p, "%llu", (unsigned long long)root->epoch);
		page_cell(p, "%s", num_format_time(root->issued, from));
		page_cell(p, "%s", num_format_time(root->expires, to));
		page_cell(p, "%s", digest_hex(&root->digest, hex));
	}
	page_table_end(p, chain->n);
	page_line(p, "Site %s. Keys of root %llu:", newest->site, (unsigned long long)newest->version);
	put_keys(p, newest);
	if (newest->expires <= now)
		page_warn(p, "Root %llu expired at %s.", (unsigned long long)newest->version, num_format_time(newest->expires, to));
}

int page_compare_trust(struct page *p, const struct terms *t, const char *path, const struct trust_chain *chain, struct err *e)
{
	struct trust_chain ours = {0};
	const struct trust *mine, *its;

	if (path == NULL) {
		page_warn(p, "UNVERIFIED: no --trust was given. What follows is judged by the trust roots found here.");
		return 0;
	}
	if (terms_pin(t, path, &ours, e) == -1)
		return -1;
	mine = trust_chain_newest(&ours);
	its = trust_chain_at(chain, mine->version);
	if (its == NULL || !digest_equal(&its->digest, &mine->digest))
		page_fault(p, R_TRUST_CHAIN, "UNVERIFIED: root %llu, given with --trust, is not in the chain found here",
			   (unsigned long long)mine->version);
	else
		page_line(p, "Verified: root %llu, given with --trust, is in the chain found here.", (unsigned long long)mine->version);
	trust_chain_free(&ours);
	return 0;
}

/* ---- journals ---- */

#define LAST 25
#define MEMBERS 2000	/* bytes shown of one event: a decision may name 10,000 items */

struct last {			/* the newest events of a kind */
	json_t *events[LAST];
	size_t n;
};
struct history {
	struct last all, refused;
};

static void keep(struct last *l, const json_t *o)
{
	json_decref(l->events[l->n % LAST]);
	l->events[l->n++ % LAST] = json_incref((json_t *)(uintptr_t)o);
}

static int look(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e)
{
	const char *event = json_get_text(o, "event");
	struct history *h = arg;

	(void)n;
	(void)line;
	(void)e;
	keep(&h->all, o);
	if (event != NULL && (strcmp(event, "refused") == 0 || strcmp(event, "failed") == 0 || strcmp(event, "alarm") == 0))
		keep(&h->refused, o);
	return 0;
}

/* "bundle=updates-00000017 objects=812", of all that has no column of its own. */
static void put_members(struct page *p, const json_t *o)
{
	static const char *const columns[] = {"n", "time", "event", "prev"};
	struct buf text = {0};
	const char *key;
	json_t *value;
	size_t shown;

	json_object_foreach((json_t *)(uintptr_t)o, key, value) {
		bool has_column = false;
		char *words;

		for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
			has_column = has_column || strcmp(key, columns[i]) == 0;
		if (has_column)
			continue;
		words = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
		buf_printf(&text, "%s%s=%s", text.len > 0 ? " " : "", key,
			   json_is_string(value) ? json_string_value(value) : words != NULL ? words : "?");
		free(words);
	}
	if (text.failed)
		p->out.failed = true;
	for (shown = text.len < MEMBERS ? text.len : MEMBERS; shown < text.len && (text.data[shown] & 0xc0) == 0x80;)
		shown--;
	page_cell(p, "%.*s%s", (int)shown, text.data != NULL ? (const char *)text.data : "",
		  shown < text.len ? " ... cut here; 'log' has all of it" : "");
	buf_free(&text);
}

static void put_last(struct page *p, struct last *l)
{
	page_table(p, "line|time|event|what");
	for (size_t i = l->n > LAST ? l->n - LAST : 0; i < l->n; i++) {
		const json_t *o = l->events[i % LAST];
		const char *time = json_get_text(o, "time"), *event = json_get_text(o, "event");
		uint64_t n = 0;

		json_get_number(o, "n", &n);
		page_row(p);
		page_cell(p, "%llu", (unsigned long long)n);
		page_cell(p, "%s", time != NULL ? time : "?");
		page_cell(p, "%s", event != NULL ? event : "?");
		put_members(p, o);
	}
	page_table_end(p, l->n);
}

int page_journal(struct page *p, const struct file *dir, const char *name, struct err *e)
{
	struct history h = {0};
	struct err why = {0};
	struct digest head;
	uint64_t length = 0;
	char hex[DIGEST_HEX + 1];
	int rc = 0;

	page_heading(p, "History: %s", name);
	if (journal_read(dir, name, look, &h, &length, &head, &why) == 0)
		page_line(p, "Unbroken: %s, head %s.", num_of(length, "line"), digest_hex(&head, hex));
	else
		rc = page_fault_of(p, &why, e);
	page_line(p, "Refusals, failures and alarms: %zu%s.", h.refused.n, h.refused.n > LAST ? "; the last of them" : "");
	put_last(p, &h.refused);
	page_line(p, "The last events:");
	put_last(p, &h.all);
	for (size_t i = 0; i < LAST; i++) {
		json_decref(h.all.events[i]);
		json_decref(h.refused.events[i]);
	}
	return rc;
}
