"""An independent model of what a station may take for arrived (DESIGN 5 "Receipts", FORMAT 14.7), and of what a bundle for
its destinations must carry: what they lack by that, no more and no less.
"""


def gaps(extents, size):
    """What of 0..size the extents leave out."""
    out, at = [], 0
    for a, b in sorted(extents):
        if a > at:
            out.append((at, a))
        at = max(at, b)
    if at < size or (size == 0 and not extents):
        out.append((at, size))
    return out


def total(extents):
    """The bytes that extents cover together."""
    n = at = 0
    for a, b in sorted(extents):
        n += max(0, b - max(a, at))
        at = max(at, b)
    return n


class Receipt:
    """What a store says of itself at one moment."""

    def __init__(self, store, counter, brief):
        self.counter = counter
        self.brief = brief
        self.rings = store.rings
        self.held = {d: n for d, n in store.received.items() if d not in store.lost}
        self.pieces = {d: set(e) for d, e in store.pieces.items()}
        lists = [store.newest()] if store.rolled_back() else [store.newest(), store.complete()]
        self.lists = [l for l in lists if l is not None]
        self.newest = store.newest()
        self.bundles = set(store.bundles)

    def confirms(self, catalogue):
        if not self.brief:
            return set(self.held)
        out = set()
        for lst in self.lists:
            for e in lst.entries(self.rings).values():
                out |= catalogue.known(e.contents, self.held)
        return out & self.held.keys()


class Destination:
    def __init__(self, name, rings):
        self.name = name
        self.rings = frozenset(rings)
        self.receipt = None
        self.acknowledged = []  # bundles, since the receipt
        self.sent = []          # bundles that were packed for it, or for all

    def receive(self, receipt):
        """The newest one counts. Whether it was taken."""
        if self.receipt is not None and receipt.counter < self.receipt.counter:
            return False
        if self.receipt is None or receipt.counter > self.receipt.counter:
            self.receipt = receipt
            self.acknowledged = []
        return True

    def acknowledge(self, bundle):
        self.acknowledged.append(bundle)

    def lasting(self, arrived, world):
        """Which objects of bundles that arrived since the receipt are there still, whatever was pruned: what the newest list
        needs, and what no list needed since they were packed. A predicate."""
        there = [b.list for b in arrived if b.list] + ([self.receipt.newest] if self.receipt and self.receipt.newest else [])
        if not there:
            return lambda digest: True
        last = max(l.order for l in there)
        at = low = (0, 0)
        first = True
        for b in world.bundles:
            at = b.list.order if b.list else at
            if b in arrived:
                low, first = at if first else min(low, at), False

        def needed(lists):
            return {d for l in lists for e in l.entries(self.rings).values() for d in world.catalogue.contents(e.contents)[1]}

        stays = needed(l for l in world.lists if l.order == last)
        former = needed(l for l in world.lists if low <= l.order < last)
        return lambda digest: digest in stays or digest not in former

    def needs(self, objects, assume_sent, world):
        """Of {object: size} what must be carried: {object: extents}. Of a bundle that the receipt names the receipt alone
        says what became of it; and of one that was sent, not acknowledged, before one that the receipt names."""
        there = {}
        told = set()
        if self.receipt is not None:
            there = {d: {(0, self.receipt.held[d])} for d in self.receipt.confirms(world.catalogue)}
            for d, extents in self.receipt.pieces.items():
                there.setdefault(d, set()).update(extents)
            told = self.receipt.bundles
        since = [b for b in self.sent if b.sequence > max(told, default=0)] if assume_sent else []
        arrived = [b for b in self.acknowledged + since if b.sequence not in told]
        lasting = self.lasting(arrived, world)
        for b in arrived:
            for d, (_, extents) in b.extents().items():
                if lasting(d):
                    there.setdefault(d, set()).update(extents)
        out = {d: gaps(there.get(d, ()), size) for d, size in objects.items()}
        return {d: missing for d, missing in out.items() if missing}


def objects_of(catalogue, entries, only):
    """{object: size} that entries need, of these items alone (None: of all)."""
    out = {}
    for e in entries:
        if only is None or e.item in only:
            out.update(catalogue.contents(e.contents)[1])
    return out


def with_required(entries, only):
    """These items, and all that any revision of them requires in the list, transitively."""
    out, todo = set(), list(only)
    while todo:
        item = todo.pop()
        if item not in out:
            out.add(item)
            todo.extend(r for e in entries if e.item == item for r in e.requires)
    return out


def union(needs):
    """{object: bytes} of several destinations' needs."""
    out = {}
    for n in needs:
        for d, extents in n.items():
            out.setdefault(d, set()).update(extents)
    return {d: total(e) for d, e in out.items()}
