/*
 * The commands of satchel-import: one file each.
 */
#ifndef IMPORT_COMMANDS_H
#define IMPORT_COMMANDS_H

#include "lib/options.h"

int init_run(const struct args *a, struct err *e);
int apply_run(const struct args *a, struct err *e);
int status_run(const struct args *a, struct err *e);
int rollback_run(const struct args *a, struct err *e);
int check_run(const struct args *a, struct err *e);
int prune_run(const struct args *a, struct err *e);
int rescan_run(const struct args *a, struct err *e);
int receipt_run(const struct args *a, struct err *e);
int log_run(const struct args *a, struct err *e);

extern const struct option_def init_options[], apply_options[], status_options[], rollback_options[], check_options[],
	prune_options[], rescan_options[], receipt_options[], log_options[];

#endif
