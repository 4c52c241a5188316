/*
 * One page of HTML that stands by itself: no script, nothing from elsewhere, styled inline, fit for paper. Every text that
 * goes into it is escaped, first as for a terminal (lib/text), then for HTML. It is built in memory; what it says differs or
 * can't be read is counted for the exit code.
 */
#ifndef VERIFY_PAGE_H
#define VERIFY_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

struct approvals;
struct err;
struct file;
struct terms;
struct trust_chain;

struct page {
	struct buf out;
	uint64_t faults;	/* things that differ or are unreadable */
	bool refused, damaged;	/* faults that end in 1, and in 3 */
};
/* What is looked at, "Store perimeter-a"; the path it was named by; the time it is judged as of. */
void page_begin(struct page *p, const char *what, const char *path, int64_t now);
void page_end(struct page *p);
void page_heading(struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void page_line(struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A line nobody must overlook; without influence on the exit code. */
void page_warn(struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A fault: the same, with its reason word, and counted. */
void page_fault(struct page *p, int reason, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same from an error, which is cleared. -1, with *e set, for errors of the machine, which end the report. */
int page_fault_of(struct page *p, struct err *why, struct err *e);

/* columns: "item|revision|files". Each row: page_row, then as many cells. A table without rows says "none". */
void page_table(struct page *p, const char *columns);
void page_row(struct page *p);
void page_cell(struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void page_cell_text(struct page *p, const char *text);	/* however long it is */
void page_table_end(struct page *p, uint64_t rows);

/* Roots of a chain, and the keys and thresholds of the newest one. */
void page_trust(struct page *p, const struct trust_chain *chain, int64_t now);
/* Whether the root a person trusts stands in a chain that was found: a fault where not. path NULL: said that none was given. */
int page_compare_trust(struct page *p, const struct terms *t, const char *path, const struct trust_chain *chain, struct err *e);
/* What a list decides: its entries, and what it revokes. */
void page_decisions(struct page *p, const struct approvals *a);
/* Receipts that lie in a directory of a station. */
int page_receipts(struct page *p, const struct file *dir, struct err *e);
/* A journal or ledger: whether its chain holds, what it refused, and its last events. */
int page_journal(struct page *p, const struct file *dir, const char *name, struct err *e);

struct page_names {		/* of files in a directory */
	char **list;
	size_t n;
};
int page_names_read(const struct file *dir, bool (*is)(const char *name), int (*order)(const void *a, const void *b),
		    struct page_names *out, struct err *e);
void page_names_free(struct page_names *names);

/* 1 where anything differed, else 3 where anything was unreadable, else 0. */
int page_exit(const struct page *p);

/* What there is to tell of each kind. trust: the path given, or NULL. What differs goes into the page; -1 ends the report. */
int page_store(struct page *p, const struct terms *t, const char *path, const char *trust, struct err *e);
int page_station(struct page *p, const struct terms *t, const char *path, const char *trust, struct err *e);
int page_medium(struct page *p, const struct terms *t, const char *path, const char *trust, struct err *e);

#endif
