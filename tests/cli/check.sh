#!/bin/bash
# Damage at rest: check finds it, names what it is, takes it out of both trees, keeps what is whole; the next bundle that
# carries it heals it; verify is content afterwards. Objects, executables, variants, contents lists; killed at every step.
. "$(dirname "$0")/lib.sh"
c=$T/content
export SATCHEL_STORE=$T/store
trust=$T/station/trust/trust-1.yaml
p=$T/store/published/updates
mkdir -p "$c/a/deep" "$c/b" "$c/many"
echo one >"$c/a/one"; echo two >"$c/a/deep/two"; echo same >"$c/a/same"; echo same >"$c/b/same"
printf '#!/bin/sh\necho tool\n' >"$c/b/tool"; chmod 755 "$c/b/tool"; cp "$c/b/tool" "$c/b/tool.txt"; chmod 644 "$c/b/tool.txt"
for i in $(seq 1200); do echo $((i % 5)) >"$c/many/$i"; done # a contents list in parts
head -c 9000000 /dev/urandom >"$c/b/large"
quick_station "$c"
mkdir "$T/m1"; expect 0 satchel-export pack "$T/m1"
quick_store
expect 0 satchel-import apply "$T/m1"
hex() { sha256sum <"$1" | cut -d' ' -f1; }
object() { echo "$T/store/objects/${1:0:2}/$1${2:-}"; }
good() { expect 0 satchel-verify store "$T/store" --trust "$trust"; same_tree "$c" "$p"; }
good
expect_word 0 ': 0 damaged' satchel-import check
grep -q 'files of objects' "$T/out" || fail "no summary"
expect_word 0 checked satchel-import log
files=0
for n in 1 2 3; do expect 0 satchel-import check --sample $n/3 --json; files=$((files + $(sed 's/.*"files":\([0-9]*\).*/\1/' "$T/out"))); done
expect 0 satchel-import check --json
[ $files -eq "$(sed 's/.*"files":\([0-9]*\).*/\1/' "$T/out")" ] || fail "samples are not all: $files"
expect_word 2 usage satchel-import check --sample 4/3
cp -a "$T/store" "$T/base"

# an object of three names in two trees
same=$(hex "$c/a/same"); flip "$(object "$same")"
expect_word 3 object-digest satchel-import check
grep -q "objects/${same:0:2}/$same: .*set aside; [ab]: [ab]/same" "$T/err" || fail "the path is not named"
expect 4 satchel-import status	# names are gone from the published tree: that is not healthy
grep -q '^waiting: 1 object set aside as damaged' "$T/out" && grep -q "^  damaged $same" "$T/out" && grep -q '  waiting; ' "$T/out" ||
  fail "status does not say what was set aside"
expect 4 satchel-import status --json
grep -q "\"damaged\":1,\"objects_damaged\":\[\"$same\"\]" "$T/out" || fail "nor as JSON"
[ -e "$(object "$same" .lost)" ] && [ ! -e "$(object "$same")" ] || fail "not set aside"
for tree in a b; do
  [ ! -e "$T/store/streams/updates/$tree/tree/a/same" ] && [ ! -e "$T/store/streams/updates/$tree/tree/b/same" ] || fail "damaged bytes are served in $tree"
  [ -e "$T/store/streams/updates/$tree/tree/a/one" ] || fail "what is whole is gone"
done
expect 1 satchel-verify store "$T/store" --trust "$trust"
expect_word 3 'not healed yet' satchel-import check
expect_word 0 'event":"damaged"' satchel-import log --json
expect 0 satchel-import receipt -; grep -q "$same" "$T/out" || fail "the receipt does not ask for it"
expect 0 satchel-import apply "$T/m1"
good
[ ! -e "$(object "$same" .lost)" ] || fail "the mark stays"
expect_word 0 healed satchel-import log
expect 0 satchel-import status
expect 0 satchel-import check
expect_word 0 'already imported' satchel-import apply "$T/m1"

# a damaged variant is made anew from its whole object, and a damaged object from a whole variant that a tree has
tool=$(hex "$c/b/tool"); flip "$(object "$tool" .x)"
expect_word 3 'made anew' satchel-import check
good; expect 0 satchel-import check
flip "$(object "$tool")"
expect_word 3 'taken from a published file that has them' satchel-import check
good; expect 0 satchel-import check
flip "$(object "$tool")"; flip "$(object "$tool" .x)"
expect 3 satchel-import check
[ ! -e "$p/b/tool" ] && [ ! -e "$p/b/tool.txt" ] || fail "damaged bytes are served"
expect 0 satchel-import apply "$T/m1"
good; expect 0 satchel-import check

# contents lists, parts, a large object, all at once, cut short and empty
list=$(sed -n 's/.*item: "b".*contents: \([0-9a-f]*\).*/\1/p' "$T/store/streams/updates/a/state.yaml" | head -n 1)
[ -n "$list" ] || list=$(sed -n 's/.*item: "b".*contents: {sha256: \([0-9a-f]*\).*/\1/p' "$T/store/streams/updates/a/state.yaml")
flip "$(object "$list")"
expect 3 satchel-import check
expect 0 satchel-import apply "$T/m1"; good
flip "$(object "$list")"; flip "$(object "$same")"
expect 3 satchel-import check
expect 0 satchel-import apply "$T/m1"; good
for part in $(grep -l 'satchel: contents' -r "$T/store/objects"); do flip "$part"; done
truncate -s 1000000 "$(object "$(hex "$c/b/large")")"; : >"$(object "$(hex "$c/a/one")")"
expect 3 satchel-import check
expect 0 satchel-import apply "$T/m1"
good; expect 0 satchel-import check

# only what was lost comes again
flip "$(object "$same")"; expect 3 satchel-import check
expect_word 0 '1 object' satchel-import apply "$T/m1"
good

# killed anywhere, the same commands complete
case "$SATCHEL_BIN" in *-asan) calls=;; *) calls="unlinkat fsync renameat write";; esac
command -v strace >/dev/null || skip "no strace here: a check that is killed"
[ -n "$calls" ] || exit 0
fresh() { chmod -R u+w "$T/store"; rm -rf "$T/store"; cp -a "$T/base" "$T/store"; }
fresh
flip "$(object "$same")"; flip "$(object "$tool" .x)"
rm -rf "$T/base"; cp -a "$T/store" "$T/base"
count_calls satchel-import check && fail "damage was not found"
for call in $calls; do
  numbers=$(points $call 4) || fail "check never calls $call: this test is blind"
  for n in $numbers; do
    fresh
    inject $call signal=KILL $n satchel-import check || continue
    expect 3 satchel-import check
    [ ! -e "$p/a/same" ] || fail "damaged bytes are served after $call $n"
    expect 0 satchel-import apply "$T/m1"
    good; expect 0 satchel-import check
    [ -z "$(find "$T/store/objects" -name '*.lost')" ] || fail "a mark stays after $call $n"
  done
done
fresh
expect 3 satchel-import check
rm -rf "$T/base"; cp -a "$T/store" "$T/base"
count_calls satchel-import apply "$T/m1" || fail "apply under strace"
for call in $calls; do
  numbers=$(points $call 4) || fail "apply never calls $call: this test is blind"
  for n in $numbers; do
    fresh
    inject $call signal=KILL $n satchel-import apply "$T/m1" || continue
    [ ! -e "$p/a/same" ] || cmp "$c/a/same" "$p/a/same" || fail "damaged bytes are served after $call $n"
    expect 0 satchel-import apply "$T/m1"
    good; expect 0 satchel-import check
    [ -z "$(find "$T/store/objects" -name '*.lost')" ] || fail "a mark stays after $call $n"
  done
done
enough 24
