/*
 * The draft's decisions laid out by revision, while a command moves them about: which rings have which revision.
 */
#ifndef EXPORT_BOARD_H
#define EXPORT_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export/draft.h"
#include "export/station.h"
#include "lib/options.h"
#include "manifests/limits.h"

struct err;

struct board_row {	/* beside each row of the draft */
	uint64_t rings, before;	/* bits of board.rings: now, and when the board was opened */
	uint64_t declined;	/* those it was declined for; UINT64_MAX: all, and whatever comes */
	const struct approval *entry;	/* what was decided so far, or NULL */
	char **requires;	/* what the revision's entry says, or would say */
	size_t requires_n;
	bool touched;		/* the entry is to be made anew */
	bool revoked;		/* its contents are in `revoked` */
};
struct board {
	struct station *station;
	struct draft *draft;
	char *rings[MAX_RINGS];
	size_t rings_n;
	struct board_row *rows;	/* draft->revisions_n of them */
	struct revocation *unrevoked;	/* what board_unrevoke took out */
	size_t unrevoked_n;
};

struct board *board_open(struct station *s, struct draft *d, struct err *e);
void board_free(struct board *b);

/* The rings an option names, as bits. None given: those of the whole station where it has one ring or `all` is set, else
 * ERR_USAGE. */
int board_rings(const struct board *b, const struct args *a, const char *option, bool all, uint64_t *out, struct err *e);
/* Names of rings, sorted, into out (room for MAX_RINGS); returns the count. And as text: "pilot, production". */
size_t board_ring_names(const struct board *b, uint64_t rings, char **out);
const char *board_ring_text(const struct board *b, uint64_t rings, char *out, size_t size);

/* Rows of the item that row i belongs to. */
void board_item(const struct board *b, size_t i, size_t *first, size_t *end);
/* Rings in which any revision of the item is approved; 0 where the draft doesn't know it. */
uint64_t board_covered(const struct board *b, const char *item);
/* How many items wait for a decision: their newest revision is neither approved, declined for any ring, revoked nor gone. */
size_t board_pending(const struct board *b);
/* Gives row i these rings, and takes them from the item's other revisions. That it was declined for them is forgotten, and
 * so it is where it was declined as such. */
void board_move(struct board *b, size_t i, uint64_t rings);
/* Takes rings from row i. */
void board_withdraw(struct board *b, size_t i, uint64_t rings);
/* Takes rings from row i, which remembers it. UINT64_MAX: it is declined as such. */
void board_decline(struct board *b, size_t i, uint64_t rings);
/* Adds to what row i requires. */
int board_require(struct board *b, size_t i, char *const *items, size_t n, struct err *e);

/* The first row at or after i that requires something in rings that do not have it: its index and the missing item and
 * rings; false where there is none. */
bool board_unmet(const struct board *b, size_t *i, const char **item, uint64_t *rings);

/* Revocations: adds one (note may be NULL), or takes out all of these contents; `revoked` of the rows follows. */
int board_revoke(struct board *b, size_t i, const char *note, struct err *e);
int board_unrevoke(struct board *b, const struct digest *contents, struct err *e);

/* What a new entry says beside its requirements. */
struct board_terms {
	char *title, *note;
	char **supersedes;	/* sorted */
	size_t supersedes_n;
	bool urgent, has_deadline;
	int64_t deadline;
};
/* Whether a title or note can stand in a list. ERR_USAGE, naming the option. */
int board_check_text(const char *option, const char *s, struct err *e);
/* Writes the rings back into draft->decisions and what was declined into its rows; terms (or NULL) are set for the rows with apply[i]. */
int board_store(struct board *b, const struct board_terms *terms, const bool *apply, struct err *e);

/* ---- telling of it (board_tell.c) ---- */

/* A result for row i: "STATE ITEM revision N for RINGS: ..., REMARK". */
void board_tell(const struct board *b, size_t i, const char *state, uint64_t rings, const char *remark);
/* A result for each revocation that was taken out: since when it stood, by the newest list (or NULL). */
void board_tell_unrevoked(const struct board *b, const struct approvals *newest);
/* Ledger lines for the rows that a command concerns (one element for each row), with the note where there is one. */
struct board_change {
	bool concerns;
	uint64_t rings;
};
int board_tell_ledger(const struct board *b, const char *event, const struct board_change *changes, const char *note,
		      struct err *e);

#endif
