/*
 * Bundles for tests: keys, trust roots, lists and volumes made with the project's own encoders, in memory and on disk, to be
 * changed at any stage before they are signed. Every step that fails fails the test (cmocka).
 *
 *     struct fixture *f = fixture_new();                     keys, trust root 1, a folder f->dir of its own
 *     fixture_object(f, "hello\n", 6);                       objects of the next bundle, in this order
 *     ref = fixture_item(f, "pool/a", records, n);           a contents list, added as an object
 *     fixture_approve(f, "pool/a", 1, "production", &ref);   entries of the next list
 *     fixture_list(f, 7);                                    freezes and signs revision 7
 *     fixture_bundle(f, 17);                                 writes f->dir/satchel/updates-00000017, signed
 *     fixture_free(f);                                       removes the folder
 *
 * What stands in `f` may be changed in between: f->created, f->frame_level, f->mutate, ….
 */
#ifndef TESTS_UNIT_FIXTURE_H
#define TESTS_UNIT_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/digest.h"
#include "manifests/approvals.h"
#include "manifests/contents.h"
#include "manifests/manifest.h"
#include "manifests/trust.h"
#include "manifests/volume.h"

struct seckey;

#define FIXTURE_NOW 1795341600	/* 2026-11-22T10:00:00Z */
#define FIXTURE_KEYS 8
enum { FIXTURE_ROOT_A, FIXTURE_ROOT_B, FIXTURE_APPROVER_A, FIXTURE_APPROVER_B, FIXTURE_EXPORTER_A, FIXTURE_EXPORTER_B,
       FIXTURE_FRESH_A, FIXTURE_FRESH_B };	/* thresholds 2, 2, 1; fresh ones are in no root */

struct fixture_object {
	struct buf data;	/* what is carried: the whole, or a piece */
	struct digest sha256;
	uint64_t size, from;
	bool piece;
};
struct fixture_volume {
	struct volume index;	/* arrays are malloc'ed */
	struct buf tar, file;
};
struct fixture {
	char dir[64];			/* a medium */
	struct seckey *keys[FIXTURE_KEYS];
	struct buf roots[8];		/* trust-N.yaml by version; empty: none */
	uint64_t newest;		/* highest of them that bundles carry */
	struct fixture_object *objects;
	size_t objects_n;
	struct approval *entries;	/* sorted by item, as they were added */
	size_t entries_n;
	struct revocation *revoked;
	size_t revoked_n;
	struct arena arena;
	struct buf list;		/* approvals.yaml; empty: a content-only bundle */
	uint64_t epoch, revision;	/* of the list */
	int64_t created, issued, expires;
	unsigned list_signers;		/* how many approvers sign: 2 */
	uint64_t sequence;
	size_t volume_objects;		/* objects in a volume; 0: all in one */
	int level;			/* of zstd */
	/* Called for each volume when its tar is made, and when its frames are: changes go into what is signed. */
	void (*change_tar)(struct fixture *f, struct fixture_volume *v);
	void (*change_frames)(struct fixture *f, struct fixture_volume *v);
	void (*change_manifest)(struct fixture *f, struct manifest *m);
	bool no_volume_digests;
};

struct fixture *fixture_new(void);
void fixture_free(struct fixture *f);

/* Makes a further trust root and, with newest, lets bundles carry it. */
struct fixture_root { uint64_t version, epoch; int64_t issued, expires; bool drop_exporter_a; };
void fixture_root(struct fixture *f, const struct fixture_root *root);
/* Parses root N, for pins. */
struct trust *fixture_trust(const struct fixture *f, uint64_t version);

/* Adds an object; returns its digest. */
struct digest fixture_object(struct fixture *f, const void *data, size_t len);
void fixture_piece(struct fixture *f, const void *whole, size_t len, size_t from, size_t length);
/* Bytes that don't compress, the same for the same seed. */
void fixture_random(uint32_t seed, void *out, size_t len);
/* Records (sorted) of an item; the list and its parts become objects. */
struct contents_ref fixture_item(struct fixture *f, const char *item, const struct record *records, size_t n);
struct record fixture_file(const char *path, const void *data, size_t len);	/* a record; adds no object */
void fixture_approve(struct fixture *f, const char *item, uint64_t revision, const char *ring, const struct contents_ref *ref);
void fixture_list(struct fixture *f, uint64_t revision);

/* Writes all objects so far as a bundle, and forgets them (entries of the list stay). */
void fixture_bundle(struct fixture *f, uint64_t sequence);

/* Single steps. */
void fixture_volume(const struct fixture_object *objects, size_t n, struct fixture_volume *out);	/* index and tar */
void fixture_frames(struct fixture_volume *v, int level);	/* tar to file, with the frames' part of the index */
void fixture_volume_free(struct fixture_volume *v);
void fixture_sign(const struct fixture *f, int key, const char *dir, const char *document, const struct buf *bytes);

/* Files, by path. */
void fixture_write(const char *dir, const char *name, const void *data, size_t len);
void fixture_read(const char *dir, const char *name, struct buf *out);
void fixture_flip(const char *dir, const char *name, long at);	/* one bit at an offset; from the end when negative */
/* "f->dir/satchel/updates-00000017" */
char *fixture_bundle_dir(const struct fixture *f, uint64_t sequence, char out[160]);

#endif
