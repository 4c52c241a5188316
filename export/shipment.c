/*
 * Makes one bundle. plan | SHIPMENT (reservation, sealed; volumes, readback, seal) | medium.
 * Refuses nothing itself; whatever fails on the way leaves nothing behind that looks like a bundle.
 */
#include "export/shipment.h"

#include "export/ledger.h"
#include "export/sealed.h"
#include "export/station.h"
#include "lib/err.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

static int tell(struct shipment *s, const char *event, const struct err *why, struct err *e)
{
	const struct manifest *m = &s->seal.manifest;
	char name[NAMES_BUNDLE_LEN], hex[DIGEST_HEX + 1];
	json_t *o = json_object();

	json_put_text(o, "bundle", names_bundle(s->reservation.stream, s->reservation.sequence, name));
	if (why) {
		json_put_text(o, "reason", reason_word(why->reason));
	} else {
		json_put_text(o, "sha256", digest_hex(&m->digest, hex));
		json_put_number(o, "objects", m->objects.count);
		json_put_number(o, "bytes", m->objects.bytes);
		json_put_number(o, "signatures", s->good);
	}
	return ledger_append(s->station, event, o, e);
}

/* Two signatures are as many as the distinct exporters they are from. */
static void count_signatures(struct shipment *s)
{
	const struct manifest *m = &s->seal.manifest;

	s->good = trust_count(trust_chain_newest(&s->station->chain), ROLE_EXPORTER, m->bytes.data, m->bytes.len,
			      &s->seal.signatures, NULL);
}

/* All but the manifest, read back before there is one: until then nothing looks like a bundle. */
static int load(struct shipment *s, struct file *copies, struct err *e)
{
	const struct volumes_job job = {
		.station = s->station, .selection = s->selection, .medium = s->medium, .copies = copies,
		.sequence = s->reservation.sequence, .volume_size = s->volume_size, .level = s->level, .jobs = s->jobs,
		.digests = s->digests, .read_back = s->read_back
	};

	if (s->selection->cargo.n > 0 && volumes_write(&job, &s->volumes, e) == -1)
		return -1;
	if (seal_documents(&s->seal, s->station, &s->volumes, s->medium, e) == -1)
		return -1;
	return s->read_back ? seal_check_documents(&s->seal, s->medium, e) : 0;
}

static int close_bundle(struct shipment *s, struct err *e)
{
	if (seal_close(&s->seal, s->keys, s->keys_n, s->medium, e) == -1)
		return -1;
	return s->read_back ? seal_check_manifest(&s->seal, s->medium, e) : 0;
}

static void undo(struct shipment *s, struct err *e)
{
	struct err second = {0};

	if (medium_remove(s->medium, &second) == -1) {
		err_hint(e, "what was written of the bundle could not all be removed (%s); where a manifest and its signature are left, "
			 "pack finishes it, else it is none", second.text);
		err_clear(&second);
	}
	if (tell(s, "pack-failed", e, &second) == -1)
		err_hint(e, "and the ledger could not be written: %s", second.text);
}

/* The station's books, when the bundle on the medium is whole. */
static int enter(struct shipment *s, const struct file *copies, struct err *e)
{
	count_signatures(s);
	if (tell(s, "pack", NULL, e) == 0 && seal_keep(&s->seal, copies, e) == 0)
		return 0;
	return err_hint(e, "the bundle on the medium is whole; run it again to have it in the station's books as well");
}

int shipment_take(struct shipment *s, struct err *why, struct err *e)
{
	struct file copies = FILE_CLOSED;
	struct medium there = MEDIUM_CLOSED;
	struct sealed sealed = {.station = s->station, .wanted = &s->seal.manifest, .copies = &copies};
	char name[NAMES_BUNDLE_LEN];
	int rc = -1;

	names_bundle(s->reservation.stream, s->reservation.sequence, name);
	if (reservation_open(s->station, s->reservation.sequence, &copies, e) == -1 ||
	    medium_enter(s->medium, name, &there, e) == -1)
		goto out;
	rc = sealed_take(&sealed, &there, why, e);
	if (rc != 0)
		goto out;
	s->volumes.stored = sealed.stored;
	seal_take(&s->seal, sealed.manifest, &sealed.signatures);
	sealed.manifest = NULL;
	rc = enter(s, &copies, e);
out:
	sealed_free(&sealed);
	medium_close(&there);
	file_close(&copies);
	return rc;
}

void shipment_number(struct shipment *s)
{
	struct manifest *m = &s->seal.manifest;

	m->sequence = m->part.first = s->reservation.sequence;
	m->created = s->reservation.created;
}

int shipment_make(struct shipment *s, struct err *e)
{
	struct file copies = FILE_CLOSED;
	bool interrupted = s->reservation.found == RESERVATION_INTERRUPTED;
	char name[NAMES_BUNDLE_LEN];
	int rc = -1;

	names_bundle(s->reservation.stream, s->reservation.sequence, name);
	if ((!interrupted && reservation_make(s->station, &s->reservation, e) == -1) ||
	    reservation_open(s->station, s->reservation.sequence, &copies, e) == -1)
		goto out;
	if (medium_begin(s->medium, name, interrupted, e) == -1 || load(s, &copies, e) == -1 || close_bundle(s, e) == -1) {
		undo(s, e);
		goto out;
	}
	rc = enter(s, &copies, e);
out:
	file_close(&copies);
	return rc;
}
