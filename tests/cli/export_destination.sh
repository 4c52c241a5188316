#!/bin/bash
# destination, status, wrong uses, and the output for programs.
. "$(dirname "$0")/lib.sh"
cd "$T"
mkdir -p c/a medium
echo a >c/a/f
expect 0 satchel-export init s --content c --stream updates --ring pilot --ring production
export SATCHEL_STATION=$T/s
openssl genpkey -algorithm ed25519 -out store.key 2>/dev/null
openssl pkey -in store.key -pubout -out receipt.pub
openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out rsa.key 2>/dev/null
openssl pkey -in rsa.key -pubout -out rsa.pub
sed -i '1a # kept by hand' s/station.yaml
cp s/station.yaml before.yaml
expect 2 satchel-export destination add
expect 2 satchel-export destination add per-a
expect 2 satchel-export destination add per-a --ring nosuch
expect 2 satchel-export destination add 'Per A' --ring pilot
expect 2 satchel-export destination add per-a --ring pilot --key nosuch.pub
expect 1 satchel-export destination add per-a --ring pilot --key rsa.pub
expect 1 satchel-export destination add per-a --ring pilot --key store.key
expect_word 1 key satchel-export destination add per-a --ring pilot --key s/keys/root.pub
expect 2 satchel-export destination remove per-a
cmp before.yaml s/station.yaml || fail "a refusal changed station.yaml"
expect 0 satchel-export destination add per-a --ring pilot,production --key receipt.pub
expect 0 satchel-export destination add per-b --ring pilot
public=$(openssl pkey -pubin -in receipt.pub -outform DER | base64 -w0)
grep -qxF "  - {name: \"per-a\", rings: [\"pilot\", \"production\"], key: \"$public\"}" s/station.yaml || fail "destination in station.yaml"
grep -qx '# kept by hand' s/station.yaml || fail "a comment was lost"
expect 0 satchel-export destination list --json
python3 - "$T/out" "$public" <<'P' || fail "list --json"
import json, sys
o = [json.loads(l) for l in open(sys.argv[1])]
assert [x["destination"] for x in o] == ["per-a", "per-b"] and o[0]["receipt_key"] == sys.argv[2] and o[1]["rings"] == ["pilot"]
P
expect 0 satchel-export destination list per-b
[ "$(cat "$T/out")" = 'per-b: rings pilot, no receipt key' ] || fail "one alone: $(cat "$T/out")"
expect_word 2 'no destination is named "per-c"' satchel-export destination list per-c
expect 2 satchel-export destination list per-a per-b
# again: what is given changes, the rest stays
expect 0 satchel-export destination add per-a --ring production
grep -qF "{name: \"per-a\", rings: [\"production\"], key: \"$public\"}" s/station.yaml || fail "the key was forgotten"
expect 0 satchel-export destination remove per-b
expect 0 satchel-export destination remove per-a
cmp before.yaml s/station.yaml || fail "station.yaml is not what it was"
[ "$(grep -c '"event":"destination-' s/ledger.jsonl)" -eq 5 ] || fail "ledger"

# killed anywhere: what a former store of that name told is never there beside the new one, and the same again ends it
killed() { # OPTION...: of 'destination'
  local call n got
  for call in unlinkat renameat,renameat2,rename; do
    for ((n = 1; n < 20; n++)); do
      cp before.yaml s/station.yaml
      [ "$1" = add ] || expect 0 satchel-export destination add per-a --ring pilot
      cp s/station.yaml former.yaml
      touch s/receipts/per-a-00000001.yaml "s/receipts/per-a-00000001.yaml.$(printf %032d 0).sig" s/receipts/per-a.acknowledged
      got=0
      ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e trace=$call -e inject=$call:signal=KILL:when=$n satchel-export destination "$@" >"$T/out" 2>"$T/err" || got=$?
      cmp -s former.yaml s/station.yaml || [ -z "$(ls s/receipts)" ] || fail "killed at $call $n, destination $1: $(ls s/receipts) outlive it"
      [ $got -ne 0 ] || break
      expect 0 satchel-export destination "$@"
      [ -z "$(ls s/receipts)" ] || fail "destination $1 again leaves $(ls s/receipts)"
    done
    [ $got -eq 0 ] && [ $n -gt 1 ] || fail "never killed at $call: this test is blind"
  done
  cp before.yaml s/station.yaml
}
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
  cp s/ledger.jsonl ledger
  killed add per-a --ring pilot
  killed add per-a --ring pilot --key receipt.pub
  killed remove per-a
  cp ledger s/ledger.jsonl
fi

# status: what waits, and when all is done
expect 0 satchel-export status
expect 0 satchel-export scan
expect 4 satchel-export status
grep -q '^waiting: 1 item waits for a decision' "$T/out" || fail "a decision"
expect 0 satchel-export approve a --ring pilot
expect 4 satchel-export status
grep -q 'not in a list yet' "$T/out" || fail "a freeze"
expect 0 satchel-export sign
expect 0 satchel-export status
expect 0 satchel-export pack medium
expect 0 satchel-export status --json
python3 - "$T/out" <<'P' || fail "status --json"
import json, sys
o = json.loads(open(sys.argv[1]).read())
assert o["status"] == "healthy" and o["list"] == 1 and o["pending"] == 0 and o["bundle"] == "updates-00000001" and o["problems"] == []
P
# every command's --json is one object in a line
for command in scan list 'trust show' status log 'approve a --ring production' 'decline a --ring production' 'revoke a' sign renew 'list --state revoked'; do
  # shellcheck disable=SC2086
  satchel-export $command --json >"$T/out" 2>"$T/err" || true
  [ -s "$T/out" ] && python3 -c 'import json,sys; [json.loads(l) for l in sys.stdin]' <"$T/out" || fail "$command --json"
done

# -C before and after the command; busy; a damaged ledger
unset SATCHEL_STATION
expect 2 satchel-export list
expect 2 satchel-export -C '' list
expect 0 satchel-export -C s list
expect 0 satchel-export list -C s
expect 2 satchel-export -C c list
exec 9>>s/lock
flock 9
expect_word 3 busy satchel-export -C s scan
expect 0 satchel-export -C s list
exec 9>&-
cp s/ledger.jsonl ledger
printf '{"n":' >>s/ledger.jsonl
expect 0 satchel-export -C s approve a --ring pilot --note x
grep -q 'cut off' "$T/err" || fail "an interrupted line of the ledger is not said"
rm s/ledger.jsonl
expect_word 1 station-damaged satchel-export -C s scan
