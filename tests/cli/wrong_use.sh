#!/bin/bash
# Every wrong use gets exit 2 and one line that says what to do; media that are missing, empty or foreign get a clear
# error; nothing that looks like a bundle, station or store is left behind.
. "$(dirname "$0")/lib.sh"
wrong() { # command...: exit 2, one line on stderr that begins with the program's name
  expect 2 "$@"
  [ "$(wc -l <"$T/err")" -eq 1 ] || { cat "$T/err" >&2; fail "not one line: $*"; }
  grep -q "^$1: ..*" "$T/err" || fail "the line does not begin with the program: $*"
  [ ! -s "$T/out" ] || fail "something on stdout: $*"
}
mkdir -p "$T/content/item" "$T/medium"
echo x >"$T/content/item/x"
for p in satchel-export satchel-import satchel-verify; do
  expect 0 "$p" --version
  grep -q "^$p 0\." "$T/out" || fail "version of $p"
  expect 0 "$p" --help
  expect 2 "$p"
  wrong "$p" nonsense
  wrong "$p" --nonsense
done
for command in init scan list approve decline revoke renew sign 'key new' 'trust show' 'trust new' 'trust add' 'trust remove' \
  'trust threshold' 'trust epoch' 'trust renew' 'trust sign' 'trust discard' 'destination add' pack status log; do
  # shellcheck disable=SC2086
  expect 0 satchel-export $command --help
  head -n 3 "$T/out" | grep -q "satchel-export.*${command%% *}" || fail "no example first in the help of $command"
done
for command in init apply status log; do expect 0 satchel-import $command --help; done
for command in bundle store journal diff show tree who report; do expect 0 satchel-verify $command --help; done

# under --json each error is an object on stdout, wrong options among them; and so is the version
object() { # exit code, member, command...
  local code=$1 member=$2
  shift 2
  expect "$code" "$@"
  python3 -c 'import json,sys; l=open(sys.argv[1]).read().splitlines(); assert len(l) == 1 and sys.argv[2] in json.loads(l[0])' "$T/out" "$member" ||
    { cat "$T/out" >&2; fail "not one object with '$member': $*"; }
}
for p in satchel-export satchel-import satchel-verify; do
  object 0 version "$p" --version --json
  object 0 version "$p" --json --version
  object 2 error "$p" --json
  object 2 error "$p" --json nonsense
  object 2 error "$p" --nonsense --json
  object 2 error "$p" log --nonsense --json
done
object 2 error satchel-import status --json extra
wrong satchel-import status --nonsense -- --json

# no station, no store, no default of the current directory
cd "$T"
for command in scan list 'approve x' 'decline x' 'revoke x' renew sign 'trust show' 'trust add x' 'trust sign' 'trust discard' 'destination list' "pack $T/medium" status log; do
  # shellcheck disable=SC2086
  wrong satchel-export $command
done
for command in "apply $T/medium" status log; do
  # shellcheck disable=SC2086
  wrong satchel-import $command
done
wrong satchel-export -C "$T/nowhere" scan
wrong satchel-import -C "$T/nowhere" status
wrong satchel-import -C "$T/content" status
wrong satchel-export -C "$T/content" scan
wrong satchel-export init
wrong satchel-export init "$T/s"
wrong satchel-export init "$T/s" --content "$T/content"
wrong satchel-export init "$T/s" --content "$T/nowhere" --stream updates
wrong satchel-export init "$T/s" --content "$T/content" --stream 'Bad Name'
wrong satchel-export init "$T/s" --content "$T/content" --stream updates --depth x
wrong satchel-export init "$T/s" --content "$T/content" --stream updates --depth 0
wrong satchel-export init "$T/s" --content "$T/content" --stream updates extra
wrong satchel-export init "$T/content/item/s" --content "$T/content" --stream updates
wrong satchel-export init "$T/content" --content "$T/content" --stream updates
[ ! -e "$T/s" ] || fail "a refused init left something behind"

quick_station "$T/content"
wrong satchel-export init "$T/station" --content "$T/content" --stream updates
wrong satchel-export approve
wrong satchel-export approve nosuchitem --ring production
wrong satchel-export approve item --ring nosuchring
wrong satchel-export approve item --ring production --revision 99
wrong satchel-export decline nosuchitem
wrong satchel-export revoke nosuchitem
wrong satchel-export key new
wrong satchel-export key new k --role nosuchrole
wrong satchel-export destination add
wrong satchel-export destination add d --ring nosuchring
wrong satchel-export destination remove nosuch
wrong satchel-export pack
wrong satchel-export pack "$T/nowhere"
wrong satchel-export pack "$T/content/item/x"
wrong satchel-export pack "$T/medium" --level 99
wrong satchel-export pack "$T/medium" --volume-size 1
wrong satchel-export pack "$T/medium" --for nosuch
wrong satchel-export pack "$T/medium" --only nosuchitem
wrong satchel-export pack "$T/medium" --key "$T/nosuch.key"
wrong satchel-export pack "$T/station"
wrong satchel-export pack "$T/station/bundles"
wrong satchel-export pack "$T"
[ -z "$(ls -A "$T/medium")" ] || fail "a refused pack wrote on the medium"

trust=$T/station/trust/trust-1.yaml
wrong satchel-import init
wrong satchel-import init "$T/st" --name st --trust "$T/nowhere" --stream updates --ring production
wrong satchel-import init "$T/st" --name st --stream updates --ring production
wrong satchel-import init "$T/st" --trust "$trust" --stream updates --ring production
wrong satchel-import init "$T/st" --name st --trust "$trust" --ring production
wrong satchel-import init "$T/st" --name st --trust "$trust" --stream updates
[ ! -e "$T/st" ] || fail "a refused init left something behind"
expect 1 satchel-import init "$T/st" --name st --trust "$trust" --fingerprint "$(printf '%064d' 0)" --stream updates --ring production
[ ! -e "$T/st" ] || fail "a refused init left something behind"
quick_store
export SATCHEL_STORE=$T/store
wrong satchel-import apply
wrong satchel-import apply "$T/nowhere"
expect_word 1 no-bundle satchel-import apply "$T/medium"
mkdir "$T/medium/satchel" "$T/medium/satchel/other-00000001" "$T/medium/satchel/System Volume Information"
expect_word 1 no-bundle satchel-import apply "$T/medium"
# a path inside of a medium: which one is meant is said
mkdir "$T/medium2"; expect 0 satchel-export pack "$T/medium2"
expect_word 1 'name the medium itself' satchel-import apply "$T/medium2/satchel"
expect_word 1 'name the medium itself' satchel-import apply "$T/medium2/satchel/updates-00000001/"
expect_word 1 'name the medium itself' satchel-verify bundle "$T/medium2/satchel" --trust "$trust"
# output that is lost is said whatever the exit code would have been
mkdir "$T/content/waits"; echo w >"$T/content/waits/f"; expect 0 satchel-export scan
expect 4 satchel-export status
got=0; satchel-export status >/dev/full 2>"$T/err" || got=$?
[ $got -eq 3 ] && grep -q 'output could not be written' "$T/err" || fail "exit $got where the output of exit 4 was lost"
# a policy above its place
cp "$T/station/station.yaml" "$T/station.yaml"; echo 'portable_names: true' >>"$T/station/station.yaml"
wrong satchel-export status; grep -q 'it belongs under `policy:`' "$T/err" || fail "no hint for a policy above its place"
cp "$T/station.yaml" "$T/station/station.yaml"
cp "$T/store/store.yaml" "$T/store.yaml"; echo 'keep_lists: 3' >>"$T/store/store.yaml"
wrong satchel-import status; grep -q 'it belongs under `policy:`' "$T/err" || fail "no hint for a policy above its place"
cp "$T/store.yaml" "$T/store/store.yaml"
wrong satchel-import -C "$T/nowhere" status; grep -q "'satchel-import init' makes a store" "$T/err" || fail "no next step for a store that is not there"
wrong satchel-import -C "$T/nowhere" apply "$T/medium"; grep -q "'satchel-import init' makes a store" "$T/err" || fail "nor at apply"
wrong satchel-import apply "$T/store"
wrong satchel-import apply "$T"
wrong satchel-verify bundle
wrong satchel-verify bundle "$T/medium"
wrong satchel-verify bundle "$T/nowhere" --trust "$trust"
wrong satchel-verify bundle "$T/medium" --trust "$T/nowhere"
wrong satchel-verify store
wrong satchel-verify store "$T/nowhere"
wrong satchel-verify show "$T/nowhere"

# a station or store that others can write is refused
chmod 777 "$T/store"; expect 2 satchel-import status; chmod 755 "$T/store"
chmod 777 "$T/station"; expect 2 satchel-export status; chmod 755 "$T/station"
for part in store.yaml objects streams published keys journal.jsonl; do
  chmod o+w "$T/store/$part"
  expect_word 2 unsafe satchel-import status; grep -q "store: $part: others" "$T/err" || fail "$part is not named"
  expect_word 2 unsafe satchel-import apply "$T/medium"
  chmod o-w "$T/store/$part"
done
for part in station.yaml draft.yaml lists objects trust keys ledger.jsonl; do
  chmod g+w "$T/station/$part"; expect_word 2 unsafe satchel-export scan; chmod g-w "$T/station/$part"
done
expect 0 satchel-import status

# names from outside are escaped in all output
mkdir "$T/evil"
printf x >"$T/evil/$(printf 'a\033[31mred')"
printf x >"$T/evil/$(printf 'b\nnewline')"
expect 0 satchel-export init "$T/s2" --content "$T/evil" --stream evil
expect 1 satchel-export -C "$T/s2" scan
if LC_ALL=C grep -q "$(printf '\033')" "$T/out" "$T/err"; then fail "an escape sequence reached the terminal"; fi
grep -qF 'a\x1b[31mred' "$T/out" "$T/err" || fail "the bad name is not shown escaped"
