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
  for call in $calls; do
    killed=yes
    for n in 1 3 9 27; do
      [ $killed = yes ] || break
      fresh
      got=0
      strace -f -o /dev/null -e trace=$call -e inject=$call:signal=KILL:when=$n satchel-import -C "$T/store" apply "$T/m2" \
        >"$T/out" 2>"$T/err" || got=$?
      [ $got -ne 0 ] || killed=no
      [ $got -ne 0 ] || [ $n -gt 1 ] || fail "apply never called $call: this test is blind"
      check "$call $n"
    done
  done
fi
for n in $(seq 8); do
  fresh
  satchel-import -C "$T/store" apply "$T/m2" >"$T/out" 2>"$T/err" &
  pid=$!
  sleep "0.0$((RANDOM % 10))$((RANDOM % 10))"
  kill -9 $pid 2>/dev/null || true
  wait $pid 2>/dev/null || true
  check "a random time"
done
[ -z "$calls" ] || command -v strace >/dev/null || skip "no strace here: killed at random times only"
