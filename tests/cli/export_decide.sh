#!/bin/bash
# approve, decline, revoke, list: rings move as they are told and no others; what is refused changes nothing.
. "$(dirname "$0")/lib.sh"
cd "$T"
export SATCHEL_STATION=$T/s
mkdir -p c/a c/b c/lib c/app c/x c/y
for i in a b lib x y; do echo "$i" >"c/$i/f"; done
ln -s ../lib/f c/app/uses-lib
ln -s ../app/uses-lib c/a/uses-app
expect 0 satchel-export init s --content c --stream updates --ring pilot --ring production
expect 0 satchel-export scan
decided() { sed -n '/^decisions:/,/^revoked:/s/.*{item: "\([^"]*\)", revision: \([0-9]*\), rings: \(\[[^]]*\]\).*/\1 \2 \3/p' s/draft.yaml | tr '\n' ';'; }
revoked() { sed -n '/^revoked:/,$s/.*{item: "\([^"]*\)", revision: \([0-9]*\),.*/\1 \2/p' s/draft.yaml | tr '\n' ';'; }
is() { [ "$(decided)" = "$1" ] || fail "decisions are '$(decided)' instead of '$1'"; }
unchanged() { # code, command...: refused, and the station is as before but for the lock
  snapshot s >before
  expect "$@"
  snapshot s >after
  cmp -s before after || { diff before after >&2; fail "a refusal changed the station: $*"; }
}
newest_line() { tail -n 1 s/ledger.jsonl; }

# wrong uses and refusals
unchanged 2 satchel-export approve
unchanged 2 satchel-export approve x
grep -q 'pilot, production' "$T/err" || fail "which rings there are is not said"
unchanged 2 satchel-export approve x --ring nosuch
unchanged 2 satchel-export approve nosuch --ring pilot
unchanged 2 satchel-export approve 'nosuch*' --ring pilot
unchanged 2 satchel-export approve x --ring pilot --revision 2
unchanged 2 satchel-export approve x y --ring pilot --revision 1
unchanged 2 satchel-export approve x --ring pilot --deadline tomorrow
unchanged 2 satchel-export approve x --ring pilot --title $'two\nlines'
unchanged 2 satchel-export approve x --ring pilot --requires nosuch
unchanged 2 satchel-export approve x --ring pilot --requires x
grep -q -- '--requires x: an item does not require itself' "$T/err" || fail "what requires itself"
unchanged 1 satchel-export approve x --ring production --from-ring pilot
unchanged 1 satchel-export approve a --ring pilot --no-requires
grep -q 'a requires app' "$T/err" || fail "what is required is not said"
unchanged 1 satchel-export decline x --ring pilot
unchanged 1 satchel-export revoke x
unchanged 2 satchel-export list --state nosuch

# what is required comes along, through links of links, for the same rings
expect 0 satchel-export approve a --ring pilot
is 'a 1 ["pilot"];app 1 ["pilot"];lib 1 ["pilot"];'
grep -q '^approved lib revision 1 for pilot: .* required' "$T/out" || fail "it is not said that lib comes along"
for i in a lib; do [ -e "s/objects/$(sha256sum "c/$i/f" | cut -c1-2)/$(sha256sum "c/$i/f" | cut -d' ' -f1)" ] || fail "the bytes of $i are not kept"; done
newest_line | grep -q '"event":"approve"' || fail "ledger"
newest_line | grep -q '"item":"lib","revision":1,"rings":\["pilot"\]' || fail "ledger: items"
newest_line | grep -q "\"user\":\"$(id -un)\"" || fail "ledger: user"

# rings move one by one
echo 2 >>c/x/f
expect 0 satchel-export approve y --ring pilot,production --requires b --title 'A: "title"' --note n --urgent --deadline 2030-01-01T00:00:00Z
is 'a 1 ["pilot"];app 1 ["pilot"];b 1 ["pilot", "production"];lib 1 ["pilot"];y 1 ["pilot", "production"];'
grep -qF 'title: "A: \"title\"", requires: ["b"], urgent: true, deadline: 2030-01-01T00:00:00Z, note: "n"}' s/draft.yaml || fail "terms"
echo 2 >>c/y/f
unchanged 1 satchel-export approve x --ring pilot
grep -q content-changed "$T/err" || fail "bytes that changed since the scan"
grep -q '^changed  x/f: it has another size' "$T/out" || fail "the changed file is not named"
unchanged 1 satchel-export approve 'x' 'b' --ring pilot
expect 0 satchel-export scan
expect 0 satchel-export approve x y --ring pilot
is 'a 1 ["pilot"];app 1 ["pilot"];b 1 ["pilot", "production"];lib 1 ["pilot"];x 2 ["pilot"];y 1 ["production"];y 2 ["pilot"];'
unchanged 1 satchel-export approve x --ring production --revision 1
grep -q content-changed "$T/err" || fail "bytes of a revision that was never kept"
expect 0 satchel-export list --json y
python3 - "$T/out" <<'P' || fail "list --json"
import json, sys
o = [json.loads(l) for l in open(sys.argv[1])]
assert [(r["revision"], r["state"], r["rings"]) for r in o] == [(1, "approved", ["production"]), (2, "approved", ["pilot"])]
assert o[0]["title"] == 'A: "title"'
P
expect 0 satchel-export approve --all --from-ring pilot --ring production
is 'a 1 ["pilot", "production"];app 1 ["pilot", "production"];b 1 ["pilot", "production"];lib 1 ["pilot", "production"];x 2 ["pilot", "production"];y 2 ["pilot", "production"];'
expect 0 satchel-export approve y --revision 1 --ring pilot
is 'a 1 ["pilot", "production"];app 1 ["pilot", "production"];b 1 ["pilot", "production"];lib 1 ["pilot", "production"];x 2 ["pilot", "production"];y 1 ["pilot"];y 2 ["production"];'
unchanged 0 satchel-export approve y --revision 1 --ring pilot

# decline: what waits; an approved item from a ring, from all; never what others require
unchanged 1 satchel-export decline lib
grep -q 'lib is required by a' "$T/err" || grep -q 'lib is required by app' "$T/err" || fail "who requires it is not said"
echo 3 >>c/x/f
expect 0 satchel-export scan
expect 0 satchel-export decline x
is 'a 1 ["pilot", "production"];app 1 ["pilot", "production"];b 1 ["pilot", "production"];lib 1 ["pilot", "production"];x 2 ["pilot", "production"];y 1 ["pilot"];y 2 ["production"];'
expect 0 satchel-export list --state declined
grep -q '^declined   x  revision 3' "$T/out" || fail "declined"
expect 0 satchel-export approve --all --ring pilot
grep -q 'x 3' <<<"$(decided)" && fail "--all took in what was declined"
expect 0 satchel-export decline x --ring pilot
expect 0 satchel-export decline a app lib --ring production
is 'a 1 ["pilot"];app 1 ["pilot"];b 1 ["pilot", "production"];lib 1 ["pilot"];x 2 ["production"];y 2 ["pilot", "production"];'
expect 0 satchel-export decline x
is 'a 1 ["pilot"];app 1 ["pilot"];b 1 ["pilot", "production"];lib 1 ["pilot"];y 2 ["pilot", "production"];'
[ -z "$(revoked)" ] || fail "declined is not revoked"

# revoke: remembered, dependents withdrawn and named, taken out again only by name
expect 0 satchel-export revoke lib --note backdoor
is 'b 1 ["pilot", "production"];y 2 ["pilot", "production"];'
[ "$(revoked)" = "lib 1;" ] || fail "revoked: $(revoked)"
for i in a app; do grep -q "^withdrawn $i revision 1 for pilot" "$T/out" || fail "$i was withdrawn and not named"; done
grep -q 'note: "backdoor"' s/draft.yaml || fail "note"
unchanged 1 satchel-export approve --all --ring pilot
grep -q requires "$T/err" || fail "an item that requires what was revoked"
expect 0 satchel-export decline a app
expect 0 satchel-export approve '*' --ring pilot
grep -q 'lib' <<<"$(decided)" && fail "a pattern took a revoked item in"
echo new >>c/lib/f
expect 0 satchel-export scan
expect 0 satchel-export approve --all --ring pilot
[ "$(revoked)" = "lib 1;" ] || fail "another revision took the revoked one out"
grep -q 'lib 2 \["pilot"\]' <<<"$(decided)" || fail "a newer revision of a revoked item"
echo lib >c/lib/f
touch -d 2001-01-01 c/lib/f
expect 0 satchel-export scan
expect 0 satchel-export revoke lib --revision 2
expect 0 satchel-export approve lib --revision 1 --ring pilot
[ "$(revoked)" = "lib 2;" ] || fail "naming a revoked revision takes it out: $(revoked)"
grep -q '^unrevoked lib revision 1: .*, was revoked, in no list yet$' "$T/out" || { cat "$T/out"; fail "it is not said"; }
unchanged 2 satchel-export revoke lib --revision 9

# a ring's revision brings along what that ring has of the items it requires, nothing newer
expect 0 satchel-export approve app --ring pilot
echo later >>c/lib/f
expect 0 satchel-export scan
unchanged 1 satchel-export approve app --from-ring pilot --ring production
grep -q 'app requires lib, whose revision 1 was declined for production' "$T/err" || fail "what was declined comes along"
expect 0 satchel-export revoke lib --revision 1
expect 0 satchel-export approve lib --revision 1 --ring pilot --ring production
expect 0 satchel-export revoke lib
expect 0 satchel-export approve lib --revision 1 --ring pilot
expect 0 satchel-export approve app --ring pilot
expect 0 satchel-export approve app --from-ring pilot --ring production
grep -q 'lib 1 \["pilot", "production"\]' <<<"$(decided)" || fail "--from-ring took in what was never tried there: $(decided)"

# what is gone from the content root: shown, and withdrawn or revoked in one go
rm -r c/b c/y
expect 0 satchel-export scan
grep -q 'decline --gone' "$T/err" || fail "scan does not say what to do about it"
expect 0 satchel-export list --state gone
grep -q '^approved   b  .*gone from the content root' "$T/out" && grep -q '^approved   y  ' "$T/out" || fail "list --state gone"
grep -q ' lib ' "$T/out" && fail "lib is not gone"
expect 4 satchel-export status
grep -q '^2 approved items are gone' "$T/out" || { cat "$T/out"; fail "status: gone"; }
expect 0 satchel-export decline --gone --ring pilot
grep -q '^declined b revision 1 for pilot' "$T/out" || { cat "$T/out"; fail "decline --gone"; }
grep -q 'b 1 \["production"\]' <<<"$(decided)" || fail "decline --gone --ring"
unchanged 2 satchel-export revoke b --revision 1 --gone
expect 0 satchel-export revoke --gone --note 'no longer offered'
grep -qE '(^|;)[by] ' <<<"$(decided)" && fail "revoke --gone"
revoked | grep -q '^b 1;' || fail "revoke --gone remembers: $(revoked)"
expect 0 satchel-export revoke --gone
expect 0 satchel-export decline --gone

# one item takes the place of another: said, revoked in one go; unknown ones and cycles are refused
mkdir c/ssl1 c/ssl3 c/ssl4
for i in 1 3 4; do echo $i >c/ssl$i/f; done
expect 0 satchel-export scan
expect 0 satchel-export approve ssl1 --ring pilot
unchanged 2 satchel-export approve ssl3 --ring pilot --supersedes nosuch
unchanged 2 satchel-export approve ssl3 --ring pilot --supersedes ssl3
expect 0 satchel-export approve ssl3 --ring pilot --supersedes ssl1
expect 0 satchel-export approve ssl4 --ring pilot --supersedes ssl3
unchanged 2 satchel-export approve ssl1 --ring pilot --supersedes ssl4
unchanged 2 satchel-export approve ssl3 --ring pilot --supersedes ssl4
expect 4 satchel-export status
grep -q '^2 approved items are superseded' "$T/out" || { cat "$T/out"; fail "status"; }
expect 0 satchel-export list ssl1
grep -q 'superseded by ssl3' "$T/out" || fail "the proposal is not shown"
expect 0 satchel-export sign
grep -qx '    supersedes: \["ssl1"\]' s/lists/*.yaml || fail "supersedes in the list"
expect 0 satchel-export revoke --superseded
revoked | grep -q 'ssl1 1;ssl3 1;' || fail "revoke --superseded: $(revoked)"
grep -q 'ssl4 1' <<<"$(decided)" || fail "ssl4 stays"
expect 0 satchel-export revoke --superseded
expect 0 satchel-export decline app lib

# the newest revision, by name alone: said, and since when it was revoked
expect 0 satchel-export revoke ssl4
expect 0 satchel-export sign
expect 0 satchel-export approve ssl4 --ring pilot
grep -q '^unrevoked ssl4 revision 1: .*, was revoked since list 2$' "$T/out" || { cat "$T/out"; fail "it is not said"; }
revoked | grep -q 'ssl4' && fail "it is revoked still"
expect 0 satchel-export approve ssl4 --ring production
grep -q unrevoked "$T/out" && fail "said twice"
expect 0 satchel-export approve ssl3 --ring pilot --json
python3 - "$T/out" <<'P' || { cat "$T/out"; fail "approve --json"; }
import json, sys
o = [json.loads(l) for l in open(sys.argv[1])]
assert [(r["item"], r["state"], r.get("remark")) for r in o] == [("ssl3", "approved", None), ("ssl3", "unrevoked", "was revoked since list 2")]
P

# the ledger is a chain, and log shows it
expect 0 satchel-export log
grep -q 'revoke  lib revision 2' "$T/out" || fail "log"
expect 0 satchel-export log --json
cmp -s "$T/out" s/ledger.jsonl || fail "log --json is not the ledger as it is"
expect 0 satchel-export log --since 2999-01-01T00:00:00Z
[ ! -s "$T/out" ] || fail "--since"
sed -i '2s/pilot/pilut/' s/ledger.jsonl
expect_word 1 journal satchel-export log
