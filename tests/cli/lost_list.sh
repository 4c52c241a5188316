#!/bin/bash
# A list that the state in service names is kept, or the store is damaged: status is unhealthy, nothing is published or removed,
# no older list comes into effect. A bundle with this very list heals it, expired or not, and so does a later one that is whole.
. "$(dirname "$0")/lib.sh"
c=$T/content
export SATCHEL_STORE=$T/store
trust=$T/station/trust/trust-1.yaml
s=$T/store/streams/updates
p=$T/store/published/updates
mkdir -p "$c/a" "$c/b"; echo b >"$c/b/f"
freeze() { # N: list N, its content and its medium
  echo "$1" >"$c/a/f"
  if [ "$1" = 1 ]; then quick_station "$c"; quick_store; else
    expect 0 satchel-export scan; expect 0 satchel-export approve --all --ring production; expect 0 satchel-export sign
  fi
  mkdir "$T/m$1"; expect 0 satchel-export pack "$T/m$1"; cp -a "$c" "$T/c$1"
}
for n in 1 2 3 4; do freeze $n; done
for n in 1 2 3; do expect 0 satchel-import apply "$T/m$n"; done
cp -a "$T/store" "$T/base"
fresh() { chmod -R u+w "$T/store"; rm -rf "$T/store"; cp -a "$T/base" "$T/store"; }
whole() { same_tree "$T/c$1" "$p"; expect 0 satchel-import status; expect 0 satchel-import check; expect 0 satchel-import prune; }
healed() { whole "$1"; expect 0 satchel-verify store "$T/store" --trust "$trust"; }
stays() { # CODE command...: refused, and what is published stays
  expect_word 1 'is not among the lists kept' "$@"
  grep -q store-damaged "$T/err" "$T/out" && grep -q 'apply a bundle that carries this list' "$T/err" "$T/out" || fail "what to do: $*"
  same_tree "$T/c3" "$p"
}
damaged() { # command...: a store that this does to a sound one refuses to go on, whatever is run
  local how
  for how in 'apply '"$T/m2" 'apply '"$T/m1" check prune rollback 'rollback 1' 'prune --dry-run'; do
    fresh; "$@"
    # shellcheck disable=SC2086
    stays satchel-import $how
  done
  fresh; "$@"; : >"$T/store/stage/apply"; stays satchel-import receipt -
  stays satchel-import status; grep -q unhealthy "$T/out" || fail "no verdict"
  expect 1 satchel-import status --json; grep -q '"status":"unhealthy"' "$T/out" || fail "nor as JSON"
  stays satchel-import apply "$T/m2"
  expect 0 satchel-import apply "$T/m3"; healed 3
  fresh; "$@"; stays satchel-import apply "$T/m2"; expect 0 satchel-import apply "$T/m4"; whole 4
}
damaged rm -r "$s/lists/1-3"
damaged rm -r "$s/lists/1-3" "$s/lists/1-2" "$s/lists/1-1"
damaged rm -r "$s/lists"

# a later list that is not whole yet is no reason to let the tree go
cp -a "$T/m4" "$T/cut"; truncate -s 40 "$T"/cut/satchel/*4/vol-0001.tar.zst
fresh; rm -r "$s/lists/1-3"
expect_word 1 'is not among the lists kept' satchel-import apply "$T/cut"; same_tree "$T/c3" "$p"
expect 4 satchel-import apply "$T/m3"; same_tree "$T/c3" "$p"
expect 0 satchel-import apply "$T/m4"; whole 4

# the newest list, not complete yet, is gone: what it revoked is not published again
fresh; expect 0 satchel-import apply "$T/m4"; expect 0 satchel-export revoke b; freeze 5
cp -a "$T/m5" "$T/cut5"; truncate -s 40 "$T"/cut5/satchel/*5/vol-0001.tar.zst
expect 3 satchel-import apply "$T/cut5"
[ ! -e "$p/b" ] && [ "$(cat "$p/a/f")" = 4 ] || fail "a revocation waits"
rm -r "$s/lists/1-5"
expect_word 1 'list 5 of epoch 1, which was in effect or the newest, is not among the lists kept' satchel-import status
expect_word 1 store-damaged satchel-import apply "$T/m4"
[ ! -e "$p/b" ] || fail "what was revoked is back"
expect 0 satchel-import apply "$T/m5"
[ ! -e "$p/b" ] && [ "$(cat "$p/a/f")" = 5 ] || fail "list 5 is not in effect"
expect 0 satchel-import status

# under a rollback: the list gone back to; and the one that was complete before
fresh; expect 0 satchel-import rollback 1; cp -a "$T/store" "$T/back"
rm -r "$s/lists/1-1"
expect_word 1 'list 1 of epoch 1' satchel-import apply "$T/m3"; same_tree "$T/c1" "$p"
cp -a "$T/store" "$T/lost"; expect 0 satchel-import apply "$T/m1"; same_tree "$T/c1" "$p"
expect_word 4 'rolled back to list 1' satchel-import status
rm -rf "$T/store"; mv "$T/lost" "$T/store"; expect 0 satchel-import apply "$T/m4"; whole 4
chmod -R u+w "$T/store"; rm -rf "$T/store"; cp -a "$T/back" "$T/store"; rm -r "$s/lists/1-3"
expect_word 1 'list 3 of epoch 1' satchel-import rollback --to-newest; same_tree "$T/c1" "$p"
expect 0 satchel-import apply "$T/m3"; expect 0 satchel-import rollback --to-newest; healed 3
