#!/bin/bash
# Receipts: what a store writes, on media and as one text; what receive takes and what it refuses: unknown, forged, replayed,
# truncated, planted, of another history, not canonical. A refused one never keeps a good one from being taken.
. "$(dirname "$0")/lib.sh"
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$T"
mkdir -p c/a c/b m
echo 1 >c/a/x
echo 2 >c/b/y
quick_station c
quick_store
export SATCHEL_STORE=$T/store
receipts=$T/m/satchel/receipts
id=$(openssl pkey -pubin -in store/keys/receipt.pub -outform DER | sha256sum | cut -c1-64)
sig() { echo "$1.${id:0:32}.sig"; }
# sign FILE: by the store's own key, as the store would
sign() { openssl pkeyutl -sign -inkey store/keys/receipt.key -rawin -in "$1" -out "$(sig "$1")"; }
held() { (cd "$T/station/receipts" && find . -type f -printf '%f %s\n' | sort && find . -name '*.yaml' -exec cat {} +); }
# refused WORD COMMAND...: exit 1 with the word, and nothing the station knows of its destinations changed
refused() {
  local word=$1 before
  shift
  before=$(held)
  expect_word 1 "($word)" "$@"
  [ "$(held)" = "$before" ] || fail "a refused receipt changed the station: $*"
  [ "$(grep -c '(.*)$' "$T/err")" -eq 1 ] || fail "not one reason: $(cat "$T/err")"
}

# ---- written: an empty store, then one that holds everything

expect 0 satchel-import receipt m
[ ! -s "$receipts/store-00000001.objects" ] || fail "an empty store holds something"
expect 0 satchel-export pack m
expect 0 satchel-import apply m
expect 0 satchel-import receipt m
openssl pkeyutl -verify -pubin -inkey store/keys/receipt.pub -rawin -in "$receipts/store-00000002.yaml" \
  -sigfile "$(sig "$receipts/store-00000002.yaml")" >/dev/null || fail "openssl does not find it signed"
python3 "$top/tests/cli/held.py" store store | cmp - "$receipts/store-00000002.objects" || fail "not the objects held"
expect 0 satchel-import receipt m --brief
[ ! -e "$receipts/store-00000003.objects" ] || fail "a brief receipt with a list of objects"
grep -q '^objects:' "$receipts/store-00000003.yaml" && fail "a brief receipt speaks of a list"
# the history is that of the journal: number and digest of its lines
for n in 1 2 3; do
  line=$(grep -n "\"event\":\"receipt\",\"counter\":$n," store/journal.jsonl | cut -d: -f1)
  head=$(sed -n "${line}p" store/journal.jsonl | tr -d '\n' | sha256sum | cut -c1-64)
  grep -qxF "  - {counter: $n, length: $line, head: $head}" "$receipts/store-00000003.yaml" || fail "history of receipt $n"
done
expect 0 satchel-verify show "$receipts/store-00000003.yaml"
grep -q 'receipt 3 of store store' "$T/out" || fail "show"
expect 0 satchel-import --json receipt m
python3 -c 'import json,sys; o=json.load(open(sys.argv[1])); assert o["counter"] == 4 and o["receipt"] == "store-00000004" and o["objects"] == 4' "$T/out" || fail "json"

# ---- planted: nothing is followed, nothing replaced, the next number is tried

outside=$T/outside
mkdir "$outside"
echo secret >"$outside/file"
ln -s "$outside/file" "$receipts/store-00000005.yaml"
expect_word 3 medium-write satchel-import receipt m
[ "$(cat "$outside/file")" = secret ] || fail "written through a link"
ln -s "$outside/new" "$receipts/store-00000006.objects"
expect_word 3 medium-write satchel-import receipt m
[ ! -e "$outside/new" ] || fail "made through a link"
ln -s "$outside/new" "$(sig "$receipts/store-00000007.yaml")"
expect_word 3 medium-write satchel-import receipt m
[ ! -e "$outside/new" ] && [ ! -e "$receipts/store-00000007.yaml" ] && [ ! -e "$receipts/store-00000007.objects" ] ||
  fail "something is left of a receipt without its signature"
mkdir m2 m3 m4
ln -s "$outside" m2/satchel
expect_word 1 file-type satchel-import receipt m2
mkdir m3/satchel
ln -s "$outside" m3/satchel/receipts
expect_word 1 file-type satchel-import receipt m3
[ "$(ls "$outside")" = file ] || fail "written outside of the medium"
echo x >m4/satchel
expect_word 1 file-type satchel-import receipt m4
expect_word 2 medium-missing satchel-import receipt nowhere
expect_word 2 store-on-medium satchel-import receipt .
expect_word 2 store-on-medium satchel-import receipt store/stage
rm "$receipts/"*0000000[567]*
expect 0 satchel-import receipt m
expect 0 satchel-verify store store
expect 0 satchel-verify bundle m --trust station/trust/trust-1.yaml
used=$(ls "$receipts"/*.yaml | sort | tail -n 1 | sed 's/.*-0*\([0-9]*\)\.yaml/\1/')
[ "$used" -ge 8 ] || fail "a number was used twice: $used"

# ---- who may say so

refused receipt-foreign satchel-export receive m
expect 0 satchel-export destination add store
refused receipt-foreign satchel-export receive m
expect 0 satchel-export destination add store --key store/keys/receipt.pub
mkdir d
cp "$receipts/store-00000003.yaml" d/
refused signature-missing satchel-export receive d
cp "$(sig "$receipts/store-00000002.yaml")" "$(sig d/store-00000003.yaml)"
refused signature-threshold satchel-export receive d/store-00000003.yaml
openssl genpkey -algorithm ed25519 -out other.key 2>/dev/null
openssl pkeyutl -sign -inkey other.key -rawin -in d/store-00000003.yaml -out "$(sig d/store-00000003.yaml)"
refused signature-threshold satchel-export receive d
: >"$(sig d/store-00000003.yaml)"
refused signature-threshold satchel-export receive d
head -c 3000 /dev/zero >"$(sig d/store-00000003.yaml)"
refused signature-missing satchel-export receive d
cp "$(sig "$receipts/store-00000003.yaml")" d/
expect 0 satchel-export receive d
grep -q 'receipt 3 of .*: list 1 complete' "$T/out" || fail "what it says"

# ---- taken: the newest of a medium; again; older

expect 0 satchel-export receive m
[ "$(ls station/receipts)" = "store-0000000$used.objects
store-0000000$used.yaml
$(sig store-0000000$used.yaml)" ] || fail "not just the newest: $(ls station/receipts)"
before=$(held)
expect 0 satchel-export receive m
grep -q 'known already' "$T/out" || fail "the same again is not said"
[ "$(held)" = "$before" ] || fail "the same again changed something"
refused receipt-replayed satchel-export receive "$receipts/store-00000002.yaml"
refused receipt-replayed satchel-export receive d
[ "$(grep -c '"event":"alarm"' station/ledger.jsonl)" -eq 0 ] || fail "an alarm for a replay"

# ---- a forged one with a higher number does not hide the good one

expect 0 satchel-import receipt m
cp "$receipts/store-00000002.yaml" "$receipts/store-99999999.yaml"
cp "$(sig "$receipts/store-00000002.yaml")" "$(sig "$receipts/store-99999999.yaml")"
cp "$receipts/store-00000002.yaml" "$receipts/store-88888888.yaml"
expect_word 1 document-form satchel-export receive m
grep -q signature-missing "$T/err" || fail "store-88888888 has no signature"
grep -q "^store: receipt $((used + 1)) " "$T/out" || fail "the good one was not taken"
rm "$receipts"/store-[89]*
ln -s /dev/zero "$receipts/store-77777777.yaml"
mkfifo "$receipts/store-66666666.yaml" "$(sig "$receipts/store-00000011.yaml")"
mkdir "$receipts/store-55555555.yaml"
expect 1 timeout 20 satchel-export receive m
grep -q 'known already' "$T/out" || fail "the good one among other things"
rm -r "$receipts"/store-[765]* "$(sig "$receipts/store-00000011.yaml")"

# ---- signed by the store, and still not what it must be

craft() { # SED-SCRIPT [COUNTER]: a receipt as the store might have written it
  rm -rf d
  mkdir d
  satchel-import receipt d --brief >/dev/null
  crafted=$(ls d/satchel/receipts/*.yaml)
  sed -i "$1" "$crafted"
  sign "$crafted"
}
craft 's/^lacks: 0/lacks: 00/'
refused document-form satchel-export receive d
craft 's/^reads:/reads: /'
refused document-form satchel-export receive d
craft 's/^time:/when:/'
refused document-form satchel-export receive d
craft '1s/1$/2/'
refused document-version satchel-export receive d
craft '1s/receipt/manifest/'
refused document-type satchel-export receive d
craft 's/^store: .*/store: "other"/'
refused document-form satchel-export receive d
craft 's/^history:/history: \&a/'
refused document-form satchel-export receive d
craft '$d'
refused document-form satchel-export receive d

# ---- the list of objects

full() {
  rm -rf d
  mkdir d
  satchel-import receipt d >/dev/null
  list=$(ls d/satchel/receipts/*.objects)
}
full && rm "$list"
refused file-missing satchel-export receive d
full && sed -i '$d' "$list"
refused file-size satchel-export receive d
full && echo more >>"$list"
refused file-size satchel-export receive d
full && sed -i '1s/^./g/' "$list" # what nobody signed is not parsed
refused file-digest satchel-export receive d
grep -qF "$list: another digest" "$T/err" || fail "the file is not named"
full && sed -i '$s/0$/1/;t;$s/.$/0/' "$list"
refused file-digest satchel-export receive d
full && rm "$list" && ln -s "$outside/file" "$list"
refused file-type satchel-export receive d
full && tac "$list" >x && mv x "$list" # the store itself lists them in another order
crafted=$(ls d/satchel/receipts/*.yaml)
sed -i "/^objects:/s/[0-9a-f]\{64\}/$(sha256sum <"$list" | cut -c1-64)/" "$crafted"
sign "$crafted"
refused document-form satchel-export receive d
grep -qF "$list: line " "$T/err" || fail "the file is not named"
[ -z "$(find station/receipts -name '.*' -type f)" ] || fail "temporary files are left"
expect 0 satchel-import receipt m
expect 0 satchel-export receive m

# ---- as one text

satchel-import -q receipt - >text 2>err
[ ! -s err ] || fail "talk on stderr"
tail -n 1 text | grep -qE "^# signature $id [A-Za-z0-9+/]+={0,2}\$" || fail "its last line"
if command -v jq >/dev/null; then # the same in one object, and nothing else
  expect 0 satchel-import --json receipt -
  [ "$(wc -l <"$T/out")" -eq 1 ] || fail "not one object in one line"
  jq -j .document "$T/out" >object.yaml
  head -n 1 object.yaml | grep -q '^satchel: receipt/1$' || fail "the document"
  jq -r .signature "$T/out" | base64 -d >object.sig
  openssl pkeyutl -verify -pubin -inkey store/keys/receipt.pub -rawin -in object.yaml -sigfile object.sig >/dev/null || fail "its signature"
  [ "$(jq -r .key "$T/out")" = "$id" ] || fail "its key"
  satchel-import -q receipt - >text
fi
sed '$d' text >alone
refused no-receipt satchel-export receive alone
sed 's/^lacks: 0/lacks: 9/' text >changed
refused signature-threshold satchel-export receive changed
{ cat text; echo; } >longer
refused no-receipt satchel-export receive longer
head -c -1 text >pasted # as from a clipboard
refused no-receipt satchel-export receive pasted
grep -q 'line feed at its end is missing' "$T/err" || fail "what is wrong with it isn't said"
sed "\$s/$id/$(printf '%064d' 0)/" text >stranger
refused receipt-foreign satchel-export receive stranger
sed '$s/=$//' text >clipped
refused no-receipt satchel-export receive clipped
expect 0 satchel-export receive text
expect 0 satchel-export receive text
grep -q 'known already' "$T/out" || fail "the same text again"
expect_word 1 no-receipt satchel-export receive c
expect_word 1 no-receipt satchel-export receive c/a/x
expect 2 satchel-export receive nowhere
expect 2 satchel-export receive

# ---- the store goes back: restored from a backup, another life under the same numbers

cp -a store backup
expect 0 satchel-import receipt m
expect 0 satchel-import receipt m
expect 0 satchel-export receive m
rm -rf store
mv backup store
full
refused journal-history satchel-export receive d # the same number, other bytes
full
refused journal-history satchel-export receive d
full
refused journal-history satchel-export receive d # a higher number, whose history leaves ours out
[ "$(grep -c '"event":"alarm"' station/ledger.jsonl)" -eq 3 ] || fail "alarms in the ledger"
expect 1 satchel-export status
grep -q 'journal-history' "$T/out" || fail "status does not tell of it"
# and the store learns it from the next bundle, which names the receipt it forgot
mkdir m5
expect 0 satchel-export pack m5
expect 0 satchel-import apply m5
grep -q 'restored from a backup' "$T/err" || fail "the store was not told"
full
grep -q 'event: alarm, reason: "journal-history"' d/satchel/receipts/*.yaml || fail "the alarm is not in its receipt"
# a person who knows the reason begins anew
expect 0 satchel-export destination add store --key store/keys/receipt.pub
[ -z "$(ls station/receipts)" ] || fail "the former history is still there"
expect 0 satchel-export receive d
grep -q 'reports an alarm: journal-history' "$T/err" || fail "receive does not pass the alarm on"
expect 0 satchel-export status

# ---- what another key signed than the one pinned now tells nothing of this store

cp -a station/receipts receipts-former
openssl pkey -in other.key -pubout -out other.pub
expect 0 satchel-export destination add store --key other.pub
rm -r station/receipts && cp -a receipts-former station/receipts
satchel-export status >"$T/out" 2>"$T/err" || true
grep -q 'not heard of yet' "$T/out" || fail "a former store's receipt counts"
mkdir m6
expect 0 satchel-export pack m6 --for store
grep -q 'store: nothing is known' "$T/err" || fail "a former store's receipt counts for pack"
grep -q '^witness: \[\]$' m6/satchel/updates-*/manifest.yaml || fail "a former store's receipt is a witness"
expect 0 satchel-export destination add store --key store/keys/receipt.pub
rm -r station/receipts && cp -a receipts-former station/receipts
printf x >>"$(ls station/receipts/*.yaml)"
expect_word 1 station-damaged satchel-export pack m6 --for store
rm -r station/receipts && mv receipts-former station/receipts
expect 0 satchel-export pack m6 --for store
grep -q 'store: by receipt' "$T/err" || fail "its own receipt does not count"

# ---- a history reaches 100 receipts back

for _ in $(seq 100); do satchel-import -q receipt - >text; done
[ "$(grep -c '  - {counter' text)" -eq 101 ] || fail "length of the history"
expect 0 satchel-export receive text
for _ in $(seq 101); do satchel-import -q receipt - >text; done
refused journal-history satchel-export receive text
