#!/bin/bash
# A station restored from last week's backup comes back into service against stores that have seen more: no number is used
# twice, what was approved and revoked since is approved and revoked again, the stores go on without a hand's turn.
. "$(dirname "$0")/lib.sh"
cd "$T" || exit 1
mkdir -p c/a c/b c/bad m1 m2 m3 m4 m5
echo one >c/a/x
echo two >c/b/y
echo evil >c/bad/z
quick_station c
quick_store
export SATCHEL_STORE=$T/store
published=store/published/updates
expect 0 satchel-export destination add store --key store/keys/receipt.pub
expect 0 satchel-export pack m1 --for store
expect 0 satchel-import apply m1
expect 0 satchel-import receipt m1
expect 0 satchel-export receive m1
cp -a station backup

# the week after the backup: changed, added, withdrawn, revoked
echo one more >c/a/x
mkdir c/new && echo new >c/new/n
expect 0 satchel-export scan
expect 0 satchel-export approve --all
expect 0 satchel-export revoke bad --note backdoor
expect 0 satchel-export sign
expect 0 satchel-export pack m2 --for store
expect 0 satchel-import apply m2
expect 0 satchel-export decline b
expect 0 satchel-export sign
expect 0 satchel-export pack m3 --for store
expect 0 satchel-import apply m3
expect 0 satchel-import receipt m3
[ "$(cd $published && find . -type f | sort | xargs)" = "./a/x ./new/n" ] || fail "before the disaster"
cp -a $published/ before

# ---- the disk fails

cp -a station lost
rm -rf station
mv backup station
cp -a station backup
cp -a station behind	# a receipt tells that the store has seen more than this station knows of
expect 0 satchel-export -C behind receive m3
expect 1 satchel-export -C behind status
grep -q "^UNHEALTHY: store has list 3, and this station knows of list 1: was it restored from a backup? 'recover'" "$T/out" ||
  fail "status of a station that is behind: $(cat "$T/out")"
expect 0 satchel-export -C behind renew	# and goes on: list 3 here is not the store's
expect 0 satchel-export -C behind renew
rm behind/lists/3.yaml.*.sig
expect_word 1 'UNHEALTHY: store has list 3, and this station knows of others only' satchel-export -C behind status
rm -rf behind
cp -a lost unsigned	# the store's own list 3, whose signer a root may have removed
expect 0 satchel-export -C unsigned receive m3
rm unsigned/lists/3.yaml.*.sig
expect_word 4 'has list 3, which waits for signatures here' satchel-export -C unsigned status
grep -q "pack --for" "$T/out" && fail "an older list shall be carried: $(cat "$T/out")"
expect 0 satchel-export -C unsigned sign
expect_word 0 'holds all of list 3' satchel-export -C unsigned status
rm -rf unsigned
if command -v strace >/dev/null; then	# the folders of bundles that were taken over have their names after a power cut
  cp -a station power
  rm -rf power/bundles
  expect 0 env ASAN_OPTIONS=detect_leaks=0 strace -f -y -e trace=fsync -o trace satchel-export -C power recover m2 m3
  [ -e power/bundles/3/manifest.yaml ] || fail "bundle 3 was not taken over"
  grep -q 'fsync(.*/power/bundles>)' trace && grep -q 'fsync(.*/power>)' trace || fail "the folder of a bundle was not synced"
  rm -rf power
fi
expect 0 satchel-export recover m2 m3
cat "$T/out" "$T/err" >>log
grep -q 'taken over: 0 trust roots, 2 lists, 2 bundles; the next list is above 3, the next bundle above 3' "$T/out" || fail "what it says: $(cat "$T/out")"
grep -q "'scan', then 'recover' again" "$T/err" || fail "the next step"
cmp lost/lists/3.yaml station/lists/3.yaml || fail "not the list"
cmp lost/bundles/3/manifest.yaml station/bundles/3/manifest.yaml || fail "not the manifest"
expect 0 satchel-export scan
expect 0 satchel-export recover m2 m3
grep -q 'taken over: 0 trust roots, 0 lists, 0 bundles' "$T/out" || fail "a second time"
[ ! -s "$T/err" ] || fail "something is left to do"
# every decision is there, and the revocation
expect 0 satchel-export sign
grep -q 'nothing changed since list 3' "$T/err" || fail "the decisions are not those of list 3"
grep -q 'backdoor' station/draft.yaml || fail "the revocation"
# the same bundle again from the station's own objects, and what the store lacks: nothing
expect 0 satchel-export pack m4 --for store
grep -q ' 0 objects' "$T/out" || fail "the store lacks nothing"
[ -d m4/satchel/updates-00000004 ] || fail "a sequence that was used: $(ls m4/satchel)"
expect 0 satchel-import apply m4
expect 0 satchel-export pack m5
expect 0 satchel-import init fresh --name fresh --trust station/trust/trust-1.yaml --stream updates --ring production
expect 0 satchel-import -C fresh apply m5
same_tree before fresh/published/updates
# and life goes on
mkdir c/later && echo later >c/later/l
expect 0 satchel-export scan
expect 0 satchel-export approve --all
expect 0 satchel-export sign
grep -q '^list 4:' "$T/out" || fail "the next list"
mkdir m6
expect 0 satchel-export pack m6 --for store
expect 0 satchel-import apply m6
[ "$(cd $published && find . -type f | sort | xargs)" = "./a/x ./later/l ./new/n" ] || fail "after it"
expect 0 satchel-verify store store
expect 0 satchel-import status
grep -q '"event":"recover"' station/ledger.jsonl || fail "the ledger"

# ---- only a receipt is left: the numbers are known, the decisions are not

rm -rf station
cp -a lost station
rm -rf station/lists/[23].yaml* station/bundles/[23] station/receipts/*
expect 0 satchel-import receipt - # no, as a file
satchel-import receipt - >text
expect 0 satchel-export recover text
grep -q 'next list is above 4, the next bundle above 6' "$T/out" || fail "by a receipt: $(cat "$T/out")"
grep -q 'list 4 was seen by a store and is not here' "$T/err" || fail "what is missing is not said"
expect 0 satchel-export sign
grep -q '^list 5:' "$T/out" || fail "a list above what the store has seen"
mkdir m7
expect 0 satchel-export pack m7
[ -d m7/satchel/updates-00000007 ] || fail "a bundle above what the store has seen"
expect 0 satchel-import apply m7

# ---- a medium on which the station lies, or that lies in it, is refused as by pack; what is no medium may have the station beside it

rm -rf station
mkdir on beside
cp -a m3/satchel on/
cp -a lost on/station
mkdir on/station/in && cp -a m3/satchel on/station/in/
before=$(snapshot on)
for command in recover receive; do
  expect_word 2 store-on-medium satchel-export -C on/station $command on
  expect_word 2 store-on-medium satchel-export -C on/station $command on/station/in
done
[ "$(snapshot on)" = "$before" ] || fail "a medium that is refused changed the station"
cp m3/satchel/receipts/* beside/ && mv on/station beside/
expect 0 satchel-export -C beside/station receive beside
expect 0 satchel-export -C beside/station recover beside

# ---- media that are not ours, or were changed, teach nothing

rm -rf station
cp -a lost station
rm -rf station/lists/3.yaml* station/bundles/3
cp -a m3 forged
echo >>forged/satchel/updates-00000003/manifest.yaml
expect_word 1 signature-threshold satchel-export recover forged
[ ! -e station/lists/3.yaml ] && [ ! -e station/bundles/3/manifest.yaml ] || fail "something was taken from a forged bundle"
rm -rf forged && cp -a m3 forged
rm forged/satchel/updates-00000003/approvals.yaml.*
expect_word 1 signature-missing satchel-export recover forged
[ ! -e station/lists/3.yaml ] || fail "a list without signatures"
rm -rf forged && cp -a m3 forged
sed -i 's/^revision: 3/revision: 9/' forged/satchel/updates-00000003/approvals.yaml
expect_word 1 signature-threshold satchel-export recover forged
# a station that went on by itself after the restore has forked its history: said, and nothing is overwritten
rm -rf station
cp -a lost station
rm -rf station/lists/3.yaml* station/bundles/3
mkdir c/other && echo other >c/other/o
expect 0 satchel-export scan
expect 0 satchel-export approve other
expect 0 satchel-export sign
cp station/lists/3.yaml ours
mkdir m8
expect 0 satchel-export pack m8
expect_word 1 list-fork satchel-export recover m3
cmp ours station/lists/3.yaml || fail "a list was overwritten"
grep -q '"what":"list-fork"' station/ledger.jsonl || fail "no alarm in the ledger"
expect 2 satchel-export recover
expect 2 satchel-export recover nowhere

# ---- a stray name on a medium ends nothing: what good bundles witness is taken over

cp -a m2 stray && cp -a m3/satchel/updates-00000003 stray/satchel/
: >stray/satchel/updates-00000001
ln -s updates-00000002 stray/satchel/updates-00000008
mkdir stray/satchel/updates-00000009 && cp m3/satchel/updates-00000003/vol-0001.* stray/satchel/updates-00000009/
restored() { rm -rf station && cp -a backup station; }
witnessed() {
  grep -q '^sequence: 3$' station/floor.yaml && grep -q '^revision: 3$' station/floor.yaml || fail "the floor: $(cat station/floor.yaml)"
  expect 0 satchel-export sign
  grep -q 'nothing changed since list 3' "$T/err" || fail "the decisions are not those of list 3"
}
restored
expect_word 0 'taken over: 0 trust roots, 2 lists, 2 bundles; the next list is above 3, the next bundle above 3' satchel-export recover stray
for n in 1 8; do grep -q "updates-0000000$n: no directory; passed over" "$T/err" || fail "a stray name is not said"; done
grep -q 'updates-00000009: it has no manifest.yaml: packing was interrupted; passed over' "$T/err" || fail "an interrupted bundle is not said"
witnessed
restored
expect 2 satchel-export recover stray nowhere
witnessed
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
  restored
  expect_word 1 'updates-00000002: Input/output error' env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o trace -e trace=openat2 \
    -e inject=openat2:error=EIO -P updates-00000002 satchel-export recover stray
  grep -q INJECTED trace || fail "nothing was unreadable: this test is blind"
  witnessed
fi
mkdir -p only/satchel/updates-00000009
expect_word 1 no-bundle satchel-export recover only

# ---- a number that jumps stops nobody: it is refused, and the rest is taken over

rm -rf station store
mkdir -p c2/a && echo one >c2/a/f
quick_station c2
quick_store
expect 0 satchel-export destination add store --ring production --key store/keys/receipt.pub
mkdir j1 j2 j3
expect 0 satchel-export pack j1 --approvals-only
cp -a station whole
sign_with() { openssl pkeyutl -sign -rawin -inkey "station/keys/$1.key" -in "$2" -out "$(ls "$2".*.sig)"; }
renumber() { # MEDIUM SEQUENCE: its bundle, under another number, signed with the exporter's key
  mv "$1"/satchel/updates-* "$1/satchel/$(printf 'updates-%08d' "$2")"
  sed -i "s/^sequence: .*/sequence: $2/; s/first: [0-9]*,/first: $2,/" "$1"/satchel/updates-*/manifest.yaml
  sign_with exporter "$1"/satchel/updates-*/manifest.yaml
}
cp -a j1 high
renumber high 9007199254740992
expect_word 1 jump satchel-import apply high
for n in 1000000 2000000; do # in steps a store follows
  rm -rf step && cp -a j1 step && renumber step $n
  expect 4 satchel-import apply step
done
mkdir back && expect 0 satchel-import receipt back
expect_word 1 'receipt of store: sequence 2000000 is more than 1000000 above 1' satchel-export recover back
grep -q 'the next bundle above 1$' "$T/out" || fail "where it goes on: $(cat "$T/out")"
grep -q '^sequence: 0$' station/floor.yaml && grep -q '^revision: 1$' station/floor.yaml || fail "the floor: $(cat station/floor.yaml)"
expect_word 1 '(jump)' satchel-export recover high # and from the medium
[ ! -e station/bundles/9007199254740992 ] || fail "its copy would stop the station as well"
expect 0 satchel-export pack j2
[ -d j2/satchel/updates-00000002 ] || fail "the next bundle: $(ls j2/satchel)"
expect 0 satchel-import apply j2
# to the limit, and one more
rm -rf station && cp -a whole station
cp -a j1 far && renumber far 1000002
expect_word 1 '(jump)' satchel-export recover far
renumber far 1000001
expect 0 satchel-export recover far
grep -q '^sequence: 1000001$' station/floor.yaml || fail "at the limit"
# a station that was stopped before
rm -rf station && cp -a whole station
printf 'satchel: floor/1\nsequence: 9007199254740992\nepoch: 1\nrevision: 9007199254740992\n' >station/floor.yaml
expect_word 1 'leaves no number above it' satchel-export recover back
expect 0 satchel-export pack j3
expect 0 satchel-export renew
# a list, signed by its approvers
rm -rf station && cp -a whole station
relist() { # MEDIUM REVISION
  local b former
  b=$(echo "$1"/satchel/updates-*)
  former=$(sha256sum <"$b/approvals.yaml" | cut -d' ' -f1)
  sed -i "s/^revision: .*/revision: $2/" "$b/approvals.yaml"
  sign_with approver "$b/approvals.yaml"
  sed -i "s/$former/$(sha256sum <"$b/approvals.yaml" | cut -d' ' -f1)/; s/^approvals: {epoch: 1, revision: 1,/approvals: {epoch: 1, revision: $2,/
    s/\"approvals.yaml\", size: [0-9]*/\"approvals.yaml\", size: $(stat -c %s "$b/approvals.yaml")/" "$b/manifest.yaml"
  sign_with exporter "$b/manifest.yaml"
}
rm -rf far && cp -a j1 far
relist far 1000002
expect_word 1 'list 1000002 of epoch 1 is more than 1000000 above list 1 of epoch 1' satchel-export recover far
[ ! -e station/lists/1000002.yaml ] || fail "a list that jumps"
expect 0 satchel-export renew
[ -e station/lists/2.yaml ] || fail "the next list"

# ---- a bundle that waits for an exporter's second signature: its number was used, and its list is one

unset SATCHEL_STATION
rm -rf station store
mkdir k h1 h2
for x in root:root al:approver e1:exporter e2:exporter; do expect 0 satchel-export key new "${x%:*}" --role "${x#*:}" --to k; done
expect 0 satchel-export trust new k/trust-1.yaml --site s --root k/root.pub --approver k/al.pub --exporter k/e1.pub --exporter k/e2.pub --threshold exporter=2
expect 0 satchel-export sign k/trust-1.yaml --key k/root.key
expect 0 satchel-export init station --content c2 --stream updates --trust k/trust-1.yaml
export SATCHEL_STATION=$T/station
expect 0 satchel-export scan
cp -a station scanned
expect 0 satchel-export approve --all
expect 0 satchel-export sign --key k/al.key
expect 4 satchel-export pack h1 --key k/e1.key
cp station/lists/1.yaml ours
rm -rf station && mv scanned station
expect_word 1 signature-threshold satchel-export recover h1
grep -q "then 'recover' again" "$T/err" || fail "the next step"
grep -q 'taken over: 0 trust roots, 1 list, 0 bundles; the next list is above 1, the next bundle above 1' "$T/out" || fail "half signed: $(cat "$T/out")"
cmp ours station/lists/1.yaml || fail "the list of a bundle that waits"
[ ! -e station/bundles/1 ] || fail "a bundle below the threshold"
expect 0 satchel-export pack h2 --key k/e1.key --key k/e2.key
[ -d h2/satchel/updates-00000002 ] || fail "a number that was used: $(ls h2/satchel)"
expect 0 satchel-export sign h1/satchel/updates-00000001/manifest.yaml --key k/e2.key
expect 0 satchel-export recover h1
[ -e station/bundles/1/manifest.yaml ] || fail "with all its signatures"
rm -rf h1/satchel/updates-00000001/manifest.yaml.*.sig station/lists/1.yaml*
expect_word 1 signature-missing satchel-export recover h1
[ ! -e station/lists/1.yaml ] || fail "something was taken from a bundle that no exporter signed"
