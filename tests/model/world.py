"""One history's world: a folder with a content root, a station, media and stores; every act on it is done and, at the
same time, written down as a line of a shell script that repeats it.
"""
import os
import shlex
import shutil
import subprocess

from decisions import Decisions, Refused
from destination import Destination, Receipt, objects_of, union, with_required
from documents import Bundle, Catalogue, List, load, read, sha256, walk
from model import KEEP, Store

PROGRAMS = ("satchel-export", "satchel-import", "satchel-verify")
STREAM = "updates"


class Wrong(Exception):
    """The programs did something else than the model."""


class World:
    def __init__(self, root, rings):
        self.root = root
        self.script = ["set -u", "W=$(mktemp -d); cd \"$W\"; echo \"$W\"; umask 022"]
        self.time = 1700000000
        self.catalogue = Catalogue()
        self.decisions = Decisions(rings)
        self.content = {}   # directory or file below the content root -> its state, see Revision
        self.depth = 1
        self.stores = {}
        self.intact = {}    # store -> sequences of the bundles that it got undamaged
        self.bundles = []   # as packed, on media of their own: out/SEQUENCE
        self.lists = []     # frozen and signed, oldest first
        self.destinations = {}
        self.media = self.backs = 0
        self.dir("content")
        self.dir("out")

    # ---- acts, each with its line in the script ----

    def note(self, text):
        self.script.append("# " + text)

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def dir(self, path):
        os.makedirs(self.path(path), exist_ok=True)
        self.script.append(f"mkdir -p {shlex.quote(path)}")

    def run(self, *argv, codes=(0,)):
        """Runs a command in the world's folder; its exit code must be one of codes. Returns (code, stdout, stderr)."""
        line = shlex.join(argv)
        p = subprocess.run(argv, cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                           timeout=120)
        self.script.append(f"{line}   # {p.returncode}")
        out, err = p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")
        if codes is not None and p.returncode not in codes:
            raise Wrong(f"{line}\n  exit {p.returncode} instead of {' or '.join(map(str, codes))}\n{out}{err}")
        return p.returncode, out, err

    def export(self, *argv, codes=(0,)):
        return self.run("satchel-export", "-C", "station", *argv, codes=codes)

    def write(self, path, text, repeat=1, executable=False):
        """A file of the content root: text, repeated."""
        full = self.path("content", path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        data = text.encode() * repeat
        with open(full, "wb") as f:
            f.write(data)
        os.chmod(full, 0o755 if executable else 0o644)
        self.time += 1
        os.utime(full, (self.time, self.time))
        q = shlex.quote("content/" + path)
        make = f"printf %s {shlex.quote(text)}" if repeat == 1 else f"yes {shlex.quote(text)} | tr -d '\\n' | head -c {len(data)}"
        self.script.append(f"mkdir -p $(dirname {q}); {make} >{q}; chmod {'755' if executable else '644'} {q}; touch -d @{self.time} {q}")
        return ("f", data, executable)

    def write_many(self, path, count):
        """Files 1000, 1001, … of equal bytes."""
        full = self.path("content", path)
        os.makedirs(full)
        for n in range(1000, 1000 + count):
            with open(os.path.join(full, str(n)), "wb") as f:
                f.write(b"same")
            os.utime(os.path.join(full, str(n)), (self.time, self.time))
        q = shlex.quote("content/" + path)
        self.script.append(f"mkdir -p {q}; for n in $(seq 1000 {999 + count}); do printf same >{q}/$n; touch -d @{self.time} {q}/$n; done")
        return {f"{path}/{n}": ("f", b"same", False) for n in range(1000, 1000 + count)}

    def link(self, path, target):
        full = self.path("content", path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if os.path.lexists(full):
            os.unlink(full)
        os.symlink(target, full)
        q = shlex.quote("content/" + path)
        self.script.append(f"mkdir -p $(dirname {q}); ln -sfn {shlex.quote(target)} {q}")
        return ("l", target)

    def remove(self, path):
        full = self.path("content", path)
        if os.path.isdir(full) and not os.path.islink(full):
            shutil.rmtree(full)
        elif os.path.lexists(full):
            os.unlink(full)
        self.script.append(f"rm -rf {shlex.quote('content/' + path)}")

    def copy(self, source, target):
        shutil.copytree(self.path(source), self.path(target), symlinks=True)
        self.script.append(f"mkdir -p {shlex.quote(os.path.dirname(target))}; cp -a {shlex.quote(source)} {shlex.quote(target)}")

    def delete(self, path):
        shutil.rmtree(self.path(path))
        self.script.append(f"rm -r {shlex.quote(path)}")

    def spoil(self, path, at):
        """Changes one byte of a file."""
        with open(self.path(path), "r+b") as f:
            f.seek(at)
            old = f.read(1)[0]
            f.seek(at)
            f.write(bytes([old ^ 0x55]))
        self.script.append(f"printf '\\x{old ^ 0x55:02x}' | dd of={shlex.quote(path)} bs=1 seek={at} conv=notrunc status=none")

    def truncate(self, path, size):
        os.truncate(self.path(path), size)
        self.script.append(f"truncate -s {size} {shlex.quote(path)}")

    def unlink(self, path):
        os.unlink(self.path(path))
        self.script.append(f"rm {shlex.quote(path)}")

    # ---- the station ----

    def init(self):
        self.run("satchel-export", "init", "station", "--content", "content", "--stream", STREAM, "--site", "model",
                 *(a for r in self.decisions.rings for a in ("--ring", r)))

    def add_store(self, name, rings):
        self.dir("stores")
        self.run("satchel-import", "init", f"stores/{name}", "--name", name, "--trust", "station/trust/trust-1.yaml",
                 "--stream", STREAM, *(a for r in sorted(rings) for a in ("--ring", r)))
        with open(self.path("stores", name, "store.yaml"), "a", encoding="ascii") as f:
            f.write("policy:\n  ahead_days: 0\n")
        self.script.append(f"printf 'policy:\\n  ahead_days: 0\\n' >>stores/{name}/store.yaml")
        self.export("destination", "add", name, *(a for r in sorted(rings) for a in ("--ring", r)),
                    "--key", f"stores/{name}/keys/receipt.pub")
        self.destinations[name] = Destination(name, rings)
        self.intact[name] = set()
        self.stores[name] = Store(name, rings, self.catalogue)

    def cut_at(self, depth):
        """Changes which directories are the items."""
        self.run("sed", "-i", f"s/^depth: .*/depth: {depth}/", "station/station.yaml")
        self.depth = depth

    def item_of(self, path):
        return "/".join(path.split("/")[:self.depth])

    def scan(self):
        self.export("scan")
        content, links = {}, {}
        for path, v in ((p, v) for state in self.content.values() for p, v in state.items()):
            item = self.item_of(path)
            content.setdefault(item, {})[path] = v
            to = links.setdefault(item, set())
            if v[0] == "l":
                to.add(self.item_of(os.path.normpath(os.path.join(os.path.dirname(path), v[1]))))
        self.decisions.scan(content, links)
        self.catalogue.add(self.path("station", "contents"))

    def decide(self, argv, act):
        """A command that decides, and the same on the model; a refusal must be one of both, and changes nothing."""
        after = self.decisions.copy()
        try:
            act(after)
            codes = (0,)
        except Refused as e:
            codes = (e.code,)
        self.export(*argv, codes=codes)
        if codes == (0,):
            self.decisions = after

    def sign(self, *argv):
        """Freezes, signs, and compares the new list, if one came of it, with the decisions."""
        nothing = not self.lists and not self.decisions.entries() and not self.decisions.revoked
        self.export(*(argv or ("sign",)), codes=(1 if nothing else 0,))
        newest = max((n for n in os.listdir(self.path("station", "lists")) if n.endswith(".yaml")),
                     key=lambda n: int(n.partition(".")[0]), default=None)
        if newest is None:
            return
        lst = List(read(self.path("station", "lists", newest)))
        if self.lists and self.lists[-1].digest == lst.digest:
            lst = self.lists[-1]
        else:
            self.lists.append(lst)
        if argv != ("renew",):
            self.compare_list(lst)

    def compare_list(self, lst):
        want = self.decisions.entries()
        seen = {(e.item, e.revision): (e.rings, e.requires, e.urgent) for e in lst.items}
        for key in sorted(want.keys() | seen.keys()):
            if want.get(key) != seen.get(key):
                raise Wrong(f"list {lst.order[1]}: {key[0]} revision {key[1]}: is {seen.get(key)}, should be {want.get(key)}")
        for e in lst.items:
            state = self.decisions.revision(e.item, e.revision).state
            tree = self.catalogue.tree(e.item, e.contents)
            if {p: v if v[0] != "f" else ("f", sha256(v[1]), v[2]) for p, v in state.items()} != tree:
                raise Wrong(f"list {lst.order[1]}: {e.item} revision {e.revision} is not what was scanned")

    def effective(self):
        return self.lists[-1] if self.lists else None

    def draft_contents(self, item):
        """The contents lists of an item's revisions as the station knows them, newest first."""
        draft = load(read(self.path("station", "draft.yaml")))
        return [r["contents"]["sha256"] for r in reversed(draft["revisions"]) if r["item"] == item]

    def must_carry(self, lst, names, only=None, ahead=None, assume_sent=False, fresh=False):
        """{object: bytes} that a bundle for these destinations must carry (none named: for every store), with what goes
        ahead (objects by item); None where one of `only` is neither for them nor ahead. fresh: as if nothing was known
        of them."""
        to = [self.destinations[n] if not fresh else Destination(n, self.destinations[n].rings) for n in names]
        ahead = ahead or {}

        def extra(rings):
            return {d: size for objects, left in ahead.values() if left & set(rings) for d, size in objects.items()}

        entries = [] if lst is None else lst.items if not to else [e for d in to for e in lst.entries(d.rings).values()]
        if only is not None and not only <= {e.item for e in entries} | ahead.keys():
            return None
        if only is not None and lst is not None:
            only = with_required(lst.items, only)
        if not to:
            objects = {**objects_of(self.catalogue, entries, only), **extra(self.decisions.rings)}
            return union([{d: [(0, size)] for d, size in objects.items()}])
        needs = []
        for d in to:
            mine = [] if lst is None else lst.entries(d.rings).values()
            needs.append(d.needs({**objects_of(self.catalogue, mine, only), **extra(d.rings)}, assume_sent, self))
        return union(needs)

    def receipt(self, name, brief):
        """A receipt on a medium of its own; taken in or not is another act."""
        store = self.stores[name]
        store.receipts += 1
        self.backs += 1
        medium = f"back/{self.backs}"
        self.dir(medium)
        self.run("satchel-import", "-C", f"stores/{name}", "receipt", medium, *["--brief"] * brief)
        return name, medium, Receipt(store, store.receipts, brief)

    def receive(self, name, medium, receipt):
        taken = self.destinations[name].receive(receipt)
        self.export("receive", medium, codes=(0 if taken else 1,))

    def acknowledge(self, name, bundle):
        self.export("acknowledge", name, str(bundle.sequence))
        self.destinations[name].acknowledge(bundle)

    def pack(self, argv, carries, codes=(0,)):
        """Packs onto a medium of its own. carries: {object: bytes} it must carry, no more and no less; None where no
        bundle may come of it."""
        medium = f"out/{len(self.bundles) + 1}"
        self.dir(medium)
        self.export("pack", medium, *argv, codes=codes)
        if carries is None:
            if os.listdir(self.path(medium)):
                raise Wrong("there should be nothing on the medium")
            os.rmdir(self.path(medium))
            self.script.append(f"rmdir {medium}")
            return None
        names = os.listdir(self.path(medium, "satchel"))
        b = Bundle(self.path(medium, "satchel", names[0]))
        b.medium = medium
        have = b.objects()
        if have != carries:
            raise Wrong(f"{b.name} carries {describe(have, carries)}")
        self.bundles.append(b)
        for d in self.destinations.values():
            if not b.destinations or d.name in b.destinations:
                d.sent.append(b)
        return b

    # ---- media and stores ----

    def deliver(self, name, media, folder=None, store=None):
        """Brings media (lists of (bundle, damage)) to a store in one call of apply."""
        store = store or self.stores[name]
        paths, after = [], []
        for medium in media:
            medium = sorted(medium, key=lambda x: x[0].name)
            if len(medium) == 1 and medium[0][1] is None:
                paths.append(medium[0][0].medium)
                after.append(medium)
                continue
            self.media += 1
            path = f"in/{self.media}"
            done = []
            for b, damage in medium:
                self.copy(f"{b.medium}/satchel/{b.name}", f"{path}/satchel/{b.name}")
                done.append((b, damage(self, b, f"{path}/satchel/{b.name}") if damage else None))
            paths.append(path)
            after.append(done)
        code = store.apply(after)
        if not folder:
            self.intact[name] |= {b.sequence for medium in after for b, damage in medium
                                  if not damage and (not b.destinations or name in b.destinations)}
        self.run("satchel-import", "-C", folder or f"stores/{name}", "apply", *paths, codes=(code,))
        for p in paths:
            if p.startswith("in/"):
                self.delete(p)
        self.compare(store, folder or f"stores/{name}")

    def roll_back(self, name, revision=None, exempt=()):
        """Where objects were set aside as damaged, going back to what needs them may be refused."""
        store = self.stores[name]
        before = store.rollback
        code = store.roll_back(revision, exempt)
        got, _, _ = self.run("satchel-import", "-C", f"stores/{name}", "rollback", *([str(revision)] if revision else []),
                             *(a for i in sorted(exempt) for a in ("--with-revoked", i)),
                             codes=(0, 3) if store.lost and code == 0 else (code,))
        if got != code:
            store.rollback = before
        self.compare(store, f"stores/{name}")

    def to_newest(self, name):
        self.run("satchel-import", "-C", f"stores/{name}", "rollback", "--to-newest")
        self.stores[name].rollback = None
        self.compare(self.stores[name], f"stores/{name}")

    def prune(self, name, keep):
        store = self.stores[name]
        self.run("satchel-import", "-C", f"stores/{name}", "prune", "--keep", str(keep))
        trees = self.trees(f"stores/{name}")
        published = {i["contents"] for t in trees for i in t["items"]}
        store.prune(self.compare_lists(store, f"stores/{name}", keep), published)
        self.compare(store, f"stores/{name}", keep)

    def rot(self, name, rng):
        """A file of the store changes on its disk; check sets the object aside."""
        store, folder = self.stores[name], f"stores/{name}"
        fit = []
        for d in sorted(store.received.keys() - store.lost - self.catalogue.documents.keys()):
            under = f"{folder}/objects/{d[:2]}"
            if store.received[d] > 0 and not any(n.startswith(d + ".") for n in os.listdir(self.path(under))):
                fit.append(f"{under}/{d}")
        if not fit:
            return
        path = rng.choice(fit)
        digest = os.path.basename(path)
        self.spoil(path, rng.randrange(store.received[digest]))
        store.lost.add(digest)
        self.run("satchel-import", "-C", folder, "check", codes=(3,))
        self.compare(store, folder)

    # ---- comparing ----

    def trees(self, folder):
        """What each of the two trees says of itself."""
        out = []
        for tree in "ab":
            path = self.path(folder, "streams", STREAM, tree, "state.yaml")
            if os.path.exists(path):
                out.append(load(read(path)))
        return out

    def compare(self, store, folder, keep=KEEP):
        self.compare_tree(store, folder)
        self.compare_lists(store, folder, keep)
        objects = self.path(folder, "objects")
        held = {n for sub in os.listdir(objects) for n in os.listdir(os.path.join(objects, sub)) if len(n) == 64}
        want = store.received.keys() - store.lost
        if held != want:
            raise Wrong(f"{folder} holds {len(held - want)} objects too many {sorted(held - want)[:5]}, "
                        f"{len(want - held)} too few {sorted(want - held)[:5]}")

    def compare_lists(self, store, folder, keep=KEEP):
        """The lists kept: those that must be, and at most those beside that a tree still publishes something from."""
        kept = {tuple(map(int, n.split("-"))) for n in os.listdir(self.path(folder, "streams", STREAM, "lists"))}
        must = store.kept_lists(keep)
        may = {(int(x["epoch"]), int(x["revision"])) for t in self.trees(folder) for x in [t.get("complete")] if x}
        may |= {(int(i["epoch"]), int(i["list"])) for t in self.trees(folder) for i in t["items"]}
        if not must <= kept or not kept <= must | may:
            raise Wrong(f"{folder} keeps the lists {sorted(kept)}, should keep {sorted(must)} and may keep {sorted(may)}")
        store.lists = {o: l for o, l in store.lists.items() if o in kept}
        return kept

    def compare_tree(self, store, folder):
        want, seen = store.tree(), walk(self.path(folder, "published", STREAM))
        wrong = [p for p in sorted(want.keys() | seen.keys()) if want.get(p) != seen.get(p)]
        # a directory whose only file was set aside is made when the file comes
        wrong = [p for p in wrong if not (store.lost and want.get(p) == ("d",) and p not in seen
                                          and not any(k.startswith(p + "/") for k in want.keys() | seen.keys()))]
        if wrong:
            newest, complete = store.newest(), store.complete()
            raise Wrong(f"{folder} publishes something else; by the model its newest list is "
                        f"{newest and newest.order}, complete {complete and complete.order}, rollback {store.rollback}:\n"
                        + "\n".join(f"  {p}: is {seen.get(p)}, should be {want.get(p)}" for p in wrong[:40]))
        store.settle()

    def status(self, name):
        store = self.stores[name]
        newest = store.newest()
        code = 4 if store.lost or (newest and not store.whole(newest)) else 0
        self.run("satchel-import", "-C", f"stores/{name}", "status", codes=(code,))

    def verify(self, name):
        code = 1 if self.stores[name].lost else 0
        self.run("satchel-verify", "store", f"stores/{name}", "--trust", "station/trust/trust-1.yaml", codes=(code,))


def describe(have, want):
    more, less = sorted(have.keys() - want.keys()), sorted(want.keys() - have.keys())
    other = sorted(d for d in have.keys() & want.keys() if have[d] != want[d])
    return (f"{len(more)} objects too many {[m[:12] for m in more[:5]]}, {len(less)} too few {[m[:12] for m in less[:5]]}, "
            f"{len(other)} in other extents {[(m[:12], have[m], want[m]) for m in other[:5]]}")
