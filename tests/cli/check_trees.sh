#!/bin/bash
# check looks at both published trees and at objects that are gone: every kind of change is named, put right from good objects
# or taken away, once; --sample looks at the trees all the same; what no name has any more is asked for and healed by the next
# bundle. A second run is content, and so is the auditor. Killed anywhere, the next check completes.
. "$(dirname "$0")/lib.sh"
c=$T/content
export SATCHEL_STORE=$T/store
trust=$T/station/trust/trust-1.yaml
p=$T/store/published/updates
s=$T/store/streams/updates
mkdir -p "$c/a/deep/er" "$c/b" "$c/many" "$c/a/empty"
echo one >"$c/a/f"; echo two >"$c/a/deep/er/two"; ln -s f "$c/a/link"; ln -s ../a/f "$c/b/over"
echo b >"$c/b/f"; printf '#!/bin/sh\n' >"$c/b/tool"; chmod 755 "$c/b/tool"
for i in $(seq 1200); do echo $((i % 7)) >"$c/many/$i"; done
quick_station "$c"
mkdir "$T/m1"; expect 0 satchel-export pack "$T/m1"
quick_store
expect 0 satchel-import apply "$T/m1"
good() {
  expect 0 satchel-import check "$@"
  expect 0 satchel-verify store "$T/store" --trust "$trust"
  for tree in a b; do same_tree "$c" "$s/$tree/tree"; done
}
mended() { # PLACE... : check names each, with exit 3, and all is well afterwards
  expect 3 satchel-import check --sample 1/1000
  for place; do grep -q "streams/updates/$place: " "$T/err" || fail "$place is not named"; done
  good
}
hex() { sha256sum <"$1" | cut -d' ' -f1; }
object() { echo "$T/store/objects/${1:0:2}/$1${2:-}"; }
good
cp -a "$T/store" "$T/base"
current=$(readlink "$s/current"); other=$([ "$current" = a ] && echo b || echo a)

# other bytes under a name, in both trees, and in the one that is not in service
for tree in a b; do rm "$s/$tree/tree/a/f"; echo evil >"$s/$tree/tree/a/f"; done
mended a/tree/a/f b/tree/a/f
grep -q evil -r "$T/store" && fail "the evil file is still there"
expect 0 satchel-import log --json
grep '"event":"damaged"' "$T/out" | grep '"file":"streams/updates/a/tree/a/f"' | grep '"reason":"object-digest"' | grep -q '"done":"put right"' ||
  fail "it is not in the journal"
rm "$s/$other/tree/a/f"; echo evil >"$s/$other/tree/a/f"; mended "$other/tree/a/f"
printf 'onf\n' >"$T/evil"; cp "$T/evil" "$T/e2"; chmod 444 "$T/e2"; mv -f "$T/e2" "$s/$current/tree/a/f"; mended "$current/tree/a/f" # same size and mode
# gone: a file, a link, a directory with all in it, an item, a tree
rm "$p/a/f"; mended "$current/tree/a/f"
rm "$p/a/link"; mended "$current/tree/a/link"
rm -r "$p/a/deep"; mended "$current/tree/a/deep/er/two"
rm -r "$p/a/empty"; mended "$current/tree/a/empty"
rm -r "$s/$other/tree/b"; mended "$other/tree/b"
rm -r "$s/$other/tree"; mended "$other/tree"
# something else there: a link elsewhere, kinds exchanged, modes
ln -sfn /etc "$p/a/link"; mended "$current/tree/a/link"
rm "$p/a/f"; mkdir "$p/a/f"; echo x >"$p/a/f/x"; mended "$current/tree/a/f"
rm "$p/a/link"; echo x >"$p/a/link"; mended "$current/tree/a/link"
rm -r "$p/a/deep"; echo x >"$p/a/deep"; mended "$current/tree/a/deep"
rm -r "$p/b"; ln -s a "$p/b"; mended "$current/tree/b"
chmod 777 "$p/a" "$p"; mended "$current/tree/a" "$current/tree"
chmod 666 "$p/a/f"
expect_word 3 'its mode is not the one of an object: put right' satchel-import check --sample 1/1000; good
chmod 644 "$p/b/tool"; expect 3 satchel-import check; good
# foreign: beside items, in them, above them
echo x >"$p/a/foreign"; mkdir -p "$p/new/deep"; echo x >"$p/new/deep/x"; ln -s /etc "$p/z"
mended "$current/tree/a/foreign" "$current/tree/new" "$current/tree/z"
[ ! -e "$p/new" ] && [ -e /etc ] || fail "what is foreign stays"

# damaged, and then another item changes: check in between keeps the damage from becoming current
for tree in a b; do rm "$s/$tree/tree/a/f"; echo evil >"$s/$tree/tree/a/f"; done
expect 3 satchel-import check
cp -a "$c" "$T/was"; echo new >"$c/b/f"; mkdir "$T/m2"
expect 0 satchel-export scan; expect 0 satchel-export approve --all --ring production; expect 0 satchel-export sign
expect 0 satchel-export pack "$T/m2"; expect 0 satchel-import apply "$T/m2"
same_tree "$c" "$p"
expect 0 satchel-import rollback; same_tree "$T/was" "$p"
expect 0 satchel-verify store "$T/store" --trust "$trust"
chmod -R u+w "$T/store"; rm -rf "$T/store"; cp -a "$T/base" "$T/store"; rm -rf "$c"; mv "$T/was" "$c"

# objects that are gone: names that have the bytes give them back
for f in a/f b/tool many/1; do rm "$(object "$(hex "$c/$f")")"; done
expect_word 3 object-missing satchel-import check --sample 1/1000
grep -q "objects/.*: it is gone, and is needed: taken from a published file that has them; b: b/tool" "$T/err" || fail "it is not told"
good; expect 0 satchel-import status
rm "$(object "$(hex "$c/b/tool")" .x)"; good # a variant that the trees have under their names
# an object replaced by another file, while the names have the right one
rm "$(object "$(hex "$c/a/f")")"; echo evil >"$(object "$(hex "$c/a/f")")"
expect 3 satchel-import check; good
# and where nothing has them: lost, said by status and receipt, healed by the bundle made for it
f=$(hex "$c/a/f"); list=$(sed -n 's/.*item: "b".*contents: \([0-9a-f]*\).*/\1/p' "$s/a/state.yaml" | head -n 1)
[ -n "$list" ] || list=$(sed -n 's/.*item: "b".*contents: {sha256: \([0-9a-f]*\).*/\1/p' "$s/a/state.yaml")
[ -n "$list" ] || fail "this test does not find a contents list"
rm "$(object "$f")" "$s/a/tree/a/f" "$s/b/tree/a/f" "$(object "$list")"
expect_word 3 'it is gone, and is needed: noted as lost; a: a/f' satchel-import check
[ "$(grep -c 'noted as lost' "$T/err")" -eq 2 ] || fail "the contents list is not named"
expect_word 3 'not healed yet' satchel-import check
expect_word 4 "damaged $f" satchel-import status
expect_word 0 'lacks: 2' satchel-import receipt -; grep -q "$f" "$T/out" && grep -q "$list" "$T/out" || fail "the receipt does not ask for it"
mkdir "$T/d" "$T/m3"
expect 0 satchel-export destination add store --ring production --key "$T/store/keys/receipt.pub"
expect 0 satchel-import receipt "$T/d"; expect 0 satchel-export receive "$T/d"
expect 0 satchel-export sign; expect 0 satchel-export pack "$T/m3" --for store
expect 0 satchel-import apply "$T/m3"
[ -e "$p/a/f" ] || fail "the name was not given back"
expect 0 satchel-import apply "$T/m1"
grep -q "$f" "$T/out" && fail "it came twice"
expect 0 satchel-import check

# killed anywhere, the next check completes
case "$SATCHEL_BIN" in *-asan) calls=;; *) calls="renameat unlinkat linkat fsync write";; esac
command -v strace >/dev/null || skip "no strace here: a check that is killed"
[ -n "$calls" ] || exit 0
fresh() { chmod -R u+w "$T/store"; rm -rf "$T/store"; cp -a "$T/base" "$T/store"; }
fresh
for tree in a b; do rm "$s/$tree/tree/a/f"; echo evil >"$s/$tree/tree/a/f"; done
rm -r "$p/a/deep" "$(object "$(hex "$c/b/f")")"; echo x >"$p/new"
rm -rf "$T/base"; cp -a "$T/store" "$T/base"
count_calls satchel-import check && fail "nothing was found"
for call in $calls; do
  numbers=$(points $call 4) || fail "check never calls $call: this test is blind"
  for n in $numbers; do
    fresh
    inject $call signal=KILL $n satchel-import check || continue
    got=0; satchel-import check >"$T/out" 2>"$T/err" || got=$?
    [ $got -eq 3 ] || [ $got -eq 0 ] || fail "exit $got after $call $n"
    good
    [ -z "$(ls -A "$T/store/stage" | grep -v '^healed$')" ] || fail "stage after $call $n: $(ls -A "$T/store/stage")"
  done
done
enough 14
