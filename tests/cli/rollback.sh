#!/bin/bash
# Going back and forward: to the list before, to one named, with and without what was revoked since; until a later list is
# complete; journaled, shown by status, borne out by verify; refused without a trace; killed at every kind of call.
. "$(dirname "$0")/lib.sh"
c=$T/content
export SATCHEL_STORE=$T/store
trust=$T/station/trust/trust-1.yaml
p=$T/store/published/updates
mkdir -p "$c/a" "$c/x" "$c/r"
put() { echo "$2" >"$c/$1"; }
next() { # MEDIUM: what changed is approved, signed and packed
  expect 0 satchel-export scan
  expect 0 satchel-export approve --all --ring production
  expect 0 satchel-export sign
  mkdir "$T/$1"; expect 0 satchel-export pack "$T/$1" "${@:2}"
}
is() { # PATH TEXT: what is published; no TEXT: nothing
  if [ $# -eq 1 ]; then [ ! -e "$p/$1" ] || fail "$1 is published"; return; fi
  [ "$(cat "$p/$1" 2>/dev/null)" = "$2" ] || fail "$1 is '$(cat "$p/$1" 2>&1)' instead of '$2'"
}
good() { expect 0 satchel-verify store "$T/store" --trust "$trust"; }
unchanged() { snapshot "$T/store" >"$T/after"; cmp "$T/before" "$T/after" || fail "the store changed: $1"; }

put a/f one; put x/f bad; put r/f "requires nothing"
quick_station "$c"
quick_store
mkdir "$T/m1"; expect 0 satchel-export pack "$T/m1"
expect_word 2 list-unknown satchel-import rollback
expect 0 satchel-import apply "$T/m1"
expect_word 2 list-unknown satchel-import rollback
grep -q 'there is nothing to go back to: no list older than list 1 is kept' "$T/err" || fail "it is not said plainly"
mkdir -p "$c/n"; put a/f two; put n/f new; next m2; expect 0 satchel-import apply "$T/m2"
put a/f three; expect 0 satchel-export revoke x --note malware; next m3; expect 0 satchel-import apply "$T/m3"
is a/f three; is x; is n/f new

# the list before; what was revoked is left out and said
expect_word 0 'x  revision 1 is left out: revoked' satchel-import rollback
is a/f two; is n/f new; is x
good; grep -q 'rolled back to list 2' "$T/out" || fail "verify does not tell of it"
expect_word 4 'rolled back to list 2' satchel-import status
grep -q 'is kept back by the rollback' "$T/out" || fail "status does not say why a waits"
satchel-import status --json >"$T/json" || true
grep -q '"rollback":{"epoch":1,"revision":2}' "$T/json" || fail "status --json"
expect 0 satchel-import log; grep -q ' rollback  *stream=updates list={"epoch":1,"revision":2}' "$T/out" || fail "not in the journal"
grep -q 'user=' "$T/out" || fail "the journal does not say who"
snapshot "$T/store" >"$T/before"
expect_word 0 'nothing changed' satchel-import rollback
unchanged "repeated"
expect 0 satchel-import receipt -
grep -q 'rollback: {epoch: 1, revision: 2' "$T/out" || fail "the receipt does not tell of it"
# the same bundles again change nothing of it
expect 0 satchel-import apply "$T/m3"; expect 0 satchel-import apply "$T/m1"
is a/f two

# what can't be: without a trace
snapshot "$T/store" | grep -v journal.jsonl >"$T/before"
expect_word 2 list-unknown satchel-import rollback 9
expect_word 2 usage satchel-import rollback x
expect_word 2 usage satchel-import rollback 1 --to-newest
expect_word 2 usage satchel-import rollback 1 --stream others
expect_word 2 item-unknown satchel-import rollback 1 --with-revoked nothing
expect_word 2 usage satchel-import rollback 1 --with-revoked a
snapshot "$T/store" | grep -v journal.jsonl >"$T/after"
cmp "$T/before" "$T/after" || fail "a refused rollback left something"

# further back, with what was revoked
expect 0 satchel-import rollback 1-1 --with-revoked x --with-revoked x
is a/f one; is x/f bad; is n
good; grep -q 'the rollback names it' "$T/out" || fail "verify does not tell of the revoked item"
expect_word 4 'x  is published although it was revoked' satchel-import status
# rollback.yaml must bear out the state
mv "$T/store/streams/updates/rollback.yaml" "$T/rollback.yaml"
expect_word 1 'does not bear out' satchel-verify store "$T/store" --trust "$trust"
mv "$T/rollback.yaml" "$T/store/streams/updates/rollback.yaml"
expect 0 satchel-import rollback 1
is x
expect 0 satchel-import rollback --to-newest
is a/f three; is x
[ ! -e "$T/store/streams/updates/rollback.yaml" ] || fail "rollback.yaml stays"
expect 0 satchel-import status; good
expect_word 0 'nothing changed' satchel-import rollback --to-newest

# objects that are gone: nothing changes
object=$(sha256sum <<<one | cut -d' ' -f1); object=$T/store/objects/${object:0:2}/$object
mv "$object" "$T/object"
snapshot "$T/store" >"$T/before"
expect_word 3 objects-gone satchel-import rollback 1
unchanged "objects gone"
mv "$T/object" "$object"

# it ends with a later list, once that is complete; what is urgent there does not wait
expect 0 satchel-import rollback 2
put a/f four; mkdir "$c/u"; put u/f urgent
expect 0 satchel-export scan
expect 0 satchel-export approve a --ring production
expect 0 satchel-export approve u --ring production --urgent
expect 0 satchel-export sign
mkdir "$T/m4" "$T/m4u"
expect 0 satchel-export pack "$T/m4u" --only u
expect 4 satchel-import apply "$T/m4u"
is a/f two; is u/f urgent; good
expect_word 4 'rolled back to list 2' satchel-import status
expect 0 satchel-export pack "$T/m4"
expect 0 satchel-import apply "$T/m4"
is a/f four; is u/f urgent; good
[ ! -e "$T/store/streams/updates/rollback.yaml" ] || fail "rollback.yaml outlives its end"
expect_word 0 'rollback-ended' satchel-import log
expect 0 satchel-import status

# killed: old or new, and the same command completes
cp -a "$T/store" "$T/base"
fresh() { chmod -R u+w "$T/store"; rm -rf "$T/store"; cp -a "$T/base" "$T/store"; }
case "$SATCHEL_BIN" in *-asan) calls=;; *) calls="renameat unlinkat fsync syncfs write";; esac
command -v strace >/dev/null || skip "no strace here: a rollback that is killed"
[ -n "$calls" ] || exit 0
fresh
count_calls satchel-import rollback 2 || fail "rollback under strace"
for call in $calls; do
  numbers=$(points $call 5) || fail "rollback never calls $call: this test is blind"
  for n in $numbers; do
    fresh
    inject $call signal=KILL $n satchel-import rollback 2 || continue
    case "$(cat "$p/a/f") $(ls "$p" | tr '\n' ' ')" in "four a n r u "|"two a n r "*) ;; *) fail "between after $call $n: $(ls "$p")";; esac
    good
    expect 0 satchel-import rollback 2
    is a/f two; good
    expect 0 satchel-import rollback --to-newest
    is a/f four; good
    [ -z "$(ls -A "$T/store/stage")" ] || fail "stage after $call $n"
  done
done
fresh
expect 0 satchel-import rollback 2
rm -rf "$T/base"; cp -a "$T/store" "$T/base"
count_calls satchel-import rollback --to-newest || fail "rollback --to-newest under strace"
for call in ${calls/syncfs}; do # no file comes in, so there is none to sync
  numbers=$(points $call 5) || fail "rollback --to-newest never calls $call: this test is blind"
  for n in $numbers; do
    fresh
    inject $call signal=KILL $n satchel-import rollback --to-newest || continue
    case "$(cat "$p/a/f")" in two|four) ;; *) fail "between after $call $n";; esac
    good
    expect 0 satchel-import apply "$T/m4" # any run completes what was begun
    good
    expect 0 satchel-import rollback --to-newest
    is a/f four; good
    [ -z "$(ls -A "$T/store/stage")" ] || fail "stage after $call $n"
  done
done
enough 32
