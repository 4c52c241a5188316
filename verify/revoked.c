/*
 * Revocations of one item (verify/revoked.h). A list repeats what the ones before it revoked and says since when: the signatures
 * told of are those of the list that did, as long as that is kept and bears the entry out.
 */
#include "verify/revoked.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/say.h"
#include "manifests/approvals.h"
#include "verify/report.h"
#include "verify/side.h"
#include "verify/terms.h"

#include "lib/banned.h"

size_t revoked_find(const struct approvals *a, const char *item, size_t *count)
{
	size_t low = 0, high = a->revoked_n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(a->revoked[mid].item, item) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (*count = 0; low + *count < a->revoked_n && strcmp(a->revoked[low + *count].item, item) == 0;)
		++*count;
	return low;
}

static bool has(const struct approvals *a, const struct revocation *v)
{
	size_t count, first = revoked_find(a, v->item, &count);

	for (size_t i = first; i < first + count; i++)
		if (a->revoked[i].revision == v->revision && digest_equal(&a->revoked[i].contents, &v->contents))
			return true;
	return false;
}

/* The list that revoked it, into *side; its list stays NULL where it isn't kept, or is none that did. */
static int open_first(const struct revoked *r, const struct revocation *v, struct side *side, struct err *e)
{
	struct err why = {0};
	char name[64];

	if (v->since >= r->list->revision)
		return 0;
	snprintf(name, sizeof name, "%llu-%llu", (unsigned long long)r->list->epoch, (unsigned long long)v->since);
	if (side_open(r->home, r->terms, NULL, name, side, &why) == -1)
		return report_is_fatal(&why) ? err_set(e, why.reason, "%s", why.text) : 0;
	if (!has(side->list, v))
		side_close(side);
	return 0;
}

static int tell(const struct revoked *r, const struct revocation *v, json_t *all, struct err *e)
{
	const struct approvals *of;
	struct side first = {0};
	struct buf signers = {0};
	char where[48] = "";
	json_t *o = json_object();
	int rc = open_first(r, v, &first, e);

	of = first.list != NULL ? first.list : r->list;
	if (rc == 0)
		rc = side_signers(r->home, r->chain, of, &signers, e);
	if (rc == 0) {
		if (of->revision != v->since)
			snprintf(where, sizeof where, ", in list %llu", (unsigned long long)of->revision);
		say_line("  revoked: revision %llu since list %llu%s, signed by %s%s%s", (unsigned long long)v->revision,
			 (unsigned long long)v->since, where, (const char *)signers.data, v->note != NULL ? "; " : "",
			 v->note != NULL ? v->note : "");
		json_put_number(o, "revision", v->revision);
		json_put_number(o, "since", v->since);
		json_put_number(o, "epoch", of->epoch);
		json_put_number(o, "list", of->revision);
		json_put_text(o, "signed_by", (const char *)signers.data);
		if (v->note != NULL)
			json_put_text(o, "note", v->note);
		json_array_append(all, o);
	}
	json_decref(o);
	buf_free(&signers);
	side_close(&first);
	return rc;
}

int revoked_tell(const struct revoked *r, const char *item, json_t *o, struct err *e)
{
	size_t count, first = revoked_find(r->list, item, &count);

	if (count == 0)
		return 0;
	json_put(o, "revoked", json_array());
	for (size_t i = first; i < first + count; i++)
		if (tell(r, &r->list->revoked[i], json_object_get(o, "revoked"), e) == -1)
			return -1;
	return 0;
}
