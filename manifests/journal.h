/*
 * A hash-chained log: one JSON object per line, `n` counting from 1, `time`, `event`, the members of that event, and
 * last `prev`, the SHA-256 of the line before (without its LF; 64 zeros in the first). The store's journal.jsonl and
 * the station's ledger.jsonl. FORMAT.md section 10.
 */
#ifndef MANIFESTS_JOURNAL_H
#define MANIFESTS_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/digest.h"
#include "lib/json.h"

struct err;
struct file;
struct journal;

/*
 * Opens (or, with create, makes) the log beneath dir for appending, finding its last line. A last line without LF is
 * an append that was interrupted: it is cut off, and *cut (or NULL) says so. The caller holds the lock.
 */
struct journal *journal_open(const struct file *dir, const char *name, bool create, bool *cut, struct err *e);
/* Appends an event and syncs. Takes `members` (an object, or NULL) over. now: its time. */
int journal_append(struct journal *j, int64_t now, const char *event, json_t *members, struct err *e);
/* The same of one event among many: written and synced with others, in blocks of 64 KiB, by the next append at the latest. A command that
 * fails before it leaves them to journal_close, which can't say whether that went well. */
int journal_note(struct journal *j, int64_t now, const char *event, json_t *members, struct err *e);
/* Number of lines, and digest of the last one (zeros when empty). */
uint64_t journal_length(const struct journal *j);
const struct digest *journal_head(const struct journal *j);
void journal_close(struct journal *j);

/*
 * Reads a log from its start, checking every link, calling each (or NULL) for every line. R_JOURNAL names the line.
 * length and head (or NULL) of what was read. Memory does not grow with the log.
 */
int journal_read(const struct file *dir, const char *name,
		 int (*each)(void *arg, uint64_t n, const struct digest *line, const json_t *o, struct err *e), void *arg,
		 uint64_t *length, struct digest *head, struct err *e);

#endif
