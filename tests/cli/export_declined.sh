#!/bin/bash
# What was declined for a ring does not come back there unasked: not by --all, a pattern, the station's policy or what requires it,
# nor ahead on a medium, nor by `recover`. Named again, it is approved. The other rings, and newer revisions, are decided as ever.
. "$(dirname "$0")/lib.sh"
cd "$T"
export SATCHEL_STATION=$T/s
mkdir -p c/a c/b c/c c/needs
for i in a b c; do echo "$i" >"c/$i/f"; done
ln -s ../c/f c/needs/link
expect 0 satchel-export init s --content c --stream updates --ring pilot --ring production
cp s/station.yaml plain
decided() { sed -n '/^decisions:/,/^revoked:/s/.*{item: "\([^"]*\)", revision: \([0-9]*\), rings: \(\[[^]]*\]\).*/\1 \2 \3/p' s/draft.yaml | tr '\n' ';'; }
is() { [ "$(decided)" = "$1" ] || fail "decisions are '$(decided)' instead of '$1'"; }
said() { grep -q -- "$1" "$T/out" "$T/err" || { cat "$T/out" >&2; fail "not said: $1"; }; }
count() { /usr/bin/python3 -c 'import json,sys; print([json.loads(l) for l in open(sys.argv[1])][-1]["pending"])' "$T/out"; }
expect 0 satchel-export scan
expect 0 satchel-export approve a --ring pilot
expect 0 satchel-export approve b --ring pilot --ring production

# its last ring: declined, not pending; passed over, and said
expect 0 satchel-export decline a --ring pilot
is 'b 1 ["pilot", "production"];'
grep -q '"a", revision: 1, .*declined_for: \["pilot"\]}' s/draft.yaml || fail "the draft"
expect 0 satchel-export list --state declined
said '^declined   a  revision 1, 1 file, 2 B, declined for pilot$'
expect 0 satchel-export list --state pending
grep -q ' a ' "$T/out" && fail "it is pending"
expect 4 satchel-export status --json
[ "$(count)" = 2 ] || fail "status counts it: $(cat "$T/out")"
expect 0 satchel-export list --all
grep -q ' a ' "$T/out" && fail "list --all"
sum=$(sha256sum <c/a/f | cut -d' ' -f1)
[ -e "s/objects/${sum:0:2}/$sum" ] || fail "its bytes were never kept"
expect 0 satchel-export prune
[ ! -e "s/objects/${sum:0:2}/$sum" ] || fail "prune keeps what was declined"
expect 0 satchel-export approve --all 'a*' --ring pilot
said '1 declined or revoked item was passed over; naming one approves it'
is 'b 1 ["pilot", "production"];c 1 ["pilot"];needs 1 ["pilot"];'
expect 0 satchel-export approve a --ring pilot
is 'a 1 ["pilot"];b 1 ["pilot", "production"];c 1 ["pilot"];needs 1 ["pilot"];'
grep -q declined_for s/draft.yaml && fail "the decline is remembered for ever"

# one of several: the others are given, also with terms; a row of the ledger for what was done and no more
expect 0 satchel-export decline a --ring pilot
expect 0 satchel-export approve 'a*' --ring pilot --ring production
is 'a 1 ["production"];b 1 ["pilot", "production"];c 1 ["pilot"];needs 1 ["pilot"];'
said '^approved a revision 1 for production:'
tail -n 1 s/ledger.jsonl | grep -q '"item":"a","revision":1,"rings":\["production"\]' || fail "the ledger"
expect 0 satchel-export list a --json
grep -q '"rings":\["production"\],"declined_for":\["pilot"\]' "$T/out" || fail "list --json: $(cat "$T/out")"
for terms in "" "--urgent"; do
  expect 0 satchel-export approve 'a*' --ring pilot $terms
  said '1 declined or revoked item was passed over'
done
expect 0 satchel-export approve 'a*' --ring pilot --ring production
said '1 declined or revoked item was passed over'
is 'a 1 ["production"];b 1 ["pilot", "production"];c 1 ["pilot"];needs 1 ["pilot"];'
expect 0 satchel-export approve --all --from-ring production --ring pilot
is 'a 1 ["production"];b 1 ["pilot", "production"];c 1 ["pilot"];needs 1 ["pilot"];'

# what a ring has lost comes back in no other revision that was decided on; one that waits, waits
echo 2 >>c/a/f
expect 0 satchel-export scan
expect 0 satchel-export approve a --ring pilot
expect 0 satchel-export decline a --ring production
is 'a 2 ["pilot"];b 1 ["pilot", "production"];c 1 ["pilot"];needs 1 ["pilot"];'
expect 0 satchel-export approve 'a*' --ring production
is 'a 2 ["pilot"];b 1 ["pilot", "production"];c 1 ["pilot"];needs 1 ["pilot"];'
echo 3 >>c/a/f
expect 0 satchel-export scan
expect 0 satchel-export decline a --ring pilot
said 'a revision 3 still waits for a decision'
expect 0 satchel-export list --state pending
said '^pending    a  revision 3'
expect 0 satchel-export decline a
expect 0 satchel-export list --state declined
said '^declined   a  revision 3, 1 file, 6 B$'
expect 0 satchel-export approve a --ring pilot
grep -q '"a", revision: 3, .*declined' s/draft.yaml && fail "declined as such, and named: it is remembered"

# declining as such what was declined for a ring
expect 0 satchel-export decline a --ring pilot
expect 0 satchel-export decline a
grep -q '"a", revision: 3, .*, declined: true}' s/draft.yaml || fail "declined as such: $(cat s/draft.yaml)"
expect 0 satchel-export approve --all --ring production
is 'b 1 ["pilot", "production"];c 1 ["pilot", "production"];needs 1 ["pilot", "production"];'

# what is required does not come along for a ring that it was declined for
expect 0 satchel-export decline needs c --ring production
expect_word 1 requires satchel-export approve needs --ring production
said 'needs requires c, whose revision 1 was declined for production'
expect 0 satchel-export approve needs c --ring production
is 'b 1 ["pilot", "production"];c 1 ["pilot", "production"];needs 1 ["pilot", "production"];'

# neither ahead to those rings
for i in pilot production; do expect 0 satchel-export destination add "to-$i" --ring "$i"; done
expect 0 satchel-export decline b --ring production
expect 0 satchel-export sign
mkdir m
expect 0 satchel-export pack m --dry-run --ahead b
expect 0 satchel-export pack m --dry-run --for to-pilot --ahead b --content-only
expect_word 1 not-approved satchel-export pack m --dry-run --for to-production --ahead b --content-only

# the policy: what was declined in whichever ring waits for a person; a newer revision gets what the former one still has
policy() { { cat plain; echo policy:; printf '  %s\n' "$@"; } >s/station.yaml; }
policy 'auto_approve_revisions: true' 'auto_approve: {match: ["**"], rings: ["pilot"]}'
expect 0 satchel-export scan
is 'b 1 ["pilot"];c 1 ["pilot", "production"];needs 1 ["pilot", "production"];'
echo 2 >>c/b/f
expect 0 satchel-export scan
is 'b 2 ["pilot"];c 1 ["pilot", "production"];needs 1 ["pilot", "production"];'
expect 0 satchel-export approve b --ring production --revision 1
expect 0 satchel-export decline b --ring pilot
expect 0 satchel-export scan
is 'b 1 ["production"];c 1 ["pilot", "production"];needs 1 ["pilot", "production"];'
expect 0 satchel-export decline b --ring production
expect 0 satchel-export scan
is 'c 1 ["pilot", "production"];needs 1 ["pilot", "production"];'
echo 3 >>c/b/f
expect 0 satchel-export scan
is 'c 1 ["pilot", "production"];needs 1 ["pilot", "production"];'
cp plain s/station.yaml

# a ring that the station has no more is no reason to refuse anything
expect 0 satchel-export decline needs c --ring pilot
sed -i '/^rings:/s/"pilot"/"other"/' s/station.yaml
grep -q '"other"' s/station.yaml || fail "the test: $(cat s/station.yaml)"
expect 0 satchel-export list
expect 0 satchel-export approve --all --ring other
decided | grep -q 'c 1 \["other", "production"\]' || fail "a new ring: $(decided)"
cp plain s/station.yaml
expect 0 satchel-export approve --all --ring pilot --ring production

# a station restored from a backup: what the list has taken from a ring since
cp -a s before
expect 0 satchel-export decline needs c --ring production
expect 0 satchel-export sign
expect 0 satchel-export pack m
rm -rf s && mv before s
expect 0 satchel-export recover m
decided | grep -q 'c 1 \["other", "pilot"\]' || fail "recover: $(decided)"
expect 0 satchel-export approve --all --ring production
decided | grep -q 'c 1 \["other", "pilot"\]' || fail "--all after recover: $(decided)"
expect 0 satchel-export approve c --ring production
decided | grep -q 'c 1 \["other", "pilot", "production"\]' || fail "by name after recover: $(decided)"
