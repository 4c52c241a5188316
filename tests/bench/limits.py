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


def calls(source, folder, level, size, carried):
    """What tests/tools/limits says: {"read": (wall, processor), ...} in seconds."""
    names = []
    for top, _, found in os.walk(source):
        names += [os.path.relpath(os.path.join(top, n), source) for n in found if not os.path.islink(os.path.join(top, n))]
    out = subprocess.run([TOOL, source, folder, str(level), str(size), "carried" if carried else "cached"], stdout=subprocess.PIPE, check=True,
                         input=b"".join(os.fsencode(n) + b"\0" for n in sorted(names))).stdout.decode()
    return {x.split()[0]: tuple(float(y) for y in x.split()[1:]) for x in out.splitlines()}


TOLD = (("read", "reading all files"), ("hash", "reading and hashing them"), ("write", "writing %.1f GB, fsync"),
        ("create", "creating them, all processors, one sync"), ("link", "two more names for each, all processors, one sync"))


def measure(name, source, disk, level, carried, small):
    """Does the bare work for a data set at a level of zstd, on a fresh disk; prints; {"pack": seconds, ...}.

    Whatever makes the same promises with these libraries does that much: each byte is read, hashed as object, as frame and, when
    packed, as volume; compressed or decompressed; written past the page cache; what is imported gets a file and two more names.
    Left out: tar, lists and signatures, copying between processes, every wait for order. All processors are at it, with
    nothing to wait for in one another."""
    size = 16 << 20 if small else 1 << 30
    disk.renew()
    took = calls(source, disk.folder, level, size, carried)
    if level == 0:
        print("  %s: SHA-256 %.2f GB/s; zstd -1 %.0f, -3 %.0f, decompression %.0f MB/s, each by one core" % (
            (name, sha256() / 1e9) + tuple(x / 1e6 for x in zstd(source, disk.folder, size))))
        for what, text in TOLD:
            print("     %-50s %7.2f s, %7.2f s of processor" % ((text % (size / 1e9) if "%" in text else text,) + took[what]))
    for what in ("pack", "verify", "import"):
        print("     %-50s %7.2f s, %7.2f s of processor" % (("what level %d needs: %s" % (level, what),) + took[what]), flush=True)
    return {what: took[what][0] for what in ("pack", "verify", "import")}
