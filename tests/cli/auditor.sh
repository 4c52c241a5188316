#!/bin/bash
# Who audits is neither the store's owner nor bound to its newest root: a store is judged whoever owns it, but changed by
# its owner and root alone; --trust-version names a root that must be there; --since takes a day.
. "$(dirname "$0")/lib.sh"
mkdir -p "$T/content/item" "$T/medium"
echo x >"$T/content/item/x"
quick_station "$T/content"
quick_store
expect 0 satchel-export pack "$T/medium"
expect 0 satchel-import -C "$T/store" apply "$T/medium"
trust=$T/station/trust/trust-1.yaml

# a root that is not there: nothing is said to be good by it
expect 0 satchel-verify bundle "$T/medium" --trust "$trust" --trust-version 1
expect_word 1 trust-chain satchel-verify bundle "$T/medium" --trust "$trust" --trust-version 2
expect 0 satchel-verify store "$T/store" --trust-version 1
expect_word 2 'ends at root 1' satchel-verify store "$T/store" --trust-version 2
expect 1 satchel-verify show "$T/medium/satchel/updates-00000001" --trust "$trust" --trust-version 2
grep -q 'UNVERIFIED: trust root 2 is not here' "$T/out" || fail "show judged by another root than the one asked for"

for day in 2020-01-01 2020-01-01T00:00:00Z; do
  expect 0 satchel-export log --since $day
  [ -s "$T/out" ] || fail "the ledger since $day is empty"
  expect 0 satchel-import -C "$T/store" log --since $day
  [ -s "$T/out" ] || fail "the journal since $day is empty"
done
expect 2 satchel-export log --since yesterday
expect 2 satchel-import -C "$T/store" log --since 2020-1-1

# what was read by nobody was read under nothing
mkdir "$T/linked"; ln -s "$T/medium/satchel" "$T/linked/satchel"
expect_word 1 file-type satchel-verify bundle "$T/linked" --trust "$trust"
tail -n 1 "$T/out" | grep -q '^0 of 0 bundles good; 1 finding, 0 notes$' || { cat "$T/out"; fail "the last line"; }

[ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null || skip "the rest needs root and setpriv"
chmod 755 "$T"
setpriv --reuid=65534 --regid=65534 --clear-groups sh -c "satchel-verify --version >/dev/null && test -r '$T/store'" 2>/dev/null ||
  skip "another user can't reach the programs or the store here"
expect 0 setpriv --reuid=65534 --regid=65534 --clear-groups satchel-verify store "$T/store" --trust "$trust"
expect 0 setpriv --reuid=65534 --regid=65534 --clear-groups satchel-import -C "$T/store" status

# what he can't read is that, and neither missing nor unapproved: exit 3
other() { expect "$1" setpriv --reuid=65534 --regid=65534 --clear-groups "${@:2}"; }
hidden() { # PATH COMMAND...: exit 3 while he can't read PATH of the store
  local mode; mode=$(stat -c %a "$T/store/$1"); chmod go= "$T/store/$1"
  other 3 "${@:2}"
  chmod "$mode" "$T/store/$1"
}
tree=$(readlink "$T/store/streams/updates/current")
object=$(sha256sum <"$T/content/item/x")
for path in streams/updates/lists streams/updates/lists/1-1 streams/updates/lists/1-1/root journal.jsonl "streams/updates/$tree/state.yaml"; do
  hidden $path satchel-verify store "$T/store" --trust "$trust"
  tail -n 1 "$T/out" | grep -q '^store: NOT GOOD; 1 finding' || { cat "$T/out"; fail "$path can't be read"; }
  hidden $path satchel-verify report "$T/store" --trust "$trust" -o -
  grep -q 'NOT GOOD: 1 fault' "$T/out" || fail "a page where $path can't be read"
done
for path in "streams/updates/$tree/tree" "streams/updates/$tree/tree/item" streams/updates/bundles published "objects/${object:0:2}"; do
  hidden "$path" satchel-verify store "$T/store" --trust "$trust"
  tail -n 1 "$T/out" | grep -q '^store: NOT GOOD; 1 finding' || { cat "$T/out"; fail "$path can't be read"; }
done
mkdir -p "$T/content/item/d" "$T/content/item/d.x"; echo y | tee "$T/content/item/d/1" "$T/content/item/d/2" "$T/content/item/d.x/1" >"$T/content/item/e"
expect 0 satchel-export scan; expect 0 satchel-export approve item --ring production; expect 0 satchel-export sign
expect 0 satchel-export pack "$T/medium"; expect 0 satchel-import -C "$T/store" apply "$T/medium"
tree=$(readlink "$T/store/streams/updates/current")
hidden "streams/updates/$tree/tree/item/d" satchel-verify store "$T/store" --trust "$trust"
tail -n 1 "$T/out" | grep -q '^store: NOT GOOD; 1 finding' || { cat "$T/out"; fail "a directory of a published item"; }
cp -a "$T/store/published/updates/." "$T/copy"
chmod 0 "$T/copy/item/d"; other 3 satchel-verify tree "$T/copy" --store "$T/store"
grep -q '^item: revision 2: unreadable' "$T/out" && grep -q ' 0 missing, 0 stale, 0 changed, 0 extra, 1 unreadable' "$T/out" || { cat "$T/out"; fail "a directory"; }
chmod u+w "$T/copy/item" "$T/copy/item/d.x"; rm "$T/copy/item/d.x/1" "$T/copy/item/e"; other 1 satchel-verify tree "$T/copy" --store "$T/store"
grep -q '^  missing  item/d.x/1' "$T/out" && grep -q '^  missing  item/e' "$T/out" && grep -q ' 2 missing, .* 1 unreadable' "$T/out" || { cat "$T/out"; fail "missing beside it"; }
chmod 0 "$T/copy/item"; other 3 satchel-verify tree "$T/copy" --store "$T/store"
grep -q '^item: revision 2: unreadable' "$T/out" && grep -q ' 0 missing, .* 1 unreadable' "$T/out" || { cat "$T/out"; fail "an item"; }
chmod 755 "$T/copy/item" "$T/copy/item/d"
chown -R 65534:65534 "$T/store"
expect 0 satchel-verify store "$T/store" --trust "$trust"
expect 0 satchel-import -C "$T/store" status
snapshot "$T/store" >"$T/before"
expect_word 2 unsafe satchel-import -C "$T/store" apply "$T/medium"
snapshot "$T/store" | cmp -s - "$T/before" || fail "a store of somebody else was changed"
chown 65533 "$T/store/trust"
expect_word 1 trust-damaged satchel-verify store "$T/store" --trust "$trust"
