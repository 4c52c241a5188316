#!/bin/bash
# A kept list that was damaged is not known: never one side of a fork; the bundle that carries it puts it back, a newer one that is
# complete makes it unneeded. A former one is passed over and named by check; one that is needed is an error that says what to do, and a
# rollback to it can be ended.
. "$(dirname "$0")/lib.sh"
c=$T/content
export SATCHEL_STORE=$T/store
trust=$T/station/trust/trust-1.yaml
p=$T/store/published/updates
lists=$T/store/streams/updates/lists
mkdir -p "$c/a" "$c/b"; echo b >"$c/b/f"; echo one >"$c/a/f"
quick_station "$c"; quick_store
for n in 1 2 3; do
  if [ $n -gt 1 ]; then
    echo "$n" >"$c/a/f"
    expect 0 satchel-export scan; expect 0 satchel-export approve --all --ring production; expect 0 satchel-export sign
  fi
  mkdir "$T/m$n"; expect 0 satchel-export pack "$T/m$n"
  [ $n -eq 3 ] || expect 0 satchel-import apply "$T/m$n"
  cp -a "$c" "$T/c$n"
done
cp -a "$T/store" "$T/base"
fresh() { chmod -R u+w "$T/store"; rm -rf "$T/store"; cp -a "$T/base" "$T/store"; }
good() { expect 0 satchel-import check; expect 0 satchel-import status; expect 0 satchel-verify store "$T/store" --trust "$trust"; same_tree "$1" "$p"; }
needed() { # COMMAND: fails for the sake of the list, and says what helps
  expect_word 1 store-damaged "$@"
  grep -q 'apply a bundle that carries this list' "$T/err" "$T/out" || { cat "$T/err"; fail "no next step: $*"; }
}

# the one in effect: its bytes, its signature, what judged it, all of it but the folder
signature=$(basename "$lists"/1-2/*.sig)
for what in approvals.yaml "$signature" root; do
  fresh; flip "$lists/1-2/$what" 0
  needed satchel-import status
  expect 1 satchel-import status --json; grep -q '"damaged":true' "$T/out" || fail "$what: status --json"
  needed satchel-import rollback
  needed satchel-import prune
  needed satchel-import receipt -
  expect_word 3 'list 2 of epoch 1 is kept, but damaged' satchel-import check
  same_tree "$T/c2" "$p"
  expect_word 0 'list 2 is whole again' satchel-import apply "$T/m2"; good "$T/c2"
  expect_word 0 'heals=true' satchel-import log
  grep -q list-fork "$T/store/journal.jsonl" && fail "$what: an alarm that never was"
  expect_word 0 'already imported' satchel-import apply "$T/m2"
  fresh; flip "$lists/1-2/$what" 0
  expect 0 satchel-import apply "$T/m3"; same_tree "$T/c3" "$p"; expect 0 satchel-import status
done
fresh; rm "$lists"/1-2/*; expect 0 satchel-import apply "$T/m2"; good "$T/c2"
# another whole list of the station, in its place
fresh; rm -r "$lists/1-2"; cp -a "$lists/1-1" "$lists/1-2"; needed satchel-import status; expect 0 satchel-import apply "$T/m2"; good "$T/c2"
# after an interruption
fresh; flip "$lists/1-2/approvals.yaml"; : >"$T/store/stage/apply"
needed satchel-import check
expect 0 satchel-import apply "$T/m2"; good "$T/c2"

# the newest, that waits: damaged as well as gone, nothing goes on without it
cp -a "$T/m3" "$T/cut"; truncate -s 40 "$T"/cut/satchel/*/vol-0001.tar.zst
for how in damaged gone; do
  fresh; expect 3 satchel-import apply "$T/cut"; same_tree "$T/c2" "$p"
  if [ $how = gone ]; then rm -r "$lists/1-3"; else flip "$lists/1-3/approvals.yaml"; fi
  needed satchel-import status; needed satchel-import prune; needed satchel-import rollback; needed satchel-import apply "$T/m1"
  if [ $how = gone ]; then needed satchel-import check; else expect_word 3 'list 3 of epoch 1 is kept, but damaged' satchel-import check; fi
  same_tree "$T/c2" "$p"
  expect_word 0 'list 3 is whole again' satchel-import apply "$T/m3"; good "$T/c3"
done

# one that waits, under a new trust root: it has not lost its signers, and what it revokes is not forgotten
fresh
expect 3 satchel-import apply "$T/cut"; flip "$lists/1-3/approvals.yaml"
expect 0 satchel-export trust renew; expect 0 satchel-export trust sign
mkdir "$T/root"; expect 0 satchel-export pack "$T/root" --content-only
needed satchel-import apply "$T/root"
grep -q list-dropped "$T/store/journal.jsonl" && fail "a damaged list was dropped"

# a former one
fresh; flip "$lists/1-1/approvals.yaml"
expect 0 satchel-import status
expect_word 0 'list 1 of epoch 1 is kept, but damaged' satchel-import prune
expect_word 3 'list 1 of epoch 1 is kept, but damaged' satchel-import check
grep -c '"event":"damaged"' "$T/store/journal.jsonl" >"$T/n"; [ "$(cat "$T/n")" = 1 ] || fail "check does not journal it"
snapshot "$T/store" >"$T/before"
needed satchel-import rollback
snapshot "$T/store" >"$T/after"; cmp "$T/before" "$T/after" || fail "a rollback that failed changed the store"
expect 0 satchel-import apply "$T/m1"; good "$T/c2"
expect 0 satchel-import rollback; same_tree "$T/c1" "$p"
fresh; flip "$lists/1-1/approvals.yaml"; expect 0 satchel-import apply "$T/m3"; same_tree "$T/c3" "$p"
expect 0 satchel-import prune --keep 1; [ ! -e "$lists/1-1" ] || fail "prune keeps a damaged list that it would drop"
good "$T/c3"

# the one that was gone back to: the rollback ends by hand, also after an interruption, and by a later list
for end in hand interrupted later; do
  fresh; expect 0 satchel-import rollback; flip "$lists/1-1/approvals.yaml"
  needed satchel-import status
  [ $end != interrupted ] || { : >"$T/store/stage/apply"; needed satchel-import check; same_tree "$T/c1" "$p"; }
  if [ $end = later ]; then
    expect 0 satchel-import apply "$T/m3"; same_tree "$T/c3" "$p"
  else
    expect 0 satchel-import rollback --to-newest; same_tree "$T/c2" "$p"
  fi
  [ ! -e "$T/store/streams/updates/rollback.yaml" ] || fail "$end: the rollback is still there"
  expect 0 satchel-import status
done
exit 0
