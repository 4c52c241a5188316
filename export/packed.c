/*
 * Telling of a bundle. pack | PACKED. Refuses nothing.
 */
#include "export/packed.h"

#include <inttypes.h>
#include <stdio.h>

#include "export/hooks.h"
#include "export/shipment.h"
#include "export/station.h"
#include "lib/num.h"
#include "lib/say.h"
#include "manifests/names.h"
#include "manifests/reason.h"

#include "lib/banned.h"

char *packed_list(const struct manifest *m, char out[PACKED_LIST])
{
	if (!m->has_approvals)
		snprintf(out, PACKED_LIST, "no list");
	else if (m->approvals.epoch == 1)
		snprintf(out, PACKED_LIST, "list %" PRIu64, m->approvals.revision);
	else
		snprintf(out, PACKED_LIST, "list %" PRIu64 " of epoch %" PRIu64, m->approvals.revision, m->approvals.epoch);
	return out;
}

static uint64_t threshold(const struct shipment *s)
{
	return trust_chain_newest(&s->station->chain)->roles.role[ROLE_EXPORTER].threshold;
}

static void say_bundle(const struct shipment *s, const char *name)
{
	const struct manifest *m = &s->seal.manifest;
	char bytes[24], stored[24], list[PACKED_LIST], hex[DIGEST_HEX + 1];
	json_t *o = json_object();

	say_line("%s: %s of %s in %s of %s, %s", name, num_of(m->objects.count, "object"),
		 num_format_size(m->objects.bytes, bytes), num_of(m->volumes, "volume"), num_format_size(s->volumes.stored, stored),
		 packed_list(m, list));
	json_put_text(o, "bundle", name);
	json_put_text(o, "medium", s->medium->dir.name);
	json_put_text(o, "sha256", digest_hex(&m->digest, hex));
	json_put_number(o, "sequence", m->sequence);
	json_put_number(o, "objects", m->objects.count);
	json_put_number(o, "bytes", m->objects.bytes);
	json_put_number(o, "volumes", m->volumes);
	json_put_number(o, "stored", s->volumes.stored);
	if (m->has_approvals)
		json_put_number(o, "list", m->approvals.revision);
	json_put_number(o, "signatures", s->good);
	json_put_number(o, "threshold", threshold(s));
	if (s->good < threshold(s))
		json_put_text(o, "reason", reason_word(R_SIGNATURE_THRESHOLD));
	say_object(o);
}

int packed_tell(const struct shipment *s, struct err *e)
{
	char name[NAMES_BUNDLE_LEN];
	const struct hooks_packed h = {
		.manifest = &s->seal.manifest, .medium = s->medium->dir.name,
		.bundle = names_bundle(s->reservation.stream, s->reservation.sequence, name),
		.signatures = s->good, .threshold = threshold(s)
	};

	if (hooks_packed(s->station, &h, e) == -1)
		return -1;
	say_bundle(s, name);
	if (s->good >= threshold(s))
		return 0;
	say_warn("%s is signed by %zu of %" PRIu64 " exporters (%s): no store takes it until "
		 "`satchel-export sign %s/%s/" NAMES_MANIFEST " --key FILE` adds what is missing", name, s->good, threshold(s),
		 reason_word(R_SIGNATURE_THRESHOLD), s->medium->satchel.name, name);
	return 4;
}
