#!/bin/bash
# scan: what is new, changed, gone and back; what can't be carried, all of it at once; nothing read that didn't change.
. "$(dirname "$0")/lib.sh"
cd "$T"
export SATCHEL_STATION=$T/station
state() { satchel-export list --json "$@" | python3 -c '
import json,sys
for line in sys.stdin:
    o=json.loads(line)
    print(o["item"], o["revision"], o["state"], o["files"], o["bytes"], ",".join(o["requires"]))'; }
said() { grep -qxF -- "$1" "$T/out" || { cat "$T/out" >&2; fail "scan did not say: $1"; }; }
summary() { said "$1"; }

mkdir -p c/deep/1/2/3/4/5/6/7/8/9 c/empty c/links c/target "c/with blank" c/names
echo deep >c/deep/1/2/3/4/5/6/7/8/9/file
: >c/deep/empty-file
mkdir -p c/deep/e c/deep/f
echo x >c/deep/e.b
echo top >c/top.txt
ln -s target/it c/toplink
ln -s ../target/it c/links/there
ln -s ../nowhere c/links/dangling
ln -s inside c/links/own
echo t >c/target/it
printf '#!/bin/sh\n' >c/names/run
chmod 755 c/names/run
for n in 'yes' 'null' '~' '- a' 'a: b' '#x' '*x' '&x' '!x' '%x' '@x' "it's" 'say "hi"' 'back\slash' 'é' 'ß漢字' ' lead' 'trail ' '-n' '[x]' '{x}' '1e3' '2026-11-22T10:00:00Z'; do
  echo "$n" >"c/names/$n"
done
sleep 3.1
expect 0 satchel-export init station --content c --stream updates -q
expect 0 satchel-export scan
summary "8 new, 0 changed, 0 gone, 0 back, 0 unchanged, 0 refused"
said "new      names revision 1, 24 files, $(cat c/names/* | wc -c) B"
[ "$(state deep)" = "deep 1 pending 3 7 " ] || fail "deep: $(state deep)"
[ "$(state empty)" = "empty 1 pending 0 0 " ] || fail "an empty directory"
[ "$(state links)" = "links 1 pending 0 0 target" ] || fail "what links require: $(state links)"
[ "$(state toplink)" = "toplink 1 pending 0 0 target" ] || fail "what a link above the cut requires"
contents() { # item
  local d
  d=$(sed -n "s/.*{item: \"$1\", revision: [0-9]*, contents: {sha256: \([0-9a-f]*\),.*/\1/p" station/draft.yaml | tail -n 1)
  cat "station/contents/${d:0:2}/$d"
}
contents deep >deep.yaml
grep -qxF '  - {path: "deep/e", dir: true}' deep.yaml || fail "an empty directory beside e.b"
[ "$(sed -n 's/.*path: "\([^"]*\)".*/\1/p' deep.yaml | tr '\n' ' ')" = "deep/1/2/3/4/5/6/7/8/9/file deep/e deep/e.b deep/empty-file deep/f " ] || fail "order of records"
contents names | grep -F 'path: "names/run"' | grep -q 'exec: true' || fail "executable"
contents names | grep -qF 'path: "names/say \"hi\""' || fail "quotes"

# twice: nothing changed, no content is opened
expect 0 env ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=openat2 -o trace satchel-export scan
summary "0 new, 0 changed, 0 gone, 0 back, 8 unchanged, 0 refused"
grep -q '"top.txt"' trace && fail "an unchanged file was opened"
# without the cache everything is read, with the same result
cp station/draft.yaml draft.1
rm station/cache
expect 0 satchel-export scan
cmp draft.1 station/draft.yaml || fail "another result without the cache"
expect 0 env ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=openat2 -o trace satchel-export scan --rehash
grep -q '"top.txt"' trace || fail "--rehash read nothing"
cmp draft.1 station/draft.yaml || fail "another result with --rehash"
# a cache that is damaged is none
head -c 100 station/cache >cache.cut
cp cache.cut station/cache
expect 0 satchel-export scan
cmp draft.1 station/draft.yaml || fail "another result with half a cache"

# modification times alone are no change; with other changes, records that stay keep theirs
touch -d 2020-01-01 c/names/yes
expect 0 satchel-export scan
summary "0 new, 0 changed, 0 gone, 0 back, 8 unchanged, 0 refused"
before=$(contents names | grep -F '"names/yes"')
echo more >>c/names/null
touch -d 2019-01-01 c/names/yes
expect 0 satchel-export scan
said "changed  names revision 2, 24 files, $(cat c/names/* | wc -c) B"
[ "$(contents names | grep -F '"names/yes"')" = "$before" ] || fail "the mtime of a record that stayed"
chmod 644 c/names/run
expect 0 satchel-export scan
said "changed  names revision 3, 24 files, $(cat c/names/* | wc -c) B"

# the same size and time, other bytes: seen by ctime, and within the racy window as well
echo abcd >c/top.txt
touch -d 2020-02-02T00:00:00Z c/top.txt
expect 0 satchel-export scan
echo efgh >c/top.txt
touch -d 2020-02-02T00:00:00Z c/top.txt
expect 0 satchel-export scan
grep -q '^changed  top.txt revision 3' "$T/out" || fail "same size and mtime, other bytes"
for i in 1 2 3 4 5 6 7 8; do # as fast as can be: the clock of the file system hardly moves
  echo "abc$i" >c/top.txt
  expect 0 satchel-export scan
  grep -q "^changed  top.txt revision $((i + 3))," "$T/out" || fail "a change right after a scan was missed ($i)"
done

# gone, and back
mv c/target away
expect 0 satchel-export scan
said "gone     target revision 1, 1 file, 2 B"
[ "$(state target)" = "target 1 gone 1 2 " ] || fail "state of what is gone"
[ "$(state links)" = "links 1 pending 0 0 " ] || fail "a link that dangles now requires nothing"
mv away c/target
expect 0 satchel-export scan
said "back     target revision 1, 1 file, 2 B"
[ "$(state links)" = "links 1 pending 0 0 target" ] || fail "a link that points to something again"

# a directory becomes a file, a file a directory
rm -r c/empty && echo x >c/empty
rm c/top.txt && mkdir c/top.txt && echo y >c/top.txt/y
expect 0 satchel-export scan
grep -q '^changed  empty revision 2, 1 file' "$T/out" && grep -q '^changed  top.txt revision 12, 1 file' "$T/out" || fail "types changed"

# everything that can't be carried, at once, with the reason; the items stay out, the others proceed
cp station/draft.yaml draft.2
mkdir c/bad c/bad/sub
mkfifo c/bad/fifo
ln -s /etc/passwd c/bad/absolute
ln -s ../../outside c/bad/leaves
ln -s a/../../x c/bad/after
echo x >c/bad/suid && chmod u+s c/bad/suid
echo x >c/bad/sgid && chmod g+s c/bad/sgid
python3 - <<'P'
import os, socket
s = socket.socket(socket.AF_UNIX); s.bind("c/bad/socket")
for name in (b"new\nline", b"\xff\xfe", b"esc\x1b[31m", "rtl\u202eexe".encode(), "sep\u2028x".encode(), "bom\ufeff".encode(), b"del\x7f"):
    open(b"c/bad/" + name, "w").close()
os.makedirs(b"c/\xc3\x28/below")
P
mkdir c/target/x && mkfifo c/target/x/pipe
echo fine >c/good
if [ "$(id -u)" = 0 ]; then want=16; else
  echo secret >c/bad/secret && chmod 0 c/bad/secret
  mkdir c/bad/closed && chmod 0 c/bad/closed
  want=18
fi
expect_word 1 content-refused satchel-export scan
[ "$(grep -c '^refused ' "$T/out")" -eq $want ] || { cat "$T/out"; fail "number of refusals"; }
for word in 'bad/fifo: a FIFO' 'bad/socket: a socket' 'bad/absolute: an absolute link' 'bad/leaves: a link to' 'bad/after: a link to' \
  'bad/suid: has a set-id bit' 'bad/sgid: has a set-id bit' 'target/x/pipe: a FIFO'; do
  grep -qF "refused  $word" "$T/out" || { cat "$T/out"; fail "not said: $word"; }
done
LC_ALL=C grep -qP '[\x00-\x09\x0b-\x1f\x7f]' "$T/out" && fail "control characters on stdout"
grep -q '^new      good revision 1' "$T/out" || fail "what is good did not proceed"
summary "1 new, 0 changed, 0 gone, 0 back, 7 unchanged, 3 refused"
expect 2 satchel-export list bad
[ "$(state target)" = "target 1 pending 1 2 " ] || fail "a refused item must stay as it was"
# it stays refused, and when it is mended the change that came with it is seen
expect 1 satchel-export scan --json
python3 - "$T/out" <<'P' || fail "json"
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1])]
assert sum(o.get("state") == "refused" for o in lines) >= 16
assert lines[-1]["error"] == "content-refused" and lines[-2]["summary"]["refused"] == 3
P
echo changed >c/target/it
expect 1 satchel-export scan
chmod -R u+rwX c/bad && rm -r c/bad c/target/x c/$'\xc3\x28'
expect 0 satchel-export scan
grep -q '^changed  target revision 2' "$T/out" || fail "a change while the item was refused"

# excluded: by name at any depth, by path, and only what is left counts
sed -i 's/^exclude: .*/exclude: ["lost+found", "*.tmp", "deep\/1\/**"]/' station/station.yaml
echo x >c/deep/e/y.tmp
expect 0 satchel-export scan
grep -q '^changed  deep revision 2, 2 files' "$T/out" || fail "exclude"

# portable names
mkdir c/port && echo 1 >c/port/Same && echo 2 >c/port/same && echo 3 >c/port/con.txt && echo 4 >c/port/$'e\xcc\x81' && echo 5 >'c/port/end.'
rm -f 'c/names/back\slash' 'c/names/trail ' 'c/names/*x' c/names/a:* 'c/names/say "hi"' c/names/2026*
expect 0 satchel-export scan
printf 'policy:\n  portable_names: true\n' >>station/station.yaml
expect 1 satchel-export scan
for n in same con.txt 'end.'; do grep -q "^refused  port/$n: .*portable_names" "$T/out" || { cat "$T/out"; fail "portable: $n"; }; done
[ "$(grep -c '^refused' "$T/out")" -eq 4 ] || { cat "$T/out"; fail "portable names"; }
grep -q 'port/Same' "$T/out" && fail "the first of two names is fine"
exit 0
