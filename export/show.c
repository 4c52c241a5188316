/*
 * Documents in words, beside FREEZE: what `sign FILE` and `trust show` print before anything is signed.
 */
#include "export/show.h"

#include <stdio.h>
#include <string.h>

#include "export/freeze.h"
#include "lib/num.h"
#include "lib/say.h"

#include "lib/banned.h"

/* "pilot, production" */
static const char *join(char *const *list, size_t n, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%s", i > 0 ? ", " : "", list[i]);
	return out;
}

void show_trust(const struct trust *t)
{
	char a[32], b[32], hex[DIGEST_HEX + 1];

	say_object(schema_json(&trust_schema, t));
	say_line("trust root %llu of site %s, epoch %llu", (unsigned long long)t->version, t->site,
		 (unsigned long long)t->epoch);
	say_line("issued %s, expires %s", num_format_time(t->issued, a), num_format_time(t->expires, b));
	say_line("fingerprint %s", digest_hex(&t->digest, hex));
	for (int r = 0; r < ROLES; r++) {
		const struct trust_role *role = &t->roles.role[r];

		say_line("%s: %llu of %zu", trust_role_name((enum role)r), (unsigned long long)role->threshold, role->keys_n);
		for (size_t i = 0; i < role->keys_n; i++) {
			const struct trust_key *k = trust_find(t, &role->keys[i]);

			say_line("  %s  %s  %s", digest_hex(&k->id, hex), pubkey_algorithm_name(pubkey_algorithm(k->key)), k->name);
		}
	}
}

void show_manifest(const struct manifest *m)
{
	char time[32], size[24], names[512];

	say_object(schema_json(&manifest_schema, m));
	say_line("manifest of bundle %llu of stream %s, created %s", (unsigned long long)m->sequence, m->stream,
		 num_format_time(m->created, time));
	say_line("for %s", m->destinations_n == 0 ? "any store that follows the stream"
						  : join(m->destinations, m->destinations_n, names, sizeof names));
	say_line("%s, %s, in %s", num_of(m->objects.count, "object"), num_format_size(m->objects.bytes, size),
		 num_of(m->volumes, "volume"));
	if (m->has_approvals)
		say_line("with approval list %llu of epoch %llu", (unsigned long long)m->approvals.revision,
			 (unsigned long long)m->approvals.epoch);
	else
		say_line("without an approval list");
}

static void show_entry(const char *mark, const struct approval *p)
{
	char rings[512], size[24], time[32];

	say_line("%s %s revision %llu for %s: %s, %s%s%s", mark, p->item, (unsigned long long)p->revision,
		 join(p->rings, p->rings_n, rings, sizeof rings), num_of(p->contents.files, "file"), num_format_size(p->contents.bytes, size),
		 p->urgent ? ", urgent" : "", p->requires_n > 0 ? ", requires others" : "");
	if (p->title != NULL)
		say_line("    title: %s", p->title);
	if (p->note != NULL)
		say_line("    note: %s", p->note);
	if (p->has_deadline)
		say_line("    deadline: %s", num_format_time(p->deadline, time));
	for (size_t i = 0; i < p->requires_n; i++)
		say_line("    requires: %s", p->requires[i]);
	for (size_t i = 0; i < p->supersedes_n; i++)
		say_line("    supersedes: %s", p->supersedes[i]);
}

static void show_revocation(const char *mark, const struct revocation *r)
{
	say_line("%s revoked: %s revision %llu%s%s", mark, r->item, (unsigned long long)r->revision,
		 r->note != NULL ? ", " : "", r->note != NULL ? r->note : "");
}

static int order(const char *a, uint64_t a_revision, const char *b, uint64_t b_revision)
{
	int text = strcmp(a, b);

	return text != 0 ? text : a_revision < b_revision ? -1 : a_revision > b_revision;
}

/* "-" stands in the old list only, "+" in the new one only, and an entry that changed comes with both. */
static size_t show_items(const struct approvals *old, const struct approvals *new)
{
	size_t i = 0, k = 0, n = 0;

	while (i < old->items_n || k < new->items_n) {
		const struct approval *a = i < old->items_n ? &old->items[i] : NULL;
		const struct approval *b = k < new->items_n ? &new->items[k] : NULL;
		int which = a == NULL ? 1 : b == NULL ? -1 : order(a->item, a->revision, b->item, b->revision);

		if (which != 0 || !freeze_same_entry(a, b)) {
			n++;
			if (which <= 0)
				show_entry("-", a);
			if (which >= 0)
				show_entry("+", b);
		}
		i += which <= 0;
		k += which >= 0;
	}
	return n;
}

static size_t show_revoked(const struct approvals *old, const struct approvals *new)
{
	size_t i = 0, k = 0, n = 0;

	while (i < old->revoked_n || k < new->revoked_n) {
		const struct revocation *a = i < old->revoked_n ? &old->revoked[i] : NULL;
		const struct revocation *b = k < new->revoked_n ? &new->revoked[k] : NULL;
		int which = a == NULL ? 1 : b == NULL ? -1 : order(a->item, a->revision, b->item, b->revision);

		n += which != 0;
		if (which < 0)
			show_revocation("-", a);
		if (which > 0)
			show_revocation("+", b);
		i += which <= 0;
		k += which >= 0;
	}
	return n;
}

void show_approvals(const struct approvals *a, const struct approvals *old)
{
	char from[32], to[32], hex[DIGEST_HEX + 1];

	say_object(schema_json(&approvals_schema, a));
	say_line("approval list %llu of epoch %llu of stream %s", (unsigned long long)a->revision,
		 (unsigned long long)a->epoch, a->stream);
	say_line("issued %s, expires %s", num_format_time(a->issued, from), num_format_time(a->expires, to));
	say_line("sha256 %s", digest_hex(&a->digest, hex));
	say_line("%s, %zu revoked", num_of(a->items_n, "entry"), a->revoked_n);
	if (old == NULL) {
		for (size_t i = 0; i < a->items_n; i++)
			show_entry(" ", &a->items[i]);
		for (size_t i = 0; i < a->revoked_n; i++)
			show_revocation(" ", &a->revoked[i]);
		return;
	}
	say_line("against list %llu of epoch %llu:", (unsigned long long)old->revision, (unsigned long long)old->epoch);
	if (show_items(old, a) + show_revoked(old, a) == 0)
		say_line("  the same decisions");
}
