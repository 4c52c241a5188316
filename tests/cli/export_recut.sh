#!/bin/bash
# Items by depth and by pattern; cutting approved items anew is one explicit decision.
. "$(dirname "$0")/lib.sh"
cd "$T"
export SATCHEL_STATION=$T/s
mkdir -p c/pool/o/openssl c/pool/g/glibc c/pool/void c/dists/stable
echo o >c/pool/o/openssl/deb
echo g >c/pool/g/glibc/deb
ln -s ../../g/glibc/deb c/pool/o/openssl/needs
echo r >c/dists/stable/Release
echo readme >c/pool/README
names() { sed -n '/^revisions:/,/^decisions:/s/.*{item: "\([^"]*\)".*/\1/p' s/draft.yaml | uniq | tr '\n' ' '; }
decided() { sed -n '/^decisions:/,/^revoked:/s/.*{item: "\([^"]*\)", revision: \([0-9]*\),.*/\1 \2/p' s/draft.yaml | tr '\n' ';'; }
expect 0 satchel-export init s --content c --stream updates --depth 3
expect 0 satchel-export scan
[ "$(names)" = "dists/stable/Release pool/README pool/g/glibc pool/o/openssl pool/void " ] || fail "items by depth: $(names)"
grep -q 'item: "pool/o/openssl".*requires: \["pool/g/glibc"\]' s/draft.yaml || fail "requires between items below the top"
expect 0 satchel-export approve --all
expect 0 satchel-export sign

sed -i 's/^depth: 3/patterns: ["pool\/*", "dists"]/' s/station.yaml
expect 0 satchel-export scan
[ "$(names)" = "dists dists/stable/Release pool/README pool/g pool/g/glibc pool/o pool/o/openssl pool/void " ] || fail "items by pattern: $(names)"
expect 0 satchel-export list --state approved
[ "$(grep -c 'gone from the content root' "$T/out")" -eq 3 ] || fail "items that are cut anew are gone"
cp s/draft.yaml draft.before
expect 2 satchel-export approve --all
grep -q -- --recut "$T/err" || fail "the next step is not named"
cmp draft.before s/draft.yaml || fail "a refusal changed the draft"
expect 0 satchel-export approve dists --recut
grep -q '^withdrawn dists/stable/Release revision 1' "$T/out" || fail "what is withdrawn is not said"
[ "$(decided)" = "dists 1;pool/README 1;pool/g/glibc 1;pool/o/openssl 1;pool/void 1;" ] || fail "decisions: $(decided)"
expect_word 1 requires satchel-export approve pool/g --recut
expect 0 satchel-export approve --all --recut
[ "$(decided)" = "dists 1;pool/README 1;pool/g 1;pool/o 1;pool/void 1;" ] || fail "decisions: $(decided)"
expect 0 satchel-export sign

# and back again, wider
sed -i 's/^patterns: .*/depth: 1/' s/station.yaml
expect 0 satchel-export scan
[ "$(satchel-export list --state pending | awk '{print $2}' | tr '\n' ' ')" = "pool " ] || fail "one item, of the first cut"
expect 2 satchel-export approve pool
expect 0 satchel-export approve pool --recut
[ "$(decided)" = "dists 1;pool 1;" ] || fail "decisions: $(decided)"
expect 0 satchel-export sign
printf 'patterns: ["x"]\n' >>s/station.yaml
expect 2 satchel-export scan
