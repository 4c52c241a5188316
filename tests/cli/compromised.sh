#!/bin/bash
# Promise: what export/compromised-exporter-key.md and export/compromised-approver-key.md tell people to do works. The commands are
# taken from the pages, in order, and run as they stand there; the test adds the thief.
. "$(dirname "$0")/lib.sh"
pages=$(cd "$(dirname "$0")/../../export" && pwd)
c=$T/srv/mirror
page() { # the commands of a page into $T/commands
  sed -n 's/^    \(satchel-.*\)/\1/p' "$pages/$1" >"$T/commands"
  at=0
  total=$(wc -l <"$T/commands")
}
do_it() { # up to and with the command that begins so; all of them must succeed
  local line
  while :; do
    at=$((at + 1))
    [ "$at" -le "$total" ] || fail "the page has no command '$1'"
    line=$(sed -n "${at}p" "$T/commands" | sed "s#/\(srv\|media\)/#$T/\1/#g")
    eval "set -- \"\$1\" $line"
    expect 0 "${@:2}"
    case "$(sed -n "${at}p" "$T/commands")" in "$1"*) return;; esac
  done
}
begin() {
  chmod -R u+rwX "$T/srv" "$T/media" 2>/dev/null || true
  rm -rf "$T/srv" "$T/media"
  mkdir -p "$c/tool" "$T/srv/keys" "$T/media/usb" "$T/media/transit" "$T/media/thief" "$T/media/thief2"
  echo "version 1" >"$c/tool/f"
  expect 0 satchel-export init "$T/srv/station" --content "$c" --stream updates --ring production
  expect 0 satchel-export -C "$T/srv/station" scan
  expect 0 satchel-export -C "$T/srv/station" approve --all
  expect 0 satchel-export -C "$T/srv/station" sign
  expect 0 satchel-export -C "$T/srv/station" pack "$T/media/usb"
  expect 0 satchel-import init "$T/srv/store" --name perimeter-a --trust "$T/srv/station/trust/trust-1.yaml" --stream updates --ring production
  expect 0 satchel-import -C "$T/srv/store" apply "$T/media/usb"
  expect 0 satchel-export -C "$T/srv/station" pack "$T/media/transit"
  # the thief has a copy of everything, keys included, and content of their own
  mkdir -p "$T/thief/evil" && cp -r "$c/tool" "$T/thief/" && echo "malware" >"$T/thief/evil/f"
  rm -rf "$T/stolen" && cp -a "$T/srv/station" "$T/stolen"
  sed -i "s#^content: .*#content: \"$T/thief\"#" "$T/stolen/station.yaml"
  expect 0 satchel-export -C "$T/stolen" scan
  published=$T/srv/store/published/updates
}

# ---- the exporter's key

begin
rm "$T/stolen/keys/approver.key" "$T/stolen/keys/root.key"
expect 0 satchel-export -C "$T/stolen" pack "$T/media/thief" --content-only --ahead evil
expect 0 satchel-import -C "$T/srv/store" apply "$T/media/thief"
[ ! -e "$published/evil" ] || fail "what nobody approved is published"
page compromised-exporter-key.md
do_it 'satchel-export -C /srv/station trust sign'
grep -q 'trust root 2 is in force' "$T/out" || fail "the new root is not in force"
do_it 'satchel-import -C /srv/store apply'
grep -q 'updates-00000001  already imported' "$T/out" || { cat "$T/out"; fail "the former bundle on the medium is not passed over"; }
expect_word 1 signature-missing satchel-import -C "$T/srv/store" apply "$T/media/transit"
expect 0 satchel-export -C "$T/stolen" pack "$T/media/thief2" --content-only --ahead evil
expect_word 1 signature-missing satchel-import -C "$T/srv/store" apply "$T/media/thief2"
do_it 'satchel-import -C /srv/store status'
grep -q 'trust root 2' "$T/out" || fail "status does not name the new root"
do_it 'satchel-import -C /srv/store log'
grep -q sequence-twice "$T/out" || { cat "$T/out"; fail "the log does not show the thief's number"; }
sed -i 's/^policy:.*//' "$T/srv/store/store.yaml"
echo 'policy: {ahead_days: 0}' >>"$T/srv/store/store.yaml"
object=$(sha256sum "$T/thief/evil/f" | cut -c1-64)
[ -e "$T/srv/store/objects/${object:0:2}/$object" ] || fail "the thief's object is not there: this test is blind"
do_it 'satchel-import -C /srv/store prune'
[ "$at" -eq "$total" ] || fail "commands of the page were not run"
[ ! -e "$T/srv/store/objects/${object:0:2}/$object" ] || fail "the thief's object stays"
echo "version 2" >"$c/tool/f" # and life goes on
rm "$T/srv/station/keys/exporter.key" "$T/srv/station/keys/exporter.pub"
expect 0 satchel-export -C "$T/srv/station" scan
expect 0 satchel-export -C "$T/srv/station" approve --all
expect 0 satchel-export -C "$T/srv/station" sign
expect 0 satchel-export -C "$T/srv/station" pack "$T/media/usb" --key "$T/srv/keys/exporter-2.key"
expect 0 satchel-import -C "$T/srv/store" apply "$T/media/usb"
same_tree "$c" "$published"

# ---- the approver's key, and the exporter's with it

begin
rm "$T/stolen/keys/root.key"
cat >"$T/stolen/floor.yaml" <<'Y'
satchel: floor/1
sequence: 0
epoch: 1
revision: 899
Y
expect 0 satchel-export -C "$T/stolen" approve --all
expect 0 satchel-export -C "$T/stolen" revoke tool
expect 0 satchel-export -C "$T/stolen" sign
[ -e "$T/stolen/lists/900.yaml" ] || fail "the thief's list has another number: $(ls "$T/stolen/lists")"
expect 0 satchel-export -C "$T/stolen" pack "$T/media/thief"
expect 0 satchel-import -C "$T/srv/store" apply "$T/media/thief"
[ -e "$published/evil/f" ] && [ ! -e "$published/tool" ] || fail "the thief publishes nothing: this test is blind"
page compromised-approver-key.md
do_it 'satchel-verify diff'
grep -q evil "$T/out" || fail "the difference does not show what the thief published"
do_it 'satchel-import -C /srv/store rollback'
[ ! -e "$published/evil" ] || fail "what the thief published is there after the rollback"
do_it 'satchel-export -C /srv/station trust sign'
grep -q 'trust root 2 is in force' "$T/out" || fail "the new root is not in force"
do_it 'satchel-import -C /srv/store apply'
same_tree "$c" "$published"
expect 0 satchel-export -C "$T/stolen" approve --all
expect 0 satchel-export -C "$T/stolen" renew
expect 0 satchel-export -C "$T/stolen" pack "$T/media/thief2"
expect_word 0 'list 901 ignored' satchel-import -C "$T/srv/store" apply "$T/media/thief2" # of the old epoch, by keys of nobody
same_tree "$c" "$published"
do_it 'satchel-verify store'
[ "$at" -eq "$total" ] || fail "commands of the page were not run"
