#!/bin/bash
# Faults during an import: killed (Y3), no space (Y1), I/O errors also at syncs (Y2), at the Nth call of every kind that
# changes a disk. After each: the published tree is exactly the old or the new one, satchel-verify store finds nothing
# wrong, the same command again ends at the new one, a third changes nothing.
# POINTS: how many calls of each kind are tried, spread over those of one thread (0: every one, tests/long/fault_import.sh).
. "$(dirname "$0")/../cli/lib.sh"
: "${POINTS:=4}"
command -v strace >/dev/null || skip "no strace here: faults during an import"
c=$T/content
mkdir -p "$c/item/sub" "$c/big" "$c/stays"
for i in $(seq 30); do echo "$i" >"$c/item/$i"; done
head -c 9000000 /dev/urandom >"$c/big/object"
echo same >"$c/stays/file"
quick_station "$c"
mkdir "$T/m1" "$T/m2"
expect 0 satchel-export pack "$T/m1" --volume-size 8M
quick_store base
expect 0 satchel-import -C "$T/base" apply "$T/m1"
cp -a "$c" "$T/old"
rm "$c/item/1" "$c/item/2"; echo changed >"$c/item/3"; ln -s 3 "$c/item/link"; chmod 755 "$c/item/4"
mkdir "$c/item/dir"; echo x >"$c/item/dir/x"; head -c 9000000 /dev/urandom >"$c/big/object2"; rm -r "$c/item/sub"
expect 0 satchel-export scan
expect 0 satchel-export approve --all --ring production
expect 0 satchel-export sign
expect 0 satchel-export pack "$T/m2" --volume-size 8M
trust=$T/station/trust/trust-1.yaml

is_tree() { diff -r --no-dereference "$1/" "$T/store/published/updates/" >/dev/null 2>&1; }
fresh() { rm -rf "$T/store"; cp -a "$T/base" "$T/store"; }
check_store() { # what happened
  is_tree "$T/old" || is_tree "$c" || fail "$1: a tree between old and new"
  expect 0 satchel-verify store "$T/store" --trust "$trust"
  expect 0 satchel-import -C "$T/store" apply "$T/m2"
  is_tree "$c" || fail "$1: running it again does not complete"
  expect 0 satchel-verify store "$T/store" --trust "$trust"
  find "$T/store/published/updates/" -printf '%P %i %m\n' | LC_ALL=C sort >"$T/before"
  expect 0 satchel-import -C "$T/store" apply "$T/m2"
  find "$T/store/published/updates/" -printf '%P %i %m\n' | LC_ALL=C sort >"$T/after"
  cmp "$T/before" "$T/after" || fail "$1: the third run changes something"
  left=$(find "$T/store/stage" -mindepth 1 ! -path "*/stage/pieces" | head -n 1)   # pieces/ stays, empty
  [ -z "$left" ] || fail "$1: left in the stage: $left"
}
fresh
count_calls satchel-import -C "$T/store" apply "$T/m2" || fail "apply under strace"
is_tree "$c" || fail "the good case does not end in the new tree"
for call in openat2 openat write pwrite64 linkat unlinkat renameat renameat2 mkdirat symlinkat fsync fdatasync syncfs ftruncate fchmod \
  utimensat ioctl copy_file_range clone3 fork; do
  numbers=$(points $call "$POINTS") || continue
  for n in $numbers; do
    for how in signal=KILL error=ENOSPC error=EIO; do
      case "$call:$how" in clone3:error*|fork:error*|ioctl:*|copy_file_range:*) continue;; esac
      fresh
      inject $call $how $n satchel-import -C "$T/store" apply "$T/m2" || continue
      what="$call number $n: $how: exit $got"
      [ $got -ne 0 ] || is_tree "$c" || fail "$what: 0 for less than everything"
      case $got in 0|3|137) ;; *) [ "$how" != signal=KILL ] && [ $got -le 4 ] || fail "$what";; esac
      check_store "$what"
    done
  done
done
enough 90
for row in 'Y1 no space' 'Y2 I/O error, also at syncs' 'Y3 SIGKILL'; do echo "attack $row at calls spread over an import (tests/fault/import.sh) | C | C"; done
