#!/usr/bin/env python3
"""What a change of 1 % costs: B, of which every hundredth directory's files are changed, and then every hundredth file: then each
part of each contents list has one, and all lists travel. Satchel's scan and pack, and beside them the decision in between,
against find, comm, tar and zstd, which find the files by size and time and sign nothing. Each bundle arrives, and its receipt comes back,
before the next change.

    tests/bench/change.py [ROUNDS]      default 5; BENCH_DIR and SATCHEL_BIN as for bench.py
"""
import os
import statistics
import subprocess
import sys

import bench
import data

RIVAL = """cd $SRC; find . -type f -printf '%p %s %T@\\n' | LC_ALL=C sort >$W/after
           LC_ALL=C comm -13 $W/before $W/after | sed 's/ [0-9]* [0-9.]*$//' | tar -cf - -T - | zstd -q -T0 -3 >$M/archive; sync -f $M"""
STATION = "satchel-export -q -C $W/station "
ARRIVES = """satchel-import -q -C $W/store apply $M; satchel-import -q -C $W/store receipt $M
             satchel-export -q -C $W/station receive $M; rm -r $M/satchel"""
JOBS = [  # the name, counted, shell text
    ("find, comm, tar, zstd", RIVAL),
    ("scan", STATION + "scan >/dev/null"),
    ("approve, sign", STATION + "approve --all --ring all >/dev/null; " + STATION + "sign"),
    ("pack", STATION + "pack $M --for bench --no-read-back >/dev/null"),
]


def changed(tree, spread, round_):
    """A hundredth of the files: whole directories, or spread as far as can be."""
    folders = sorted((top, sorted(n for n in names if not os.path.islink(os.path.join(top, n)))) for top, _, names in os.walk(tree))
    paths = [[os.path.join(top, n) for n in names] for top, names in folders if names]
    if spread:
        return [p for some in paths for p in some][round_ % 100::100]
    return [p for some in paths[round_ % 100::100] for p in some]


def change(tree, spread, round_):
    """Each gets a line."""
    for path in changed(tree, spread, round_):
        with open(path, "ab") as f:
            f.write(b"changed %d\n" % round_)
        os.utime(path, (data.TIME + round_, data.TIME + round_))


def prepare(where):
    subprocess.run(["cp", "-a", data.get(bench.BASE, "B", bench.SMALL) + "/.", where["SRC"]], check=True)
    bench.job("""satchel-export -q init $W/station --content $SRC --stream bench --ring all
                 satchel-import -q init $W/store --name bench --trust $W/station/trust/trust-1.yaml --stream bench --ring all
                 satchel-export -q -C $W/station destination add bench --ring all --key $W/store/keys/receipt.pub; sleep 4
                 for c in scan "approve --all --ring all" sign "pack $M --for bench --no-read-back"; do
                   satchel-export -q -C $W/station $c
                 done; """ + ARRIVES, where)


def one_round(number, spread, where):
    bench.job("cd $SRC; find . -type f -printf '%p %s %T@\\n' | LC_ALL=C sort >$W/before", where)
    change(where["SRC"], spread, number)
    bench.job("sleep 4; sync -f $W", where)  # what was changed a moment ago is not trusted, and hashed again
    got = {}
    for name, text in JOBS:
        got[name] = bench.job(text, where)
        got[name]["bytes"] = bench.size_of(where["M"])
        if name == JOBS[0][0]:
            subprocess.run("rm -rf %s/*" % where["M"], shell=True, check=True)
    bench.job(ARRIVES, where)
    return got


def show(title, runs):
    print(title)
    for name, _ in JOBS:
        print("  %-24s wall %6.2f s  cpu %6.2f s  medium %.3f MB" % (
            name, *(statistics.median(r[name][k] for r in runs) for k in ("wall", "cpu")),
            statistics.median(r[name]["bytes"] for r in runs) / 1e6))
    ratio = statistics.median((r["scan"]["wall"] + r["pack"]["wall"]) / r[JOBS[0][0]]["wall"] for r in runs)
    print("  scan and pack against find, comm, tar, zstd: %.2f, target 1.50" % ratio)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    os.makedirs(bench.BASE, exist_ok=True)
    data.get(bench.BASE, "B", bench.SMALL)
    disks = [bench.Disk("medium", 64 << 20 if bench.SMALL else 4 << 30), bench.Disk("work", 96 << 20 if bench.SMALL else 7 << 30)]
    try:
        for d in disks:
            d.renew()
        where = {"M": disks[0].folder, "W": disks[1].folder, "SRC": disks[1].folder + "/content"}
        os.makedirs(where["SRC"])
        prepare(where)
        runs = [[one_round(rounds * spread + i + 1, spread, where) for i in range(rounds)] for spread in (False, True)]
    finally:
        for d in disks:
            d.close()
    for title, some in zip(("every hundredth directory", "every hundredth file"), runs):
        show(title, some)


if __name__ == "__main__":
    main()
