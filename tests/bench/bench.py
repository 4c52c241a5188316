#!/usr/bin/env python3
"""Satchel against what people would use instead: pack, verify, import, in turn, on fresh file systems.

    make bench                       everything; takes an hour, half of it for borg, restic and dar
    BENCH=small make bench           a few seconds, for seeing that it works
BENCH_DIR     where data sets are kept (default /var/tmp/satchel-bench)
BENCH_SETS    "A B C D"        BENCH_ROUNDS  5
BENCH_ONLY    contenders, "satchel satchel-0 a b c borg restic dar"
BENCH_PHASES  "pack verify import"; the former ones still run where a later one needs them
BENCH_MEDIUM  "carried" (default): the medium is mounted anew before verify and before import, so that they read it, as whoever has
              carried one must; "cached": all of it is in the page cache, as where it was just made
BENCH_JSON    a file for all figures
Needs python3, openssl, zstd, tar and, for the full data sets, apt-get and dpkg-deb; root for the file systems.

The source is in the page cache when a job begins. Each job ends with a sync of what it wrote. Figures: wall is the median of the
rounds; cpu user and system time of all processes; mem the largest single process. Ratios are of the same round, then the
median.
"""
import fcntl
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import data
import limits
from rivals import RIVALS

SMALL = os.environ.get("BENCH") == "small"
BASE = os.environ.get("BENCH_DIR", "/var/tmp/satchel-bench")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "1" if SMALL else "5"))
SETS = os.environ.get("BENCH_SETS", "A B C D").split()
ONLY = os.environ.get("BENCH_ONLY", " ".join(RIVALS)).split()
PHASES = os.environ.get("BENCH_PHASES", "pack verify import").split()
CARRIED = {"carried": True, "cached": False}[os.environ.get("BENCH_MEDIUM", "carried")]
BIN = os.environ.get("SATCHEL_BIN", os.path.join(data.REPO, "build"))
TARGETS = {  # phase: {set: (of whom, against whom, at most)}
    "pack": [("satchel", "a", {"A": 0.40, "B": 0.50, "C": 0.40, "D": 0.65}),
             ("satchel-0", "bc", {"A": 0.90, "B": 0.60, "C": 0.70, "D": 0.95})],
    "verify": [("satchel", "c", {"A": 0.8, "B": 0.7, "C": 0.5, "D": 1.4}), ("satchel-0", "c", {"D": 0.8})],
    "import": [("satchel", "abc", {"A": 0.8, "B": 0.8, "C": 1.1, "D": 0.7})],
}


class Disk:
    """A folder on an ext4 of its own, made anew each time; a plain folder where that can't be, which is said."""

    def __init__(self, name, size):
        self.path = tempfile.mkdtemp(prefix=name + ".", dir=BASE)
        self.image = os.path.join(BASE, "small" if SMALL else "full", name + ".img")
        self.file = open(self.image, "ab")
        self.mounted = False
        fcntl.flock(self.file, fcntl.LOCK_EX)  # two at once would measure each other
        self.loops = os.geteuid() == 0 and self.write_image(size) and self.fresh()

    def write_image(self, size):
        """Every block of it is written once, since their first touch is slow, and kept for the next run."""
        if self.file.tell() != size:
            self.file.truncate(0)
            for _ in range(size >> 20):
                self.file.write(bytes(1 << 20))
            os.fsync(self.file.fileno())
        return True

    def fresh(self):
        self.unmount()
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0", self.image],
                       check=True, stdout=subprocess.DEVNULL)
        loop = subprocess.run(["losetup", "--find", "--show", "--direct-io=on", self.image], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        if loop.returncode != 0:
            return False
        self.loop = loop.stdout.decode().strip()
        self.mounted = self.mount()
        if not self.mounted:
            subprocess.run(["losetup", "-d", self.loop])
        return self.mounted

    def mount(self):
        return subprocess.run(["mount", "-t", "ext4", self.loop, self.path], stderr=subprocess.PIPE).returncode == 0

    def carry(self):
        """What it holds is in no cache then."""
        if not self.mounted:
            data.forget(self.path)
            return
        subprocess.run(["umount", self.path], check=True)
        if not self.mount():
            raise SystemExit("bench: a file system that was mounted can't be mounted again")

    def renew(self):
        if self.loops:
            if not self.fresh():
                raise SystemExit("bench: a loop device that worked is gone")
        else:
            shutil.rmtree(self.path)
        self.folder = os.path.join(self.path, "f")
        os.makedirs(self.folder)

    def unmount(self):
        if self.mounted:
            subprocess.run(["umount", self.path], check=True)
            subprocess.run(["losetup", "-d", self.loop], check=True)
            self.mounted = False

    def close(self):
        self.unmount()
        shutil.rmtree(self.path, ignore_errors=True)
        self.file.close()


def job(text, where):
    """Runs shell text to its end: {wall, cpu, mem}."""
    env = dict(os.environ, LC_ALL="C", PATH=BIN + ":" + os.environ["PATH"], **where)
    with tempfile.TemporaryFile() as said:
        start = time.monotonic()
        p = subprocess.Popen(["bash", "-e", "-o", "pipefail", "-c", text], env=env, stdin=subprocess.DEVNULL, stdout=said,
                             stderr=said)
        _, status, used = os.wait4(p.pid, 0)
        wall = time.monotonic() - start
        p.returncode = os.waitstatus_to_exitcode(status)
        if p.returncode != 0:
            said.seek(0)
            raise SystemExit("bench: exit %d of: %s\n%s" % (p.returncode, text, said.read().decode("utf-8", "replace")))
    return {"wall": wall, "cpu": used.ru_utime + used.ru_stime, "mem": used.ru_maxrss / 1024}


def size_of(folder):
    return int(subprocess.run(["du", "-s", "--apparent-size", "-B1", folder], stdout=subprocess.PIPE, check=True).stdout.split()[0])


def contend(name, source, medium, work, check):
    """One run of a contender: {phase: figures}."""
    rival, got = RIVALS[name], {}
    medium.renew()
    work.renew()
    where = {"SRC": source, "M": medium.folder, "W": work.folder}
    job(rival["before"], where)
    for phase in ("prepare", "pack", "verify", "import"):
        if phase not in rival or phase in ("verify", "import") and phase not in PHASES:
            continue
        if phase in ("prepare", "pack"):
            data.warm(source)  # the host takes pages back within minutes
        if phase in ("verify", "import"):
            medium.carry() if CARRIED else data.warm(medium.folder)
        got[phase] = job(rival[phase], where)
        if phase == "pack":
            got[phase]["bytes"] = size_of(medium.folder)
    if check and "import" in got:
        result = os.path.realpath(os.path.join(work.folder, rival["result"]))
        subprocess.run(["diff", "-r", "-q", "--no-dereference", source, result], check=True)
    return got


def median(runs, name, phase, key):
    return statistics.median(r[name][phase][key] for r in runs if phase in r.get(name, {}))


def ratio(runs, phase, name, against):
    """Median over the rounds of name's wall time by that of the fastest of `against` in the median."""
    rounds = [r for r in runs if name in r and all(x in r for x in against)]
    if not rounds:
        return None
    best = min(against, key=lambda x: median(rounds, x, phase, "wall"))
    return statistics.median(r[name][phase]["wall"] / r[best][phase]["wall"] for r in rounds), best


def show(which, files, total, runs):
    print("\n%s: %d files, %.2f GB; %d rounds" % (which, files, total / 1e9, len(runs)))
    print("  %-10s %-8s %8s %15s %8s %8s %10s" % ("", "", "wall s", "(min-max)", "cpu s", "mem MB", "medium MB"))
    for phase in ["prepare"] + PHASES:
        for name in RIVALS:
            walls = [r[name][phase]["wall"] for r in runs if phase in r.get(name, {})]
            if walls:
                print("  %-10s %-8s %8.2f %15s %8.2f %8.0f %10s" % (
                    name, phase, statistics.median(walls), "(%.2f-%.2f)" % (min(walls), max(walls)),
                    median(runs, name, phase, "cpu"), median(runs, name, phase, "mem"),
                    "%.1f" % (median(runs, name, phase, "bytes") / 1e6) if phase == "pack" else ""))
        for name, against, most in TARGETS.get(phase, []):
            got = ratio(runs, phase, name, against)
            if got and which in most:
                print("  %s of %s against %s (%s): %.2f, target %.2f%s" % (phase, name, " ".join(against), got[1], got[0],
                      most[which], "" if got[0] <= most[which] or SMALL else "  MISSED"))
    if all("satchel" in r and "a" in r for r in runs):
        mine, theirs = (median(runs, x, "pack", "bytes") for x in ("satchel", "a"))
        print("  bytes on the medium: %.0f over 1.03 times those of (a), %.0f a file (target 200)" % (
            mine - 1.03 * theirs, (mine - 1.03 * theirs) / files))
    sys.stdout.flush()


def show_floors(disk, sources, seen, figures):
    """How near the machine's limits each figure with a target comes, and whether the target lies within them."""
    print("\nlimits of this machine")
    floors = {}
    for which, runs in figures.items():
        stored = limits.measure(which, sources[which], disk, 0, CARRIED, SMALL)
        shrinks = "satchel" in runs[0] and median(runs, "satchel", "pack", "bytes") < 0.97 * seen[which][1]
        floors[which] = {"satchel-0": stored,
                         "satchel": limits.measure(which, sources[which], disk, 3, CARRIED, SMALL) if shrinks else stored}
    print("\nagainst the limits: wall time, the floor (limits.py says of what), their ratio; the fastest rival, the floor's ratio "
          "to it, the target")
    for phase in PHASES:
        for name, against, most in TARGETS[phase]:
            for which, runs in figures.items():
                if which not in most or any(phase not in r.get(name, {}) for r in runs):
                    continue
                floor = floors[which][name][phase]
                wall, best = median(runs, name, phase, "wall"), ratio(runs, phase, name, against)
                print("  %s %-9s %-7s %6.2f %6.2f %6.2f" % (which, name, phase, wall, floor, wall / floor), end="")
                if best:
                    rival = median(runs, best[1], phase, "wall")
                    print("   (%s) %6.2f %6.2f %6.2f%s" % (best[1], rival, floor / rival, most[which],
                          " out of reach" if floor / rival >= most[which] and not SMALL else ""), end="")
                print()


def contenders():
    have = [n for n in RIVALS if n in ONLY and shutil.which(RIVALS[n].get("tool", "sh"))]
    for name in ONLY:
        if name not in have:
            print("NOT MEASURED: %s is not installed" % name)
    return have


def main():
    os.makedirs(BASE, exist_ok=True)
    sources = {x: data.get(BASE, x, SMALL) for x in SETS}
    names, figures, seen = contenders(), {}, {}
    disks = [Disk("medium", 64 << 20 if SMALL else 4 << 30), Disk("work", 96 << 20 if SMALL else 7 << 30)]
    try:
        if not all(d.loops for d in disks):
            print("NOT ON FRESH FILE SYSTEMS: no loop device can be mounted here (root is needed); folders of %s instead" % BASE)
        print("the medium is read from the %s" % ("device, as one that was carried" if CARRIED else "page cache"), flush=True)
        for which, source in sources.items():
            files, total = seen[which] = data.warm(source)
            runs = figures[which] = []
            for i in range(ROUNDS):
                turn = names[i % len(names):] + names[:i % len(names)]  # who comes first touches memory first, which costs
                runs.append({n: contend(n, source, *disks, check=i == 0) for n in turn})
                print("%s round %d:" % (which, i + 1), " ".join("%s %s" % (n, "/".join("%.2f" % x["wall"] for x in r.values()))
                      for n, r in runs[-1].items()), flush=True)
            show(which, files, total, runs)
        show_floors(disks[1], sources, seen, figures)
        if "BENCH_JSON" in os.environ:
            with open(os.environ["BENCH_JSON"], "w") as f:
                json.dump(figures, f, indent=1)
    finally:
        for d in disks:
            d.close()


if __name__ == "__main__":
    main()
