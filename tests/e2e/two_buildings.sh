#!/bin/bash
# Two people in two buildings, by the commands of README's section "Two persons" as they stand there: keys made apart, a trust
# root for two approvers and two exporters, a list and a bundle signed by two; nothing enters below a threshold, decisions made
# meanwhile disturb nothing, status says whose signature is missing; the other exporter signs on the medium, or elsewhere.
. "$(dirname "$0")/../cli/lib.sh"
readme=$(dirname "$0")/../../README.md
sed -n '/^## Two persons/,/^People come and go/p' "$readme" | sed -n 's/^    \(satchel-[a-z]* .*\)/\1/p' | sed 's/  *#.*//' >"$T/tour"
cd "$T" || exit 1
toured=0
tour() { # exit code, beginning of the command that must be next
  local line
  toured=$((toured + 1))
  line=$(sed -n "${toured}p" tour)
  case "$line" in "$2"*) ;; *) fail "command $toured of README's section is '$line', not '$2…'";; esac
  eval "set -- $1 $line"
  expect "$@"
}
mkdir -p content/a usb usb2 far back
echo one >content/a/f
tour 0 'satchel-export key new alice'
for k in chief:root bob:approver packer:exporter carrier:exporter; do expect 0 satchel-export key new ${k%:*} --role ${k#*:} --to .; done
tour 0 'satchel-export trust new'
tour 0 'satchel-export sign trust-1.yaml'
tour 0 'satchel-export init station'
export SATCHEL_STATION=$T/station
cp trust-1.yaml far/
signature() { ls "$1".*.sig | tail -n 1; }

# list 1, with both signatures at the station; then list 2 travels
expect 0 satchel-export scan
expect 0 satchel-export approve --all
expect 0 satchel-export sign --key alice.key
expect 0 satchel-export sign --key bob.key
echo two >content/a/f
expect 0 satchel-export scan
expect 0 satchel-export approve --all
tour 0 'satchel-export sign --key alice.key'
expect_word 4 'list 2 has 1 of 2 signatures; 1 more of: bob' satchel-export status
cp station/lists/1.yaml station/lists/1.yaml.*.sig station/lists/2.yaml station/lists/2.yaml.*.sig far/
# meanwhile somebody decides: it waits for the next freeze
mkdir content/b && echo b >content/b/f
expect 0 satchel-export scan
expect 0 satchel-export approve --all
cp station/lists/2.yaml before
unset SATCHEL_STATION
tour 0 'satchel-verify diff far/1.yaml far/2.yaml'
grep -q '^~ a' out || fail "what changed is not shown: $(cat out)"
tour 0 'satchel-export sign far/2.yaml'
grep -q 'a revision 2' out || fail "what is signed is not shown: $(cat out)"
for f in far/2.yaml.*.sig; do [ -e "station/lists/${f##*/}" ] || cp "$f" back/; done
[ "$(ls back | wc -l)" -eq 1 ] || fail "not one signature travels back: $(ls back)"
export SATCHEL_STATION=$T/station
tour 0 'satchel-export receive back'
grep -q 'lists/2.yaml: signed with key "bob"; 2 of 2' out || fail "what came of it: $(cat out)"
cmp before station/lists/2.yaml || fail "the list that was signed is another"

# the bundle
tour 4 'satchel-export pack usb'
expect 0 satchel-import init store --name store --trust trust-1.yaml --stream updates --ring production
expect_word 1 signature-threshold satchel-import -C store apply usb
[ -z "$(ls -A store/published/updates/ 2>/dev/null)" ] || fail "something is published below the threshold"
expect_word 4 'bundle updates-00000001 has 1 of 2 signatures; 1 more of: carrier' satchel-export status
unset SATCHEL_STATION
tour 0 'satchel-export sign usb/satchel/updates-00000001/manifest.yaml'
export SATCHEL_STATION=$T/station
tour 0 'satchel-export receive usb'
grep -q 'bundles/1/manifest.yaml: signed with key "carrier"; 2 of 2' out || fail "what was added on the medium: $(cat out)"
expect_word 0 'known already' satchel-export receive usb	# nothing more is there
expect 4 satchel-export status	# what was decided meanwhile waits
grep -q 'updates-00000001 has' out && fail "status still misses a signature"
expect 0 satchel-import -C store apply usb
[ "$(cat store/published/updates/a/f)" = two ] && [ ! -e store/published/updates/b ] || fail "what is published"
expect 0 satchel-verify bundle usb --trust trust-1.yaml

# signed elsewhere: a copy of the manifest travels, the signature comes back and goes to the medium
expect 0 satchel-export sign --key bob.key --key alice.key
expect 4 satchel-export pack usb2 --key carrier.key
mkdir elsewhere; cp station/bundles/2/manifest.yaml elsewhere/
(unset SATCHEL_STATION; expect 0 satchel-export sign elsewhere/manifest.yaml --trust far/trust-1.yaml --key packer.key)
expect 0 satchel-export receive "$(signature elsewhere/manifest.yaml)"
grep -q 'beside its manifest.yaml: copy .*bundles/2' err || fail "the next step: $(cat err)"
expect_word 1 signature-threshold satchel-import -C store apply usb2
cp station/bundles/2/manifest.yaml.*.sig usb2/satchel/updates-00000002/
expect 0 satchel-import -C store apply usb2
[ "$(cat store/published/updates/b/f)" = b ] || fail "what is published"
expect 0 satchel-verify bundle usb2 --trust trust-1.yaml
expect 0 satchel-verify journal station
[ "$toured" -eq "$(wc -l <tour)" ] || fail "command $((toured + 1)) of README's section was not run"
