#!/usr/bin/env python3
"""What a command costs when one item grows from 10,000 to 1,000,000 files: time, processor time and memory, and that a change of
ten files costs what ten files cost.

    tests/bench/scale.py [FILES...]      default: 10000 100000 1000000
SCALE_DIR     where it works (default: a folder of /var/tmp that goes away); SCALE_JOBS  threads (default: one a processor)
Files have 100 to 300 bytes and lie in 2,000 directories at most. `find -ls` beside the scan is what looking costs at least.
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile

import bench
from data import TIME

SIZES = [int(x) for x in sys.argv[1:]] or [10000, 100000, 1000000]
EXPORT, IMPORT = "satchel-export -q -C $W/station ", "satchel-import -q -C $W/store "
JOBS = " --jobs " + os.environ["SCALE_JOBS"] if "SCALE_JOBS" in os.environ else ""


def write(path, text):
    with open(path, "wb") as f:
        f.write(text)
    os.utime(path, (TIME, TIME))


def make(top, files):
    rng, per_dir = random.Random(7), max(50, files // 2000)
    for i in range(files):
        folder = "%s/item/d%04d" % (top, i // per_dir)
        if i % per_dir == 0:
            os.makedirs(folder)
        write("%s/f%07d" % (folder, i), (b"%d %x\n" % (i, rng.getrandbits(64))) * rng.randint(5, 12))
    return ["%s/item/d%04d/f%07d" % (top, i // per_dir, i) for i in (k * files // 10 for k in range(10))]


def steps(ten):
    """(what it is called in the table, shell text)"""
    change = "; ".join("echo changed >>%s" % p for p in ten)
    yield "find -ls", "find $SRC -ls >/dev/null"
    yield "", "sleep 4"  # what was changed a moment ago is not trusted, and hashed again
    yield "scan, everything new", EXPORT + "scan" + JOBS
    yield "scan, nothing changed", EXPORT + "scan" + JOBS
    yield "approve", EXPORT + "approve --all --ring all"
    yield "sign", EXPORT + "sign"
    yield "pack everything", EXPORT + "pack $M --for bench --no-read-back" + JOBS
    yield "verify", "satchel-verify -q bundle $M --trust $W/station/trust/trust-1.yaml" + JOBS
    yield "apply", IMPORT + "apply $M" + JOBS
    yield "", "rm -r $M/satchel; " + EXPORT + "acknowledge bench 1; " + change + "; sleep 3"
    yield "scan, ten changed", EXPORT + "scan" + JOBS
    yield "approve, ten changed", EXPORT + "approve --all --ring all"
    yield "sign, ten changed", EXPORT + "sign"
    yield "pack, ten changed", EXPORT + "pack $M --for bench" + JOBS
    yield "apply, ten changed", IMPORT + "apply $M"
    yield "", "rm -r $M/satchel; " + EXPORT + "acknowledge bench 2; " + EXPORT + "renew; " + EXPORT + "sign"
    yield "pack --approvals-only", EXPORT + "pack $M --approvals-only"
    yield "apply, approvals only", IMPORT + "apply $M"
    yield "status of the store", IMPORT + "status"
    yield "check", IMPORT + "check" + JOBS
    yield "verify store", "satchel-verify -q store $W/store --trust $W/station/trust/trust-1.yaml" + JOBS
    yield "verify tree", "satchel-verify -q tree $SRC --store $W/store" + JOBS
    yield "receipt", IMPORT + "receipt $M"
    yield "receive", EXPORT + "receive $M"
    yield "pack, nothing lacking", EXPORT + "pack $M --for bench" + JOBS
    yield "rollback", IMPORT + "rollback 1"
    yield "rollback --to-newest", IMPORT + "rollback --to-newest"
    yield "prune the store", IMPORT + "prune --keep 0"
    yield "prune the station", EXPORT + "prune"
    yield "", "chmod -R u+w $W/store/objects"
    yield "check, all damaged", IMPORT + "check" + JOBS + " || [ $? -eq 3 ]"


def measure(base, files):
    where = {"SRC": base + "/content", "M": base + "/medium", "W": base}
    got = {}
    shutil.rmtree(base, ignore_errors=True)
    os.makedirs(where["M"])
    ten = make(where["SRC"], files)
    bench.job("""satchel-export -q init $W/station --content $SRC --stream bench --ring all
                 satchel-import -q init $W/store --name bench --trust $W/station/trust/trust-1.yaml --stream bench --ring all
                 satchel-export -q -C $W/station destination add bench --ring all --key $W/store/keys/receipt.pub; sync -f $W""",
              where)
    for name, text in steps(ten):
        used = bench.job(text, where)
        if name:
            got[name] = used
            if name.startswith("pack"):
                used["bytes"] = bench.size_of(where["M"])
            print("%8d  %-24s wall %7.2f s  cpu %7.2f s  mem %4.0f MB%s" % (
                files, name, used["wall"], used["cpu"], used["mem"],
                "  medium %.3f MB" % (used["bytes"] / 1e6) if "bytes" in used else ""), flush=True)
    shutil.rmtree(base)
    return got


def main():
    base = tempfile.mkdtemp(prefix="satchel-scale.", dir=os.environ.get("SCALE_DIR", "/var/tmp"))
    try:
        table = {n: measure(base + "/%d" % n, n) for n in SIZES}
    finally:
        shutil.rmtree(base, ignore_errors=True)
    print("\n%-24s" % "wall s / MB" + "".join("%18d" % n for n in SIZES))
    for name in table[SIZES[0]]:
        print("%-24s" % name + "".join("%11.2f /%5.0f" % (table[n][name]["wall"], table[n][name]["mem"]) for n in SIZES))


if __name__ == "__main__":
    main()
