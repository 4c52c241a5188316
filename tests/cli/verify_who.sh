#!/bin/bash
# satchel-verify who: from a file to its item, its list, the keys that signed it, the people who decided; why an item waits.
. "$(dirname "$0")/lib.sh"
cd "$T"
mkdir -p c/tool/bin c/lib medium second
echo run >c/tool/bin/run
echo lib >c/lib/f
quick_station "$T/c"
quick_store
export SATCHEL_STORE=$T/store
expect 0 satchel-export pack medium
expect 0 satchel-import apply medium
key=$(sed -n 's/.*name: "\([^"]*approver[^"]*\)".*/\1/p' station/trust/trust-1.yaml)
[ -n "$key" ] || fail "name of the approver's key"
sum=$(sha256sum <c/tool/bin/run | cut -d' ' -f1)
expect 0 satchel-verify who tool/bin/run --store store
grep -qx 'tool/bin/run: item tool' out && grep -q "^  published: revision 1 for production by list 1, issued .*, signed by $key" out &&
  grep -q "^  file: sha256 $sum" out || { cat out; fail "a file of a store"; }
expect 0 satchel-verify who tool/ --store store --json
python3 - out "$key" <<'P' || fail "json"
import json, sys
o = json.load(open(sys.argv[1]))
assert o["item"] == "tool" and o["published"]["revision"] == 1 and o["published"]["signed_by"] == sys.argv[2], o
P
expect 0 satchel-verify who tool/nothing --store store
grep -q 'file: not in revision 1' out || fail "a file that isn't in it"
expect 0 satchel-verify who tool/bin/run --station station
grep -q "^  approved: revision 1 for production by list 1, .* signed by $key" out || { cat out; fail "station"; }
grep -q "approve by $(id -un): revision 1 for production" out || { cat out; fail "who decided"; }

# a newer revision waits, because what it requires does: the objects have not come
mkdir c/big && head -c 3000000 /dev/urandom >c/big/blob
echo run2 >c/tool/bin/run
ln -s ../big/blob c/tool/blob
expect 0 satchel-export scan
expect 0 satchel-export approve --all --ring production --note 'the second'
expect 0 satchel-export sign
expect 0 satchel-export pack second --approvals-only
expect 4 satchel-import apply second
expect 0 satchel-verify who tool/bin/run --store store
grep -q '^  published: revision 1 .*list 1' out && grep -q '^  newest: revision 2 .*list 2' out && grep -q '^  waiting: revision 2' out ||
  { cat out; fail "why it waits"; }
expect 0 satchel-verify who big/blob --store store
grep -q '^  not published' out && grep -q '^  waiting: revision 1, for: objects' out || { cat out; fail "not published"; }
# withdrawn by the newest list, still published while that waits
expect 0 satchel-export decline lib
expect 0 satchel-export sign
expect 0 satchel-export pack second --approvals-only
expect 4 satchel-import apply second
expect 0 satchel-verify who lib/f --store store
grep -q '^  published: revision 1 .*list 1' out || { cat out; fail "withdrawn"; }
grep -q 'newest:' out && fail "the newest list does not name it"

# as of a time: the list in force then, and what was decided by then; as of a root
expect_word 2 item-unknown satchel-verify who lib/f --store store --at 2001-01-01T00:00:00Z
expect_word 2 item-unknown satchel-verify who lib/f --station station --at 2001-01-01T00:00:00Z
expect 0 satchel-verify who lib/f --store store --at 2090-01-01T00:00:00Z
grep -q '^lib/f: item lib, as of 2090-01-01T00:00:00Z' out && grep -q '^  then: revision 1 for production by list 1, issued .*, expired 20' out ||
  { cat out; fail "as of a time"; }
expect 0 satchel-verify who lib/f --store store --trust-version 1
expect_word 2 'chain ends at root 1' satchel-verify who lib/f --store store --trust-version 2
expect_word 2 'chain ends at root 1' satchel-verify who tool --station station --trust-version 2

# revoked: it says so, of an item and of a file in it, at the store and at the station, also when later lists repeat it
expect 0 satchel-export revoke lib --revision 1 --note 'leaks keys'
expect 0 satchel-export sign
expect 0 satchel-export renew
expect 0 satchel-export sign
expect 0 satchel-export pack second --approvals-only
expect 4 satchel-import apply second
for w in lib lib/f; do
  expect 0 satchel-verify who $w --store store
  grep -q "^$w: item lib$" out && grep -q '^  not published' out || { cat out; fail "revoked in a store"; }
  grep -q "^  revoked: revision 1 since list 4, in list 5, signed by $key; leaks keys" out || { cat out; fail "revoked, first list not kept"; }
  expect 0 satchel-verify who $w --station station
  grep -q "^  revoked: revision 1 since list 4, signed by $key; leaks keys" out || { cat out; fail "revoked at a station"; }
  grep -q "  revoke by $(id -un): revision 1, leaks keys" out || { cat out; fail "who revoked"; }
done
expect 0 satchel-verify who lib/f --store store --json
python3 - out "$key" <<'P' || fail "revoked in json"
import json, sys
o = json.load(open(sys.argv[1]))
r, = o["revoked"]
assert o["item"] == "lib" and r["revision"] == 1 and r["since"] == 4 and r["note"] == "leaks keys" and r["signed_by"] == sys.argv[2], o
P
expect 0 satchel-verify who tool --store store
grep -q revoked out && fail "not revoked"

# a signature that isn't good counts for nothing
for f in store/streams/updates/lists/1-1/*.sig; do flip "$f"; done
expect 1 satchel-verify who tool --store store

# nothing names it; wrong uses
expect_word 2 item-unknown satchel-verify who nosuch --store store
expect_word 2 item-unknown satchel-verify who nosuch --station station
expect 2 satchel-verify who ../x --store store
expect 2 satchel-verify who tool
expect 2 satchel-verify who tool --store store --station station
expect 2 satchel-verify who tool --store store --stream other
exit 0
