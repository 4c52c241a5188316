#!/bin/bash
# No descriptors, or an I/O error, at any one opening or reading while names are given back to healed objects, or put right in the trees:
# what says that all is well has done it, and the same command again completes.
. "$(dirname "$0")/../cli/lib.sh"
: "${POINTS:=16}"
command -v strace >/dev/null || skip "no strace here: faults during a check"
c=$T/content
export SATCHEL_STORE=$T/store
mkdir -p "$c/a" "$c/b"
for i in 1 2 3; do echo "$i" >"$c/a/$i"; echo "b $i" >"$c/b/$i"; done
quick_station "$c"
mkdir "$T/m1"; expect 0 satchel-export pack "$T/m1"
quick_store
expect 0 satchel-import apply "$T/m1"
trees() { for tree in a b; do diff -r --no-dereference "$c" "$T/store/streams/updates/$tree/tree" >"$T/diff" || return 1; done; }
restore() { chmod -R u+w "$T/store" 2>/dev/null || true; rm -rf "$T/store"; cp -a "$T/base" "$T/store"; }
sweep() { # COMMAND...: of $T/base; 0 or 3 where nothing fails
  restore
  count_calls "$@" || [ $? -eq 3 ] || fail "$* under strace"
  trees || fail "$* does not complete: this test is blind"
  for what in openat2:EMFILE pread64:EIO; do
    numbers=$(points ${what%:*} "$POINTS") || fail "$* never calls ${what%:*}: this test is blind"
    for n in $numbers; do
      restore
      inject ${what%:*} error=${what#*:} $n "$@" || continue
      case $got in 127) continue;; 0|1|3|4) ;; *) fail "$what $n of $*: exit $got";; esac
      if [ $got -eq 0 ] || grep -q 'hashed: ' "$T/out"; then
        trees || fail "$what $n of $*: exit $got, to its end, and names are missing: $(cat "$T/diff")"
      fi
      got=0; "$@" >"$T/out" 2>"$T/err" || got=$?
      [ $got -eq 0 ] || [ $got -eq 3 ] || fail "$what $n of $*: again: exit $got"
      expect 0 satchel-import apply "$T/m1"
      satchel-import check >"$T/out" 2>"$T/err" || expect 0 satchel-import apply "$T/m1"
      expect 0 satchel-import check
      trees || fail "$what $n of $*: not even at the end: $(cat "$T/diff")"
    done
  done
}

# set aside, and then it comes again
for i in 1 2; do f=$(sha256sum <"$c/a/$i" | cut -d' ' -f1); echo x >>"$T/store/objects/${f:0:2}/$f"; done
expect 3 satchel-import check
rm -rf "$T/base"; cp -a "$T/store" "$T/base"
sweep satchel-import apply "$T/m1"
# names that are gone
expect 0 satchel-import apply "$T/m1"
for tree in a b; do rm "$T/store/streams/updates/$tree/tree/a/1" "$T/store/streams/updates/$tree/tree/b/2"; done
rm -rf "$T/base"; cp -a "$T/store" "$T/base"
sweep satchel-import check
enough 40
