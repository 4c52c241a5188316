#!/bin/bash
# What servers serve must be what was published last: published/NAME, streams/NAME/current and the tree behind them. Where a
# link leads elsewhere or is gone, the tree is an older one, or gone, verify store finds it, status is unhealthy and says what to do, and
# the next run puts it right; check says so with exit 3. What is no link is left to its owner.
. "$(dirname "$0")/lib.sh"
c=$T/content
export SATCHEL_STORE=$T/store
trust=$T/station/trust/trust-1.yaml
s=$T/store/streams/updates
mkdir -p "$c/a" "$T/m1" "$T/m2" "$T/m3"; echo one >"$c/a/f"
quick_station "$c"; quick_store
expect 0 satchel-export pack "$T/m1"; expect 0 satchel-import apply "$T/m1"
for n in 2 3; do
  echo $n >"$c/a/f"
  expect 0 satchel-export scan; expect 0 satchel-export approve --all --ring production; expect 0 satchel-export sign
  expect 0 satchel-export pack "$T/m$n"; expect 0 satchel-import apply "$T/m$n"
done
cp -a "$T/store" "$T/base"
current=$(readlink "$s/current")
former=$([ "$current" = a ] && echo b || echo a)

good() {
  same_tree "$c" "$T/store/published/updates"
  expect 0 satchel-import status; expect 0 satchel-import check; expect 0 satchel-verify store "$T/store" --trust "$trust"
}
# broken PLACE TEXT command...: what the command does to a sound store is found at PLACE, and healed by check, and by apply
broken() {
  local place=$1 text=$2 with
  shift 2
  for with in check apply receipt; do
    chmod -R u+w "$T/store"; rm -rf "$T/store"; cp -a "$T/base" "$T/store"
    (cd "$T/store"; "$@")
    expect_word 1 store-damaged satchel-verify store "$T/store" --trust "$trust"
    grep -F "$place: " "$T/out" | grep -qF "$text" || { cat "$T/out"; fail "verify store, after: $*"; }
    expect_word 1 "$place: " satchel-import status
    grep -q '^UNHEALTHY: ' "$T/out" && grep -qF "$text" "$T/out" && grep -q 'satchel-import check' "$T/out" || fail "status, after: $*"
    expect 1 satchel-import status --json
    grep -q '"damaged":true' "$T/out" || fail "status as JSON, after: $*"
    case $with in
      check) expect_word 3 "$text" satchel-import check;;
      apply) expect_word 0 "$text" satchel-import apply "$T/m3";;
      receipt) expect_word 0 "$text" satchel-import receipt -
        grep -q 'complete: {epoch: 1, revision: 3,' "$T/out" || { cat "$T/out"; fail "a receipt tells of another list, after: $*"; };;
    esac
    expect_word 0 rebuilt satchel-import log
    good
  done
}
link=published/updates
broken $link 'no link to ../streams/updates/current/tree' ln -sfn /etc $link
broken $link 'no link to ../streams/updates/current/tree' ln -sfn ../streams/updates/$former/tree $link
broken $link 'no link to ../streams/updates/current/tree' rm $link
broken $link 'no link to ../streams/updates/current/tree' rm -r published
link=streams/updates/current
broken $link 'gone, or no link to a or b; the journal says' rm $link
broken $link 'gone, or no link to a or b; the journal says' ln -sfn /etc $link
broken $link 'gone, or no link to a or b; the journal says' ln -sfn ab $link
broken $link 'published last, with list 3 of epoch 1' ln -sfn $former $link
broken $link 'gone, or no link to a or b; the journal says' rm -r $link streams/updates/$current
broken $link 'gone, or no link to a or b; the journal says' rm -r $link streams/updates/a streams/updates/b
broken streams/updates/$current/state.yaml 'it is gone' rm -r streams/updates/$current

# somebody's own file or folder there is not removed
for path in published/updates streams/updates/current; do
  chmod -R u+w "$T/store"; rm -rf "$T/store"; cp -a "$T/base" "$T/store"
  rm "$T/store/$path"; mkdir "$T/store/$path"; echo mine >"$T/store/$path/f"
  expect_word 1 store-damaged satchel-verify store "$T/store" --trust "$trust"
  expect_word 1 'move it away' satchel-import check
  [ "$(cat "$T/store/$path/f")" = mine ] || fail "a folder of somebody's is gone"
  mv "$T/store/$path" "$T/away"; rm -r "$T/away"
  expect 3 satchel-import check; good
done

# also with a run at work, or a mark of one that somebody left: none but a rollback leads to an older list
chmod -R u+w "$T/store"; rm -rf "$T/store"; cp -a "$T/base" "$T/store"
ln -sfn "$former" "$s/current"; : >"$T/store/stage/apply"
expect_word 1 'published last, with list 3 of epoch 1' satchel-verify store "$T/store" --trust "$trust"
expect_word 1 'published last' satchel-import status
expect 0 satchel-import apply "$T/m3"; good
if command -v strace >/dev/null; then
  for n in $(seq 60); do # a run that begins, and has not ended
    chmod -R u+w "$T/store"; rm -rf "$T/store"; cp -a "$T/base" "$T/store"
    ASAN_OPTIONS=detect_leaks=0 strace -f -o /dev/null -e trace=fsync -e inject=fsync:signal=KILL:when=$n satchel-import prune --keep 0 >"$T/out" 2>"$T/err" || true
    grep -q '"event":"prune"' "$T/store/journal.jsonl" && break
  done
  grep -q '"event":"pruned"' "$T/store/journal.jsonl" && fail "never killed between its begin and its end: this test is blind"
  expect 0 satchel-verify store "$T/store" --trust "$trust"
  ln -sfn "$former" "$s/current"
  expect_word 1 'published last, with list 3 of epoch 1' satchel-verify store "$T/store" --trust "$trust"
fi
# one that was cut off before its journal's line is no fault: a note says so, and the next run ends it
if command -v strace >/dev/null; then
  for n in $(seq 60); do
    chmod -R u+w "$T/store"; rm -rf "$T/store"; cp -a "$T/base" "$T/store"
    strace -f -o /dev/null -e trace=fsync -e inject=fsync:signal=KILL:when=$n satchel-import rollback 2 >"$T/out" 2>"$T/err" || true
    [ "$(readlink "$s/current")" = "$current" ] || break
  done
  [ "$(readlink "$s/current")" != "$current" ] || fail "never killed behind the switch: this test is blind"
  expect_word 0 'or was interrupted' satchel-verify store "$T/store" --trust "$trust"
  expect 0 satchel-import rollback --to-newest; good
fi

# a store that got a list and nothing else has something published as well; a new one has not
quick_store new
export SATCHEL_STORE=$T/new
expect 0 satchel-import status; expect 0 satchel-verify store "$T/new" --trust "$trust"
rm "$T/new/published/updates"
expect_word 1 'published/updates' satchel-import status
expect 3 satchel-import check; expect 0 satchel-import status

# a stream that is added to store.yaml is like one whose links are gone: status says so, reads on, and the next run makes it
export SATCHEL_STORE=$T/added
mkdir -p "$T/other/o" "$T/mo"; echo other >"$T/other/o/f"
quick_store added
sed -i 's/^streams:$/&\n  - {stream: "more", rings: ["production"]}/' "$T/added/store.yaml"
expect_word 1 'published/more' satchel-import status
grep -q 'satchel-import check' "$T/out" && grep -q '^updates ' "$T/out" || fail "status of a store with a stream more"
expect_word 0 'would be imported' satchel-import apply --dry-run "$T/m3"
expect 0 satchel-export init "$T/more" --content "$T/other" --stream more --ring production --trust "$T/station/trust/trust-1.yaml"
expect 0 satchel-export -C "$T/more" scan; expect 0 satchel-export -C "$T/more" approve --all --ring production
expect 0 satchel-export -C "$T/more" sign --key "$T/station/keys/approver.key"
expect 0 satchel-export -C "$T/more" pack "$T/mo" --key "$T/station/keys/exporter.key"
expect 0 satchel-import apply "$T/m3" "$T/mo"
same_tree "$c" "$T/added/published/updates"; same_tree "$T/other" "$T/added/published/more"
expect 0 satchel-import status; expect 0 satchel-import check; expect 0 satchel-verify store "$T/added" --trust "$trust"
expect 0 satchel-import rollback --stream more --to-newest
grep -q 'since: ' "$T/added/streams/more/bundles" || fail "no index of bundles for the stream that was added"

# the index of bundles, damaged or gone: any run that may write makes it anew, also one that takes nothing in
index=streams/updates/bundles
for with in check "apply $T/m3"; do
  for damage in 'echo x >' 'rm'; do
    chmod -R u+w "$T/store"; rm -rf "$T/store"; cp -a "$T/base" "$T/store"
    export SATCHEL_STORE=$T/store
    eval "$damage \"\$T/store/\$index\""
    [ "$damage" = rm ] || expect_word 1 "$index: it is no index" satchel-verify store "$T/store" --trust "$trust"
    # shellcheck disable=SC2086
    expect 0 satchel-import $with
    cmp "$T/store/$index" "$T/base/$index" || fail "another index of bundles"
    good
  done
done
