/*
 * The commands of satchel-verify: a handler and a table of options each.
 */
#ifndef VERIFY_COMMANDS_H
#define VERIFY_COMMANDS_H

#include "lib/options.h"

struct err;

extern const struct option_def audit_bundle_options[], audit_store_options[], audit_journal_options[], diff_options[], page_options[], show_options[], tree_options[], who_options[];
int audit_bundle_run(const struct args *a, struct err *e);
int audit_store_run(const struct args *a, struct err *e);
int audit_journal_run(const struct args *a, struct err *e);
int diff_run(const struct args *a, struct err *e);
int page_run(const struct args *a, struct err *e);
int show_run(const struct args *a, struct err *e);
int tree_run(const struct args *a, struct err *e);
int who_run(const struct args *a, struct err *e);

#endif
