#!/bin/bash
# Much damage at once costs what the damage costs: whatever the number of objects, a check and the healing after it sync a few times,
# not once or more for each.
. "$(dirname "$0")/lib.sh"
c=$T/content
export SATCHEL_STORE=$T/store
mkdir -p "$c/a"; for i in $(seq 400); do echo "file $i" >"$c/a/$i"; done
quick_station "$c"
mkdir "$T/m1"; expect 0 satchel-export pack "$T/m1"
quick_store
expect 0 satchel-import apply "$T/m1"
command -v strace >/dev/null || skip "no strace here"
counted=yes
case "$SATCHEL_BIN" in *-asan) counted= ;; esac	# which can't run below strace: all else is looked at
count() { if [ -n "$counted" ]; then count_calls "$@"; else "$@" >"$T/out" 2>"$T/err"; fi; }
good() { expect 0 satchel-verify store "$T/store" --trust "$T/station/trust/trust-1.yaml"; same_tree "$c" "$T/store/published/updates"; }
syncs() { # most
  local n
  [ -n "$counted" ] || return 0
  n=$(awk '$1 ~ /^(fsync|fdatasync|syncfs)$/ { n += $2 } END { print n + 0 }' "$T/calls")
  [ "$n" -gt 0 ] || fail "no sync was seen: this test is blind"
  [ "$n" -le "$1" ] || fail "$n syncs"
}
told() { [ "$(grep -c '"event":"damaged"' "$T/store/journal.jsonl")" -eq "$1" ] || fail "the journal does not tell of each: not $1"; }

# modes
chmod -R u+w "$T/store/objects"
count satchel-import check && fail "nothing was found"
syncs 40; told 401
good

# bytes: set aside, then healed
for f in "$T"/store/objects/*/*; do chmod u+w "$f"; printf x >>"$f"; chmod 444 "$f"; done
count satchel-import check && fail "nothing was found"
syncs 40; told 802
[ "$(find "$T/store/objects" -name '*.lost' | wc -l)" -eq 401 ] || fail "not set aside"
count satchel-import apply "$T/m1" || fail "not healed"
syncs 60
good
[ -z "$(find "$T/store/objects" -name '*.lost')" ] || fail "marks stay"

# gone, and names that have the bytes still
for f in "$T"/store/objects/*/*; do rm -f "$f"; done
expect 3 satchel-import check	# the contents list is gone, so that nobody knows the names
count satchel-import apply "$T/m1" || fail "not healed"
syncs 60
good
expect_word 0 'unbroken' satchel-verify journal "$T/store"
