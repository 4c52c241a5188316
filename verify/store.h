/*
 * A store, opened for reading: its configuration, its chain of trust roots, its objects. satchel-import writes what is read
 * here, satchel-verify audits it.
 *
 *     STORE/store.yaml
 *     STORE/trust/trust-N.yaml + signatures        first one pinned by store.yaml's digest
 *     STORE/keys/receipt.key receipt.pub
 *     STORE/objects/9f/HEX HEX.x HEX.1 HEX.x.1 …   HEX.lost (empty): set aside as damaged, still counted as received
 *     STORE/streams/NAME/a|b/tree/  a|b/state.yaml
 *     STORE/streams/NAME/current -> a|b
 *     STORE/streams/NAME/rollback.yaml            while a rollback is in force
 *     STORE/streams/NAME/scanned.yaml             what the scan hook said
 *     STORE/streams/NAME/bundles                  index of the bundles taken in
 *     STORE/streams/NAME/lists/EPOCH-REVISION/approvals.yaml, its signatures, `root` (version of the root that judged it)
 *     STORE/published/NAME -> ../streams/NAME/current/tree
 *     STORE/stage/ (0700)  STORE/journal.jsonl  STORE/lock
 *     STORE/stage/apply                           while a run changes something (import/run.h), and after one that was cut off
 */
#ifndef VERIFY_STORE_H
#define VERIFY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "manifests/trust.h"

struct buf;
struct err;

#define STORE_AT_WORK "stage/apply"

struct store_stream {
	char *stream;
	char **rings;
	size_t rings_n;
};
struct store_config {		/* store.yaml */
	char *name;
	struct store_pin { uint64_t version; struct digest sha256; } trust;
	struct store_stream *streams;
	size_t streams_n;
	bool has_policy;
	struct store_policy {	/* all optional in the file; defaults filled in by store_open */
		uint64_t ahead_days;	/* objects no list needs are kept so long: 90 */
		uint64_t keep_lists;	/* former lists kept for rollback: 10 */
		uint64_t stale_days;	/* unhealthy when nothing arrived for so long: 45 */
		uint64_t medium_timeout;	/* seconds without a byte after which a medium is given up: READER_SECONDS */
		bool require_sandbox;	/* nothing is read where the reader can't be caged */
		bool has_ahead_days, has_keep_lists, has_stale_days, has_medium_timeout;
	} policy;
	bool has_hooks;
	struct store_hooks {	/* each a program's absolute path and its arguments; empty: none */
		char **scan, **published, **refused, **waiting;
		size_t scan_n, published_n, refused_n, waiting_n;
		uint64_t seconds;	/* how long one may run: 600 */
		bool has_seconds;
	} hooks;
};
extern const struct schema store_config_schema;	/* type "store" */

struct store {
	struct file dir;
	uid_t owner;		/* of the directory */
	struct store_config config;
	struct trust_chain chain;
	bool as_of;		/* store_as_of cut the chain */
	struct arena arena;
};
/* Opens a store for reading: owner check (ERR_UNSAFE), store.yaml (ERR_CONFIG), trust chain verified from its pin
 * (R_TRUST_DAMAGED). *out is empty on error. */
int store_open(const char *path, struct store *out, struct err *e);
/* With store.yaml alone, whoever may write it: no owner, no roots. For what rests on neither. */
int store_open_unjudged(const char *path, struct store *out, struct err *e);
/* The owner check for what lies deeper, down to streams/NAME/a, for who works by it: what is in a tree `check` puts right, and an auditor
 * has findings of his own. */
int store_check_below(const struct store *s, struct err *e);
/* Whether something in it belongs to somebody who is neither its owner nor root: text says so. Links are nobody's: what they lead to
 * is in the hands of who may write their directory. */
#define STORE_STRANGER 96
bool store_stranger(const struct store *s, const struct stat *st, char text[STORE_STRANGER]);
/*
 * From here on the store is judged as of that version of its trust root: newer ones are taken off its chain, and a list that one
 * of them judged is judged by this one. 0: nothing changes. ERR_USAGE where the chain doesn't have it. For satchel-verify alone.
 */
int store_as_of(struct store *s, uint64_t version, struct err *e);
/* Its directory alone, unjudged; ERR_CONFIG where there is none. */
int store_open_dir(const char *path, struct file *out, struct err *e);
void store_close(struct store *s);
const struct store_stream *store_stream(const struct store *s, const char *name);	/* NULL: not followed */
/* The stream a person means: the one named (--stream), or with NULL the only one. NULL with ERR_USAGE. */
const char *store_choose(const struct store *s, const char *name, struct err *e);

/* The file `name` (its last component) of a document, for signatures_collect: arg is the directory (struct file *). */
int store_signature(void *arg, const char *name, struct buf *out, struct err *e);

/* contents_fetch over a store's objects: arg is the `struct store *`. */
int store_fetch(void *arg, const struct digest *d, uint64_t size, struct buf *out, struct err *e);

#endif
