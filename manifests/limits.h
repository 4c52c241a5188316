/*
 * Every bound on what comes from outside, with its reason. FORMAT.md refers to these by name. There is a test at each
 * limit and one over it.
 */
#ifndef MANIFESTS_LIMITS_H
#define MANIFESTS_LIMITS_H

/* Documents, in bytes. Together they keep any command under 256 MiB. */
#define MAX_DOCUMENT_DEPTH 6		/* DESIGN 3; the deepest document needs 5 */
#define MAX_TRUST_SIZE (256u << 10)	/* 64 keys of 300 bytes, roles, room */
#define MAX_APPROVALS_SIZE (48u << 20)	/* 200,000 entries of 240 bytes: parsed in 2 s, 120 MiB */
#define MAX_MANIFEST_SIZE (4u << 20)	/* 16,384 files of 130 bytes, witnesses, room */
#define MAX_VOLUME_INDEX_SIZE (16u << 20)	/* 65,536 objects and 2,048 frames of 140 bytes, room */
#define MAX_CONTENTS_SIZE (16u << 20)	/* 65,536 parts of 250 bytes: 29,000,000 files in an item; 1,024 records of 4 KiB paths */
#define MAX_PART_SIZE (8u << 20)	/* 1,024 records, each with a path and a link of the greatest length */
#define MAX_VERIFY_TXT_SIZE (1u << 20)
#define MAX_RECEIPT_SIZE (28u << 20)	/* all its lists full: 14 MiB of missing objects, 9 MiB of waiting items, room */
#define MAX_CONFIG_SIZE (1u << 20)	/* station.yaml, store.yaml: written by people */
#define MAX_ROLLBACK_SIZE (9u << 20)	/* MAX_WITH_REVOKED paths of the greatest length, escaped */
#define MAX_SCANNED_SIZE (64u << 20)	/* MAX_ITEMS records of 300 bytes */
#define MAX_DRAFT_SIZE (192u << 20)	/* the station's own file */

/* Counts. */
#define MAX_KEYS 64			/* keys of a trust root */
#define MAX_TRUST_VERSIONS 1024		/* roots of a chain; one a month for 85 years */
#define MAX_RINGS 64			/* rings of an entry, of a store, of a station */
#define MAX_REQUIRES 256		/* items an entry requires */
#define MAX_ITEMS 200000		/* entries of a list, and revoked ones */
#define MAX_DESTINATIONS 256
#define MAX_BUNDLE_FILES 16384		/* files of a bundle */
#define MAX_VOLUMES 4096		/* volumes of a bundle: 16 TiB at the default size */
#define MAX_VOLUME_OBJECTS 65536	/* entries of a volume: bounds the index and what import holds of it */
#define MAX_VOLUME_FRAMES 2048		/* 8 GiB in frames of 4 MiB */
#define MAX_PART_RECORDS 1024		/* records of a part, and of a contents list without parts */
#define PART_CUT_BITS 9			/* a part ends where a path's digest ends in so many zero bits: 443 records on average */
#define MAX_PARTS 65536			/* parts of a contents list */
#define MAX_WITH_REVOKED 1000		/* items a rollback brings back although they are revoked: named one by one */
#define MAX_HOOK_WORDS 64		/* a program and its arguments in store.yaml or station.yaml */
#define MAX_STREAMS 64			/* streams a store follows */
#define MAX_READS 64			/* format versions a receipt names */
#define MAX_HELD (1ull << 30)		/* objects of a store: 65 GiB of digests */
#define MAX_RECEIPT_BUNDLES 1000	/* bundles a receipt names: years of them */
#define MAX_RECEIPT_WAITING 1000	/* waiting items a receipt names; it counts all */
#define MAX_RECEIPT_MISSING 100000	/* missing objects, or extents, a receipt names; it counts all */
#define MAX_RECEIPT_REFUSALS 100
#define MAX_RECEIPT_HISTORY 101		/* a receipt and the 100 before (DESIGN 5) */

/* Lengths, in bytes. */
#define MAX_NAME_LEN 63			/* sites, streams, rings, stores, keys: file names everywhere, FAT included */
#define MAX_TITLE_LEN 1024		/* titles and notes */

/* Sizes of stored things, in bytes. */
#define FRAME_SIZE (4u << 20)		/* tar bytes of a frame; only a volume's last one is shorter */
#define MAX_FRAME_STORED (FRAME_SIZE + (8u << 10))	/* a frame of raw blocks: 4 MiB, 32 block headers, frame header */
#define DEFAULT_VOLUME_SIZE ((4ull << 30) - (1ull << 20))	/* below FAT32's limit */
#define MAX_VOLUME_SIZE ((8ull << 30) - (1ull << 20))	/* below the octal size field of a ustar header */
#define MIN_VOLUME_SIZE (8ull << 20)	/* two frames */
#define MAX_OBJECT_SIZE (1ull << 50)	/* 1 PiB: sums of 8,191 of them stay below 2^63 */
#define MAX_SUM (1ull << 62)		/* any sum of sizes */

/* Lists and time. */
#define MAX_REVISION (1ull << 53)	/* every JSON and YAML reader keeps it exact */
#define MAX_JUMP 1000000ull		/* a list or epoch this far above the highest admitted is refused (DESIGN 5) */
#define MAX_CLOCK_AHEAD (24 * 3600)	/* seconds `issued` or `created` may lie ahead of the clock (DESIGN 5) */

#endif
