#!/bin/bash
# The station's prune drops the bytes that nothing needs, and nothing else: said before, --dry-run changes nothing; afterwards
# everything approved is packed, a lost medium is made again byte for byte, receipts and acknowledgements still count, what
# returns is recognised; killed anywhere it is completed by the next run.
. "$(dirname "$0")/lib.sh"
cd "$T" || exit 1
c=$T/c
text() { sha256sum <<<"$1" | cut -d' ' -f1; }
has() { [ -e "station/objects/${1:0:2}/$1" ]; }
kept() { has "$(text "$1")" || fail "went, and is needed: $1"; }
gone() { ! has "$(text "$1")" || fail "stays, and nothing needs it: $1"; }
n=0
pack() { # pack into a fresh medium $m
  n=$((n + 1)); m=$T/m$n; mkdir "$m"
  expect 0 satchel-export pack "$m" "$@"
}
carried() { grep -oE '[0-9]+ objects?[ ,]' "$T/out" | tail -n 1 | tr -dc 0-9; }
mkdir -p c/app c/lib c/bad c/many
echo "app 1" >c/app/f; echo "lib 1" >c/lib/f; echo evil >c/bad/f
for i in $(seq 1100); do echo "$i" >"c/many/$i"; done
expect 0 satchel-export init station --content c --stream updates --ring pilot --ring production
export SATCHEL_STATION=$T/station
release() { # RING... : scan, approve what waits, sign
  local rings=() r
  for r in "$@"; do rings+=(--ring "$r"); done
  expect 0 satchel-export scan
  expect 0 satchel-export approve --all "${rings[@]}"
  expect 0 satchel-export sign
}
release pilot production
expect_word 0 '0 objects, 0 B, that nothing needs' satchel-export prune
for s in pilot prod quiet; do
  ring=production; [ $s = pilot ] && ring=pilot
  expect 0 satchel-import init $s --name $s --trust station/trust/trust-1.yaml --stream updates --ring $ring
  expect 0 satchel-export destination add $s --ring $ring --key $s/keys/receipt.pub
done
pack
for s in pilot prod quiet; do expect 0 satchel-import -C $s apply "$m"; done
expect 0 satchel-import -C prod receipt "$m"; expect 0 satchel-export receive "$m"	# prod has list 1
expect 0 satchel-export acknowledge quiet 1
expect 0 satchel-import -C pilot receipt "$m"; expect 0 satchel-export receive "$m"

# revision 2 in the pilot, 1 in production; bad is revoked; many changes in one record
echo "app 2" >c/app/f; echo "extra 2" >c/app/extra; echo changed >c/many/1
release pilot
expect 0 satchel-export revoke bad --note evil
expect 0 satchel-export sign
pack --for pilot; expect 0 satchel-import -C pilot apply "$m"
expect 0 satchel-import -C pilot receipt "$m"; expect 0 satchel-export receive "$m"
# revision 3 everywhere: frozen as list 4; revision 4 waits in the draft, and 5 is approved but not yet frozen
echo "app 3" >c/app/f; release pilot production
echo "app 4" >c/app/f; echo "lib 2" >c/lib/f
expect 0 satchel-export scan
expect 0 satchel-export approve lib --ring pilot

# prod and quiet have list 1 by receipt and acknowledgement, so what it needs stays, but for what was revoked; the pilot has list 3
snapshot station >before
expect_word 0 'that nothing needs: would go' satchel-export prune --dry-run
snapshot station >after; cmp before after || fail "--dry-run changed something"
grep -q '^bad revision 1, 1 file, 5 B  would go' "$T/out" || fail "what was revoked is not named: $(cat "$T/out")"
expect 0 satchel-export prune
for t in "app 1" "app 2" "app 3" "lib 1" "lib 2" changed; do kept "$t"; done
gone evil

# all of them go on; the last one is only told of by a person
pack
for s in pilot prod quiet; do expect 0 satchel-import -C $s apply "$m"; done
for s in pilot prod; do expect 0 satchel-import -C $s receipt "$m"; done
expect 0 satchel-export receive "$m"
said=$(satchel-export prune --dry-run)
grep -q '^app revision 2, 1 file, 6 B  would go' <<<"$said" || fail "app 2 is not named: $said"
grep -q '^app revision 1' <<<"$said" && fail "quiet still has list 1: $said"
expect 0 satchel-export acknowledge quiet "$(ls "$m/satchel" | grep -o '[1-9][0-9]*$')"
cp -a station base
cp -a "$m" newest
snapshot station >before
expect 0 satchel-export --json prune --dry-run
python3 - "$T/out" <<'EOF' || fail "JSON: $(cat "$T/out")"
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1])]
assert {(l["item"], l["revision"], l["files"]) for l in lines[:-1]} == {("app", 1, 1), ("app", 2, 1), ("many", 1, 1)}, lines
assert lines[-1]["dry"] is True and lines[-1]["objects"] == 3 and lines[-1]["documents"] == 0, lines[-1]
EOF
expect_word 0 '0 objects, ' satchel-export prune --keep 9 --dry-run
expect_word 0 '0 objects, ' satchel-export prune --keep 1 --dry-run
snapshot station >after; cmp before after || fail "--dry-run changed something"
expect_word 0 '3 objects, 14 B, that nothing needs: going' satchel-export prune
for t in "app 1" "app 2" evil; do gone "$t"; done
for t in "app 3" "lib 1" "lib 2" "extra 2" changed; do kept "$t"; done
snapshot base >before; snapshot station >after
[ "$(diff before after | grep -c '^< \./objects/.* f ')" -eq 3 ] || fail "not three files: $(diff before after)"
diff before after | grep '^<' | grep -vE 'objects/|ledger\.jsonl' && fail "more than objects went"
expect_word 0 '0 objects' satchel-export prune
expect_word 0 'prune' satchel-export log
expect 0 satchel-verify journal station

# everything approved is packed; a lost medium of the newest list is made again with the same volumes
pack
expect 0 satchel-verify bundle "$m" --trust station/trust/trust-1.yaml
for v in "$m"/satchel/*/vol-*.zst; do cmp "$v" newest/satchel/*/"${v##*/}" || fail "not the lost medium: $v"; done
expect 0 satchel-import init fresh --name fresh --trust station/trust/trust-1.yaml --stream updates --ring production
expect 0 satchel-import -C fresh apply "$m"
same_tree prod/published/updates fresh/published/updates
# for each destination: nothing is missing there, so nothing is carried, and one that lost an object gets that
for s in pilot prod quiet; do pack --for $s --dry-run; [ "$(carried)" -eq 0 ] || fail "$s is sent $(carried) objects"; done
d=$(text "app 3"); chmod u+w "prod/objects/${d:0:2}/$d"; echo "app X" >"prod/objects/${d:0:2}/$d"
expect 3 satchel-import -C prod check
expect 0 satchel-import -C prod receipt "$m"; expect 0 satchel-export receive "$m"
pack --for prod; [ "$(carried)" -eq 1 ] || fail "$(carried) objects for one that was damaged"
expect 0 satchel-import -C prod apply "$m"
expect 0 satchel-verify store prod --trust station/trust/trust-1.yaml
# what was sent long ago is acknowledged still, and status tells of all
expect_word 0 'bundle 1 was acknowledged already' satchel-export acknowledge quiet 1
expect_word 0 'bundle 4 acknowledged' satchel-export acknowledge quiet 4
expect 4 satchel-export status
grep -q 'holds all of list 4' "$T/out" || fail "status: $(cat "$T/out")"
# a new destination gets all of it; what waits for a freeze is there
expect 0 satchel-export destination add new --ring pilot
pack --for new; expect 0 satchel-import init new --name new --trust station/trust/trust-1.yaml --stream updates --ring pilot
expect 0 satchel-import -C new apply "$m"
same_tree pilot/published/updates new/published/updates
expect 0 satchel-export sign
pack; expect 0 satchel-import -C new apply "$m"
[ "$(cat new/published/updates/lib/f)" = "lib 2" ] || fail "what the draft approved"
# history answers, and bytes that return are the former revision, revoked as ever
expect 0 satchel-verify diff station/lists/1.yaml station/lists/4.yaml --station station
grep -q 'app.* files' "$T/out" || fail "what changed between lists: $(cat "$T/out")"
touch c/bad/f; expect 0 satchel-export scan
expect_word 0 revoked satchel-export list bad
# bytes that went can't be approved until they are there again
expect_word 1 content-changed satchel-export approve app --revision 1 --ring pilot
echo "app 1" >c/app/f; rm c/app/extra
expect 0 satchel-export approve app --revision 1 --ring pilot
kept "app 1"

# a contents list of something approved that is lost: nothing is guessed
rm -rf station; cp -a base station
list=$(grep -l 'item: "lib"' -r station/contents | head -n 1); mv "$list" list
other=$(grep -l 'item: "lib"' -r station/contents | head -n 1); mv "$other" other
snapshot station >before
expect_word 1 station-damaged satchel-export prune
snapshot station >after; cmp before after || fail "a refused prune changed something"

# killed anywhere
case "$SATCHEL_BIN" in *-asan) calls=;; *) calls="unlinkat write syncfs";; esac
command -v strace >/dev/null || skip "no strace here: the station's prune that is killed"
[ -n "$calls" ] || exit 0
rm -rf station; cp -a base station
count_calls satchel-export prune || fail "prune under strace"
for call in $calls; do
  numbers=$(points $call 5) || fail "prune never calls $call: this test is blind"
  for k in $numbers; do
    rm -rf station; cp -a base station
    inject $call signal=KILL "$k" satchel-export prune || continue
    expect 0 satchel-verify journal station
    expect 0 satchel-export prune
    for t in "app 1" "app 2" evil; do gone "$t"; done
    for t in "app 3" "lib 1" "lib 2" "extra 2" changed; do kept "$t"; done
    expect_word 0 '0 objects' satchel-export prune
  done
done
enough 5
