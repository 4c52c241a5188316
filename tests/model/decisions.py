"""An independent model of the station's decisions (DESIGN 5 "Decisions"): which ring has which revision of what.

A revision is what stood under the content root at a scan. Nothing here is read from the station: what comes out is
compared with the lists that it freezes.
"""


class Revision:
    def __init__(self, state, links):
        self.state = state        # {path below the content root: ("f", bytes, exec) | ("l", target) | ("d",)}
        self.links = links        # items that its links point into
        self.declined = False     # as such
        self.declined_for = frozenset()   # these rings
        self.gone = False
        self.requires = None      # of the decision, while any ring has it
        self.urgent = False


class Refused(Exception):
    """What the station must refuse, whole."""

    def __init__(self, code=1):
        super().__init__()
        self.code = code


def nested(a, b):
    return a.startswith(b + "/") or b.startswith(a + "/")


class Decisions:
    def __init__(self, rings):
        self.rings = sorted(rings)
        self.items = {}      # item -> [Revision]; revision N is at N - 1
        self.has = {}        # item -> {ring: revision number}
        self.revoked = set()  # (item, revision number)
        self.present = {}     # what stood under the content root at the last scan, by path
        self.kept = set()     # bytes that the station keeps, since something with them was approved once

    def copy(self):
        other = Decisions(self.rings)
        other.items = {}
        for item, revisions in self.items.items():
            other.items[item] = []
            for r in revisions:
                c = Revision(r.state, r.links)
                c.__dict__.update(r.__dict__)
                other.items[item].append(c)
        other.has = {i: dict(h) for i, h in self.has.items()}
        other.revoked = set(self.revoked)
        other.kept = set(self.kept)
        other.present = self.present
        return other

    def newest(self, item):
        return len(self.items[item])

    def revision(self, item, n):
        return self.items[item][n - 1]

    # ---- scan ----

    def scan(self, content, links):
        """content: {item: its state}; links: {item: items that its links name, whether they exist or not}."""
        self.present = {p: v for state in content.values() for p, v in state.items()}
        for item, revisions in self.items.items():
            if item not in content:
                revisions[-1].gone = True
        for item, state in content.items():
            revisions = self.items.setdefault(item, [])
            to = frozenset(i for i in links[item] if i in content and i != item)
            if not revisions or revisions[-1].state != state:
                if revisions:
                    revisions[-1].gone = False
                revisions.append(Revision(state, to))
            else:
                revisions[-1].gone = False
                revisions[-1].links = to

    # ---- approve, decline, revoke ----

    def declined(self, item, n):
        """The rings that no wildcard gives this revision."""
        r = self.revision(item, n)
        return frozenset(self.rings) if r.declined else r.declined_for

    def is_revoked(self, item, n):
        """Revocation goes by contents: a revision with the bytes of a revoked one is revoked as well."""
        state = self.revision(item, n).state
        return any(i == item and self.revision(i, k).state == state for i, k in self.revoked)

    def requires(self, item, n):
        r = self.revision(item, n)
        return r.links if r.requires is None else r.requires

    def move(self, item, n, rings):
        has, r = self.has.setdefault(item, {}), self.revision(item, n)
        for ring in rings:
            has[ring] = n
        r.declined, r.declined_for = False, frozenset() if r.declined else r.declined_for - set(rings)
        self.tidy()

    def tidy(self):
        """A decision that no ring has any more is none."""
        for item, revisions in self.items.items():
            used = set(self.has.get(item, {}).values())
            for n, r in enumerate(revisions, 1):
                if n not in used:
                    r.requires, r.urgent = None, False
                elif r.requires is None:
                    r.requires = r.links

    def unmet(self):
        for item in sorted(self.has):
            for n in sorted(set(self.has[item].values())):
                rings = {r for r, k in self.has[item].items() if k == n}
                for other in sorted(self.requires(item, n)):
                    missing = rings - set(self.has.get(other, {}))
                    if missing:
                        yield item, n, other, missing

    def approve(self, items, rings, every=False, requires=(), urgent=False, source=None, strict=False,
                recut=False):
        """items: named ones; every: --all; source: --from-ring; strict: --no-requires. Raises Refused."""
        before = {i: set(h.values()) for i, h in self.has.items()}
        named = self.choose(items, rings, every, requires, urgent, source)
        chosen = set(named) | self.close_over(strict)
        self.cut(before, chosen, recut)
        kept = set(self.kept)
        for item, has in sorted(self.has.items()):
            for n in sorted(set(has.values()) - before.get(item, set())):
                self.keep(item, n, kept)

    def keep(self, item, n, kept):
        """What isn't under the content root any more can be approved only if the station had its bytes before."""
        for path, v in self.revision(item, n).state.items():
            if v[0] == "f" and v[1] not in kept and self.present.get(path, ())[:2] != v[:2]:
                raise Refused
        self.kept |= {v[1] for v in self.revision(item, n).state.values() if v[0] == "f"}

    def cut(self, before, chosen, recut):
        """Items never lie in one another: what is newly approved takes the place of what lies above or below it, where
        that was asked for."""
        for item, has in sorted(self.has.items()):
            for n in sorted(set(has.values()) - before.get(item, set())):
                for other in sorted(self.has):
                    if not nested(item, other):
                        continue
                    for k in sorted(set(self.has[other].values())):
                        if not recut or (other, k) in chosen:
                            raise Refused(2)
                        self.has[other] = {r: v for r, v in self.has[other].items() if v != k}
        if next(self.unmet(), None):
            raise Refused
        self.tidy()

    def choose(self, items, rings, every, requires, urgent, source):
        named = []
        for item in sorted(set(items) | (set(self.items) if every else set())):
            n = self.newest(item) if source is None else self.has.get(item, {}).get(source)
            if n is None:
                if item in items:
                    raise Refused
                continue
            r = self.revision(item, n)
            has = self.has.get(item, {})
            got = rings if item in items else [k for k in rings if k not in self.declined(item, n)]
            if not requires and not urgent and all(has.get(k) == n for k in got):
                continue
            if item not in items and (not got or self.is_revoked(item, n) or (r.gone and n not in has.values())):
                continue
            self.revoked = {(i, k) for i, k in self.revoked if i != item or self.revision(i, k).state != r.state}
            self.move(item, n, got)
            r.requires = self.requires(item, n) | r.links
            named.append((item, n))
        if set(items) & set(requires):
            raise Refused(2)
        for item, n in named:
            r = self.revision(item, n)
            r.requires = r.requires | (frozenset(requires) - {item})
            r.urgent = r.urgent or urgent
        return named

    def close_over(self, strict):
        implied = set()
        while True:
            first = next(self.unmet(), None)
            if first is None:
                return implied
            _, _, other, missing = first
            n = self.newest(other) if other in self.items else 0
            if strict or not n or self.declined(other, n) & missing or self.is_revoked(other, n):
                raise Refused
            self.move(other, n, missing)
            implied.add((other, n))
            r = self.revision(other, n)
            r.requires = self.requires(other, n) | r.links

    def decided(self, item):
        """The revisions that something was decided on; a newer one is a new decision."""
        has = set(self.has.get(item, {}).values())
        return [r for n, r in enumerate(self.items[item], 1) if n in has or self.declined(item, n)]

    def decline(self, item, rings=None):
        if rings is None:
            n = self.newest(item)
            r = self.revision(item, n)
            has = self.has.get(item, {})
            if n not in has.values() and not self.is_revoked(item, n) and not r.declined:
                r.declined = True
                return
            if has:
                for decided in self.decided(item):
                    decided.declined = True
            self.has[item] = {}
        else:
            has = self.has.get(item, {})
            if not set(has) & set(rings):
                raise Refused
            for decided in self.decided(item):
                decided.declined_for |= set(rings)
            for ring in rings:
                has.pop(ring, None)
        if next(self.unmet(), None):
            raise Refused
        self.tidy()

    def revoke(self, item):
        had = set(self.has.get(item, {}).values())
        if not had:
            raise Refused
        for n in had:
            self.revoked.add((item, n))
        self.has[item] = {}
        while True:
            first = next(self.unmet(), None)
            if first is None:
                break
            other, n, _, rings = first
            for ring in rings:
                if self.has[other].get(ring) == n:
                    del self.has[other][ring]
        self.tidy()

    # ---- what the next list says ----

    def entries(self):
        """{(item, revision): (rings, requires, urgent)}"""
        out = {}
        for item, has in self.has.items():
            for n in set(has.values()):
                out[item, n] = (frozenset(r for r, k in has.items() if k == n), frozenset(self.requires(item, n)),
                                self.revision(item, n).urgent)
        return out
