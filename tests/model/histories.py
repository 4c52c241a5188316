#!/usr/bin/python3
"""Random histories of a station and its stores, compared with the model after every step (issue 3, convergence).

    histories.py [--count N] [--first SEED] [--seed N] [--jobs N] [--keep]

A failing history prints its seed, what differs, and the commands that repeat it as a shell script. Programs are found in
$SATCHEL_BIN, else in build/.
"""
import argparse
import itertools
import os
import random
import shutil
import sys
import tempfile
import traceback
from concurrent.futures import ProcessPoolExecutor

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from documents import sha256  # noqa: E402
from model import Store  # noqa: E402
from world import World, Wrong  # noqa: E402

RINGS = ("pilot", "production", "test")
ITEMS = ("apt", "base", "core", "data", "edge", "fonts", "guide")
BIG = "data"        # the item with large files, where a history has some


# ---- damage: each spoils a copy of a bundle and says what that means to the model ----

def lose_frames(rng):
    def act(world, bundle, path):
        lost = {}
        for v in bundle.volumes:
            for n, (at, size) in enumerate(v.frames):
                if rng.random() < 0.5 or (not lost and v is bundle.volumes[-1] and n == len(v.frames) - 1):
                    world.spoil(f"{path}/{v.file}", at + rng.randrange(size))
                    lost.setdefault(v.file, set()).add(n)
        return lost
    return act


def cut_short(rng):
    def act(world, bundle, path):
        if not bundle.volumes:
            return None
        v = rng.choice(bundle.volumes)
        at = rng.randrange(sum(s for _, s in v.frames))
        world.truncate(f"{path}/{v.file}", at)
        return {v.file: {n for n, (a, s) in enumerate(v.frames) if a + s > at}}
    return act


def lose_volume(rng):
    def act(world, bundle, path):
        if not bundle.volumes:
            return None
        v = rng.choice(bundle.volumes)
        world.unlink(f"{path}/{v.file}")
        return {v.file: set(range(len(v.frames)))}
    return act


def spoil_small(rng):
    def act(world, bundle, path):
        names = ["manifest.yaml"] + ["approvals.yaml"] * (bundle.list is not None) + \
            [v.file.replace(".tar.zst", ".yaml") for v in bundle.volumes]
        name = rng.choice(names)
        world.spoil(f"{path}/{name}", rng.randrange(os.path.getsize(world.path(path, name))))
        return "refused"
    return act


def interrupt(_):
    def act(world, bundle, path):
        for name in sorted(os.listdir(world.path(path))):
            if name.startswith("manifest.yaml"):
                world.unlink(f"{path}/{name}")
        return "interrupted"
    return act


DAMAGES = (lose_frames, lose_frames, cut_short, lose_volume, spoil_small, interrupt)


# ---- a history ----

class History:
    def __init__(self, seed, root):
        self.rng = random.Random(seed)
        self.world = World(root, RINGS)
        self.world.note(f"history {seed}")
        self.big = self.rng.random() < 0.15     # some histories have files of several frames
        self.many = self.rng.random() < 0.1     # or an item of more than 1,024 records
        self.recut = self.rng.random() < 0.2    # in some, items are cut anew
        self.siege = self.rng.random() < 0.25   # in some, mostly urgent items get through
        self.serial = 0
        self.under_way = []     # receipts that were written and not taken in yet

    def some(self, of, most=None):
        of = sorted(of)
        return self.rng.sample(of, self.rng.randint(1, min(most or len(of), len(of)))) if of else []

    # content

    def text(self):
        self.serial += 1
        return f"{self.rng.choice('abc')} {self.serial if self.rng.random() < 0.7 else self.rng.randrange(3)}\n"

    def change_item(self, item):
        w, rng, state = self.world, self.rng, self.world.content.setdefault(item, {})
        if item == "guide":     # an item that is a file
            state[item] = w.write(item, self.text())
            return
        if not state:
            for n in range(rng.randint(1, 3)):
                state[f"{item}/f{n}"] = w.write(f"{item}/f{n}", self.text(), executable=rng.random() < 0.2)
            if item == BIG and self.big:
                self.grow(item)
            if item == BIG and self.many:
                state.update(w.write_many(f"{item}/many", 1100))
            return
        kind = rng.random()
        if item == BIG and self.big and rng.random() < 0.5:
            self.grow(item)
        elif kind < 0.5:
            path = f"{item}/{rng.choice(['f0', 'f1', 'sub/g'])}"
            state[path] = w.write(path, self.text(), executable=rng.random() < 0.2)
        elif kind < 0.65 and len([p for p in state if "/f" in p]) > 1:
            path = rng.choice(sorted(p for p in state if "/f" in p))
            w.remove(path)
            del state[path]
        elif kind < 0.8:
            other = rng.choice([i for i in ITEMS if i not in (item, "guide")])
            state[f"{item}/to"] = w.link(f"{item}/to", f"../{other}/f0")
        else:
            path = f"{item}/f0"
            state[path] = w.write(path, rng.choice(["back\n", "forth\n"]))

    def grow(self, item):
        """A file of several frames, or of two volumes."""
        self.serial += 1
        size = self.rng.choice([3, 5, 9, 11])
        self.world.content[item][f"{item}/big"] = self.world.write(f"{item}/big", f"{self.serial} 0123456789abcde\n", repeat=size << 16)

    def change(self):
        w, rng = self.world, self.rng
        for item in self.some(ITEMS[:3] if self.siege and w.lists else ITEMS, 3):
            if item in w.content and rng.random() < 0.08 and len(w.content) > 2:
                w.remove(item)
                del w.content[item]
            else:
                self.change_item(item)
        if self.recut and rng.random() < 0.3:
            w.cut_at(3 - w.depth)
        w.scan()

    # decisions

    def decide(self):
        w, rng, d = self.world, self.rng, self.world.decisions
        kind, rings = rng.random(), self.some(RINGS)
        recut = self.recut and rng.random() < 0.7
        rargs = [a for r in rings for a in ("--ring", r)]
        cut = ["--recut"] * recut
        approved = sorted(i for i, has in d.has.items() if has)
        if kind < 0.25:
            w.decide(("approve", "--all", *rargs, *cut), lambda m: m.approve([], rings, every=True, recut=recut))
        elif kind < 0.65:
            items = self.some(d.items, 3 if not self.recut else 5)
            requires = self.some(d.items, 2) if rng.random() < 0.35 else []
            urgent, strict = rng.random() < (0.8 if self.siege else 0.4), rng.random() < 0.1
            argv = [a for r in requires for a in ("--requires", r)] + ["--urgent"] * urgent + ["--no-requires"] * strict
            w.decide(("approve", *items, *rargs, *argv, *cut),
                     lambda m: m.approve(items, rings, requires=requires, urgent=urgent, strict=strict, recut=recut))
        elif kind < 0.75:
            source = rng.choice(RINGS)
            w.decide(("approve", "--all", *rargs, "--from-ring", source, *cut),
                     lambda m: m.approve([], rings, every=True, source=source, recut=recut))
        elif kind < 0.85:
            item = rng.choice(approved or sorted(d.items))
            some = rings if rng.random() < 0.5 else None
            w.decide(("decline", item, *(rargs if some else [])), lambda m: m.decline(item, some))
        else:
            item = rng.choice(approved or sorted(d.items))
            w.decide(("revoke", item), lambda m: m.revoke(item))

    def round(self):
        rng = self.rng
        if rng.random() < 0.7 or not self.world.content:
            self.change()
        for _ in range(rng.randint(1, 3)):
            self.decide()
        if rng.random() < 0.85:
            self.world.sign()
        elif self.world.lists and rng.random() < 0.3:
            self.world.sign("renew")

    # bundles

    def ahead(self, items, names):
        """{item: (objects of its newest revision, rings)}; None where one may not travel: revoked, gone, declined for all rings
        of those it is for."""
        d, out = self.world.decisions, {}
        whom = [set(self.world.destinations[n].rings) for n in names] or [set(RINGS)]
        for item in items:
            n = d.newest(item)
            r = d.revision(item, n)
            left = set(RINGS) - d.declined(item, n)
            if d.is_revoked(item, n) or r.gone or not any(left & rings for rings in whom):
                return None
            out[item] = self.world.catalogue.contents(self.contents_of(r.state, item))[1], left
        return out

    def contents_of(self, state, item):
        want = {p: v if v[0] != "f" else ("f", sha256(v[1]), v[2]) for p, v in state.items()}
        known = self.world.draft_contents(item)
        for digest in known:
            if self.world.catalogue.tree(item, digest) == want:
                return digest
        raise Wrong(f"{item}: the draft has no revision of these bytes")

    def pack(self):
        w, rng = self.world, self.rng
        lst, argv, names, assume = w.effective(), [], [], False
        if rng.random() < 0.4:
            names = self.some(w.stores, 2)
            assume = rng.random() < 0.2
            argv += [a for n in names for a in ("--for", n)] + ["--assume-sent"] * assume
        part = rng.random()
        hurry = {e.item for e in lst.items if e.urgent} if lst and self.siege and rng.random() < 0.8 else set()
        if part < 0.2 and not hurry:
            w.pack([*argv, "--approvals-only"], {} if lst else None, (0,) if lst else (1,))
            return
        only = None
        if hurry or (part < 0.45 and lst and lst.items):
            only = set(self.some(hurry or {e.item for e in lst.items}, 2))
            argv += [a for i in sorted(only) for a in ("--only", i)]
        ahead = self.some(w.decisions.items, 2) if rng.random() < 0.25 else []
        argv += [a for i in ahead for a in ("--ahead", i)]
        bare = not hurry and rng.random() < 0.2
        argv += ["--content-only"] * bare
        if rng.random() < 0.3:
            argv += ["--volume-size", "8M"]
        extra = self.ahead(ahead, names)
        carries = None if extra is None else w.must_carry(lst, names, only, extra, assume)
        codes = (0,)
        if carries is None or (lst is None and not (bare and ahead)):
            carries, codes = None, (1,)
        elif bare and not carries:      # nothing is approved, or they have it all
            codes = (0,) if names and w.must_carry(lst, names, only, extra, fresh=True) else (1,)
            carries = None
        w.pack(argv, carries, codes)

    def deliver(self, name=None):
        w, rng = self.world, self.rng
        if not w.bundles:
            return
        name = name or rng.choice(sorted(w.stores))
        fresh = [b for b in w.bundles if b.sequence not in w.stores[name].bundles]
        media = []
        for _ in range(1 if rng.random() < 0.75 else 2):
            medium = {}
            for _ in range(rng.choice([1, 1, 1, 2, 3])):
                b = rng.choice(fresh[-4:] if fresh and rng.random() < 0.8 else w.bundles)
                medium[b.sequence] = (b, rng.choice(DAMAGES)(rng) if rng.random() < 0.25 else None)
            media.append(list(medium.values()))
        w.deliver(name, media)

    # what comes back

    def come_back(self, name):
        w, rng = self.world, self.rng
        if rng.random() < 0.8:
            self.under_way.append(w.receipt(name, brief=rng.random() < 0.35))
        while self.under_way and rng.random() < 0.5:
            r = rng.choice(self.under_way[-3:])
            if rng.random() < 0.8:      # else it comes again some day
                self.under_way.remove(r)
            if rng.random() < 0.8:      # else it is lost
                w.receive(*r)
        mine = [b for b in w.bundles if b.sequence in w.stores[name].bundles and b.sequence in w.intact[name]]
        if mine and rng.random() < 0.3:
            w.acknowledge(name, rng.choice(mine))

    # a store's own life

    def live(self, name):
        w, rng, store = self.world, self.rng, self.world.stores[name]
        kind = rng.random()
        if kind < 0.3:
            w.prune(name, rng.choice([0, 1, 2, 5]))
            return
        if kind < 0.5:
            w.rot(name, rng)
            return
        complete = store.complete_of_itself()
        older = sorted(o for o in store.lists if complete and o <= complete.order)
        if rng.random() < 0.25:
            w.to_newest(name)
        elif older and rng.random() < 0.6:
            order = rng.choice(older)
            revoked = store.revoked_of(order)
            w.roll_back(name, order[1], self.some(revoked) if revoked and rng.random() < 0.5 else ())
        else:
            w.roll_back(name)

    # the whole

    def two_orders(self, of):
        every = list(itertools.permutations(of))
        return self.rng.sample(every, min(2, len(every)))

    def orders(self):
        """Any order and grouping of the same bundles ends in the same tree, in a store that is new."""
        w, rng = self.world, self.rng
        if not w.bundles:
            return
        name = rng.choice(sorted(w.stores))
        chosen = rng.sample(w.bundles, min(len(w.bundles), rng.randint(2, 4)))
        for n, order in enumerate(self.two_orders(chosen)):
            folder = f"again/{n}"
            w.dir("again")
            rings = w.stores[name].rings
            w.run("satchel-import", "init", folder, "--name", name, "--trust", "station/trust/trust-1.yaml", "--stream",
                  "updates", *(a for r in sorted(rings) for a in ("--ring", r)))
            store = Store(name, rings, w.catalogue)
            if n == 0:
                for b in order:
                    w.deliver(name, [[(b, None)]], folder, store)
            else:
                cut = rng.randint(1, len(order))
                w.deliver(name, [[(b, None) for b in order[:cut]]] + [[(b, None)] for b in order[cut:]], folder, store)
            w.delete(folder)

    def converge(self):
        """Media get lost no more: everything ends at the newest list."""
        w = self.world
        w.note("from here on nothing is lost")
        self.change()
        w.decide(("approve", "--all", "--recut", *(a for r in RINGS for a in ("--ring", r))),
                 lambda m: m.approve([], RINGS, every=True, recut=True))
        before = len(w.lists)
        w.sign()
        lst = w.effective()
        if lst is None:
            return
        if len(w.lists) == before:
            w.sign("renew")     # a rollback ends with a newer list
            lst = w.effective()
        for _ in range(2):
            for name in sorted(w.stores):
                w.receive(*w.receipt(name, brief=self.rng.random() < 0.3))
                b = w.pack(["--for", name], w.must_carry(lst, [name]))
                w.deliver(name, [[(b, None)]])
        for name in sorted(w.stores):
            store = w.stores[name]
            if store.complete() is None or store.complete().order != lst.order:
                raise Wrong(f"{name} is not at the newest list")
            w.status(name)
            w.verify(name)

    def play(self, steps):
        w, rng = self.world, self.rng
        w.init()
        for n in range(rng.randint(3, 4)):
            w.add_store("abcd"[n], self.some(RINGS, 2))
        self.round()
        for _ in range(steps):
            if rng.random() < 0.5:
                self.round()
            if rng.random() < 0.75:
                self.pack()
            for name in sorted(w.stores):
                if rng.random() < 0.4:
                    self.deliver(name)
                if rng.random() < 0.15:
                    self.come_back(name)
                if rng.random() < 0.1:
                    self.live(name)
        self.orders()
        self.converge()


def play(seed, steps, keep):
    base = os.environ.get("TMPDIR") or ("/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    root = tempfile.mkdtemp(prefix="satchel-history.", dir=base)
    h = History(seed, root)
    try:
        h.play(steps)
        return seed, None, len(h.world.script)
    except Exception as e:  # pylint: disable=broad-except
        what = str(e) if isinstance(e, Wrong) else traceback.format_exc()
        return seed, f"history {seed}: {what}\n\n--- to replay it, run this with bash:\n" + "\n".join(h.world.script) + "\n", 0
    finally:
        if not keep:
            shutil.rmtree(root, ignore_errors=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--count", type=int, default=50)
    p.add_argument("--first", type=int, default=1)
    p.add_argument("--seed", type=int)
    p.add_argument("--steps", type=int, default=15)
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--keep", action="store_true", help="leave the folders")
    a = p.parse_args()
    here = os.path.dirname(os.path.abspath(__file__))
    programs = os.environ.get("SATCHEL_BIN", os.path.join(here, "../../build"))
    os.environ["PATH"] = programs + ":" + os.environ["PATH"]
    if shutil.which("satchel-import") is None:
        sys.exit("histories.py: no programs; build them, or set SATCHEL_BIN")
    for name in ("SATCHEL_STATION", "SATCHEL_STORE", "SOURCE_DATE_EPOCH"):
        os.environ.pop(name, None)
    os.umask(0o022)
    seeds = [a.seed] if a.seed is not None else range(a.first, a.first + a.count)
    lines = failed = 0
    with ProcessPoolExecutor(a.jobs) as pool:
        for _, wrong, n in pool.map(play, seeds, itertools.repeat(a.steps), itertools.repeat(a.keep)):
            lines += n
            failed += wrong is not None
            if wrong is not None:
                sys.stderr.write(wrong)
                sys.stderr.flush()
    print(f"{len(seeds)} histories, {lines} commands, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
