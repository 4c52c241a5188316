#!/bin/bash
# A second opinion: tests/oracle/verify.py, written from FORMAT.md alone, and satchel-verify judge the same bundles: what
# satchel-export packs (volumes, pieces, parts, nasty names, keys of all algorithms), each with every file flipped, cut, extended,
# removed or swapped, and authentic bundles that lie (tests/oracle/forge.py). They must agree on each: exit code and reason.
. "$(dirname "$0")/lib.sh"
cd "$(dirname "$0")/../oracle" || exit 2
/usr/bin/python3 -c 'import yaml' 2>/dev/null || skip "no PyYAML for /usr/bin/python3 (python3-yaml)"
export T PYTHONDONTWRITEBYTECODE=1
oracle() { /usr/bin/python3 verify.py "$@"; }
mutations() { /usr/bin/python3 mutations.py "$@"; }

mutations keys "$T"
trust=$T/trust-1.yaml
c=$T/content
mkdir -p "$c/many" "$c/nasty" "$c/large" "$c/small/empty"
/usr/bin/python3 - "$c" <<'P'
import os, sys
c = sys.argv[1]
for i in range(1500):
    with open(f"{c}/many/{i:05d}", "w") as f: f.write(str(i % 7))
for name in ["no", "~", "1e3", "a: b", "- x", "#c", "&a", "*a", "!t", "%d", "@x", "{a}", "[a]", "x,y", "?", "|", "'", "\"q\"", "back\\slash", " lead", "trail ", "ümläut",
             "e\u0301", "日本語", "😀", "=", "<<", ".hidden", "...", "a" * 255]:
    with open(f"{c}/nasty/{name}", "w") as f: f.write(name)
    with open(f"{c}/top {name}"[:255 + len(c) + 1], "w") as f: f.write(name)
with open(f"{c}/large/f", "wb") as f:      # 20 MB that shrink to little
    for i in range(20): f.write(os.urandom(100) + b"large " * 170000)
os.symlink("../large/f", f"{c}/small/link")
os.symlink("nowhere", f"{c}/small/dangling")
P
echo tool >"$c/small/tool"; chmod 755 "$c/small/tool"
expect 0 satchel-export init "$T/station" --content "$c" --stream updates --ring pilot --ring production --trust "$trust"
export SATCHEL_STATION=$T/station
list() { # what differs: ITEM... approved, list signed by two
  expect 0 satchel-export scan
  expect 0 satchel-export approve "$@" --ring production
  expect 0 satchel-export sign --key "$T/keys/approver-a.key" --key "$T/keys/approver-b.key"
}
mkdir "$T/first" "$T/second" "$T/third"
list 'small'
expect 0 satchel-export pack "$T/first" --key "$T/keys/exporter-a.key" --key "$T/keys/exporter-c.key"
echo more >"$c/small/more"
list small 'nasty' 'top*'
expect 0 satchel-export pack "$T/second" --key "$T/keys/exporter-b.key"
list many large small
expect 0 satchel-export pack "$T/third" --volume-size 8M --level 3 --key "$T/keys/exporter-c.key"

# The command itself: one line, exit codes.
for m in first second third; do
  b=$(echo "$T/$m"/satchel/*)
  expect 0 oracle bundle "$b" --trust "$trust"
  [ "$(cat "$T/out")" = ok ] || fail "no single 'ok'"
done
expect 1 oracle bundle "$b" --trust "$trust" --at 2099-01-01T00:00:00Z
grep -q '^trust-expired: ' "$T/out" || fail "not judged at the time given"
expect 1 satchel-verify bundle "$T/third" --trust "$trust" --at 2099-01-01T00:00:00Z

for f in ../../manifests/examples/*.yaml; do
  type=$(sed -n '1s,^satchel: \(.*\)/1$,\1,p' "$f")
  [ "$type" != receipt ] || continue    # the oracle judges what goes in; yaml_readers.sh and the unit tests judge receipts
  expect 0 oracle document "$type" "$f"
  sed '$s/ *$/ /' "$f" >"$T/document"
  expect_word 1 document-form oracle document "$type" "$T/document"
done
expect 0 oracle journal "$T/station/ledger.jsonl"
[ "$(wc -l <"$T/station/ledger.jsonl")" -gt 3 ] || fail "a short ledger"
sed '2s/"time":"2/"time":"3/' "$T/station/ledger.jsonl" >"$T/journal"
expect_word 1 'line 3' oracle journal "$T/journal"
sed 2d "$T/station/ledger.jsonl" >"$T/journal"
expect_word 1 'line 2' oracle journal "$T/journal"
head -c -1 "$T/station/ledger.jsonl" >"$T/journal"      # its last line is under way
expect 0 oracle journal "$T/journal"
printf x >>"$T/journal"
expect 1 oracle journal "$T/journal"

code=0
mutations run "$T" "$trust" "$T/first" "$T/second" "$T/third" >"$T/table" || code=$?
cat "$T/table"
[ "$code" -eq 0 ] || fail "the oracle and satchel-verify differ"
