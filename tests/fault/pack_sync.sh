#!/bin/bash
# Volumes are synced early, where whoever writes them has a pause: what a sync finds lost the kernel says once, so that it ends the
# run whichever sync it is. Nothing that looks complete is left, and packing again makes it good.
. "$(dirname "$0")/../cli/lib.sh"
shim="env LD_PRELOAD=$SATCHEL_BIN/tests/tools/shim.so"
[ -e "$SATCHEL_BIN/tests/tools/shim.so" ] || fail "no $SATCHEL_BIN/tests/tools/shim.so: make tools"
c=$T/content
mkdir -p "$c/item" "$T/m"
truncate -s 300M "$c/item/zeros" # stored as they are, below
quick_station "$c"
cp -a "$T/station" "$T/clean"
pack="satchel-export pack $T/m --level 0 --no-read-back --no-volume-digests"
expect 0 $shim SHIM_SYNC_LOG="$T/syncs" $pack
grep -n 'fsync .*/vol-0001.tar.zst$' "$T/syncs" | cut -d : -f 1 >"$T/numbers"
n=$(wc -l <"$T/numbers")
[ "$n" -gt 1 ] || fail "the volume is synced $n times: no pause came, and no early sync is tested"
for at in $(sed -n '1p;2p;$p' "$T/numbers"); do
  rm -rf "$T/station" "$T/m"; cp -a "$T/clean" "$T/station"; mkdir "$T/m"
  expect 3 $shim SHIM_SYNC_FAILS="$at" $pack
  grep -q 'Input/output error' "$T/err" || fail "sync $at: another error"
  [ -z "$(find "$T/m" -name 'manifest.yaml*')" ] || fail "sync $at: a manifest is on the medium"
  expect 0 $pack
  expect 0 satchel-verify bundle "$T/m" --trust "$T/station/trust/trust-1.yaml"
done
