#!/bin/bash
# Promise: manifests/examples/ is what tests/tools/examples makes, byte for byte; stock OpenSSL verifies every signature
# there, by the key whose id the file bears; and stock tar, zstd and sha256sum agree with the index.
. "$(dirname "$0")/lib.sh"
cd "$(dirname "$0")/../.." || exit 2
make=$SATCHEL_BIN/tests/tools/examples
[ -x "$make" ] || skip "tests/tools are not built (make tools)"
examples=$PWD/manifests/examples

mkdir "$T/again"
expect 0 "$make" "$T/again"
(cd "$examples" && ls) | grep -v '^README.md$' >"$T/have"
(cd "$T/again" && ls) >"$T/made"
cmp -s "$T/have" "$T/made" || { diff "$T/have" "$T/made" >&2; fail "other files than those in manifests/examples"; }
differ=$(while read -r f; do cmp -s "$examples/$f" "$T/again/$f" || echo "$f"; done <"$T/have" | grep -cv '^manifest\.yaml\.\(0e23d12f\|755d8d2c\)' || true)
[ "$differ" -eq 0 ] || fail "$differ files differ from those made again"

# Each signature, with a key taken from the trust root by its id; and the same signature over other bytes fails.
verified=0
for dir in "$examples" "$T/again"; do
  for sig in "$dir"/*.sig; do
    name=$(basename "$sig" .sig)
    id=${name##*.} document=$dir/${name%.*}
    line=$(cat "$dir/trust-1.yaml" "$dir/trust-2.yaml" | grep "id: $id" | head -n 1)
    [ -n "$line" ] || fail "no trust root has the key of $sig"
    { echo "-----BEGIN PUBLIC KEY-----"
      echo "$line" | sed 's/.*public: "\(.*\)"}/\1/' | fold -w 64
      echo "-----END PUBLIC KEY-----"; } >"$T/key.pem"
    [ "$(openssl pkey -pubin -in "$T/key.pem" -outform DER | sha256sum | cut -c 1-32)" = "$id" ] || fail "$sig: another key id"
    case "$line" in
      *ecdsa-p384*) digest="-digest sha384";;
      *ecdsa-p256*) digest="-digest sha256";;
      *) digest=;;
    esac
    # shellcheck disable=SC2086
    expect 0 openssl pkeyutl -verify -pubin -inkey "$T/key.pem" -rawin $digest -in "$document" -sigfile "$sig"
    sed '2s/"/'"'"'/' "$document" >"$T/other"
    # shellcheck disable=SC2086
    expect 1 openssl pkeyutl -verify -pubin -inkey "$T/key.pem" -rawin $digest -in "$T/other" -sigfile "$sig"
    verified=$((verified + 1))
  done
done
[ "$verified" -eq 20 ] || fail "$verified signatures verified, not 20"

# The volume, and the digests that the manifest states.
mkdir "$T/objects"
tar --zstd -C "$T/objects" -xf "$examples/vol-0001.tar.zst"
(cd "$T/objects" && for f in *; do [ "$(sha256sum <"$f")" = "$f  -" ] || exit 1; done) || fail "an object has another digest than its name"
[ "$(find "$T/objects" -type f | wc -l)" -eq "$(grep -c 'at: ' "$examples/vol-0001.yaml" | awk '{print $1 - 1}')" ] || fail "another number of objects"
sed -n 's/.*name: "\(.*\)", size: .*sha256: \(.*\)}/\2  \1/p' "$examples/manifest.yaml" >"$T/sums"
[ "$(wc -l <"$T/sums")" -eq 12 ] || fail "the manifest does not name 12 files"
(cd "$examples" && sha256sum --quiet -c "$T/sums") || fail "a file has another digest than the manifest states"
