#!/bin/bash
# Faults during pack: killed, no space, I/O errors at the Nth call of every kind that writes (M7). Never a bundle that looks
# complete and is not: verify refuses it or import passes it over; running pack again makes a good one. What is whole is not touched
# again, however often that run fails: a store may have it.
. "$(dirname "$0")/../cli/lib.sh"
: "${POINTS:=3}"
whole=0
command -v strace >/dev/null || skip "no strace here: faults during pack"
c=$T/content first=$T/m/satchel/updates-00000001
mkdir -p "$c/item" "$c/big"
for i in $(seq 20); do echo "$i" >"$c/item/$i"; done
head -c 13000000 /dev/urandom >"$c/big/object"
quick_station "$c"
cp -a "$T/station" "$T/clean"
trust=$T/station/trust/trust-1.yaml
fresh() { rm -rf "$T/station" "$T/m"; cp -a "$T/clean" "$T/station"; mkdir "$T/m"; }
fresh
# a part of a large object can't be read: nobody waits for it for ever (objects go from worker to worker, export/crossing.h)
preads=$SATCHEL_BIN/tests/tools/pread.so
strace -f -qq -e trace=pread64 -o "$T/preads" satchel-export pack "$T/m" >/dev/null || fail "pack under strace"
# where parts of the object begin: offsets of reads of 4 MiB, and what is left
places=$(sed -n 's/.*, \([0-9]*\), \([0-9]*\)) *= .*/\1 \2/p' "$T/preads" | awk '$1 > 500000 && $2 > 0 {print $2}' | sort -nu)
[ "$(echo "$places" | wc -w)" -ge 2 ] || fail "the object was read in no parts that begin behind its start: $places"
for fails in $places; do
  for jobs in 1 2 4; do
    fresh
    code=0
    PREAD_FAILS=$fails LD_PRELOAD=$preads timeout 60 satchel-export pack "$T/m" --jobs $jobs >"$T/out" 2>"$T/err" || code=$?
    [ $code -eq 3 ] && grep -q "Input/output error" "$T/err" || fail "pread fails at $fails, $jobs jobs: exit $code: $(cat "$T/err")"
    [ -z "$(find "$T/m" -name 'manifest.yaml*')" ] || fail "pread fails at $fails: a manifest on the medium"
    expect 0 satchel-export pack "$T/m"
    expect 0 satchel-verify bundle "$T/m" --trust "$trust"
  done
done
fresh
count_calls satchel-export pack "$T/m" || fail "pack under strace"
for call in openat2 openat write pwrite64 linkat unlinkat renameat renameat2 mkdirat fsync fdatasync syncfs fchmod; do
  numbers=$(points $call "$POINTS") || continue
  for n in $numbers; do
    for how in signal=KILL error=ENOSPC error=EIO; do
      fresh
      inject $call $how $n satchel-export pack "$T/m" || continue
      what="$call number $n: $how: exit $got"
      complete=1
      satchel-verify bundle "$T/m" --trust "$trust" >/dev/null 2>&1 || complete=0
      if [ $got -eq 0 ]; then [ $complete -eq 1 ] || fail "$what: 0, but the bundle is not good"; fi
      if [ $complete -eq 0 ]; then # then it must not look like one either
        sealed=$(find "$T/m/satchel" -name 'manifest.yaml.*.sig' -size +0 2>/dev/null | head -n 1)
        [ -z "$sealed" ] || fail "$what: $sealed is there, but the bundle is not good"
      fi
      kept=
      if [ $complete -eq 1 ] && [ $got -ne 0 ]; then # then it stays, also where the next run meets the same
        whole=$((whole + 1))
        kept=$(snapshot "$first")
        inject $call $how $n satchel-export pack "$T/m" || tried=$((tried - 1)) # which has less to do, and may not come to it
        [ "$(snapshot "$first")" = "$kept" ] || fail "$what: the bundle was whole, and the next run, exit $got, changed it"
      fi
      expect 0 satchel-export pack "$T/m"
      [ -z "$kept" ] || [ "$(snapshot "$first")" = "$kept" ] || fail "$what: the bundle was whole, and was made anew"
      rm -rf "$T/store"; quick_store
      expect 0 satchel-import -C "$T/store" apply "$T/m"
      same_tree "$c" "$T/store/published/updates/"
    done
  done
done
enough 45
[ $whole -gt 0 ] || fail "no fault came between the last signature on the medium and the station's books: this test is blind"
