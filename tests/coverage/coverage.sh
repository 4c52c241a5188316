#!/bin/bash
# Line coverage of what judges foreign bytes, from the tests, the fuzzers' corpora and a fault on every
# way (tests/fault/once.sh): runs them on a build with counters, then
# gcovr's report of every file (BUILD/coverage.html), and the figures of the groups that must be above 95 %. A test that fails
# is named and doesn't end it: the counts are what is asked for here, `make check` is for the rest.
#
#   tests/coverage/coverage.sh BUILD [pattern...]      patterns as for tests/run
set -u
cd "$(dirname "$0")/../.." || exit 2
build=$1
shift
command -v gcovr >/dev/null || { echo "coverage: gcovr is not installed: apt-get install gcovr, or dnf install gcovr" >&2; exit 2; }
[ $# -gt 0 ] || set -- unit/ cli/ attack/ golden/ fault/import fuzz/
find "$build" -name '*.gcda' -delete
tests/run --bin "$build" "$@" | grep -E '^FAIL|passed'
report() { gcovr --root . --add-tracefile "$build/coverage.json" "$@"; }
ONCE_SHARE=${ONCE_SHARE:-0/1} tests/run --bin "$build" fault/once | grep -E '^FAIL|passed'
gcovr --root . --object-directory "$build" --filter '(lib|manifests|verify|import|export)/' --json "$build/coverage.json" "$build" || exit 2
report --html-details "$build/coverage.html" --txt "$build/coverage.txt" || exit 2
code=0
# gcovr removes the file it is told to write to before it writes: never name a device.
group() { # what filter
  report --filter "$2" --txt "$build/group.txt" --print-summary | sed -n "s,^lines: ,$1: ,p"
  report --filter "$2" --txt "$build/group.txt" --fail-under-line 95 >/dev/null 2>&1 || { echo "$1: below 95 %"; code=1; }
}
group verify 'verify/'
group import 'import/'
group parsers 'manifests/|lib/(yaml|json|num|text|path|base64|pubkey)\.c'
exit $code
