/*
 * What a document says, for the person who is about to sign it.
 */
#ifndef EXPORT_SHOW_H
#define EXPORT_SHOW_H

#include "manifests/approvals.h"
#include "manifests/manifest.h"
#include "manifests/trust.h"

void show_trust(const struct trust *t);
void show_manifest(const struct manifest *m);
/* The whole list, or where old is not NULL what differs from it. */
void show_approvals(const struct approvals *a, const struct approvals *old);

#endif
