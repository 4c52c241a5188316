#!/bin/bash
# A pack that is killed leaves nothing that looks like a bundle, and the same command continues with the same sequence to
# the bytes it would have made; what was damaged meanwhile is written again; with other options it begins another bundle.
. "$(dirname "$0")/lib.sh"
c=$T/content
mkdir -p "$c/a" "$c/b"
head -c 60000000 /dev/urandom >"$c/a/noise"
seq 1 1000000 >"$c/b/numbers"
quick_station "$c"
mkdir "$T/whole" "$T/medium"
rm -rf "$T/other" && cp -r "$T/station" "$T/other"
export SOURCE_DATE_EPOCH
SOURCE_DATE_EPOCH=$(date +%s)
expect 0 satchel-export -C "$T/other" pack "$T/whole" --volume-size 8M
unset SOURCE_DATE_EPOCH
b=$T/medium/satchel/updates-00000001

# killed when the third volume has begun
killed=
for delay in 0.02 0.05 0.1 0.2 0.4; do
  SOURCE_DATE_EPOCH=$(stat -c %Y "$T/station/station.yaml") satchel-export pack "$T/medium" --volume-size 8M --jobs 1 --level 19 >"$T/out" 2>&1 &
  pid=$!
  for _ in $(seq 500); do [ -e "$b/vol-0002.tar.zst" ] && break; sleep 0.01; done
  sleep "$delay"
  kill -9 $pid 2>/dev/null || true
  wait $pid 2>/dev/null || true
  [ -e "$b/manifest.yaml" ] || { killed=1; break; }
  fail "too fast to be killed"
done
[ -n "$killed" ] && [ -e "$b/vol-0001.tar.zst" ] || fail "nothing was interrupted"
[ ! -e "$b/manifest.yaml" ] || fail "an interrupted bundle has a manifest"
created=$(grep '^created: ' "$T/station/bundles/1/reservation.yaml")
cp -r "$T/medium" "$T/again"

# other options: another bundle, and the interrupted one is left alone
cp -r "$T/station" "$T/third"
before=$(snapshot "$T/again/satchel/updates-00000001")
expect 0 satchel-export -C "$T/third" pack "$T/again" --volume-size 9M
[ "$before" = "$(snapshot "$T/again/satchel/updates-00000001")" ] || fail "another reservation's bundle was touched"
[ -e "$T/again/satchel/updates-00000002/manifest.yaml" ] || fail "no second bundle"

# continued, although bytes of it were changed
flip "$b/vol-0001.tar.zst" 5000
echo more >>"$b/vol-0001.tar.zst"
ino=$(stat -c %i "$b/vol-0001.tar.zst")
expect 0 satchel-export pack "$T/medium" --volume-size 8M --jobs 2 --level 19
grep -q continuing "$T/err" || fail "not continued"
[ "$(ls "$T/medium/satchel")" = updates-00000001 ] || fail "another sequence"
[ "$(stat -c %i "$b/vol-0001.tar.zst")" = "$ino" ] || fail "a volume was made anew"
grep -qxF "$created" "$b/manifest.yaml" || fail "created is another one"
(cd "$b" && sed -n "/^#>>>/,/^#<<</p" VERIFY.txt | TMPDIR=$T sh -e >"$T/out" 2>&1) || fail "the continued bundle does not verify"
expect 0 satchel-verify bundle "$T/medium" --trust "$T/station/trust/trust-1.yaml"

# what is finished is not continued: the next one is number 2
expect 0 satchel-export pack "$T/medium" --volume-size 8M --level 19
[ -e "$T/medium/satchel/updates-00000002/manifest.yaml" ] || fail "sequence 2"

# killed between manifest and signature: the same
rm "$b"/manifest.yaml.*.sig "$T/station/bundles/1/manifest.yaml"
cp "$b/manifest.yaml" "$T/manifest"
expect 0 satchel-export pack "$T/medium" --volume-size 8M --level 19
cmp "$b/manifest.yaml" "$T/manifest" || fail "the continued manifest is another one"
ls "$b"/manifest.yaml.*.sig >/dev/null || fail "no signature"
