"""An independent model of what a store publishes and holds: DESIGN 5 word by word ("What is published", "Rollback",
"Damage"). It knows nothing of how the programs do it.
"""
from documents import with_parents

KEEP = 10        # former lists that a store keeps
LARGE = 4 << 20  # of larger objects the verified extents are kept when the rest is damaged; smaller ones come whole


def ready(entries, has, barred):
    """The items that are ready: objects received, contents neither held nor revoked (`barred`), and the entries of all
    it requires are ready; a cycle as a whole: so the largest set that satisfies this."""
    good = {i for i, e in entries.items() if e.contents not in barred and has(e)}
    while True:
        less = {i for i in good if all(r in good for r in entries[i].requires)}
        if less == good:
            return good
        good = less


def urgent(entries, good):
    """Ready urgent items of a list, and what these require, transitively."""
    out, todo = set(), [i for i in good if entries[i].urgent]
    while todo:
        i = todo.pop()
        if i not in out:
            out.add(i)
            todo.extend(entries[i].requires)
    return out


class Store:
    """One store: what it was given, and what follows from that."""

    def __init__(self, name, rings, catalogue):
        self.name = name
        self.rings = frozenset(rings)
        self.catalogue = catalogue
        self.lists = {}     # order -> List, every list admitted and kept
        self.received = {}  # digest -> size
        self.pieces = {}    # digest -> set of extents, of large objects that are not whole
        self.lost = set()   # files set aside as damaged: not there, but still received by what is in effect
        self.effect = None  # the list that was complete (not: gone back to) when the store was last compared with this model,
        self.shown = {}     # and the entries that were published
        self.bundles = set()
        self.receipts = 0
        self.rollback = None  # (order of the list chosen, order of the newest list of that moment, items exempted)
        self.held = frozenset()

    # ---- the function of DESIGN 5 ----

    def has(self, entry):
        if entry.contents not in self.received or entry.contents not in self.catalogue.documents:
            return False
        objects = self.catalogue.contents(entry.contents)[1].keys()
        if not objects <= self.received.keys():
            return False
        return not self.lost & objects or self.in_effect(entry)

    def in_effect(self, entry):
        """Whether what was set aside as damaged does not hold up an entry: it is in effect already, or needs it nowhere but
        where the published revision does."""
        if entry.contents in {e.contents for e in self.shown.values()}:
            return True
        mine = self.effect.entries(self.rings).get(entry.item) if self.effect else None
        if mine is not None and mine.contents == entry.contents:
            return True
        tree = self.catalogue.tree(entry.item, entry.contents)
        former = self.shown.get(entry.item)
        shown = self.catalogue.tree(entry.item, former.contents) if former else {}
        return not any(v[0] == "f" and v[1] in self.lost and shown.get(p, ())[:2] != v[:2] for p, v in tree.items())

    def settle(self):
        """What is published is known to be that of the model."""
        self.effect = None if self.rolled_back() else self.complete()
        self.shown = self.items()

    def whole(self, lst):
        return all(self.has(e) for e in lst.entries(self.rings).values())

    def newest(self):
        return self.lists[max(self.lists)] if self.lists else None

    def complete_of_itself(self):
        """The highest list all of whose objects are received, as it would be without a rollback."""
        done = [o for o, l in self.lists.items() if self.whole(l)]
        return self.lists[max(done)] if done else None

    def rolled_back(self):
        """Whether a rollback is in force: it ends when a list later than the newest of its moment is complete."""
        if self.rollback is None:
            return False
        done = self.complete_of_itself()
        return done is None or done.order <= self.rollback[1]

    def complete(self):
        return self.lists[self.rollback[0]] if self.rolled_back() else self.complete_of_itself()

    def items(self):
        """{item: its entry}: what is published."""
        newest, complete = self.newest(), self.complete()
        if newest is None:
            return {}
        exempt = self.rollback[2] if self.rolled_back() else frozenset()
        floor = self.rollback[1] if self.rolled_back() else complete.order if complete else (0, 0)
        out = {}
        bases = {}
        early = {}  # of what (a) offers: the order of its list

        def judged(lst, keep=frozenset()):
            entries = lst.entries(self.rings)
            barred = set(self.held)
            barred |= newest.revoked - {e.contents for i, e in entries.items() if i in keep}
            return entries, ready(entries, self.has, barred)

        for order in sorted((o for o in self.lists if o > floor), reverse=True):  # (a)
            entries, good = judged(self.lists[order])
            for i in urgent(entries, good):
                out.setdefault(i, entries[i])
                early.setdefault(i, order)
        if complete:  # (b)
            entries, good = judged(complete, exempt)
            for i in good:
                bases[i] = entries[i]
                out.setdefault(i, entries[i])
            for i in self.behind(entries):  # (c)
                for order in sorted((o for o in self.lists if o < complete.order), reverse=True):
                    older, fit = judged(self.lists[order], exempt)
                    if i in fit:
                        out.setdefault(i, older[i])
                        break
        named = newest.entries(self.rings)
        for i in newest.revoked_items:
            if i not in named and i not in exempt:
                out.pop(i, None)
        # An entry of (a) waits while a published item of another name lies above or below; of two, that of the higher list goes first.
        waiting = sorted((i for i in early if i in out and i not in bases), key=lambda i: (tuple(-n for n in early[i]), i))
        published = out.keys() - set(waiting)
        for i in waiting:
            if any(k.startswith(i + "/") or i.startswith(k + "/") for k in published):
                del out[i]
            else:
                published.add(i)
        return out

    def behind(self, entries):
        """Items that are held, or require, transitively, what is held."""
        out = {i for i, e in entries.items() if e.contents in self.held}
        while True:
            more = {i for i, e in entries.items() if e.requires & out} - out
            if not more:
                return out
            out |= more

    def tree(self):
        out = {}
        for item, e in self.items().items():
            out.update(self.catalogue.tree(item, e.contents))
        out = with_parents(out)
        return {p: v for p, v in out.items() if v[0] != "f" or v[1] not in self.lost}

    # ---- going back ----

    def kept_lists(self, keep=KEEP):
        """Lists that must be kept: complete, those above it, and the newest of those below."""
        complete = self.complete()
        if complete is None:
            return set(self.lists)
        below = sorted(o for o in self.lists if o < complete.order)
        return {o for o in self.lists if o >= complete.order} | set(below[len(below) - min(keep, len(below)):])

    def prune(self, kept, published):
        """Drops every object that no list kept, and no published contents list (of either tree), needs."""
        self.lists = {o: l for o, l in self.lists.items() if o in kept}
        needed = set()
        for contents in published | {e.contents for l in self.lists.values() for e in l.entries(self.rings).values()}:
            needed |= self.catalogue.known(contents, self.received)
        self.received = {d: n for d, n in self.received.items() if d in needed}
        self.pieces = {d: x for d, x in self.pieces.items() if d in needed}
        self.lost &= needed

    def roll_back(self, revision=None, exempt=()):
        """Goes back to a list; the exit code: 2 where there is no such list, 3 where what it needs isn't there."""
        complete = self.complete_of_itself()
        if complete is None:
            return 2
        fit = [o for o in self.lists if (o < complete.order if revision is None else o[1] == revision and o <= complete.order)]
        if not fit:
            return 2
        chosen, newest = self.lists[max(fit)], self.newest()
        named = newest.entries(self.rings)
        for item, e in chosen.entries(self.rings).items():
            revoked = e.contents in newest.revoked or (item in newest.revoked_items and item not in named)
            if not self.has(e) and (item in exempt or not revoked):
                return 3
        self.rollback = (chosen.order, newest.order, frozenset(exempt))
        return 0

    def revoked_of(self, order):
        """Items of a list that the newest one revokes."""
        newest, named = self.newest(), self.newest().entries(self.rings)
        return {i for i, e in self.lists[order].entries(self.rings).items()
                if e.contents in newest.revoked or (i in newest.revoked_items and i not in named)}

    # ---- taking in ----

    def lacks(self, digest, extent):
        if digest in self.received and digest not in self.lost:
            return False
        have = self.pieces.get(digest, set())
        return not covers(have, *extent)

    def take(self, bundle, damage):
        """One bundle of a medium. damage: None; "refused": something small is not what was signed; "interrupted": the
        manifest isn't there; else {volume file: frames lost}. The exit code it stands for, or None where it says nothing
        of itself (skipped, interrupted)."""
        if damage == "interrupted":
            return None
        if damage == "refused":
            return 1
        if bundle.destinations and self.name not in bundle.destinations:
            return None
        code = 0
        for v in bundle.volumes:
            lost = (damage or {}).get(v.file, frozenset())
            code = max(code, self.take_volume(v, lost))
        if bundle.list is not None:
            self.lists.setdefault(bundle.list.order, bundle.list)
        self.bundles.add(bundle.sequence)
        return code

    def receive(self, digest, size):
        self.received[digest] = size
        self.lost.discard(digest)

    def take_volume(self, v, lost):
        code = 0
        wanted = [i for i, (d, _, _, start, length) in enumerate(v.objects) if self.lacks(d, (start, start + length))]
        for i in wanted:
            if any(f in lost for f in v.frames_of(i)):
                code = 3
        for i in wanted:
            digest, size, _, start, length = v.objects[i]
            extents = v.extents(i, lost)
            if size <= LARGE:
                if covers(set(extents), 0, size):
                    self.receive(digest, size)
                continue
            have = self.pieces.setdefault(digest, set())
            have.update(extents)
            if covers(have, 0, size):
                self.receive(digest, size)
                del self.pieces[digest]
        return code

    def apply(self, media):
        """media: a list of media, each a list of (bundle, damage) in order of their names. The exit code of the call."""
        codes = set()
        for medium in media:
            judged, skipped, interrupted = 0, 0, 0
            for bundle, damage in medium:
                code = self.take(bundle, damage)
                if code is not None:
                    judged += 1
                    codes.add(code)
                elif damage == "interrupted":
                    interrupted += 1
                else:
                    skipped += 1
            if not judged and interrupted:
                codes.add(3)
            if not judged and (skipped or not interrupted):
                codes.add(1)
        if self.rollback and not self.rolled_back():
            self.rollback = None
        for code in (1, 3):
            if code in codes:
                return code
        newest = self.newest()
        return 0 if newest is None or self.whole(newest) else 4


def covers(extents, start, end):
    """Whether the extents cover start..end."""
    if start == end:
        return (start, end) in extents
    at = start
    for a, b in sorted(extents):
        if a > at:
            return False
        at = max(at, b)
        if at >= end:
            return True
    return False
