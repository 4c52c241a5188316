#!/bin/bash
# Same station, content, options and SOURCE_DATE_EPOCH: the same bytes for any number of jobs. Objects larger than a
# volume come in pieces; tar --zstd alone takes all of it apart again.
. "$(dirname "$0")/lib.sh"
c=$T/content
mkdir -p "$c/a/sub" "$c/b" "$c/big"
head -c 20000000 /dev/urandom >"$c/big/noise"
head -c 5000000 /dev/urandom | base64 >"$c/a/text"
head -c 9000000 /dev/urandom >"$c/a/volume"
printf 'x' >"$c/a/sub/one"
: >"$c/b/empty"
cp "$c/a/text" "$c/b/again"
cp -r /usr/include/linux "$c/b/linux" 2>/dev/null || true
quick_station "$c"
export SOURCE_DATE_EPOCH
SOURCE_DATE_EPOCH=$(date +%s)
for jobs in 1 2 7; do
  rm -rf "$T/copy" && cp -r "$T/station" "$T/copy"
  mkdir "$T/m$jobs"
  expect 0 satchel-export -C "$T/copy" pack "$T/m$jobs" --volume-size 8M --jobs $jobs
done
same_tree "$T/m1" "$T/m2"
same_tree "$T/m1" "$T/m7"
b=$T/m1/satchel/updates-00000001
for v in "$b"/vol-*.tar.zst; do
  [ "$(stat -c %s "$v")" -le $((8 << 20)) ] || fail "$v is larger than a volume"
  zstd -q -t "$v" || fail "zstd refuses $v"
done
mkdir "$T/objects"
for v in "$b"/vol-*.tar.zst; do tar --zstd -xf "$v" -C "$T/objects"; done
cd "$T/objects"
[ "$(ls | grep -c '\.')" -ge 3 ] || fail "the large object is not in pieces"
for o in $(ls | sed -n 's/^\([0-9a-f]*\)\.0*$/\1/p'); do cat "$o".* >"$o"; rm -f "$o".*; done
for f in *; do [ "$(sha256sum <"$f")" = "$f  -" ] || fail "object $f has other bytes"; done
cmp "$c/big/noise" "$(sha256sum "$c/big/noise" | cut -c1-64)" || fail "the large object"
# every file's bytes are there, each object once
find "$c" -type f -exec sha256sum {} + | cut -c1-64 | sort -u >"$T/files"
ls | sort >"$T/carried"
[ -z "$(comm -23 "$T/files" "$T/carried")" ] || fail "objects are missing"
for f in $(comm -13 "$T/files" "$T/carried"); do
  head -n 1 "$f" | grep -q '^satchel: contents' || fail "$f is neither content nor a contents list"
done
grep -q "objects: {count: $(wc -l <"$T/carried"), " "$b/manifest.yaml" || fail "count of objects in the manifest"
# level 0 stores everything, and other levels bring the same objects
expect 0 satchel-export pack "$T/m7" --level 0
expect 0 satchel-export pack "$T/m7" --level 19
[ "$(du -s "$T/m7/satchel/updates-00000002" | cut -f1)" -gt "$(du -s "$T/m7/satchel/updates-00000003" | cut -f1)" ] || fail "level 19 saves nothing"
