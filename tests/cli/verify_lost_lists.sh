#!/bin/bash
# satchel-verify bundle with the frames lost in which the contents lists lie: what no list needs can't be told then, which is said
# once, and no object is called surplus. Where lists are whole, surplus is told as ever.
. "$(dirname "$0")/lib.sh"
cd "$T"
mkdir -p c/a c/b usb
for i in 1 2 3; do head -c 5000000 /dev/urandom >c/a/$i; done
echo x >c/b/x
quick_station "$T/c"
trust=station/trust/trust-1.yaml
expect 0 satchel-export pack usb
b=updates-00000001
said() { grep -c 'contents lists in it could not be read' out; }
cp -r usb frame && printf 'damage' | dd of=frame/satchel/$b/vol-0001.tar.zst bs=1 seek=100 conv=notrunc status=none
expect 3 satchel-verify bundle frame --trust $trust
[ "$(said)" = 1 ] && ! grep -q 'needs it' out || { cat out; fail "frame 0 damaged"; }
expect 3 satchel-verify bundle frame --trust $trust --json
grep -q '"surplus"' out && fail "a surplus is counted that can't be told"
cp -r usb short && truncate -s 50 short/satchel/$b/vol-0001.tar.zst
expect 3 satchel-verify bundle short --trust $trust
[ "$(said)" = 1 ] && ! grep -q 'needs it' out || { cat out; fail "a volume cut off"; }
# damage behind the lists: they are judged by
cp -r usb behind && printf 'damage' | dd of=behind/satchel/$b/vol-0001.tar.zst bs=1 seek=9000000 conv=notrunc status=none
expect 3 satchel-verify bundle behind --trust $trust --json
grep -q '"surplus": *0' out || { cat out; fail "lists are whole"; }
# a surplus that is one
echo y >c/b/y && expect 0 satchel-export scan && expect 0 satchel-export approve b
expect 0 satchel-export decline a && expect 0 satchel-export sign
mkdir more && expect 0 satchel-export pack more
echo z >c/b/z && expect 0 satchel-export scan && mkdir ahead
expect 0 satchel-export pack ahead --ahead b
expect 0 satchel-verify bundle ahead --trust $trust
grep -q 'needs it' out && [ "$(said)" = 0 ] || { cat out; fail "a surplus"; }
exit 0
