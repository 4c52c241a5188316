#!/bin/bash
# Random changes under the content root: a scan with the cache finds exactly what one without it finds.
. "$(dirname "$0")/lib.sh"
cd "$T"
for seed in 1 2 3; do
  python3 - "$seed" <<'P' || fail "seed $seed"
import os, random, shutil, subprocess, sys, time
seed = int(sys.argv[1])
random.seed(seed)
top = f"r{seed}"
os.mkdir(top); os.chdir(top); os.mkdir("c")
def run(*args):
    r = subprocess.run(["satchel-export", *args], capture_output=True, text=True)
    if r.returncode not in (0, 1):
        sys.exit(f"{args}: {r.returncode} {r.stdout} {r.stderr}")
    return r.stdout
run("init", "s", "--content", "c", "--stream", "u", "--depth", str(1 + seed % 2))
names = ["a", "a.b", "a-1", "a!", "a b", "b", "c", "a0", "z", "\u00e9", "a.b.c", "B"]
def path():
    return "/".join(["c"] + [random.choice(names) for _ in range(random.randint(1, 4))])
def is_odd(p):
    return not os.path.islink(p) and not os.path.isfile(p)
def change():
    p, op = path(), random.random()
    try:
        if op < .35:
            os.makedirs(os.path.dirname(p), exist_ok=True)
            if not os.path.lexists(p) or os.path.isfile(p):  # a FIFO would wait for its reader
                open(p, "w").write(str(random.randint(0, 5)))
        elif op < .5: os.makedirs(p, exist_ok=True)
        elif op < .6: shutil.rmtree(p) if os.path.isdir(p) and not os.path.islink(p) else os.unlink(p)
        elif op < .7: os.symlink(random.choice(names), p)
        elif op < .75: os.chmod(p, random.choice([0o644, 0o755]))
        elif op < .8: os.utime(p)
        elif op < .88: os.rename(p, path())
        elif op < .93: os.mkfifo(p)
        else:
            for d, _, files in os.walk("c"):
                for f in files:
                    if is_odd(os.path.join(d, f)): os.unlink(os.path.join(d, f))
    except OSError:
        pass
def rows(station):
    try: return [l.split(", seen: ")[0] + l.split("Z", 1)[1] for l in open(station + "/draft.yaml") if "{item:" in l]
    except FileNotFoundError: return []
for _ in range(20):
    for _ in range(random.randint(1, 6)): change()
    if random.random() < .3: time.sleep(2.1)
    shutil.rmtree("s2", ignore_errors=True); shutil.copytree("s", "s2")
    if os.path.exists("s2/cache"): os.unlink("s2/cache")
    a, b = run("-C", "s", "scan", "--json", "-q"), run("-C", "s2", "scan", "--json", "-q")
    if a != b or rows("s") != rows("s2"):
        sys.exit(f"with the cache:\n{a}\nwithout:\n{b}")
assert rows("s"), "nothing was ever found"
P
done
