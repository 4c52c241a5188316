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
# Forecast: enough; then something else takes the room, amid the large object, which comes after the small ones, in blocks: there
# the run stands still until nothing is left.
fills() { head -c 40000000 /dev/zero >"$T/small/hog" 2>/dev/null && fail "the disk is not full: this test is blind"; true; }
full() {
  [ ! -e "$T/small/store/published/updates/a/large" ] || fail "exit 3, and yet published"
  rm "$T/small/hog"
}
if command -v strace >/dev/null; then
  stopped=
  at_exit '[ -z "$stopped" ] || kill -KILL "$stopped"'
  ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o "$T/inject" -e trace=pwrite64 -e inject=pwrite64:signal=STOP:when=202 satchel-import apply --jobs 1 "$T/medium" >"$T/out" 2>"$T/err" &
  pid=$!
  for _ in $(seq 600); do grep -q 'stopped by SIGSTOP' "$T/inject" 2>/dev/null && break; kill -0 $pid 2>/dev/null || break; sleep 0.1; done
  stopped=$(sed -n 's/^\([0-9]*\) .*stopped by SIGSTOP.*/\1/p' "$T/inject" | head -n 1)
  [ -n "$stopped" ] && [ -n "$(ls "$T/small/store/stage/pieces")" ] || fail "it did not stand still amid the large one: this test is blind"
  fills
  kill -CONT "$stopped"
  got=0; wait $pid || got=$?
  stopped=
  [ $got -eq 3 ] && grep -q 'No space left' "$T/err" || fail "exit $got on a full disk"
  full
fi
# ... and when everything is stored and only publishing remains
printf '#!/bin/sh\ncat /dev/zero >"%s" 2>/dev/null\nexit 0\n' "$T/small/hog" >"$T/hog"; chmod 755 "$T/hog"
cp "$T/small/store/store.yaml" "$T/store.yaml"
echo "hooks: {scan: [\"$T/hog\"]}" >>"$T/small/store/store.yaml"
expect_word 3 'No space left' satchel-import apply "$T/medium"
full
# A refusal before that stays the call's exit.
cp -a "$T/medium" "$T/refused"
echo >>"$(echo "$T"/refused/satchel/*/manifest.yaml)"
expect_word 1 'No space left' satchel-import apply "$T/refused" "$T/medium"
grep -q signature-threshold "$T/out" || fail "the refusal is not told"
full
cp "$T/store.yaml" "$T/small/store/store.yaml"
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
    inject pwrite64 signal=KILL "$n" satchel-import apply --jobs 1 "$T/medium" || fail "pwrite64 was not called $n times: this test is blind"
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

# Publishing takes room of its own: an executable is an inode of its own. Where there is none for it, the run stays unfinished, what is in
# service stays, and prune, which could not run behind it, makes room and finishes it.
umount "$T/small"
mount -t tmpfs -o size=24m tmpfs "$T/small"
c=$T/content2
mkdir -p "$c/base" "$c/junk" "$T/first" "$T/ahead" "$T/second"
echo base >"$c/base/f"; head -c 6000000 /dev/urandom >"$c/junk/j"
export SATCHEL_STATION=$T/station2
expect 0 satchel-export init "$T/station2" --content "$c" --stream updates --ring production
expect 0 satchel-export scan
expect 0 satchel-export approve base --ring production
expect 0 satchel-export sign
expect 0 satchel-export pack "$T/first"
expect 0 satchel-export pack "$T/ahead" --content-only --ahead junk --only junk
mkdir "$c/tool"; head -c 5000000 /dev/urandom >"$c/tool/run"; head -c 2000000 /dev/urandom >"$c/tool/fits"; chmod 755 "$c"/tool/*
expect 0 satchel-export scan
expect 0 satchel-export approve tool --ring production
expect 0 satchel-export sign
expect 0 satchel-export pack "$T/second"
rm -r "$c/junk" # never approved: for comparing
expect 0 satchel-import init "$T/small/store" --name s --trust "$T/station2/trust/trust-1.yaml" --stream updates --ring production
echo 'policy: {ahead_days: 0}' >>"$T/small/store/store.yaml"
expect 0 satchel-import apply "$T/first" "$T/ahead"
head -c $(($(df --output=avail -B1 "$T/small" | tail -n 1) - 10000000)) /dev/zero >"$T/small/hog"
expect_word 3 'satchel-import prune' satchel-import apply "$T/second"
grep -q '(no-space)' "$T/err" && [ "$(ls "$T/small/store/published/updates")" = base ] || fail "publishing without room for an executable"
grep -q 'needed for 2 executables' "$T/err" && [ -z "$(find "$T/small/store/objects" -name '*.x')" ] || fail "not before the first was written"
expect_word 3 'satchel-import prune' satchel-import rollback
expect 4 satchel-import status
expect_word 0 '2 objects, 5.7 MiB, that nothing needs: going' satchel-import prune
same_tree "$c" "$T/small/store/published/updates/"
expect 0 satchel-import status
expect 0 satchel-verify store "$T/small/store" --trust "$T/station2/trust/trust-1.yaml"

# The same where nothing is published yet, and both bundles are taken in one run.
umount "$T/small"
mount -t tmpfs -o size=24m tmpfs "$T/small"
expect 0 satchel-import init "$T/small/store" --name s --trust "$T/station2/trust/trust-1.yaml" --stream updates --ring production
head -c $(($(df --output=avail -B1 "$T/small" | tail -n 1) - 10000000)) /dev/zero >"$T/small/hog"
expect_word 3 'needed for 2 executables' satchel-import apply "$T/first" "$T/second"
[ -z "$(find "$T/small/store/objects" -name '*.x')" ] && [ -z "$(ls "$T/small/store/published/updates/")" ] || fail "not before the first was written"
rm "$T/small/hog"
expect 0 satchel-import apply "$T/first" "$T/second"
same_tree "$c" "$T/small/store/published/updates/"
expect 0 satchel-verify store "$T/small/store" --trust "$T/station2/trust/trust-1.yaml"
