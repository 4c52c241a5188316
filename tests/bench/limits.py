"""What the machine can do at best, measured in the same run: the yardstick for what is left to gain."""
import os
import re
import subprocess

import data

TOOL = os.path.join(os.environ.get("SATCHEL_BIN", os.path.join(data.REPO, "build")), "tests", "tools", "limits")


def sha256():
    """Bytes a second of one core, in long strings."""
    out = subprocess.run(["openssl", "speed", "-mr", "-seconds", "1", "-bytes", "16384", "-evp", "sha256"],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.decode()
    return float(re.search(r"^\+F:.*:([\d.]+)$", out, re.M).group(1))


def zstd(source, folder, size):
    """Bytes a second of one core on the first part of what tar makes of a data set: -1, -3, and decompression."""
    sample, got = os.path.join(folder, "sample"), []
    subprocess.run("tar -C '%s' --sort=name -cf - . 2>/dev/null | head -c %d >'%s'" % (source, size, sample), shell=True, check=True)
    for level in ("-b1", "-b3"):
        out = subprocess.run(["zstd", level, "-i3", "-T1", sample], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             check=True).stdout.decode()
        got.append([float(x) * 1e6 for x in re.findall(r"([\d.]+) MB/s, +([\d.]+) MB/s", out)[-1]])
    os.unlink(sample)
    return got[0][0], got[1][0], got[1][1]


def calls(source, folder, size):
    """What tests/tools/limits says: {"read": (wall, processor), ...} in seconds."""
    names = []
    for top, _, found in os.walk(source):
        names += [os.path.relpath(os.path.join(top, n), source) for n in found if not os.path.islink(os.path.join(top, n))]
    out = subprocess.run([TOOL, source, folder, str(size)], input=b"".join(os.fsencode(n) + b"\0" for n in sorted(names)),
                         stdout=subprocess.PIPE, check=True).stdout.decode()
    return {x.split()[0]: tuple(float(y) for y in x.split()[1:]) for x in out.splitlines()}


def measure(name, source, disk, small):
    """Measures on a fresh disk, prints; what floors() needs."""
    size = 16 << 20 if small else 1 << 30
    disk.renew()
    at = {"sha": sha256(), "zstd": zstd(source, disk.folder, size), "write": size}
    at.update(("call " + k, v) for k, v in calls(source, disk.folder, size).items())
    print("  %s: SHA-256 %.2f GB/s; zstd -1 %.0f, -3 %.0f, decompression %.0f MB/s, each by one core" % (
        name, at["sha"] / 1e9, *(x / 1e6 for x in at["zstd"])))
    for what, text in (("read", "reading all files"), ("hash", "reading and hashing them"),
                       ("write", "writing %.1f GB, fsync" % (size / 1e9)), ("create", "creating them, all processors, one sync"),
                       ("link", "two more names for each, all processors, one sync")):
        print("     %-50s %7.2f s, %7.2f s of processor" % ((text,) + at["call " + what]), flush=True)
    return at


def floors(at, total, stored):
    """Seconds below which no implementation that makes the same promises with these libraries can come on these processors,
    {phase: s}: each byte is hashed as object, as frame and, when packed, as volume; compressed or decompressed; read from its
    file and written; imported, each file is created and has two more names. Left out: reading volumes, copying between
    processes, tar and lists; and, but for import, the wait for the disk."""
    cores = os.cpu_count()
    _, compress, decompress = at["zstd"]
    shrinks = stored < 0.97 * total
    hashing = max(at["call hash"][1] - at["call read"][1], total / at["sha"])
    pack = (at["call read"][1] + hashing + 2 * stored / at["sha"] + (total / compress if shrinks else 0) +
            at["call write"][1] * stored / at["write"])
    verify = hashing + stored / at["sha"] + (total / decompress if shrinks else 0)
    (made, made_cpu), (named, named_cpu) = at["call create"], at["call link"]
    return {"pack": pack / cores, "verify": verify / cores,
            "import": max(made + named, (verify + made_cpu + named_cpu) / cores)}
