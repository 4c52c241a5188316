#!/bin/bash
# Hooks of a station: packed is told of every bundle that is whole, waiting of what a scan leaves to people; with the documented
# environment and nothing else, not by a shell, not for ever; what they say is in the ledger, what becomes of them changes nothing.
. "$(dirname "$0")/lib.sh"
c=$T/content
mkdir -p "$c/a" "$T/m1" "$T/m2" "$T/m3"; echo one >"$c/a/f"
quick_station "$c"
hooks() { # lines of station.yaml
  sed -i '/^hooks:/,/^  seconds/d' "$T/station/station.yaml"
  [ $# -eq 0 ] || { echo "hooks:"; printf '  %s\n' "$@" "seconds: ${seconds:-60}"; } >>"$T/station/station.yaml"
}
cat >"$T/tell" <<S
#!/bin/bash
{ env | grep -v '^_=\|^SHLVL=\|^PWD=' | LC_ALL=C sort; echo; } >>"$T/told"
if [ -e "$T/slow" ]; then sleep 30; fi
echo "told \$1"
satchel-export -C "$T/station" status >/dev/null
[ ! -e "$T/broken" ]
S
chmod +x "$T/tell"
told() { cmp "$T/told" - || { cat "$T/told" >&2; fail "the environment is another"; }; rm "$T/told"; }
hooks 'packed: ["tell"]'
expect_word 2 'absolute path' satchel-export status
hooks "packed: [\"$T/tell\", \"p; touch $T/shell\"]" "waiting: [\"$T/tell\", \"w\"]"

# nothing waits: nobody is told; then a revision waits, then decisions do
expect 0 satchel-export scan
[ ! -e "$T/told" ] || fail "told of nothing"
echo two >"$c/a/f"; mkdir "$c/b"; echo b >"$c/b/f"; mkfifo "$c/pipe"
expect_word 1 content-refused satchel-export scan
told <<S
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
SATCHEL_CHANGED=1
SATCHEL_EVENT=waiting
SATCHEL_GONE=0
SATCHEL_NEW=1
SATCHEL_PENDING=2
SATCHEL_REFUSED=1
SATCHEL_STATION=$T/station
SATCHEL_STREAM=updates
SATCHEL_UNFROZEN=
SATCHEL_UNSIGNED=

S
rm "$c/pipe"
expect 0 satchel-export approve --all --ring production
expect 0 satchel-export scan
grep -qx SATCHEL_UNFROZEN=1 "$T/told" && grep -qx SATCHEL_PENDING=0 "$T/told" || fail "decisions that are not frozen: $(cat "$T/told")"
rm "$T/told"
expect 0 satchel-export sign
expect 0 satchel-export scan
[ ! -e "$T/told" ] || fail "told of nothing"

# a bundle
expect 0 satchel-export pack "$T/m1" --dry-run
[ ! -e "$T/told" ] || fail "told of a bundle that was not made"
expect 0 satchel-export destination add far --ring production
expect 0 satchel-export destination add near --ring production
expect 0 satchel-export pack "$T/m1" --for near --for far
told <<S
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
SATCHEL_BUNDLE=updates-00000001
SATCHEL_BYTES=$(sed -n 's/^objects: {count: [0-9]*, bytes: \([0-9]*\)}/\1/p' "$T"/m1/satchel/*/manifest.yaml)
SATCHEL_DESTINATIONS=far,near
SATCHEL_EVENT=packed
SATCHEL_LIST=2
SATCHEL_MEDIUM=$T/m1
SATCHEL_OBJECTS=4
SATCHEL_SEQUENCE=1
SATCHEL_SIGNATURES=1
SATCHEL_STATION=$T/station
SATCHEL_STREAM=updates
SATCHEL_THRESHOLD=1

S
[ ! -e "$T/shell" ] || fail "a shell saw the arguments"
expect_word 0 "output told p; touch" satchel-export log
expect 0 satchel-verify journal "$T/station"

# what becomes of it changes nothing
touch "$T/broken"
expect_word 0 'the packed hook' satchel-export pack "$T/m2"
rm "$T/broken"; touch "$T/slow"
seconds=2 hooks "packed: [\"$T/tell\", \"p; touch $T/shell\"]" "waiting: [\"$T/tell\", \"w\"]"
expect_word 0 'took too long' satchel-export pack "$T/m3"
for m in m1 m2 m3; do expect 0 satchel-verify bundle "$T/$m" --trust "$T/station/trust/trust-1.yaml"; done
hooks "packed: [\"$T/none\"]"
mkdir "$T/m4"; expect_word 0 'the packed hook' satchel-export pack "$T/m4"
# a bundle that could not be made is none
hooks "packed: [\"$T/tell\"]"; rm -f "$T/told"
mkdir "$T/m5"
got=0; satchel-export pack "$T/m5" --medium-size 1000 >"$T/out" 2>"$T/err" || got=$?
[ $got -eq 3 ] && [ ! -e "$T/told" ] || fail "told of a bundle that was not made (exit $got)"
