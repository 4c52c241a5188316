/*
 * A person confirms an arrival: what the bundle carried counts as held by the destination until its next receipt. Refuses
 * bundles that the station did not make, or made for others; says where the newest receipt speaks of it already.
 */
#include "export/acknowledge.h"

#include <string.h>

#include "export/ledger.h"
#include "export/receipts.h"
#include "export/sent.h"
#include "export/station.h"
#include "lib/err.h"
#include "lib/num.h"
#include "lib/say.h"
#include "manifests/limits.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

struct arrival {
	struct station s;
	const char *destination;
	struct receipt *newest;		/* or NULL */
	struct manifest *manifest;
	uint64_t sequence;
};

static int find_destination(struct arrival *w, const char *name, struct err *e)
{
	const struct station_config *c = &w->s.config;

	for (size_t i = 0; i < c->destinations_n; i++)
		if (strcmp(c->destinations[i].name, name) == 0)
			w->destination = c->destinations[i].name;
	if (w->destination != NULL)
		return 0;
	err_set(e, ERR_USAGE, "no destination is named \"%s\"", name);
	return err_hint(e, "'destination list' shows them");
}

/* "17", or the bundle's name "updates-00000017". */
static int read_sequence(struct arrival *w, const char *text, struct err *e)
{
	char stream[MAX_NAME_LEN + 1];

	if (num_parse(text, strlen(text), 1, MAX_REVISION, &w->sequence) == 0)
		return 0;
	if (names_bundle_parse(text, stream, &w->sequence) == 0 && strcmp(stream, w->s.config.stream) == 0)
		return 0;
	return err_set(e, ERR_USAGE, "\"%s\" is no sequence of a bundle", text);
}

static int find_bundle(struct arrival *w, struct err *e)
{
	int rc = sent_load(&w->s, w->sequence, &w->manifest, e);

	if (rc == 1) {
		err_set(e, ERR_USAGE, "bundle %llu was never finished here", (unsigned long long)w->sequence);
		return err_hint(e, "'log' shows what was packed");
	}
	if (rc == 0 && !sent_is_for(w->manifest, w->destination))
		return err_set(e, R_WRONG_DESTINATION, "bundle %llu was not for %s", (unsigned long long)w->sequence, w->destination);
	return rc;
}

static int record(struct arrival *w, struct err *e)
{
	char hex[DIGEST_HEX + 1];
	json_t *o = json_object();

	json_put_text(o, "destination", w->destination);
	json_put_number(o, "sequence", w->sequence);
	json_put_text(o, "sha256", digest_hex(&w->manifest->digest, hex));
	if (ledger_append(&w->s, "acknowledge", o, e) == -1)
		return -1;
	return receipts_acknowledge(&w->s, w->destination, w->newest, w->sequence, e);
}

static void tell(const struct arrival *w, const char *state)
{
	json_t *o = json_object();

	json_put_text(o, "destination", w->destination);
	json_put_number(o, "sequence", w->sequence);
	json_put_text(o, "state", state);
	say_object(o);
	say_line("%s: bundle %llu %s", w->destination, (unsigned long long)w->sequence, state);
}

static int acknowledge(struct arrival *w, const char *text, struct err *e)
{
	struct receipts_acknowledged before = {0};
	int rc = -1;

	if (read_sequence(w, text, e) == -1 || find_bundle(w, e) == -1 ||
	    receipts_acknowledged(&w->s, w->destination, w->newest, &before, e) == -1)
		goto out;
	rc = 0;
	if (w->newest != NULL &&
	    receipt_has_bundle(w->newest, w->manifest->stream, w->sequence, &w->manifest->digest))
		tell(w, "is in its newest receipt already");
	else if (receipts_is_acknowledged(&before, w->sequence))
		tell(w, "was acknowledged already");
	else if ((rc = record(w, e)) == 0)
		tell(w, "acknowledged");
out:
	receipts_acknowledged_free(&before);
	manifest_free(w->manifest);
	w->manifest = NULL;
	return rc;
}

int acknowledge_run(const struct args *a, struct err *e)
{
	struct arrival w = {.destination = NULL};
	int rc;

	if (args_expect(a, 2, SIZE_MAX, e) == -1 || station_open(a, STATION_WRITE, &w.s, e) == -1)
		return -1;
	rc = find_destination(&w, args_at(a, 0), e);
	if (rc == 0 && receipts_newest(&w.s, w.destination, &w.newest, e) == -1)
		rc = -1;
	for (size_t i = 1; rc == 0 && i < args_len(a); i++)
		rc = acknowledge(&w, args_at(a, i), e);
	receipt_free(w.newest);
	station_close(&w.s);
	return rc;
}
