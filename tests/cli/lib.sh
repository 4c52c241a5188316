# Sourced by the test scripts: programs, a folder that goes away, asserts. Not executable: the runner passes it over.
#
#   . "$(dirname "$0")/../cli/lib.sh"
#   expect 0 satchel-export scan          # exit code; stdout in $T/out, stderr in $T/err
#   grep -q word "$T/err" || fail "text"
set -eu
: "${SATCHEL_BIN:=$(cd "$(dirname "$0")/../.." && pwd)/build}"
PATH=$SATCHEL_BIN:$PATH
unset SATCHEL_STATION SATCHEL_STORE SOURCE_DATE_EPOCH
T=$(mktemp -d "${TMPDIR:-/tmp}/satchel-test.XXXXXX")
cleanups=()
cleanup() { # runs the commands registered with at_exit, last first, then removes $T
  local code=$? i
  for ((i = ${#cleanups[@]} - 1; i >= 0; i--)); do eval "${cleanups[i]}" || true; done
  chmod -R u+rwX "$T" 2>/dev/null || true
  rm -rf "$T"
  exit $code
}
trap cleanup EXIT
trap 'exit 143' INT TERM
at_exit() { cleanups+=("$1"); }
fail() { echo "FAILED: $*" >&2; [ -s "$T/err" ] && { echo "--- stderr of the last command:" >&2; tail -n 20 "$T/err" >&2; }; exit 1; }
skip() { echo "$*"; exit 77; }
expect() { # code command...
  local want=$1 got=0
  shift
  "$@" >"$T/out" 2>"$T/err" || got=$?
  [ "$got" -eq "$want" ] || { echo "--- stdout:" >&2; tail -n 20 "$T/out" >&2; fail "exit $got instead of $want: $*"; }
}
# expect_word CODE WORD command...: the exit code, and the reason word on stderr or stdout
expect_word() {
  local code=$1 word=$2
  shift 2
  expect "$code" "$@"
  grep -qF -- "$word" "$T/err" "$T/out" || { echo "--- stdout:" >&2; tail -n 20 "$T/out" >&2; fail "no '$word' from: $*"; }
}
# snapshot DIR: every path with type, mode, size, link target and digest, for comparing before and after
snapshot() {
  (cd "$1" && find . -printf '%p %y %m %l\n' | LC_ALL=C sort && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum)
}
same_tree() { diff -r --no-dereference "$1/" "$2/" >"$T/diff" || { head -n 20 "$T/diff" >&2; fail "$1 and $2 differ"; }; }
# quick_station CONTENT: station in $T/station (one ring), everything approved and signed
quick_station() {
  expect 0 satchel-export init "$T/station" --content "$1" --stream updates --ring production
  export SATCHEL_STATION=$T/station
  expect 0 satchel-export scan
  expect 0 satchel-export approve --all --ring production
  expect 0 satchel-export sign
}
quick_store() { # [name]
  expect 0 satchel-import init "$T/${1:-store}" --name "${1:-store}" --trust "$T/station/trust/trust-1.yaml" \
    --stream updates --ring production
}
