#!/bin/bash
# The whole path on a tree with everything that trips tools up: the published tree equals the source in names, kinds,
# bytes, executable bits and times; a second revision follows; verify finds nothing to say; exit codes throughout.
. "$(dirname "$0")/lib.sh"
c=$T/content
mkdir -p "$c"
/usr/bin/python3 - "$c" <<'P'
import os, sys
c = sys.argv[1]
def put(path, data=b"x", mode=0o644, mtime=1700000000):
    full = os.path.join(c, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "wb") as f: f.write(data)
    os.chmod(full, mode)
    os.utime(full, (mtime, mtime))
for i, name in enumerate(["no", "yes", "~", "null", "1e3", "0x10", "010", "2026-01-01", "a: b", "- x", "#c", "&a", "*a", "!t", "%d", "@x",
        "`x", "{a}", "[a]", "x,y", "?", "|", ">", "'", "\"q\"", "it's", "back\\slash", "two  blanks", " lead", "trail ", "-rf", "--help", "$HOME",
        "$(id)", "a;b", "ümläut", "e\u0301", "é", "日本語", "😀", "UPPER", "upper", "=", "<<", ".hidden", "..x", "...", "a" * 255]):
    put(f"names/{name}", f"{i} {name}".encode())
    put(f"top {name}"[:255], f"top {i}".encode())
put("dirs/" + "/".join(f"d{i}" for i in range(60)) + "/deep", b"deep")
put("empty/file", b"")
os.makedirs(os.path.join(c, "empty/dir/below"), exist_ok=True)
os.makedirs(os.path.join(c, "emptyitem"), exist_ok=True)
put("exec/tool", b"#!/bin/sh\n", 0o755)
put("exec/twin", b"#!/bin/sh\n", 0o644)
put("exec/other", b"#!/bin/sh\n", 0o711)
for i in range(50): put(f"dup/{i}/same", b"same bytes" * 1000, mtime=1700000000 + i)
put("a.b/x", b"1"); put("a/x", b"2"); put("a-b/x", b"3")      # order of paths: '-' '.' '/' around
put("sort/a.b", b"1"); put("sort/a/x", b"2"); put("sort/a-b", b"3"); put("sort/a0", b"4")
put("old/file", b"old", mtime=0); put("old/future", b"new", mtime=4102444800)
big = os.urandom(1 << 20)
put("big/random", big * 9 + b"tail"); put("big/zero", b"\0" * (20 << 20))
put("frames/exact", os.urandom((4 << 20) - 512)); put("frames/next", os.urandom(4 << 20)); put("frames/one", os.urandom((4 << 20) + 1))
os.makedirs(os.path.join(c, "links/sub"), exist_ok=True)
for target, name in [("target", "links/to"), ("nowhere", "links/dangling"), ("loop", "links/loop"), ("..", "links/sub/up"),
        ("../target", "links/sub/t"), ("../../exec/tool", "links/sub/other-item"), ("sub", "links/todir"), ("../exec", "links/itemlink")]:
    os.symlink(target, os.path.join(c, name))
put("links/target", b"target")
os.symlink("exec/tool", os.path.join(c, "toplink"))
P
quick_station "$c"
mkdir "$T/medium"
expect 0 satchel-export pack "$T/medium"
expect 0 satchel-verify bundle "$T/medium" --trust "$T/station/trust/trust-1.yaml"
quick_store
export SATCHEL_STORE=$T/store
expect 0 satchel-import apply "$T/medium"
p=$T/store/published/updates/
facts() { # what must be the same: kind, executable, size, time, target
  (cd "$1" && find . -mindepth 1 \( -type f -printf '%P\0f %s %TY-%Tm-%TdT%TH:%TM\n' -o -type l -printf '%P\0l %l\n' -o -type d -printf '%P\0d\n' \) | LC_ALL=C sort)
}
same_tree "$c" "$p"
# The time of an object is that of the record that published it first, so files of equal bytes share one.
facts "$c" | grep -av '^dup/\|^exec/' >"$T/a"; facts "$p" | grep -av '^dup/\|^exec/' >"$T/b"
cmp "$T/a" "$T/b" || { diff -a "$T/a" "$T/b" | head >&2; fail "kinds, sizes or times differ"; }
[ -x "$p/exec/tool" ] && [ ! -x "$p/exec/twin" ] && [ -x "$p/exec/other" ] || fail "executable bits"
[ -z "$(find "$p" -type f ! -perm 0444 ! -perm 0555)" ] || fail "a published file is writable"
[ -z "$(find "$p" -type d ! -perm 0755)" ] || fail "a published directory is not 0755"
expect 0 satchel-verify store "$T/store" --trust "$T/station/trust/trust-1.yaml"
expect 0 satchel-import status
expect 0 satchel-import log
expect 0 satchel-export status
expect 0 satchel-export list

# once more: nothing changes, exit 0, and it is said
snapshot "$T/store/published/updates/" >"$T/before"
expect_word 0 already satchel-import apply "$T/medium"
snapshot "$T/store/published/updates/" >"$T/after"
cmp "$T/before" "$T/after"

# a second revision: changes of every kind
rm -r "$c/dup/3" "$c/a.b" "$c/links/to"
echo changed >"$c/names/no"; mkdir "$c/links/to"; echo file >"$c/links/to/file"
rm -r "$c/empty/dir"; echo now-a-file >"$c/empty/dir"
rm "$c/toplink"; mkdir "$c/toplink"; echo x >"$c/toplink/x"
chmod 644 "$c/exec/tool"; mkdir "$c/new item"; echo y >"$c/new item/y"
rm "$c/old/file"; ln -s future "$c/old/file"
expect 0 satchel-export scan
expect 0 satchel-export approve --all --ring production
expect 0 satchel-export decline a.b
expect 0 satchel-export sign
expect 0 satchel-export pack "$T/medium"
expect 0 satchel-import apply "$T/medium"
same_tree "$c" "$p"
[ ! -x "$p/exec/tool" ] || fail "exec bit stayed"
expect 0 satchel-verify store "$T/store" --trust "$T/station/trust/trust-1.yaml"

# a third round uses the other tree again
echo again >"$c/names/no"
expect 0 satchel-export scan
expect 0 satchel-export approve names --ring production
expect 0 satchel-export sign
expect 0 satchel-export pack "$T/medium"
expect 0 satchel-import apply "$T/medium"
same_tree "$c" "$p"
expect 0 satchel-verify store "$T/store" --trust "$T/station/trust/trust-1.yaml"

# a fresh store from the same medium ends in the same tree
quick_store second
SATCHEL_STORE=$T/second expect 0 satchel-import apply "$T/medium"
same_tree "$c" "$T/second/published/updates/"
