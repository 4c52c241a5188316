#!/bin/bash
# Freezing and signing: one list waits at a time, two people sign it, renew, expiry, epochs; sign FILE without a station.
. "$(dirname "$0")/lib.sh"
cd "$T"
mkdir -p c/a c/b medium
echo a >c/a/f
echo b >c/b/f
id() { openssl pkey -pubin -in "$1" -outform DER | sha256sum | cut -d' ' -f1; }
row() { # NAME ALGORITHM: the key's line in a trust root
  echo "  - {id: $(id "keys/keys/$1.pub"), name: \"$1\", algorithm: $2, public: \"$(openssl pkey -pubin -in "keys/keys/$1.pub" -outform DER | base64 -w0)\"}"
}
# keys of people, of every algorithm; one under a passphrase
expect 0 satchel-export init keys --content c --stream keys
export SATCHEL_STATION=keys
printf 'correct horse\n' >pass && chmod 600 pass
printf 'wrong\n' >wrong && chmod 600 wrong
expect 0 satchel-export key new chief --role root
expect 0 satchel-export key new deputy --role root --algorithm ecdsa-p384
expect 0 satchel-export key new alice --role approver --passphrase-file pass
expect 0 satchel-export key new bob --role approver --algorithm ecdsa-p256
expect 0 satchel-export key new packer --role exporter
grep -q ENCRYPTED keys/keys/alice.key || fail "alice's key is not encrypted"
[ "$(stat -c %a keys/keys/alice.key)" = 600 ] || fail "mode of a key"
expect 2 satchel-export key new alice --role approver
expect 2 satchel-export key new carol
expect 2 satchel-export key new carol --role auditor
expect 2 satchel-export key new Carol --role root
expect 2 satchel-export key new carol --role root --algorithm rsa
[ ! -e keys/keys/carol.key ] || fail "a refused key was made"
unset SATCHEL_STATION

root() { # VERSION EPOCH APPROVERS-THRESHOLD
  cat <<Y
satchel: trust/1
site: "example"
version: $1
epoch: $2
issued: 2026-01-01T00:00:00Z
expires: 2099-01-01T00:00:00Z
keys:
$(row chief ed25519)
$(row deputy ecdsa-p384)
$(row alice ed25519)
$(row bob ecdsa-p256)
$(row packer ed25519)
roles:
  root: {threshold: 2, keys: [$(id keys/keys/chief.pub), $(id keys/keys/deputy.pub)]}
  approver: {threshold: $3, keys: [$(id keys/keys/alice.pub), $(id keys/keys/bob.pub)]}
  exporter: {threshold: 1, keys: [$(id keys/keys/packer.pub)]}
Y
}
root 1 1 2 >root-1.yaml
# a trust root is signed by hand; another role's key is refused, below threshold is fine
expect 2 satchel-export sign root-1.yaml
expect_word 1 key-role satchel-export sign root-1.yaml --key keys/keys/alice.key --passphrase-file pass
expect 0 satchel-export sign root-1.yaml --key keys/keys/chief.key
grep -q '^1 of 2 signatures' "$T/out" || fail "1 of 2"
grep -q UNVERIFIED "$T/err" || fail "UNVERIFIED"
expect_word 1 signature-threshold satchel-export init s --content c --stream updates --trust root-1.yaml
expect 0 satchel-export sign root-1.yaml --key keys/keys/deputy.key --json
python3 - "$T/out" <<'P' || fail "json"
import json, sys
o = [json.loads(l) for l in open(sys.argv[1])]
assert o[0]["type"] == "trust/1" or o[0]["version"] == 1
assert o[-1]["signatures"] == 2 and o[-1]["threshold"] == 2
P
expect 0 satchel-export init s --content c --stream updates --trust root-1.yaml
export SATCHEL_STATION=$T/s
expect 0 satchel-export trust show
grep -q 'approver: 2 of 2' "$T/out" || fail "trust show"

# nothing to freeze; then one list that waits
expect_word 1 not-approved satchel-export sign --key keys/keys/bob.key
expect 0 satchel-export scan
expect 0 satchel-export approve a
expect 2 satchel-export sign
grep -q -- --key "$T/err" || fail "which key is not said"
expect_word 1 key-role satchel-export sign --key keys/keys/packer.key
expect 1 satchel-export sign --key keys/keys/alice.key --passphrase-file wrong
[ -z "$(ls s/lists)" ] || fail "a list was frozen though no key could sign it"
expect 0 satchel-export sign --key keys/keys/bob.key
grep -q '1 of 2 signatures' "$T/out" || fail "1 of 2"
expect 4 satchel-export status
grep -q 'list 1 has 1 of 2 signatures; 1 more of: alice' "$T/out" || { cat "$T/out"; fail "whose signature is missing"; }
sha256sum s/lists/1.yaml >list1
expect_word 1 signature-threshold satchel-export renew --key keys/keys/bob.key
expect_word 1 signature-threshold satchel-export pack "$T/medium" --key keys/keys/packer.key
# further decisions and scans disturb it not
echo more >>c/b/f
expect 0 satchel-export scan
expect 0 satchel-export approve b
written=$(stat -c %i s/lists/1.yaml.*.sig)
expect 0 satchel-export sign --key keys/keys/bob.key
grep -q 'already' "$T/err" || fail "signed twice by one"
[ "$(stat -c %i s/lists/1.yaml.*.sig)" != "$written" ] || fail "signed already: not written again, though its name may not be durable"
# the second person signs a copy elsewhere, without a station
cp s/lists/1.yaml carried.yaml
(unset SATCHEL_STATION
 expect_word 1 key-role satchel-export sign carried.yaml --key keys/keys/packer.key
 expect_word 1 key-role satchel-export sign carried.yaml --key keys/keys/alice.key --passphrase-file pass --trust keys/trust/trust-1.yaml
 sed '/^satchel-role:/d' keys/keys/bob.key >nolabel.key && chmod 600 nolabel.key
 expect_word 1 key-role satchel-export sign carried.yaml --key nolabel.key
 grep -q -- --trust "$T/err" || fail "the next step is not named"
 expect 0 satchel-export sign carried.yaml --key keys/keys/alice.key --passphrase-file pass --trust root-1.yaml
 grep -q '^  a revision 1 for production: 1 file' "$T/out" || fail "what is signed is not shown"
 # a root that somebody made and put beside it gives no key another role than its own label says; it may refuse one
 b=$(id keys/keys/bob.pub) p=$(id keys/keys/packer.pub) c=$(id keys/keys/chief.pub)
 mkdir made && cp carried.yaml made/
 root 9 1 1 | sed "/^roles:/,\$ { s/$b/B/; s/$p/$b/; s/B/$p/ }" >made/trust-9.yaml
 expect_word 1 key-role satchel-export sign made/carried.yaml --key keys/keys/packer.key
 grep -q 'a key of role exporter, and this is signed by role approver' "$T/err" || fail "why it is refused"
 grep -q 'trust root 9 beside it was not verified' "$T/err" || fail "that nobody verified the root is not said"
 expect_word 1 'in trust root 9 beside it, which was not verified' satchel-export sign made/carried.yaml --key keys/keys/bob.key
 expect_word 1 key-role satchel-export sign made/carried.yaml --key nolabel.key
 [ -z "$(find made -name '*.sig')" ] || fail "a refused key signed"
 expect 0 satchel-export sign made/carried.yaml --key keys/keys/alice.key --passphrase-file pass
 expect 0 satchel-export sign made/carried.yaml --key keys/keys/bob.key --trust root-1.yaml
 grep -q 'was not verified' "$T/err" && fail "a root that was named needs no warning"
 root 9 1 1 | sed "/^roles:/,\$ { s/$b/B/; s/$c/$b/; s/B/$c/ }" >made/self.yaml
 expect_word 1 key-role satchel-export sign made/self.yaml --key keys/keys/bob.key)
sig=$(ls carried.yaml.*.sig)
cp "$sig" "s/lists/1.yaml.${sig#carried.yaml.}"
sha256sum --status -c list1 || fail "the list changed"
expect 0 satchel-export sign --key keys/keys/alice.key --passphrase-file pass
grep -q '^list 2: 2 entries' "$T/out" || fail "decisions that waited go into the next list"
expect 4 satchel-export status
grep -q '^list 1 is signed' "$T/out" || fail "list 1 is in effect"
expect 0 satchel-export sign --key keys/keys/bob.key
expect 0 satchel-export sign --key keys/keys/bob.key
grep -q 'nothing changed since list 2' "$T/err" || fail "nothing changed"
expect 0 satchel-export status
for k in alice bob; do # stock OpenSSL agrees
  digest=$([ $k = bob ] && echo "-digest sha256" || true)
  # shellcheck disable=SC2086
  openssl pkeyutl -verify -pubin -inkey keys/keys/$k.pub -rawin $digest -in s/lists/2.yaml \
    -sigfile "s/lists/2.yaml.$(id keys/keys/$k.pub | cut -c1-32).sig" >/dev/null || fail "signature of $k"
done

# --new abandons a list that waits
expect 0 satchel-export decline b
expect 0 satchel-export sign --key keys/keys/bob.key
expect 0 satchel-export approve b
expect 0 satchel-export sign --new --key keys/keys/bob.key --key keys/keys/alice.key --passphrase-file pass
grep -q '^list 4: 2 entries, 0 revoked, .*2 of 2' "$T/out" || { cat "$T/out"; fail "--new"; }

# revocations remember since when; renew keeps the decisions and nothing else
expect 0 satchel-export revoke b
both=(--key keys/keys/bob.key --key keys/keys/alice.key --passphrase-file pass)
expect 0 satchel-export sign "${both[@]}"
grep -q 'item: "b", revision: 2, .*since: 5}' s/lists/5.yaml || fail "since"
expect 0 satchel-export decline a
SOURCE_DATE_EPOCH=1800000000 expect 0 satchel-export renew "${both[@]}"
grep -q 'item: "b", revision: 2, .*since: 5}' s/lists/6.yaml || fail "since, renewed"
grep -q '^  - item: "a"' s/lists/6.yaml || fail "renew took in a later decision"
grep -qx 'issued: 2027-01-15T08:00:00Z' s/lists/6.yaml || fail "SOURCE_DATE_EPOCH"
grep -qx 'expires: 2027-04-15T08:00:00Z' s/lists/6.yaml || fail "life of a list"
expect 0 satchel-export sign s/lists/6.yaml --against s/lists/5.yaml --key keys/keys/bob.key
grep -q 'the same decisions' "$T/out" || fail "--against"
expect 0 satchel-export sign s/lists/6.yaml --against s/lists/2.yaml --key keys/keys/bob.key
grep -q '^- b revision 2' "$T/out" && grep -q '^+ revoked: b revision 2' "$T/out" || fail "--against, with differences"
expect 2 satchel-export sign --against s/lists/5.yaml
expect 2 satchel-export sign s/lists/6.yaml --new --key keys/keys/bob.key

# health goes by the clock of the station
SOURCE_DATE_EPOCH=1807300000 expect 1 satchel-export status
grep -q '^UNHEALTHY: list 6 expires' "$T/out" || fail "expiring"
SOURCE_DATE_EPOCH=1900000000 expect 1 satchel-export status --json
python3 -c 'import json,sys; o=json.loads(sys.stdin.read()); assert o["status"]=="unhealthy" and any("expired" in p for p in o["problems"])' <"$T/out" || fail "status --json"
SOURCE_DATE_EPOCH=nonsense expect 2 satchel-export status
# a list of a day when the clock was ahead: no store takes it, so it is not packed, nor signed by another; one day ahead is none
mkdir clock
SOURCE_DATE_EPOCH=1799913600 expect 0 satchel-export pack clock --key keys/keys/packer.key
SOURCE_DATE_EPOCH=1799913600 expect 4 satchel-export status
SOURCE_DATE_EPOCH=1799913599 expect_word 1 clock satchel-export pack clock --key keys/keys/packer.key
grep -q 'satchel-export renew' "$T/err" || fail "the next step is not named"
[ "$(ls clock/satchel)" = updates-00000001 ] || fail "a list that no store takes was packed"
SOURCE_DATE_EPOCH=1799913599 expect 1 satchel-export status
grep -q '^UNHEALTHY: list 6 is issued in the future, at 2027-01-15T08:00:00Z' "$T/out" || fail "status: $(cat "$T/out")"
cp -a s waiting && rm waiting/lists/6.yaml."$(id keys/keys/bob.pub | cut -c1-32)".sig
SOURCE_DATE_EPOCH=1799913599 expect_word 1 clock satchel-export -C waiting sign --key keys/keys/bob.key
grep -q "'sign --new'" "$T/err" || fail "the next step is not named"
SOURCE_DATE_EPOCH=1799913600 expect 0 satchel-export -C waiting sign --key keys/keys/bob.key

# a new epoch: revisions begin again
root 2 2 1 >root-2.yaml
cp root-1.yaml trust-1.yaml
for k in chief deputy; do (unset SATCHEL_STATION; expect 0 satchel-export sign root-2.yaml --key keys/keys/$k.key); done
cp root-2.yaml s/trust/trust-2.yaml
for f in root-2.yaml.*.sig; do cp "$f" "s/trust/trust-2.${f#root-2.}"; done
expect 0 satchel-export sign --key keys/keys/bob.key
[ -e s/lists/2-1.yaml ] || fail "the first list of epoch 2"
grep -q 'since: 1}' s/lists/2-1.yaml || fail "since, in a new epoch"
expect 0 satchel-export sign --key keys/keys/bob.key
grep -q 'nothing changed since list 1' "$T/err" || fail "epoch 2"

# what is no document, or not canonical
echo hello >hello
expect_word 1 document-type satchel-export sign hello --key keys/keys/bob.key
sed 's/^epoch: 1/epoch:  1/' s/lists/6.yaml >loose.yaml
expect_word 1 document-form satchel-export sign loose.yaml --key keys/keys/bob.key
ls loose.yaml.* 2>/dev/null && fail "a refused document was signed"
expect 2 satchel-export sign nosuch.yaml --key keys/keys/bob.key

# "signed already" is said of what the medium has: a run that was killed left it in the cache only. A signature that could not be
# synced is gone, so that the next run writes it anew. Not every driver can sync a directory.
command -v strace >/dev/null || skip "no strace here: signatures that are not synced"
unset SATCHEL_STATION
export ASAN_OPTIONS=detect_leaks=0
mkdir usb && cp s/lists/6.yaml usb/list.yaml
sign=(satchel-export sign usb/list.yaml --key keys/keys/bob.key --trust root-2.yaml)
case "$SATCHEL_BIN" in *-asan) expect 0 "${sign[@]}";; *)
  strace -f -qq -o trace -e trace=fsync -e inject=fsync:signal=KILL:when=1 "${sign[@]}" >"$T/out" 2>"$T/err" && fail "never killed: this test is blind";;
esac
[ "$(find usb -name '*.sig' -size +0 | wc -l)" -eq 1 ] || fail "killed too early: this test is blind"
expect 0 strace -f -y -o trace -e trace=fsync "${sign[@]}"
grep -q 'signed with this key already' "$T/err" || fail "signed twice"
grep -q 'fsync(.*/usb/list.yaml\..*sig>) *= 0' trace && grep -q 'fsync(.*/usb>) *= 0' trace || fail "signed already, but not synced"
for n in 1 2; do
  expect 3 strace -f -o trace -e trace=fsync -e inject=fsync:error=EIO:when=$n "${sign[@]}"
  [ "$(ls usb)" = list.yaml ] || fail "a signature that was there stays though its sync $n failed"
  expect 3 strace -f -o trace -e trace=fsync -e inject=fsync:error=EIO:when=$n "${sign[@]}"
  [ "$(ls usb)" = list.yaml ] || fail "a signature stays though its sync $n failed"
  expect 0 "${sign[@]}"
  grep -q already "$T/err" && fail "what was not synced counts as signed"
done
expect 0 strace -f -o trace -e trace=fsync,syncfs -e inject=fsync:error=EINVAL "${sign[@]}"	# read-only media sync nothing
[ "$(grep -c 'syncfs(.*= 0' trace)" -eq 2 ] || fail "what can't be synced by itself is synced with its file system"
rm usb/*.sig
expect 0 strace -f -o trace -e trace=fsync,syncfs -e inject=fsync:error=EINVAL:when=2 "${sign[@]}"
[ "$(grep -c 'syncfs(.*= 0' trace)" -eq 1 ] || fail "a directory that can't be synced is synced with its file system"
