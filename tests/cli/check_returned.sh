#!/bin/bash
# Names give back what a medium does not: a contents list and many of its objects were lost and come again; an executable, whose plain
# object was lost and whose published name is good, is found in passing.
. "$(dirname "$0")/lib.sh"
c=$T/content
mkdir -p "$c/a" "$T/medium"
for i in $(seq 63); do echo "file $i" >"$c/a/$i"; done # with the list 64, where what is remembered of them moves
head -c 9000000 /dev/urandom >"$c/a/tool"; chmod 755 "$c/a/tool"
cp -a "$c/a/tool" "$T/tool"
quick_station "$c"
expect 0 satchel-export pack "$T/medium"
quick_store
export SATCHEL_STORE=$T/store
expect 0 satchel-import apply "$T/medium"
tool=$(sha256sum <"$T/tool" | cut -c 1-64)
# all plain objects, the list's too; the tool's other inode stays
find "$T/store/objects" -type f ! -name '*.*' | while read -r f; do flip "$f"; done
expect 3 satchel-import check
[ "$(ls "$T/store/objects/${tool:0:2}" | grep -c "^$tool")" -eq 2 ] && [ -e "$T/store/objects/${tool:0:2}/$tool.lost" ] || fail "the tool is not lost, or all of it is: $(ls "$T/store/objects/${tool:0:2}")"
# the tool's frames can't be read
volume=$(ls "$T"/medium/satchel/*/vol-0001.tar.zst)
printf XXXX | dd of="$volume" bs=1 seek=$(($(stat -c %s "$volume") / 2)) conv=notrunc status=none
expect 3 satchel-import apply "$T/medium"
same_tree "$c" "$T/store/published/updates/"
for tree in a b; do same_tree "$c" "$T/store/streams/updates/$tree/tree/"; done
[ -z "$(find "$T/store/objects" -name '*.lost')" ] || fail "marks are left: $(find "$T/store/objects" -name '*.lost')"
expect 0 satchel-verify store "$T/store" --trust "$T/station/trust/trust-1.yaml"
