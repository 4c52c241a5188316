#!/bin/bash
# Hooks of a store: what the scan hook refuses is held with what requires it and never becomes visible, the rest proceeds; the
# verdict stays until it is scanned again; a hook that fails holds, too; published, waiting and refused are told, with the
# documented environment and nothing else; what they say is in the journal; a hook is not run by a shell and not for ever.
. "$(dirname "$0")/lib.sh"
c=$T/content
export SATCHEL_STORE=$T/store
trust=$T/station/trust/trust-1.yaml
p=$T/store/published/updates
good() { expect 0 satchel-verify store "$T/store" --trust "$trust"; }
next() { # MEDIUM
  expect 0 satchel-export scan
  expect 0 satchel-export approve --all --ring production
  expect 0 satchel-export sign
  mkdir "$T/$1"; expect 0 satchel-export pack "$T/$1"
}
hooks() { # lines of store.yaml
  sed -i '/^hooks:/,$d' "$T/store/store.yaml"
  [ $# -eq 0 ] || { echo "hooks:"; printf '  %s\n' "$@"; } >>"$T/store/store.yaml"
}
mkdir -p "$c/good" "$c/bad" "$c/needs" "$c/bin"
echo one >"$c/good/f"; echo harmless >"$c/bad/f"; ln -s ../bad/f "$c/needs/f"; printf '#!/bin/sh\n' >"$c/bin/tool"; chmod 755 "$c/bin/tool"
quick_station "$c"
mkdir "$T/m1"; expect 0 satchel-export pack "$T/m1"
quick_store
# The scanner: the tree is its last argument; nothing of what it sees for the first time may be visible already.
cat >"$T/scan" <<S
#!/bin/bash
[ "\$1" = "a word" ] && [ \$# -eq 2 ] && [ -e "\$2" ] && [ "\$2" = "\$SATCHEL_PATH" ] || { echo "arguments: \$*"; exit 9; }
echo "\$SATCHEL_EVENT \$SATCHEL_STORE_NAME \$SATCHEL_STREAM \$SATCHEL_ITEM \$SATCHEL_REVISION" >>"$T/scans"
[ -z "\$(find "\$2" -type f -perm /222)" ] || { echo "a file can be written"; exit 9; }
if grep -rq EVIL "$p/" 2>/dev/null; then echo visible >>"$T/visible"; fi
if [ -e "$T/broken" ]; then echo "no database"; exit 2; fi
if [ -e "$T/slow" ]; then sleep 30; fi
bad=\$(grep -rl EVIL "\$2"); [ -z "\$bad" ] || { echo "EVIL in \$bad"; exit 1; }
S
cat >"$T/tell" <<S
#!/bin/bash
{ env | grep -v '^_=\|^SHLVL=\|^PWD=' | LC_ALL=C sort; echo; } >>"$T/told"
echo "told \$1"
S
chmod +x "$T/scan" "$T/tell"
printf '%s\n' 'hooks: {scan: ["clamscan"]}' >>"$T/store/store.yaml"
expect_word 2 'absolute path' satchel-import status
sed -i '/^hooks:/d' "$T/store/store.yaml"
hooks "scan: [\"$T/scan\", \"a word\"]" "published: [\"$T/tell\", \"p; touch $T/shell\"]" "waiting: [\"$T/tell\", \"w\"]" "refused: [\"$T/tell\", \"r\"]" "seconds: 60"
expect 0 satchel-import apply "$T/m1"
same_tree "$c" "$p"
[ "$(cat "$T/scans")" = "scan store updates  " ] || fail "not one scan of all: $(cat "$T/scans")"
[ ! -e "$T/shell" ] || fail "a shell saw the arguments"
cat >"$T/expected" <<S
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
SATCHEL_ADDED=4
SATCHEL_CHANGED=0
SATCHEL_EVENT=published
SATCHEL_ITEMS=4
SATCHEL_LIST=1
SATCHEL_MISSING=0
SATCHEL_NEWEST=1
SATCHEL_REMOVED=0
SATCHEL_ROLLBACK=
SATCHEL_STORE=$T/store
SATCHEL_STORE_NAME=store
SATCHEL_STREAM=updates
SATCHEL_WAITING=0

S
cmp "$T/told" "$T/expected" || { diff "$T/told" "$T/expected" >&2; fail "the environment is another"; }
expect_word 0 'told p; touch' satchel-import log
good; [ ! -e "$T/store/stage/scan" ] || fail "the staged tree stays"

# a revision that is refused: the former one stays, what requires it too, the rest proceeds
echo EVIL >"$c/bad/f"; ln -s ../bad/f "$c/needs/more"; echo two >"$c/good/f"; echo tool2 >>"$c/bin/tool"
next m2
: >"$T/scans"; : >"$T/told"
expect_word 1 scan-refused satchel-import apply "$T/m2"
grep -q 'bad: revision 2: the scan hook refused it' "$T/err" || fail "the item is not named"
grep -q "EVIL in $T/store/stage/scan/tree/bad" "$T/err" || fail "what the hook says is not shown"
[ "$(cat "$p/bad/f")" = harmless ] && [ ! -e "$p/needs/more" ] && [ -e "$p/needs/f" ] || fail "what is held is published"
[ "$(cat "$p/good/f")" = two ] && grep -q tool2 "$p/bin/tool" || fail "the rest does not proceed"
grep -q 'bad  revision 2 is held' "$T/out" && grep -q 'needs  revision 2 waits for bad' "$T/out" || fail "what waits is not told"
[ "$(grep -c . "$T/scans")" -eq 5 ] || fail "not all, then one by one: $(cat "$T/scans")"
grep -q 'scan store updates bad 2' "$T/scans" || fail "item and revision are not given"
[ "$(grep -c SATCHEL_EVENT=refused "$T/told")" -eq 1 ] && grep -q SATCHEL_REASON=scan-refused "$T/told" && grep -q SATCHEL_ITEM=bad "$T/told" || fail "refused was not told"
grep -q SATCHEL_EVENT=waiting "$T/told" && grep -q SATCHEL_WAITING=2 "$T/told" || fail "waiting was not told"
good
# from then on it waits, and is not scanned again
: >"$T/scans"; : >"$T/told"
snapshot "$T/store" >"$T/before"
expect 4 satchel-import apply "$T/m2"
expect_word 4 'is held' satchel-import status
snapshot "$T/store" >"$T/after"; cmp "$T/before" "$T/after" || fail "a further run changed something"
[ ! -s "$T/scans" ] && [ ! -s "$T/told" ] || fail "scanned or told again"
# a hand that publishes it is found out
cp -a "$T/store" "$T/kept"
sed -i '/item: "good"/s/verdict: passed/verdict: refused/' "$T/store/streams/updates/scanned.yaml"
grep -q 'item: "good".*refused' "$T/store/streams/updates/scanned.yaml" || fail "no record of what passed"
expect_word 1 scan-refused satchel-verify store "$T/store" --trust "$trust"
chmod -R u+w "$T/store"; rm -rf "$T/store"; mv "$T/kept" "$T/store"

# scanned again: still refused; and passed
expect_word 1 scan-refused satchel-import rescan
expect_word 0 'nothing of that name is held' satchel-import rescan 'other*'
sed -i 's/EVIL in/X/; s/grep -rl EVIL/grep -rl NOTHING/; s/grep -rq EVIL/grep -rq NOTHING/' "$T/scan"
expect 0 satchel-import rescan 'b*'
same_tree "$c" "$p"; good
expect 0 satchel-import status
expect_word 0 'rescan' satchel-import log

# a hook that fails, takes too long, or isn't there: held, and asked again by the next run
for how in broken slow; do
  [ $how != slow ] || sed -i 's/^  seconds: .*/  seconds: 2/' "$T/store/store.yaml"
  echo "$how" >"$c/good/f"; next "m-$how"; touch "$T/$how"
  expect_word 1 scan-refused satchel-import apply "$T/m-$how"
  grep -q 'could not judge it' "$T/err" || fail "it is not told from a refusal"
  [ "$(cat "$p/good/f")" != "$how" ] || fail "published without a yes"
  good; rm "$T/$how"
  expect 0 satchel-import apply "$T/m-$how"
  [ "$(cat "$p/good/f")" = "$how" ] || fail "not asked again"
done
expect_word 0 timed_out satchel-import log
echo gone >"$c/good/f"; next m3; mv "$T/scan" "$T/away"
expect_word 1 scan-refused satchel-import apply "$T/m3"
[ "$(cat "$p/good/f")" = slow ] || fail "published without a hook"
hooks
expect 0 satchel-import apply "$T/m3" # the administrator takes the hook away: his decision
[ "$(cat "$p/good/f")" = gone ] || fail "held without a hook"
good

# refused bundles are told, and a hook that fails changes nothing
hooks "refused: [\"$T/tell\", \"r\"]" "published: [\"/nowhere\"]"
mv "$T/away" "$T/scan"
: >"$T/told"
cp -a "$T/m3" "$T/forged"; sed -i 's/updates/updatez/' "$T"/forged/satchel/*/manifest.yaml
expect 1 satchel-import apply "$T/forged"
grep -q "SATCHEL_BUNDLE=updates-" "$T/told" && grep -q "SATCHEL_MEDIUM=$T/forged" "$T/told" && grep -q SATCHEL_REASON=signature "$T/told" || fail "a refused bundle was not told"
echo last >"$c/good/f"; next m4
expect_word 0 'the published hook: /nowhere' satchel-import apply "$T/m4"
[ "$(cat "$p/good/f")" = last ] || fail "a failing hook changed something"

# a rollback shows the hook what comes back
hooks "scan: [\"$T/scan\", \"a word\"]"
: >"$T/scans"
expect 0 satchel-import rollback; good
grep -q '^scan store updates good' "$T/scans" || fail "what comes back was not scanned: $(cat "$T/scans")"
expect 0 satchel-import rollback --to-newest
[ ! -e "$T/visible" ] || fail "it was visible"

# killed while the hook looks at it, or after: old or new, and the next run completes
case "$SATCHEL_BIN" in *-asan) calls=;; *) calls="renameat linkat fsync unlinkat pidfd_open";; esac
command -v strace >/dev/null || skip "no strace here: an import with hooks that is killed"
echo kill >"$c/good/f"; echo more >"$c/bad/f"; next m5; cp -a "$T/store" "$T/base"
[ -n "$calls" ] || exit 0
count_calls satchel-import apply "$T/m5" || fail "apply under strace"
for call in $calls; do
  numbers=$(points $call 3) || fail "apply never calls $call: this test is blind"
  for n in $numbers; do
    chmod -R u+w "$T/store"; rm -rf "$T/store"; cp -a "$T/base" "$T/store"
    inject $call signal=KILL $n satchel-import apply "$T/m5" || continue
    expect 0 satchel-import apply "$T/m5"
    same_tree "$c" "$p"; good
    [ -z "$(ls -A "$T/store/stage" | grep -v '^pieces$')" ] || fail "stage after $call $n: $(ls "$T/store/stage")"
  done
done
enough 10
