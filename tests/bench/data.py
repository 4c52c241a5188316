"""The data sets, made once from what the distribution's mirror offers and kept in BENCH_DIR.

A  258 .deb files of 1 to 12 MB, taken evenly from the list of packages: compressed already
B  the source of Linux: many files of text
C  200,000 files of 0.5 to 4 KB, cut out of B, in 200 directories
D  an ext4 image of 2 GiB, filled with what A's packages hold

size "small" makes the same four kinds out of this checkout, without a network, in a second.
"""
import multiprocessing
import os
import random
import shutil
import subprocess
import tarfile

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
ENV = dict(os.environ, LC_ALL="C", TZ="UTC")
TIME = 1700000000


def run(*argv, **more):
    return subprocess.run(argv, check=True, env=ENV, **more)


def packages():
    """(name, version) of 258 packages, evenly from the sorted list."""
    found, one = {}, {}
    text = run("apt-cache", "dumpavail", stdout=subprocess.PIPE).stdout.decode("utf-8", "replace")
    for line in text.splitlines() + [""]:
        if line == "":
            if 1e6 <= int(one.get("Size", 0)) <= 12e6:
                found[one["Package"]] = one["Version"]
            one = {}
        elif line[0] != " ":
            key, _, value = line.partition(":")
            one[key] = value.strip()
    names = sorted(found)
    if len(names) < 258:
        raise SystemExit("bench: apt-cache knows too few packages; run `apt-get update`")
    return ["%s=%s" % (n, found[n]) for n in (names[i * len(names) // 258] for i in range(258))]


def make_a(path, _):
    os.makedirs(path)
    run("apt-get", "-q", "download", *packages(), cwd=path, stdout=subprocess.DEVNULL)


def make_b(path, base):
    os.makedirs(path)
    with_deb = os.path.join(base, "linux")
    shutil.rmtree(with_deb, ignore_errors=True)
    os.makedirs(with_deb)
    listed = run("apt-cache", "depends", "linux-source", stdout=subprocess.PIPE).stdout.decode().split()
    package = next(x for x in listed if x.startswith("linux-source-"))
    run("apt-get", "-q", "download", package, cwd=with_deb, stdout=subprocess.DEVNULL)
    run("sh", "-c", "dpkg-deb --fsys-tarfile *.deb | tar -xf - && xz -dc -T0 usr/src/*.tar.xz | tar -C %s -xf - "
        "--strip-components=1" % path, cwd=with_deb)
    shutil.rmtree(with_deb)


def make_c(path, base, files=200000, per_dir=1000):
    """Slices of the text of B, so that they shrink as real files do."""
    rng, text = random.Random(1), bytearray()
    for top, dirs, names in os.walk(os.path.join(base, "B")):
        dirs.sort()
        for name in sorted(names):
            if name.endswith((".c", ".h", ".py", ".sh")) and not os.path.islink(os.path.join(top, name)):
                with open(os.path.join(top, name), "rb") as f:
                    text += f.read()
        if len(text) > 400 << 20:
            break
    for i in range(files):
        folder = os.path.join(path, "d%04d" % (i // per_dir))
        if i % per_dir == 0:
            os.makedirs(folder)
        size = rng.randint(512, 4096)
        at = rng.randrange(len(text) - size)
        with open(os.path.join(folder, "f%06d" % i), "wb") as f:
            f.write(b"%06d\n" % i + text[at:at + size])


def make_d(path, base, size=2 << 30, fill=1850 << 20):
    tree, used = os.path.join(base, "tree"), 0
    shutil.rmtree(tree, ignore_errors=True)
    os.makedirs(tree)
    os.makedirs(path)
    for name in sorted(os.listdir(os.path.join(base, "A"))):
        if used >= fill:
            break
        one = os.path.join(tree, name)
        if name.endswith(".deb"):
            run("dpkg-deb", "-x", os.path.join(base, "A", name), one)
        else:
            shutil.copy(os.path.join(base, "A", name), one)
        used += int(run("du", "-s", "-B1", one, stdout=subprocess.PIPE).stdout.split()[0])
        if used > fill:
            shutil.rmtree(one)
            break
    image = os.path.join(path, "disk.img")
    run("mke2fs", "-q", "-t", "ext4", "-U", "c1b9d5a2-f162-11cf-9ece-0020afc76f16", "-m", "0", "-N", "200000" if fill > 1 << 28 else "400",
        "-E", "hash_seed=c1b9d5a2-f162-11cf-9ece-0020afc76f16,lazy_itable_init=0", "-d", tree, image, str(size >> 10),
        stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)


def make_small_a(path, _):
    os.makedirs(path)
    for i, name in enumerate(("lib", "manifests", "export", "verify", "import", "tests/unit")):
        with tarfile.open(os.path.join(path, "%d.tar.xz" % i), "w:xz") as t:
            t.add(os.path.join(REPO, name), name)


def make_small_b(path, _):
    for name in ("lib", "manifests", "export", "verify", "import"):
        shutil.copytree(os.path.join(REPO, name), os.path.join(path, name))


FULL = {"A": make_a, "B": make_b, "C": make_c, "D": make_d}
SMALL = {"A": make_small_a, "B": make_small_b, "C": lambda p, b: make_c(p, b, 2000, 100),
         "D": lambda p, b: make_d(p, b, 16 << 20, 4 << 20)}


def settle(path):
    """No set-id bits and no odd links (they are not carried), and times that are no reason to hash again."""
    for top, dirs, names in os.walk(path):
        for name in names + dirs:
            p = os.path.join(top, name)
            if os.path.islink(p):
                target = os.readlink(p)
                if target != os.path.normpath(target):
                    os.unlink(p)
                    os.symlink(os.path.normpath(target), p)
            elif name in names:
                os.chmod(p, os.stat(p).st_mode & 0o777)
                os.utime(p, (TIME, TIME))


def make(path, base, of_kind):
    """In a process of its own: its memory would count as the contenders', which are this one's children."""
    shutil.rmtree(path + ".new", ignore_errors=True)
    of_kind(path + ".new", base)
    settle(path + ".new")
    os.rename(path + ".new", path)
    os.sync()


def get(base, name, small):
    """The folder of a data set, made where it is missing."""
    path = os.path.join(base, "small" if small else "full", name)
    base = os.path.dirname(path)
    os.makedirs(base, exist_ok=True)
    if not os.path.exists(path):
        print("making data set %s in %s" % (name, path), flush=True)
        for other in {"C": "B", "D": "A"}.get(name, ""):
            get(os.path.dirname(base), other, small)
        child = multiprocessing.get_context("fork").Process(target=make, args=(path, base, (SMALL if small else FULL)[name]))
        child.start()
        child.join()
        if child.exitcode != 0:
            raise SystemExit("bench: data set %s can't be made" % name)
    return path


def warm(path):
    """Reads everything once. (files, bytes)"""
    files = total = 0
    for top, _, names in os.walk(path):
        for name in names:
            p = os.path.join(top, name)
            if os.path.islink(p):
                continue
            with open(p, "rb") as f:
                while chunk := f.read(1 << 20):
                    total += len(chunk)
            files += 1
    return files, total


def forget(path):
    """Has the page cache let go of what was read and written here."""
    for top, _, names in os.walk(path):
        for name in names:
            if os.path.islink(os.path.join(top, name)):
                continue
            fd = os.open(os.path.join(top, name), os.O_RDONLY)
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)
