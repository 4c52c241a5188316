#!/bin/bash
# Memory, threads, descriptors and I/O fail at every kind of call, one in a run, for each way on which satchel-verify and
# satchel-import come to it (once.py, tests/shim/once.c). ONCE_SHARE=K/N: a sample; tests/long/fault_once.sh tries them all.
. "$(dirname "$0")/../cli/lib.sh"
: "${ONCE_SHARE:=$((RANDOM % 24))/24}"
export ONCE_SHARE
echo "ONCE_SHARE=$ONCE_SHARE"
[ -e "$SATCHEL_BIN/tests/tools/once.so" ] || fail "no $SATCHEL_BIN/tests/tools/once.so: make tools"
c=$T/content
mkdir -p "$c/item/sub" "$c/stays"
for i in $(seq 8); do echo "$i" >"$c/item/$i"; done
echo same >"$c/stays/file"
quick_station "$c"
mkdir "$T/m1" "$T/m2"
expect 0 satchel-export pack "$T/m1"
quick_store
expect 0 satchel-import -C "$T/store" apply "$T/m1"
rm "$c/item/1"; echo changed >"$c/item/3"; ln -s 3 "$c/item/link"; chmod 755 "$c/item/4"; mkdir "$c/item/empty"
expect 0 satchel-export scan
expect 0 satchel-export approve --all --ring production
expect 0 satchel-export sign
expect 0 satchel-export pack "$T/m2"
cp "$T/station/trust/trust-1.yaml" "$T"
cp -a "$T/store" "$T/after"
expect 0 satchel-import -C "$T/after" apply "$T/m2"
expect 0 satchel-import -C "$T/after" receipt "$T/m1" --brief
mv "$T/m1/satchel/receipts" "$T/receipts"
cp -a "$T/after" "$T/back"
expect 0 satchel-import -C "$T/back" rollback 1
cp -a "$T/after/published/updates/." "$T/copy"
ln -s "$T/m2/satchel/updates-00000002" "$T/bundle"
python3 "$(dirname "$0")/once.py" "$SATCHEL_BIN/tests/tools/once.so" "$T" || fail "see above"
