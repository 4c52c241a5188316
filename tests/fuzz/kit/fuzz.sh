#!/bin/bash
# Fuzzes: every target of tests/fuzz for so many seconds, one after the other, or the ones named. Starts from the corpus in
# the tree and what it found before (BUILD/found/NAME); stops at the first input that breaks a target, which becomes
# tests/fuzz/regressions/NAME/ID and is replayed by `make check` from then on.
#
#   tests/fuzz/kit/fuzz.sh BUILD SECONDS [NAME...]       FUZZ_ARGS: further arguments for libFuzzer
set -u
cd "$(dirname "$0")/../../.." || exit 2
build=$1 seconds=$2
shift 2
make --no-print-directory -j"$(nproc)" CC="${FUZZ_CC:-clang}" BUILD="$build" SANITIZE=fuzzer-no-link,address FUZZING=1 WERROR=1 replays || exit 2
if [ $# -eq 0 ]; then
  for source in tests/fuzz/*.c; do set -- "$@" "$(basename "$source" .c)"; done
fi
export UBSAN_OPTIONS=print_stacktrace=1 ASAN_OPTIONS=detect_leaks=1
code=0
for name in "$@"; do
  dict=(-dict=tests/fuzz/documents.dictionary) seeds=()
  mkdir -p "$build/found/$name" "tests/fuzz/regressions/$name"
  case $name in frame|tar|wire|signature) dict=();; esac
  for d in "tests/fuzz/corpus/$name" "tests/fuzz/regressions/$name"; do [ ! -d "$d" ] || seeds+=("$d"); done
  echo "== $name"
  # shellcheck disable=SC2086
  "$build/tests/fuzz/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=512 -print_final_stats=1 -max_len=65536 \
    -artifact_prefix="tests/fuzz/regressions/$name/" ${FUZZ_ARGS:-} "${dict[@]}" "$build/found/$name" "${seeds[@]}" \
    >"$build/found/$name.log" 2>&1
  got=$?
  grep -aE 'cov:|^stat::' "$build/found/$name.log" | tail -n 6 | sed 's/^/   /'
  [ "$got" -eq 0 ] || { tail -n 60 "$build/found/$name.log"; echo "== $name: BROKEN (exit $got)"; code=1; }
  rmdir "tests/fuzz/regressions/$name" 2>/dev/null
done
exit $code
