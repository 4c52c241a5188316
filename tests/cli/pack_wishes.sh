#!/bin/bash
# What pack carries is what was asked for: destinations, --only, --ahead, one half alone; without a good list it refuses;
# --dry-run writes nothing.
. "$(dirname "$0")/lib.sh"
c=$T/content
mkdir -p "$c/a" "$c/b" "$c/new" "$T/medium"
echo a >"$c/a/f"
echo b >"$c/b/f"
echo new >"$c/new/f"
export SATCHEL_STATION=$T/station
expect 0 satchel-export init "$T/station" --content "$c" --stream updates --ring pilot --ring production
expect_word 1 not-approved satchel-export pack "$T/medium"
expect 0 satchel-export scan
expect_word 1 not-approved satchel-export pack "$T/medium"
expect 0 satchel-export approve a --ring pilot --ring production
expect 0 satchel-export approve b --ring pilot
expect_word 1 not-approved satchel-export pack "$T/medium"
[ -z "$(ls -A "$T/medium")" ] || fail "a refused pack wrote on the medium"
expect 0 satchel-export pack "$T/medium" --content-only --ahead new   # ahead of the first list
expect 0 satchel-export sign
expect 0 satchel-export destination add alpha --ring production
expect 0 satchel-export destination add beta --ring pilot

objects() { # of the newest bundle: the content carried, in order
  local b
  b=$(ls -d "$T"/medium/satchel/*/ | tail -n 1)
  rm -rf "$T/objects" && mkdir "$T/objects"
  for v in "$b"vol-*.tar.zst; do [ -e "$v" ] && tar --zstd -xf "$v" -C "$T/objects"; done
  (cd "$T/objects" && for f in *; do [ -e "$f" ] || continue; head -n 1 "$f" | grep -q '^satchel:' || cat "$f"; done | sort | tr '\n' ' ')
}
carried() { # expected, options...
  local want=$1
  shift
  expect 0 satchel-export pack "$T/medium" "$@"
  [ "$(objects)" = "$want" ] || fail "carried '$(objects)' instead of '$want': $*"
}
[ "$(objects)" = "new " ] || fail "--ahead before the first list carried '$(objects)'"
newest() { ls -d "$T"/medium/satchel/* | tail -n 1; }
[ ! -e "$(newest)/approvals.yaml" ] || fail "a list in a content-only bundle"
carried "a b "
carried "a " --for alpha
grep -qx 'destinations: \["alpha"\]' "$(newest)/manifest.yaml" || fail "destinations in the manifest"
carried "a b " --for beta --for alpha --for beta
grep -qx 'destinations: \["alpha", "beta"\]' "$(newest)/manifest.yaml" || fail "destinations in the manifest"
carried "b " --only b
[ -e "$(newest)/approvals.yaml" ] || fail "no list"
carried "a b new " --ahead new
carried "a b " --content-only
[ ! -e "$(newest)/approvals.yaml" ] || fail "a list in a content-only bundle"
carried "" --approvals-only
[ -e "$(newest)/approvals.yaml" ] && [ ! -e "$(newest)/vol-0001.yaml" ] || fail "an approvals-only bundle"
grep -q '^objects: {count: 0, bytes: 0}$' "$(newest)/manifest.yaml" || fail "objects of an approvals-only bundle"

before=$(snapshot "$T/medium"; snapshot "$T/station")
expect_word 1 not-approved satchel-export pack "$T/medium" --only new
expect_word 1 not-approved satchel-export pack "$T/medium" --for alpha --only b
expect_word 2 item-unknown satchel-export pack "$T/medium" --ahead nosuch
expect 2 satchel-export pack "$T/medium" --approvals-only --content-only
expect 2 satchel-export pack "$T/medium" --approvals-only --only a
expect 2 satchel-export pack "$T/medium" --for nosuch
expect 0 satchel-export pack "$T/medium" --dry-run --ahead new
grep -q '^new  revision 1, 1 file, 4 B' "$T/out" || fail "--dry-run does not name the items"
grep -q '^3 items, 6 objects' "$T/out" || fail "--dry-run does not count"
expect 0 satchel-export pack "$T/medium" --dry-run --json
/usr/bin/python3 -c 'import json,sys; l=[json.loads(x) for x in open(sys.argv[1])]; assert l[-1]["items"]==2 and l[-1]["objects"]==4' "$T/out" || fail "--json"
[ "$before" = "$(snapshot "$T/medium"; snapshot "$T/station")" ] || fail "a refused or dry run changed something"

# --only carries what the item requires as well, for whomever it is: without it the item would not appear
mkdir "$c/base" "$c/top" "$c/deep"; echo base >"$c/base/f"; echo top >"$c/top/f"; echo deep >"$c/deep/f"
expect 0 satchel-export scan
expect 0 satchel-export approve base --requires deep --ring pilot
expect 0 satchel-export approve top --requires base --urgent --ring pilot
expect 0 satchel-export sign
carried "base deep top " --only top
carried "base deep " --only base
carried "deep " --only deep
carried "base deep top " --only top --for beta
mkdir "$T/fix"; expect 0 satchel-export pack "$T/fix" --only top
expect 0 satchel-import init "$T/pilot" --name pilot --trust "$T/station/trust/trust-1.yaml" --stream updates --ring pilot
expect 4 satchel-import -C "$T/pilot" apply "$T/fix"
[ "$(cd "$T/pilot/published/updates" && find . -type f | sort | xargs)" = "./base/f ./deep/f ./top/f" ] || fail "the urgent item does not appear at once with what it requires"

# a list in which an item requires what is not approved for its ring is neither signed nor packed, whoever made it
rm -rf "$T/odd" && cp -r "$T/station" "$T/odd"
list=$(ls -v "$T"/odd/lists/*.yaml | tail -n 1)
sed -i '/item: "base"/,/rings:/s/"pilot"/"production"/' "$list"
expect_word 1 requires satchel-export sign "$list" --key "$T/odd/keys/approver.key"
for sig in "$list".*.sig; do openssl pkeyutl -sign -rawin -inkey "$T/odd/keys/approver.key" -in "$list" -out "$sig"; done
expect_word 1 requires satchel-export -C "$T/odd" pack "$T/medium"

# an expired list
rm -rf "$T/old" && cp -r "$T/station" "$T/old"
SOURCE_DATE_EPOCH=$(($(date +%s) + 120 * 86400)) expect_word 1 expired satchel-export -C "$T/old" pack "$T/medium"
grep -q renew "$T/err" || fail "no next step for an expired list"
