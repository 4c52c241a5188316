#!/bin/bash
# What is in effect stays so when an object of it is set aside that is not even published: here of an item that an urgent
# entry of a later list, which waits, has overtaken.
. "$(dirname "$0")/lib.sh"
c=$T/content
mkdir -p "$c/a" "$c/fix" "$c/late" "$T/m1" "$T/m2" "$T/m3"
echo a >"$c/a/f"; echo old >"$c/fix/f"
quick_station "$c"
quick_store
export SATCHEL_STORE=$T/store
p=$T/store/published/updates
expect 0 satchel-export pack "$T/m1"
expect 0 satchel-import apply "$T/m1"
echo new >"$c/fix/f"; echo late >"$c/late/f"
expect 0 satchel-export scan
expect 0 satchel-export approve fix --ring production --urgent
expect 0 satchel-export approve late --ring production
expect 0 satchel-export sign
expect 0 satchel-export pack "$T/m2" --only fix
expect 4 satchel-import apply "$T/m2"
expect 0 satchel-import prune --keep 0
[ "$(cat "$p/fix/f")" = new ] && [ "$(cat "$p/a/f")" = a ] || fail "the urgent item is not published"
for what in "$(sha256sum <<<old | cut -d' ' -f1)" "$(sed -n 's/.*item: "fix".*contents: {sha256: \([0-9a-f]*\).*/\1/p' "$T/station/draft.yaml" | head -n 1)"; do
  cp -a "$T/store" "$T/whole"
  flip "$T/store/objects/${what:0:2}/$what"
  expect 3 satchel-import check
  [ "$(cat "$p/fix/f")" = new ] && [ "$(cat "$p/a/f")" = a ] || fail "damage of what is not published took away what is"
  expect 4 satchel-import status
  expect 0 satchel-export pack "$T/m3"
  expect 0 satchel-import apply "$T/m3"
  same_tree "$c" "$p"
  expect 0 satchel-import apply "$T/m1"
  expect 0 satchel-import check
  rm -rf "$T/store"; mv "$T/whole" "$T/store"
done

# A list that was gone back to is another matter: what of it was revoked need never have come. Here it is un-revoked in a list
# that still waits for it.
mkdir -p "$c/never" "$T/m4" "$T/m5" "$T/m6"
echo never >"$c/never/f"
quick_store back
export SATCHEL_STORE=$T/back
expect 0 satchel-import apply "$T/m3"
expect 0 satchel-export scan
expect 0 satchel-export approve never --ring production
expect 0 satchel-export sign
expect 0 satchel-export pack "$T/m4" --approvals-only
expect 4 satchel-import apply "$T/m4"
expect 0 satchel-export revoke never
expect 0 satchel-export sign
expect 0 satchel-export pack "$T/m5" --approvals-only
expect 0 satchel-import apply "$T/m5"
expect 0 satchel-import rollback
expect 0 satchel-export approve never --ring production
expect 0 satchel-export sign
expect 0 satchel-export pack "$T/m6" --approvals-only
expect_word 4 'never  revision 1 waits' satchel-import apply "$T/m6"
expect 0 satchel-export pack "$T/m6"
expect 0 satchel-import apply "$T/m6"
same_tree "$c" "$T/back/published/updates"
