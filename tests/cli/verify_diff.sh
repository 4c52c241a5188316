#!/bin/bash
# satchel-verify diff: lists, bundles, revisions and days of a store and a station; rings, revocations, files.
. "$(dirname "$0")/lib.sh"
cd "$T"
mkdir -p c/a c/b c/gone medium
echo 1 >c/a/same
echo 1 >c/a/changes
echo 1 >c/a/leaves
echo b >c/b/f
echo g >c/gone/f
expect 0 satchel-export init s --content c --stream updates --ring pilot --ring production
export SATCHEL_STATION=$T/s
expect 0 satchel-export scan
expect 0 satchel-export approve a gone --ring pilot --ring production
expect 0 satchel-export sign
expect 0 satchel-import init store --name store --trust s/trust/trust-1.yaml --stream updates --ring pilot
expect 0 satchel-export pack medium
expect 0 satchel-import apply -C store medium
echo 2 >c/a/changes
rm c/a/leaves
echo new >c/a/comes
touch -d 2001-01-01 c/a/same
expect 0 satchel-export scan
expect 0 satchel-export approve a --ring pilot
expect 0 satchel-export approve b --ring pilot --title 'the second'
expect 0 satchel-export revoke gone --note 'bad one'
expect 0 satchel-export sign
expect 0 satchel-export pack medium
sleep 1
expect 0 satchel-import apply -C store medium

# two files, without trust and with it
expect 0 satchel-verify diff s/lists/1.yaml s/lists/2.yaml
grep -q '^old: list 1 of updates, .*UNVERIFIED' out || fail "not said UNVERIFIED"
grep -q '^~ a: 3 files' out && grep -q '^    pilot: revision 1 -> 2' out || { cat out; fail "a"; }
[ "$(grep -A2 '^~ a' out | tail -n 1 | cut -c1-3)" = '+ b' ] || { cat out; fail "production did not change for a"; }
grep -q '^+ b: 1 file, .*: the second' out && grep -q '^    pilot: revision - -> 1' out || fail "b"
grep -q '^- gone: ' out && grep -q '^revoked: gone revision 1: bad one' out || fail "gone"
grep -q '^items: 1 added, 1 removed, 1 changed; 1 revoked' out || fail "summary"
grep -q changes out && fail "files, though no contents list is at hand"
expect 0 satchel-verify diff s/lists/2.yaml s/lists/1.yaml --trust s/trust/trust-1.yaml
grep -q '^new: list 1 of updates, .*verified: approver, trust root 1' out || { cat out; fail "verified"; }
grep -q '^no longer revoked: gone' out || fail "backwards"
expect 0 satchel-verify diff s/lists/2.yaml s/lists/2.yaml
grep -q '^the same decisions' out || fail "nothing changed"

# two bundles
expect 0 satchel-verify diff medium/satchel/updates-00000001 medium/satchel/updates-00000002 --trust s/trust/trust-1.yaml
grep -q '^~ a: ' out && grep -q '^old: list 1 of.* verified' out || fail "bundles"
expect 2 satchel-verify diff medium medium/satchel/updates-00000002
grep -q 'STREAM-SEQUENCE' err || fail "no next step"

# files, by a station and by a store; a later time alone is nothing
for home in '--station s' '--store store'; do
  # shellcheck disable=SC2086
  expect 0 satchel-verify diff $home 1 1-2
  grep -A9 '^~ a' out | grep '^    [+~-]' >files || true
  printf '    ~ a/changes\n    + a/comes\n    - a/leaves\n' | cmp -s - files || { cat out; fail "files by $home"; }
done
expect 0 satchel-verify diff --store store 1 2 --json
python3 - out <<'P' || fail "json"
import json, sys
o = [json.loads(l) for l in open(sys.argv[1])]
assert [x["revision"] for x in o if "side" in x] == [1, 2]
a = [x for x in o if x.get("item") == "a" and "rings" in x]
assert a[0]["change"] == "changed" and a[0]["rings"] == [{"ring": "pilot", "was": 1, "is": 2}], a
f = {x["file"]: x["change"] for x in o if "file" in x}
assert f == {"a/changes": "changed", "a/comes": "added", "a/leaves": "removed"}, f
assert o[-1]["added"] == 1 and o[-1]["revoked"] == 1
P

# between two times
first=$(satchel-import log -C store | sed -n 's/  published .*//p' | head -n 1)
expect 0 satchel-verify diff --store store "$first" 2100-01-01
grep -q '^old: list 1 ' out && grep -q '^new: list 2 ' out || { cat out; fail "times of a store"; }
expect 0 satchel-verify diff --store store 2001-01-01 2100-01-01	# before the first list: all of it came since
grep -q '^old: no list was in force yet at 2001-01-01' out && grep -q '^+ a: ' out || { cat out; fail "before the first list"; }
expect 0 satchel-verify diff --station s 2001-01-01 2001-02-01 --json
grep -q '"added":0,"removed":0' out || fail "both before the first list"
expect 0 satchel-verify diff --station s 2100-01-01 2001-01-01
grep -q '^new: no list was in force yet' out && grep -q '^- a: ' out || fail "the other way round"
expect 0 satchel-verify diff --station s 1 2100-01-01
grep -q '^new: list 2 ' out || fail "times of a station"

# wrong uses and damage
expect 2 satchel-verify diff s/lists/1.yaml
expect 2 satchel-verify diff --store store 1 7
expect 2 satchel-verify diff s/lists/1.yaml nowhere.yaml
expect 2 satchel-verify diff --store store --station s 1 2
expect 2 satchel-verify diff --store store --stream other 1 2
for word in 1 2026-01-01; do expect_word 2 'name it with --store or --station' satchel-verify diff $word s/lists/1.yaml; done
expect_word 2 'the station has no such list' satchel-verify diff --station s 1 7
echo hello >hello
expect_word 1 document-type satchel-verify diff s/lists/1.yaml hello
ls s/lists store >/dev/null
# a contents list that is there, and damaged, is not "not at hand"
list=$(sed -n '/item: "a"/,/contents:/s/.*contents: {sha256: \([0-9a-f]*\),.*/\1/p' store/streams/updates/lists/1-1/approvals.yaml | head -n 1)
cp -a store damaged
chmod u+w "damaged/objects/${list:0:2}/$list"
echo x >>"damaged/objects/${list:0:2}/$list"
expect_word 1 store-damaged satchel-verify diff --store damaged 1 2
