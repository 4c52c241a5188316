#!/bin/bash
# `pack --for` carries exactly what its destinations need and lack, never more: after a lost medium, a damaged one, objects set
# aside, content ahead of its approval, for a store added later, for several at once, by brief receipts and by word of mouth.
# What is expected is counted by tests/cli/held.py from lists and directories, not by the programs.
. "$(dirname "$0")/lib.sh"
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$T" || exit 1
unset SATCHEL_STORE
media=0
held() { python3 "$top/tests/cli/held.py" "$@"; }
new_medium() { # sets m
  media=$((media + 1))
  m=$T/medium-$media
  mkdir "$m"
}
bundle() { ls -d "$m"/satchel/updates-*; }
newest_list() { (cd station/lists && ls ./*.yaml | sed 's:./::' | sort -n | tail -n 1); }
store() { # NAME RING
  expect 0 satchel-import init "$1" --name "$1" --trust station/trust/trust-1.yaml --stream updates --ring "$2"
  expect 0 satchel-export destination add "$1" --ring "$2" --key "$1/keys/receipt.pub"
}
decide() { # what is new, for these rings
  expect 0 satchel-export scan
  expect 0 satchel-export approve --all "$@"
  expect 0 satchel-export sign
}
report() { # STORE [--brief]: a receipt comes back
  local d
  d=$(mktemp -d -p "$T")
  expect 0 satchel-import -C "$1" receipt "$d" "${@:2}"
  expect 0 satchel-export receive "$d"
}
lacks() { # STORE RING: what it has to be sent
  held lacks station "$(newest_list)" "$1" "$2"
}
carries() { # FILE OPTION...: a new medium carries exactly the objects listed in the file
  new_medium
  expect 0 satchel-export pack "$m" "${@:2}"
  cp "$T/err" said
  held carried "$(bundle)" >carried
  diff "$1" carried >differ || { cat differ >&2; fail "wanted (<) and carried (>) differ: pack ${*:2}"; }
  expect 0 satchel-verify bundle "$m" --trust station/trust/trust-1.yaml
}
exactly() { # STORE RING OPTION...: and that is what the store lacks
  lacks "$1" "$2" >wanted
  carries wanted --for "$1" "${@:3}"
}
complete() { # STORE
  expect 0 satchel-import -C "$1" apply "$m"
  expect 0 satchel-import -C "$1" status
  expect 0 satchel-verify store "$1"
}

mkdir -p c/one c/two c/many
echo one >c/one/x
echo two >c/two/y
for n in $(seq 1500); do echo "file $n" >"c/many/$n"; done # a contents list in parts
head -c 20000000 /dev/urandom >c/two/big
expect 0 satchel-export init station --content c --stream updates --ring pilot --ring production
export SATCHEL_STATION=$T/station
decide --ring pilot,production
store north production
store south production
store test pilot

# ---- nothing is known: all of it; then nothing but the list

exactly north production
complete north
carries wanted --for north # sent is not arrived
: >nothing
carries nothing --for north --assume-sent
report north
carries nothing --for north
expect 0 satchel-import -C north apply "$m"
new_medium
expect 0 satchel-export pack "$m" --for north --content-only
[ ! -e "$m/satchel" ] || fail "a bundle of nothing"
grep -q 'nothing to carry' "$T/err" || fail "nothing to carry is not said"

# ---- new content; the medium is lost

mkdir c/three
echo three >c/three/z
echo changed >c/one/x
rm c/many/7
decide --ring pilot,production
exactly north production
[ "$(wc -l <wanted)" -lt 12 ] || fail "more than what changed: $(cat wanted)"
rm -r "$m"
exactly north production
complete north
report north
carries nothing --for north

# ---- damaged: whole objects, and frames of a large one

exactly south production
volume=$(bundle)/vol-0001.tar.zst
for at in 3000000 13000000; do printf damage | dd of="$volume" bs=1 seek=$at conv=notrunc status=none; done
expect 3 satchel-import -C south apply "$m"
report south
lacks south production >wanted
big=$(sha256sum <c/two/big | cut -c1-64)
grep -qx "$big" wanted || fail "the large object is whole"
new_medium
expect 0 satchel-export pack "$m" --for south
held carried "$(bundle)" >carried
cut -d' ' -f1 carried | sort -u | diff wanted - || fail "not the objects it lacks"
[ "$(grep -c "^$big " carried)" -eq 2 ] || fail "not two extents of the large object: $(grep "^$big" carried)"
[ "$(held bytes "$(bundle)")" -lt 9000000 ] || fail "more of it than is missing: $(held bytes "$(bundle)")"
expect 0 satchel-verify bundle "$m" --trust station/trust/trust-1.yaml
cp carried damaged
cp -a south south-before
complete south
# word of mouth for the same bundle: what it carried in extents is then all there
expect 0 satchel-export acknowledge south "$(basename "$(bundle)")"
carries nothing --for south
rm -rf south && mv south-before south
report south # which knows better
new_medium
expect 0 satchel-export pack "$m" --for south
held carried "$(bundle)" | diff damaged - || fail "after the receipt that tells of damage"
# the same extents, cut again by small volumes
new_medium
expect 0 satchel-export pack "$m" --for south --volume-size 8M --jobs 3
complete south
report south
carries nothing --for south

# ---- set aside as damaged

hash=$(sha256sum <c/three/z | cut -c1-64)
object=north/objects/${hash:0:2}/$hash
chmod u+w "$object"
rm "$object"
: >"$object.lost"
report north
echo "$hash" >wanted
carries wanted --for north
report north --brief
carries wanted --for north
expect 0 satchel-import -C north apply "$m"
expect 0 satchel-verify store north
report north
carries nothing --for north

# ---- ahead of its approval: held, though no list needs it

mkdir c/four
head -c 100000 /dev/urandom >c/four/later
expect 0 satchel-export scan
new_medium
expect 0 satchel-export pack "$m" --for north --ahead four --content-only
held carried "$(bundle)" >ahead
[ "$(wc -l <ahead)" -eq 2 ] || fail "ahead: $(cat ahead)"
expect 0 satchel-import -C north apply "$m"
report north
new_medium
expect 0 satchel-export pack "$m" --for north --ahead four --content-only
[ ! -e "$m/satchel" ] || fail "ahead a second time"
decide --ring production
carries nothing --for north
complete north

# ---- a fifth store a year later, and several at once

store west pilot
exactly west pilot
grep -q 'west: nothing is known' said || fail "what it rests on is not said"
report north
report south
lacks south production >wanted-south
lacks west pilot >wanted-west
sort -u wanted-south wanted-west >wanted
carries wanted --for west --for south --for north
complete west
complete south
expect 1 satchel-import -C test apply "$m" # not for this one
report south
report west
report test
carries nothing --for south --for west --for north
# where two differ only in what neither lacks, nothing of it is carried
echo only pilot >c/one/x
expect 0 satchel-export scan
expect 0 satchel-export approve one --ring pilot
expect 0 satchel-export sign
lacks west pilot >wanted
carries wanted --for west --for south
[ "$(wc -l <wanted)" -eq 2 ] || fail "one file and its contents list: $(cat wanted)"
complete west

# ---- brief receipts: what the lists they name need, less what is missing

exactly test pilot
expect 0 satchel-import -C test apply "$m"
report test --brief
carries nothing --for test
echo more >>c/many/1400
decide --ring pilot,production
exactly test pilot
rm -r "$m"
# the list alone arrives: its contents list is missing, so what that names is not confirmed
new_medium
expect 0 satchel-export pack "$m" --approvals-only
expect 4 satchel-import -C test apply "$m"
report test --brief
exactly test pilot
report test
exactly test pilot
complete test
report test --brief
carries nothing --for test

# ---- by word of mouth

echo again >c/two/y
decide --ring pilot,production
exactly test pilot
sequence=$(basename "$(bundle)" | sed 's/.*-0*//')
expect 1 satchel-export acknowledge west "$sequence"
grep -q wrong-destination "$T/err" || fail "acknowledged for another store"
expect 2 satchel-export acknowledge nobody "$sequence"
expect 2 satchel-export acknowledge test 99999
expect 2 satchel-export acknowledge test x
expect 0 satchel-export acknowledge test "$sequence"
carries nothing --for test
expect 0 satchel-export acknowledge test "$sequence"
grep -q 'already' "$T/out" || fail "acknowledged twice"
grep '"event":"acknowledge"' station/ledger.jsonl | grep -q "\"destination\":\"test\",\"sequence\":$sequence," || fail "not in the ledger"
# a receipt made before it arrived: nobody knows that but the store
report test
exactly test pilot
complete test
report test
expect 0 satchel-export acknowledge test "$(basename "$(bundle)" | sed 's/.*-0*//')"
grep -q 'in its newest receipt already' "$T/out" || fail "the receipt knew"

# ---- said by status

expect 4 satchel-export status --json
python3 - "$T/out" <<'PY' || fail "status of destinations"
import json, sys
o = json.loads(open(sys.argv[1]).read())
d = {x["destination"]: x for x in o["destinations"]}
assert d["test"]["lacks"] == 0 and d["test"]["publishes"]["revision"] == o["list"], d["test"]
assert d["south"]["lacks"] > 0 and d["south"]["publishes"]["revision"] < o["list"], d["south"]
assert d["south"]["unconfirmed"] and d["north"]["receipt"] >= 5
PY
expect 4 satchel-export status
grep -q "^waiting: south lacks .* objects\?, .*'pack --for south' carries what it lacks" "$T/out" || fail "status for people"
new_medium
expect 2 satchel-export pack "$m" --assume-sent
expect 2 satchel-export pack "$m" --for nobody

# ---- what a person should know: other rings, formats it can't read

expect 0 satchel-export destination add south --ring pilot
new_medium
expect 0 satchel-export pack "$m" --for south
grep -q 'south follows other rings' "$T/err" || fail "no warning of rings"
for how in '--for south --approvals-only' '--approvals-only' ''; do # the same where nothing rests on receipts
  # shellcheck disable=SC2086
  expect 0 satchel-export pack "$m" --dry-run $how
  grep -q 'south follows other rings' "$T/err" || fail "no warning of rings: pack $how"
  [ "$(grep -c ' follows other rings' "$T/err")" -eq 1 ] || fail "others are warned of: pack $how"
done
expect 0 satchel-export pack "$m" --dry-run --for north --approvals-only
grep -q south "$T/err" && fail "a warning of a store that the bundle is not for"
expect 0 satchel-export destination add south --ring production
mkdir d
satchel-import -C south receipt d --brief >/dev/null
r=$(ls d/satchel/receipts/*.yaml)
sed -i 's:"volume/1":"volumes/9":' "$r"
openssl pkeyutl -sign -inkey south/keys/receipt.key -rawin -in "$r" -out "$(ls "$r".*.sig)"
expect 0 satchel-export receive d
new_medium
expect 0 satchel-export pack "$m" --for south
grep -q "south can't read volume/1" "$T/err" || fail "no warning of formats"
expect 0 satchel-export pack "$m" --dry-run
grep -q "south can't read volume/1" "$T/err" || fail "no warning of formats without --for"

# ---- a store that pruned, and then needs again what it dropped: exactly that is carried

store lean production
mkdir c/back; echo "back 1" >c/back/f; echo same >c/back/stays
decide --ring production
exactly lean production; complete lean
echo "back 2" >c/back/f
decide --ring production
report lean; exactly lean production; complete lean
echo "back 3" >c/back/f # both trees of the store are beyond revision 1
decide --ring production
report lean; exactly lean production; complete lean
expect 0 satchel-import -C lean prune --keep 0
grep -q '^[1-9][0-9]* object' "$T/out" || fail "prune dropped nothing: this test is blind"
expect 0 satchel-export approve back --revision 1 --ring production
expect 0 satchel-export sign
report lean
exactly lean production
[ -s wanted ] || fail "nothing is missing after prune: this test is blind"
complete lean
[ "$(cat lean/published/updates/back/f)" = "back 1" ] || fail "what was gone back to is not published"

# ---- --assume-sent: what was lost before a receipt is not sent since, also what only a lost contents list names

store late production; decide --ring production
new_medium
expect 0 satchel-export pack "$m" --for late # lost
mkdir c/later; echo later >c/later/f
decide --ring production
new_medium
expect 0 satchel-export pack "$m" --for late --assume-sent
[ "$(held carried "$(bundle)" | wc -l)" -eq 2 ] || fail "sent without a receipt: $(held carried "$(bundle)")"
expect 4 satchel-import -C late apply "$m"
report late
exactly late production --assume-sent
complete late
new_medium # sent since the receipt: counts
expect 0 satchel-export pack "$m" --for late --assume-sent
held carried "$(bundle)" | cmp - nothing || fail "what was sent since the receipt is carried"

# ---- acknowledgements age: a store that sends no receipt prunes, too

expect 0 satchel-import init mute --name mute --trust station/trust/trust-1.yaml --stream updates --ring production
expect 0 satchel-export destination add mute --ring production
told() { # the medium arrives, and a person says so
  complete mute
  expect 0 satchel-export acknowledge mute "$(basename "$(bundle)" | sed 's/.*-0*//')"
}
exactly mute production; told
mkdir c/soon; echo soon >c/soon/f
expect 0 satchel-export scan
new_medium
expect 0 satchel-export pack "$m" --for mute --ahead soon
held carried "$(bundle)" >ahead
[ "$(wc -l <ahead)" -eq 2 ] || fail "ahead: $(cat ahead)"
told
rm -f c/many/3 # of a list in parts: a part that only one of its revisions has
echo "many 3" >c/many/3
expect 0 satchel-export scan
expect 0 satchel-export approve many --ring production
expect 0 satchel-export sign
many=$(grep -A1 'item: "\?many"\?$' "station/lists/$(newest_list)" | sed -n 's/.*revision: //p' | sort -n | tail -n 1)
exactly mute production; told
for n in 4 5; do
  echo "back $n" >c/back/f
  echo "many $n" >c/many/3
  expect 0 satchel-export scan
  expect 0 satchel-export approve back many --ring production
  expect 0 satchel-export sign
  exactly mute production; told
done
expect 0 satchel-import -C mute prune --keep 0
grep -q '^[1-9][0-9]* object' "$T/out" || fail "prune dropped nothing: this test is blind"
carries nothing --for mute # what it lacks by pruning, no list needs
expect 0 satchel-export approve back --revision 1 --ring production
expect 0 satchel-export approve many --revision "$many" --ring production
expect 0 satchel-export sign
satchel-export status >"$T/out" 2>"$T/err" || true
grep -q '^waiting: mute lacks' "$T/out" || fail "status says that it holds what it dropped"
exactly mute production
[ -s wanted ] || fail "nothing is missing after prune: this test is blind"
told
[ "$(cat mute/published/updates/back/f)" = "back 1" ] || fail "what was gone back to is not published"
[ "$(cat mute/published/updates/many/3)" = "many 3" ] || fail "what was gone back to in a list of parts is not published"
# what travelled ahead is there still, though newer lists came
expect 0 satchel-export approve soon --ring production
expect 0 satchel-export sign
satchel-export status >"$T/out" 2>"$T/err" || true
grep -q '^waiting: mute does not have list' "$T/out" || fail "status says that it has a list which was never carried"
carries nothing --for mute
told
satchel-export status >"$T/out" 2>"$T/err" || true
sed -n '/^destination mute/,/^destination/p' "$T/out" | grep -q 'holds all of list' || fail "status does not know what was acknowledged"
[ "$(cat mute/published/updates/soon/f)" = soon ] || fail "what travelled ahead is not published"
# for as long as stores keep it; then the list needs it, and it stays
mkdir c/waits; echo waits >c/waits/f
expect 0 satchel-export scan
new_medium
expect 0 satchel-export pack "$m" --for mute --ahead waits
told
export SOURCE_DATE_EPOCH=$(($(date +%s) + 91 * 86400))
expect 0 satchel-export renew
expect 0 satchel-export sign
new_medium
expect 0 satchel-export pack "$m" --for mute --ahead waits
held carried "$(bundle)" | wc -l | grep -qx 2 || fail "counts as held after its days: $(held carried "$(bundle)")"
unset SOURCE_DATE_EPOCH
