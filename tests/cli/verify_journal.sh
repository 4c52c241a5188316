#!/bin/bash
# satchel-verify journal: the chain of a store's journal and a station's ledger, and what receipts witnessed.
. "$(dirname "$0")/lib.sh"
cd "$T"
mkdir -p c/a medium back
echo 1 >c/a/f
quick_station "$T/c"
quick_store
quick_store other
export SATCHEL_STORE=$T/store
expect 0 satchel-export pack medium
expect 0 satchel-import apply medium
cp -a store backup
expect 0 satchel-import receipt back
expect 0 satchel-import receipt back
expect 0 satchel-import -C other receipt back
r=back/satchel/receipts
expect 0 satchel-verify journal store
grep -qx "journal.jsonl: unbroken; $(wc -l <store/journal.jsonl) lines, head $(tail -n 1 store/journal.jsonl | tr -d '\n' | sha256sum | cut -d' ' -f1)" out || { cat out; fail "length and head"; }
expect 0 satchel-verify journal station
grep -q '^ledger.jsonl: unbroken; ' out || fail "ledger"
expect 0 satchel-verify journal store --receipt $r/store-00000001.yaml --receipt $r/store-00000002.yaml
grep -q "own receipt key" out && grep -q '2 receipts, 3 lines witnessed' out || { cat out; fail "receipts"; }
expect 0 satchel-verify journal store --receipt $r/store-00000002.yaml --key store/keys/receipt.pub --json
grep -q 'own receipt key' out && fail "a key was given"
python3 -c 'import json,sys; o=json.loads(sys.stdin.readlines()[-1]); assert o["good"] and o["receipts"]==1' <out || fail "json"

# in one text, as it is mailed: read by all three that read receipts
expect 0 satchel-import receipt -
cp out r.txt
expect 0 satchel-verify journal store --receipt r.txt --receipt $r/store-00000002.yaml
grep -q '2 receipts, ' out || { cat out; fail "a receipt in one text"; }
expect 0 satchel-verify show r.txt
grep -q '^r.txt: UNVERIFIED: .*journal' out && grep -q '^receipt 3 of store store' out || { cat out; fail "show of one text"; }
sed 's/^counter: 3/counter: 4/' r.txt >forged.txt
expect_word 1 signature-threshold satchel-verify journal store --receipt forged.txt
expect_word 1 signature-threshold satchel-verify journal store --receipt r.txt --key other/keys/receipt.pub
sed '$s/^# signature/# sig/' r.txt >cut.txt
expect_word 1 signature-missing satchel-verify journal store --receipt cut.txt
expect_word 1 document satchel-verify show cut.txt
expect 0 satchel-export destination add store --ring production --key store/keys/receipt.pub
expect 0 satchel-export receive r.txt

# foreign, by another key, unsigned, no receipt
expect_word 1 signature-missing satchel-verify journal store --receipt $r/other-00000001.yaml
expect_word 1 receipt-foreign satchel-verify journal store --receipt $r/other-00000001.yaml --key other/keys/receipt.pub
mkdir forged
cp $r/store-* forged/
sed -i 's/^counter: 2/counter: 3/' forged/store-00000002.yaml
expect_word 1 signature-threshold satchel-verify journal store --receipt forged/store-00000002.yaml
rm forged/store-00000001.yaml.*
expect_word 1 signature-missing satchel-verify journal store --receipt forged/store-00000001.yaml
grep -q "; copy the receipt's signature file beside it" err || fail "what to do about a receipt alone"

# a store restored from a backup, and one that made other history since
expect_word 1 journal-history satchel-verify journal backup --receipt $r/store-00000002.yaml
grep -q 'there are fewer lines' out || fail "fewer lines"
mkdir back2
sleep 1
for _ in 1 2 3; do expect 0 satchel-import -C backup receipt back2; done
expect_word 1 journal-history satchel-verify journal backup --receipt $r/store-00000002.yaml
grep -q 'another one now' out || fail "other lines"
expect_word 1 journal-history satchel-verify journal store --receipt back2/satchel/receipts/store-00000003.yaml

# a store whose trust roots are gone, or that others can write: its history is asked for all the same
cp -a store robbed; rm -r robbed/trust; chmod go+w robbed
expect 0 satchel-verify journal robbed --receipt $r/store-00000002.yaml --key store/keys/receipt.pub
expect_word 1 journal-history satchel-verify journal robbed --receipt back2/satchel/receipts/store-00000003.yaml

# a changed line; what is no store; wrong uses
sed -i '2s/"time":"2/"time":"3/' store/journal.jsonl
expect_word 1 'journal' satchel-verify journal store
grep -q 'line 3' out || { cat out; fail "line 3"; }
expect 2 satchel-verify journal c
expect 2 satchel-verify journal nowhere
expect 2 satchel-verify journal station --receipt $r/store-00000001.yaml
expect 2 satchel-verify journal store --key store/keys/receipt.pub
expect 2 satchel-verify journal store --receipt nowhere.yaml
exit 0
