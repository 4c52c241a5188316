#!/bin/bash
# The APT story with a FAT32 image as the medium (fusefat: no kernel driver needed).
. "$(dirname "$0")/../cli/lib.sh"
command -v fusefat >/dev/null || skip "no fusefat here: a FAT32 medium"
[ -c /dev/fuse ] || skip "no /dev/fuse here: a FAT32 medium"
truncate -s 256M "$T/fat.img"
mkfs.vfat -F 32 "$T/fat.img" >/dev/null
mkdir "$T/mnt"
fusefat -o rw+ "$T/fat.img" "$T/mnt" >"$T/fusefat.log" 2>&1 || { tail -n 1 "$T/fusefat.log"; skip "fusefat does not mount here: a FAT32 medium"; }
at_exit 'fusermount -u "$T/mnt" 2>/dev/null || umount "$T/mnt"'
for _ in $(seq 50); do mountpoint -q "$T/mnt" && break; sleep 0.1; done
mountpoint -q "$T/mnt" || fail "the FAT32 image is not mounted"
# It is a medium, and neither a station nor a store: no modes, no links. Nothing is left behind.
mkdir -p "$T/content/a"
echo x >"$T/content/a/x"
expect 0 satchel-export init "$T/station" --content "$T/content" --stream x
expect_word 2 'no modes' satchel-export init "$T/mnt/station" --content "$T/content" --stream x
expect_word 2 'no modes' satchel-import init "$T/mnt/store" --name x --trust "$T/station/trust/trust-1.yaml" --stream x --ring production
[ -z "$(ls -A "$T/mnt")" ] || fail "left behind: $(ls -AR "$T/mnt")"
"$(dirname "$0")/apt.sh" "$T/mnt"
