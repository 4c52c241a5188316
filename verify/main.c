/*
 * satchel-verify: lets an auditor check a medium, a store and their documents without trusting either operator. Writes nothing
 * but its report, and contains no code that signs.
 *
 *     medium > find > unseal > unframe > unpack > report
 */
#include <stdio.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "manifests/reason.h"
#include "verify/commands.h"

#include "lib/banned.h"

static const struct command commands[] = {
	{"bundle", "MEDIUM... --trust FILE [--volume-digests] [--at TIME] [--trust-version N] [--jobs N]",
	 "satchel-verify bundle /media/usb --trust trust-1.yaml",
	 "Looks at every bundle on the media completely: signatures, the chain of\n"
	 "trust from FILE on, the approval list, every frame, every object, and\n"
	 "whatever lies there besides. Exit 1: something differs, 3: unreadable or\n"
	 "damaged.",
	 audit_bundle_options, audit_bundle_run},
	{"store", "STORE [--trust FILE] [--sample N/M] [--at TIME] [--trust-version N] [--jobs N]",
	 "satchel-verify store /srv/satchel --trust trust-1.yaml",
	 "Checks a store: lists and their signatures, every object, both published\n"
	 "trees file by file, and the journal. Without --trust it is judged by its own\n"
	 "trust root, and the first line says so.", audit_store_options,
	 audit_store_run},
	{"journal", "STORE|STATION [--receipt FILE]... [--key FILE] [--at TIME] [--trust-version N]", "satchel-verify journal /srv/satchel --receipt perimeter-a-00000012.yaml",
	 "Checks that each line of a store's journal, or a station's ledger, has the\n"
	 "digest of the one before, and that the journal still has what receipts\n"
	 "witnessed.", audit_journal_options, audit_journal_run},
	{"diff", "OLD NEW [--store STORE [--stream S] | --station STATION] [--trust FILE] [--at TIME] [--trust-version N]",
	 "satchel-verify diff --store /srv/satchel 2026-11-01 2026-12-01",
	 "What changed between two approval lists: items added, removed or changed, ring\n"
	 "by ring, and what was revoked. OLD and NEW are lists or directories of bundles;\n"
	 "with --store or --station also revisions (41; 2-41 in epoch 2) or times, which\n"
	 "stand for the list in force then, and files are compared as well.",
	 diff_options, diff_run},
	{"show", "FILE|BUNDLE [--trust FILE] [--at TIME] [--trust-version N]",
	 "satchel-verify show /media/usb/satchel/updates-00000017",
	 "Shows a document, or what a bundle says of itself, for people. Without\n"
	 "--trust, or where the signatures beside it don't suffice, the first line says\n"
	 "UNVERIFIED.", show_options, show_run},
	{"tree", "DIR --store STORE [--stream NAME] [--csv] [--at TIME] [--trust-version N] [--jobs N]",
	 "satchel-verify tree /mnt/client/mirror --store /srv/satchel",
	 "A deployed copy, of a client or another server, against what the store\n"
	 "publishes, item by item: files that are missing, stale (bytes of a former\n"
	 "revision), changed or extra. Times and modes don't count. Exit 1 when it\n"
	 "differs.", tree_options, tree_run},
	{"who", "PATH --store STORE [--stream NAME] | PATH --station STATION [--at TIME] [--trust-version N]",
	 "satchel-verify who pool/o/openssl/libssl3.deb --store /srv/satchel",
	 "Who approved a file or item: its revision, its list, whose signatures that list\n"
	 "bears; at a station also who decided, and when. Why it is waiting, or since\n"
	 "when it is revoked.", who_options, who_run},
	{"report", "STORE|STATION|MEDIUM -o FILE [--trust FILE] [--at TIME] [--trust-version N]",
	 "satchel-verify report /srv/satchel --trust trust-1.yaml -o report.html",
	 "One page, to print or to file: lists and who signed them, what is published and\n"
	 "what waits, what a medium brings, trust roots and keys, refusals and the last\n"
	 "events. Without --trust it says UNVERIFIED. FILE must be new. Exit 1: something\n"
	 "differs, or is not proven by --trust, 3: unreadable.", page_options, page_run},
	{0},
};
static const struct option_def common[] = {
	{0},
};
static const struct program program = {
	.name = "satchel-verify", .version = SATCHEL_VERSION, .commands = commands, .common = common,
	.about = "Checks media, stores and documents without trusting those who made them.",
	.word = reason_word, .exit_code = reason_exit,
};

int main(int argc, char **argv)
{
	struct err e = {0};

	if (digest_start(&e) == -1) {
		fprintf(stderr, "satchel-verify: %s\n", e.text);
		return reason_exit(e.reason);
	}
	return options_run(&program, argc, argv);
}
