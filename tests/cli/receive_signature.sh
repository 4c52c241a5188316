#!/bin/bash
# Two people, two buildings: a signature made elsewhere is taken in beside the list or manifest it is of, whatever the file is
# called; of keys that are not in the role, and of other documents, none is.
. "$(dirname "$0")/lib.sh"
cd "$T" || exit 1
mkdir -p content/a m keys far
echo a >content/a/f
key() {
  openssl genpkey -algorithm ed25519 -out "keys/$1.key" 2>/dev/null
  chmod 600 "keys/$1.key"
  openssl pkey -in "keys/$1.key" -pubout -outform DER -out "keys/$1.der"
  sha256sum <"keys/$1.der" | cut -c1-64 >"keys/$1.id"
  echo "  - {id: $(cat "keys/$1.id"), name: \"$1\", algorithm: ed25519, public: \"$(base64 -w 0 "keys/$1.der")\"}" >>rows
}
id() { cat "keys/$1.id"; }
for k in root1 approver1 approver2 exporter1 exporter2 stranger; do key $k; done
{
  printf 'satchel: trust/1\nsite: "example"\nversion: 1\nepoch: 1\nissued: %s\nexpires: %s\nkeys:\n' \
    "$(date -u -d '1 hour ago' +%FT%TZ)" "$(date -u -d '1 year' +%FT%TZ)"
  grep -v stranger rows
  printf 'roles:\n  root: {threshold: 1, keys: [%s]}\n  approver: {threshold: 2, keys: [%s, %s]}\n' \
    "$(id root1)" "$(id approver1)" "$(id approver2)"
  printf '  exporter: {threshold: 2, keys: [%s, %s]}\n' "$(id exporter1)" "$(id exporter2)"
} >trust-1.yaml
sig() { echo "$1.$(id "$2" | cut -c1-32).sig"; }
openssl pkeyutl -sign -rawin -inkey keys/root1.key -in trust-1.yaml -out "$(sig trust-1.yaml root1)"
export SATCHEL_STATION=$T/station
expect 0 satchel-export init station --content content --stream updates --ring production --trust trust-1.yaml
expect 0 satchel-export scan
expect 0 satchel-export approve --all
expect 0 satchel-export sign --key keys/approver1.key
expect_word 1 signature-threshold satchel-export pack m --key keys/exporter1.key --key keys/exporter2.key

# the list travels to the other approver, who has no station, and the signature back
cp station/lists/1.yaml trust-1.yaml far/
(unset SATCHEL_STATION && expect 0 satchel-export sign far/1.yaml --trust far/trust-1.yaml --key keys/approver2.key)
back=$(sig far/1.yaml approver2)
[ -s "$back" ] || fail "no signature was made"
mkdir usb
cp "$back" "usb/whatever.yaml.$(id approver2 | cut -c1-32).sig"
# decisions made meanwhile disturb nothing
mkdir content/b && echo b >content/b/f
expect 0 satchel-export scan
expect 0 satchel-export approve --all
expect 4 satchel-export status
expect 0 satchel-export receive usb
grep -q 'lists/1.yaml: signed with key "approver2"; 2 of 2 signatures' "$T/out" || fail "what came of it"
cmp "$back" "$(sig station/lists/1.yaml approver2)" || fail "not the signature"
written=$(stat -c %i "$(sig station/lists/1.yaml approver2)")
expect 0 satchel-export receive "$back"
grep -q 'was signed already' "$T/out" || fail "again"
[ "$(stat -c %i "$(sig station/lists/1.yaml approver2)")" != "$written" ] || fail "not written again, though its name may not be durable"
cmp "$back" "$(sig station/lists/1.yaml approver2)" || fail "not the signature, the second time"
[ "$(grep -c '"event":"signature"' station/ledger.jsonl)" -eq 1 ] || fail "ledger"

# the same for a bundle below the exporter threshold
expect 4 satchel-export pack m --key keys/exporter1.key
(unset SATCHEL_STATION && expect 0 satchel-export sign m/satchel/updates-00000001/manifest.yaml --trust trust-1.yaml --key keys/exporter2.key)
expect 0 satchel-export receive "$(sig m/satchel/updates-00000001/manifest.yaml exporter2)"
grep -q 'bundles/1/manifest.yaml: signed with key "exporter2"; 2 of 2 signatures' "$T/out" || fail "manifest"
[ -s "$(sig station/bundles/1/manifest.yaml exporter2)" ] || fail "the station's copy"

# refused, and nothing changed
before=$(snapshot station)
refused() {
  local word=$1
  shift
  expect_word 1 "$word" satchel-export receive "$@"
  [ "$(snapshot station)" = "$before" ] || fail "a refused signature changed the station"
}
openssl pkeyutl -sign -rawin -inkey keys/stranger.key -in far/1.yaml -out "$(sig far/1.yaml stranger)"
refused key-role "$(sig far/1.yaml stranger)"
openssl pkeyutl -sign -rawin -inkey keys/exporter1.key -in far/1.yaml -out "$(sig far/1.yaml exporter1)"
refused signature-threshold "$(sig far/1.yaml exporter1)" # another role's key
openssl pkeyutl -sign -rawin -inkey keys/approver2.key -in trust-1.yaml -out "$(sig far/other.yaml approver2)"
refused signature-threshold "$(sig far/other.yaml approver2)" # of no list
cp "$(sig station/lists/1.yaml approver1)" "$(sig far/1.yaml approver2)"
refused signature-threshold "$(sig far/1.yaml approver2)" # under another's name
head -c 5000 /dev/zero >"$(sig far/1.yaml approver2)"
refused signature-missing "$(sig far/1.yaml approver2)"
: >"$(sig far/1.yaml approver2)"
refused signature-threshold "$(sig far/1.yaml approver2)"
ln -sf /dev/zero "$(sig far/1.yaml approver2)"
refused signature-missing "$(sig far/1.yaml approver2)"

# ---- a medium full of signature files: of keys that are known so many are tried, those first that are named for a document here; of
# others, none

mkdir flood
head -c 64 /dev/urandom >forged
known=$(id approver2 | cut -c1-32)
for n in $(seq 300); do
  cp forged "flood/a$n.yaml.$known.sig"
  cp forged "flood/1.yaml.$(printf '%032x' $n).sig"
done
cp "$(sig station/lists/1.yaml approver2)" flood/
refused key-role flood
grep -q 'lists/1.yaml: was signed already' "$T/out" || fail "the good one was not tried"
tried=$(grep -c 'no document here has this signature' "$T/err")
[ "$tried" -eq 63 ] || fail "$tried of the same key were tried besides"
grep -q ' and 236 others: not tried, .*name the file itself' "$T/err" || fail "those not tried are not said"
grep -q ' and 299 others: by keys that trust root 1 does not name' "$T/err" || fail "those of strangers are not said"
[ "$(wc -l <"$T/err")" -eq 65 ] || fail "a line for each"

# ---- a list that was abandoned does not come back by the signature that it lacked

expect 0 satchel-export sign --key keys/approver1.key # list 2, with b
mkdir late && cp station/lists/2.yaml trust-1.yaml late/
(unset SATCHEL_STATION && expect 0 satchel-export sign late/2.yaml --trust late/trust-1.yaml --key keys/approver2.key)
expect 0 satchel-export revoke b --revision 1 --note malware
expect 0 satchel-export sign --new --key keys/approver1.key
grep -q 'list 2 is abandoned' "$T/err" || fail "that it is abandoned is not said"
grep -q '"event":"abandon".*"revision":2' station/ledger.jsonl || fail "no line in the ledger"
before=$(snapshot station)
expect 0 satchel-export receive late
grep -q "lists/2.yaml was abandoned by 'sign --new': the signature with key \"approver2\" is not taken" "$T/err" || fail "not said"
expect_word 1 'list 2 was abandoned' satchel-export sign station/lists/2.yaml --key keys/approver2.key
expect_word 1 'list 2 was abandoned' satchel-export sign late/2.yaml --key keys/approver1.key # a copy of it
(unset SATCHEL_STATION && expect_word 1 'list 2 was abandoned' satchel-export sign station/lists/2.yaml --trust trust-1.yaml --key keys/approver2.key)
[ "$(snapshot station)" = "$before" ] || fail "an abandoned list was touched"
cp "$(sig late/2.yaml approver2)" station/lists/ # by hand
expect 4 satchel-export status
grep -q '^list 1 is signed' "$T/out" || fail "what is in effect: $(cat "$T/out")"
grep -q 'list 3 has 1 of 2 signatures' "$T/out" || fail "what waits: $(cat "$T/out")"
mkdir m2
expect 0 satchel-export pack m2 --key keys/exporter1.key --key keys/exporter2.key
grep -q '^revision: 1$' m2/satchel/*/approvals.yaml || fail "an abandoned list was packed"
expect 0 satchel-export prune --dry-run
grep -q '^b revision 1, 1 file, .* would go' "$T/out" || fail "bytes that only an abandoned list names: $(cat "$T/out")"
expect 0 satchel-export sign --key keys/approver2.key
grep -q '^list 3: .*1 revoked.*2 of 2' "$T/out" || fail "its successor"

# cut off between abandoning and the next list: what is decided is frozen under a number of its own, changed or not
mkdir content/c && echo c >content/c/f
expect 0 satchel-export scan
expect 0 satchel-export approve c
expect 0 satchel-export sign --key keys/approver1.key
: >station/lists/4.yaml.abandoned
expect 4 satchel-export status
grep -q "decisions are not in a list yet" "$T/out" || fail "what waits after the cut: $(cat "$T/out")"
grep -q 'list 4' "$T/out" && fail "an abandoned list waits"
cp -a station again
expect 0 satchel-export sign --key keys/approver1.key --key keys/approver2.key
grep -q '^list 5: 2 entries' "$T/out" || fail "the next list: $(cat "$T/out")"
expect 0 satchel-export -C again renew --key keys/approver1.key --key keys/approver2.key
grep -q '^list 5: 1 entry' "$T/out" || fail "renewed is what was in effect: $(cat "$T/out")"

# ---- what the other exporter added on a medium is taken from it, whatever was made since; once it is taken, that is said

mkdir h1 h2
expect 4 satchel-export pack h1 --key keys/exporter1.key
expect 0 satchel-export pack h2 --key keys/exporter1.key --key keys/exporter2.key
b=$(echo h1/satchel/updates-*)
n=$((10#${b##*-}))
expect_word 1 no-receipt satchel-export receive h1
(unset SATCHEL_STATION && expect 0 satchel-export sign "$b/manifest.yaml" --trust trust-1.yaml --key keys/exporter2.key)
added=$(sig "$b/manifest.yaml" exporter2)
cp "$added" good
cp -a station untold
expect_word 0 "bundles/$n/manifest.yaml: signed with key \"exporter2\"; 2 of 2 signatures" satchel-export receive h1
cmp "$added" "$(sig "station/bundles/$n/manifest.yaml" exporter2)" || fail "not the signature"
before=$(snapshot station)
expect_word 0 'known already' satchel-export receive h1
expect 0 satchel-export receive h1 --json
grep -q '"known": *true' "$T/out" || fail "--json: $(cat "$T/out")"
expect_word 1 no-receipt satchel-export receive h2 # what pack signed has not come back from anybody
cp forged "$added"
expect_word 1 no-receipt satchel-export receive h1 # and this is not what is known
[ "$(snapshot station)" = "$before" ] || fail "what is known changed the station"

# a bundle of the former trust root
rm -rf station && mv untold station
cp good "$added"
expect 0 satchel-export trust renew
expect 0 satchel-export trust sign --key keys/root1.key
[ -e station/trust/trust-2.yaml ] || fail "no second root: this test is blind"
expect_word 0 "bundles/$n/manifest.yaml: signed with key \"exporter2\"; 2 of 2 signatures" satchel-export receive h1

# of each key so many, those of the newest bundles
for x in $(seq 101 170); do
  there=h1/satchel/updates-00000$x
  mkdir "station/bundles/$x" "$there"
  cp "station/bundles/$n/manifest.yaml" "station/bundles/$x/"
  cp forged "$(sig "$there/manifest.yaml" exporter2)"
  cp forged "$(sig "$there/manifest.yaml" stranger)"
done
expect_word 1 signature-threshold satchel-export receive h1
tried=$(grep -c 'no document here has this signature' "$T/err")
[ "$tried" -eq 64 ] || fail "$tried of the same key were tried"
grep -q 'updates-00000106/manifest.yaml.* and 5 others: not tried, .*name the file itself' "$T/err" || fail "those not tried are not said"
