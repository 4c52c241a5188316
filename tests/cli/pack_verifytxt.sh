#!/bin/bash
# VERIFY.txt's commands run literally, with stock tools alone, from a directory that can't be written; they find each kind
# of damage. With all kinds of keys, with and without digests of volumes, below the exporter threshold.
. "$(dirname "$0")/lib.sh"
c=$T/content
mkdir -p "$c/a" "$c/b"
head -c 20000000 /dev/urandom >"$c/a/noise"
seq 1 200000 >"$c/b/text"
quick_station "$c"
run() { # bundle: runs the commands as the text says, with none of our programs in the path
  (cd "$1" && PATH=/usr/bin:/bin TMPDIR=$T/tmp sh -c "sed -n '/^#>>>/,/^#<<</p' VERIFY.txt | sh -e" >"$T/out" 2>"$T/err")
}
good() {
  run "$1" || { cat "$T/out" >&2; fail "VERIFY.txt of $1 does not run"; }
  [ "$(tail -n 1 "$T/out")" = "$(basename "$1"): everything matches" ] || fail "last line of VERIFY.txt"
  [ -z "$(ls -A "$T/tmp")" ] || fail "VERIFY.txt leaves files behind"
}
bad() { if run "$1"; then fail "VERIFY.txt does not notice: $2"; fi; }
mkdir "$T/medium" "$T/tmp"
expect 0 satchel-export pack "$T/medium" --volume-size 8M
expect 0 satchel-export pack "$T/medium" --volume-size 8M --no-volume-digests
expect 0 satchel-export pack "$T/medium" --approvals-only
expect 0 satchel-export pack "$T/medium" --content-only
chmod -R a-w "$T/medium"
for b in "$T"/medium/satchel/*; do good "$b"; done
grep -qF "sed -n '/^#>>>/,/^#<<</p' VERIFY.txt | sh -e" "$T/medium/satchel/updates-00000001/VERIFY.txt" || fail "how to run it"
chmod -R u+w "$T/medium"
# one flipped byte in any file of the bundle
for b in updates-00000001 updates-00000002; do
  for f in "$T/medium/satchel/$b"/*; do
    case $f in *VERIFY.txt) continue;; esac
    at=$(($(stat -c %s "$f") / 2))
    flip "$f" $at
    bad "$T/medium/satchel/$b" "a flipped byte of $f"
    flip "$f" $at
  done
  good "$T/medium/satchel/$b"
  rm -rf "$T/half" && cp -r "$T/medium/satchel/$b" "$T/half"
  truncate -s -1 "$T/half/vol-0002.tar.zst"
  bad "$T/half" "a volume that is too short"
  rm -rf "$T/half" && cp -r "$T/medium/satchel/$b" "$T/half"
  echo more | zstd -q >>"$T/half/vol-0001.tar.zst"
  bad "$T/half" "a volume with something behind its end"
  grep -q '^vol-0001.tar.zst: not the [0-9]* bytes of the manifest$' "$T/out" || fail "which volume is too long is not said"
  echo >>"$T/medium/satchel/$b/VERIFY.txt"
  bad "$T/medium/satchel/$b" "a changed VERIFY.txt"
done

# Of some objects a bundle has only a part: what a store lacks after damage. They are named in a note; objects that are there
# in all their pieces are joined and compared.
partial() { # bundle count
  good "$1"
  expect 0 satchel-verify bundle "${1%/satchel/*}" --trust "$T/station/trust/trust-1.yaml"
  run "$1"
  [ "$(grep -c '^note: only a part of [0-9a-f]\{64\} is in this bundle$' "$T/out")" -eq "$2" ] || fail "parts in $1: $(cat "$T/out")"
  [ "$2" -eq 0 ] || grep -q "^note: objects of which only a part .*: $2\$" "$T/out" || fail "parts in $1 are not counted"
}
for damage in 0 13000000 '0 13000000'; do
  store=store-${damage// /-}
  m1=$T/$store.first m2=$T/$store.second
  quick_store "$store"
  expect 0 satchel-export destination add "$store" --key "$T/$store/keys/receipt.pub"
  mkdir "$m1" "$m2"
  expect 0 satchel-export pack "$m1" --for "$store"
  for at in $damage; do printf XXXX | dd of="$(echo "$m1"/satchel/*/vol-0001.tar.zst)" bs=1 seek=$((at + 500000)) conv=notrunc 2>/dev/null; done
  expect 3 satchel-import -C "$T/$store" apply "$m1"
  expect 0 satchel-import -C "$T/$store" receipt "$m1"
  expect 0 satchel-export receive "$m1"
  expect 0 satchel-export pack "$m2" --for "$store"
  grep -q 'length: ' "$m2"/satchel/*/vol-0001.yaml || fail "all of the object is carried: this test is blind"
  partial "$(echo "$m2"/satchel/*)" 1
done
expect 0 satchel-export pack "$m2" --volume-size 8M
partial "$m2/satchel/$(ls "$m2/satchel" | grep updates- | tail -n 1)" 0
