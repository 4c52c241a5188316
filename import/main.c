/*
 * satchel-import: the perimeter side. Verifies what arrives on media and publishes what was approved for this store.
 *
 *     medium > find > unseal > admit > unframe > unpack > stage > store > publish > journal
 */
#include <stdio.h>

#include "import/commands.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "manifests/reason.h"

#include "lib/banned.h"

static const struct command commands[] = {
	{"init", "STORE --name NAME --trust FILE [--fingerprint SHA256] --stream NAME... --ring NAME...",
	 "satchel-import init /srv/satchel --name perimeter-a --trust trust-1.yaml --stream updates --ring production",
	 "Makes a store: a directory that content is published from. It trusts the root\n"
	 "in FILE and what extends it. Without --fingerprint the root's facts are\n"
	 "printed for you to compare.", init_options, init_run},
	{"apply", "MEDIUM... [--dry-run] [--wait SECONDS] [--jobs N]",
	 "satchel-import -C /srv/satchel apply /media/usb",
	 "Takes in every bundle on the media that is for this store, and publishes what\n"
	 "is approved and complete. Repeating it is harmless. Exit 1: something was\n"
	 "refused, 3: it could not finish, run it again, 4: taken in, but items wait\n"
	 "for objects that are still to come.", apply_options,
	 apply_run},
	{"status", "", "satchel-import -C /srv/satchel status",
	 "Says what is in effect, what waits and why, and whether anything has expired.\n"
	 "Exit 0: healthy, 4: items are waiting, 1: something is wrong.", status_options, status_run},
	{"rollback", "[--stream NAME] [REVISION] [--with-revoked ITEM]... | rollback --to-newest",
	 "satchel-import -C /srv/satchel rollback 41",
	 "Goes back to a list that is kept; without REVISION to the one before the list in\n"
	 "effect. What was revoked since is left out, and said. It stays so until a list\n"
	 "arrives that is newer than all there are now, and complete; or --to-newest.", rollback_options, rollback_run},
	{"check", "[--sample N/M] [--jobs N]", "satchel-import -C /srv/satchel check --sample 3/7",
	 "Hashes every object, or a part of them, and looks at every name in both trees. Damaged\n"
	 "objects are set aside: they are no longer served, and the next bundle that carries them\n"
	 "heals them. Names are put right from good objects. Exit 3: something was put right or\n"
	 "set aside, or is still.", check_options, check_run},
	{"prune", "[--keep N] [--dry-run]", "satchel-import -C /srv/satchel prune --keep 3 --dry-run",
	 "Drops former lists but for N, and the objects that nothing needs any more, after\n"
	 "saying what and how much. Objects that came ahead of their approval stay for the\n"
	 "days that policy says (ahead_days).", prune_options, prune_run},
	{"rescan", "[ITEM...]", "satchel-import -C /srv/satchel rescan",
	 "Has the scan hook look again at what it held: all, or the items that match. What it\n"
	 "passes now is published. Exit 1: it refused something, 4: something waits.", rescan_options, rescan_run},
	{"receipt", "MEDIUM|- [--brief] [--wait SECONDS]", "satchel-import -C /srv/satchel receipt /media/usb",
	 "Writes a receipt for the exporter: what this store holds and lacks, signed by its own\n"
	 "key. When it is carried back, the next bundle has just what is missing. With - it goes\n"
	 "to standard output, brief and with its signature, to be copied by any means.", receipt_options, receipt_run},
	{"log", "[--since TIME]", "satchel-import -C /srv/satchel log --since 2026-11-01",
	 "Prints the journal, and checks its chain while reading.", log_options, log_run},
	{0},
};
static const struct option_def common[] = {
	{.name = "store", .letter = 'C', .value = "STORE", .help = "the store; else $SATCHEL_STORE"},
	{0},
};
static const struct program program = {
	.name = "satchel-import", .version = SATCHEL_VERSION, .commands = commands, .common = common,
	.about = "Verifies bundles that arrive on media and publishes the approved content in them.",
	.word = reason_word, .exit_code = reason_exit,
};

int main(int argc, char **argv)
{
	struct err e = {0};

	if (digest_start(&e) == -1) {
		fprintf(stderr, "satchel-import: %s\n", e.text);
		return reason_exit(e.reason);
	}
	return options_run(&program, argc, argv);
}
