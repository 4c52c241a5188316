#!/bin/bash
# What there is no room for is refused before the first write, and enters when there is room; a disk that fills all the
# same (something else writes there) loses nothing, and the same command completes later.
. "$(dirname "$0")/lib.sh"
mkdir "$T/small"
mount -t tmpfs -o size=8m tmpfs "$T/small" 2>/dev/null || skip "no tmpfs can be mounted here: importing without room"
at_exit 'umount "$T/small"'
c=$T/content
mkdir -p "$c/a" "$T/medium"
head -c 12000000 /dev/urandom >"$c/a/large"
for i in $(seq 200); do head -c 3000 /dev/urandom >"$c/a/$i"; done
quick_station "$c"
expect 0 satchel-export pack "$T/medium"
expect 0 satchel-import init "$T/small/store" --name s --trust "$T/station/trust/trust-1.yaml" --stream updates --ring production
export SATCHEL_STORE=$T/small/store
snapshot "$T/small/store" | grep -v journal >"$T/before"
expect_word 3 no-space satchel-import apply "$T/medium"
grep -q 'free' "$T/out" || fail "the figures are not said"
snapshot "$T/small/store" | grep -v journal >"$T/after"
cmp "$T/before" "$T/after" || fail "something was written"
mount -o remount,size=32m "$T/small"
# forecast: enough; then something else takes the room while objects are written
satchel-import apply "$T/medium" >"$T/out" 2>"$T/err" &
pid=$!
head -c 40000000 /dev/zero >"$T/small/hog" 2>/dev/null || true
got=0; wait $pid || got=$?
case $got in
  0) ;;
  3) [ ! -e "$T/small/store/published/updates/a/large" ] || fail "exit 3, and yet published";;
  *) fail "exit $got on a full disk";;
esac
rm "$T/small/hog"
expect 0 satchel-import apply "$T/medium"
same_tree "$c" "$T/small/store/published/updates/"
expect 0 satchel-verify store "$T/small/store" --trust "$T/station/trust/trust-1.yaml"

# Room for it once: what a killed run left of a large object, and what a damaged medium gave of it, take none from the next.
store() {
  umount "$T/small"
  mount -t tmpfs -o size=18m tmpfs "$T/small"
  expect 0 satchel-import init "$T/small/store" --name s --trust "$T/station/trust/trust-1.yaml" --stream updates --ring production
}
twice() { [ "$(df --output=avail -B1 "$T/small" | tail -n 1)" -ge 11000000 ]; }
if command -v strace >/dev/null; then
  for n in $(seq 200 210); do # the large one comes after the small ones, in blocks
    store
    strace -f -o /dev/null -e trace=pwrite64 -e inject=pwrite64:signal=KILL:when=$n satchel-import apply --jobs 1 "$T/medium" >"$T/out" 2>"$T/err" || true
    twice || break
  done
  [ -n "$(ls "$T/small/store/stage/pieces")" ] || fail "never killed amid the large one: this test is blind"
  ! twice || fail "there is room for it twice: this test is blind"
  expect 0 satchel-import apply "$T/medium"
  same_tree "$c" "$T/small/store/published/updates/"
fi
store
cp -a "$T/medium" "$T/damaged"
volume=$(ls "$T"/damaged/satchel/*/vol-0001.tar.zst)
printf 'XXXX' | dd of="$volume" bs=1 seek=$(($(stat -c %s "$volume") * 3 / 4)) conv=notrunc status=none
expect_word 3 frame-digest satchel-import apply "$T/damaged"
! twice || fail "there is room for it twice: this test is blind"
expect 0 satchel-import apply "$T/medium"
same_tree "$c" "$T/small/store/published/updates/"
