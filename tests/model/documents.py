"""Satchel's documents as the model sees them: read with PyYAML's base loader (all texts), bytes identified by SHA-256.

Written from manifests/FORMAT.md alone; shares no code with the programs. It trusts what it reads: judging hostile
documents is the work of other tests.
"""
import hashlib
import os
import yaml

LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
FRAME_SIZE = 4 << 20


def read(path):
    with open(path, "rb") as f:
        return f.read()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def load(data):
    return yaml.load(data, Loader=LOADER)


class Entry:
    """One revision of an item, approved for some rings (FORMAT 5.2)."""

    def __init__(self, e):
        self.item = e["item"]
        self.revision = int(e["revision"])
        self.rings = frozenset(e["rings"])
        self.contents = e["contents"]["sha256"]
        self.requires = frozenset(e.get("requires", []))
        self.urgent = e.get("urgent") == "true"


class List:
    """An approval list (FORMAT 5). Lists are compared by `order`."""

    def __init__(self, data):
        d = load(data)
        self.digest = sha256(data)
        self.order = (int(d["epoch"]), int(d["revision"]))
        self.items = [Entry(e) for e in d["items"]]
        self.revoked = frozenset(r["contents"] for r in d["revoked"])
        self.revoked_items = frozenset(r["item"] for r in d["revoked"])

    def entries(self, rings):
        """FORMAT 5.10: for each item the highest revision among the entries that name one of these rings."""
        best = {}
        for e in self.items:
            if e.rings & rings and (e.item not in best or e.revision > best[e.item].revision):
                best[e.item] = e
        return best


class Catalogue:
    """The contents lists and parts there are, by digest, and what each of them needs. `add` takes a folder of objects
    laid out as xx/HEX; a document is used only under its own digest."""

    def __init__(self):
        self.documents = {}
        self.seen = set()
        self.parsed = {}

    def add(self, folder):
        for sub in os.listdir(folder):
            for name in os.listdir(os.path.join(folder, sub)):
                if name in self.seen:
                    continue
                data = read(os.path.join(folder, sub, name))
                if sha256(data) != name:
                    raise ValueError(f"{folder}/{sub}/{name} is not what its name says")
                self.seen.add(name)
                self.documents[name] = data

    def contents(self, digest):
        """(records, {object: size}): the records of a contents list, parts read, and every object it takes, itself
        included."""
        if digest not in self.parsed:
            d = load(self.documents[digest])
            records = d.get("files", [])
            objects = {digest: len(self.documents[digest])}
            for p in d.get("parts", []):
                objects[p["sha256"]] = int(p["size"])
                records = records + load(self.documents[p["sha256"]])["files"]
            for r in records:
                if "sha256" in r:
                    objects[r["sha256"]] = int(r["size"])
            self.parsed[digest] = (records, objects)
        return self.parsed[digest]

    def documents_of(self, digest):
        """The parts of a contents list."""
        return {p["sha256"] for p in load(self.documents[digest]).get("parts", [])}

    def named_by(self, digest):
        """The objects whose digests stand in a contents list or part."""
        return {r["sha256"] for r in load(self.documents[digest]).get("files", []) if "sha256" in r}

    def known(self, contents, held):
        """The objects that an entry is known to need where only the documents in `held` can be read."""
        out = {contents}
        if contents in held:
            out |= self.named_by(contents)
            for part in self.documents_of(contents):
                out.add(part)
                if part in held:
                    out |= self.named_by(part)
        return out

    def tree(self, item, digest):
        """{path in the published tree: ("f", digest, exec) | ("l", target) | ("d",)}, without the directories above."""
        above = item.rpartition("/")[0]
        out = {}
        for r in self.contents(digest)[0]:
            path = f"{above}/{r['path']}" if above else r["path"]
            if "sha256" in r:
                out[path] = ("f", r["sha256"], r.get("exec") == "true")
            else:
                out[path] = ("l", r["link"]) if "link" in r else ("d",)
        return out


class Volume:
    """A volume's index: its frames and the spans of its objects."""

    def __init__(self, name, data):
        d = load(data)
        self.file = name.replace(".yaml", ".tar.zst")
        self.frames = [(int(f["at"]), int(f["size"])) for f in d["frames"]]
        self.objects = []	# (digest, size of the whole, place in the tar, from, length)
        for o in d["objects"]:
            size = int(o["size"])
            self.objects.append((o["sha256"], size, int(o["at"]), int(o.get("from", 0)), int(o.get("length", size))))

    def frames_of(self, i):
        """Frames that an entry lies in, header, padding and, for the last, the end of the tar included."""
        _, _, at, _, length = self.objects[i]
        first, last = (at - 512) // FRAME_SIZE, (at + (length + 511) // 512 * 512 - 1) // FRAME_SIZE
        if i + 1 == len(self.objects):
            last = len(self.frames) - 1
        return range(first, last + 1)

    def extents(self, i, lost):
        """The extents of an object (from, to) whose bytes lie in frames that are not lost."""
        _, _, at, start, length = self.objects[i]
        if length == 0:
            return [(0, 0)] if (at - 1) // FRAME_SIZE not in lost else []
        out = []
        for f in range(at // FRAME_SIZE, (at + length - 1) // FRAME_SIZE + 1):
            if f not in lost:
                a, b = max(at, f * FRAME_SIZE), min(at + length, (f + 1) * FRAME_SIZE)
                out.append((start + a - at, start + b - at))
        return out


class Bundle:
    """A bundle as it lies on a medium."""

    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path)
        m = load(read(os.path.join(path, "manifest.yaml")))
        self.sequence = int(m["sequence"])
        self.destinations = frozenset(m["destinations"])
        names = [f["name"] for f in m["files"]]
        self.list = List(read(os.path.join(path, "approvals.yaml"))) if "approvals.yaml" in names else None
        self.volumes = [Volume(n, read(os.path.join(path, n))) for n in sorted(names)
                        if n.startswith("vol-") and n.endswith(".yaml")]

    def extents(self):
        """{digest: (size of the whole, extents carried)}"""
        out = {}
        for v in self.volumes:
            for digest, size, _, start, length in v.objects:
                out.setdefault(digest, (size, set()))[1].add((start, start + length))
        return out

    def objects(self):
        """{digest: bytes carried of it}"""
        out = {}
        for v in self.volumes:
            for digest, _, _, _, length in v.objects:
                out[digest] = out.get(digest, 0) + length
        return out


def walk(root):
    """What lies below a directory: {path: ("f", digest, exec) | ("l", target) | ("d",)}, every directory included."""
    out = {}

    def visit(path, prefix):
        with os.scandir(path) as entries:
            for e in entries:
                name = prefix + e.name
                if e.is_symlink():
                    out[name] = ("l", os.readlink(e.path))
                elif e.is_dir():
                    out[name] = ("d",)
                    visit(e.path, name + "/")
                else:
                    out[name] = ("f", sha256(read(e.path)), bool(e.stat().st_mode & 0o100))

    if os.path.isdir(root):
        visit(root, "")
    return out


def with_parents(tree):
    out = dict(tree)
    for path in tree:
        while "/" in path:
            path = path.rpartition("/")[0]
            out[path] = ("d",)
    return out
