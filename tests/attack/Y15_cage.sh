#!/bin/bash
# Y15: whether the reader process is caged is never a secret: on a kernel with Landlock and seccomp it is, and journal, receipt
# and reports say so; without one of them (tests/tools/forbid takes the calls away) they say that, and --require-sandbox or
# the store's policy reads nothing. The reader that works is looked at from outside as well.
. "$(dirname "$0")/lib.sh"
forbid=$SATCHEL_BIN/tests/tools/forbid
[ -x "$forbid" ] || skip "tests/tools are not built (make tools)"
abi=$("$forbid")
if [ "$abi" -ge 1 ]; then is="landlock ABI $abi + seccomp" kind=whole; else is="seccomp only: landlock: " kind=part; fi
said() { grep -o '"sandbox":"[^"]*"' "$T/s/journal.jsonl" | tail -n 1 | cut -d '"' -f 4 | sed 's/ (sanitizers.*//' | cut -c "1-${#1}"; }
start_of() { sed 's/ (sanitizers.*//' | cut -c "1-${#1}"; }

fresh
code=0
satchel-import -C "$T/s" apply "$FIXTURE/g8" >"$T/out" 2>"$T/err" || code=$?
row Y15 'caged as this kernel can: journal' "0 $is" "$code $(said "$is")"
row Y15 'said at once where it is not whole' "$([ $kind = whole ] && echo 0 || echo 1)" "$(grep -c 'not fully caged' "$T/err" || true)"
satchel-import -C "$T/s" receipt - >"$T/receipt" 2>"$T/err" || fail "receipt"
row Y15 'caged as this kernel can: receipt' "$is" "$(sed -n 's/^sandbox: "\(.*\)"$/\1/p' "$T/receipt" | start_of "$is")"
satchel-verify bundle "$FIXTURE/g8" --trust "$FIXTURE/trust-1.yaml" >"$T/out" 2>&1 || fail "verify"
row Y15 'caged as this kernel can: verify' "$is" "$(sed -n 's/.*read under //p' "$T/out" | start_of "$is")"
fresh
code=0
satchel-import -C "$T/s" apply --require-sandbox "$FIXTURE/g8" >"$T/out" 2>"$T/err" || code=$?
row Y15 'required, and there' "$([ $kind = whole ] && echo 0 || echo 3)" $code

without() { # calls, what the journal says
  local code=0
  fresh
  "$forbid" "$1" satchel-import -C "$T/s" apply "$FIXTURE/g8" >"$T/out" 2>"$T/err" || code=$?
  row Y15 "without $1: taken, and said" "0 $2 1" "$code $(said "$2") $(grep -c 'not fully caged' "$T/err")"
  satchel-import -C "$T/s" receipt - >"$T/receipt" 2>"$T/err" || fail "receipt"
  row Y15 "without $1: in the receipt" "$2" "$(sed -n 's/^sandbox: "\(.*\)"$/\1/p' "$T/receipt" | start_of "$2")"
  fresh
  snapshot "$T/s" >"$T/before"
  code=0
  "$forbid" "$1" satchel-import -C "$T/s" apply --require-sandbox "$FIXTURE/g8" >"$T/out" 2>"$T/err" || code=$?
  row Y15 "without $1: --require-sandbox" '3 sandbox' "$code $(grep -o '(sandbox)' "$T/err" | tr -d '()')"
  snapshot "$T/s" | cmp -s - "$T/before" || fail "the store changed"
  code=0
  "$forbid" "$1" satchel-verify bundle "$FIXTURE/g8" --trust "$FIXTURE/trust-1.yaml" --require-sandbox >"$T/out" 2>&1 || code=$?
  row Y15 "without $1: verify --require-sandbox" '3 sandbox' "$code $(grep -o '(sandbox)' "$T/out" | tr -d '()')"
  printf 'policy:\n  require_sandbox: true\n' >>"$T/s/store.yaml"
  code=0
  "$forbid" "$1" satchel-import -C "$T/s" apply "$FIXTURE/g8" >"$T/out" 2>"$T/err" || code=$?
  row Y15 "without $1: the store's policy" '3 sandbox' "$code $(grep -o '(sandbox)' "$T/err" | tr -d '()')"
}
without landlock_create_ruleset 'seccomp only: landlock: Function not implemented'
without landlock_create_ruleset=95 'seccomp only: landlock: Operation not supported'
[ $kind = part ] || without landlock_restrict_self=1 'seccomp only: landlock: '
[ $kind = part ] || without seccomp=22 "landlock ABI $abi only: seccomp: "
without landlock_create_ruleset,seccomp=22 'none: landlock: Function not implemented; seccomp: '

# From outside: a reader in the middle of its work, held up by a medium that does not answer.
badfs=$SATCHEL_BIN/tests/tools/badfs
if [ -e /dev/fuse ] && [ "$(id -u)" -eq 0 ] && [ -x "$badfs" ]; then
  fresh
  mkdir "$T/bad"
  at_exit 'umount -l "$T/bad" 2>/dev/null'
  "$badfs" "$FIXTURE/g8" "$T/bad" "$T/bad.log" hang=read:12 2>"$T/bad.err" &
  fs=$!
  at_exit "kill -9 $fs 2>/dev/null"
  for _ in $(seq 500); do grep -q " $(realpath "$T")/bad " /proc/self/mountinfo && break; sleep 0.02; done
  satchel-import -C "$T/s" apply --medium-timeout 60 "$T/bad" >"$T/out" 2>"$T/err" &
  main=$!
  reader=
  for _ in $(seq 500); do
    for pid in $(pgrep -P $main || true); do readlink /proc/"$pid"/fd/* 2>/dev/null | grep -q "^$(realpath "$T")/bad/satchel" && reader=$pid; done
    [ -z "$reader" ] || break
    sleep 0.02
  done
  [ -n "$reader" ] || fail "no reader at work is found"
  row Y15 'a reader at work: seccomp' 2 "$(awk '$1 == "Seccomp:" {print $2}' "/proc/$reader/status")"
  row Y15 'a reader at work: no new privileges' 1 "$(awk '$1 == "NoNewPrivs:" {print $2}' "/proc/$reader/status")"
  row Y15 'a reader at work: only pipes, the medium and /dev/null are open' '' \
    "$(readlink /proc/"$reader"/fd/* | grep -vE "^(pipe:|/dev/null$|$(realpath "$T")/bad(/|$))" | tr '\n' ' ')"
  kill -9 $fs
  wait $main || true
  end_attacks
else
  end_attacks
  skip "no /dev/fuse here, or not root: a reader at work is not looked at from outside"
fi
