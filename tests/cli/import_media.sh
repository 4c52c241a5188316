#!/bin/bash
# Media as they come: late, twice, several at once, lost, damaged, interrupted, for others; what waits is said, and the
# next medium heals it. Exit code, words and what is published, each time.
. "$(dirname "$0")/lib.sh"
c=$T/content
mkdir -p "$c/a" "$c/b" "$T"/m1 "$T"/m2 "$T"/m3 "$T"/empty
echo a1 >"$c/a/file"; echo b1 >"$c/b/file"
quick_station "$c"
step() { # medium: scan, approve all, sign, pack there
  expect 0 satchel-export scan
  expect 0 satchel-export approve --all --ring production
  expect 0 satchel-export sign
  expect 0 satchel-export pack "$1"
}
expect 0 satchel-export pack "$T/m1"
cp -a "$c" "$T/c1"
echo a2 >"$c/a/file"; mkdir "$c/new"; head -c 12000000 /dev/urandom >"$c/new/large"
step "$T/m2"
cp -a "$c" "$T/c2"
echo b3 >"$c/b/file"
step "$T/m3"
quick_store
export SATCHEL_STORE=$T/store
p=$T/store/published/updates/
apply() { satchel-import apply "$@"; }

# in order, out of order, all at once, twice: the same tree
expect 0 apply "$T/m1"; same_tree "$T/c1" "$p"
expect 0 apply "$T/m2"; same_tree "$T/c2" "$p"
expect_word 0 'already imported' apply "$T/m2" "$T/m2"
expect 0 apply "$T/m3"; same_tree "$c" "$p"
expect 0 apply "$T/m1"; same_tree "$c" "$p"
for order in "m3 m2 m1" "m1 m2 m3" "m2 m3 m1"; do
  quick_store again
  # shellcheck disable=SC2046
  SATCHEL_STORE=$T/again expect 0 apply $(for m in $order; do echo "$T/$m"; done)
  same_tree "$c" "$T/again/published/updates/"
  rm -rf "$T/again"
  quick_store again
  for m in $order; do SATCHEL_STORE=$T/again satchel-import apply -q "$T/$m" >"$T/out" 2>"$T/err" || true; done
  same_tree "$c" "$T/again/published/updates/"
  rm -rf "$T/again"
done

# a damaged medium: exit 3, medium, file, frame and item are named, the rest is kept; the good medium heals it
cp -a "$T/m3" "$T/bad"
f=$(ls "$T"/bad/satchel/*/vol-0001.tar.zst)
printf 'XXXXXXXX' | dd of="$f" bs=1 seek=6000000 conv=notrunc 2>/dev/null
quick_store hurt
export SATCHEL_STORE=$T/hurt
expect 0 apply "$T/m1"
expect_word 3 frame-digest apply "$T/bad"
grep -q "$T/bad: updates-0000000[0-9]/vol-0001.tar.zst: frame [0-9]* at [0-9]*" "$T/err" || fail "the place is not named"
grep -qF '(new: new/large)' "$T/err" || fail "the item is not named"
grep -q 'stays in effect' "$T/out" || fail "not said what stays"
same_tree "$T/c1" "$T/hurt/published/updates/"
expect_word 4 'waiting' satchel-import status
expect 0 apply "$T/m3"
same_tree "$c" "$T/hurt/published/updates/"
expect 0 satchel-import status
expect 0 satchel-verify store "$T/hurt" --trust "$T/station/trust/trust-1.yaml"

# nothing there, nothing for us, only a beginning
export SATCHEL_STORE=$T/store
snapshot "$T/store" >"$T/before"
expect_word 1 no-bundle apply "$T/empty"
cp -a "$T/m3" "$T/begun"; rm "$T"/begun/satchel/*/manifest.yaml*
expect_word 3 bundle-interrupted apply "$T/begun"
mkdir -p "$T/other/satchel"; cp -a "$T"/m3/satchel/updates-* "$T/other/satchel/tools-00000001"
expect_word 1 no-bundle apply "$T/other"
grep -q 'other streams passed over' "$T/err" || fail "not said: passed over"
expect_word 2 medium-missing apply "$T/nowhere"
expect_word 2 store-on-medium apply "$T"
expect_word 2 store-on-medium apply "$T/store/stage"
snapshot "$T/store" >"$T/after"
cmp "$T/before" "$T/after" || fail "the store changed"

# what is not signed enters nowhere, and the good one afterwards does
cp -a "$T/m3" "$T/unsigned"; rm "$T"/unsigned/satchel/*/manifest.yaml.*.sig
quick_store third
export SATCHEL_STORE=$T/third
expect_word 1 signature-missing apply "$T/unsigned"
expect 0 apply "$T/m3"


# a medium that is used for years: what was imported once is passed over, also when its list is no longer kept
quick_store fourth
export SATCHEL_STORE=$T/fourth
printf 'policy:\n  keep_lists: 2\n' >>"$T/fourth/store.yaml"
mkdir "$T/years"
for n in 1 2 3 4 5 6; do
  [ $n -eq 1 ] || expect 0 satchel-export renew
  expect 0 satchel-export pack "$T/years"
  rm -rf "$T/one"; mkdir -p "$T/one/satchel"
  cp -a "$T/years/satchel/$(ls "$T/years/satchel" | tail -n 1)" "$T/one/satchel"
  [ $n -eq 3 ] || expect 0 apply "$T/one" # the third one is late
done
[ "$(ls "$T/fourth/streams/updates/lists" | wc -l)" -lt 5 ] || fail "no list went: this test is blind"
expect 0 apply "$T/years"
[ "$(grep -c 'already imported' "$T/out")" -eq 5 ] && [ "$(grep -c 'older than the newest one' "$T/out")" -eq 1 ] ||
  fail "what was imported before is imported again"
snapshot "$T/fourth" >"$T/before"
expect 0 apply "$T/years"
[ "$(grep -c 'already imported' "$T/out")" -eq 6 ] || fail "the late one is imported again"
snapshot "$T/fourth" | cmp - "$T/before" || fail "the store changed"

# one medium that can't be read keeps no other out; one that is not there, or holds the store, was named by mistake: nothing is taken
[ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null || skip "the rest needs root and setpriv"
other() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
chmod 755 "$T"
other satchel-verify --version >/dev/null 2>&1 || skip "another user can't reach the programs here"
quick_store fifth; chown -R 65534:65534 "$T/fifth"
export SATCHEL_STORE=$T/fifth
cp -a "$T/m2" "$T/closed"; chmod 0 "$T/closed"
trust=$T/station/trust/trust-1.yaml
expect_word 3 medium-read other satchel-import apply "$T/closed"
[ "$(grep -c "$T/closed" "$T/err")" -eq 1 ] || fail "not said once"
expect_word 3 medium-read other satchel-import apply "$T/closed" "$T/m1"
same_tree "$T/c1" "$T/fifth/published/updates"
for wrong in nowhere .; do
  expect 2 other satchel-import apply "$T/m2" "$T/closed" "$T/$wrong"
  same_tree "$T/c1" "$T/fifth/published/updates"
done
expect_word 3 medium-read other satchel-import apply "$T/m2" "$T/closed"
same_tree "$T/c2" "$T/fifth/published/updates"
expect_word 3 medium-read other satchel-verify bundle "$T/closed" "$T/m1" --trust "$trust"
grep -q '^1 of 1 bundle good; 1 finding' "$T/out" || { cat "$T/out"; fail "verify does not go on"; }
expect_word 2 medium-missing other satchel-verify bundle "$T/m1" "$T/nowhere" --trust "$trust"
