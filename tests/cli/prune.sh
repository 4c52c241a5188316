#!/bin/bash
# prune drops what no kept list, waiting list or tree needs, and nothing else: said before, --dry-run changes nothing,
# verify is content at every step, rollback within what is kept works, beyond it says so; content ahead stays; killed anywhere.
. "$(dirname "$0")/lib.sh"
c=$T/content
export SATCHEL_STORE=$T/store
trust=$T/station/trust/trust-1.yaml
p=$T/store/published/updates
mkdir -p "$c/a" "$c/b" "$c/many"
hex() { sha256sum <"$1" | cut -d' ' -f1; }
text() { sha256sum <<<"$1" | cut -d' ' -f1; }
has() { [ -e "$T/store/objects/${1:0:2}/$1" ]; }
good() { expect 0 satchel-verify store "$T/store" --trust "$trust"; }
count() { find "$T/store/objects" -type f | wc -l; }
next() { # MEDIUM
  expect 0 satchel-export scan
  expect 0 satchel-export approve --all --ring production
  expect 0 satchel-export sign
  mkdir "$T/$1"; expect 0 satchel-export pack "$T/$1"
  expect 0 satchel-import apply "$T/$1"
}
echo one >"$c/a/f"; echo both >"$c/b/f"; printf 'tool 1\n' >"$c/a/tool"; chmod 755 "$c/a/tool"
for i in $(seq 1100); do echo "$i" >"$c/many/$i"; done
touch -d '2024-01-01' "$c"/*/*
quick_station "$c"
quick_store
mkdir "$T/m1"; expect 0 satchel-export pack "$T/m1"; expect 0 satchel-import apply "$T/m1"
expect_word 0 '0 objects, 0 B' satchel-import prune --keep 0
for i in 2 3 4; do
  echo "rev $i" >"$c/a/f"; printf 'tool %s\n' "$i" >"$c/a/tool"; echo "$i" >"$c/many/changed"; touch -d "2024-02-0$i" "$c/a/f" "$c/a/tool" "$c/many/changed"
  next m$i
done
good
# a list that waits, and content ahead that no list names
mkdir "$c/w" "$c/ahead"; echo waits >"$c/w/here"; head -c 6000000 /dev/urandom >"$c/w/not-here"; echo ahead >"$c/ahead/f"
expect 0 satchel-export scan
mkdir "$T/m5" "$T/m6"; expect 0 satchel-export pack "$T/m6" --content-only --ahead ahead
expect 0 satchel-export approve w --ring production
expect 0 satchel-export sign
expect 0 satchel-export pack "$T/m5"
volume=$(ls "$T"/m5/satchel/*/vol-0001.tar.zst); truncate -s 4000000 "$volume"
expect 0 satchel-import apply "$T/m6"
[ ! -e "$T/store/stage/receiving" ] || fail "objects that no list needs yet were not made durable at the end"
expect 3 satchel-import apply "$T/m5"
has "$(text ahead)" || fail "content ahead was not taken"
waits=$(find "$T/store/stage/pieces" -type f | wc -l)
good

# said, and nothing changed
snapshot "$T/store" >"$T/before"
expect_word 0 'would go' satchel-import prune --keep 1 --dry-run
grep -q 'updates  list 1 would go' "$T/out" || fail "the list is not named"
expect_word 0 'updates  list 3 stays: a tree publishes items from it' satchel-import prune --keep 0 --dry-run
expect 0 satchel-import prune --keep 1 --dry-run
grep -q 'ahead of their approval: kept for 90 days' "$T/out" || fail "content ahead is not shown"
said=$(grep -o '^[0-9]* objects\?, .*, that' "$T/out")
snapshot "$T/store" >"$T/after"; cmp "$T/before" "$T/after" || fail "--dry-run changed something"

# the other tree publishes list 3, so 3 stays in any case; lists 1 and 2 go with what only they need
expect_word 0 "$said" satchel-import prune --keep 1
good
has "$(text one)" && fail "what list 1 alone needed stays"
has "$(text "rev 2")" && fail "what list 2 alone needed stays"
for t in "rev 3" "rev 4" both; do has "$(text "$t")" || fail "what is needed went: $t"; done
has "$(text waits)" && has "$(text ahead)" || fail "what waits, or is ahead, went"
[ "$(find "$T/store/stage/pieces" -type f | wc -l)" -eq "$waits" ] || fail "a piece in progress went"
expect_word 0 'pruned' satchel-import log
expect_word 0 '0 objects, 0 B' satchel-import prune --keep 1
expect_word 2 list-unknown satchel-import rollback 2
expect 0 satchel-import rollback
[ "$(cat "$p/a/f")" = "rev 3" ] || fail "no way back to what is kept"
# under a rollback what it can be ended with stays
expect 0 satchel-import prune --keep 0; good
expect 4 satchel-import status
expect 0 satchel-import rollback --to-newest; good
[ "$(cat "$p/a/f")" = "rev 4" ] || fail "no way forward again"
mkdir "$T/m7"; expect 0 satchel-export pack "$T/m7"
expect 0 satchel-import apply "$T/m7"
same_tree "$c/w" "$p/w"; good

# what was pruned is received no longer: the first bundle brings it again, and it goes as ahead
expect 0 satchel-import apply "$T/m1"; has "$(text one)" || fail "bundle 1 brought nothing again"
printf 'policy:\n  ahead_days: 0\n' >>"$T/store/store.yaml"
expect 0 satchel-import prune --keep 0; good
has "$(text one)" && fail "what is ahead for longer than policy says stays"
has "$(text ahead)" && fail "what is ahead for longer than policy says stays"

# a contents list that is lost: nothing is guessed
list=$(grep -l 'item: "b"' -r "$T/store/objects" | head -n 1)
mv "$list" "$T/list"; : >"$list.lost"
snapshot "$T/store" >"$T/before"
expect_word 1 store-damaged satchel-import prune --keep 0
snapshot "$T/store" | grep -v journal >"$T/after"; grep -v journal "$T/before" | cmp - "$T/after" || fail "a refused prune changed something"
mv "$T/list" "$list"; rm "$list.lost"

# killed anywhere
case "$SATCHEL_BIN" in *-asan) calls=;; *) calls="unlinkat renameat syncfs write";; esac
command -v strace >/dev/null || skip "no strace here: a prune that is killed"
expect 0 satchel-import apply "$T/m1"
echo "rev 5" >"$c/a/f"; next m8
cp -a "$T/store" "$T/base"
[ -z "$calls" ] || count_calls satchel-import prune --keep 0 || fail "prune under strace"
for call in $calls; do
  numbers=$(points $call 5) || fail "prune never calls $call: this test is blind"
  for n in $numbers; do
    chmod -R u+w "$T/store"; rm -rf "$T/store"; cp -a "$T/base" "$T/store"
    inject $call signal=KILL $n satchel-import prune --keep 0 || continue
    good
    expect 0 satchel-import prune --keep 0; good
    has "$(text one)" && fail "it was not completed after $call $n"
    expect_word 0 '0 objects, 0 B' satchel-import prune --keep 0
    [ "$(cat "$p/a/f")" = "rev 5" ] || fail "what is published changed"
  done
done
[ -z "$calls" ] || enough 10
[ "$(count)" -gt 1000 ] || fail "hardly anything is left"
