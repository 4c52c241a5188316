#!/bin/bash
# --medium-size is a bound that is kept: the files of a bundle, each counted in blocks of 4 KiB, take at most so much, whatever they
# hold and however the forecast judged it; else there is no bundle, no-space is said and nothing stays on the medium. What the
# forecast says is needed is always enough, and a forecast that refuses is right as far as samples go.
. "$(dirname "$0")/lib.sh"
c=$T/content
mkdir -p "$c/noise" "$c/mixed" "$c/text" "$c/small" "$c/empty"
head -c 12000000 /dev/urandom >"$c/noise/object"
for i in 1 2 3; do head -c 3000000 /dev/urandom >"$c/mixed/noise$i"; head -c 5000000 /dev/zero >"$c/mixed/zero$i"; echo "$i" >>"$c/mixed/zero$i"; done
seq 1 1500000 >"$c/text/numbers"
for i in $(seq 3000); do echo "$i" >"$c/small/$i"; done
quick_station "$c"
mkdir "$T/m"
number() { grep -o "\"$1\": *[0-9]*" "$T/out" | head -n 1 | grep -o '[0-9]*$'; }
used() { find "$T/m" -type f -printf '%s\n' | awk '{ sum += int(($1 + 4095) / 4096) * 4096 } END { print sum + 0 }'; }
passes() { # SIZE: the forecast lets it pass
  local code=0
  satchel-export pack "$T/m" "${wish[@]}" --dry-run --medium-size "$1" >"$T/out" 2>"$T/err" || code=$?
  [ $code -eq 0 ] || { [ $code -eq 3 ] && grep -q no-space "$T/err"; } || fail "dry run with $1: exit $code"
  return $code
}
made=0 refused=0 late=0
try() { # SIZE: a bundle within it, or none. The exit code in $code
  code=0
  rm -rf "$T/m/satchel"
  satchel-export pack "$T/m" "${wish[@]}" --no-read-back --medium-size "$1" >"$T/out" 2>"$T/err" || code=$?
  if [ $code -eq 0 ]; then
    [ "$(used)" -le "$1" ] || fail "${wish[*]}: $(used) bytes with --medium-size $1"
    made=$((made + 1))
  else
    [ $code -eq 3 ] && grep -q no-space "$T/err" || fail "${wish[*]}: exit $code with --medium-size $1"
    [ -z "$(ls -A "$T/m")" ] || fail "${wish[*]}: something was left on the medium: $(find "$T/m")"
    refused=$((refused + 1))
  fi
}
for what in noise mixed text small 'noise --only mixed --only text --only small'; do
  for how in '' '--level 0' '--volume-size 8M'; do
    # shellcheck disable=SC2206
    wish=(--only $what $how)
    rm -rf "$T/m/satchel"
    expect 0 satchel-export pack "$T/m" "${wish[@]}" --dry-run --json
    need=$(grep '"need"' "$T/out" | grep -o '"need": *[0-9]*' | grep -o '[0-9]*$')
    try "$need"
    [ $code -eq 0 ] || fail "$what $how: $need are needed, and not enough"
    takes=$(used)
    [ "$how" != '--level 0' ] || [ $((need - takes)) -le $((takes / 100 + 100000)) ] || fail "$what: $need are needed, and $takes taken"
    rm -rf "$T/m/satchel"
    # the smallest size that the forecast lets pass, to 64 KiB
    low=0 high=$need
    while [ $((high - low)) -gt 65536 ]; do
      middle=$(((low + high) / 2))
      if passes $middle; then high=$middle; else low=$middle; fi
    done
    [ "$high" -le $((takes + takes / 10 + 150000)) ] || fail "$what $how: $takes are taken, and the forecast refuses less than $high"
    for size in "$low" "$high" $((takes - 4096)) "$takes" $((takes + 4096)); do
      try "$size"
      [ $code -eq 0 ] || ! grep -q 'larger --medium-size' "$T/err" || late=$((late + 1))
    done
  done
done
echo "$made made, $refused refused, $late of them while they were written"
[ $made -gt 15 ] && [ $refused -gt 15 ] && [ $late -gt 0 ] || fail "this test is blind"

# what was interrupted counts once, with what it left there
wish=(--only noise)
rm -rf "$T/m/satchel"
expect 0 satchel-export pack "$T/m" "${wish[@]}"
n=$(ls "$T/m/satchel" | sed 's/.*-0*//')
rm "$T/m/satchel"/*/manifest.yaml.*.sig "$T/station/bundles/$n"/manifest.yaml*
expect 0 satchel-export pack "$T/m" "${wish[@]}" --medium-size $(($(used) + 65536))
grep -q continuing "$T/err" || fail "not continued"
