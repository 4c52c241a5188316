#!/bin/bash
# One flipped byte in any file of a bundle is found by verify and by import, which name that file; afterwards the good
# bundle still imports. First, middle and last byte; also one byte more, one less, and the file removed (S19).
. "$(dirname "$0")/lib.sh"
c=$T/content
mkdir -p "$c/item" "$c/other"
head -c 3000000 /dev/urandom >"$c/item/random"
head -c 12000000 /dev/urandom >"$c/other/large"
echo text >"$c/other/text"
quick_station "$c"
mkdir "$T/good"
expect 0 satchel-export pack "$T/good" --volume-size 8M
b=$(ls "$T/good/satchel")
quick_store fresh
trust=$T/station/trust/trust-1.yaml

tried=0
try() { # what, file: the copy in $T/m/satchel/$b is changed already
  tried=$((tried + 1))
  local got=0 named=$2
  satchel-verify bundle "$T/m" --trust "$trust" >"$T/out" 2>"$T/err" || got=$?
  [ $got -eq 1 ] || [ $got -eq 3 ] || fail "verify exits $got: $1 of $2"
  grep -qF -- "$named" "$T/out" "$T/err" || { cat "$T/out" >&2; fail "verify does not name $named: $1"; }
  case "$2" in VERIFY.txt) return 0;; esac   # import does not look at it
  rm -rf "$T/store"; cp -a "$T/fresh" "$T/store"
  got=0
  satchel-import -C "$T/store" apply "$T/m" >"$T/out" 2>"$T/err" || got=$?
  case "$2:$1" in
    *.tar.zst:*) [ $got -eq 3 ] || fail "import exits $got, not 3: $1 of $2";;
    manifest.yaml:removed) # without its signature it is refused, without itself it is an interrupted bundle
      [ $got -eq 3 ] || fail "import exits $got, not 3: an interrupted bundle";;
    *) [ $got -eq 1 ] || fail "import exits $got, not 1: $1 of $2";;
  esac
  [ $got -eq 0 ] || grep -qF -- "$named" "$T/out" "$T/err" || { cat "$T/out" >&2; fail "import does not name $named: $1"; }
  expect 0 satchel-import -C "$T/store" apply "$T/good"
  same_tree "$c" "$T/store/published/updates/"
}
for f in "$T/good/satchel/$b"/*; do
  name=$(basename "$f")
  size=$(stat -c %s "$f")
  for at in 0 $((size / 2)) $((size - 1)); do
    rm -rf "$T/m"; cp -a "$T/good" "$T/m"
    flip "$T/m/satchel/$b/$name" "$at"
    # A signature that is no longer one counts as none of its document.
    case "$name" in
      trust-1.yaml|trust-1.yaml.*) try flipped trust-1.yaml;;
      manifest.yaml.*.sig) try flipped manifest.yaml;;
      *) try flipped "$name";;
    esac
  done
  rm -rf "$T/m"; cp -a "$T/good" "$T/m"; printf x >>"$T/m/satchel/$b/$name"
  case "$name" in manifest.yaml.*.sig) try longer manifest.yaml;; *) try longer "$name";; esac
  rm -rf "$T/m"; cp -a "$T/good" "$T/m"; truncate -s -1 "$T/m/satchel/$b/$name"
  case "$name" in manifest.yaml.*.sig) try shorter manifest.yaml;; *) try shorter "$name";; esac
  rm -rf "$T/m"; cp -a "$T/good" "$T/m"; rm "$T/m/satchel/$b/$name"
  case "$name" in manifest.yaml.*.sig) try unsigned manifest.yaml;; *) try removed "$name";; esac
done
[ "$tried" -ge 60 ] || fail "only $tried changes were tried: this test is blind"
echo "attack S19 $tried changes of a file of a bundle: it is named | named | named"
