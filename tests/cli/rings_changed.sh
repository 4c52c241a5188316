#!/bin/bash
# Another ring in store.yaml: what it asks for and never came waits (exit 4, receipts ask for it), what is published stays, a later
# list's revocations take effect, prune and check keep quiet, and all is well once a list is whole for the new rings.
. "$(dirname "$0")/lib.sh"
c=$T/content
export SATCHEL_STORE=$T/store SATCHEL_STATION=$T/station
trust=$T/station/trust/trust-1.yaml
p=$T/store/published/updates
state() { cat "$T/store/streams/updates/current/state.yaml"; }
rings() { sed -i "s/^    rings: .*/    rings: [$1]/" "$T/store/store.yaml"; }
mkdir -p "$c/a" "$c/b"; echo one >"$c/a/f"; echo b >"$c/b/f"
expect 0 satchel-export init "$SATCHEL_STATION" --content "$c" --stream updates --ring production --ring pilot
expect 0 satchel-export scan; expect 0 satchel-export approve --all --ring production
quick_store
expect 0 satchel-export destination add store --key "$T/store/keys/receipt.pub" --ring production
echo two >"$c/a/f"; mkdir "$c/new"; echo new >"$c/new/f"
expect 0 satchel-export scan; expect 0 satchel-export approve --all --ring pilot; expect 0 satchel-export sign
mkdir "$T/m1" "$T/all1"; expect 0 satchel-export pack "$T/m1" --for store; expect 0 satchel-export pack "$T/all1"
expect 0 satchel-import apply "$T/m1"
[ "$(cat "$p/a/f")" = one ] && [ ! -e "$p/new" ] || fail "the start"
state | grep -qxF 'rings: ["production"]' || fail "the state doesn't tell its rings"
cp -a "$T/store" "$T/base"; cp -a "$p/" "$T/before"
fresh() { chmod -R u+w "$T/store"; rm -rf "$T/store"; cp -a "$T/base" "$T/store"; rings "$1"; }
before() { same_tree "$T/before" "$p"; }

fresh '"pilot", "production"'
expect 4 satchel-import apply "$T/m1"; before
grep -q 'new .*waits' "$T/out" && grep -q 'list 1 stays in effect' "$T/out" || { cat "$T/out"; fail "what waits"; }
state | grep -qxF 'rings: ["production"]' || fail "the state tells of rings that nobody asked for"
expect_word 4 'list 1 in effect' satchel-import status; grep -q 'new .*waits' "$T/out" || fail "status"
expect 0 satchel-import check; expect 0 satchel-import prune; before
expect 0 satchel-verify store "$T/store" --trust "$trust"
expect_word 0 "missing: 2" satchel-import receipt -
expect 4 satchel-import apply "$T/m1"; before
# "complete" there is of its rings, not of the station's: status does not tell what pack then finds missing
(fresh '"production"'
 mkdir "$T/back"; expect 0 satchel-import receipt "$T/back"; expect 0 satchel-export receive "$T/back"
 expect 0 satchel-export status; grep -q 'holds all of list 1' "$T/out" || { cat "$T/out"; fail "the same rings"; }
 expect 0 satchel-export destination add store --ring production --ring pilot
 expect 4 satchel-export status
 grep -q 'waiting: store follows the rings production, by its newest receipt, ' "$T/out" || { cat "$T/out"; fail "other rings"; }
 grep -q 'waiting: store lacks 4 objects' "$T/out" || { cat "$T/out"; fail "what it lacks for the station's rings"; }
 expect 0 satchel-export destination add store --ring production; expect 0 satchel-export status) || exit 1
fresh '"pilot", "production"'; expect 4 satchel-import apply "$T/m1"
cp -a "$T/store" "$T/waits"
expect 0 satchel-import apply "$T/all1"; same_tree "$c" "$p"
state | grep -qxF 'rings: ["pilot", "production"]' || fail "the state doesn't tell the new rings"
expect 0 satchel-import status; expect 0 satchel-import check; expect 0 satchel-verify store "$T/store" --trust "$trust"

# back to the old ones: what they ask for was received
rings '"production"'; expect 0 satchel-import apply "$T/m1"; before; expect 0 satchel-import status

# a revocation does not wait for the new rings
chmod -R u+w "$T/store"; rm -rf "$T/store"; mv "$T/waits" "$T/store"
expect 0 satchel-export revoke b; expect 0 satchel-export sign
mkdir "$T/m2" "$T/all2"; expect 0 satchel-export pack "$T/m2" --for store; expect 0 satchel-export pack "$T/all2"
expect 4 satchel-import apply "$T/m2"
[ ! -e "$p/b" ] && [ "$(cat "$p/a/f")" = one ] && [ ! -e "$p/new" ] || fail "a revocation waits"
expect 0 satchel-import apply "$T/all2"; same_tree "$c/a" "$p/a"; same_tree "$c/new" "$p/new"; [ ! -e "$p/b" ] || fail "b is back"
expect 0 satchel-import status

# the rings themselves are what counts, not their order in the file
fresh '"production", "production"'; expect 0 satchel-import apply "$T/m1"; before; expect 0 satchel-import status

# a state of before says nothing of rings: those of now are written down
fresh '"production"'; sed -i '/^rings:/d' "$T"/store/streams/updates/[ab]/state.yaml
expect 0 satchel-import apply "$T/m1"; before; state | grep -qxF 'rings: ["production"]' || fail "rings are not written down"
