#!/bin/bash
# What an administrator does wrong, or has to mend, at a station: kept bytes that are lost or damaged come back by approving
# the item again by its name; a bundle is no medium; a recover that finds nothing is not done; patterns and --all mean the same
# with every command.
. "$(dirname "$0")/lib.sh"
manual=$(cd "$(dirname "$0")/../../export" && pwd)/satchel-export.1.scd
cd "$T"
mkdir -p c/a c/b m
echo one >c/a/f; echo two >c/b/f
expect 0 satchel-export init s --content c --stream z --ring all
export SATCHEL_STATION=$T/s
expect 0 satchel-export scan
expect 0 satchel-export approve --all --deadline 2001-01-01T00:00:00Z --ring all
expect 0 satchel-export sign

# a kept object that is damaged, then gone
object=$(grep -rl '^one$' s/objects)
chmod u+w "$object"; echo bad >"$object"
expect_word 1 content-changed satchel-export pack m
grep -q "approve the item again by its name" "$T/err" || fail "no next step"
rm "$object"
expect 1 satchel-export pack m
expect 0 satchel-export approve --all --ring all    # everything is approved; nothing was named
[ ! -e "$object" ] || fail "--all looks at every kept object"
expect 0 satchel-export approve a --ring all
grep -q "the station has its bytes" "$T/err" || fail "what it did is not said"
cmp "$object" c/a/f
expect 0 satchel-export pack m
rm "$object"; echo three >c/a/f
expect_word 1 content-changed satchel-export approve a --ring all --quiet
echo one >c/a/f
expect 0 satchel-export approve 'a*' --ring all

# bytes that are kept are asked of nobody: back to a former revision with the content root away, and with no room but for the draft
echo next >c/b/f
expect 0 satchel-export scan
expect 0 satchel-export approve b --ring all
mv c away
expect 0 satchel-export approve b --ring all --revision 1
expect 0 satchel-export approve b --ring all
rm "$(grep -rl '^next$' s/objects)"
expect_word 2 missing satchel-export approve b --ring all
mv away c
expect 0 satchel-export approve b --ring all
mkdir small
if mount -t tmpfs -o size=60M none small 2>/dev/null; then
  at_exit 'umount "$T/small"'
  cp -a s small/s
  expect 0 satchel-export -C small/s approve b --ring all --revision 1
  rm "$(grep -rl '^next$' small/s/objects)"
  expect_word 3 no-space satchel-export -C small/s approve b --ring all
  grep -q 'takes 4.0 KiB beside 64 MiB that stay free' "$T/err" || fail "how much is missing: $(cat "$T/err")"
fi
expect 0 satchel-export approve b --ring all --revision 1
echo two >c/b/f

# what killed commands left half written goes with the next one that changes anything, and nothing else does
for d in . keys lists receipts trust; do touch "s/$d/.tmp-0123456789abcdef"; done
touch s/keys/.tmp
expect 4 satchel-export status
[ "$(find s -name '.tmp-*' | wc -l)" -eq 5 ] || fail "status changes something"
expect 0 satchel-export scan
[ "$(find s -name '.tmp*')" = s/keys/.tmp ] || fail "left: $(find s -name '.tmp*')"

# a bundle is no medium
expect_word 2 medium-missing satchel-export pack m/satchel/z-00000001
[ ! -e m/satchel/z-00000001/satchel ] || fail "a bundle in a bundle"
expect 0 satchel-verify bundle m --trust s/trust/trust-1.yaml
expect 2 satchel-export pack m --medium-size 0
# the sizes that the manual gives as examples are such
sizes=$(sed -n 's/.*Bounds, like \(.*\) or \(.*\)\./\1 \2/p' "$manual")
[ -n "$sizes" ] || fail "the manual names no sizes"
for size in $sizes; do expect 0 satchel-export pack m --dry-run --medium-size "$size"; done

# nothing to recover from
mkdir empty
expect_word 1 no-bundle satchel-export recover empty
expect 0 satchel-export recover m

# patterns with --revision; --all with every command that takes items; a deadline that is past
expect 2 satchel-export approve '[ab]' --ring all --revision 1
grep -q "exactly one item" "$T/err" || fail "what is wrong is not said"
expect 0 satchel-export approve 'a*' --ring all --revision 1
expect_word 2 item-unknown satchel-export revoke 'a*' --revision 7
expect 0 satchel-export list --all
grep -q "to be in effect by 2001-01-01T00:00:00Z, which is past" "$T/out" || fail "no deadline"
expect 0 satchel-export revoke 'b*' --revision 1
expect 0 satchel-export list --all
! grep -q revoked "$T/out" || fail "--all shows what was revoked"
expect 0 satchel-export list --state revoked
grep -q "revoked *b" "$T/out" || fail "not revoked"
expect 0 satchel-export revoke --all
expect 0 satchel-export list --state approved
[ ! -s "$T/out" ] || fail "something is still approved"
