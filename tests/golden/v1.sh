#!/bin/bash
# A bundle of format version 1 as it was packed when these formats were made: it must be readable for ever. Judged as of its
# day, by satchel-verify and by the independent verifier; stock tar and zstd unpack it to the objects it names.
. "$(dirname "$0")/../cli/lib.sh"
cd "$(dirname "$0")"
day=2026-11-23T12:00:00Z
expect 0 satchel-verify bundle v1 --trust v1/trust-1.yaml --at $day
grep -q '1 of 1 bundle' "$T/out" || fail "not one good bundle"
PYTHONDONTWRITEBYTECODE=1 expect 0 /usr/bin/python3 ../oracle/verify.py bundle v1/satchel/golden-00000001 --trust v1/trust-1.yaml --at $day
expect 1 satchel-verify bundle v1 --trust v1/trust-1.yaml --at 2099-01-01T00:00:00Z
zstd -q -d -c v1/satchel/golden-00000001/vol-0001.tar.zst | tar -xf - -C "$T"
for f in "$T"/????????????????????????????????????????????????????????????????; do
  [ "$(sha256sum <"$f" | cut -d' ' -f1)" = "$(basename "$f")" ] || fail "object $(basename "$f")"
  objects=$((${objects:-0} + 1))
done
[ "$objects" -eq 11 ] || fail "$objects objects"
