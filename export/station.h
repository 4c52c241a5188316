/*
 * The station: the exporter's state on disk, opened once by each command.
 *
 *     STATION/station.yaml          written by init, edited by people (struct station_config, export/config.h)
 *     STATION/draft.yaml            export/draft.h
 *     STATION/lists/42.yaml         frozen lists with their signatures beside them (42.yaml.<id>.sig);
 *                                   in epoch E > 1: lists/E-42.yaml
 *     STATION/lists/42.yaml.abandoned   that list never counts, whatever signatures come: `sign --new`
 *     STATION/objects/9f/HEX        approved bytes (export/keep.h), 0444
 *     STATION/contents/9f/HEX       contents lists and parts of every revision seen, 0444
 *     STATION/bundles/17/           reservation.yaml, then manifest.yaml, its signatures, the indexes
 *     STATION/stage/                what is on its way into objects/ and contents/ (export/shelf.h)
 *     STATION/trust/ keys/ receipts/ ledger.jsonl cache lock
 */
#ifndef EXPORT_STATION_H
#define EXPORT_STATION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "export/config.h"
#include "lib/arena.h"
#include "lib/file.h"
#include "lib/sign.h"
#include "manifests/approvals.h"
#include "manifests/journal.h"
#include "manifests/trust.h"

struct args;
struct cache;
struct err;

enum station_access { STATION_READ, STATION_WRITE };	/* WRITE takes the lock and opens the ledger */

struct station_sums {	/* for keep_open, from any thread */
	pthread_mutex_t lock;
	struct cache *cache;	/* opened when first asked (export/cache.h) */
};
struct station {
	struct file dir;
	struct station_config config;
	struct trust_chain chain;	/* verified from the pin */
	int64_t now;		/* the one time sample: SOURCE_DATE_EPOCH, else the clock */
	struct journal *ledger;	/* STATION_WRITE only */
	struct file lock;
	struct station_sums *sums;
	struct arena arena;
};
/* The station named by -C or $SATCHEL_STATION (args; neither: ERR_USAGE). Owner check (ERR_UNSAFE), ERR_BUSY. */
int station_open(const struct args *a, enum station_access access, struct station *out, struct err *e);
void station_close(struct station *s);
/* The path that -C or $SATCHEL_STATION names, or NULL. */
const char *station_path(const struct args *a);
/* Tells the next step: "next: satchel-export -C STATION STEP", fit for a shell whatever the path. */
void station_next(const struct station *s, const char *step);
/* The time at the station: SOURCE_DATE_EPOCH, else the clock. */
int station_now(int64_t *now, struct err *e);
/* The local user's name for the ledger. */
const char *station_user(void);
/* The directory of a file that the user named, and its last component (part of path). */
int station_open_parent(const char *path, struct file *out, const char **last, struct err *e);
/* A document of the station's own that is not what it wrote: R_STATION_DAMAGED, and the next step. Out of memory stays that. Returns -1. */
int station_damaged(struct err *e, const char *next);
/* trust_chain_check_time, with what to do. */
int station_check_root(const struct station *s, struct err *e);
/* `get` of signatures_collect and trust_chain_extend: signature files in a directory; dir is a struct file *. */
int station_signature(void *dir, const char *name, struct buf *out, struct err *e);

/* "42.yaml", in epoch E > 1 "E-42.yaml". */
#define STATION_LIST_NAME 48
char *station_list_name(uint64_t epoch, uint64_t revision, char out[STATION_LIST_NAME]);
/* All frozen lists, newest first; free *list. */
struct station_list_id {
	uint64_t epoch, revision;
};
int station_list_ids(const struct station *s, struct station_list_id **list, size_t *n, struct err *e);
/*
 * `sign --new` gave up a list that waited for signatures: its number stays used, and it is neither newest nor effective from
 * then on, though all the signatures came after all, or a root asked for fewer. Durable when it returns.
 */
int station_list_abandon(const struct station *s, struct station_list_id id, struct err *e);
/* Whether that was done: 1, 0, -1. */
int station_list_abandoned(const struct station *s, struct station_list_id id, struct err *e);
/* The same of a document in any directory, by the marker beside it; and by a list's digest, wherever the document lies. */
int station_list_abandoned_at(const struct file *dir, const char *name, struct err *e);
int station_list_abandoned_copy(const struct station *s, const struct approvals *a, struct err *e);
/* Frozen lists. Newest frozen, not abandoned: 0; 1 where there is none. signatures (or NULL): what lies beside it. */
int station_list_newest_id(const struct station *s, struct station_list_id *out, struct err *e);
int station_list_newest(const struct station *s, struct approvals **out, struct signatures *sigs, struct err *e);
/* Newest frozen list, not abandoned, whose signatures reach the approver threshold of the newest root; 1: there is none. */
int station_list_effective(const struct station *s, struct approvals **out, struct signatures *sigs, struct err *e);
int station_list_load(const struct station *s, uint64_t epoch, uint64_t revision, struct approvals **out,
		      struct signatures *sigs, struct err *e);

/*
 * Keys of a role for signing: those named by --key (several), else the one in STATION/keys/ that the newest root has in
 * the role (ERR_USAGE where there are several: --key says which). R_KEY_ROLE for a named key that is not in the role.
 * *keys is an array of *n; free with station_keys_free.
 */
int station_keys(const struct station *s, const struct args *a, enum role r, struct seckey ***keys, size_t *n, struct err *e);
void station_keys_free(struct seckey **keys, size_t n);
/* Signs a document's bytes and puts the signature beside it, atomically: NAME.<id>.sig in dir. */
int station_keys_sign(const struct file *dir, const char *name, const void *data, size_t len, const struct seckey *k,
		      struct err *e);

/* The passphrase for keys as the command line has it: --passphrase-file, else the terminal. */
struct passphrase station_passphrase(const struct args *a);

/* contents_fetch over STATION/contents: arg is the struct station *. */
int station_fetch(void *arg, const struct digest *d, uint64_t size, struct buf *out, struct err *e);

#endif
