/*
 * station.yaml: what a station is for, written by init, edited by people.
 */
#ifndef EXPORT_CONFIG_H
#define EXPORT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "manifests/schema.h"

struct err;

struct station_destination {
	char *name;
	char **rings;
	size_t rings_n;
	char *key;		/* base64 of the receipt key's SPKI DER, or NULL */
};
struct station_config {		/* station.yaml */
	char *stream;
	char *content;		/* absolute path of the content root */
	struct station_pin { uint64_t version; struct digest sha256; } trust;	/* first root of trust/ */
	bool has_depth;
	uint64_t depth;		/* item depth, 1 when absent */
	char **patterns;	/* item patterns, in place of depth */
	size_t patterns_n;
	char **exclude;		/* path patterns passed over at scan */
	size_t exclude_n;
	char **rings;
	size_t rings_n;
	struct station_destination *destinations;
	size_t destinations_n;
	struct station_policy {	/* all optional; defaults filled in */
		uint64_t expires_days;	/* a list's life: 90 */
		bool has_expires_days, has_keep_objects, has_portable_names;
		bool keep_objects;	/* true */
		bool portable_names;	/* false */
		bool has_auto_approve_revisions, has_auto_approve;
		bool auto_approve_revisions;	/* false; see export/policy.h */
		struct station_auto {
			char **match;	/* patterns of new items */
			size_t match_n;
			char **rings;
			size_t rings_n;
		} auto_approve;
	} policy;
	bool has_hooks;
	struct station_hooks {	/* each a program's absolute path and its arguments; empty: none */
		char **packed, **waiting;
		size_t packed_n, waiting_n;
		uint64_t seconds;	/* how long one may run: 600 */
		bool has_seconds;
	} hooks;
};
extern const struct schema config_schema;

#define CONFIG_NAME "station.yaml"

/* Reads STATION/station.yaml, fills in the defaults and checks it as a whole; strings live in a. ERR_CONFIG. */
int config_load(const struct file *station, struct station_config *out, struct arena *a, struct err *e);
/* Writes the whole file in canonical form. */
int config_write(const struct file *station, const struct station_config *c, struct err *e);
/* Replaces the destinations alone; what else stands in the file, comments included, stays as it is. */
int config_write_destinations(const struct file *station, const struct station_config *c, struct err *e);
/* Whether the ring is one of the station's. */
bool config_has_ring(const struct station_config *c, const char *ring);
/* Every value of an option like --ring, split at commas, checked as names, sorted and distinct. */
int config_rings(char *const *given, size_t n, struct arena *a, char ***out, size_t *out_n, struct err *e);

#endif
