#!/bin/bash
# init: what it makes, what it refuses, and that a refusal leaves nothing behind.
. "$(dirname "$0")/lib.sh"
cd "$T"
mkdir -p content/item
echo x >content/item/x

expect 0 satchel-export init station --content content --stream updates --site example --ring pilot,production --ring seattle --depth 2
for f in station.yaml ledger.jsonl keys/root.key keys/approver.key keys/exporter.key keys/root.pub trust/trust-1.yaml; do
  [ -e "station/$f" ] || fail "no $f"
done
[ "$(stat -c %a station/keys station/keys/root.key station/keys/root.pub | tr '\n' ' ')" = "700 600 644 " ] || fail "modes of keys"
for role in root approver exporter; do
  head -n 1 "station/keys/$role.key" | grep -qx "satchel-role: $role" || fail "label of $role"
done
grep -qx "content: \"$T/content\"" station/station.yaml || fail "the content root is not absolute"
grep -qx 'rings: \["pilot", "production", "seattle"\]' station/station.yaml || fail "rings"
grep -qx 'depth: 2' station/station.yaml || fail "depth"
grep -qx 'site: "example"' station/trust/trust-1.yaml || fail "site"
sum=$(sha256sum station/trust/trust-1.yaml | cut -d' ' -f1)
grep -q "fingerprint of trust-1.yaml: $sum" "$T/out" || fail "fingerprint"
grep -q "next: .*scan" "$T/err" || fail "no next step"
days=$((($(date -d "$(sed -n 's/^expires: //p' station/trust/trust-1.yaml)" +%s) - $(date -d "$(sed -n 's/^issued: //p' station/trust/trust-1.yaml)" +%s)) / 86400))
[ "$days" = 365 ] || fail "life of the root: $days"
# a stock tool agrees with the root's signature
id=$(openssl pkey -pubin -in station/keys/root.pub -outform DER | sha256sum | cut -c1-32)
openssl pkeyutl -verify -pubin -inkey station/keys/root.pub -rawin -in station/trust/trust-1.yaml \
  -sigfile "station/trust/trust-1.yaml.$id.sig" >/dev/null || fail "the root's signature"

# the station's own name is there after a power cut
if command -v strace >/dev/null; then
  expect 0 env ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=mkdir,mkdirat,fsync,syncfs -o trace satchel-export init power --content content --stream up
  awk '/mkdir.*"power"/ { made = 1 } /syncfs\(.*= 0/ { synced = made } END { exit !synced }' trace || fail "the directory above was not synced"
fi

# defaults: site is the stream's name, one ring
expect 0 satchel-export init --json plain --content content --stream up2
python3 -c 'import json,sys; o=json.loads(sys.stdin.read()); assert o["stream"]=="up2" and len(o["fingerprint"])==64' <"$T/out" || fail "json"
grep -qx 'rings: \["production"\]' plain/station.yaml || fail "default ring"
grep -qx 'site: "up2"' plain/trust/trust-1.yaml || fail "default site"

# refusals leave nothing behind
snapshot content >before
refused() { # what must not exist afterwards, command...
  local path=$1
  shift
  expect 2 satchel-export init "$@"
  [ ! -e "$path" ] || fail "left behind by: $*"
}
refused s s --content content --stream updates --ring 'No Such'
refused s s --content content --stream ..
refused s s --content content --stream updates --depth 65
refused s s --content content --stream updates --site x --trust station/trust/trust-1.yaml
refused content/s content/s --content content --stream updates
refused no/s no/s --content content --stream updates
mkdir full && echo 1 >full/file
expect 2 satchel-export init full --content content --stream updates
[ "$(ls -A full)" = file ] || fail "something was made in a directory that was not empty"
mkdir around
mkdir around/content
expect 2 satchel-export init around --content around/content --stream updates
[ "$(ls -A around)" = content ] || fail "a station around its content root"
mkdir -m 777 shared
chmod 777 shared
expect_word 2 unsafe satchel-export init shared --content content --stream updates
[ -z "$(ls -A shared)" ] || fail "something was made where others can write"
snapshot content >after
cmp -s before after || fail "the content root was changed"

# under an existing root: pinned, no keys, its signatures come along
expect 0 satchel-export init under --content content --stream updates --trust station/trust/trust-1.yaml
cmp station/trust/trust-1.yaml under/trust/trust-1.yaml || fail "not the root that was given"
[ -e "under/trust/trust-1.yaml.$id.sig" ] || fail "the root's signature did not come along"
[ -z "$(ls -A under/keys)" ] || fail "keys were made"
expect 0 satchel-export -C under scan
cp station/trust/trust-1.yaml alone.yaml
expect_word 1 document-type satchel-export init s --content content --stream updates --trust content/item/x
[ ! -e s ] || fail "left behind by a root that is none"
expect_word 1 signature-missing satchel-export init s --content content --stream updates --trust alone.yaml
[ ! -e s ] || fail "left behind by an unsigned root"

# a station whose root was changed is no station
sed -i 's/^epoch: 1/epoch: 2/' under/trust/trust-1.yaml
expect_word 2 trust-damaged satchel-export -C under scan
rm under/trust/trust-1.yaml
expect_word 2 trust-damaged satchel-export -C under status
chmod go+w plain
expect_word 2 unsafe satchel-export -C plain status
