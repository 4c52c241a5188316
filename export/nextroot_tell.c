/*
 * The next trust root in words: what it changes, who has signed it, what comes next. Changes nothing.
 */
#include "export/nextroot.h"

#include <stdio.h>
#include <string.h>

#include "export/show.h"
#include "export/signers.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/num.h"
#include "lib/say.h"
#include "manifests/names.h"

#include "lib/banned.h"

/* Keys of one root that the other has not got in that role. */
static void tell_keys(const char *mark, const struct trust *of, const struct trust *other)
{
	char hex[DIGEST_HEX + 1];

	for (enum role r = 0; r < ROLES; r++)
		for (size_t i = 0; i < of->roles.role[r].keys_n; i++) {
			const struct trust_key *k = trust_find(of, &of->roles.role[r].keys[i]);

			if (!trust_has_role(other, r, &k->id))
				say_line("  %s %s \"%s\"  %s  %s", mark, trust_role_name(r), k->name,
					 pubkey_algorithm_name(pubkey_algorithm(k->key)), digest_hex(&k->id, hex));
		}
}

void nextroot_tell_changes(const struct trust *before, const struct trust *after)
{
	char from[32], to[32];

	tell_keys("+", after, before);
	tell_keys("-", before, after);
	for (enum role r = 0; r < ROLES; r++) {
		const struct trust_role *a = &before->roles.role[r], *b = &after->roles.role[r];

		if (a->threshold != b->threshold)
			say_line("  threshold of %s: %llu, was %llu", trust_role_name(r), (unsigned long long)b->threshold,
				 (unsigned long long)a->threshold);
	}
	if (before->epoch != after->epoch)
		say_line("  epoch: %llu, was %llu; lists begin again with revision 1", (unsigned long long)after->epoch,
			 (unsigned long long)before->epoch);
	if (strcmp(before->site, after->site) != 0)
		say_line("  site: %s, was %s", after->site, before->site);
	if (before->expires != after->expires)
		say_line("  expires: %s, was %s", num_format_time(after->expires, to), num_format_time(before->expires, from));
}

static int tell_signers(const struct trust *judge, const struct nextroot *n, const char *which, struct err *e)
{
	struct signers w;
	int rc = signers_count(judge, ROLE_ROOT, &n->root->bytes, &n->sigs, &w, e);

	if (rc == 0)
		say_line("  by %s: %zu of %llu signatures%s%s%s%s", which, w.good, (unsigned long long)w.threshold,
			 w.good > 0 ? ", of " : "", (const char *)w.signed_by.data,
			 signers_enough(&w) ? "" : "; still to sign: ", signers_enough(&w) ? "" : (const char *)w.missing.data);
	signers_free(&w);
	return rc;
}

int nextroot_tell(const struct station *s, const struct nextroot *n, struct err *e)
{
	const struct trust *before = trust_chain_newest(&s->chain);
	json_t *o = json_object(), *by = json_array();
	char name[32], path[64], hex[DIGEST_HEX + 1], which[64];

	snprintf(path, sizeof path, NEXTROOT_DIR "/%s", names_trust(n->root->version, name));
	json_put_text(o, "draft", path);
	json_put_number(o, "version", n->root->version);
	json_put_text(o, "sha256", digest_hex(&n->root->digest, hex));
	json_array_append_new(by, signers_json(before, ROLE_ROOT, &n->root->bytes, &n->sigs));
	json_array_append_new(by, signers_json(n->root, ROLE_ROOT, &n->root->bytes, &n->sigs));
	json_put(o, "by", by);
	say_object(o);
	say_line("draft of trust root %llu: %s/%s", (unsigned long long)n->root->version, s->dir.name, path);
	nextroot_tell_changes(before, n->root);
	snprintf(which, sizeof which, "root %llu", (unsigned long long)before->version);
	if (tell_signers(before, n, which, e) == -1)
		return -1;
	return tell_signers(n->root, n, "its own keys", e);
}

void nextroot_tell_commit(const struct station *s)
{
	const struct trust *t = trust_chain_newest(&s->chain);
	char hex[DIGEST_HEX + 1], time[32];
	json_t *o = json_object();

	json_put_number(o, "trust_version", t->version);
	json_put_number(o, "epoch", t->epoch);
	json_put_text(o, "sha256", digest_hex(&t->digest, hex));
	say_object(o);
	say_line("trust root %llu is in force, expires %s", (unsigned long long)t->version, num_format_time(t->expires, time));
	say_note("every bundle from now on carries it; a store takes it over from the next one that it is given");
	station_next(s, "status");
}
