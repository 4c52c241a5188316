#!/bin/bash
# What counts badly: a file repeated 80,000 times (beyond ext4's 65,000 links), a sparse file of 5 GiB through small volumes.
# Both arrive, with bounded memory.
. "$(dirname "$0")/lib.sh"
case "$SATCHEL_BIN" in *-asan) n=3000 size=200M;; *) n=80000 size=5G;; esac
c=$T/content
mkdir -p "$c/many" "$c/huge"
/usr/bin/python3 - "$c/many" "$n" <<'P'
import os, sys
for i in range(int(sys.argv[2])):
    d = f"{sys.argv[1]}/{i // 1000}"
    if i % 1000 == 0: os.mkdir(d)
    with open(f"{d}/{i}", "wb") as f: f.write(b"the same in every file\n")
P
truncate -s "$size" "$c/huge/sparse"
printf 'needle' | dd of="$c/huge/sparse" bs=1 seek=123456789 conv=notrunc 2>/dev/null
quick_station "$c"
mkdir "$T/medium"
expect 0 satchel-export pack "$T/medium" --volume-size 512M
[ "$n" -ne 80000 ] || [ "$(ls "$T"/medium/satchel/*/vol-*.tar.zst | wc -l)" -ge 10 ] || fail "not in pieces"
[ "$(du -sm "$T/medium" | cut -f1)" -lt 40 ] || fail "the bundle is too large: objects are carried more than once"
expect 0 satchel-verify bundle "$T/medium" --trust "$T/station/trust/trust-1.yaml"
quick_store
expect 0 satchel-import -C "$T/store" apply "$T/medium"
cmp "$c/huge/sparse" "$T/store/published/updates/huge/sparse" || fail "the sparse file differs"
[ "$(find "$T/store/published/updates/many" -type f -size 23c | wc -l)" -eq "$n" ] || fail "not all of $n files are published"
# a change while both trees hold the links
rm "$c/many/0/0"; echo other >"$c/many/0/1"
expect 0 satchel-export scan
expect 0 satchel-export approve --all --ring production
expect 0 satchel-export sign
expect 0 satchel-export pack "$T/medium"
expect 0 satchel-import -C "$T/store" apply "$T/medium"
[ ! -e "$T/store/published/updates/many/0/0" ] && [ "$(cat "$T/store/published/updates/many/0/1")" = other ] || fail "second revision"
