#!/bin/bash
# A document of the station's own that is gone or damaged: what it said is never taken for nothing (a lost draft would withdraw
# everything and forget what was revoked), and the error says how to go on, which then works.
. "$(dirname "$0")/lib.sh"
cd "$T"
mkdir -p c/a c/b c/bad m
echo one >c/a/f; echo two >c/b/f; echo three >c/bad/f
expect 0 satchel-export init s --content c --stream z --ring all
export SATCHEL_STATION=$T/s
expect 0 satchel-export scan            # no draft yet, and none is missing
expect 0 satchel-export approve --all
expect 0 satchel-export sign
expect 0 satchel-export revoke bad --note backdoor
expect 0 satchel-export sign
expect 0 satchel-export pack m
cp -a s base; cp -a m base-m
fresh() { chmod -R u+w s; rm -rf s; cp -a base s; }
damaged() { # WHAT NEXT-STEP command...: station-damaged, and the next step
  local what=$1 next=$2
  shift 2
  expect_word 1 station-damaged "$@"
  grep -qF -- "$what" "$T/err" && grep -qF -- "$next" "$T/err" || { cat "$T/err"; fail "what, or the next step: $*"; }
}

# ---- the draft

rm s/draft.yaml
for c in status list scan sign renew 'approve --all' 'decline a' 'revoke a' prune; do
  # shellcheck disable=SC2086
  damaged 'draft.yaml: is gone' 'recover MEDIUM' satchel-export $c
done
[ ! -e s/draft.yaml ] && [ ! -e s/lists/3.yaml ] || fail "a lost draft was taken for an empty one"
expect 0 satchel-export recover m
grep -q 'it says again what list 2 says' "$T/err" || fail "that the draft was made again is not said"
expect 0 satchel-export status
expect 0 satchel-export sign
grep -q 'nothing changed since list 2' "$T/err" || fail "other decisions than those of the list"
expect 0 satchel-export scan
grep -q '0 new, 0 changed, 0 gone, 0 back, 3 unchanged' "$T/out" || fail "$(cat "$T/out")"
expect 0 satchel-export list
[ "$(awk '{print $1, $2}' "$T/out" | sort | tr '\n' ';')" = 'approved a;approved b;revoked bad;' ] || fail "decisions: $(cat "$T/out")"

# of the newest list that was frozen, though it lacks signatures
fresh
expect 0 satchel-export decline b
expect 0 satchel-export sign
rm s/draft.yaml s/lists/3.yaml.*.sig
expect 0 satchel-export recover m
expect 0 satchel-export sign
grep -q '^list 3: 1 entry, 1 revoked' "$T/out" || fail "list 3: $(cat "$T/out")"

# damaged: what is still in it is not written over
fresh
echo junk >>s/draft.yaml; cp s/draft.yaml junk
damaged draft.yaml 'move it away' satchel-export status
damaged draft.yaml 'move it away' satchel-export recover m
cmp junk s/draft.yaml || fail "a damaged draft was written over"
rm s/draft.yaml
expect 0 satchel-export recover m
expect 0 satchel-export status

# ---- a list, a bundle's manifest, a trust root, the ledger

fresh
echo junk >>s/lists/2.yaml
damaged lists/2.yaml 'recover MEDIUM' satchel-export status
damaged lists/2.yaml 'recover MEDIUM' satchel-export sign
rm s/lists/2.yaml
expect 0 satchel-export recover m
cmp base/lists/2.yaml s/lists/2.yaml || fail "the list did not come back"
expect 0 satchel-export status

echo junk >>s/bundles/1/manifest.yaml
damaged bundles/1/manifest.yaml 'recover MEDIUM' satchel-export status
rm -r s/bundles/1
expect 0 satchel-export recover m
cmp base/bundles/1/manifest.yaml s/bundles/1/manifest.yaml || fail "the bundle did not come back"
expect 0 satchel-export status

echo junk >>s/trust/trust-1.yaml
expect_word 2 trust-damaged satchel-export status
grep -q 'from a medium' "$T/err" || fail "no next step"
cp m/satchel/z-00000001/trust-1.yaml s/trust/
expect 0 satchel-export status

rm s/ledger.jsonl
damaged ledger.jsonl 'an empty file begins it anew' satchel-export renew
touch s/ledger.jsonl
expect 0 satchel-export renew
expect 0 satchel-verify journal s

# ---- a frozen list that is another one now is not signed, whatever signatures it had

fresh
other=$(sed -n 's/.*item: "b".*sha256: \([0-9a-f]*\).*/\1/p' s/draft.yaml)
mine=$(sed -n 's/.*item: "a".*sha256: \([0-9a-f]*\).*/\1/p' s/draft.yaml)
sed -i "s/${mine:0:64}/00${mine:2:62}/" s/lists/2.yaml
[ -n "$other" ] && ! cmp -s s/lists/2.yaml base/lists/2.yaml || fail "the list is as it was"
cp -a s changed
expect 1 satchel-export status
grep -q 'UNHEALTHY: list 2, which lacks signatures, is not what was frozen' "$T/out" || fail "status: $(cat "$T/out")"
! grep -q "'sign' adds one" "$T/out" || fail "status leads to a fork"
damaged lists/2.yaml 'sign --new' satchel-export sign
[ "$(cat s/lists/2.yaml.*.sig | sha256sum)" = "$(cat base/lists/2.yaml.*.sig | sha256sum)" ] || fail "it was signed"
expect 0 satchel-export sign --new
grep -q '^list 3: 2 entries, 1 revoked' "$T/out" || fail "list 3: $(cat "$T/out")"
expect 0 satchel-export pack m
expect 0 satchel-verify bundle m --trust s/trust/trust-1.yaml
chmod -R u+w s; rm -rf s; mv changed s
rm s/lists/2.yaml
expect 0 satchel-export recover base-m
expect 0 satchel-export status

# ---- status goes on without a ledger that is whole, and says so

fresh
sed -i 2d s/ledger.jsonl
expect 1 satchel-export status
grep -q '^UNHEALTHY: .*ledger.jsonl: line 2: has number 3' "$T/out" || fail "the ledger: $(cat "$T/out" "$T/err")"
grep -q '^list 2 is signed' "$T/out" || fail "all else is not told: $(cat "$T/out")"
! grep -q 'no bundle was made yet' "$T/out" || fail "what the ledger can't tell"
expect 1 satchel-export status --json
grep -q '"status":"unhealthy"' "$T/out" || fail "--json: $(cat "$T/out")"
rm s/ledger.jsonl
expect 1 satchel-export status
grep -q '^UNHEALTHY: .*an empty file' "$T/out" || fail "no ledger: $(cat "$T/out" "$T/err")"
touch s/ledger.jsonl
expect 0 satchel-export status
