#!/bin/bash
# Who audits is neither the store's owner nor bound to its newest root: a store is judged whoever owns it, but changed by
# its owner and root alone; --trust-version names a root that must be there; --since takes a day.
. "$(dirname "$0")/lib.sh"
mkdir -p "$T/content/item" "$T/medium"
echo x >"$T/content/item/x"
quick_station "$T/content"
quick_store
expect 0 satchel-export pack "$T/medium"
expect 0 satchel-import -C "$T/store" apply "$T/medium"
trust=$T/station/trust/trust-1.yaml

# a root that is not there: nothing is said to be good by it
expect 0 satchel-verify bundle "$T/medium" --trust "$trust" --trust-version 1
expect_word 1 trust-chain satchel-verify bundle "$T/medium" --trust "$trust" --trust-version 2
expect 0 satchel-verify store "$T/store" --trust-version 1
expect_word 2 'ends at root 1' satchel-verify store "$T/store" --trust-version 2
expect 1 satchel-verify show "$T/medium/satchel/updates-00000001" --trust "$trust" --trust-version 2
grep -q 'UNVERIFIED: trust root 2 is not here' "$T/out" || fail "show judged by another root than the one asked for"

for day in 2020-01-01 2020-01-01T00:00:00Z; do
  expect 0 satchel-export log --since $day
  [ -s "$T/out" ] || fail "the ledger since $day is empty"
  expect 0 satchel-import -C "$T/store" log --since $day
  [ -s "$T/out" ] || fail "the journal since $day is empty"
done
expect 2 satchel-export log --since yesterday
expect 2 satchel-import -C "$T/store" log --since 2020-1-1

[ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null || skip "the rest needs root and setpriv"
chmod 755 "$T"
setpriv --reuid=65534 --regid=65534 --clear-groups sh -c "satchel-verify --version >/dev/null && test -r '$T/store'" 2>/dev/null ||
  skip "another user can't reach the programs or the store here"
expect 0 setpriv --reuid=65534 --regid=65534 --clear-groups satchel-verify store "$T/store" --trust "$trust"
expect 0 setpriv --reuid=65534 --regid=65534 --clear-groups satchel-import -C "$T/store" status
chown -R 65534:65534 "$T/store"
expect 0 satchel-verify store "$T/store" --trust "$trust"
expect 0 satchel-import -C "$T/store" status
snapshot "$T/store" >"$T/before"
expect_word 2 unsafe satchel-import -C "$T/store" apply "$T/medium"
snapshot "$T/store" | cmp -s - "$T/before" || fail "a store of somebody else was changed"
chown 65533 "$T/store/trust"
expect_word 1 trust-damaged satchel-verify store "$T/store" --trust "$trust"
