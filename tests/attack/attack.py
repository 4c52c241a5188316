"""Attacks and their oracles: the fixture, and what every case must show. Used by the scripts of this folder, as a module
or through lib.sh:

    attack.py fixture FOLDER                      makes the fixture; a copy per script is `cp -a`
    attack.py forge FIXTURE OUT <<EDIT            a medium with G8 as the Python statements EDIT make it: `plan` is a forge.Plan
    attack.py case FIXTURE ID WHAT EXIT WORD MEDIUM [taken|skipped]    apply MEDIUM to a fresh store: U, E, R
    attack.py snapshot STORE                      what U compares, as JSON
    attack.py unchanged STORE SNAPSHOT [WORD...]  U by itself: only journal lines with these reasons came

The fixture: site-a, trust root 3 (root 2 of 3, approver 2 of 3, exporter 1 of 2), store perimeter-a in ring production with
list 7 in effect, and G8: sequence 8, list 8, two volumes, about forty objects, one of them in pieces, expiring in 30 days.

U  nothing in the store has changed but for journal lines `refused` with the reason (`alarm` where a case says so)
E  exit code and reason word in text and with --json, everything printable, no signal, no sanitizer's report, bounded memory and time
R  the untouched G8 imports right afterwards, and what is published then is exactly what G8 says"""
import hashlib
import json
import os
import re
import resource
import shutil
import stat
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '../oracle'))
import forge  # noqa: E402
import mutations  # noqa: E402
from forge import file_record, read, sha256, write  # noqa: E402,F401

NAMES = [('root-a', 'ed25519'), ('root-b', 'ecdsa-p256'), ('root-c', 'ed25519'), ('approver-a', 'ecdsa-p384'), ('approver-b', 'ed25519'),
         ('approver-c', 'ecdsa-p256'), ('exporter-a', 'ecdsa-p256'), ('exporter-b', 'ed25519'), ('fresh-a', 'ed25519'), ('fresh-b', 'ecdsa-p256')]
MAX_MEMORY, MAX_SECONDS = 256 << 20, 600  # a machine may be five times as slow as another; what hangs is the runner's to end


def stamp(seconds):
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(seconds))


class Good(forge.Plan):
    """The bundle of sequence N with list N: what differs from N to N is in pool/a and pool/b."""
    entries = (('doc', []), ('pool/a', ['    title: "First"', '    requires: ["doc"]']), ('pool/b', []))
    rings = '["production"]'

    def __init__(self, site, number):
        super().__init__(site.keys)
        self.sequence = self.revision = number
        self.roots = dict(site.roots)
        self.signers = {**self.signers, 'trust-2.yaml': ['root-a', 'root-b'], 'trust-3.yaml': ['root-b', 'root-c']}
        self.created = self.issued = stamp(site.now - 3600 * (10 - min(number, 9)))
        self.expires = stamp(site.now + 86400 * 30)
        one = [b'object %d of %d\n' % (n, number if n % 2 else 0) for n in range(14)]
        two = [b'page %d\n' % n * (n + 1) for n in range(20)]
        self.big = b'large %d ' % number * 3000
        self.data = [*dict.fromkeys([*one, *two, b''])]
        self.records = {
            'doc': [file_record(f'doc/p-{n:04d}', data) for n, data in enumerate(two)],
            'pool/a': [file_record('a/bin', one[0], ', exec: true'), '  - {path: "a/empty", dir: true}'] +
                      [file_record(f'a/f{n:02d}', data) for n, data in enumerate(one)] +
                      ['  - {path: "a/link", link: "../../doc/p-0001"}', file_record('a/none', b'')],
            'pool/b': [file_record('b', self.big)],
        }
        self.revisions = {'doc': 1, 'pool/a': number, 'pool/b': number}


class Site:
    """Keys, roots and times of the fixture; all of it follows from its folder."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        if not os.path.exists(f'{folder}/now'):
            write(f'{folder}/now', b'%d' % time.time())
        self.now = int(read(f'{folder}/now'))
        self.keys = forge.Keys(f'{folder}/keys', NAMES)
        self.roots = {version: self.root(version) for version in (1, 2, 3)}
        self.trust, self.store, self.g8, self.g9 = (f'{folder}/{name}' for name in ('trust-1.yaml', 'store', 'g8', 'g9'))

    def root(self, version, **more):
        return self.keys.trust(version, **{'site': 'site-a', 'issued': stamp(self.now - 86400 * (20 - version)),
                                           'expires': stamp(self.now + 86400 * 365), **more})

    def plan(self, number=8, **more):
        plan = Good(self, number)
        for name, value in more.items():
            setattr(plan, name, value)
        return plan

    def medium(self, path, *plans):
        for plan in plans:
            plan.build(f'{path}/satchel/{plan.name}')
        return path

    def build(self):
        """Everything but keys: once."""
        medium = self.medium(f'{self.folder}/m7', self.plan(7, expires=stamp(self.now + 86400 * 90)))
        self.medium(self.g8, self.plan())
        self.medium(self.g9, self.plan(9))
        for name in os.listdir(f'{medium}/satchel/updates-00000007'):
            if name.startswith('trust-1.yaml'):
                shutil.copy(f'{medium}/satchel/updates-00000007/{name}', self.folder)
        must('satchel-import', 'init', self.store, '--name', 'perimeter-a', '--trust', self.trust, '--stream', 'updates', '--ring', 'production')
        must('satchel-import', '-C', self.store, 'apply', medium)
        write(f'{self.folder}/published-7', json.dumps(published(self.store)).encode())
        shutil.copytree(self.store, f'{self.folder}/after', symlinks=True)
        for number, bundle in ((8, self.g8), (9, self.g9)):
            must('satchel-import', '-C', f'{self.folder}/after', 'apply', bundle)
            write(f'{self.folder}/published-{number}', json.dumps(published(f'{self.folder}/after')).encode())
        assert read(f'{self.folder}/published-7') != read(f'{self.folder}/published-8')
        shutil.rmtree(f'{self.folder}/after')

    def published(self, number):
        return json.loads(read(f'{self.folder}/published-{number}'))


# ---- what is on disk


def snapshot(top):
    """Path -> [type and mode, link or digest] of everything; times are nobody's business."""
    found, known = {}, {}
    for folder, directories, files in os.walk(top):
        for name in directories + files:
            path = os.path.join(folder, name)
            about = os.lstat(path)
            value = None
            if stat.S_ISLNK(about.st_mode):
                value = os.readlink(path)
            elif stat.S_ISREG(about.st_mode):
                value = known.get(about.st_ino) or hashlib.sha256(read(path)).hexdigest()
                known[about.st_ino] = value
            found[os.path.relpath(path, top)] = [f'{about.st_mode:o}', value]
    found['.'] = [f'{os.lstat(top).st_mode:o}', None]
    return found


def published(store, stream='updates'):
    return snapshot(os.path.realpath(f'{store}/published/{stream}'))


def journal(store):
    with open(f'{store}/journal.jsonl', encoding='ascii') as lines:
        return [json.loads(line) for line in lines]


def store_state(store, journal_name='journal.jsonl'):
    found = snapshot(store)
    del found[journal_name]
    return {'tree': found, 'journal': read(f'{store}/{journal_name}').decode()}


def changed(store, before, words, events=('refused',)):
    """U: what has changed though it must not, as texts. `words`: reasons that the journal's new lines must and may have."""
    after, wrong = store_state(store), []
    for path in sorted(set(before['tree']) | set(after['tree'])):
        if before['tree'].get(path) != after['tree'].get(path):
            wrong.append(f'{path} was {before["tree"].get(path)}, is {after["tree"].get(path)}')
    if not after['journal'].startswith(before['journal']):
        return wrong + ['former lines of the journal']
    new = [json.loads(line) for line in after['journal'][len(before['journal']):].splitlines()]
    for line in new:
        if line['event'] not in events or line['event'] != 'alarm' and line.get('reason') not in words:
            wrong.append(f'journal: {line}'[:300])
    if words and not any(line.get('reason') in words for line in new):
        wrong.append(f'no line of the journal has the reason {words}')
    return wrong


# ---- running the programs


class Ran:
    def __init__(self, code, out, err, usage, seconds):
        self.code, self.out, self.err, self.seconds = code, out, err, seconds
        self.memory, self.cpu = usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime


def run(*command, env=None, cwd=None, before=None):
    if command[0] == 'strace':  # under it leaks can't be looked for
        command = ('env', 'ASAN_OPTIONS=detect_leaks=0', *command)
    with open(os.environ.get('T', '/tmp') + f'/out.{os.getpid()}', 'w+b') as out, open(os.environ.get('T', '/tmp') + f'/err.{os.getpid()}', 'w+b') as err:
        os.unlink(out.name)
        os.unlink(err.name)
        start = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env, cwd=cwd, preexec_fn=before)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = code = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - start
        out.seek(0)
        err.seek(0)
        return Ran(code, out.read(), err.read(), usage, seconds)


def must(*command):
    done = run(*command)
    if done.code != 0:
        raise SystemExit(f'{command}: exit {done.code}\n{(done.out + done.err).decode()}')
    return done


def sanitized(known=[]):
    if not known:
        known.append(b'__asan_init' in read(shutil.which('satchel-import')))
    return known[0]


UNPRINTABLE = re.compile('[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]')


def faults(done, word, as_json=False):
    """E but for the exit code: texts of what is wrong."""
    wrong = []
    both = done.out + done.err
    try:
        bad = UNPRINTABLE.search(both.decode())
        if bad:
            wrong.append(f'prints {bad[0]!a}')
    except UnicodeDecodeError:
        wrong.append('prints what is no UTF-8')
    if done.code < 0 or b'Sanitizer' in both or b'runtime error' in both:
        wrong.append(f'crashed: {both[-3000:]!r}')
    if done.seconds > MAX_SECONDS:
        wrong.append(f'took {done.seconds:.0f} s')
    if done.memory > MAX_MEMORY and not sanitized():
        wrong.append(f'took {done.memory >> 20} MiB')
    if as_json:
        try:
            objects = [json.loads(line) for line in done.out.splitlines()]
            if word and word not in reasons(objects):
                wrong.append(f'no {word} in --json: {done.out!r:.300}')
        except ValueError:
            wrong.append(f'no JSON: {done.out!r:.300}')
    elif word:
        lines = [line for line in both.decode('utf-8', 'replace').splitlines() if re.search(rf'(?<![\w-]){word}(?![\w-])', line)]
        if not lines:
            wrong.append(f'no {word} in the text')
    return wrong


def reasons(value):
    """All words under keys that name reasons, at any depth."""
    if isinstance(value, list):
        return {word for one in value for word in reasons(one)}
    if isinstance(value, dict):
        own = {str(value[key]) for key in ('reason', 'error', 'damage', 'finding', 'outcome', 'verdict') if isinstance(value.get(key), str)}
        return own.union(*(reasons(one) for one in value.values())) if value else own
    return set()


def seen_word(done, word):
    """The reason the program gave, for the table: the one expected, or the first that looks like one."""
    text = (done.out + done.err).decode('utf-8', 'replace')
    if word == '' or word and re.search(rf'(?<![\w-]){word}(?![\w-])', text):
        return word
    first = re.search(r'(?:refused|failed|interrupted|skipped): ([a-z-]+):|\(([a-z-]+)\)\s*$', text, re.M)
    return (first[1] or first[2]) if first else text.strip()[:80].replace('\n', ' / ')


# ---- cases


class Attacks:
    """Cases of one script: each prints its line of the table; the end is exit 1 if any failed."""

    def __init__(self, folder=None):
        self.work = os.environ['T']
        self.site = Site(folder or os.environ['FIXTURE'])
        self.count = self.failed = 0

    def fresh(self, name='s'):
        store = f'{self.work}/{name}'
        remove(store)
        subprocess.run(['cp', '-a', self.site.store, store], check=True)
        return store

    def medium(self, *plans, name='m'):
        path = f'{self.work}/{name}'
        remove(path)
        return self.site.medium(path, *plans)

    def copy(self, medium=None, name='m'):
        """G8 to be changed."""
        path = f'{self.work}/{name}'
        remove(path)
        subprocess.run(['cp', '-a', medium or self.site.g8, path], check=True)
        return path

    def shim(self, **variables):
        """An environment with tests/tools/shim.c before the libraries."""
        library = os.path.join(os.environ['SATCHEL_BIN'], 'tests/tools/shim.so')
        asan = os.environ.get('ASAN_OPTIONS', '') + ':verify_asan_link_order=0'
        return {**os.environ, 'LD_PRELOAD': library, 'ASAN_OPTIONS': asan, **{name: str(value) for name, value in variables.items()}}

    def line(self, row, what, expected, seen, wrong=()):
        self.count += 1
        clean = re.sub(r'[|\s]+', ' ', what.encode('ascii', 'backslashreplace').decode())
        print(f'attack {row} {clean:.110} | {expected} | {seen}{" BUT " + "; ".join(wrong)[:600] if wrong else ""}', flush=True)
        if wrong or expected != seen:
            self.failed += 1
            for one in wrong:
                print(f'    {one}'[:1500])
            if os.environ.get('ATTACK_STOP'):  # tests/mutants: one is enough
                sys.exit(1)

    def check(self, row, what, good, expected='held', seen='held', why=''):
        """Any other assertion as a case."""
        self.line(row, what, expected, seen if good else 'NOT HELD', [] if good or not why else [why])

    def opinions(self, medium):
        """A second opinion: the oracle says of the bundles on the medium what satchel-verify says. Once is enough: not in
        the run with sanitizers."""
        top = f'{medium}/satchel'
        if sanitized() or os.path.islink(top) or not os.path.isdir(top):
            return []
        bundles = sorted(name for name in os.listdir(top) if re.fullmatch(r'[a-z0-9][a-z0-9._-]*-\d{8,}', name) and os.path.isdir(f'{top}/{name}'))
        asked = [mutations.ask_oracle(f'{top}/{name}', self.site.trust) for name in bundles]
        code, words, _ = mutations.ask_program(medium, self.site.trust)
        worst = next((code for code in (99, 1, 3) if code in [one[0] for one in asked]), 0)
        if bundles and (worst != code or any(one[1] and one[1] not in words for one in asked)):
            return [f'the oracle differs: {asked}, satchel-verify {code} {words}']
        return []

    def good_after(self, store):
        """R."""
        done = run('satchel-import', '-C', store, 'apply', self.site.g8)
        if done.code != 0:
            return [f'R: the good bundle exits {done.code}: {(done.out + done.err).decode()}']
        return [] if published(store) == self.site.published(8) else ['R: after the good bundle something else is published']

    def bad(self, row, what, medium, code, word, events=('refused',), words=None, store=None, after=True, options=()):
        """A bundle that must be refused whole: U, E, R."""
        store = store or self.fresh()
        before = store_state(store)
        done = run('satchel-import', '-C', store, *options, 'apply', medium)
        again = run('satchel-import', '-C', store, *options, '--json', 'apply', medium)
        wrong = faults(done, word) + faults(again, word, as_json=True) + self.opinions(medium)
        if again.code != done.code:
            wrong.append(f'exit {again.code} with --json')
        wrong += [f'U: {one}' for one in changed(store, before, [word] if words is None else words, events)]
        wrong += self.good_after(store) if after else []
        self.line(row, what, f'{code} {word}', f'{done.code} {seen_word(done, word)}', wrong)
        return done

    def taken(self, row, what, medium, code, word='', store=None, publishes=7, after=True, says=None):
        """A bundle of which something enters: what is published is that of list `publishes`; E, R, and the store is whole."""
        store = store or self.fresh()
        done = run('satchel-import', '-C', store, 'apply', medium)
        wrong = faults(done, word) + self.opinions(medium)
        if publishes and published(store) != self.site.published(publishes):
            wrong.append(f'what is published is not list {publishes}')
        if says and not re.search(says, (done.out + done.err).decode()):
            wrong.append(f'does not say {says}: {(done.out + done.err).decode()}')
        wrong += whole(store, self.site.trust)
        if after:
            wrong += self.good_after(store) + whole(store, self.site.trust)
        self.line(row, what, f'{code} {word}'.strip(), f'{done.code} {seen_word(done, word)}'.strip(), wrong)
        return done

    def many(self, cases, code, enters=False):
        """Many bundles against one store, in one call and then once more: (row, what, words, plan). Each must be refused, with
        one of its words, U over all of them, R at the end. `enters`: the lists are refused, the objects come in: no U, but
        what is published stays as it was."""
        store, before, folder = self.fresh(), None, f'{self.work}/many'
        remove(folder)
        media = [self.site.medium(f'{folder}/{at:04d}', plan) for at, (_, _, _, plan) in enumerate(cases)]
        before, words = store_state(store), [word for _, _, allowed, _ in cases for word in allowed.split('|')]
        done = run('satchel-import', '-C', store, '--json', 'apply', *media)
        again = run('satchel-import', '-C', store, 'apply', *media)
        wrong = faults(done, '') + faults(again, '')
        if enters:
            wrong += [] if published(store) == self.site.published(7) else ['U: something else is published']
            wrong += whole(store, self.site.trust)
        else:
            wrong += [f'U: {one}' for one in changed(store, before, words)]
        wrong += self.good_after(store)
        said = {one['medium']: one for one in map(json.loads, done.out.splitlines()) if 'bundle' in one}
        lines = re.findall(r'^updates-\d+  (.*)$', again.out.decode(), re.M)
        self.check(cases[0][0], f'{len(cases)} bundles in one call: U, E, R', not wrong and len(said) == len(lines) == len(cases), why='; '.join(wrong)[:3000])
        for medium, line, (row, what, allowed, _) in zip(media, lines, cases):
            found = reasons(said.get(medium, {}))
            word = next((word for word in allowed.split('|') if word in found and word in line), None)
            self.line(row, what, f'{code} {allowed}', f'{said[medium]["exit"]} {allowed if word else sorted(found)}' if medium in said else 'nothing')
        remove(folder)

    def end(self, least=1):
        if self.count < least:
            print(f'only {self.count} cases: this test is blind')
            sys.exit(1)
        print(f'{self.count} attacks, {self.failed} not as expected')
        sys.exit(self.failed > 0)


def whole(store, trust):
    done = run('satchel-verify', 'store', store, '--trust', trust)
    return [] if done.code == 0 else [f'satchel-verify store exits {done.code}: {(done.out + done.err).decode()[:600]}']


def remove(path):
    if os.path.lexists(path):
        subprocess.run(['rm', '-rf', path], check=True)


def edit_manifest(bundle, keys, change, signers=('exporter-a',)):
    """Changes the text of a bundle's manifest and signs it again."""
    path = f'{bundle}/manifest.yaml'
    write(path, change(read(path)))
    keys.sign(path, signers)


def main():
    command, *a = sys.argv[1:]
    if command == 'fixture':
        Site(a[0]).build()
    elif command == 'forge':
        site = Site(a[0])
        plan = site.plan()
        exec(sys.stdin.read(), {**globals(), 'plan': plan, 'site': site, 'keys': site.keys})  # pylint: disable=exec-used
        site.medium(a[1], plan)
    elif command == 'case':
        attacks = Attacks(a[0])
        row, what, code, word, medium = a[1:6]
        if 'taken' in a[6:]:
            attacks.taken(row, what, medium, int(code), word)
        elif 'skipped' in a[6:]:
            attacks.bad(row, what, medium, int(code), word, words=[])
        else:
            attacks.bad(row, what, medium, int(code), word)
        sys.exit(attacks.failed > 0)
    elif command == 'snapshot':
        print(json.dumps(store_state(a[0])))
    elif command == 'unchanged':
        wrong = changed(a[0], json.loads(read(a[1])), a[2:])
        print(*wrong, sep='\n', end='\n' if wrong else '')
        sys.exit(len(wrong) > 0)
    else:
        raise SystemExit(__doc__)


if __name__ == '__main__':
    main()
