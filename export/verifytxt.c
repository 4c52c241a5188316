/*
 * VERIFY.txt. seal | VERIFYTXT.
 * Everything that gets into its commands is a name that names_check let pass, a number or a digest: nothing a shell
 * could take for something else.
 */
#include "export/verifytxt.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/num.h"
#include "manifests/limits.h"
#include "manifests/manifest.h"
#include "manifests/names.h"
#include "manifests/trust.h"

#include "lib/banned.h"

#define MAX_ROOTS 64	/* newest roots whose signatures are spelled out */

struct text {
	const struct trust_chain *chain;
	const struct manifest *m;
	struct buf *out;
	const struct pubkey **keys;	/* written already */
	size_t keys_n;
};

static void begin(struct text *t, const char *what)
{
	buf_printf(t->out, "\n#>>> %s\n", what);
}

static void end(struct text *t)
{
	buf_puts(t->out, "#<<<\n");
}

static void write_head(struct text *t)
{
	const struct manifest *m = t->m;
	char bundle[NAMES_BUNDLE_LEN], time[32], size[24];

	names_bundle(m->stream, m->sequence, bundle);
	buf_printf(t->out,
		   "How to check bundle %s without Satchel\n\n"
		   "Stream %s, sequence %" PRIu64 ", made at %s; trust root version %" PRIu64 " of site %s.\n"
		   "It carries %" PRIu64 " objects of %s in %" PRIu64 " volumes.\n\n",
		   bundle, m->stream, m->sequence, num_format_time(m->created, time), m->trust.version,
		   trust_chain_newest(t->chain)->site, m->objects.count, num_format_size(m->objects.bytes, size), m->volumes);
	buf_printf(t->out,
		   "Needed: a POSIX shell, openssl 3.0 or newer, sha256sum, GNU tar, zstd, sed, awk, and room for the\n"
		   "objects, %s, in $TMPDIR or /tmp (twice that for an object that is in pieces). The medium is only read.\n\n"
		   "The commands stand between lines that begin with #>>> and #<<<. All of them, one after the other, from\n"
		   "inside the bundle's directory:\n\n"
		   "    sed -n '/^#>>>/,/^#<<</p' VERIFY.txt | sh -e\n\n"
		   "The last line it prints is \"%s: everything matches\"; the first command that fails ends it without.\n\n"
		   "This file lies on the same medium as all that it checks. It proves nothing by itself: compare the keys and\n"
		   "the digest of the first trust root below with those you were given by other means.\n",
		   num_format_size(m->objects.bytes, size), bundle);
}

/* ---- keys and signatures ---- */

static bool written(const struct text *t, const struct pubkey *k)
{
	for (size_t i = 0; i < t->keys_n; i++)
		if (digest_equal(pubkey_id(t->keys[i]), pubkey_id(k)))
			return true;
	return false;
}

static int write_key(struct text *t, const struct trust_key *k, struct err *e)
{
	char hex[DIGEST_HEX + 1], pem[512];

	if (written(t, k->key))
		return 0;
	if (pubkey_pem(k->key, pem, e) == -1)
		return -1;
	t->keys[t->keys_n++] = k->key;
	digest_hex(&k->id, hex);
	buf_printf(t->out, "# %s, %s\ncat > \"$work/%.*s.pem\" <<'KEY'\n%sKEY\n", k->name,
		   pubkey_algorithm_name(pubkey_algorithm(k->key)), NAMES_PREFIX, hex, pem);
	buf_printf(t->out, "test \"$(openssl pkey -pubin -in \"$work/%.*s.pem\" -outform DER | sha256sum)\" = \"%s  -\"\n",
		   NAMES_PREFIX, hex, hex);
	return 0;
}

/* Whether the bundle has, or for the manifest may yet get, this key's signature of a document. */
static bool may_sign(const struct text *t, const char *document, const struct digest *key)
{
	char name[NAMES_SIGNATURE_LEN];

	return strcmp(document, NAMES_MANIFEST) == 0 || manifest_find(t->m, names_signature(document, key, name));
}

static int write_keys(struct text *t, const struct trust *root, enum role r, const char *document, struct err *e)
{
	const struct trust_role *role = &root->roles.role[r];

	for (size_t i = 0; i < role->keys_n; i++)
		if (may_sign(t, document, &role->keys[i]) && write_key(t, trust_find(root, &role->keys[i]), e) == -1)
			return -1;
	return 0;
}

static size_t first_root(const struct text *t)
{
	return t->chain->n > MAX_ROOTS ? t->chain->n - MAX_ROOTS : 0;
}

static int write_all_keys(struct text *t, struct err *e)
{
	const struct trust *newest = trust_chain_newest(t->chain);
	char name[32];

	begin(t, "keys: their ids are the digests of their DER form");
	buf_puts(t->out, "bundle=$PWD\nwork=$(mktemp -d)\ntrap 'chmod -R u+w \"$work\"; rm -rf \"$work\"' EXIT\n");
	if (write_keys(t, newest, ROLE_EXPORTER, NAMES_MANIFEST, e) == -1 ||
	    write_keys(t, newest, ROLE_APPROVER, NAMES_APPROVALS, e) == -1)
		return -1;
	for (size_t i = first_root(t); i < t->chain->n; i++) {
		names_trust(t->chain->roots[i]->version, name);
		if (write_keys(t, t->chain->roots[i], ROLE_ROOT, name, e) == -1 ||
		    (i > 0 && write_keys(t, t->chain->roots[i - 1], ROLE_ROOT, name, e) == -1))
			return -1;
	}
	end(t);
	return 0;
}

/* Counts the good signatures of a role over a document. Who has not signed the manifest may sign it later. */
static void write_check(struct text *t, const struct trust *root, enum role r, const char *document)
{
	const struct trust_role *role = &root->roles.role[r];

	buf_printf(t->out, "n=0\n");
	for (size_t i = 0; i < role->keys_n; i++) {
		const struct trust_key *k = trust_find(root, &role->keys[i]);
		char hex[DIGEST_HEX + 1], name[NAMES_SIGNATURE_LEN];

		if (!may_sign(t, document, &role->keys[i]))
			continue;
		names_signature(document, &role->keys[i], name);
		buf_printf(t->out,
			   "if test ! -e %s; then echo \"%s: not signed with key %s\"\n"
			   "elif openssl pkeyutl -verify -pubin -inkey \"$work/%.*s.pem\" -rawin%s -in %s -sigfile %s; then n=$((n + 1)); fi\n",
			   name, document, k->name, NAMES_PREFIX, digest_hex(&k->id, hex),
			   pubkey_algorithm(k->key) == PUBKEY_ECDSA_P384 ? " -digest sha384" : "", document, name);
	}
	buf_printf(t->out, "test \"$n\" -ge %" PRIu64 "\n", role->threshold);
}

static bool has_signature(const struct text *t, const struct trust *root, const char *document)
{
	const struct trust_role *role = &root->roles.role[ROLE_ROOT];

	for (size_t i = 0; i < role->keys_n; i++)
		if (may_sign(t, document, &role->keys[i]))
			return true;
	return false;
}

static void write_signatures(struct text *t)
{
	const struct trust *newest = trust_chain_newest(t->chain);
	char name[32], hex[DIGEST_HEX + 1];

	begin(t, "the manifest: signed by the exporters of the newest trust root");
	write_check(t, newest, ROLE_EXPORTER, NAMES_MANIFEST);
	end(t);
	if (t->m->has_approvals) {
		begin(t, "the approval list: signed by its approvers");
		write_check(t, newest, ROLE_APPROVER, NAMES_APPROVALS);
		end(t);
	}
	begin(t, "the trust roots: each signed by its own root keys and those of the one before");
	for (size_t i = first_root(t); i < t->chain->n; i++) {
		names_trust(t->chain->roots[i]->version, name);
		if (i == 0) {
			buf_printf(t->out, "# no earlier one vouches for the first: compare this digest with the one you trust\n");
			buf_printf(t->out, "test \"$(sha256sum < %s)\" = \"%s  -\"\n", name,
				   digest_hex(&t->chain->roots[0]->digest, hex));
		} else {
			write_check(t, t->chain->roots[i - 1], ROLE_ROOT, name);
		}
		if (i > 0 || has_signature(t, t->chain->roots[0], name))
			write_check(t, t->chain->roots[i], ROLE_ROOT, name);
	}
	end(t);
}

/* ---- files, frames, objects ---- */

/*
 * Sizes are compared for all files, not only for those without a digest: tar reads nothing behind its end, and frames are
 * looked for where the index says, so what is appended to a volume would not be seen otherwise. VERIFY.txt is not among
 * the files yet; its line is counted apart.
 */
static void write_files(struct text *t)
{
	begin(t, "the files: their sizes and digests, and that they are those of the signed manifest");
	buf_printf(t->out,
		   "sed -n 's/^  - {name: \"\\([^\"]*\\)\", size: \\([0-9]*\\)[,}].*$/\\2 \\1/p' manifest.yaml > \"$work/sizes\"\n"
		   "test \"$(grep -vc ' VERIFY.txt$' \"$work/sizes\")\" -eq %zu\n"
		   "while read -r size name; do\n"
		   "  test \"$(wc -c < \"$name\")\" -eq \"$size\" || { echo \"$name: not the $size bytes of the manifest\"; exit 1; }\n"
		   "done < \"$work/sizes\"\n", t->m->files_n);
	buf_puts(t->out, "cat > \"$work/files\" <<'FILES'\n");
	for (size_t i = 0; i < t->m->files_n; i++) {
		const struct manifest_file *f = &t->m->files[i];
		char hex[DIGEST_HEX + 1];

		if (f->has_sha256)
			buf_printf(t->out, "%s  %s\n", digest_hex(&f->sha256, hex), f->name);
	}
	buf_puts(t->out, "FILES\n"
		 "sha256sum --quiet -c \"$work/files\"\n"
		 "sed -n 's/^  - {name: \"\\([^\"]*\\)\", size: [0-9]*, sha256: \\([0-9a-f]*\\)}$/\\2  \\1/p' manifest.yaml > \"$work/manifest\"\n"
		 "sha256sum --quiet -c \"$work/manifest\"\n"
		 "grep -v '  VERIFY.txt$' \"$work/manifest\" | cmp - \"$work/files\"\n");
	end(t);
}

static void write_frames(struct text *t, bool digests)
{
	char index[32], volume[32];

	if (digests)
		buf_puts(t->out, "\nEach volume consists of frames with digests of their own, in its index. With the digest of the whole\n"
			 "volume they need no further check; to find out which part of a damaged volume is still good, use the\n"
			 "function below, without -e: frames vol-0001.yaml vol-0001.tar.zst\n");
	else
		buf_puts(t->out, "\nThe volumes were made without digests of their own. Each consists of frames whose digests stand in its\n"
			 "index.\n");
	begin(t, "the frames of a volume");
	buf_puts(t->out, "frames() { # INDEX VOLUME\n"
		 "  sed -n 's/^  - {at: \\([0-9]*\\), size: \\([0-9]*\\), holds: [0-9]*, sha256: \\([0-9a-f]*\\)}$/\\1 \\2 \\3/p' \"$1\" |\n"
		 "  while read -r at size sha256; do\n"
		 "    test \"$(tail -c \"+$((at + 1))\" \"$2\" | head -c \"$size\" | sha256sum)\" = \"$sha256  -\" || { echo \"$2: frame at $at differs\"; false; }\n"
		 "  done\n"
		 "}\n");
	for (uint64_t i = 1; i <= t->m->volumes && !digests; i++)
		buf_printf(t->out, "frames %s %s\n", names_volume_index(i, index), names_volume(i, volume));
	end(t);
}

/*
 * Pieces that lie end to end from the first byte to the last are joined. Of other objects the bundle has only what the
 * store lacks, after damage say: no digest is a part's own. A piece that no index names stays among the objects, and
 * differs.
 */
static void write_join(struct text *t)
{
	buf_puts(t->out,
		 "sed -n 's/^[0-9]* \\(vol-[0-9]*\\.yaml\\)$/\\1/p' \"$work/sizes\" | while read -r index; do\n"
		 "  sed -n 's/^  - {sha256: \\([0-9a-f]*\\), size: \\([0-9]*\\), at: [0-9]*, from: \\([0-9]*\\), length: \\([0-9]*\\)}$/\\1 \\3 \\4 \\2/p' "
		 "\"$bundle/$index\"\n"
		 "done | LC_ALL=C sort -k 1,1 -k 2,2n > \"$work/pieces\"\n"
		 "while read -r object from length size; do\n"
		 "  piece=$object.$(printf %016d \"$from\")\n"
		 "  test \"$(wc -c < \"$piece\")\" -eq \"$length\" || { echo \"differs: $piece\"; exit 1; }\n"
		 "  mv \"$piece\" \"$work/parts\"\n"
		 "done < \"$work/pieces\"\n"
		 "awk '{ size[$1] = $4; if ($2 == end[$1] + 0) end[$1] += $3 }\n"
		 "  END { for (object in size) print (end[object] == size[object] ? \"whole\" : \"part\"), object }' \"$work/pieces\" > \"$work/joined\"\n"
		 "parts=0\n"
		 "while read -r what object; do\n"
		 "  if test \"$what\" = whole; then cat \"$work/parts/$object\".* > \"$object\"; rm -f \"$work/parts/$object\".*\n"
		 "  else parts=$((parts + 1)); echo \"note: only a part of $object is in this bundle\"; fi\n"
		 "done < \"$work/joined\"\n"
		 "test \"$parts\" -eq 0 || echo \"note: objects of which only a part is here, and is as it was packed: $parts\"\n");
}

static void write_objects(struct text *t)
{
	char volume[32];

	buf_puts(t->out, "\nAn object is a file named by its SHA-256; a large one may come in pieces NAME.OFFSET, which are joined first.\n"
		 "Of some objects the bundle may have only a part, where the store has the rest, as after damage. These are named\n"
		 "in a note. That such a part is what was packed, the digests above say; that it belongs to the object, only the\n"
		 "whole can show: satchel-import compares that before it publishes the object.\n");
	begin(t, "the objects: every file has the digest that is its name");
	buf_puts(t->out, "mkdir \"$work/objects\" \"$work/parts\"\n");
	for (uint64_t i = 1; i <= t->m->volumes; i++)
		buf_printf(t->out, "tar --zstd -xf %s -C \"$work/objects\"\n", names_volume(i, volume));
	buf_puts(t->out, "cd \"$work/objects\"\n");
	write_join(t);
	buf_printf(t->out,
		   "find . -type f -exec sha256sum {} + | awk '\"./\" $1 != $2 { print \"differs: \" $2; bad = 1 } END { exit bad }'\n"
		   "test \"$(($(find . -type f | wc -l) + parts))\" -eq %" PRIu64 "\n"
		   "cd \"$bundle\"\n", t->m->objects.count);
	end(t);
}

static void write_tail(struct text *t)
{
	char bundle[NAMES_BUNDLE_LEN];

	begin(t, "the end");
	buf_printf(t->out, "echo \"%s: everything matches\"\n", names_bundle(t->m->stream, t->m->sequence, bundle));
	end(t);
	buf_puts(t->out,
		 "\nWhat is approved stands in approvals.yaml: each entry names an item, its rings, and the digest of its contents\n"
		 "list. A contents list is an object like any other (the first ones of the first volume); it names every file of\n"
		 "the item with its digest, or parts that do. To find a path and its digest, leave out the line with `trap` above,\n"
		 "so that the objects stay, and look in all contents lists:\n\n"
		 "    grep -rlaE '^satchel: contents(-part)?/1$' \"$work/objects\" | xargs grep -haF 'path: \"DIRECTORY/FILE\"'\n\n"
		 "A contents list that is not among the objects was not carried here: the store had it already, or will get it\n"
		 "with another bundle.\n");
}

static bool all_digests(const struct manifest *m)
{
	for (size_t i = 0; i < m->files_n; i++)
		if (!m->files[i].has_sha256)
			return false;
	return true;
}

int verifytxt_write(const struct trust_chain *chain, const struct manifest *m, struct buf *out, struct err *e)
{
	struct text t = {.chain = chain, .m = m, .out = out};
	size_t keys = 0;
	int rc = -1;

	for (size_t i = 0; i < chain->n; i++)
		keys += chain->roots[i]->keys_n;
	t.keys = calloc(keys + 1, sizeof(const struct pubkey *));
	if (!t.keys)
		return err_mem(e);
	write_head(&t);
	if (write_all_keys(&t, e) == -1)
		goto out;
	write_signatures(&t);
	write_files(&t);
	if (m->volumes > 0) {
		write_frames(&t, all_digests(m));
		write_objects(&t);
	}
	write_tail(&t);
	rc = buf_ok(out, e);
	if (rc == 0 && out->len > MAX_VERIFY_TXT_SIZE)
		rc = err_set(e, ERR_TOO_LARGE, NAMES_VERIFY ": %zu bytes", out->len);
out:
	free(t.keys);
	return rc;
}
