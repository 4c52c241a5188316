#!/bin/bash
# Bytes that are no longer the approved ones are never carried: pack names the path, exits 1 and leaves no bundle. With kept
# objects upstream may move on.
. "$(dirname "$0")/lib.sh"
c=$T/content
mkdir -p "$c/pool/a" "$c/pool/b" "$T/medium"
head -c 9000000 /dev/urandom >"$c/pool/a/large"
echo one >"$c/pool/b/small"
export SATCHEL_STATION=$T/station
expect 0 satchel-export init "$T/station" --content "$c" --stream updates --ring production --depth 2
expect 0 satchel-export scan
expect 0 satchel-export approve --all --ring production
expect 0 satchel-export sign
nothing() { [ -z "$(ls -A "$T/medium")" ] || fail "something was left on the medium: $(find "$T/medium")"; }
# upstream moves on: the kept bytes go
cp "$c/pool/b/small" "$T/small"
echo two >"$c/pool/b/small"
rm "$c/pool/a/large"
expect 0 satchel-export pack "$T/medium" --volume-size 8M
rm -rf "$T/medium/satchel"
for f in pool/a/large pool/b/small; do
  case $f in *large) o=$(find "$T/station/objects" -type f -size +1M);; *) o=$(grep -rlx one "$T/station/objects");; esac
  flip "$o" 0
  expect_word 1 content-changed satchel-export pack "$T/medium" --volume-size 8M
  grep -q "$f" "$T/err" || fail "the path $f is not named"
  nothing
  flip "$o" 0
  mv "$o" "$T/aside"
  expect 1 satchel-export pack "$T/medium" --volume-size 8M
  grep -q "$f" "$T/err" || fail "the path $f is not named"
  nothing
  head -c 2 "$T/aside" >"$o"
  expect 1 satchel-export pack "$T/medium" --volume-size 8M
  nothing
  rm -f "$o"
  mv "$T/aside" "$o"
done
o=$(find "$T/station/contents" -type f | head -n 1)
flip "$o" 0
expect 1 satchel-export pack "$T/medium"
nothing
flip "$o" 0
expect 0 satchel-export pack "$T/medium" --volume-size 8M
rm -rf "$T/medium/satchel"

# not kept: the content root has to have them still
expect 0 satchel-export init "$T/s2" --content "$c" --stream updates --ring production --depth 2
printf 'policy: {keep_objects: false}\n' >>"$T/s2/station.yaml"
export SATCHEL_STATION=$T/s2
echo large >"$c/pool/a/large"
expect 0 satchel-export scan
expect 0 satchel-export approve --all --ring production
expect 0 satchel-export sign
expect 0 satchel-export pack "$T/medium"
rm -rf "$T/medium/satchel"
echo longer >"$c/pool/b/small"
rm "$c/pool/a/large"
expect_word 1 content-changed satchel-export pack "$T/medium"
grep -q pool/b/small "$T/err" && grep -q pool/a/large "$T/err" || fail "not all that changed is named at once"
nothing
