#!/bin/bash
# Line coverage of what judges foreign bytes, from the tests and the fuzzers' corpora: runs them on a build with counters, then
# gcovr's report of every file (BUILD/coverage.html), and the figures of the groups that must be above 95 %. A test that fails
# is named and doesn't end it: the counts are what is asked for here, `make check` is for the rest.
#
#   tests/coverage/coverage.sh BUILD [pattern...]      patterns as for tests/run
set -u
cd "$(dirname "$0")/../.." || exit 2
build=$1
shift
command -v gcovr >/dev/null || { echo "coverage: gcovr is not installed (make deps)" >&2; exit 2; }
[ $# -gt 0 ] || set -- unit/ cli/ attack/ golden/ fault/ fuzz/ e2e/
find "$build" -name '*.gcda' -delete
tests/run --bin "$build" "$@" | grep -E '^FAIL|passed'
report() { gcovr --root . --add-tracefile "$build/coverage.json" "$@"; }
gcovr --root . --object-directory "$build" --filter '(lib|manifests|verify|import|export)/' --json "$build/coverage.json" "$build" || exit 2
report --html-details "$build/coverage.html" --txt "$build/coverage.txt" || exit 2
code=0
group() { # what filter
  report --filter "$2" --txt /dev/null --print-summary | sed -n "s,^lines: ,$1: ,p"
  report --filter "$2" --txt /dev/null --fail-under-line 95 >/dev/null 2>&1 || { echo "$1: below 95 %"; code=1; }
}
group verify 'verify/'
group import 'import/'
group parsers 'manifests/|lib/(yaml|json|num|text|path|base64|pubkey)\.c'
exit $code
