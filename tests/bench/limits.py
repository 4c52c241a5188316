"""What the machine can do at best, measured in the same run: the yardstick for what is left to gain."""
import os
import re
import subprocess
import threading
import time

FILES = 20000


def rate(n, act):
    start = time.monotonic()
    act()
    return n / (time.monotonic() - start)


def sha256():
    out = subprocess.run(["openssl", "speed", "-mr", "-seconds", "1", "-bytes", "16384", "-evp", "sha256"],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.decode()
    return float(re.search(r"^\+F:.*:([\d.]+)$", out, re.M).group(1))


def zstd(source, folder, size):
    """Bytes a second of one core on the first part of what tar makes of a data set: -1, -3, and decompression."""
    sample, got = os.path.join(folder, "sample"), []
    subprocess.run("tar -C '%s' --sort=name -cf - . 2>/dev/null | head -c %d >'%s'" % (source, size, sample), shell=True, check=True)
    for level in ("-b1", "-b3"):
        out = subprocess.run(["zstd", level, "-i1", "-T1", sample], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             check=True).stdout.decode()
        got.append([float(x) for x in re.findall(r"([\d.]+) MB/s, +([\d.]+) MB/s", out)[-1]])
    os.unlink(sample)
    return got[0][0], got[1][0], got[1][1]


def write(folder, size):
    path, block = os.path.join(folder, "written"), bytes(1 << 20)

    def act():
        fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        for _ in range(size >> 20):
            os.write(fd, block)
        os.fsync(fd)
        os.close(fd)
    got = rate(size, act)
    os.unlink(path)
    return got


def create(folder, files):
    """Files of 2 KB, one sync at the end, by two threads in folders of their own."""
    data = bytes(2048)

    def some(i):
        own = os.path.join(folder, "made%d" % i)
        os.mkdir(own)
        at = os.open(own, os.O_RDONLY)
        for k in range(files // 2):
            fd = os.open(str(k), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=at)
            os.write(fd, data)
            os.close(fd)
        os.close(at)

    def act():
        threads = [threading.Thread(target=some, args=(i,)) for i in range(2)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        subprocess.run(["sync", "-f", folder], check=True)
    return rate(files, act)


def link(folder, files):
    def act():
        os.mkdir(os.path.join(folder, "linked"))
        for k in range(files // 2):
            os.link(os.path.join(folder, "made0", str(k)), os.path.join(folder, "linked", str(k)))
        subprocess.run(["sync", "-f", folder], check=True)
    return rate(files // 2, act)


def show(folder, sources, small):
    """Measures and prints; what floors() needs."""
    files, size = (1000, 16 << 20) if small else (FILES, 1 << 30)
    print("\nlimits of this machine")

    def line(name, fmt, *values):
        print("  %-50s %s" % (name, fmt % values), flush=True)
        return values if len(values) > 1 else values[0]
    at = {"sha": line("SHA-256, one core, GB/s", "%.2f", sha256() / 1e9) * 1e9, "zstd": {}}
    for name, source in sources.items():
        at["zstd"][name] = line("zstd -1, -3, decompression, one core, on " + name, "%.0f, %.0f, %.0f MB/s",
                                *zstd(source, folder, size // 4))
    line("sequential write and fsync, GB/s", "%.2f", write(folder, size) / 1e9)
    at["create"] = line("files created, 2 KB each, two threads, one sync", "%.0f a second", create(folder, files))
    at["link"] = line("hard links, one sync", "%.0f a second", link(folder, files))
    return at


def floors(at, name, files, total, stored):
    """Seconds below which no implementation that makes the same promises with these libraries can come on these processors,
    {phase: s}: each byte is hashed as object, as frame and, when packed, as volume; compressed or decompressed; each file is
    created and has two more names. Reading, copying, tar, system calls of files that are only read, and the disk are left out:
    its rate differs too much from one moment to the next."""
    cores = os.cpu_count()
    _, compress, decompress = (x * 1e6 for x in at["zstd"][name])
    shrinks = stored < 0.97 * total
    pack = (total + 2 * stored) / at["sha"] + (total / compress if shrinks else 0)
    verify = (total + stored) / at["sha"] + (total / decompress if shrinks else 0)
    names = files / at["create"] + 2 * files / (at["link"] * cores)
    return {"pack": pack / cores, "verify": verify / cores, "import": verify / cores + names}
