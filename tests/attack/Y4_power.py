"""Y4: the cases, by Y4_power.sh. The import is killed before each of its syncs in turn, which shows what stood in memory then. What
was durable follows from the syncs before: syncfs makes everything durable, fsync of a file its bytes, fsync of a directory its names,
as they were at that moment. Between what was durable and what stood in memory each name is chosen at random, old or new, and of a new
file whose bytes were not synced all, half or none are there: a disk that writes in any order. Then C."""
import os
import random
import re
import stat
import time

from attack import Attacks, changed, published, read, remove, run, sanitized, store_state, whole, write

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


def killed(n):
    """The store in memory before its nth sync, and the syncs until then; None when there are fewer."""
    store = a.fresh()
    log = f'{a.work}/syncs'
    remove(log)
    done = run('satchel-import', '-C', store, 'apply', '--jobs', '1', site.g8, env=a.shim(SHIM_CLOCK_AT=NOW, SHIM_SYNC=n, SHIM_SYNC_LOG=log))
    calls = [line.split(' ', 1) for line in read(log).decode().splitlines()]
    return take(store), [(call, os.path.relpath(path, os.path.realpath(store))) for call, path in calls], done.code == -9


first = take(site.store)
memory, calls = [], []
while len(memory) < 400:
    state, calls_now, cut = killed(len(memory) + 1)
    if not cut:
        memory.append(state)
        break
    memory.append(state)
    calls = calls_now if len(calls_now) > len(calls) else calls
a.check('Y4', f'{len(memory)} places between syncs, {len(calls)} syncs', len(memory) >= 8 and any(call == 'syncfs' for call, _ in calls), why=str(calls))

durable, bytes_synced, cases, wrong = dict(first), set(), 0, []
rng = random.Random(4)
seen = {7: 0, 8: 0}
for n, now in enumerate(memory):
    former = [below(durable, path) for path in {os.path.dirname(path) for path in durable}]
    moved = {path: path not in durable and below(now, path) and below(now, path) in former for path, value in now.items() if value[0] == stat.S_IFDIR}
    for _ in range(STATES):
        crash, torn = {}, {}
        for path in sorted(set(durable) | set(now)):
            if '/' in path and crash.get(os.path.dirname(path), (0,))[0] != stat.S_IFDIR:
                continue
            old, new = durable.get(path), now.get(path)
            chosen = rng.choice((old, new)) if old != new else new
            if old is None and moved.get(os.path.dirname(path)):
                chosen = new  # a directory that was renamed takes along what is durable in it
            if chosen is not None and chosen is new and new != old and new[0] == stat.S_IFREG and new[2] not in bytes_synced:
                torn.setdefault(new[1:], rng.choice((new[2], new[2], new[2][:len(new[2]) // 2], b'')))
                chosen = (new[0], new[1], torn[new[1:]], new[2])
            if chosen is not None:
                crash[path] = chosen
        store = f'{a.work}/s'
        put(store, crash)
        cases += 1
        try:
            tree = published(store)
        except OSError:
            tree = None
        bad = [] if tree in (site.published(7), site.published(8)) else ['a tree between old and new']
        seen[7 if tree == site.published(7) else 8] += 1
        done = run('satchel-import', '-C', store, 'apply', site.g8)
        if done.code != 0 or published(store) != site.published(8):
            bad.append(f'again: exit {done.code}: {(done.out + done.err).decode()[:400]}')
        bad += whole(store, site.trust)
        before = store_state(store)
        run('satchel-import', '-C', store, 'apply', site.g8)
        bad += [f'the third run: {one}' for one in changed(store, before, [])]
        wrong += [f'before sync {n + 1} {calls[n] if n < len(calls) else ""}: {one}' for one in bad]
    if n < len(calls):  # the sync that follows
        call, path = calls[n]
        if call == 'syncfs':
            durable = dict(now)
            bytes_synced |= {value[2] for value in now.values() if value[0] == stat.S_IFREG}
        elif now.get(path, (0,))[0] == stat.S_IFREG or os.path.basename(path).startswith('.'):
            # the name of a file under way is another in each run
            for one in [path] if path in now else [p for p in now if os.path.dirname(p) == os.path.dirname(path) and os.path.basename(p).startswith('.')]:
                bytes_synced.add(now[one][2])
                if one in durable:
                    durable[one] = now[one]
        else:
            names = {one for one in (*durable, *now) if os.path.dirname(one) == ('' if path == '.' else path)}
            for one in names:
                if one not in now:
                    for gone in [p for p in durable if p == one or p.startswith(one + '/')]:
                        del durable[gone]
                elif moved.get(one):
                    durable.update({p: value for p, value in now.items() if p == one or p.startswith(one + '/')})
                elif now[one][0] != stat.S_IFREG or now[one][2] in bytes_synced:
                    durable[one] = now[one]
a.line('Y4', f'{cases} ways to lose power, of which {seen[7]} leave list 7 in effect, {seen[8]} list 8', 'C', 'C' if all(seen.values()) else 'only one of them: this test is blind', wrong[:6])
a.end(2)
