#!/bin/bash
# What is said to come next can be pasted, whatever the station's path; a link on a medium is called one.
. "$(dirname "$0")/lib.sh"
mkdir -p "$T/content/item" "$T/medium"
echo x >"$T/content/item/x"
s="$T/it's my \"station\" \$HOME"
ring=--ring\ production
paste_next() { # the step told last, with its words in capitals filled in
  local line
  line=$(sed -n 's/^satchel-export: next: //p' "$T/err" | tail -n 1)
  [ -n "$line" ] || fail "no next step was told"
  line=${line%, or --all}
  line=${line/ITEM.../item}
  line=${line/RING/production}
  expect 0 bash -c "$line"
}
expect 0 satchel-export init "$s" --content "$T/content" --stream updates $ring
for step in scan approve; do paste_next; done
expect 0 satchel-export -C "$s" sign
expect 0 satchel-export -C "$s" pack "$T/medium"
[ -f "$T/medium/satchel/updates-00000001/manifest.yaml" ] || fail "the steps told did not lead to a bundle"

b=$T/medium/satchel/updates-00000001
expect 0 satchel-import init "$T/store" --name store --trust "$s/trust/trust-1.yaml" --stream updates --ring production
mv "$b/manifest.yaml" "$T/aside"
ln -s /dev/zero "$b/manifest.yaml"
expect_word 1 'file-type: updates-00000001/manifest.yaml: a symbolic link' satchel-import -C "$T/store" apply "$T/medium"

# a store in a ring that nobody approved for: nothing is wrong, and nothing is published
expect 0 satchel-import init "$T/other" --name other --trust "$s/trust/trust-1.yaml" --stream updates --ring prod
rm "$b/manifest.yaml"
mv "$T/aside" "$b/manifest.yaml"
expect_word 0 'list 1 has 1 item, and none for this store (prod); it names production' satchel-import -C "$T/other" apply "$T/medium"
expect_word 0 'none for this store (prod)' satchel-import -C "$T/other" status
expect 0 satchel-import -C "$T/store" apply "$T/medium"
! grep -q 'none for this store' "$T/err" || fail "the store's ring is named"
