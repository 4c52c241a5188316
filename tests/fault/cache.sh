#!/bin/bash
# After an interrupted run the objects are judged by what the device holds, not by what the cache still has of them: where the device
# refused to take pages, Linux keeps them as if they were written, and tells of it once, maybe to the run before.
. "$(dirname "$0")/../cli/lib.sh"
command -v strace >/dev/null || skip "no strace: objects that the device did not take"
c=$T/content
mkdir -p "$c/a" "$T/medium" "$T/fs"
for i in $(seq 20); do head -c 3000 /dev/urandom >"$c/a/$i"; done
quick_station "$c"
expect 0 satchel-export pack "$T/medium"
truncate -s 64M "$T/image"
mkfs.ext4 -q -F "$T/image"
loop=$(losetup --find --show --direct-io=on "$T/image" 2>/dev/null) && mount -t ext4 "$loop" "$T/fs" 2>/dev/null || {
  [ -z "$loop" ] || losetup -d "$loop"
  skip "no loop device can be mounted here: objects that the device did not take"
}
at_exit 'umount "$T/fs"; losetup -d "$loop"'
expect 0 satchel-import init "$T/fs/store" --name s --trust "$T/station/trust/trust-1.yaml" --stream updates --ring production
export SATCHEL_STORE=$T/fs/store
inject syncfs signal=KILL 1 satchel-import apply "$T/medium" || fail "never killed: this test is blind"
[ -e "$T/fs/store/stage/receiving" ] || fail "killed too early or too late: this test is blind"
sync -f "$T/fs"
# The device has other bytes of every third object; the cache keeps the right ones.
python3 - "$T/image" "$c"/a/*[369] <<'P' || fail "the device could not be changed behind the cache"
import os, sys
image = os.open(sys.argv[1], os.O_RDWR)
held = os.pread(image, 64 << 20, 0)
for name in sys.argv[2:]:
    at = held.find(open(name, 'rb').read())
    if at == -1:
        sys.exit(f'{name} is not on the device')
    os.pwrite(image, b'not taken', at)
os.fsync(image)
P
find "$T/fs/store/objects" -type f -exec sha256sum {} + | awk '{ n = split($2, p, "/"); if ($1 != p[n]) exit 1 }' || fail "the cache does not have them: this test is blind"
expect 0 strace -f -y -o "$T/trace" -e trace=syncfs,renameat,renameat2,linkat,unlinkat satchel-import apply "$T/medium"
# and before it trusts any name it syncs: the run may have been killed between a rename and its sync
grep '[a-z0-9](' "$T/trace" | head -n 1 | grep -q 'syncfs([0-9]*<[^>]*/store>) *= 0' || fail "names are trusted that may not be durable: $(head -n 3 "$T/trace")"
umount "$T/fs"
mount -t ext4 "$loop" "$T/fs"
same_tree "$c" "$T/fs/store/published/updates/"
expect 0 satchel-verify store "$T/fs/store" --trust "$T/station/trust/trust-1.yaml"
