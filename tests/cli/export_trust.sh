#!/bin/bash
# The life of trust roots at a station: several people make the first one, each with a key made on a machine of one's own; the
# next ones are drafted, signed on several machines in any order, and are in force with the last signature that both roots ask
# for, not before. Stores take them over from the next bundle.
. "$(dirname "$0")/lib.sh"
cd "$T"
mkdir -p c/a m chief deputy alice bob packer new usb
echo a >c/a/f
trust() { expect 0 satchel-export trust "$@"; }
refused() { # code word command...: and the draft is as it was
  snapshot station/trust >before
  expect_word "$@"
  snapshot station/trust | cmp -s - before || fail "changed something: $*"
}

# ---- the first root, without a station

unset SATCHEL_STATION
expect 2 satchel-export key new chief --role root
grep -q -- '--to DIR' "$T/err" || fail "key new does not say how to go without a station"
expect 0 satchel-export key new chief --role root --to chief
expect 0 satchel-export key new deputy --role root --to deputy --algorithm ecdsa-p384
expect 0 satchel-export key new alice --role approver --to alice
expect 0 satchel-export key new bob --role approver --to bob --algorithm ecdsa-p256
expect 0 satchel-export key new packer --role exporter --to packer
[ "$(stat -c %a chief/chief.key)" = 600 ] || fail "mode of a key"
expect 2 satchel-export key new chief --role root --to chief
expect 2 satchel-export key new chief --role root --to nowhere
people=(--root chief/chief.pub --root deputy/deputy.pub --approver alice/alice.pub --approver bob/bob.pub --exporter packer/packer.pub)
both=(--threshold root=2 --threshold approver=2)
expect 2 satchel-export trust new trust-1.yaml --site example "${people[@]}" --threshold root=2
grep -q 'role approver has 2 keys: say how many must sign' "$T/err" || fail "a threshold is guessed"
expect 2 satchel-export trust new trust-1.yaml --site example "${people[@]}" --threshold root=3 --threshold approver=2
expect 2 satchel-export trust new trust-1.yaml --site example "${people[@]}" "${both[@]}" --threshold approver=1
expect 2 satchel-export trust new trust-1.yaml --site example "${people[@]}" "${both[@]}" --threshold approver
expect 2 satchel-export trust new trust-1.yaml --site example "${people[@]}" "${both[@]}" --root alice/alice.pub
expect 2 satchel-export trust new trust-1.yaml --site Example "${people[@]}" "${both[@]}"
expect 2 satchel-export trust new trust-1.yaml --site example --root chief/chief.pub --approver alice/alice.pub
expect_word 1 key satchel-export trust new trust-1.yaml --site example "${people[@]}" "${both[@]}" --root chief/chief.key
[ ! -e trust-1.yaml ] || fail "a refused root was written"
expect 0 satchel-export trust new trust-1.yaml --site example "${people[@]}" "${both[@]}" --days 100
grep -q '^approver: 2 of 2' "$T/out" || fail "what was made is not shown"
expect 2 satchel-export trust new trust-1.yaml --site example "${people[@]}" "${both[@]}"
cp trust-1.yaml deputy/
expect 0 satchel-export sign trust-1.yaml --key chief/chief.key
expect_word 1 signature-threshold satchel-export init station --content c --stream updates --trust trust-1.yaml
expect 0 satchel-export sign deputy/trust-1.yaml --key deputy/deputy.key
grep -q '^1 of 2 signatures by trust root 1 (deputy); still to sign: chief$' "$T/out" || { cat "$T/out"; fail "who signed"; }
cp deputy/trust-1.yaml.*.sig .
expect 0 satchel-export init station --content c --stream updates --trust trust-1.yaml
[ -z "$(ls station/keys)" ] || fail "keys were made"
export SATCHEL_STATION=$T/station
approvers=(--key alice/alice.key --key bob/bob.key)
expect 0 satchel-export scan
expect 0 satchel-export approve --all
expect 0 satchel-export sign "${approvers[@]}"
expect 0 satchel-import init store --name store --trust trust-1.yaml --stream updates --ring production
export SATCHEL_STORE=$T/store
carry() { # exit code of apply: a bundle by the exporter to the store
  rm -rf m && mkdir m
  expect 0 satchel-export pack m --key packer/"${packer:-packer}".key
  expect "$1" satchel-import apply m
}
carry 0
expect 0 satchel-export destination add store --key store/keys/receipt.pub
expect 0 satchel-import receipt m
expect 0 satchel-export receive m

# ---- drafting: what is refused changes nothing

expect 0 satchel-export key new carol --role approver --to new
expect 0 satchel-export key new packer-2 --role exporter --to packer
trust sign --key chief/chief.key
grep -q 'no trust root is drafted, root 1 is in force' "$T/err" || fail "nothing to sign"
refused 1 trust-invalid satchel-export trust remove packer
refused 1 trust-invalid satchel-export trust remove alice
refused 2 usage satchel-export trust add new/carol.pub
refused 2 usage satchel-export trust add new/carol.pub --role auditor
refused 2 usage satchel-export trust add new/carol.pub --role approver --name 'Carol B'
refused 2 usage satchel-export trust add new/carol.pub --role approver --name bob
refused 2 usage satchel-export trust add bob/bob.pub --role root --name bobby
refused 1 key satchel-export trust add new/carol.key --role approver
refused 2 missing satchel-export trust add nowhere.pub --role approver
refused 2 usage satchel-export trust remove nobody
refused 1 trust-invalid satchel-export trust threshold approver 3
refused 2 usage satchel-export trust threshold approver 0
refused 2 usage satchel-export trust threshold approver
refused 2 usage satchel-export trust renew --days 0
trust threshold approver 2
[ ! -e station/trust/draft ] || fail "a draft that changes nothing"
if command -v strace >/dev/null; then	# the draft's folder has its name after a power cut
  cp -a station power
  expect 0 env ASAN_OPTIONS=detect_leaks=0 strace -f -y -e trace=fsync -o trace satchel-export -C power trust renew --days 50
  grep -q 'fsync(.*/power/trust>)' trace || fail "the folder of a new draft was not synced"
  rm -rf power
fi
trust discard
grep -q 'no draft' "$T/err" || fail "discard of nothing"
# weak keys (S8): the point of order 1 with which OpenSSL takes one constant signature for any message; RSA; another curve
{ printf '\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00\x01'; head -c 31 /dev/zero; } >weak.der
{ echo '-----BEGIN PUBLIC KEY-----'; base64 -w 64 weak.der; echo '-----END PUBLIC KEY-----'; } >weak.pub
openssl genrsa 2048 2>/dev/null | openssl rsa -pubout -out rsa.pub 2>/dev/null
openssl ecparam -name secp256k1 -genkey 2>/dev/null | openssl ec -pubout -out koblitz.pub 2>/dev/null
openssl ecparam -name prime256v1 -genkey -param_enc explicit 2>/dev/null | openssl ec -pubout -param_enc explicit -out explicit.pub 2>/dev/null
for k in weak rsa koblitz explicit; do
  [ -s $k.pub ] || fail "no $k.pub was made"
  refused 1 '(key)' satchel-export trust add $k.pub --role approver
  expect_word 1 '(key)' satchel-export trust new weak.yaml --site x --root $k.pub --approver alice/alice.pub --exporter packer/packer.pub
done

# ---- one draft, several changes; nothing is in force before both are satisfied

trust add new/carol.pub --role approver
trust add packer/packer-2.pub --role exporter --name packer-2027
trust remove packer
trust remove "$(openssl pkey -pubin -in bob/bob.pub -outform DER | sha256sum | cut -c1-12)"
grep -q '^  + approver "carol"' "$T/out" && grep -q '^  - approver "bob"' "$T/out" && grep -q '^  + exporter "packer-2027"' "$T/out" ||
  { cat "$T/out"; fail "what is drafted is not shown"; }
expect 4 satchel-export status
grep -q 'trust root 2 is drafted and has 0 of 2 signatures of root 1, 0 of 2 of its own; still to sign: chief, deputy' "$T/out" ||
  { cat "$T/out"; fail "status of a draft"; }
expect_word 1 key-role satchel-export trust sign --key alice/alice.key
carry 0
[ -e store/trust/trust-2.yaml ] && fail "a draft reached a store"
expect 0 satchel-export trust sign --key chief/chief.key
grep -q 'by root 1: 1 of 2 signatures, of chief; still to sign: deputy' "$T/out" || { cat "$T/out"; fail "who has signed"; }
expect 0 satchel-export trust sign --key chief/chief.key
trust show --json
python3 - "$T/out" <<'P' || fail "trust show --json"
import json, sys
o = [json.loads(l) for l in open(sys.argv[1])]
assert o[0]["version"] == 1 and o[-1]["version"] == 2
assert [b["root"] for b in o[-1]["by"]] == [1, 2] and o[-1]["by"][0]["signed_by"] == ["chief"] and o[-1]["by"][1]["missing"] == ["deputy"]
P
# a change makes the signature void, and says so
expect 0 satchel-export trust renew --days 1000
grep -q 'they count no more' "$T/err" || fail "a signature went silently"
grep -q 'by root 1: 0 of 2' "$T/out" || fail "a signature on other bytes counts"
[ -z "$(find station/trust/draft -name '*.sig')" ] || fail "a signature on other bytes lies there"

# ---- two machines, either order: the same root

cp -a station first
cp -a station second
elsewhere() { # person station: signs a copy of the folder, without a station; the signature comes back by itself
  rm -rf usb && cp -r "$2/trust/draft" usb
  (unset SATCHEL_STATION; expect 0 satchel-export sign usb/trust-2.yaml --key "$1/$1.key")
  grep -q '^  + approver "carol"' "$T/out" || fail "$1 does not see what changes"
  expect 0 satchel-export -C "$2" receive usb/trust-2.yaml.*.sig
}
elsewhere chief first
grep -q 'still to sign: deputy' "$T/out" || fail "who is missing"
[ ! -e first/trust/trust-2.yaml ] || fail "in force with one signature"
elsewhere deputy first
elsewhere deputy second
elsewhere chief second
grep -q '^trust root 2 is in force' "$T/out" || fail "not in force"
diff -r first/trust/trust-2.yaml second/trust/trust-2.yaml || fail "the order of signing shows"
[ "$(ls first/trust)" = "$(ls second/trust)" ] || fail "the order of signing shows"
[ ! -e second/trust/draft ] || fail "the draft stays"
expect 0 satchel-export -C first receive usb/trust-2.yaml.*.sig
grep -q 'was signed already' "$T/out" || fail "a signature that comes twice"
rm -rf usb && mkdir usb && cp -r station/trust/draft usb/
expect 0 satchel-export sign usb/draft/trust-2.yaml --key deputy/deputy.key # a copy, with the station at hand
grep -q 'by root 1: 1 of 2 signatures, of deputy' "$T/out" || fail "a copy signed here is not known here"
expect 0 satchel-export trust sign --key chief/chief.key
cmp station/trust/trust-2.yaml second/trust/trust-2.yaml || fail "signed here, signed elsewhere"

# ---- at the store; what the removed keys sign is refused from now on

expect_word 1 signature-threshold satchel-export pack m --key packer/packer-2.key # the list was signed by alice and bob
expect 4 satchel-export status
grep -q "list 1 has 1 of 2 signatures; 1 more of: carol; 'sign' adds one" "$T/out" || { cat "$T/out"; fail "whose signature is missing"; }
grep -q '^  has list 1, which waits for signatures here' "$T/out" || { cat "$T/out"; fail "what the store has is not known here"; }
expect 0 satchel-export sign --key new/carol.key
expect_word 1 key-role satchel-export pack m --key packer/packer.key
packer=packer-2
carry 0
[ -e store/trust/trust-2.yaml ] && grep -q '"event":"root"' store/journal.jsonl || fail "the root did not arrive"
expect 0 satchel-verify bundle m --trust trust-1.yaml
expect 0 satchel-verify store store --trust trust-1.yaml

# ---- another root key: the old ones and the new one sign

expect 0 satchel-export key new chief-2 --role root --to new
trust add new/chief-2.pub --role root
trust remove chief
expect 0 satchel-export trust sign --key new/chief-2.key --key deputy/deputy.key
grep -q 'by root 2: 1 of 2 signatures, of deputy; still to sign: chief' "$T/out" || { cat "$T/out"; fail "the old root's word"; }
grep -q 'by its own keys: 2 of 2 signatures' "$T/out" || fail "its own word"
[ ! -e station/trust/trust-3.yaml ] || fail "in force without the old root's threshold"
rm -rf usb && cp -r station/trust/draft usb
(unset SATCHEL_STATION; expect 0 satchel-export sign usb/trust-3.yaml --key chief/chief.key)
expect 0 satchel-export receive usb # the folder
grep -q '^trust root 3 is in force' "$T/out" || fail "the old key's last signature"
[ "$(find station/trust -name 'trust-3.yaml.*.sig' | wc -l)" -eq 3 ] || fail "signatures of root 3"

# ---- an epoch: lists begin again, and are newer than whatever was before

trust epoch
trust epoch
grep -q 'of epoch 2 already' "$T/err" || fail "twice"
expect 0 satchel-export trust sign --key new/chief-2.key --key deputy/deputy.key
expect_word 1 not-approved satchel-export pack m --key packer/packer-2.key
expect 4 satchel-export status
echo b >>c/a/f
expect 0 satchel-export scan
expect 0 satchel-export approve --all
expect 0 satchel-export sign --key alice/alice.key --key new/carol.key
grep -q '^list 1: ' "$T/out" || fail "revisions do not begin again"
carry 0
grep -q '; list 1 of epoch 2$' "$T/out" || fail "apply leaves the epoch out"
cmp c/a/f store/published/updates/a/f || fail "the list of the new epoch is not in effect"
expect 0 satchel-import -C store status
grep -q '  list 1 of epoch 2 in effect' "$T/out" || fail "status leaves the epoch out"
expect_word 0 'is the newest' satchel-import -C store rollback
grep -q 'rolled back: list [0-9]* in effect, list 1 of epoch 2 is the newest' "$T/out" || fail "rollback leaves the epoch out"
expect_word 4 'list newer than list 1 of epoch 2' satchel-import -C store status
expect_word 0 '  list 1 of epoch 2 in effect' satchel-import -C store rollback --to-newest
for v in 2 3 4; do grep -q "\"event\":\"root\",\"version\":$v," store/journal.jsonl || fail "root $v is not in the journal"; done

# ---- renewal brings an expired station back; discard

trust renew --days 2
expect 0 satchel-export trust sign --key new/chief-2.key --key deputy/deputy.key
later=$(($(date +%s) + 3 * 86400))
hint='; `satchel-export trust renew`, then `satchel-export trust sign` (trust-expired)'
SOURCE_DATE_EPOCH=$later expect_word 1 "$hint" satchel-export pack m --key packer/packer-2.key
SOURCE_DATE_EPOCH=$later expect_word 1 "$hint" satchel-export renew --key alice/alice.key
SOURCE_DATE_EPOCH=$later expect_word 1 "$hint" satchel-export sign --key alice/alice.key
SOURCE_DATE_EPOCH=$later trust renew --days 400
SOURCE_DATE_EPOCH=$later expect 0 satchel-export trust sign --key new/chief-2.key --key deputy/deputy.key
SOURCE_DATE_EPOCH=$later expect 0 satchel-export pack m --key packer/packer-2.key
# made while the clock was ahead: no store takes it yet, and the way out is the same
expect 1 satchel-export pack m --key packer/packer-2.key
grep -q 'issued in the future.*where the clock is right, `satchel-export trust renew`' "$T/err" || fail "the next step: $(cat "$T/err")"
expect 1 satchel-export status
grep -q '^UNHEALTHY: trust root [0-9]* is issued in the future' "$T/out" || fail "status: $(cat "$T/out")"
trust add bob/bob.pub --role approver
expect 0 satchel-export trust sign --key deputy/deputy.key
trust discard
[ ! -e station/trust/draft ] || fail "discard"
trust show
grep -q draft "$T/out" && fail "a discarded draft is shown"
expect 0 satchel-verify journal station
for event in trust-draft trust-discard trust signature sign; do
  grep -q "\"event\":\"$event\"" station/ledger.jsonl || fail "no $event in the ledger"
done
