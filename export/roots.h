/*
 * trust show|new|add|remove|threshold|epoch|renew|sign|discard: the commands on trust roots. What they draft stands in
 * export/nextroot.h.
 */
#ifndef EXPORT_ROOTS_H
#define EXPORT_ROOTS_H

#include "lib/options.h"

struct err;

extern const struct option_def roots_add_options[], roots_life_options[], roots_new_options[];

int roots_show(const struct args *a, struct err *e);
int roots_add(const struct args *a, struct err *e);	/* FILE.pub --role ROLE [--name NAME] */
int roots_remove(const struct args *a, struct err *e);	/* NAME or beginning of an id */
int roots_threshold(const struct args *a, struct err *e);	/* ROLE N */
int roots_epoch(const struct args *a, struct err *e);
int roots_renew(const struct args *a, struct err *e);
int roots_discard(const struct args *a, struct err *e);

/* ---- the first root, without a station (roots_new.c) ---- */

#define ROOTS_DAYS 365		/* life of a root where nobody says otherwise */
#define ROOTS_MAX_DAYS 36500

int roots_new(const struct args *a, struct err *e);
/* A key's name: what is given, else that of its file without ".pub". ERR_USAGE where that is no name. NULL on error. */
const char *roots_key_name(const char *given, const char *path, char out[256], struct err *e);

#endif
