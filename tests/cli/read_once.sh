#!/bin/bash
# Each byte of the medium is read at most once during an import, and by an audit of several bundles; nothing on it is opened for
# writing, and the main process opens nothing there (guarantee 3, M1, M9).
. "$(dirname "$0")/lib.sh"
command -v strace >/dev/null || skip "no strace here: that each byte of the medium is read once"
case "$SATCHEL_BIN" in *-asan) exit 0;; esac   # the leak checker and strace exclude one another; the plain build covers it
c=$T/content
mkdir -p "$c/item"
head -c 20000000 /dev/urandom >"$c/item/large"
for i in $(seq 300); do echo "$i" >"$c/item/$i"; done
quick_station "$c"
mkdir "$T/medium"
expect 0 satchel-export pack "$T/medium" --volume-size 8M
quick_store
traced() { # command...
  strace -f -y -o "$T/trace" -e trace=openat,openat2,open,read,pread64,readv,preadv,preadv2,mmap,sendfile,splice,copy_file_range \
    "$@" >"$T/out" 2>"$T/err" || fail "$1 under strace: $?"
  /usr/bin/python3 "$T/once.py" "$T/trace" "$T/medium"
}
cat >"$T/once.py" <<'P'
import re, sys, os
trace, medium = sys.argv[1], os.path.realpath(sys.argv[2])
pos, seen, bad, readers, total = {}, {}, [], set(), 0
pending = {}
for line in open(trace, errors="replace"):
    pid, _, rest = line.partition(" ")
    rest = rest.strip()
    if rest.endswith("<unfinished ...>"):
        pending[pid] = rest[:-len("<unfinished ...>")]; continue
    m = re.match(r"<\.\.\. \w+ resumed>(.*)", rest)
    if m: rest = pending.pop(pid, "") + m.group(1)
    if medium not in rest: continue
    m = re.match(r"(\w+)\(", rest)
    call = m.group(1) if m else "?"
    if call in ("open", "openat", "openat2"):
        if "O_WRONLY" in rest or "O_RDWR" in rest or "O_CREAT" in rest: bad.append("opened for writing: " + rest)
        m = re.search(r"= \d+<(.*?)>$", rest)
        if m and m.group(1).startswith(medium): pos[m.group(1)] = 0
        continue
    m = re.match(r"(read|pread64|preadv)\(\d+<([^>]*)>", rest)
    if not m or not m.group(2).startswith(medium):
        if call in ("mmap", "sendfile", "splice", "copy_file_range", "readv", "preadv2"): bad.append("read by " + rest[:200])
        continue
    got = re.search(r"= (\d+)$", rest)
    if not got: continue
    n, name = int(got.group(1)), m.group(2)
    readers.add(pid)
    if call in ("pread64", "preadv"): at = int(re.search(r", (\d+)\)\s*= ", rest).group(1))
    else: at = pos.get(name, 0); pos[name] = at + n
    for a, b in seen.get(name, []):
        if n and at < b and a < at + n: bad.append(f"{name}: {at}+{n} is read again ({a}..{b})")
    seen.setdefault(name, []).append((at, at + n))
    total += n
size = sum(os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk(medium) for f in fs)
if total < 0.9 * size: bad.append(f"only {total} of {size} bytes were seen being read: this test is blind")
for b in bad[:10]: print(b, file=sys.stderr)
sys.exit(1 if bad else 0)
P
traced satchel-import -C "$T/store" apply "$T/medium"
same_tree "$c" "$T/store/published/updates/"
# A second bundle, so that all are looked at before one is judged, with the large object in its pieces once more.
echo more >"$c/item/more"
expect 0 satchel-export scan
expect 0 satchel-export approve --all --ring production
expect 0 satchel-export sign
expect 0 satchel-export pack "$T/medium" --volume-size 8M
traced satchel-verify bundle "$T/medium" --trust "$T/station/trust/trust-1.yaml"
grep -q '^2 of 2 bundles good; 0 findings, 0 notes' "$T/out" || fail "not two good bundles"
