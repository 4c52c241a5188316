#!/bin/bash
# The last signature of a trust root, killed or failing at the Nth call of every kind that writes: the station holds the old root
# or the new one, whole; the same command again ends with the new one. By `trust sign`, and by `receive`.
. "$(dirname "$0")/../cli/lib.sh"
: "${POINTS:=4}"
command -v strace >/dev/null || skip "no strace here: faults while a trust root is committed"
mkdir -p "$T/c/a" && echo a >"$T/c/a/f"
for k in chief deputy; do expect 0 satchel-export key new $k --role root --to "$T"; done
expect 0 satchel-export key new alice --role approver --to "$T"
expect 0 satchel-export key new packer --role exporter --to "$T"
expect 0 satchel-export trust new "$T/trust-1.yaml" --site x --root "$T/chief.pub" --root "$T/deputy.pub" --threshold root=2 \
  --approver "$T/alice.pub" --exporter "$T/packer.pub"
expect 0 satchel-export sign "$T/trust-1.yaml" --key "$T/chief.key" --key "$T/deputy.key"
expect 0 satchel-export init "$T/clean" --content "$T/c" --stream updates --trust "$T/trust-1.yaml"
expect 0 satchel-export -C "$T/clean" trust renew --days 700
expect 0 satchel-export -C "$T/clean" trust sign --key "$T/chief.key"
cp -r "$T/clean/trust/draft" "$T/usb"
expect 0 satchel-export sign "$T/usb/trust-2.yaml" --key "$T/deputy.key"
sig=$(find "$T/usb" -name 'trust-2.yaml.*.sig' -newer "$T/usb/trust-1.yaml" | while read -r f; do
  [ -e "$T/clean/trust/draft/$(basename "$f")" ] || echo "$f"; done)
[ -s "$sig" ] || fail "no signature of the deputy"
fresh() { rm -rf "$T/station"; cp -a "$T/clean" "$T/station"; }
for how in sign receive; do
  if [ $how = sign ]; then last=(satchel-export -C "$T/station" trust sign --key "$T/deputy.key")
  else last=(satchel-export -C "$T/station" receive "$sig"); fi
  fresh
  count_calls "${last[@]}" || fail "$how under strace"
  cp -a "$T/station/trust" "$T/want-$how"
  for call in openat2 openat write linkat unlinkat renameat mkdirat fsync fdatasync; do
    numbers=$(points $call "$POINTS") || continue
    for n in $numbers; do
      for fault in signal=KILL error=EIO; do
        fresh
        inject $call $fault $n "${last[@]}" || continue
        what="$how: $call number $n: $fault: exit $got"
        expect 0 satchel-export -C "$T/station" trust show
        versions=$(grep -c '^trust root .* of site' "$T/out")
        if [ $got -eq 0 ] && [ "$versions" -ne 2 ]; then fail "$what: 0, but the root is not in force"; fi
        expect 0 "${last[@]}"
        [ "$(ls "$T/station/trust")" = "$(ls "$T/want-$how")" ] || fail "$what: trust/ holds $(ls "$T/station/trust")"
        cmp "$T/station/trust/trust-2.yaml" "$T/want-$how/trust-2.yaml" || fail "$what: another root"
        expect 0 satchel-verify journal "$T/station"
      done
    done
  done
done
enough 80
