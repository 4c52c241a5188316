#!/bin/bash
# ClamAV's own daemon as the scan hook, with a signature database made by hand and a pattern of its own: the infected item
# never becomes visible, the others do; when the database no longer knows the pattern, a rescan publishes it.
. "$(dirname "$0")/../cli/lib.sh"
clamd=$(command -v clamd) && scan=$(command -v clamdscan) || skip "no clamd and clamdscan here"
command -v xxd >/dev/null || xxd() { od -An -tx1 -v | tr -d ' \n'; }
c=$T/content
export SATCHEL_STORE=$T/store
p=$T/store/published/updates
pattern="satchel-e2e-pattern-$$"
mkdir -p "$T/db" "$c/clean" "$c/infected" "$c/needs" "$c/archive"
signature() { echo "Satchel.Test:0:*:$(printf %s "$1" | xxd -p | tr -d '\n')" >"$T/db/local.ndb"; }
signature "$pattern"
cat >"$T/clamd.conf" <<S
LocalSocket $T/clamd.sock
DatabaseDirectory $T/db
PidFile $T/clamd.pid
LogFile $T/clamd.log
User $(id -un)
Foreground true
S
"$clamd" -c "$T/clamd.conf" >"$T/clamd.out" 2>&1 &
daemon=$!
at_exit 'kill "$daemon"; wait "$daemon"'
for _ in $(seq 300); do [ ! -S "$T/clamd.sock" ] || break; kill -0 "$daemon" 2>/dev/null || fail "clamd: $(cat "$T/clamd.out" "$T/clamd.log")"; sleep 0.1; done
[ -S "$T/clamd.sock" ] || fail "clamd does not listen: $(tail -n 3 "$T/clamd.log")"
# the database works, and ClamAV does not look inside zstd: what has to be scanned are the files
{ seq 5000; echo "$pattern"; seq 5000 9000; } >"$T/sample"; zstd -q "$T/sample" -o "$T/sample.zst"
expect 1 "$scan" -c "$T/clamd.conf" --fdpass --no-summary "$T/sample"
expect 0 "$scan" -c "$T/clamd.conf" --fdpass --no-summary "$T/sample.zst"

for i in $(seq 30); do echo "clean $i" >"$c/clean/$i"; done
printf 'before %s after\n' "$pattern" >"$c/infected/payload"
ln -s ../infected/payload "$c/needs/link"
echo fine >"$c/archive/readme"
quick_station "$c"
mkdir "$T/m1"; expect 0 satchel-export pack "$T/m1"
quick_store
cat >>"$T/store/store.yaml" <<S
hooks:
  scan: ["$scan", "-c", "$T/clamd.conf", "--fdpass", "--multiscan", "--no-summary", "--infected"]
S
( while :; do if [ -e "$p/infected" ] || grep -rqs "$pattern" "$p/"; then echo seen >>"$T/seen"; fi; done ) &
poll=$!
at_exit 'kill "$poll" 2>/dev/null'
expect_word 1 scan-refused satchel-import apply "$T/m1"
grep -q 'infected: revision 1: the scan hook refused it' "$T/err" || fail "the item is not named"
[ "$(find "$p/clean" -type f | wc -l)" -eq 30 ] && [ -e "$p/archive/readme" ] || fail "the others are not published"
[ ! -e "$p/needs" ] || fail "what requires it is published"
expect_word 0 'Satchel.Test' satchel-import log

# inside an archive that ClamAV opens, in a new revision of another item: the former one stays
tar -czf "$c/archive/more.tar.gz" -C "$c/infected" payload
expect 0 satchel-export scan; expect 0 satchel-export approve --all --ring production; expect 0 satchel-export sign
mkdir "$T/m2"; expect 0 satchel-export pack "$T/m2"
expect_word 1 scan-refused satchel-import apply "$T/m2"
[ -e "$p/archive/readme" ] && [ ! -e "$p/archive/more.tar.gz" ] || fail "the former revision does not stay"
expect_word 4 'is held' satchel-import status
expect 4 satchel-import apply "$T/m2"
kill "$poll"; wait "$poll" 2>/dev/null || true
[ ! -e "$T/seen" ] || fail "the infected item was visible"
expect 0 satchel-verify store "$T/store" --trust "$T/station/trust/trust-1.yaml"

# the daemon is gone: held, not published; with a database that knows better: published
kill "$daemon"; wait "$daemon" 2>/dev/null || true
expect_word 1 'could not judge' satchel-import rescan
[ ! -e "$p/infected" ] || fail "published without a yes"
signature "another pattern altogether"
rm -f "$T/clamd.sock"
"$clamd" -c "$T/clamd.conf" >"$T/clamd.out" 2>&1 &
daemon=$!
for _ in $(seq 300); do [ ! -S "$T/clamd.sock" ] || break; sleep 0.1; done
expect 0 satchel-import rescan
same_tree "$c" "$p"
expect 0 satchel-import status
