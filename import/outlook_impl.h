/*
 * What an outlook is made with. Shared by outlook.c, which judges lists and has effect say what is published, and outlook_fill.c, which
 * puts that into the words of state.yaml.
 */
#ifndef IMPORT_OUTLOOK_IMPL_H
#define IMPORT_OUTLOOK_IMPL_H

#include "import/outlook.h"
#include "lib/distinct.h"

struct effect;

struct outlook_asking {
	struct objects *objects;
	const struct store_stream *stream;
	struct outlook *outlook;
	struct places *places;
	const struct approvals *complete;	/* the list that the published state says is complete, or NULL; */
	char *const *judged;	/* for these rings */
	size_t judged_n;	/* 0: not known */
	struct distinct seen;	/* missing objects of the newest list */
	const struct rollback *rollback;	/* to be judged by, or NULL */
	const struct scanned *scanned;
	struct digest *exempt;
	struct err damage;	/* of the highest list that would have a say and is damaged: */
	struct list_ref damaged;	/* only what is newer than this can be told */
};

struct list_ref outlook_ref(const struct approvals *a);
/* Fills outlook->want: what is published by f, what waits and is missing by `waits`: the same, or what is ahead of f for other rings. */
int outlook_fill(struct outlook_asking *a, const struct effect *f, const struct effect *waits, struct err *e);

#endif
