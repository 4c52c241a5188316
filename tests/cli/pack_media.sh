#!/bin/bash
# Media that are missing, read-only, too small, full on the way or prepared by somebody: a clear error, nothing that looks
# like a bundle, nothing touched outside; the next sequence is another one.
. "$(dirname "$0")/lib.sh"
c=$T/content
mkdir -p "$c/a" "$c/text"
head -c 30000000 /dev/urandom >"$c/a/noise"
seq 1 3000000 >"$c/text/numbers"
quick_station "$c"
empty() { [ -z "$(find "$1" -mindepth 1 ! -name lost+found | head -n 1)" ] || fail "something was left on the medium: $(find "$1" -mindepth 1)"; }
mkdir "$T/medium"
expect_word 2 medium-missing satchel-export pack "$T/nowhere"
expect_word 2 medium-missing satchel-export pack "$c/a/noise"
expect_word 2 store-on-medium satchel-export pack "$T/station"
expect_word 2 store-on-medium satchel-export pack "$T/station/objects"
expect_word 2 store-on-medium satchel-export pack "$T"
expect_word 2 store-on-medium satchel-export pack "$c"
expect_word 2 store-on-medium satchel-export pack "$c/text"

# planted: a link to elsewhere, a file, where pack writes
mkdir "$T/elsewhere"
ln -s ../elsewhere "$T/medium/satchel"
expect 1 satchel-export pack "$T/medium"
empty "$T/elsewhere"
rm "$T/medium/satchel"
echo hello >"$T/medium/satchel"
expect 1 satchel-export pack "$T/medium"
[ "$(cat "$T/medium/satchel")" = hello ] || fail "the planted file was changed"
rm "$T/medium/satchel"
# and the name of the bundle itself, as a link: passed over, never followed
mkdir "$T/medium/satchel"
ln -s ../../elsewhere "$T/medium/satchel/updates-00000001"
satchel-export pack "$T/medium" >"$T/out" 2>"$T/err" && fail "packed through a planted link"
empty "$T/elsewhere"
rm -rf "$T/medium/satchel"

# too small, known beforehand
expect_word 3 no-space satchel-export pack "$T/medium" --medium-size 20M
expect_word 3 no-space satchel-export pack "$T/medium" --medium-size 29M --level 0
empty "$T/medium"
[ "$(ls "$T/station/bundles" 2>/dev/null | wc -l)" -eq 0 ] || fail "a sequence was used up without a write"
expect 0 satchel-export pack "$T/medium" --medium-size 45M   # fits when compressed, by the samples
rm -rf "$T/medium/satchel"

# a file system that takes no file of that size, as FAT32 with a --volume-size above its own
expect_word 3 medium-write env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o "$T/trace" -e trace=write,pwrite64,pwritev,writev \
  -e inject=write,pwrite64,pwritev,writev:error=EFBIG:when=4+ -P "$T/medium/satchel/updates-00000002/vol-0001.tar.zst" satchel-export pack "$T/medium"
grep -q 'File too large; .*smaller --volume-size' "$T/err" || fail "no next step: $(cat "$T/err")"
empty "$T/medium"

[ "$(id -u)" -eq 0 ] || skip "read-only and full media need root (mount)"
mkdir "$T/mnt"
mount -t tmpfs -o size=40M none "$T/mnt" 2>/dev/null || skip "mounting is not allowed here: read-only and full media were not tested"
at_exit "umount '$T/mnt'"
mount -o remount,ro "$T/mnt"
expect_word 3 medium-write satchel-export pack "$T/mnt"
grep -q read-only "$T/err" || fail "no cause for a read-only medium"
mount -o remount,rw "$T/mnt"
empty "$T/mnt"
# full on the way: something else takes the room after the forecast
used=$(ls "$T/station/bundles" | wc -l)
umount "$T/mnt"
mount -t tmpfs -o size=70M none "$T/mnt"
(while [ ! -e "$(echo "$T"/mnt/satchel/*/vol-0001.tar.zst)" ]; do sleep 0.01; done; head -c 70M /dev/zero >"$T/mnt/other") 2>/dev/null &
expect_word 3 no-space satchel-export pack "$T/mnt" --level 19 --jobs 1 --volume-size 8M
wait || true
rm -f "$T/mnt/other"
empty "$T/mnt"
[ "$(ls "$T/station/bundles" | wc -l)" -eq $((used + 1)) ] || fail "the failed bundle did not use a sequence"
umount "$T/mnt"
mount -t tmpfs -o size=34M,nr_inodes=6 none "$T/mnt"
expect_word 3 no-space satchel-export pack "$T/mnt" --volume-size 8M --only a   # no inodes
empty "$T/mnt"
[ "$(ls "$T/station/bundles" | wc -l)" -eq $((used + 2)) ] || fail "no sequence was reserved"
grep -q '"event": *"pack-failed"' "$T/station/ledger.jsonl" || fail "the ledger does not tell of the failure"
# and with room again: another sequence
expect 0 satchel-export pack "$T/medium"
n=$(ls "$T/station/bundles" | sort -n | tail -n 1)
[ -e "$T/medium/satchel/$(printf 'updates-%08d' "$n")/manifest.yaml" ] || fail "sequence $n"
