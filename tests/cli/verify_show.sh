#!/bin/bash
# satchel-verify show --trust: a trust root is judged by the chain from the one given; a document that nobody signs by itself says
# so; a report of a medium with several receipts has them in order; a part of a contents list that a store lost is found by
# verify store and by check, and the next bundle heals it.
. "$(dirname "$0")/lib.sh"
cd "$T"
mkdir -p c/many usb
for i in $(seq 1300); do echo $((i % 7)) >"c/many/$i"; done
quick_station "$T/c"
quick_store
export SATCHEL_STORE=$T/store
trust1=station/trust/trust-1.yaml
expect 0 satchel-export pack usb
expect 0 satchel-import apply usb
expect 0 satchel-import receipt usb
expect 0 satchel-import receipt usb --brief

# a root
expect 0 satchel-verify show $trust1 --trust $trust1
grep -qi 'verified.*chain from root 1' out || { cat out; fail "the root given is in the chain from itself"; }
expect 0 satchel-export trust renew
expect 0 satchel-export trust sign
trust2=station/trust/trust-2.yaml
expect 0 satchel-verify show $trust2 --trust $trust1
grep -qi 'verified.*chain from root 1' out || { cat out; fail "the next root is in the chain"; }
expect_word 1 trust-chain satchel-verify show $trust1 --trust $trust2
expect 0 satchel-export init other --content c --stream updates
expect 1 satchel-verify show $trust1 --trust $trust2 --json
grep -q '"verified":false.*"reason":"trust-chain"' out || { cat out; fail "the reason in JSON"; }
expect_word 1 trust-chain satchel-verify show other/trust/trust-1.yaml --trust $trust1
expect 0 satchel-verify show $trust2
grep -q UNVERIFIED out || fail "without --trust"

# a bundle's list is the one that its manifest names, whoever signed others
echo x >c/many/x
for step in scan 'approve many --ring production' sign 'pack usb'; do expect 0 satchel-export $step; done
b=usb/satchel/updates-0000000
expect 0 satchel-verify show ${b}2 --trust $trust1
cp -r usb mixed; m=mixed/satchel/updates-00000002
cp ${b}1/approvals.yaml* $m/
expect_word 1 'UNVERIFIED: manifest.yaml names another list (file-digest)' satchel-verify show $m --trust $trust1
rm $m/approvals.yaml
expect_word 1 file-missing satchel-verify show $m --trust $trust1
expect_word 1 file-missing satchel-verify show $m
expect 0 satchel-export pack usb --content-only
expect 0 satchel-verify show ${b}3 --trust $trust1
cp ${b}1/approvals.yaml* ${b}3/
expect_word 1 'UNVERIFIED: manifest.yaml names no list (file-extra)' satchel-verify show ${b}3 --trust $trust1
rm -r ${b}3
expect_word 2 'MEDIUM/satchel/STREAM-SEQUENCE' satchel-verify show usb

# what is bound by another document's signature
contents=$(grep -rl '^satchel: contents/1' station/contents | head -n 1)
expect_word 1 signature-missing satchel-verify show "$contents" --trust $trust1
grep -q 'is not signed by itself' out || fail "why it can't be judged"

# receipts at a station, by name of the store; one that is damaged is named
quick_store annex
expect 0 satchel-import -C annex apply usb
expect 0 satchel-import -C annex receipt usb
for s in store annex; do
  expect 0 satchel-export destination add $s --ring production --key $s/keys/receipt.pub
done
expect 0 satchel-export receive usb
expect 0 satchel-verify report station --trust $trust1 -o r.html
told() { grep -o '<td>\(store\|annex\)</td><td>[0-9]*' r.html | sed 's/<[^>]*>/ /g' | tr -s ' \n' ' '; }
[ "$(told)" = ' annex 1 store 2 ' ] || fail "receipts at a station:$(told)"
: >"$(find station/receipts -name 'annex-*.yaml')"
expect 1 satchel-verify report station --trust $trust1 -o damaged.html
grep -q 'receipts/annex-00000001.yaml' damaged.html || fail "a damaged receipt is not named"
expect_word 1 station-damaged satchel-export pack usb
grep -q 'destination add annex --key' err || fail "what to do about a damaged receipt"
expect 0 satchel-export destination add annex --ring production --key annex/keys/receipt.pub
expect 0 satchel-export receive usb

# a part is gone
part=$(grep -rl '^satchel: contents-part/1' store/objects | head -n 1)
mv "$part" kept
expect_word 1 object-missing satchel-verify store store --trust $trust1
grep -q 'a part of its contents list is not in the store' out || { cat out; fail "which part of what"; }
expect 3 satchel-import check
grep -q "$(basename "$part")" out err || { cat out; fail "check does not name the object"; }
expect 0 satchel-export pack usb
expect 0 satchel-import apply usb
expect 0 satchel-verify store store --trust $trust1

# what a store keeps for itself
expect 0 satchel-import rollback
for document in store.yaml streams/updates/rollback.yaml "streams/updates/$(readlink store/streams/updates/current)/state.yaml"; do
  expect 0 satchel-verify show "store/$document"
  grep -q UNVERIFIED out || fail "$document is shown as if somebody had signed it"
done
exit 0
