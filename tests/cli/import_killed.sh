#!/bin/bash
# Killed at any point, an import leaves the published tree exactly old or exactly new; the same command again completes,
# and a third changes nothing. Kills at the Nth call of each kind of system call that changes something (strace), and at random times.
. "$(dirname "$0")/lib.sh"
c=$T/content
mkdir -p "$c/a/deep" "$c/b" "$c/gone"
for i in $(seq 40); do echo "one $i" >"$c/a/$i"; done
echo x >"$c/a/deep/x"; echo same >"$c/b/same"; echo gone >"$c/gone/file"; ln -s x "$c/a/deep/link"
printf '#!/bin/sh\n' >"$c/b/tool"; chmod 755 "$c/b/tool"
head -c 9000000 /dev/urandom >"$c/b/large"
quick_station "$c"
mkdir "$T/m1" "$T/m2"
expect 0 satchel-export pack "$T/m1"
quick_store base
expect 0 satchel-import -C "$T/base" apply "$T/m1"
cp -a "$c" "$T/old"
for i in $(seq 30); do echo "two $i" >"$c/a/$i"; done
rm -r "$c/gone" "$c/a/deep"; mkdir "$c/new"; echo new >"$c/new/file"; echo was-a-dir >"$c/a/deep"; chmod 644 "$c/b/tool"
head -c 9000000 /dev/urandom >"$c/b/large"
expect 0 satchel-export scan
expect 0 satchel-export approve --all --ring production
expect 0 satchel-export decline gone
expect 0 satchel-export sign
expect 0 satchel-export pack "$T/m2"
p=$T/store/published/updates/

check() { # what was done
  diff -r --no-dereference "$T/old" "$p" >/dev/null || same_tree "$c" "$p" || fail "neither old nor new after $1"
  expect 0 satchel-import -C "$T/store" apply "$T/m2"
  same_tree "$c" "$p"
  [ -z "$(ls -A "$T/store/stage" | grep -v '^pieces$' || true)" ] || fail "stage after $1: $(ls -A "$T/store/stage")"
  [ -z "$(find "$T/store" -name '.tmp-*')" ] || fail "temporaries after $1"
  snapshot "$T/store" >"$T/before"
  expect_word 0 'already imported' satchel-import -C "$T/store" apply "$T/m2"
  snapshot "$T/store" >"$T/after"
  cmp "$T/before" "$T/after" || fail "a third run changed something after $1"
  expect 0 satchel-verify store "$T/store" --trust "$T/station/trust/trust-1.yaml"
  expect 0 satchel-import -C "$T/store" log
}
fresh() { chmod -R u+w "$T/store" 2>/dev/null || true; rm -rf "$T/store"; cp -a "$T/base" "$T/store"; }

case "$SATCHEL_BIN" in *-asan) calls=;; *) calls="renameat linkat unlinkat fsync syncfs mkdirat write";; esac
if command -v strace >/dev/null; then
  fresh
  [ -z "$calls" ] || count_calls satchel-import -C "$T/store" apply "$T/m2" || fail "apply under strace"
  for call in $calls; do
    numbers=$(points $call 4) || fail "apply never calls $call: this test is blind"
    for n in $numbers; do
      fresh
      inject $call signal=KILL $n satchel-import -C "$T/store" apply "$T/m2" || continue
      check "$call $n"
    done
  done
  [ -z "$calls" ] || enough 16
fi
# within the time that a whole run takes, within half of it where one was over before, and so on
fresh
begin=${EPOCHREALTIME/[.,]}
expect 0 satchel-import -C "$T/store" apply "$T/m2"
within=$((${EPOCHREALTIME/[.,]} - begin)) killed=0
for _ in $(seq 8); do
  fresh
  satchel-import -C "$T/store" apply "$T/m2" >"$T/out" 2>"$T/err" &
  pid=$!
  at=$((RANDOM * within / 32768))
  sleep "$(printf '%d.%06d' $((at / 1000000)) $((at % 1000000)))"
  kill -9 $pid 2>/dev/null || true
  got=0; wait $pid 2>/dev/null || got=$?
  if [ $got -eq 137 ]; then killed=$((killed + 1)); else within=$((within / 2)); fi
  check "a random time"
done
[ $killed -ge 3 ] || fail "$killed of 8 were killed at a random time: this test is blind"
# Until a run has finished what was cut off, status does not call the store healthy: the new list is here, and not in effect.
fresh
export SATCHEL_STORE=$T/store
expect_word 0 healthy satchel-import status
cat >"$T/killer" <<S
#!/bin/sh
"$SATCHEL_BIN/satchel-import" -C "\$SATCHEL_STORE" status >"$T/during" 2>&1 || echo "exit \$?" >>"$T/during"
kill -KILL \$PPID
S
chmod 755 "$T/killer"
echo "hooks: {scan: [\"$T/killer\"]}" >>"$T/store/store.yaml"
got=0; satchel-import apply "$T/m2" >"$T/out" 2>"$T/err" || got=$?
[ $got -eq 137 ] && [ -d "$T/store/streams/updates/lists/1-2" ] && same_tree "$T/old" "$p" || fail "exit $got: it was not killed after the list came"
grep -q 'exit 4' "$T/during" && grep -q 'a run has not ended' "$T/during" || { cat "$T/during"; fail "status while a run is at work"; }
expect_word 4 'a run has not ended' satchel-import status
grep -q 'waiting; site' "$T/out" || fail "the verdict of a store whose run was cut off"
expect 4 satchel-import status --json
grep -q '"unfinished":true.*"problems":\[{"reason":"waiting","message":"a run has not ended' "$T/out" || fail "status as JSON"
sed -i '/^hooks:/d' "$T/store/store.yaml"
expect 0 satchel-import check
same_tree "$c" "$p"
expect_word 0 healthy satchel-import status
# What was received long before a run that was cut off is not torn by it: where it is damaged, receipts ask for it; where it can't be
# read, it stays.
cut_off() { fresh; touch "$T/store/stage/apply"; touch -d '2 days' "$T/store/stage/receiving"; }
later="env LD_PRELOAD=$SATCHEL_BIN/tests/tools/shim.so ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0 SHIM_CLOCK=259200"
[ -e "$SATCHEL_BIN/tests/tools/shim.so" ] || fail "no $SATCHEL_BIN/tests/tools/shim.so: make tools"
list=$(sed -n 's/.*item: "a".*contents: \([0-9a-f]*\).*/\1/p' "$T/base/streams/updates/a/state.yaml" | head -n 1)
object=$T/store/objects/${list:0:2}/$list
[ -f "$T/base/objects/${list:0:2}/$list" ] || fail "this test does not find a contents list"
cut_off
flip "$object"
expect 0 $later satchel-import receipt -
grep -q "$list" "$T/out" && [ ! -e "$object" ] && [ -e "$object.lost" ] || fail "a damaged object of a former run is not asked for"
expect 0 satchel-import apply "$T/m1"
expect 0 satchel-import check
same_tree "$T/old" "$p"
[ -z "$calls" ] || command -v strace >/dev/null || skip "no strace here: killed at random times only"
[ -n "$calls" ] || exit 0
cut_off
expect_word 0 "1 object can't be read" strace -f -qq -o "$T/inject" -P "$object" -e trace=read -e inject=read:error=EIO:when=1 $later satchel-import receipt -
[ -e "$object" ] && [ ! -e "$object.lost" ] || fail "an object of a former run is gone, since it could not be read once"
