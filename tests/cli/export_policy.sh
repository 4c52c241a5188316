#!/bin/bash
# auto_approve_revisions and auto_approve in station.yaml: what a scan approves by itself, what waits all the same.
. "$(dirname "$0")/lib.sh"
cd "$T"
export SATCHEL_STATION=$T/s
mkdir -p c/def-a c/def-b c/other c/base
for i in def-a def-b other base; do echo "$i" >"c/$i/f"; done
expect 0 satchel-export init s --content c --stream updates --ring test --ring pilot --ring production
cp s/station.yaml plain
decided() { sed -n '/^decisions:/,/^revoked:/s/.*{item: "\([^"]*\)", revision: \([0-9]*\), rings: \(\[[^]]*\]\).*/\1 \2 \3/p' s/draft.yaml | tr '\n' ';'; }
is() { [ "$(decided)" = "$1" ] || { cat "$T/err"; fail "decisions are '$(decided)' instead of '$1'"; }; }
policy() { { cat plain; echo policy:; printf '  %s\n' "$@"; } >s/station.yaml; }

# nothing by itself without the policy; a policy that names what isn't there is refused
expect 0 satchel-export scan
is ''
policy 'auto_approve: {match: ["def-*"], rings: ["nosuch"]}'
expect 2 satchel-export scan
policy 'auto_approve: {match: [], rings: ["test"]}'
expect 2 satchel-export scan

# new items by pattern; said, in the ledger, the bytes kept; signatures are needed all the same
policy 'auto_approve: {match: ["def-*"], rings: ["test"]}'
expect 0 satchel-export scan
is 'def-a 1 ["test"];def-b 1 ["test"];'
grep -q '^approved def-a revision 1 for test: .* by policy' "$T/out" || { cat "$T/out"; fail "not said"; }
tail -n 1 s/ledger.jsonl | grep -q '"event":"auto-approve".*"item":"def-b","revision":1,"rings":\["test"\]' || fail "not in the ledger"
sum=$(sha256sum <c/def-a/f | cut -d' ' -f1)
[ -e "s/objects/${sum:0:2}/$sum" ] || fail "the bytes are not kept"
[ -z "$(ls s/lists)" ] || fail "a list was made"
expect 0 satchel-export scan
grep -q 'by policy' "$T/out" "$T/err" && fail "approved twice"
# a newer revision is none of its business
echo 2 >>c/def-a/f
expect 0 satchel-export scan
is 'def-a 1 ["test"];def-b 1 ["test"];'

# newer revisions: the rings of the newest approved one, and no others
policy 'auto_approve_revisions: true'
expect 0 satchel-export approve other --ring test --ring pilot --ring production
echo 2 >>c/other/f
rm c/def-b/f && rmdir c/def-b
expect 0 satchel-export scan
is 'def-a 2 ["test"];def-b 1 ["test"];other 2 ["pilot", "production", "test"];'
expect 0 satchel-export approve other --revision 1 --ring production
echo 3 >>c/other/f
expect 0 satchel-export scan --json
is 'def-a 2 ["test"];def-b 1 ["test"];other 1 ["production"];other 3 ["pilot", "test"];'
grep -q '"approved":1' "$T/out" || fail "summary"
expect 0 satchel-export sign
grep -q 'item: "other"' s/lists/1.yaml || fail "sign"

# what was declined or revoked waits; so does what requires something that isn't approved there
policy 'auto_approve_revisions: true' 'auto_approve: {match: ["**"], rings: ["test"]}'
expect 0 satchel-export decline base
expect 0 satchel-export revoke def-a
echo 4 >>c/def-a/f
ln -s ../base/f c/other/link
mkdir c/needs c/needs-too
ln -s ../base/f c/needs/link
ln -s ../needs/link c/needs-too/link
expect 0 satchel-export scan
is 'def-b 1 ["test"];other 1 ["production"];other 3 ["pilot", "test"];'
grep -q 'needs revision 1 waits: it requires base' "$T/err" || fail "not said what is required"
grep -q 'needs-too revision 1 waits: it requires needs' "$T/err" || fail "what requires what waits"
grep -q 'other revision 4 waits: it requires base' "$T/err" || fail "other waits"
expect 0 satchel-export approve base --ring test --ring pilot
expect 0 satchel-export scan
is 'base 1 ["pilot", "test"];def-b 1 ["test"];needs 1 ["test"];needs-too 1 ["test"];other 1 ["production"];other 4 ["pilot", "test"];'
# what lies in an approved item, cut anew
mkdir -p c/needs/deep && echo x >c/needs/deep/f
sed -i '/^depth/d' plain && echo 'depth: 2' >>plain
policy 'auto_approve: {match: ["**"], rings: ["test"]}'
expect 0 satchel-export scan
grep -q 'needs/deep revision 1 waits: it lies in or around needs' "$T/err" || { cat "$T/err"; fail "nesting"; }
decided | grep -q 'needs/' && fail "nested items approved"
exit 0
