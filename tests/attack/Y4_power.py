"""Y4: the cases, by Y4_power.sh. The import is killed before each of its syncs in turn, which shows what stood in memory then. What
was durable follows from the syncs before: syncfs makes everything durable, fsync of a file its bytes, fsync of a directory its names,
as they were at that moment. Between what was durable and what stood in memory each name is chosen at random, old or new, and of a new
file whose bytes were not synced all, half or none are there, of one that was appended to, of what came to it: a disk that writes in any
order. Then C."""
import os
import random
import stat
import subprocess
import time

from attack import Attacks, changed, must, published, read, remove, run, sanitized, store_state, whole, write

a = Attacks()
site = a.site
STATES = int(os.environ.get('POWER_STATES', '1' if sanitized() else '3'))    # of each place where the power may go

NOW = int(time.time())  # what is written says the same in each run


def take(top):
    """path -> (kind, mode, target or bytes)"""
    found = {}
    for folder, directories, files in os.walk(top):
        for name in directories + files:
            path = os.path.join(folder, name)
            about = os.lstat(path)
            kind = stat.S_IFMT(about.st_mode)
            value = os.readlink(path) if kind == stat.S_IFLNK else read(path) if kind == stat.S_IFREG else None
            found[os.path.relpath(path, top)] = (kind, stat.S_IMODE(about.st_mode), value)
    return found


def put(top, state):
    """Files that were written with the same bytes and mode are one: so are an object and the names published from it."""
    remove(top)
    os.mkdir(top, 0o755)
    known = {}
    for path in sorted(state):
        kind, mode, value, *whole_value = state[path]
        same = (mode, whole_value[0] if whole_value else value)
        at = f'{top}/{path}'
        if kind == stat.S_IFDIR:
            os.mkdir(at)
            os.chmod(at, mode)
        elif kind == stat.S_IFLNK:
            os.symlink(value, at)
        elif same in known and path.startswith(('objects', 'streams')):
            os.link(known[same], at)
        else:
            write(at, value)
            os.chmod(at, mode)
            known[same] = at


def below(state, top):
    return {path[len(top):]: value for path, value in state.items() if path.startswith(top + '/')}


def killed(start, medium, n):
    """The store in memory before its nth sync, and the syncs until then; whether there was an nth."""
    store, log = f'{a.work}/s', f'{a.work}/syncs'
    remove(store)
    subprocess.run(['cp', '-a', start, store], check=True)
    remove(log)
    done = run('satchel-import', '-C', store, 'apply', '--jobs', '1', medium, env=a.shim(SHIM_CLOCK_AT=NOW, SHIM_SYNC=n, SHIM_SYNC_LOG=log,
                                                                                               SHIM_SYNC_LATE=200))  # names are given meanwhile
    calls = [line.split(' ', 1) for line in read(log).decode().splitlines()]
    return take(store), [(call, os.path.relpath(path, os.path.realpath(store))) for call, path in calls], done.code == -9


def run_to_each_sync(start, medium):
    """What stood in memory before each sync, and the syncs."""
    memory, calls = [], []
    while len(memory) < 400:
        state, calls_now, cut = killed(start, medium, len(memory) + 1)
        memory.append(state)
        if not cut:
            break
        calls = calls_now if len(calls_now) > len(calls) else calls
    return memory, calls


class Disk:
    """What is durable."""

    def __init__(self, first):
        self.durable, self.bytes_synced = dict(first), {value[2] for value in first.values() if value[0] == stat.S_IFREG}

    def moved(self, now):
        """Directories that were renamed, also in place of others: what is durable in them they take along, as wholes."""
        former = [below(self.durable, path) for path in {os.path.dirname(path) for path in self.durable}]
        return {path for path, value in now.items() if value[0] == stat.S_IFDIR and below(now, path) in former and below(now, path) not in ({}, below(self.durable, path))}

    def lose(self, now, rng):
        """One of the states that may be found afterwards."""
        crash, torn, moved = {}, {}, self.moved(now)
        for path in sorted(set(self.durable) | set(now)):
            above = os.path.dirname(path)
            if above and crash.get(above, (0,))[0] != stat.S_IFDIR:
                continue
            old, new = self.durable.get(path), now.get(path)
            if path in moved:
                if rng.choice((True, False)):
                    crash[path], which = new, now
                elif old is not None:
                    crash[path], which = old, self.durable
                else:
                    continue
                crash.update({p: value for p, value in which.items() if p.startswith(path + '/')})
                continue
            if any(path.startswith(one + '/') for one in moved):
                continue
            chosen = rng.choice((old, new)) if old != new else new
            if chosen is not None and chosen is new and new != old and new[0] == stat.S_IFREG and new[2] not in self.bytes_synced:
                synced = old[2] if old is not None and old[0] == stat.S_IFREG and new[2].startswith(old[2]) else b''
                torn.setdefault(new[1:], rng.choice((new[2], new[2], new[2][:(len(synced) + len(new[2])) // 2], synced)))
                chosen = (new[0], new[1], torn[new[1:]], new[2])
            if chosen is not None:
                crash[path] = chosen
        return crash

    def sync(self, now, call, path):
        moved = self.moved(now)
        if call == 'syncfs':
            self.durable = dict(now)
            self.bytes_synced |= {value[2] for value in now.values() if value[0] == stat.S_IFREG}
        elif now.get(path, (0,))[0] == stat.S_IFREG or os.path.basename(path).startswith('.tmp-'):
            # the name of a file under way is another in each run
            for one in [path] if path in now else [p for p in now if os.path.dirname(p) == os.path.dirname(path) and os.path.basename(p).startswith('.tmp-')]:
                self.bytes_synced.add(now[one][2])
                if one in self.durable:
                    self.durable[one] = now[one]
        else:
            names = {one for one in (*self.durable, *now) if os.path.dirname(one) == ('' if path == '.' else path)}
            for one in names:
                if one not in now:
                    for gone in [p for p in self.durable if p == one or p.startswith(one + '/')]:
                        del self.durable[gone]
                elif one in moved:
                    for gone in [p for p in self.durable if p.startswith(one + '/')]:
                        del self.durable[gone]
                    self.durable.update({p: value for p, value in now.items() if p == one or p.startswith(one + '/')})
                elif now[one][0] != stat.S_IFREG or now[one][2] in self.bytes_synced:
                    self.durable[one] = now[one]


def tree_of(store):
    try:
        return published(store)
    except OSError:
        return None


def lose_power(what, start, medium, old, new):
    memory, calls = run_to_each_sync(start, medium)
    a.check('Y4', f'{what}: {len(memory)} places between syncs, {len(calls)} syncs',
            len(memory) >= 8 and any(call == 'syncfs' for call, _ in calls), why=str(calls))
    disk, cases, wrong, rng = Disk(take(start)), 0, [], random.Random(4)
    seen = {'old': 0, 'new': 0}
    for n, now in enumerate(memory):
        for _ in range(STATES):
            store = f'{a.work}/s'
            put(store, disk.lose(now, rng))
            cases += 1
            tree = tree_of(store)
            bad = [] if tree in (old, new) else ['a tree between old and new']
            seen['old' if tree == old else 'new'] += 1
            done = run('satchel-verify', 'store', store, '--trust', site.trust)
            if done.code != 0:
                bad.append(f'verify: exit {done.code}: {(done.out + done.err).decode()[:400]}')
            done = run('satchel-import', '-C', store, 'apply', medium)
            if done.code != 0 or tree_of(store) != new:
                bad.append(f'again: exit {done.code}: {(done.out + done.err).decode()[:400]}')
            bad += whole(store, site.trust)
            before = store_state(store)
            run('satchel-import', '-C', store, 'apply', medium)
            bad += [f'the third run: {one}' for one in changed(store, before, [])]
            wrong += [f'before sync {n + 1} {calls[n] if n < len(calls) else ""}: {one}' for one in bad]
        if n < len(calls):
            disk.sync(now, *calls[n])
    a.line('Y4', f'{what}: {cases} ways to lose power, {seen["old"]} leave the former tree, {seen["new"]} the new one', 'C',
           'C' if all(seen.values()) else 'only one of them: this test is blind', wrong[:6])


lose_power('from list 7 to 8', site.store, site.g8, site.published(7), site.published(8))
empty = f'{a.work}/empty'
must('satchel-import', 'init', empty, '--name', 'perimeter-a', '--trust', site.trust, '--stream', 'updates', '--ring', 'production')
lose_power('into an empty store', empty, f'{site.folder}/m7', tree_of(empty), site.published(7))
a.end(4)
