/*
 * satchel-export, the internet side: content root > scan > decide > freeze > select > pack > frame > seal > medium.
 */
#include "export/acknowledge.h"
#include "export/approve.h"
#include "export/destination.h"
#include "export/freeze.h"
#include "export/init.h"
#include "export/keys.h"
#include "export/list.h"
#include "export/log.h"
#include "export/pack.h"
#include "export/prune.h"
#include "export/receive.h"
#include "export/recover.h"
#include "export/roots.h"
#include "export/scan.h"
#include "export/signfile.h"
#include "export/status.h"
#include "export/withdraw.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/options.h"
#include "lib/say.h"
#include "manifests/reason.h"

#include "lib/banned.h"

static const struct option_def common[] = {
	{"station", 'C', "STATION", "the station to work in (default: $SATCHEL_STATION)", false},
	{0},
};

static const struct command commands[] = {
	{"init", "STATION --content DIR --stream NAME [--site NAME] [--ring NAME]... [--depth N] [--trust FILE]",
	 "satchel-export init /srv/station --content /srv/mirror --stream updates --ring pilot --ring production",
	 "Makes a station: the directory that holds the exporter's state, outside of the\n"
	 "content root. Without --trust it makes three key pairs, one for each role, and the\n"
	 "first trust root, which names them.",
	 init_options, init_run},
	{"scan", "[--rehash] [--jobs N]", "satchel-export -C /srv/station scan",
	 "Compares the content root with what is known: what is new or changed waits for a\n"
	 "decision, what is gone is said. Reads only files that changed. What can't be carried\n"
	 "is listed with its reason, its item stays out, and the exit code is 1.",
	 scan_options, scan_run},
	{"list", "[ITEM...|--all] [--state STATE]... [--ring RING]...", "satchel-export -C /srv/station list --state pending",
	 "Shows items, their revisions and what was decided on them. An item that is approved\n"
	 "and has a newer revision that waits is shown with both.",
	 list_options, list_run},
	{"approve", "ITEM... [--ring RING]... [--revision N] [--from-ring RING] [--no-requires] [--recut] [--title TEXT] ...",
	 "satchel-export -C /srv/station approve 'pool/*' --ring pilot",
	 "Approves the newest revision of items for rings, and what they require. The approved\n"
	 "bytes are kept in the station; if any changed since the scan, nothing is approved.\n"
	 "ITEM may be a shell pattern. Rings that are not named keep what they have.",
	 approve_options, approve_run},
	{"decline", "ITEM...|--all|--gone [--ring RING]...", "satchel-export -C /srv/station decline pool/x/xz",
	 "Declines the newest revision where it waits for a decision; else withdraws an approved\n"
	 "item from the rings named, or from all. Refused where other approved items require it.",
	 withdraw_decline_options, withdraw_decline},
	{"revoke", "ITEM...|--all|--gone|--superseded [--revision N] [--note TEXT]",
	 "satchel-export -C /srv/station revoke pool/x/xz --note backdoor",
	 "Withdraws approved revisions and remembers them in every list from now on, so that no\n"
	 "rollback brings them back. Items that require them are withdrawn, too, and named.",
	 withdraw_revoke_options, withdraw_revoke},
	{"sign", "[FILE] [--key FILE]... [--against OLD] [--trust ROOT] [--new]", "satchel-export -C /srv/station sign",
	 "Freezes the decisions as a new approval list and signs it; while a list waits for\n"
	 "signatures, signs that one. With FILE, shows and signs a list, trust root or\n"
	 "manifest instead, also without a station; the signature is written beside it. Exits 0\n"
	 "also below the threshold.",
	 signfile_options, signfile_run},
	{"renew", "[--key FILE]...", "satchel-export -C /srv/station renew",
	 "Freezes and signs the decisions of the newest list again, with a new expiry.",
	 freeze_options, freeze_renew},
	{"key new", "NAME --role ROLE [--to DIR] [--algorithm NAME] [--passphrase]",
	 "satchel-export key new alice --role approver --to . --passphrase",
	 "Makes a key pair in the station's keys/, or with --to in a directory of one's own, for\n"
	 "which no station is needed: NAME.key stays secret, NAME.pub goes into a trust root.",
	 keys_options, keys_run},
	{"trust show", "", "satchel-export -C /srv/station trust show",
	 "Shows the chain of trust roots: their keys, roles and thresholds. Where the next one is\n"
	 "drafted: what it changes, who has signed it and whose signature is missing.", NULL, roots_show},
	{"trust new", "FILE --site NAME --root PUB... --approver PUB... --exporter PUB... [--threshold ROLE=N]...",
	 "satchel-export trust new trust-1.yaml --site example --root chief.pub --approver alice.pub --approver bob.pub "
	 "--threshold approver=2 --exporter packer.pub",
	 "Writes the first trust root from the public keys of several people; no station is\n"
	 "needed. The holders of its root keys sign it by 'sign FILE', 'init --trust FILE' takes it.",
	 roots_new_options, roots_new},
	{"trust add", "FILE --role ROLE [--name NAME]", "satchel-export -C /srv/station trust add alice.pub --role approver",
	 "Drafts the next trust root, or goes on with the draft: a public key more. Nothing is\n"
	 "in force before the holders of root keys have signed the draft ('trust sign').", roots_add_options, roots_add},
	{"trust remove", "NAME|ID", "satchel-export -C /srv/station trust remove alice",
	 "Drafts the next trust root without this key. Once a store has that root, it takes in\n"
	 "nothing new that the key signed.", NULL, roots_remove},
	{"trust threshold", "ROLE N", "satchel-export -C /srv/station trust threshold approver 2",
	 "Drafts the next trust root: so many keys of the role must sign.", NULL, roots_threshold},
	{"trust epoch", "", "satchel-export -C /srv/station trust epoch",
	 "Drafts the next trust root with the next epoch: lists begin again with revision 1, and\n"
	 "whatever was signed in the former epoch is older. For a history of lists that is jammed,\n"
	 "or in which somebody else signed.", NULL, roots_epoch},
	{"trust renew", "[--days N]", "satchel-export -C /srv/station trust renew --days 365",
	 "Drafts the next trust root with a new expiry.", roots_life_options, roots_renew},
	{"trust sign", "[--key FILE]...", "satchel-export -C /srv/station trust sign --key chief.key",
	 "Shows the draft of the next trust root and signs it with a root key of the root in force\n"
	 "or of the draft. With the last signature that both roots ask for it is in force. Other\n"
	 "people sign a copy of the folder trust/draft by 'sign FILE'; 'receive' takes that in.",
	 signfile_trust_options, signfile_trust},
	{"trust discard", "", "satchel-export -C /srv/station trust discard",
	 "Throws the draft of the next trust root away, with its signatures.", NULL, roots_discard},
	{"destination add", "NAME --ring RING... [--key FILE]",
	 "satchel-export -C /srv/station destination add perimeter-a --ring production",
	 "Adds a store to station.yaml, or changes what is given of one.", destination_options, destination_add},
	{"destination remove", "NAME", "satchel-export -C /srv/station destination remove perimeter-a",
	 "Removes a store from station.yaml.", NULL, destination_remove},
	{"destination list", "[NAME]", "satchel-export -C /srv/station destination list", "Shows the stores, or this one.", NULL,
	 destination_list},
	{"pack", PACK_SYNOPSIS, PACK_EXAMPLE, PACK_ABOUT, pack_options, pack_run},
	{"receive", "FILE|MEDIUM|DIRECTORY...", "satchel-export -C /srv/station receive /media/usb",
	 "Takes in what came back: receipts of stores (of each the newest one), and signatures\n"
	 "made elsewhere, which are put beside the list or manifest they are of. A receipt is\n"
	 "believed when it is signed by the key that 'destination add --key' pinned and continues\n"
	 "the one before; otherwise it is refused, and the exit code is 1.",
	 NULL, receive_run},
	{"acknowledge", "DESTINATION SEQUENCE...", "satchel-export -C /srv/station acknowledge perimeter-a 17",
	 "Where no receipt may travel back: says that a bundle has arrived. What it carried counts\n"
	 "as held by that destination for 'pack --for', as far as a store is sure to keep it, until\n"
	 "a receipt comes and knows better.",
	 NULL, acknowledge_run},
	{"recover", "MEDIUM|RECEIPT...", "satchel-export -C /srv/station recover /media/usb",
	 "After the station was restored from a backup: takes over the trust roots, approval lists\n"
	 "and bundles on media that it signed since, and uses no number again that these or\n"
	 "receipts have seen. Decisions are those of the newest list found. Then 'scan', and\n"
	 "'recover' again: approved bytes are kept again as far as the content root has them.",
	 NULL, recover_run},
	{"status", "", "satchel-export -C /srv/station status",
	 "Shows what waits for a decision or a signature, and what expires. Exits 0 when all is\n"
	 "well, 4 when something waits, 1 when something is expired or soon will be.",
	 NULL, status_run},
	{"prune", "[--keep N] [--dry-run]", "satchel-export -C /srv/station prune --dry-run",
	 "Drops kept bytes that nothing needs: those of revisions that are approved nowhere any\n"
	 "more, that no signed list in force or on its way names, and that no destination is\n"
	 "known to publish. What goes is shown first. Lists, bundles and contents lists stay, so\n"
	 "history does; to approve such a revision again its bytes must be brought back.",
	 prune_options, prune_run},
	{"log", "[--since TIME]", "satchel-export -C /srv/station log --since 2026-12-01T00:00:00Z",
	 "Shows the ledger: every decision, signature and bundle, by whom and when.", log_options, log_run},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "satchel-export", .version = SATCHEL_VERSION, .commands = commands, .common = common,
		.about = "Packs approved content into signed bundles on removable media.",
		.word = reason_word, .exit_code = reason_exit,
	};
	struct err e = {0};

	if (digest_start(&e) == -1) {
		say_error(&e);
		return reason_exit(e.reason);
	}
	return options_run(&program, argc, argv);
}
