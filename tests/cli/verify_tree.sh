#!/bin/bash
# satchel-verify tree: a deployed copy against what a store publishes: current, missing, stale, changed, extra, withdrawn.
. "$(dirname "$0")/lib.sh"
cd "$T"
mkdir -p c/a/sub c/a.b c/old medium
echo 1 >c/a/same
echo one >c/a/sub/changes
echo 1 >c/a/leaves
ln -s same c/a/link
mkdir c/a/empty
echo x >c/a.b/x
echo old >c/old/f
echo single >c/single
quick_station "$T/c"
quick_store
export SATCHEL_STORE=$T/store
expect 0 satchel-export pack medium
expect 0 satchel-import apply medium
cp -a store/published/updates/. first
chmod -R u+w first
expect 0 satchel-verify tree first --store store
grep -q '^a: revision 1: current' out && grep -q "^first: 4 of 4 items" out || { cat out; fail "current"; }

# the next revision: b comes, old is withdrawn
echo two >c/a/sub/changes
rm c/a/leaves c/a/link
ln -s sub/changes c/a/link
echo comes >c/a/comes
mkdir c/b
echo b >c/b/f
expect 0 satchel-export scan
expect 0 satchel-export approve a b --ring production
expect 0 satchel-export revoke old
expect 0 satchel-export sign
expect 0 satchel-export pack medium
expect 0 satchel-import apply medium
cp -a store/published/updates/. now
chmod -R u+w now
expect 0 satchel-verify tree now --store store
touch now/a/same && chmod 0600 now/a/same
expect 0 satchel-verify tree now --store store
snapshot first >before
expect 1 satchel-verify tree first --store store --jobs 3
snapshot first | cmp -s - before || fail "the copy was written to"
cat >want <<'W'
  missing  a/comes
  stale  a/leaves (as in revision 1)
  stale  a/link (as in revision 1)
  stale  a/sub/changes (as in revision 1)
a: revision 2: stale
a.b: revision 1: current
  stale  old/f (as in revision 1)
old: withdrawn
single: revision 1: current
  missing  b/f
b: revision 1: missing
W
grep -v '^first: ' out | sort >got
sort want | diff - got >&2 || fail "stale copy"
grep -q '^first: 2 of 5 items .* 2 missing, 4 stale, 0 changed, 0 extra, 0 unreadable' out || { tail -n1 out; fail "summary"; }

# changed, extra, of another kind
echo other >now/a.b/x
echo evil >now/a/extra
mkdir -p now/a/nothing now/else/deep
echo e >now/else/deep/f
rm now/single && mkdir now/single && echo s >now/single/s
rm -r now/a/empty && echo file >now/a/empty
expect 1 satchel-verify tree now --store store
cat >want <<'W'
  changed  a.b/x
a.b: revision 1: differs
  changed  a/empty
  extra  a/extra
  extra  a/nothing
a: revision 2: differs
  extra  else/deep/f
b: revision 1: current
  missing  single
  extra  single/s
single: revision 1: differs
W
grep -v '^now: ' out | LC_ALL=C sort >got
LC_ALL=C sort want | diff - got >&2 || fail "changed copy"

# what held missing files is not one too many
cp -a now emptied; rm -r emptied/a/sub/*
expect 1 satchel-verify tree emptied --store store
grep -q '^  missing  a/sub/changes' out && ! grep -q 'a/sub$' out || { cat out; fail "an emptied directory"; }

# one object a line, and CSV
expect 1 satchel-verify tree now --store store --json
python3 - out <<'P' || fail "json"
import json, sys
o = [json.loads(l) for l in open(sys.argv[1])]
items = {x["item"]: x for x in o if "item" in x and "file" not in x}
assert items["a"]["state"] == "differs" and items["a"]["extra"] == 2 and items["a"]["changed"] == 1, items["a"]
assert {x["file"]: x["state"] for x in o if "file" in x}["else/deep/f"] == "extra"
assert o[-1]["items"] == 4 and o[-1]["current"] == 1, o[-1]
P
printf 'x' >'now/else/a "b", c'
expect 1 satchel-verify tree now --store store --csv
python3 - out <<'P' || fail "csv"
import csv, sys
r = list(csv.DictReader(open(sys.argv[1])))
assert {"item": "a.b", "revision": "1", "state": "changed", "path": "a.b/x", "found": ""} in r, r
assert any(x["path"] == 'else/a "b", c' and x["state"] == "extra" and x["item"] == "" for x in r)
assert any(x["item"] == "b" and x["state"] == "current" and x["path"] == "" for x in r)
P
expect 1 satchel-verify tree first --store store --csv
grep -qx '"a",2,stale,"a/leaves",1' out || fail "stale in csv"

# many files, several threads: the order is that of one
mkdir many
for i in $(seq 300); do echo "$i" >many/$i; done
cp -a many c/many
expect 0 satchel-export scan
expect 0 satchel-export approve many --ring production
expect 0 satchel-export sign
expect 0 satchel-export pack medium
expect 0 satchel-import apply medium
for i in $(seq 7 7 300); do echo "$i!" >many/$i; done
mkdir copy && mv many copy/
expect 1 satchel-verify tree copy --store store --jobs 1
mv out one
expect 1 satchel-verify tree copy --store store --jobs 4
cmp -s out one || fail "order depends on threads"
[ "$(grep -c '^  changed  many/' out)" = 42 ] || fail "42 changed"

# an item cut anew, from one into several and back: what it was before is not looked at twice
sed -i 's/^depth: 1/depth: 2/' station/station.yaml
grep -q '^depth: 2' station/station.yaml || echo 'depth: 2' >>station/station.yaml
expect 0 satchel-export scan
expect 0 satchel-export approve 'a/*' --ring production --recut
expect 0 satchel-export sign
expect 0 satchel-export pack medium
expect 0 satchel-import apply medium
rm -rf now
cp -a store/published/updates/. now
chmod -R u+w now
expect 0 satchel-verify tree now --store store
grep -q '^a/same: revision 1: current' out && ! grep -q '^a: ' out || { cat out; fail "cut anew"; }
expect 0 satchel-export decline 'a/*'
expect 0 satchel-export approve a --ring production
expect 0 satchel-export sign
expect 0 satchel-export pack medium
expect 0 satchel-import apply medium
expect 0 satchel-verify tree now --store store
expect 0 satchel-export decline a
expect 0 satchel-export sign
expect 0 satchel-export pack medium
expect 0 satchel-import apply medium
expect 1 satchel-verify tree now --store store
grep -q '^a: withdrawn' out && ! grep -q '^a/' out || { cat out; fail "withdrawn, once cut in two ways"; }

# wrong uses
expect 2 satchel-verify tree now
expect 2 satchel-verify tree nowhere --store store
expect 2 satchel-verify tree now --store store --stream other
expect 2 satchel-verify tree now --store store --csv --json
expect 0 satchel-import init empty --name e --trust station/trust/trust-1.yaml --stream updates --ring production
expect 2 satchel-verify tree now --store empty
exit 0
