"""Y2, Y6, Y7, Y9, Y10, Y11, Y13, Y14: the cases, by Y2_machine.sh."""
import functools
import json
import os
import random
import re
import resource
import select
import shutil
import signal
import subprocess
import time

from attack import Attacks, changed, faults, published, read, remove, run, sanitized, seen_word, sha256, store_state, whole, write

a = Attacks()
site = a.site
NOBODY = 65534


def read_all(top):
    return {name: read(f'{folder}/{name}') for folder, _, files in os.walk(top) for name in files}


def apply(store, medium=site.g8, **more):
    return run('satchel-import', '-C', store, 'apply', medium, **more)


def old_or_new(store):
    """C: the tree is exactly 7 or 8, the store is whole, the same command again ends at 8, a third changes nothing."""
    wrong = [] if published(store) in (site.published(7), site.published(8)) else ['C: a tree between old and new']
    wrong += whole(store, site.trust)
    done = apply(store)
    wrong += [] if done.code == 0 and published(store) == site.published(8) else [f'C: again: exit {done.code}: {(done.out + done.err).decode()}']
    before = store_state(store)
    wrong += [f'C: the third run: {one}' for one in changed(store, before, [])] if apply(store).code == 0 else ['C: the third run fails']
    return wrong + whole(store, site.trust)


# Y2: a sync that failed is final: it is not tried again, and the run says so.
for call in ('syncfs', 'fsync'):
    store = a.fresh()
    log = f'{a.work}/strace'
    done = run('strace', '-f', '-qq', '-e', f'trace={call}', '-e', f'inject={call}:error=EIO:when=1', '-o', log, 'satchel-import', '-C', store, 'apply', site.g8)
    calls = re.findall(rf'{call}\((\d+)[^)]*\) += (-1 EIO|0)', read(log).decode())
    wrong = old_or_new(store)
    if call == 'syncfs' and len(calls) != 1:
        wrong.append(f'{len(calls)} calls')
    a.line('Y2', f'EIO at the first {call}', '3 C', f'{done.code} {"C" if not wrong else "not C"}', wrong)

# Y6: many at once.
store = a.fresh()
commands = [['satchel-import', '-C', store, 'apply', site.g8]] * 20 + [['satchel-verify', 'store', store, '--trust', site.trust]] * 2 + [
    ['satchel-import', '-C', store, 'prune'], ['satchel-import', '-C', store, 'rollback', '7'], ['satchel-import', '-C', store, 'check']]
random.Random(6).shuffle(commands)
running = [(command, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)) for command in commands]
ended = [(command, process.communicate()[0].decode(), process.returncode) for command, process in running]
importers = [(out, code) for command, out, code in ended if 'apply' in command]
odd = [(code, out[-200:]) for out, code in importers if not (code == 0 or code == 3 and 'busy' in out or code == 4)]
a.check('Y6', f'20 importers, verify, prune, rollback, check at once: {sum(code == 0 for _, code in importers)} worked, the others were told that it is busy',
        not odd and any(code == 0 for command, _, code in ended if 'satchel-import' in command), why=str(odd))  # or prune, rollback, check
run('satchel-import', '-C', store, 'rollback', '--to-newest')
a.check('Y6', 'the store after that', not old_or_new(store))

# Y7: allocations fail, once and from then on. Not with sanitizers: they bring their own allocator.
if not sanitized():
    counter = f'{a.work}/count'
    apply(a.fresh(), env=a.shim(SHIM_MALLOC_COUNT=counter))
    total = int(read(counter))
    points = sorted({*range(1, 12), *(1 + total * n // 40 for n in range(40)), total - 1})
    codes, wrong = {}, []
    for how in ('SHIM_MALLOC', 'SHIM_MALLOC_FROM'):
        for point in points:
            store = a.fresh()
            done = apply(store, env=a.shim(**{how: point}))
            codes[done.code] = codes.get(done.code, 0) + 1
            bad = faults(done, '')
            if done.code == 0 and published(store) != site.published(8):
                bad.append('0 with another result')
            if done.code not in (0, 1, 2, 3):
                bad.append(f'exit {done.code}')
            bad += old_or_new(store)
            wrong += [f'{how}={point}: {one}' for one in bad]
    a.check('Y7', f'{2 * len(points)} of {total} allocations, once and from then on; exits {codes}', not wrong and codes.get(3, 0) > 10, 'C', 'C', why='; '.join(wrong)[:2000])

fan = sorted(os.listdir(f'{site.store}/objects'))[0]
# Y9: another local user. A store that others may write is refused; what lies planted in it leads nowhere.
for mode, where in ((0o775, '.'), (0o757, '.'), (0o777, 'trust'), (0o777, 'streams/updates'), (0o757, 'streams/updates/lists'), (0o775, 'streams/updates/a'), (0o777, f'objects/{fan}')):
    store = a.fresh()
    os.chmod(f'{store}/{where}', mode)
    before = store_state(store)
    done = apply(store)
    word = 'trust-damaged' if where == 'trust' else 'unsafe'
    a.line('Y9', f'{where} of mode {mode:o}', f'2 {word}', f'{done.code} {seen_word(done, word)}', changed(store, before, []))
if os.geteuid() == 0:
    store = a.fresh()
    os.chown(store, NOBODY, NOBODY)
    done = apply(store)
    a.line('Y9', 'a store of another user, run by root', '2 unsafe', f'{done.code} {seen_word(done, "unsafe")}')
canary = f'{a.work}/canary'


def plant(store, path, link):
    remove(f'{store}/{path}')
    os.symlink(canary if link == 'file' else f'{canary}.d', f'{store}/{path}')


new = next(name for name in sorted(os.listdir(f'{site.folder}/store/objects')))
for path in ('stage/apply', 'stage/trust', 'stage/pieces', 'stage/receiving', f'objects/{new}', 'streams/updates/b', 'streams/updates/b/tree', 'streams/updates/current', 'streams/updates/lists', 'published/updates', 'published', 'lock',
             'journal.jsonl', 'streams/updates/lists/1-8', 'streams/updates/lists/1-7/approvals.yaml', 'streams'):
    store = a.fresh()
    write(canary, b'untouched\n')
    remove(f'{canary}.d')
    os.mkdir(f'{canary}.d')
    write(f'{canary}.d/file', b'untouched\n')
    for link in ('file', 'directory'):
        plant(store, path, link)
        done = apply(store)
        good = read(canary) == b'untouched\n' and os.listdir(f'{canary}.d') == ['file'] and read(f'{canary}.d/file') == b'untouched\n' and os.stat(canary).st_mode & 0o777 == 0o644
        a.check('Y9', f'{path} is a link to a {link} outside: exit {done.code}', good and not faults(done, ''), 'canary untouched', 'canary untouched', why=str(os.listdir(f'{canary}.d')))

# Y10: what an unprivileged user sees while imports run.
if os.geteuid() == 0:
    os.chmod(a.work, 0o755)
    watcher = '''
import os, sys, json
top, stop = sys.argv[1:]
os.setgid(65534); os.setuid(65534)
seen, readable, said = set(), 0, 0
while not os.path.exists(stop):
    try: os.listdir(top + '/stage'); readable += 1
    except OSError: pass
    try: tree = os.path.realpath(top + '/published/updates')
    except OSError: continue
    try: inode = os.stat(tree).st_ino
    except OSError: continue
    found = []
    for folder, ds, fs in os.walk(tree):
        for f in fs:
            p = os.path.join(folder, f)
            try: found.append(os.path.relpath(p, tree) + (os.readlink(p) if os.path.islink(p) else open(p).read()))
            except OSError: found.append('gone')
    if os.path.realpath(top + '/published/updates') == tree and os.stat(tree).st_ino == inode: seen.add(hash(tuple(sorted(found))))
    if len(seen) > said: said = len(seen); print(said, flush=True)
print(json.dumps([len(seen), readable]))
'''
    store = a.fresh('y10')
    process = subprocess.Popen(['/usr/bin/python3', '-c', watcher, store, f'{a.work}/stop'], stdout=subprocess.PIPE)
    process.stdout.readline()  # it has seen one
    apply(store)
    done = 1
    while done < 13 or (not select.select([process.stdout], [], [], 0)[0] and done < 1000):  # until it has seen the other, too
        run('satchel-import', '-C', store, 'rollback', *(['7'] if done % 2 else ['--to-newest']))
        done += 1
    write(f'{a.work}/stop', b'')
    trees, readable = json.loads(process.communicate()[0].splitlines()[-1])
    a.check('Y10', 'another user polls during 13 switches or more: two different trees, the stage never readable', trees == 2 and readable == 0, why=f'{trees} {readable}')
else:
    a.line('Y10', 'needs root, to be another user', 'held', 'NOT TESTED')

# Y11: one file of each kind changed; satchel-verify store names it.
first = a.fresh('first')
apply(first)
tree = os.path.relpath(os.path.realpath(f'{first}/published/updates'), first)
kinds = {'object': None, 'published file': f'{tree}/doc/p-0003', 'published link': f'{tree}/pool/a/link', 'state': f'{os.path.dirname(tree)}/state.yaml', 'list': None, 'signature of a list': None,
         'trust root': 'trust/trust-2.yaml', 'signature of a root': None, 'configuration': 'store.yaml', 'journal': 'journal.jsonl', 'index of bundles': 'streams/updates/bundles',
         'root of a list': 'streams/updates/lists/1-8/root'}
kinds['object'] = next(os.path.join('objects', d, f) for d in sorted(os.listdir(f'{first}/objects')) for f in sorted(os.listdir(f'{first}/objects/{d}')))
lists = [f'streams/updates/lists/1-8/{name}' for name in sorted(os.listdir(f'{first}/streams/updates/lists/1-8'))]
kinds['list'] = next(name for name in lists if name.endswith('.yaml'))
kinds['signature of a list'] = next(name for name in lists if name.endswith('.sig'))
kinds['signature of a root'] = 'trust/' + next(n for n in sorted(os.listdir(f'{first}/trust')) if re.match(r'trust-3.*sig', n))
for kind, path in kinds.items():
    for what in ('flip', 'cut', 'longer', 'drop', 'mode', 'other file', 'link'):
        store = f'{a.work}/s'
        remove(store)
        subprocess.run(['cp', '-a', first, store], check=True)
        at = f'{store}/{path}'
        if os.path.islink(at) and what not in ('drop', 'other file', 'link'):
            continue
        data = None if os.path.islink(at) else read(at)
        mode = os.lstat(at).st_mode & 0o777
        if what == 'mode':
            os.chmod(at, mode ^ 0o022)
        else:
            os.remove(at)
            if what == 'link':
                os.symlink('/etc/hostname', at)
            elif what == 'other file':
                write(at, b'something else\n')
            elif what != 'drop':
                middle = len(data) // 2
                write(at, {'flip': data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:], 'cut': data[:-2], 'longer': data + b'x\n'}[what])
            if what in ('flip', 'cut', 'longer', 'other file'):
                os.chmod(at, mode)
        done = run('satchel-verify', 'store', store, '--trust', site.trust)
        text = (done.out + done.err).decode()
        names = [os.path.basename(path), path]
        if kind in ('signature of a list', 'signature of a root'):
            names.append(os.path.basename(path).split('.yaml')[0])
        if kind == 'published file':
            names.append('p-0003')
        if kind in ('list', 'signature of a list', 'root of a list'):
            names.append('lists/1-8')
        if kind == 'trust root' and what == 'drop':  # found by what is there beyond the gap
            names.append('trust-3.yaml is there')
        if kind == 'object' and what == 'drop':  # found by the name that was published from it
            names.append('its object is not in the store')
        if kind == 'index of bundles' and what == 'drop':  # the next run makes it again from the journal
            continue
        a.check('Y11', f'{kind}: {what}', done.code in (1, 2) and any(name in text for name in names) and not faults(done, ''), 'named', 'named', why=f'{path}: {done.code} {text[:500]}')
for what, path in (('a file more among the published', f'{tree}/extra'), ('a file more in objects', 'objects/00/' + '0' * 64), ('a file more in trust', 'trust/trust-9.yaml')):
    store = f'{a.work}/s'
    remove(store)
    subprocess.run(['cp', '-a', first, store], check=True)
    os.makedirs(os.path.dirname(f'{store}/{path}'), exist_ok=True)
    write(f'{store}/{path}', b'x')
    done = run('satchel-verify', 'store', store, '--trust', site.trust)
    a.check('Y11', what, done.code in (1, 2) and os.path.basename(path)[:20].encode() in done.out + done.err, 'named', 'named', why=(done.out + done.err).decode()[:500])

def cut(store, event=None):
    # the journal's last line goes, or all from the last one of that event on
    lines = read(f'{store}/journal.jsonl').splitlines(True)
    first_gone = max([n for n, line in enumerate(lines) if event and b'"event":"%s"' % event in line], default=len(lines) - 1)
    write(f'{store}/journal.jsonl', b''.join(lines[:first_gone]))


def without_item(store):
    path = f'{store}/{os.path.dirname(tree)}/state.yaml'
    write(path, re.sub(rb'  - .item: "doc".*\n', b'', read(path), count=1))
    remove(f'{store}/{tree}/doc')


for what, name, change in (('its last line less', 'journal.jsonl', cut), ('its lines from the last list on less', 'lists/1-8', lambda s: cut(s, b'list')),
                           ('its lines from the last bundle on less', 'streams/updates/bundles', lambda s: cut(s, b'bundle')),
                           ('a list less', 'state.yaml', lambda s: shutil.rmtree(f'{s}/streams/updates/lists/1-8')), ('an item less, in state and tree', 'state.yaml', without_item)):
    store = f'{a.work}/s'
    remove(store)
    subprocess.run(['cp', '-a', first, store], check=True)
    change(store)
    done = run('satchel-verify', 'store', store, '--trust', site.trust)
    a.check('Y11', f'a store with {what}', done.code == 1 and name in done.out.decode(), 'named', 'named', why=(done.out + done.err).decode()[:500])

# Y11 and T8: what was tampered with is not worked on either, and nothing of it changes.
def tampered(what, word, change, codes=(1, 2)):
    store = a.fresh()
    change(store)
    before = store_state(store)
    done = apply(store)
    after = [one for one in changed(store, before, [], ('apply', 'applied', 'recovered', 'bundle', 'list', 'failed')) if 'published' in one or one.startswith('trust')]
    a.line('Y11', f'apply to a store with {what}', word, seen_word(done, word) if done.code in codes else f'{done.code}', faults(done, word) + after)


def lone_root(store):
    """A chain of one root, which another one replaces: nothing but its digest in store.yaml tells."""
    remove(store)
    run('satchel-import', 'init', store, '--name', 'perimeter-a', '--trust', site.trust, '--stream', 'updates', '--ring', 'production')
    write(f'{store}/trust/trust-1.yaml', site.root(1, expires='2095-01-01T00:00:00Z').encode())


current = os.path.dirname(tree)
tampered('another root in place of the pinned one', 'trust-damaged', lone_root)
tampered('a root that others may write', 'trust-damaged', lambda s: os.chmod(f'{s}/trust/trust-2.yaml', 0o664))
tampered('its newest root gone', 'trust-damaged', lambda s: os.remove(f'{s}/trust/trust-3.yaml'))
tampered('two roots and all their signatures gone but one', 'trust-damaged', lambda s: [os.remove(f'{s}/trust/{name}') for name in sorted(os.listdir(f'{s}/trust'))[:-1] if not name.startswith('trust-1')])
for label, word, change in (('empty', 'document-form', lambda path: write(path, b'')), ('cut', 'document-form', lambda path: write(path, read(path)[:-9]))):
    tampered(f'the state of the current tree {label}', word, lambda s, change=change: change(os.path.realpath(f'{s}/streams/updates/current') + '/state.yaml'), (1, 2, 3))
# A state that is gone says nothing, so nothing of the tree is trusted: it is built anew from signed lists and objects.
store = a.fresh()
os.remove(os.path.realpath(f'{store}/streams/updates/current') + '/state.yaml')
write(f'{store}/streams/updates/current/tree/planted', b'x')
done = apply(store)
a.check('Y11', 'apply to a store with the state of the current tree gone, and a file planted there', done.code == 0 and not old_or_new(store), 'C', 'C',
        why=f'{done.code} {(done.out + done.err).decode()[:500]} {old_or_new(store)}')

# Y13: signals, closed descriptors, tiny limits.
for name in ('TERM', 'INT', 'HUP', 'QUIT', 'PIPE', 'ALRM', 'USR1', 'XCPU'):
    store = a.fresh()
    done = run('strace', '-f', '-qq', '-o', log, '-e', 'trace=renameat', '-e', f'inject=renameat:signal=SIG{name}:when=5', 'satchel-import', '-C', store, 'apply', site.g8)
    wrong = old_or_new(store)
    wrong += [] if f'SIG{name}' in read(log).decode() else ['it was never sent: this test is blind']
    a.check('Y13', f'SIG{name} in the middle', not wrong and (done.code != 0 or published(store) == site.published(8)), 'C', 'C', why='; '.join(wrong))
for closed in ((0,), (1,), (2,), (0, 1), (0, 1, 2)):
    store = a.fresh()
    done = subprocess.run(['sh', '-c', 'exec "$@" ' + ' '.join(f'{fd}{"<" if fd == 0 else ">"}&-' for fd in closed), 'sh', 'satchel-import', '-C', store, 'apply', site.g8], check=False, capture_output=True)
    wrong = old_or_new(store)
    a.check('Y13', f'descriptors {closed} closed', done.returncode in (0, 3) and not wrong, 'C', 'C', why=f'{done.returncode} {wrong}')
for label, limit, values in (('open files', resource.RLIMIT_NOFILE, (4, 8, 16, 24, 32)), ('file size', resource.RLIMIT_FSIZE, (0, 100, 4096, 20000)), ('processes', resource.RLIMIT_NPROC, (1,)),
                             ('stack', resource.RLIMIT_STACK, (65536, 262144)), ('address space', resource.RLIMIT_AS, (20 << 20, 60 << 20, 120 << 20))):
    for value in values:
        if sanitized() and label in ('address space', 'stack'):
            continue
        store = a.fresh()
        done = apply(store, before=lambda limit=limit, value=value: resource.setrlimit(limit, (value, value)))
        loader = b'error while loading shared libraries' in done.err or done.code in (-signal.SIGSEGV, 127) and not done.out  # not our code yet
        wrong = old_or_new(store) + ([] if loader or done.code >= 0 or done.code == -signal.SIGXFSZ else [f'signal {done.code}'])
        a.check('Y13', f'{label} limited to {value}: exit {done.code}', not wrong and (done.code != 0 or published(store) == site.published(8)), 'C', 'C', why='; '.join(wrong))

# Y14: a hostile environment makes no difference.
hostile = {**os.environ, 'TZ': 'Pacific/Kiritimati', 'LANG': 'tr_TR.UTF-8', 'LC_ALL': 'tr_TR.UTF-8', 'OPENSSL_CONF': f'{a.work}/openssl.cnf', 'OPENSSL_MODULES': a.work, 'OPENSSL_ENGINES': a.work,
           'MALLOC_PERTURB_': '165', 'MALLOC_ARENA_MAX': '1', 'TMPDIR': '/nonexistent', 'HOME': '/nonexistent', 'SOURCE_DATE_EPOCH': '1', 'POSIXLY_CORRECT': '1', 'GCONV_PATH': a.work, 'NLSPATH': a.work,
           'LD_LIBRARY_PATH': a.work, 'XDG_CONFIG_HOME': a.work, 'COLUMNS': '-1', 'TERM': 'x' * 5000, 'SATCHEL_STATION': '/etc', 'JANSSON': '1', 'ZSTD_CLEVEL': '22', 'ZSTD_NBTHREADS': '200'}
write(f'{a.work}/openssl.cnf', b'openssl_conf = x\n[x]\nproviders = p\nalg_section = a\n[p]\nlegacy = l\n[l]\nactivate = 1\n[a]\ndefault_properties = fips=yes\n')
store = a.fresh()
done = apply(store, env=hostile)
times = {line['time'][:2] for line in map(json.loads, read(f'{store}/journal.jsonl').decode().splitlines())}
a.check('Y14', 'import: TZ, LANG, OPENSSL_CONF, LD_*, MALLOC_*, SOURCE_DATE_EPOCH and more', done.code == 0 and published(store) == site.published(8) and times == {'20'} and not whole(store, site.trust), 'same bytes', 'same bytes',
        why=(done.out + done.err).decode())
os.makedirs(f'{a.work}/content/item')
for n in range(20):
    write(f'{a.work}/content/item/I{n}', b'%d' % n * 1000)
key = [f'{site.folder}/keys/{name}.key' for name in ('approver-a', 'approver-b', 'exporter-b')]
outcome = []
for env in ({**os.environ, 'SOURCE_DATE_EPOCH': str(site.now)}, {**hostile, 'SOURCE_DATE_EPOCH': str(site.now)}):
    remove(f'{a.work}/station')
    remove(f'{a.work}/out')
    os.mkdir(f'{a.work}/out')
    station = ('satchel-export', '-C', f'{a.work}/station')
    for command in (('satchel-export', 'init', f'{a.work}/station', '--content', f'{a.work}/content', '--stream', 'updates', '--ring', 'production', '--trust', site.trust), (*station, 'scan'),
                    (*station, 'approve', '--all', '--ring', 'production'), (*station, 'sign', '--key', key[0], '--key', key[1]), (*station, 'pack', f'{a.work}/out', '--key', key[2])):
        done = run(*command, env=env)
        if done.code != 0:
            outcome.append((command, done.err.decode()))
    found = {name: data for name, data in read_all(f'{a.work}/out').items() if not name.endswith(f'{site.keys.id["approver-a"][:32]}.sig')}
    # an ECDSA signature is another each time, and the manifest and VERIFY.txt name its digest
    varies = {name: sha256(data).encode() for name, data in read_all(f'{a.work}/out').items() if name not in found}
    found['VERIFY.txt'] = functools.reduce(lambda text, digest: text.replace(digest, b'?'), varies.values(), found['VERIFY.txt'])
    outcome.append({name: data for name, data in found.items() if not name.startswith('manifest.yaml')})
a.check('Y14', 'pack: the same bytes', len(outcome) == 2 and outcome[0] == outcome[1] and len(outcome[0]) > 4, 'same bytes', 'same bytes', why=str([n for n in outcome[0] if outcome[0][n] != outcome[1].get(n)] if isinstance(outcome[0], dict) else outcome)[:1500])
a.end(100)
