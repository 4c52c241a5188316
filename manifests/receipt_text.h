/*
 * A receipt in one text: the document, and behind it a line with the key's id and its signature over the document
 * (FORMAT 14.1), as `satchel-import receipt -` writes it for those who can only mail or type.
 */
#ifndef MANIFESTS_RECEIPT_TEXT_H
#define MANIFESTS_RECEIPT_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base64.h"
#include "lib/digest.h"
#include "lib/pubkey.h"
#include "manifests/limits.h"
#include "manifests/names.h"

struct err;

#define RECEIPT_TEXT_LINE (sizeof NAMES_SIGNATURE_LINE + DIGEST_HEX + 1 + BASE64_LEN(PUBKEY_MAX_SIGNATURE) + 1)
#define RECEIPT_TEXT_MAX (MAX_RECEIPT_SIZE + RECEIPT_TEXT_LINE)	/* bytes of document and line */

struct receipt_text {
	size_t len;		/* of the document: the bytes before the line */
	struct digest key;	/* the id that the line names */
	uint8_t signature[PUBKEY_MAX_SIGNATURE];
	size_t signature_len;
};
/* Finds the line by comparing bytes; neither the document nor the signature is judged. R_NO_RECEIPT where the bytes don't end
 * in one. */
int receipt_text_split(const void *data, size_t len, struct receipt_text *out, struct err *e);

#endif
