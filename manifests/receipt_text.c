/*
 * A receipt with its signature at its end (manifests/receipt_text.h), for receive, show and journal alike. Compares bytes only:
 * whoever asked checks the signature over what stands before the line, and parses that afterwards.
 */
#include "manifests/receipt_text.h"

#include <string.h>

#include "lib/err.h"
#include "manifests/reason.h"

#include "lib/banned.h"

int receipt_text_split(const void *data, size_t len, struct receipt_text *out, struct err *e)
{
	const char *text = data, *mark = NAMES_SIGNATURE_LINE, *line, *lf;
	size_t head = strlen(mark) + DIGEST_HEX + 1, line_len;

	if (len < 2 || text[len - 1] != '\n')
		return err_set(e, R_NO_RECEIPT, "%s", len >= 2 && memmem(text, len, mark, strlen(mark)) != NULL
							     ? "the line feed at its end is missing, as where a text was not copied whole"
							     : "no receipt, and no signature file");
	lf = memrchr(text, '\n', len - 1);
	line = lf == NULL ? text : lf + 1;
	line_len = len - (size_t)(line - text) - 1;
	if (line_len < head || line_len > RECEIPT_TEXT_LINE || memcmp(line, mark, strlen(mark)) != 0 || line[head - 1] != ' ' ||
	    digest_parse(line + strlen(mark), DIGEST_HEX, &out->key) == -1 ||
	    base64_decode(line + head, line_len - head, out->signature, sizeof out->signature, &out->signature_len) == -1)
		return err_set(e, R_NO_RECEIPT, "no line \"%sKEY SIGNATURE\" at its end", mark);
	out->len = (size_t)(line - text);
	return 0;
}
