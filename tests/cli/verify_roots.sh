#!/bin/bash
# satchel-verify bundle and report judge all media named by the newest root that is on any of them, whatever the order they are
# named in; --trust-version judges them as of an older one. A bundle without manifest.yaml brings no root, one without its
# signature says what to do.
. "$(dirname "$0")/lib.sh"
cd "$T"
mkdir -p c/a k usb usb2 all
echo a >c/a/f
for who in chief:root alice:approver bob:approver packer:exporter; do
  expect 0 satchel-export key new ${who%:*} --role ${who#*:} --to k
done
expect 0 satchel-export trust new trust-1.yaml --site example --root k/chief.pub --approver k/alice.pub --approver k/bob.pub \
  --exporter k/packer.pub --threshold approver=1
expect 0 satchel-export sign trust-1.yaml --key k/chief.key
expect 0 satchel-export init station --content c --stream updates --trust trust-1.yaml
export SATCHEL_STATION=$T/station
freeze() { # key medium
  expect 0 satchel-export scan
  expect 0 satchel-export approve --all
  expect 0 satchel-export sign --key "k/$1.key"
  expect 0 satchel-export pack "$2" --key k/packer.key
}
freeze bob usb
echo b >c/a/g
freeze bob usb
expect 0 satchel-verify bundle usb --trust trust-1.yaml
expect 0 satchel-export trust remove bob
expect 0 satchel-export trust sign --key k/chief.key
echo c >c/a/h
freeze alice usb2
[ -e usb2/satchel/updates-00000003/trust-2.yaml ] || fail "no second root was packed"

verdicts() { grep -E ': (good|NOT GOOD);|finding|\(signature' "$T/out" | LC_ALL=C sort; }
expect_word 1 signature-missing satchel-verify bundle usb usb2 --trust trust-1.yaml
grep -q 'updates-00000001: note: judged by trust root 2, the newest .*--trust-version' out || { cat out; fail "how to ask for the older root"; }
grep -q '^1 of 3 bundles good' out || { cat out; fail "by the newest root"; }
verdicts >one
expect_word 1 signature-missing satchel-verify bundle usb2 usb --trust trust-1.yaml
verdicts >two
diff one two >&2 || fail "the order of the arguments decides"
for m in 'usb usb2' 'usb2 usb'; do
  # shellcheck disable=SC2086
  expect 0 satchel-verify bundle $m --trust trust-1.yaml --trust-version 1
  grep -q '^3 of 3 bundles good' out || { cat out; fail "as of root 1"; }
done

# one medium with all three: a report says the same
cp -r usb/satchel all/ && cp -r usb2/satchel/* all/satchel/
expect 1 satchel-verify bundle all --trust trust-1.yaml
verdicts | sed 's/^all: //' | LC_ALL=C sort >three
sed 's/^usb2*: //' one | LC_ALL=C sort | diff - three >&2 || fail "one medium or two decides"
expect 1 satchel-verify report all --trust trust-1.yaml -o r.html
[ "$(grep -c 'signature-threshold\|signature-missing' r.html)" -ge 2 ] || fail "report judges by older roots"
expect 0 satchel-verify report usb --trust trust-1.yaml -o old.html --trust-version 1
expect_word 1 'written, NOT GOOD' satchel-verify report usb --trust trust-1.yaml -o none.html --trust-version 2
grep -q 'trust root 2 is not here' none.html || fail "a root that is not there"

# packing was interrupted before the manifest: no root is taken; before its signature: what to do is said
cp -r usb2 cut && rm cut/satchel/*/manifest.yaml
expect_word 3 bundle-interrupted satchel-verify bundle usb cut --trust trust-1.yaml
grep -q '^2 of 3 bundles good' out || { cat out; fail "an interrupted bundle brought a root"; }
cp -r usb unsigned && rm unsigned/satchel/updates-00000001/manifest.yaml.*.sig
expect_word 1 'packing may have been interrupted: run pack again (signature-missing)' satchel-verify bundle unsigned --trust trust-1.yaml
expect 0 satchel-import init store --name store --trust trust-1.yaml --stream updates --ring production
expect_word 1 'packing may have been interrupted: run pack again' satchel-import -C store apply unsigned

# a bundle of another site: it is signed, and by nobody known here
mkdir other
expect 0 satchel-export init elsewhere --content c --stream updates --ring production
expect 0 satchel-export -C elsewhere scan
expect 0 satchel-export -C elsewhere approve --all
expect 0 satchel-export -C elsewhere sign
expect 0 satchel-export -C elsewhere pack other
for command in 'satchel-verify bundle other --trust trust-1.yaml' 'satchel-import -C store apply other'; do
  # shellcheck disable=SC2086
  expect_word 1 "by keys that are no exporter's in trust root 1: it is of another site" $command
  grep -q signature-missing out err || fail "the reason"
  ! grep -q 'pack again' out err || fail "packing was not interrupted"
done
exit 0
