#!/bin/bash
# The power went while a first tree was linked to objects whose sync was under way. The auditor takes what only unfinished trees
# link to for what it is, and rot that is published for rot; the next run empties such trees, also of a stream that the store follows
# no more, with a state that is gone, or beside a damaged `current`, and drops what is torn.
. "$(dirname "$0")/lib.sh"
c=$T/content
mkdir -p "$c/item" "$T/m"
echo rots >"$c/item/rots"; echo stays >"$c/item/stays"
quick_station "$c"
quick_store
expect 0 satchel-export pack "$T/m"
expect 0 satchel-import -C "$T/store" apply "$T/m"
cp -a "$T/store" "$T/clean"
s=$T/store/streams

object() { local d; d=$(printf '%s' "$1" | sha256sum | cut -c 1-64); echo "$T/store/objects/${d:0:2}/$d"; }
interrupted() { # torn objects, linked by a tree that was begun from nothing, and by what the scan hook was shown
  rm -rf "$T/store"; cp -a "$T/clean" "$T/store"
  : >"$T/store/stage/receiving"
  : >"$T/store/stage/apply"
  mkdir -p "$s/other/a/tree/x" "$s/other/b/tree" "$s/other/lists" "$T/store/stage/scan/tree"
  sed -e 's/^stream: .*/stream: "other"/' -e 's/^phase: .*/phase: building/' "$s/updates/a/state.yaml" >"$s/other/a/state.yaml"
  for what in one two; do
    mkdir -p "$(dirname "$(object "$what torn")")"
    printf '%s' "$what" >"$(object "$what torn")"; chmod 444 "$(object "$what torn")"
    ln "$(object "$what torn")" "$s/other/a/tree/x/$what"
    ln "$(object "$what torn")" "$s/other/a/tree/$what"
  done
  ln "$(object "two torn")" "$T/store/stage/scan/tree/two"
}
recovered() { # what happened
  expect 0 satchel-import -C "$T/store" apply "$T/m"
  for what in one two; do [ ! -e "$(object "$what torn")" ] || fail "$1: a torn object is still there"; done
  [ ! -e "$T/store/stage/receiving" ] || fail "$1: the marker is still there"
  [ "$(find "$s/other/a/tree" -mindepth 1 | wc -l)" -eq 0 ] || fail "$1: the unfinished tree still links"
  same_tree "$c" "$T/store/published/updates"
  expect 0 satchel-verify store "$T/store" --trust "$T/station/trust/trust-1.yaml"
}
grep -q '^phase: ' "$T/clean/streams/updates/a/state.yaml" || fail "no phase in a state: this test is blind"

interrupted
expect_word 0 'not whole' satchel-verify store "$T/store" --trust "$T/station/trust/trust-1.yaml"
grep -q "$(basename "$(object "two torn")")" "$T/out" || fail "what the scan hook was shown is not told"
recovered 'a stream followed no more'

interrupted
rm "$s/other/a/state.yaml"
recovered 'a state that is gone'

interrupted
ln -sfn c "$s/updates/current"; ln -sfn c "$s/other/current"
recovered 'current was damaged'

# rot of what is published is found, whatever is under way beside it
interrupted
rotten=$(object "rots
")
chmod 644 "$rotten"; echo ROTS >"$rotten"; chmod 444 "$rotten"
expect_word 1 object-digest satchel-verify store "$T/store" --trust "$T/station/trust/trust-1.yaml"
