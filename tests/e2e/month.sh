#!/bin/bash
# The story of a month (issue 3): one station; a test store, a pilot, and two production stores in rings of their own. After
# every step each published tree is compared. The commands of README's tour ("A month") are run as they stand there; the
# test adds only media that are carried about and what upstream does.
. "$(dirname "$0")/../cli/lib.sh"
readme=$(dirname "$0")/../../README.md
c=$T/srv/mirror
mkdir -p "$c" "$T/kept" "$T/media"
stores="lab pilot seattle cambridge"

# ---- the tour: the commands of README's section, in order; /srv and /media lie in the test's folder

sed -n '/^## A month/,/^## /p' "$readme" | sed -n 's/^    \(satchel-[a-z]* .*\)/\1/p' | sed 's/ *# .*//' >"$T/tour"
toured=0
tour() { # exit code, beginning of the command that must be next
  local line
  toured=$((toured + 1))
  line=$(sed -n "${toured}p" "$T/tour")
  case "$line" in "$2"*) ;; *) fail "command $toured of README's tour is '$line', not '$2…'";; esac
  line=$(sed "s#/\(srv\|media\)/#$T/\1/#g" <<<"$line")
  eval "set -- $1 $line"
  expect "$@"
}

# ---- what upstream does, what is published

release() { # item version [MiB]: the next bytes of an item
  mkdir -p "$c/$1"
  echo "$1 $2" >"$c/$1/version"
  [ $# -lt 3 ] || yes "$1 $2" | head -c $(($3 << 20)) >"$c/$1/large" || true
  cp -a "$c/$1" "$T/kept/$1-$2"
}
told() { # store item-version...: from now on it publishes these
  local store=$1
  shift
  echo "$*" >"$T/told-$store"
}
all_as_told() {
  local s i
  for s in $stores; do
    rm -rf "$T/want"; mkdir "$T/want"
    for i in $(cat "$T/told-$s"); do cp -a "$T/kept/$i" "$T/want/${i%-*}"; done
    same_tree "$T/want" "$T/srv/$s/published/updates"
  done
}
bring() { # exit code, store, medium...
  local code=$1 s=$2
  shift 2
  expect "$code" satchel-import -C "$T/srv/$s" apply "$@"
}
everywhere() { # exit code, medium
  local s
  for s in $stores; do bring "$1" "$s" "$2"; done
}
medium() { mkdir -p "$T/media/$1"; }
carried() { # medium: the items whose content is on it, named by the first line of each object that is no document
  local b v
  rm -rf "$T/unpacked"; mkdir "$T/unpacked"
  for b in "$T/media/$1"/satchel/updates-*; do
    for v in "$b"/vol-*.tar.zst; do [ -e "$v" ] && tar --zstd -xf "$v" -C "$T/unpacked"; done
  done
  for v in "$T/unpacked"/*; do [ -e "$v" ] || continue; head -n 1 "$v" | grep -qa '^satchel:' || head -n 1 "$v" | cut -c1-40; done | sort -u | tr '\n' ' '
}

# ---- the first of the month: everybody has the same

release base 1; release nginx 1; release openssl 1; release tool 1
expect 0 satchel-export init "$T/srv/station" --content "$c" --stream updates --site parent --ring test --ring pilot \
  --ring seattle --ring cambridge
export SATCHEL_STATION=$T/srv/station
for s in $stores; do
  ring=$s; [ "$s" != lab ] || ring=test
  expect 0 satchel-import init "$T/srv/$s" --name "$s" --trust "$SATCHEL_STATION/trust/trust-1.yaml" --stream updates --ring "$ring"
  expect 0 satchel-export destination add "$s" --ring "$ring" --key "$T/srv/$s/keys/receipt.pub"
  told "$s" base-1 nginx-1 openssl-1 tool-1
done
every="--ring test --ring pilot --ring seattle --ring cambridge"
medium first
expect 0 satchel-export scan
expect 0 satchel-export approve --all $every
expect 0 satchel-export sign
expect 0 satchel-export pack "$T/media/first"
everywhere 0 "$T/media/first"
all_as_told

# ---- new updates are scanned, and approved for test

release nginx 2; release openssl 2
medium usb
tour 0 'satchel-export scan'
grep -q '^changed *nginx revision 2' "$T/out" || fail "scan does not say what is new"
expect 0 satchel-export list --state pending
grep -q nginx "$T/out" || fail "what is new is not listed as pending"
tour 0 'satchel-export approve nginx openssl --ring test'
tour 0 'satchel-export sign'
tour 0 'satchel-export pack /media/usb'
told lab base-1 nginx-2 openssl-2 tool-1
everywhere 0 "$T/media/usb"
all_as_told

# ---- what passed goes to the pilot; production keeps the former revisions

tour 0 'satchel-export approve --all --ring pilot --from-ring test'
expect 0 satchel-export sign
medium pilot
expect 0 satchel-export pack "$T/media/pilot" --for pilot
told pilot base-1 nginx-2 openssl-2 tool-1
bring 0 pilot "$T/media/pilot"
bring 1 seattle "$T/media/pilot"   # for another store
grep -q wrong-destination "$T/err" || fail "a bundle for another store is not named so"
all_as_told

# ---- one fails there: rolled back at once by the pilot's administrator, revoked for good by the parent site

tour 0 'satchel-import -C /srv/pilot rollback'
told pilot base-1 nginx-1 openssl-1 tool-1
all_as_told
bring 0 pilot "$T/media/pilot"     # it comes again, and changes nothing: the rollback is in force
all_as_told
tour 0 'satchel-export revoke nginx --revision 2'
tour 0 'satchel-export approve nginx --revision 1'
expect 0 satchel-export sign
medium revoked
expect 0 satchel-export pack "$T/media/revoked"
told lab base-1 nginx-1 openssl-2 tool-1
told pilot base-1 nginx-1 openssl-2 tool-1
everywhere 0 "$T/media/revoked"
all_as_told
bring 0 pilot "$T/media/pilot"     # it comes once more: what was revoked never comes back
all_as_told

# ---- it is re-released with new bytes, and does not spread by itself

release nginx 3
expect 0 satchel-export scan
expect 0 satchel-export sign
grep -q 'list 4' "$T/out" "$T/err" || fail "sign does not name the list that stays"
[ ! -e "$SATCHEL_STATION/lists/5.yaml" ] || fail "a scan made a new list"
medium same
expect 0 satchel-export pack "$T/media/same"
everywhere 0 "$T/media/same"
all_as_told

# ---- it goes to pilot, while production keeps the former revision

tour 0 'satchel-export approve nginx --ring test --ring pilot'
expect 0 satchel-export sign
medium third
expect 0 satchel-export pack "$T/media/third"
told lab base-1 nginx-3 openssl-2 tool-1
told pilot base-1 nginx-3 openssl-2 tool-1
everywhere 0 "$T/media/third"
all_as_told

# ---- one update requires another: they come together or not at all

release openssl 3; release fips 1
expect 0 satchel-export scan
tour 0 'satchel-export approve openssl --requires fips --ring seattle'
grep -q '^approved fips .*required' "$T/out" || fail "what is required is not approved with it"
expect 0 satchel-export sign
medium half
expect 0 satchel-export pack "$T/media/half" --only fips
bring 4 seattle "$T/media/half"
expect 4 satchel-import -C "$T/srv/seattle" status
grep -q openssl "$T/out" || fail "status does not say what is waited for"
all_as_told
medium whole
expect 0 satchel-export pack "$T/media/whole" --for seattle
told seattle base-1 nginx-1 openssl-3 fips-1 tool-1
bring 0 seattle "$T/media/whole"
all_as_told

# ---- content goes ahead to Cambridge, while only Seattle's approval is given; the approval follows on a tiny bundle

medium cambridge
tour 0 'satchel-export pack /media/cambridge --for cambridge --content-only --ahead openssl --ahead fips'
bring 0 cambridge "$T/media/cambridge"
all_as_told
tour 0 'satchel-export approve openssl --ring cambridge'
expect 0 satchel-export sign
medium letter
tour 0 'satchel-export pack /media/letter --approvals-only'
[ "$(du -sk "$T/media/letter" | cut -f1)" -le 64 ] || fail "an approval by itself is not small"
told cambridge base-1 nginx-1 openssl-3 fips-1 tool-1
bring 0 cambridge "$T/media/letter"
all_as_told

# ---- an urgent fix overtakes a large update whose medium is still under way

release office 1 12
release sudo 1
expect 0 satchel-export scan
expect 0 satchel-export approve office $every
expect 0 satchel-export sign
medium large
expect 0 satchel-export pack "$T/media/large"
tour 0 'satchel-export approve sudo --urgent --ring test,pilot,seattle,cambridge'
expect 0 satchel-export sign
medium fix
tour 0 'satchel-export pack /media/fix --only sudo'
[ "$(carried fix)" = "sudo 1 " ] || fail "the bundle of one item carries '$(carried fix)'"
for s in lab seattle; do
  bring 4 "$s" "$T/media/fix"
  told "$s" "$(cat "$T/told-$s") sudo-1"
  all_as_told
done
bring 0 lab "$T/media/large"       # late, and with an older list: it brings what was waited for
told lab "$(cat "$T/told-lab") office-1"
all_as_told
bring 0 pilot "$T/media/large"
told pilot "$(cat "$T/told-pilot") office-1"
all_as_told
bring 0 pilot "$T/media/fix"
told pilot "$(cat "$T/told-pilot") sudo-1"
all_as_told
# Cambridge's copy of the fix gets lost; Seattle's comes twice
bring 4 seattle "$T/media/fix"
all_as_told

# ---- malware: revoked while the same list waits for content

release manual 1 5
expect 0 satchel-export scan
expect 0 satchel-export approve manual $every
tour 0 'satchel-export revoke tool'
expect 0 satchel-export sign
expect 0 satchel-export pack "$T/media/letter" --approvals-only
for s in $stores; do told "$s" "$(sed 's/ tool-1//' "$T/told-$s")"; done
everywhere 4 "$T/media/letter"
all_as_told

# ---- receipts come back from all but Cambridge, which only gets an acknowledgement

medium back
for s in lab pilot; do expect 0 satchel-import -C "$T/srv/$s" receipt "$T/media/back"; done
tour 0 'satchel-import -C /srv/seattle receipt /media/back'
tour 0 'satchel-export receive /media/back'
tour 0 'satchel-export acknowledge cambridge'
tour 4 'satchel-export status'
for s in $stores; do grep -q "$s" "$T/out" || fail "status does not name $s"; done
medium lab; medium pilot2; medium seattle; medium cambridge2
tour 0 'satchel-export pack /media/seattle --for seattle'
[ "$(carried seattle)" = "manual 1 office 1 " ] || fail "for Seattle: '$(carried seattle)'"
tour 0 'satchel-export prune'
grep -q '^nginx revision 2' "$T/out" || fail "what was revoked is kept: $(cat "$T/out")"
expect 0 satchel-export pack "$T/media/lab" --for lab
[ "$(carried lab)" = "manual 1 " ] || fail "for the lab: '$(carried lab)'"
expect 0 satchel-export pack "$T/media/pilot2" --for pilot
[ "$(carried pilot2)" = "manual 1 " ] || fail "for the pilot: '$(carried pilot2)'"
# of Cambridge only what went ahead is known: its bundle had all that Cambridge needed then
expect 0 satchel-export pack "$T/media/cambridge2" --for cambridge
[ "$(carried cambridge2)" = "manual 1 office 1 sudo 1 " ] || fail "for Cambridge: '$(carried cambridge2)'"
bring 0 seattle "$T/media/seattle"
told seattle base-1 nginx-1 openssl-3 fips-1 office-1 sudo-1 manual-1
all_as_told
bring 0 lab "$T/media/lab"; bring 0 pilot "$T/media/pilot2"; bring 0 cambridge "$T/media/cambridge2"
told lab base-1 nginx-3 openssl-2 office-1 sudo-1 manual-1
told pilot base-1 nginx-3 openssl-2 office-1 sudo-1 manual-1
told cambridge base-1 nginx-1 openssl-3 fips-1 office-1 sudo-1 manual-1
all_as_told

# ---- the end of the month: every medium once more, in another order; nobody moves
for m in large first third fix usb revoked; do
  for s in $stores; do bring 0 "$s" "$T/media/$m"; done
  all_as_told
done
for s in $stores; do
  expect 0 satchel-import -C "$T/srv/$s" status
  expect 0 satchel-verify store "$T/srv/$s" --trust "$SATCHEL_STATION/trust/trust-1.yaml"
done
[ "$toured" -eq "$(wc -l <"$T/tour")" ] || fail "command $((toured + 1)) of README's tour was not run"
