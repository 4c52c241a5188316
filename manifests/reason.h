/*
 * Every refusal and failure has a stable word, used alike in text, JSON, journal and tests, and an exit code.
 * One table; those of lib/err.h are in it too. FORMAT.md cites the words.
 */
#ifndef MANIFESTS_REASON_H
#define MANIFESTS_REASON_H

#include "lib/err.h"

/* R(name, word, exit code, what it means) */
#define REASONS(R) \
	R(R_SIGNATURE_MISSING, "signature-missing", 1, "no signature of any key of the role is there") \
	R(R_SIGNATURE_THRESHOLD, "signature-threshold", 1, "fewer good signatures of distinct keys of the role than its threshold") \
	R(R_KEY_ROLE, "key-role", 1, "the key is not one of the role that signs this document") \
	R(R_TRUST_INVALID, "trust-invalid", 1, "a trust root that must not be used, or is not signed as it must be") \
	R(R_TRUST_EXPIRED, "trust-expired", 1, "the newest trust root has expired") \
	R(R_TRUST_CHAIN, "trust-chain", 1, "the chain of trust roots does not extend ours") \
	R(R_TRUST_LIMIT, "trust-limit", 1, "more trust roots than a chain may have") \
	R(R_TRUST_DAMAGED, "trust-damaged", 2, "the local trust roots are missing or changed") \
	R(R_DOCUMENT_TYPE, "document-type", 1, "a document of another type") \
	R(R_DOCUMENT_VERSION, "document-version", 1, "a format version this program does not read") \
	R(R_DOCUMENT_FORM, "document-form", 1, "not canonical, or not what its type demands") \
	R(R_DOCUMENT_TOO_LARGE, "document-too-large", 1, "larger than its type allows") \
	R(R_NAME, "name", 1, "a name, path or link target that is not allowed") \
	R(R_EXPIRED, "expired", 1, "the approval list has expired") \
	R(R_CLOCK, "clock", 1, "a time in the future, or a clock that is clearly wrong") \
	R(R_JUMP, "jump", 1, "a revision, epoch or sequence too far above the highest known") \
	R(R_LIST_FORK, "list-fork", 1, "another list with the same epoch and revision is known") \
	R(R_LIST_UNKNOWN, "list-unknown", 2, "no such list is kept") \
	R(R_OBJECTS_GONE, "objects-gone", 3, "objects that going back needs are not there any more") \
	R(R_SCAN_REFUSED, "scan-refused", 1, "the scan hook refused an item, or could not judge it") \
	R(R_REQUIRES, "requires", 1, "an item requires one that is not approved for the same ring") \
	R(R_REVOKED, "revoked", 1, "the contents were revoked") \
	R(R_NOT_APPROVED, "not-approved", 1, "asks for what is not approved") \
	R(R_ITEM_UNKNOWN, "item-unknown", 2, "no item of that name") \
	R(R_WRONG_DESTINATION, "wrong-destination", 1, "the bundle is for other stores") \
	R(R_FILE_MISSING, "file-missing", 1, "a file of the bundle is not there") \
	R(R_FILE_SIZE, "file-size", 1, "a file has another size than the manifest says") \
	R(R_FILE_DIGEST, "file-digest", 1, "a file has another digest than the manifest says") \
	R(R_FILE_TYPE, "file-type", 1, "not a regular file") \
	R(R_FILE_EXTRA, "file-extra", 1, "a file the manifest does not name") \
	R(R_MEDIUM_READ, "medium-read", 3, "the medium can't be read there") \
	R(R_MEDIUM_TIMEOUT, "medium-timeout", 3, "the medium does not answer") \
	R(R_MEDIUM_WRITE, "medium-write", 3, "the medium can't be written") \
	R(R_READ_BACK, "read-back", 3, "what was read back differs from what was written") \
	R(R_FRAME_DIGEST, "frame-digest", 3, "a frame's digest differs, or it is cut off") \
	R(R_FRAME_FORM, "frame-form", 1, "not one zstd frame as FORMAT demands") \
	R(R_FRAME_SIZE, "frame-size", 1, "a frame unpacks to another size than the index says") \
	R(R_ENTRY_HEADER, "entry-header", 1, "the tar bytes differ from what the index says") \
	R(R_OBJECT_DIGEST, "object-digest", 1, "an object's bytes do not have its digest") \
	R(R_OBJECT_MISSING, "object-missing", 4, "objects are missing") \
	R(R_NO_BUNDLE, "no-bundle", 1, "no bundle there, or none for this store") \
	R(R_BUNDLE_INTERRUPTED, "bundle-interrupted", 3, "a bundle that was not finished") \
	R(R_MEDIUM_MISSING, "medium-missing", 2, "no such medium") \
	R(R_STORE_ON_MEDIUM, "store-on-medium", 2, "store or station and medium lie in one another") \
	R(R_CONTENT_CHANGED, "content-changed", 1, "the bytes are no longer the approved ones") \
	R(R_CONTENT_REFUSED, "content-refused", 1, "content that can't be carried") \
	R(R_WAITING, "waiting", 4, "taken in, but items wait for objects") \
	R(R_STORE_DAMAGED, "store-damaged", 1, "the store differs from what its state says") \
	R(R_STATION_DAMAGED, "station-damaged", 1, "the station differs from what its ledger says") \
	R(R_JOURNAL, "journal", 1, "the journal was changed") \
	R(R_JOURNAL_HISTORY, "journal-history", 1, "the journal does not extend what was witnessed") \
	R(R_RECEIPT_FOREIGN, "receipt-foreign", 1, "a receipt of a store that is no destination here, or whose key is not known") \
	R(R_RECEIPT_REPLAYED, "receipt-replayed", 1, "an older receipt than the newest one known") \
	R(R_NO_RECEIPT, "no-receipt", 1, "no receipt and no signature there") \
	R(R_READER, "reader", 3, "the reader process failed or broke its protocol") \
	R(R_SANDBOX, "sandbox", 3, "the reader process can't be caged as demanded") \
	R(R_STALE, "stale", 1, "nothing has arrived for longer than policy allows")

#define R(name, word, code, meaning) name,
enum reason {
	R_BEFORE_FIRST = ERR_FIRST_FREE - 1,
	REASONS(R)
	R_END
};
#undef R

/* The stable word; "internal" for a number that is none. */
const char *reason_word(int reason);
/* Its exit code 1..4. */
int reason_exit(int reason);
/* One line of meaning, for manuals and --help. */
const char *reason_meaning(int reason);

#endif
