#!/bin/bash
# A tree whose state.yaml is gone is not trusted: status is unhealthy and says so, the next run builds it anew from the lists
# kept, never falling behind what was in effect. A journal whose chain is broken makes status unhealthy, naming the line.
. "$(dirname "$0")/lib.sh"
c=$T/content
export SATCHEL_STORE=$T/store
trust=$T/station/trust/trust-1.yaml
p=$T/store/published/updates
s=$T/store/streams/updates
mkdir -p "$c/a" "$c/b"; echo one >"$c/a/f"; echo b >"$c/b/f"
quick_station "$c"; quick_store
mkdir "$T/m1" "$T/m2"; expect 0 satchel-export pack "$T/m1"; expect 0 satchel-import apply "$T/m1"
cp -a "$c" "$T/first"; echo two >"$c/a/f"
expect 0 satchel-export scan; expect 0 satchel-export approve --all --ring production; expect 0 satchel-export sign
expect 0 satchel-export pack "$T/m2"; expect 0 satchel-import apply "$T/m2"
cp -a "$T/store" "$T/base"
fresh() { chmod -R u+w "$T/store"; rm -rf "$T/store"; cp -a "$T/base" "$T/store"; }
lost() { fresh; rm "$s/a/state.yaml" "$s/b/state.yaml"; }
good() { same_tree "$c" "$p"; expect 0 satchel-import status; expect 0 satchel-import check; expect 0 satchel-verify store "$T/store" --trust "$trust"; same_tree "$c" "$p"; }
two=$(sha256sum <<<two | cut -d' ' -f1)

lost
current=$(readlink "$s/current")
expect_word 1 store-damaged satchel-import status
grep -q "streams/updates/$current/state.yaml" "$T/out" && grep -q 'satchel-import check' "$T/out" || fail "status does not say what and what to do"
grep -q 'no list in effect' "$T/out" && fail "status tells a tale"
grep -q 'unhealthy' "$T/out" || fail "no verdict"
expect 1 satchel-import status --json; grep -q '"state_lost":true' "$T/out" || fail "nor as JSON"
same_tree "$c" "$p"
expect_word 0 'is to be built anew from the lists kept' satchel-import apply "$T/m2"; good
lost; expect_word 3 'is to be built anew from the lists kept' satchel-import check; good
expect_word 0 'rebuilt' satchel-import log
lost; expect 0 satchel-import rollback; same_tree "$T/first" "$p"
expect 0 satchel-verify store "$T/store" --trust "$trust"
# only the one in service; what was damaged there goes with it
fresh; rm "$s/$current/state.yaml" "$p/a/f"; echo evil >"$p/a/f"; expect 3 satchel-import check; good
# only the other one: nothing to say
fresh; rm "$s/$([ "$current" = a ] && echo b || echo a)/state.yaml"; good
# under a rollback it stays rolled back
fresh; expect 0 satchel-import rollback; rm "$s"/[ab]/state.yaml
expect 3 satchel-import check; same_tree "$T/first" "$p"; expect_word 4 'rolled back to list 1' satchel-import status

# never back behind what was in effect: an object of it is gone, too
lost; rm -f "$T/store/objects/${two:0:2}/$two"
expect_word 1 'the tree stays as it is' satchel-import check
same_tree "$c" "$p"
expect_word 1 'the tree stays as it is' satchel-import apply "$T/m1"; same_tree "$c" "$p"
expect 0 satchel-import apply "$T/m2"; good

# a state that is no state any more: what to do is said, and works
fresh; echo nonsense >"$s/$current/state.yaml"
got=0; satchel-import apply "$T/m2" >"$T/out" 2>"$T/err" || got=$?
[ $got -ne 0 ] && grep -q "move streams/updates/$current/state.yaml away" "$T/err" || fail "no next step"
same_tree "$c" "$p"
mv "$s/$current/state.yaml" "$T/away"; expect 0 satchel-import apply "$T/m2"; good

# nor is one that tells of a build under way, in the tree that is served
fresh; sed -i 's/^phase: clean$/phase: building/' "$s/$current/state.yaml"
grep -q '^phase: building$' "$s/$current/state.yaml" || fail "no phase there to change"
expect_word 1 'unfinished build' satchel-import apply "$T/m2"
same_tree "$c" "$p"

# the journal
fresh; sed -i '3s/"n":3,/"n":3, /' "$T/store/journal.jsonl"
expect_word 1 '(journal)' satchel-import status
grep -q 'journal.jsonl: line [34]' "$T/out" && grep -q unhealthy "$T/out" || fail "the line is not named"
fresh; sed -i 3d "$T/store/journal.jsonl"; expect_word 1 '(journal)' satchel-import status
fresh; printf '{"n":' >>"$T/store/journal.jsonl"; expect 0 satchel-import status # an append under way

# the second tree gets the first full list, also where the first run published nothing
quick_store late; export SATCHEL_STORE=$T/late
volume=$(ls "$T"/m2/satchel/*/vol-0001.tar.zst); cp -a "$T/m2" "$T/m3"; volume=$(ls "$T"/m3/satchel/*/vol-0001.tar.zst)
truncate -s 600 "$volume"
expect 3 satchel-import apply "$T/m3"
expect 0 satchel-import apply "$T/m2"
for tree in a b; do same_tree "$c" "$T/late/streams/updates/$tree/tree"; done
