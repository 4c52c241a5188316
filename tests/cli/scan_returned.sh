#!/bin/bash
# Bytes that return to a former state are a new revision with the contents list of that one, whatever the times of the files
# are: what was revoked stays revoked when somebody touches it or copies it back. Also in a list of parts.
. "$(dirname "$0")/lib.sh"
c=$T/content
mkdir -p "$c/tool" "$c/many"
state() { # the newest revision of an item: its number and the digest of its contents list
  sed -n "s/^  - {item: \"$1\", revision: \([0-9]*\), contents: {sha256: \([0-9a-f]*\),.*/\1 \2/p" "$T/station/draft.yaml" | tail -n 1
}
echo malware >"$c/tool/run"; ln -s run "$c/tool/link"
for n in $(seq 1000 2500); do echo same >"$c/many/$n"; done
quick_station "$c"
tool=$(state tool) many=$(state many)
[ "${tool% *}" = 1 ] && [ "${many% *}" = 1 ] || fail "not revision 1"
expect 0 satchel-export revoke tool
echo clean >"$c/tool/run"; touch -d @1700000000 "$c"/many/2*
echo other >"$c/many/1000"
expect 0 satchel-export scan
[ "$(state tool | cut -d' ' -f1)" = 2 ] && [ "$(state many | cut -d' ' -f1)" = 2 ] || fail "changed bytes are no new revision"
[ "$(state many | cut -d' ' -f2)" != "${many#* }" ] || fail "changed bytes have the same contents list"
expect 0 satchel-export approve --all --ring production

# back again, at another time, one of them with all times changed
echo malware >"$c/tool/run"; touch -d @1600000000 "$c/tool/run"
echo same >"$c/many/1000"; touch -d @1650000000 "$c"/many/*
expect 0 satchel-export scan
[ "$(state tool)" = "3 ${tool#* }" ] || fail "not the former contents list: $(state tool), was $tool"
[ "$(state many)" = "3 ${many#* }" ] || fail "not the former contents list of parts: $(state many), was $many"
expect 0 satchel-export approve --all --ring production
grep -q '^approved many revision 3' "$T/out" || fail "what was not revoked is not approved"
grep -q '^approved tool' "$T/out" && fail "revoked bytes are approved by --all"
expect 0 satchel-export scan
grep -q '0 new, 0 changed, 0 gone, 0 back, 2 unchanged' "$T/out" || fail "a second scan finds changes: $(cat "$T/out")"
expect 0 satchel-export sign
mkdir "$T/medium"
expect 0 satchel-export pack "$T/medium"
grep -q 'contents: '"${tool#* }" "$T"/medium/satchel/*/approvals.yaml || fail "the list does not revoke it"
quick_store
expect 0 satchel-import -C "$T/store" apply "$T/medium"
[ "$(cat "$T/store/published/updates/tool/run")" = clean ] || fail "revoked bytes are published"
same_tree "$c/many" "$T/store/published/updates/many"
