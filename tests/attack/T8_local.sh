#!/bin/bash
# T8: the store's own trust damaged: said at every command, never set up anew, and right again when it is put back.
. "$(dirname "$0")/lib.sh"
word_of() { # what the last command gave as its reason
  sed -n 's/.*(\([a-z-]*\))$/\1/p' "$T/err" | tail -n 1
}
damage() { # expected exit and reason, what, shell command in the store's folder trust/
  local want=$1 what=$2 code seen held=held
  fresh
  cp -a "$T/s/trust" "$T/kept"
  (cd "$T/s/trust" && eval "$3")
  snapshot "$T/s" >"$T/before"
  for command in 'apply m' status 'receipt -' check 'rollback' prune; do
    [ "$command" != 'apply m' ] || command="apply $FIXTURE/g8"
    code=0
    # shellcheck disable=SC2086
    satchel-import -C "$T/s" $command >"$T/out" 2>"$T/err" || code=$?
    seen="$code $(word_of)"
    [ "$seen" = "$want" ] || break
  done
  snapshot "$T/s" | cmp -s - "$T/before" || held="the store was changed"
  [ "$held" = held ] || seen="$seen, $held"
  chmod o-w "$T/s"; rm -rf "$T/s/trust"; mv "$T/kept" "$T/s/trust"
  satchel-import -C "$T/s" apply "$FIXTURE/g8" >"$T/out" 2>"$T/err" || seen="$seen, and the good bundle does not enter afterwards"
  row T8 "$what" "$want" "$seen"
}
damage '2 trust-damaged' 'the pinned root deleted' 'rm trust-1.yaml'
damage '2 trust-damaged' 'everything deleted' 'rm *'
damage '2 trust-damaged' 'the folder deleted' 'cd .. && rm -r trust'
damage '2 trust-damaged' 'the pinned root truncated' 'truncate -s 100 trust-1.yaml'
damage '2 trust-damaged' 'the pinned root emptied' ': >trust-1.yaml'
damage '2 trust-damaged' 'one byte of the pinned root' 'sed -i s/site-a/site-b/ trust-1.yaml'
damage '2 trust-damaged' 'the newest root truncated' 'truncate -s 100 trust-3.yaml'
damage '2 trust-damaged' 'a root in the middle deleted' 'rm trust-2.yaml'
damage '2 trust-damaged' 'the newest root deleted, with its signatures' 'rm trust-3.yaml*'
damage '2 trust-damaged' 'signatures of the newest root deleted' 'rm trust-3.yaml.*.sig'
damage '2 trust-damaged' 'another root 4, unsigned' 'sed s/version:.3/version:\ 4/ trust-3.yaml >trust-4.yaml'
damage '2 trust-damaged' 'the newest root a link' 'mv trust-3.yaml x && ln -s x trust-3.yaml'
damage '2 unsafe' 'the store writable by others' 'chmod o+w ..'
damage '2 trust-damaged' 'the folder writable by others' 'chmod o+w .'
# A station keeps its own in the same way.
station() { # expected, what, command in trust/
  local want=$1 code=0
  rm -rf "$T/station"; mkdir -p "$T/c/a"; echo x >"$T/c/a/x"
  expect 0 satchel-export init "$T/station" --content "$T/c" --stream updates
  expect 0 satchel-export -C "$T/station" trust renew
  expect 0 satchel-export -C "$T/station" trust sign
  (cd "$T/station/trust" && eval "$3")
  satchel-export -C "$T/station" scan >"$T/out" 2>"$T/err" || code=$?
  row T8 "station: $2" "$want" "$code $(word_of)"
}
station '2 trust-damaged' 'the pinned root deleted' 'rm trust-1.yaml'
station '2 trust-damaged' 'one byte of the pinned root' 'sed -i s/updates/updated/ trust-1.yaml'
station '2 trust-damaged' 'the newest root truncated' 'truncate -s 100 trust-2.yaml'
station '2 trust-damaged' 'signatures of the newest root deleted' 'rm trust-2.yaml.*.sig'
station '2 unsafe' 'the station writable by others' 'chmod o+w ..'
end_attacks
