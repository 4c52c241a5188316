#!/bin/bash
# Faults while a receipt is written and while it is taken in: killed, no space, I/O errors at the Nth call of every kind that
# writes. No number is used for two receipts, nothing on the medium passes for a receipt that is none, and what the station
# knows of a destination is the former receipt or the new one, whole.
. "$(dirname "$0")/../cli/lib.sh"
: "${POINTS:=3}"
command -v strace >/dev/null || skip "no strace here: faults around receipts"
cd "$T" || exit 1
mkdir -p c/item m
for i in $(seq 30); do echo "$i" >"c/item/$i"; done
quick_station c
quick_store
export SATCHEL_STORE=$T/store
expect 0 satchel-export destination add store --key store/keys/receipt.pub
expect 0 satchel-import receipt m
expect 0 satchel-export receive m
expect 0 satchel-export pack m
expect 0 satchel-import apply m
cp -a store store.clean
cp -a m m.clean
# faults COMMAND...: runs `fresh`, the command with a fault, and `after CODE WHAT`, for each
faults() {
  local call numbers n how
  fresh
  count_calls "$@" || fail "$* under strace"
  for call in openat2 openat write pwrite64 linkat unlinkat renameat renameat2 rename mkdirat fsync fdatasync syncfs fchmod; do
    numbers=$(points $call "$POINTS") || continue
    for n in $numbers; do
      for how in signal=KILL error=ENOSPC error=EIO; do
        fresh
        inject $call $how "$n" "$@" || continue
        after "$got" "$* : $call number $n: $how: exit $got"
      done
    done
  done
}

fresh() { rm -rf store m && cp -a store.clean store && cp -a m.clean m; }
after() {
  local numbers sealed
  sealed=$(find m/satchel/receipts -name 'store-0000000[23].yaml.*.sig' | wc -l)
  [ "$1" -ne 0 ] || [ "$sealed" -eq 1 ] || fail "$2: 0, and no receipt"
  expect 0 satchel-import receipt m
  numbers=$(grep -o '"event":"receipt","counter":[0-9]*' store/journal.jsonl | sort | uniq -d)
  [ -z "$numbers" ] || fail "$2: used twice: $numbers"
  rm -rf station && cp -a station.clean station
  expect 0 satchel-export receive m
  grep -q 'list 1 complete' "$T/out" || fail "$2: not the newest one"
  expect 0 satchel-verify store store
}
cp -a station station.clean
faults satchel-import receipt m

fresh
expect 0 satchel-import receipt m
cp -a m m.clean
fresh() { rm -rf station && cp -a station.clean station; }
after() {
  local n
  expect 0 satchel-export log
  expect 0 satchel-export pack m --for store --dry-run --json
  n=$(sed -n 's/.*"objects": *\([0-9]*\),.*"volumes".*/\1/p' "$T/out")
  case $n in 0 | 31) ;; *) fail "$2: neither the former receipt nor the new one: $n objects are lacking: $(cat "$T/out")" ;; esac
  [ "$1" -ne 0 ] || [ "$n" -eq 0 ] || fail "$2: 0, and the receipt is not known"
  expect 0 satchel-export receive m
  expect 0 satchel-export pack m --for store --dry-run
  grep -q ' 0 objects' "$T/out" || fail "$2: not taken in by the second run"
  [ "$(find station/receipts -type f | wc -l)" -eq 3 ] || fail "$2: left over: $(ls -A station/receipts)"
}
faults satchel-export receive m
enough 80
