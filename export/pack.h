/*
 * `satchel-export pack MEDIUM`: approved content and the list that approves it become one bundle.
 */
#ifndef EXPORT_PACK_H
#define EXPORT_PACK_H

#include "lib/options.h"

struct err;

#define PACK_SYNOPSIS "MEDIUM [--for DESTINATION]... [--assume-sent] [--only ITEM]... [--ahead ITEM]... [--approvals-only|--content-only]"
#define PACK_EXAMPLE "satchel-export -C /srv/station pack /media/usb"
#define PACK_ABOUT \
	"Packs what the newest approval list at threshold approves, and the list itself, into\n" \
	"a new signed bundle MEDIUM/satchel/STREAM-SEQUENCE, and reads it back. Every byte is\n" \
	"compared with the approved digest on its way. Volumes are planned and the room is\n" \
	"checked before the first write; a bundle that can't be finished is removed. If pack\n" \
	"was killed, the same command continues where it was; what was signed by then is not\n" \
	"made again, but taken into the station's books.\n" \
	"--for carries what these destinations need and are not known to hold, by their newest\n" \
	"receipts ('receive') and what was acknowledged since; where they hold all of it, the\n" \
	"list alone. Sent is not arrived: what is not confirmed is carried again, unless\n" \
	"--assume-sent is given. --only carries the objects of these items, and of what they\n" \
	"require, alone (the list is whole all the same); --ahead adds the newest revision of items that are not approved\n" \
	"yet. Items may be shell patterns."

extern const struct option_def pack_options[];
/* Exit code: 0; 4 where the bundle lacks signatures of exporters still. -1 with e set. */
int pack_run(const struct args *a, struct err *e);

#endif
