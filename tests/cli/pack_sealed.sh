#!/bin/bash
# A bundle that is signed on the medium while the station has no copy of its manifest yet: pack was stopped between the two. A
# store may have it already, so its number stands for these very bytes. The next pack takes it into the books as it is if all of
# it is there; else it takes another number. Whatever fails, it is neither changed nor removed.
. "$(dirname "$0")/lib.sh"
c=$T/content
mkdir -p "$c/a"
head -c 9000000 /dev/urandom >"$c/a/noise"
seq 1 1000 >"$c/a/numbers"
quick_station "$c"
quick_store
expect 0 satchel-export destination add store --ring production --key "$T/store/keys/receipt.pub"
mkdir "$T/m"
b=$T/m/satchel/updates-00000001
books=$T/station/bundles/1
expect 0 satchel-export pack "$T/m" --volume-size 8M
snapshot "$books" >"$T/books"
stop() { rm -f "$books"/manifest.yaml*; }   # as it is when pack is killed there
stop
snapshot "$T/m" >"$T/medium"
cp -a "$T/m" "$T/m0" && cp -a "$T/station" "$T/station0"
fresh() { rm -rf "$T/m" "$T/station"; cp -a "$T/m0" "$T/m"; cp -a "$T/station0" "$T/station"; }
untouched() { snapshot "$T/m" | diff "$T/medium" - >"$T/diff" || fail "$1: the medium has changed: $(cat "$T/diff")"; }
bundle_stays() { # bundle 1, whatever else was made
  diff <(cd "$T/m0/satchel" && snapshot updates-00000001) <(cd "$T/m/satchel" && snapshot updates-00000001) >"$T/diff" ||
    fail "$1: bundle 1 has changed: $(cat "$T/diff")"
}

# a dry run says so and writes nothing
snapshot "$T/station" >"$T/before"
expect 0 satchel-export pack "$T/m" --volume-size 8M --dry-run
grep -q 'updates-00000001: is whole by its signature' "$T/err" || fail "a dry run does not tell of the bundle"
snapshot "$T/station" | cmp -s "$T/before" - || fail "a dry run wrote into the station"
untouched "a dry run"

# a store has it, and the receipt is a new witness: a manifest made now would be another one
expect 0 satchel-import -C "$T/store" apply "$T/m"
expect 0 satchel-import -C "$T/store" receipt - --brief
cp "$T/out" "$T/receipt"
expect 0 satchel-export receive "$T/receipt"
expect 0 satchel-export pack "$T/m" --volume-size 8M
grep -q 'updates-00000001: is whole' "$T/err" || fail "what it did is not said"
grep -q '^updates-00000001: ' "$T/out" || fail "the bundle is not named"
untouched "taken into the books"
snapshot "$books" | cmp -s "$T/books" - || fail "the books differ from those of an undisturbed run"
tail -n 1 "$T/station/ledger.jsonl" | grep -q '"event":"pack".*"bundle":"updates-00000001"' || fail "the ledger does not tell of it"
expect 0 satchel-import -C "$T/store" apply "$T/m"
! grep -q sequence-twice "$T/store/journal.jsonl" || fail "two bundles of one number"
expect 0 satchel-export status   # the books are good
# and that is done: the next one is number 2
expect 0 satchel-export pack "$T/m" --volume-size 8M
[ -e "$T/m/satchel/updates-00000002/manifest.yaml" ] || fail "no second bundle"
bundle_stays "a second bundle"

# the station's disk gives an error again and again: each run fails, and the bundle stays
fresh
rm -f "$books/vol-0001.yaml"; mkdir -p "$books/vol-0001.yaml/in-the-way"
for _ in 1 2; do
  satchel-export pack "$T/m" --volume-size 8M >"$T/out" 2>"$T/err" && fail "the copy of an index was not kept, and that is no error"
  untouched "the station could not be written"
done
rm -r "$books/vol-0001.yaml"
expect 0 satchel-export pack "$T/m" --volume-size 8M
untouched "and then it could"
snapshot "$books" | cmp -s "$T/books" - || fail "the books after errors"

# more than the medium may hold of it
fresh
expect_word 3 no-space satchel-export pack "$T/m" --volume-size 8M --medium-size 8M
untouched "--medium-size"

# not whole: left as it is, and another one is made
spoil() { # what: changes $b; the next pack makes number 2
  fresh
  (cd "$T/m/satchel/updates-00000001" && eval "$1")
  rm -rf "$T/spoiled" && cp -a "$b" "$T/spoiled"
  expect 0 satchel-export pack "$T/m" --volume-size 8M
  grep -q "updates-00000001: .*another bundle is made" "$T/err" || fail "$1: not said"
  diff <(snapshot "$T/spoiled") <(snapshot "$b") >"$T/diff" || fail "$1: it was touched: $(cat "$T/diff")"
  [ "$(ls "$T/m/satchel")" = "$(printf 'updates-0000000%d\n' 1 2)" ] || fail "$1: $(ls "$T/m/satchel")"
  [ ! -e "$books/manifest.yaml" ] || fail "$1: a bundle that is not whole is in the books"
  mv "$b" "$T/aside.$$" && rm -rf "$T/aside.$$"
  expect 0 satchel-verify bundle "$T/m" --trust "$T/station/trust/trust-1.yaml"
}
spoil 'flip vol-0001.tar.zst 5000000'
spoil 'truncate -s -1 vol-0002.tar.zst'
spoil 'echo >>vol-0001.yaml'
spoil 'rm vol-0002.yaml'
spoil 'rm VERIFY.txt'
spoil 'echo >>approvals.yaml'
# the number was for another bundle: one that stands under a name which is not its own is nobody's to write over
fresh
expect 0 satchel-export -C "$T/station" pack "$T/m" --volume-size 9M
cp "$T/m/satchel/updates-00000002"/* "$T/m0/satchel/updates-00000001/"
snapshot "$T/m0" >"$T/medium"
spoil :
rm -rf "$T/m0/satchel/updates-00000001" && cp -a "$T/spoiled" "$T/m0/satchel/updates-00000001"

# no signature of an exporter: nobody takes it for a bundle, and it goes on under its number
for how in 'rm manifest.yaml.*.sig' ': | tee manifest.yaml.*.sig' 'echo >>manifest.yaml'; do
  fresh
  (cd "$b" && eval "$how")
  expect 0 satchel-export pack "$T/m" --volume-size 8M
  grep -q 'continuing the bundle of sequence 1' "$T/err" || fail "$how: not continued"
  [ "$(ls "$T/m/satchel")" = updates-00000001 ] || fail "$how: another sequence"
  expect 0 satchel-verify bundle "$T/m" --trust "$T/station/trust/trust-1.yaml"
done
