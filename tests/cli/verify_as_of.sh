#!/bin/bash
# --at and --trust-version with every verify command that judges anything: a store whose list 1 alice signed under root 1, and whose
# list 2 carol signed under root 2, which took alice out.
. "$(dirname "$0")/lib.sh"
cd "$T"
mkdir -p c/a k usb usb2
echo one >c/a/f
for who in chief:root alice:approver carol:approver packer:exporter; do
  expect 0 satchel-export key new ${who%:*} --role ${who#*:} --to k
done
expect 0 satchel-export trust new trust-1.yaml --site example --root k/chief.pub --approver k/alice.pub --exporter k/packer.pub
expect 0 satchel-export sign trust-1.yaml --key k/chief.key
expect 0 satchel-export init station --content c --stream updates --trust trust-1.yaml
export SATCHEL_STATION=$T/station
expect 0 satchel-import init store --name store --trust trust-1.yaml --stream updates --ring production
carry() { # key medium
  expect 0 satchel-export scan
  expect 0 satchel-export approve --all
  expect 0 satchel-export sign --key "k/$1.key"
  expect 0 satchel-export pack "$2" --key k/packer.key
  expect 0 satchel-import -C store apply "$2"
}
carry alice usb
cp -a store/published/updates/. first
lines=$(wc -l <store/journal.jsonl)
head=$(tail -n 1 store/journal.jsonl | tr -d '\n' | sha256sum | cut -d' ' -f1)
sleep 1.1
then=$(date -u +%FT%TZ)
sleep 1.1
expect 0 satchel-export trust add k/carol.pub --role approver
expect 0 satchel-export trust remove alice
expect 0 satchel-export trust sign --key k/chief.key
expect 0 satchel-export sign --key k/carol.key	# list 1, which is below the new threshold; only then is another one frozen
echo two >c/a/f
carry carol usb2
as=(--at "$then")
late=(--at 2090-01-01T00:00:00Z)
old=(--trust-version 1)

# every one of them knows both, and has no root 3
for c in 'store store' 'journal store' 'tree first --store store' 'who a --store store' 'who a --station station' \
  'report store -o -' 'report station -o -' 'diff --store store 1 2' 'show station/lists/1.yaml' 'bundle usb --trust trust-1.yaml'; do
  # shellcheck disable=SC2086
  satchel-verify $c "${as[@]}" "${old[@]}" >"$T/out" 2>"$T/err" || [ $? = 1 ] || fail "$c knows no --at or --trust-version"
done
for c in 'store store' 'tree first --store store' 'who a --store store' 'who a --station station' 'report store -o -' \
  'report station -o -' 'diff --store store 1 2'; do
  # shellcheck disable=SC2086
  expect_word 2 'ends at root 2' satchel-verify $c --trust-version 3
done

# as of root 1 nobody could sign list 2
expect 0 satchel-verify store store
expect_word 1 signature-missing satchel-verify store store "${old[@]}"
grep -q 'lists/1-2: .*signature-missing' out && ! grep -q 'lists/1-1: ' out || { cat out; fail "the wrong list"; }
expect_word 1 signature-missing satchel-verify tree store/published/updates --store store "${old[@]}"
expect_word 1 signature-missing satchel-verify who a --store store "${old[@]}"
expect 1 satchel-verify report store --trust trust-1.yaml -o root1.html "${old[@]}"
grep -q 'signature-missing' root1.html && ! grep -q carol root1.html || fail "report as of root 1"
expect 0 satchel-verify report store --trust trust-1.yaml -o root2.html
grep -q carol root2.html || fail "report as of now"
expect 0 satchel-verify who a --station station "${old[@]}"
grep -q 'signed by nobody yet' out || { cat out; fail "a station as of root 1"; }

# as of a time
expect 0 satchel-verify store store
grep -q expired out && fail "nothing is expired"
expect 0 satchel-verify store store "${late[@]}"
grep -q 'root 2 expired at' out && grep -q 'lists/1-2: note: the newest list expired at' out || { cat out; fail "expired in 2090"; }
expect 0 satchel-verify tree store/published/updates --store store
expect 1 satchel-verify tree first --store store
expect 0 satchel-verify tree first --store store "${as[@]}"
grep -q "^a: revision 1: current" out && grep -q "as store published them at $then" out || { cat out; fail "tree as of a time"; }
expect 1 satchel-verify tree store/published/updates --store store "${as[@]}"
expect 0 satchel-verify tree first --store store "${as[@]}" "${old[@]}"
expect 2 satchel-verify tree first --store store --at 2001-01-01T00:00:00Z
expect 0 satchel-verify who a/f --store store "${as[@]}"
grep -q '^  then: revision 1 for production by list 1, .* signed by alice$' out || { cat out; fail "who as of a time"; }
expect 0 satchel-verify who a/f --station station "${as[@]}"
grep -q '^  approved: revision 1 ' out && ! grep -q 'revision 2' out || { cat out; fail "who at the station as of a time"; }

# the journal: its length and head of that day
expect 0 satchel-verify journal store "${as[@]}"
grep -qx "journal.jsonl: as of then: $lines lines, head $head" out || { cat out; fail "the journal as of a time"; }
lines=$(($(grep -n '"event":"root"' store/journal.jsonl | cut -d: -f1) - 1))
head=$(sed -n "${lines}p" store/journal.jsonl | tr -d '\n' | sha256sum | cut -d' ' -f1)
expect 0 satchel-verify journal store "${old[@]}"
grep -qx "journal.jsonl: as of then: $lines lines, head $head" out || { cat out; fail "the journal as of root 1"; }
expect 0 satchel-verify journal station "${old[@]}" --json
grep -q '"then_length"' out || { cat out; fail "the ledger as of root 1"; }
expect 0 satchel-import -C store receipt -
cp out r.txt
expect 0 satchel-verify journal store --receipt r.txt
grep -q 'after the time' out && fail "made now"
expect 0 satchel-verify journal store --receipt r.txt --at 2020-01-01T00:00:00Z
grep -q 'r.txt: note: it was made at .*, after the time it is judged as of' out || { cat out; fail "a receipt of later"; }
exit 0
