#!/bin/bash
# Below the exporter threshold the bundle is made with the signatures at hand, and pack says so: exit 4; with all of them 0.
# Below the approver threshold nothing is packed. Keys of every algorithm; VERIFY.txt judges by the thresholds as well.
. "$(dirname "$0")/lib.sh"
c=$T/content
mkdir -p "$c/a" "$T/medium" "$T/keys" "$T/tmp"
echo a >"$c/a/f"
key() { # name algorithm
  case $2 in
    ed25519) openssl genpkey -algorithm ed25519 -out "$T/keys/$1.key";;
    ecdsa-p256) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$T/keys/$1.key";;
    ecdsa-p384) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$T/keys/$1.key";;
  esac 2>/dev/null
  chmod 600 "$T/keys/$1.key"
  openssl pkey -in "$T/keys/$1.key" -pubout -outform DER -out "$T/keys/$1.der"
  sha256sum <"$T/keys/$1.der" | cut -c1-64 >"$T/keys/$1.id"
  echo "  - {id: $(cat "$T/keys/$1.id"), name: \"$1\", algorithm: $2, public: \"$(base64 -w 0 "$T/keys/$1.der")\"}" >>"$T/rows"
}
id() { cat "$T/keys/$1.id"; }
key root1 ed25519
key approver1 ecdsa-p256
key approver2 ecdsa-p384
key exporter1 ed25519
key exporter2 ecdsa-p384
key exporter3 ecdsa-p256
{
  printf 'satchel: trust/1\nsite: "example"\nversion: 1\nepoch: 1\nissued: %s\nexpires: %s\nkeys:\n' \
    "$(date -u -d '1 hour ago' +%FT%TZ)" "$(date -u -d '1 year' +%FT%TZ)"
  cat "$T/rows"
  printf 'roles:\n  root: {threshold: 1, keys: [%s]}\n  approver: {threshold: 2, keys: [%s, %s]}\n' \
    "$(id root1)" "$(id approver1)" "$(id approver2)"
  printf '  exporter: {threshold: 2, keys: [%s, %s, %s]}\n' "$(id exporter1)" "$(id exporter2)" "$(id exporter3)"
} >"$T/trust-1.yaml"
openssl pkeyutl -sign -rawin -inkey "$T/keys/root1.key" -in "$T/trust-1.yaml" -out "$T/trust-1.yaml.$(id root1 | cut -c1-32).sig"
export SATCHEL_STATION=$T/station
expect 0 satchel-export init "$T/station" --content "$c" --stream updates --ring production --trust "$T/trust-1.yaml"
expect 0 satchel-export scan
expect 0 satchel-export approve --all --ring production
expect 0 satchel-export sign --key "$T/keys/approver1.key"
expect_word 1 signature-threshold satchel-export pack "$T/medium" --key "$T/keys/exporter1.key"
grep -q '1 of 2' "$T/err" || fail "what is missing is not said"
[ -z "$(ls -A "$T/medium")" ] || fail "a refused pack wrote on the medium"
expect 0 satchel-export sign --key "$T/keys/approver2.key"

b=$T/medium/satchel/updates-0000000
run() { (cd "$1" && sed -n '/^#>>>/,/^#<<</p' VERIFY.txt | TMPDIR=$T/tmp sh -e) >"$T/out" 2>"$T/err"; }
expect_word 4 signature-threshold satchel-export pack "$T/medium" --key "$T/keys/exporter1.key"
grep -q "1 of 2" "$T/err" && grep -q "sign .*updates-00000001/manifest.yaml" "$T/err" || fail "the next step is not said"
[ "$(ls "${b}1"/manifest.yaml.*.sig | wc -l)" -eq 1 ] || fail "signatures at hand"
if run "${b}1"; then fail "VERIFY.txt is content with one of two signatures"; fi
expect 4 satchel-export pack "$T/medium" --key "$T/keys/exporter1.key" --key "$T/keys/exporter1.key"   # one key is one
expect 0 satchel-export pack "$T/medium" --key "$T/keys/exporter2.key" --key "$T/keys/exporter1.key"
run "${b}3" || fail "VERIFY.txt of a bundle with two signatures"
grep -q '^manifest.yaml: not signed with key exporter3$' "$T/out" || fail "VERIFY.txt does not say whose signature is missing"
[ ! -s "$T/err" ] || fail "VERIFY.txt looks for a signature that is not there"
expect 0 satchel-export pack "$T/medium" --key "$T/keys/exporter2.key" --key "$T/keys/exporter3.key"
run "${b}4" || fail "VERIFY.txt with ECDSA keys"
expect_word 1 key-role satchel-export pack "$T/medium" --key "$T/keys/approver1.key" --key "$T/keys/exporter1.key"
# what is missing is added on the medium, and VERIFY.txt is content
expect 0 satchel-export sign "${b}1/manifest.yaml" --key "$T/keys/exporter2.key"
run "${b}1" || fail "VERIFY.txt after the second signature"
