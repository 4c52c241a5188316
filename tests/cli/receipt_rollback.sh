#!/bin/bash
# A brief receipt of a store that went back: what the list it went back to needs is not taken for held, since revoked items of
# it may never have come.
. "$(dirname "$0")/lib.sh"
c=$T/content
mkdir -p "$c/a" "$c/x" "$T/m1" "$T/m2" "$T/m3" "$T/back"
echo a >"$c/a/f"; echo x >"$c/x/f"
quick_station "$c"
quick_store
expect 0 satchel-export destination add store --ring production --key "$T/store/keys/receipt.pub"
expect 0 satchel-export pack "$T/m1" --only a
expect 4 satchel-import -C "$T/store" apply "$T/m1"
expect 0 satchel-export revoke x
expect 0 satchel-export sign
expect 0 satchel-export pack "$T/m2"
expect 0 satchel-import -C "$T/store" apply "$T/m2"
expect 0 satchel-import -C "$T/store" rollback 1
expect 0 satchel-import -C "$T/store" receipt "$T/back" --brief
grep -q '^    rollback: {epoch: 1, revision: 1,' "$T"/back/satchel/receipts/*.yaml || fail "the receipt does not say that it went back"
expect 0 satchel-export receive "$T/back"
expect 0 satchel-export approve x --ring production
expect 0 satchel-export sign
expect 0 satchel-export pack "$T/m3" --for store
expect 0 satchel-import -C "$T/store" apply "$T/m3"
same_tree "$c" "$T/store/published/updates"
