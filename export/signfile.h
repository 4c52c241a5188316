/*
 * `sign`: of the station's list (export/freeze.h), or of a document brought from elsewhere.
 */
#ifndef EXPORT_SIGNFILE_H
#define EXPORT_SIGNFILE_H

#include "lib/options.h"

struct err;

extern const struct option_def signfile_options[];
int signfile_run(const struct args *a, struct err *e);	/* sign [FILE] */

extern const struct option_def signfile_trust_options[];
int signfile_trust(const struct args *a, struct err *e);	/* trust sign: the draft of the next trust root */

#endif
