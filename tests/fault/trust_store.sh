#!/bin/bash
# New trust roots at a store, on a medium whose bundle is refused: killed or failing at the Nth call of every kind that writes. trust/
# is the old one or the new one, whole; the same command again ends with the new roots, and each stands in the journal.
. "$(dirname "$0")/../cli/lib.sh"
: "${POINTS:=4}"
command -v strace >/dev/null || skip "no strace here: faults while a store takes a trust root in"
mkdir -p "$T/c/a" "$T/m1" "$T/m2" && echo a >"$T/c/a/f"
quick_station "$T/c"
expect 0 satchel-export pack "$T/m1"
quick_store
expect 0 satchel-import -C "$T/store" apply "$T/m1"
for _ in 2 3; do
  expect 0 satchel-export trust renew
  expect 0 satchel-export trust sign
done
expect 0 satchel-export pack "$T/m2"
rm "$T"/m2/satchel/updates-00000002/manifest.yaml.*.sig
mv "$T/store" "$T/clean"
fresh() { rm -rf "$T/store"; cp -a "$T/clean" "$T/store"; }
fresh
again=(satchel-import -C "$T/store" apply "$T/m2")
count_calls "${again[@]}" && fail "an unsigned bundle was taken"
grep -q signature-missing "$T/out" "$T/err" || fail "the bundle was refused for another reason"
[ "$(find "$T/store/trust" -name 'trust-?.yaml' | wc -l)" -eq 3 ] || fail "the roots were not taken"
(cd "$T/store/trust" && ls) >"$T/new"
(cd "$T/clean/trust" && ls) >"$T/old"
grep -v '^trust-3' "$T/new" >"$T/first" # what comes where the medium gives no more
half=0
for call in openat2 openat write linkat unlinkat renameat renameat2 mkdirat fsync fdatasync; do
  numbers=$(points $call "$POINTS") || continue
  for n in $numbers; do
    for fault in signal=KILL error=EIO error=ENOSPC; do
      fresh
      inject $call $fault $n "${again[@]}" || continue
      what="$call number $n: $fault: exit $got"
      [ $got -ne 0 ] || fail "$what: an unsigned bundle was taken"
      (cd "$T/store/trust" && ls) >"$T/now"
      if cmp -s "$T/now" "$T/old"; then
        half=$((half + 1))
      elif ! cmp -s "$T/now" "$T/new"; then
        grep -q 'failed: .*trust-3' "$T/out" && cmp -s "$T/now" "$T/first" || fail "$what: trust/ holds $(tr '\n' ' ' <"$T/now")"
      fi
      got=0; satchel-import -C "$T/store" status >"$T/out" 2>"$T/err" || got=$?
      [ $got -eq 0 ] || { [ $got -eq 4 ] && grep -q 'a run has not ended' "$T/out"; } || fail "$what: status exits $got"
      expect_word 1 signature-missing "${again[@]}"
      (cd "$T/store/trust" && ls) | cmp -s - "$T/new" || fail "$what: run again, the roots are not there"
      for v in 2 3; do grep -q "\"event\":\"root\",\"version\":$v," "$T/store/journal.jsonl" || fail "$what: root $v is not in the journal"; done
      expect 0 satchel-verify store "$T/store" --trust "$T/station/trust/trust-1.yaml"
      same_tree "$T/c" "$T/store/published/updates"
    done
  done
done
[ "$half" -ge 5 ] || fail "only $half faults before the roots were in: this test is blind"
enough 60
