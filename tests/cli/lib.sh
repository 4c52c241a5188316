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
# flip FILE [OFFSET]: another value for one byte (twice: the same again), else for the middle one; modes stay. A fixed byte written
# over content by chance would change nothing once in 256 runs.
flip() {
  local at=${2:-$(($(stat -c %s "$1") / 2))} mode old
  mode=$(stat -c %a "$1")
  old=$(od -An -tu1 -j "$at" -N 1 "$1")
  chmod u+w "$1"
  printf "$(printf '\\x%02x' $((old ^ 1)))" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
  chmod "$mode" "$1"
}
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

# Faults, by strace: a command is killed at one of its calls, or the call fails. strace counts the calls of each thread and child by
# itself, so that the Nth is met only where one of them makes as many: what counts is what strace says that it did.
#
#   count_calls COMMAND...         into $T/calls, for each call, the most of it that one thread makes; the command's exit code
#   points CALL POINTS             numbers of it, spread from the first to the last (POINTS 0: all); false where it is never made
#   inject CALL HOW N COMMAND...   HOW (signal=KILL, error=EIO) at the Nth; exit code in $got; false where none was met
#   enough MIN                     fails unless as many were met, and nearly all that were tried
tried=0 injected=0
count_calls() {
  local code=0
  strace -f -qq -o "$T/trace" "$@" >"$T/out" 2>"$T/err" || code=$?
  awk '$2 ~ /^[a-z0-9_]+\(/ { sub(/\(.*/, "", $2); if (++n[$1, $2] > most[$2]) most[$2] = n[$1, $2] }
    END { for (call in most) print call, most[call] }' "$T/trace" >"$T/calls"
  return $code
}
points() {
  awk -v call="$1" -v points="$2" '$1 == call {
      if (points == 0 || points > $2) points = $2
      for (i = 0; i < points; i++) print 1 + (points > 1 ? int(i * ($2 - 1) / (points - 1)) : 0)
    }' "$T/calls" | grep .
}
inject() {
  local call=$1 how=$2 n=$3 met='(INJECTED)'
  shift 3
  [ "$how" != signal=KILL ] || met='killed by SIGKILL'
  got=0 tried=$((tried + 1))
  strace -f -qq -o "$T/inject" -e trace="$call" -e inject="$call:$how:when=$n" "$@" >"$T/out" 2>"$T/err" || got=$?
  grep -qF "$met" "$T/inject" || return 1
  injected=$((injected + 1))
}
enough() {
  [ "$injected" -ge "$1" ] && [ $((tried - injected)) -le $((tried / 10)) ] || fail "$injected of $tried faults were met: this test is blind"
  echo "$injected of $tried faults were met"
}
