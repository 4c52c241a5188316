#!/bin/bash
# A check that is killed while it sets damaged objects aside: whatever runs next finishes that, whoever runs it. What has a mark is
# not served, nor taken for healed before its bytes are right, and the next bundle heals it.
. "$(dirname "$0")/../cli/lib.sh"
command -v strace >/dev/null || skip "no strace here: a check that is killed"
c=$T/content
export SATCHEL_STORE=$T/store
trust=$T/station/trust/trust-1.yaml
mkdir -p "$c/a" "$c/b"
echo one >"$c/a/one"; echo same >"$c/a/same"; echo same >"$c/b/same"
for f in tool broken; do printf '#!/bin/sh\necho %s\n' $f >"$c/b/$f"; chmod 755 "$c/b/$f"; done
quick_station "$c"
mkdir "$T/m1"; expect 0 satchel-export pack "$T/m1"
quick_store
expect 0 satchel-import apply "$T/m1"
hex() { sha256sum <"$1" | cut -d' ' -f1; }
object() { echo "$T/store/objects/${1:0:2}/$1${2:-}"; }
same=$(hex "$c/a/same") tool=$(hex "$c/b/tool") broken=$(hex "$c/b/broken")
# an object, a variant of a whole one, and an object with its variant
for f in "$(object "$same")" "$(object "$tool" .x)" "$(object "$broken")" "$(object "$broken" .x)"; do flip "$f"; done
restore() { chmod -R u+w "$T/store" 2>/dev/null || true; rm -rf "$T/store"; cp -a "$1" "$T/store"; }
# digest, name of a file: an object that has a mark, and a variant of one that has a mark or a note
marked() {
  for f in "$same a/same" "$broken b/broken"; do
    if [ -e "$(object "${f% *}" .lost)" ]; then echo "$f"; fi
  done
}
noted() {
  if [ -e "$(object "$broken" .lost)" ]; then echo "$broken b/broken"; fi
  if [ -e "$T/store/stage/healed/$tool" ]; then echo "$tool b/tool"; fi
}
# what is left of them, by what was said before and what was done
finished() { # MARKED NOTED WHAT
  while read -r digest file; do
    [ -z "$digest" ] || [ ! -e "$(object "$digest")" ] || cmp "$c/$file" "$(object "$digest")" || fail "$3: $file has the mark, and damaged bytes"
  done <<<"$1"
  while read -r digest file; do
    [ -z "$digest" ] || [ ! -e "$(object "$digest" .x)" ] || cmp "$c/$file" "$(object "$digest" .x)" || fail "$3: $file was to go, and has damaged bytes"
  done <<<"$2"
  while read -r digest file; do
    for tree in a b; do
      name=$T/store/streams/updates/$tree/tree/$file
      [ -z "$digest" ] || [ ! -e "$name" ] || cmp "$c/$file" "$name" || fail "$3: damaged bytes are served as $file in $tree"
    done
  done <<<"$1"$'\n'"$2"
}
good() {
  expect 0 satchel-verify store "$T/store" --trust "$trust"
  for tree in a b; do same_tree "$c" "$T/store/streams/updates/$tree/tree"; done
  [ -z "$(find "$T/store/objects" -name '*.lost')" ] || fail "a mark stays"
}
cp -a "$T/store" "$T/base"
count_calls satchel-import check && fail "damage was not found"
halfway=0
for call in syncfs unlinkat renameat fsync; do
  numbers=$(points $call 5) || fail "check never calls $call: this test is blind"
  for n in $numbers; do
    restore "$T/base"
    inject $call signal=KILL $n satchel-import check || continue
    rm -rf "$T/killed"; cp -a "$T/store" "$T/killed"
    marked=$(marked) noted=$(noted)
    [ ! -e "$(object "$same" .lost)" ] || [ ! -e "$(object "$same")" ] || { halfway=$((halfway + 1)); rm -rf "$T/halfway"; cp -a "$T/store" "$T/halfway"; }
    for next in "prune" "receipt -" "check --sample 1/1000000" "apply $T/m1"; do
      restore "$T/killed"
      got=0; satchel-import $next >"$T/out" 2>"$T/err" || got=$?
      case "$next $got" in "check "*" 3"|*" 0") ;; *) fail "$call $n: exit $got of $next";; esac
      finished "$marked" "$noted" "$next after $call $n"
    done
    satchel-import check >"$T/out" 2>"$T/err" || expect 0 satchel-import apply "$T/m1"
    good
  done
done
[ "$halfway" -gt 0 ] || fail "never killed between the marks and the objects: this test is blind"
enough 10

# the same with nothing that tells of an interruption, by an owner who isn't root
rm "$T/halfway/stage/apply"
restore "$T/halfway"
expect_word 3 'set aside' satchel-import check --sample 1/1000000
finished "$same a/same" "" "a check of another part"
[ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null || skip "the rest needs root and setpriv"
chmod 755 "$T"
setpriv --reuid=65534 --regid=65534 --clear-groups sh -c "satchel-import --version >/dev/null && test -r '$T/m1'" 2>/dev/null ||
  skip "another user can't reach the programs or the medium here"
other() { expect "$1" setpriv --reuid=65534 --regid=65534 --clear-groups "${@:2}"; }
for stay in yes no; do
  restore "$T/halfway"
  [ $stay = no ] || touch "$T/store/stage/apply"
  chown -R 65534:65534 "$T/store"
  other 3 satchel-import check
  [ ! -e "$(object "$same")" ] && [ -e "$(object "$same" .lost)" ] || fail "the owner can't set it aside"
  other 3 satchel-import check
  other 0 satchel-import apply "$T/m1"
  good
done
