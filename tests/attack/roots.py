"""Trust roots of any shape, and stores pinned to them, for the scripts T1 to T9 and S13, S14. Written from manifests/FORMAT.md section 4."""
import base64
import json
import os
import subprocess

import forge
from attack import Attacks, changed, faults, read, remove, run, seen_word, stamp, store_state, write

YEAR = 86400 * 365
BY = {version: ['root-a', 'root-b'] for version in range(1, 20)}  # who signs the standard roots
KEYS = [(f'k{n}', ('ed25519', 'ecdsa-p256', 'ecdsa-p384')[n % 3]) for n in range(10)] + \
    [(f'{role}-{letter}', 'ed25519') for role in ('root', 'approver', 'exporter') for letter in 'abc']
STANDARD = {'root': (2, ['root-a', 'root-b', 'root-c']), 'approver': (2, ['approver-a', 'approver-b', 'approver-c']), 'exporter': (1, ['exporter-a', 'exporter-b'])}


class Roots(Attacks):
    """Attacks with keys of their own: k0 to k9, and root, approver, exporter -a to -c."""

    def __init__(self, names=None):
        super().__init__()
        self.keys = forge.Keys(f'{self.work}/keys', names or KEYS)

    def root(self, version, epoch=1, site='site-a', issued=None, life=YEAR, **roles):
        """A root as text; roles: name=(threshold, [keys]), the standard ones where nothing is said."""
        roles = {role: roles.get(role, STANDARD[role]) for role in STANDARD}
        issued = self.site.now - 86400 if issued is None else issued
        names = dict.fromkeys(name for _, members in roles.values() for name in members)
        lines = ['satchel: trust/1', f'site: "{site}"', f'version: {version}', f'epoch: {epoch}', f'issued: {stamp(issued)}',
                 f'expires: {stamp(issued + life)}', 'keys:']
        lines += [f'  - {{id: {self.keys.id[name]}, name: "{name}", algorithm: {self.keys.algorithm[name]}, '
                  f'public: "{base64.b64encode(self.keys.der[name]).decode()}"}}' for name in names]
        lines += ['roles:'] + [f'  {role}: {{threshold: {threshold}, keys: [{", ".join(self.keys.id[name] for name in members)}]}}'
                               for role, (threshold, members) in roles.items()]
        return '\n'.join(lines) + '\n'

    def bundle(self, roots, signed, name='m', number=8, approvers=('approver-a', 'approver-b'), exporters=('exporter-a',), **more):
        """A medium with a bundle that carries the roots {version: text}, signed by {version: names}; see forge.Plan for `more`."""
        plan = self.site.plan(number, **more)
        plan.keys, plan.roots = self.keys, roots
        plan.signers = {**{f'trust-{version}.yaml': signed.get(version, []) for version in roots}, 'approvals.yaml': approvers, 'manifest.yaml': exporters}
        return self.medium(plan, name=name)

    def pinned(self, text, name='s'):
        """A store that trusts this root, and nothing is in it."""
        store, path = f'{self.work}/{name}', f'{self.work}/pin.yaml'
        remove(store)
        write(path, text.encode())
        done = run('satchel-import', 'init', store, '--name', 'perimeter-a', '--trust', path, '--stream', 'updates', '--ring', 'production')
        assert done.code == 0, done.err
        return store

    def expect(self, row, what, store, medium, code, word, roots, publishes=None, after=None, options=()):
        """Applies; then trust/ holds exactly `roots` {version: text}, and nothing else came in (publishes: unless the bundle
        did). after: a good bundle that must enter right then."""
        before = store_state(store)
        done = run('satchel-import', '-C', store, *options, 'apply', medium)
        wrong = faults(done, word)
        wrong += self.trust_is(store, roots)
        if publishes is None:
            words = [word] if word else []
            wrong += [f'U: {one}' for one in changed(store, before, words) if not about_roots(one)]
        elif not os.path.exists(f'{store}/published/updates/{publishes}'):
            wrong.append(f'{publishes} is not published: {done.out!r:.300}')
        if after:
            good = run('satchel-import', '-C', store, 'apply', after)
            wrong += [] if good.code == 0 else [f'R: the good bundle exits {good.code}: {(good.out + good.err).decode()[:400]}']
        self.line(row, what, f'{code} {word}'.strip(), f'{done.code} {seen_word(done, word)}'.strip(), wrong)
        return done

    @staticmethod
    def trust_is(store, roots):
        found = sorted(name for name in os.listdir(f'{store}/trust') if name.endswith('.yaml'))
        if found != sorted(f'trust-{version}.yaml' for version in roots):
            return [f'trust/ holds {found}']
        return [f'trust-{version}.yaml is another one' for version, text in roots.items()
                if read(f'{store}/trust/trust-{version}.yaml') != text.encode()]


class Chain(Roots):
    """Cases on a store that went from root 1 to 3, with list 7 in effect: as the fixture's, by these keys."""

    def __init__(self):
        super().__init__()
        self.base = self.chain(3)
        self.good = self.bundle(self.base, BY, name='good')

    def chain(self, last, **newest):
        """Roots 1 to last; newest: what the last one is like."""
        return {version: self.root(version, **(newest if version == last else {})) for version in range(1, last + 1)}

    def store_at_3(self):
        path, copy = f'{self.work}/at3', f'{self.work}/s'
        if not os.path.isdir(path):
            self.pinned(self.base[1], name='at3')
            done = run('satchel-import', '-C', path, 'apply', self.bundle(self.base, BY, number=7, name='seven'))
            assert done.code == 0, done.out + done.err
        remove(copy)
        subprocess.run(['cp', '-a', path, copy], check=True)
        return copy

    def case(self, row, what, roots, code, word, ends, signed=None, after='good', **more):
        """A bundle that carries these roots. ends: the version that trust/ ends at; 3 is what the store had."""
        kept = {version: text for version, text in {**roots, **self.base}.items() if version <= ends}
        medium = self.bundle(roots, {**BY, **(signed or {})}, **more)
        return self.expect(row, what, self.store_at_3(), medium, code, word, kept, publishes=None if code else 'doc',
                           after=self.good if after == 'good' else after)

    def unsaid(self, medium, roots, signed):
        """Files trust-N.yaml laid beside a bundle that does not name them."""
        for version, text in roots.items():
            path = f'{medium}/satchel/updates-00000008/trust-{version}.yaml'
            write(path, text.encode())
            self.keys.sign(path, signed.get(version, []))
        return medium


def about_roots(wrong):
    """Whether a line of attack.changed() tells only of a new root and of the run that took it in."""
    return wrong.startswith('trust/') or any(f"'event': '{event}'" in wrong for event in ('root', 'apply', 'applied'))


def journal_roots(store):
    return [line['version'] for line in map(json.loads, open(f'{store}/journal.jsonl', encoding='ascii')) if line['event'] == 'root']
