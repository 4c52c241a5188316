"""F1 to F12: the cases, by F1_rollback.sh."""
import fcntl
import glob
import json
import os
import re
import shutil
import subprocess
import time

from attack import Attacks, changed, faults, file_record, journal, published, read, run, seen_word, sha256, stamp, store_state, whole, write

a = Attacks()
site, keys = a.site, a.site.keys
G8 = 'satchel/updates-00000008'


def apply(store, *media, env=None):
    return run('satchel-import', '-C', store, 'apply', *media, env=env)


def status(store, env=None):
    return run('satchel-import', '-C', store, 'status', env=env)


def events(store, event):
    return [line for line in journal(store) if line['event'] == event]


# F1: after 8, 7 with its bundle: its objects come, the list stays.
store = a.fresh()
apply(store, site.g8)
p = site.plan(7, sequence=10, revision=6)
p.data.append(b'only here')
done = apply(store, a.medium(p))
a.check('F1', 'an older list in a newer bundle', done.code == 0 and published(store) == site.published(8) and sha256(b'only here') in str(os.listdir(
    f'{store}/objects/{sha256(b"only here")[:2]}')) and whole(store, site.trust) == [], '0 list stays', f'{done.code} list stays', why=done.out.decode())
a.check('F1', 'and that is said', re.search(rb'list 6 (ignored|is older)|older', done.out + done.err) is not None, why=(done.out + done.err).decode())
done = apply(store, f'{site.folder}/m7')
a.check('F1', 'the very bundle of the older list', done.code == 0 and published(store) == site.published(8), '0 list stays', f'{done.code} list stays', why=done.out.decode())

# F2: replay.
before = store_state(store)
done = apply(store, site.g8)
a.check('F2', 'the same bundle twice', b'already imported' in done.out and not changed(store, before, []), '0 already imported', f'{done.code} already imported', why=done.out.decode())
before = store_state(store)
done = apply(store, site.g8, site.g8, f'{site.folder}/m7', site.g8)
a.check('F2', 'four replays in one call', done.out.count(b'already imported') == 4 and not changed(store, before, []), '0 already imported', f'{done.code} already imported')

# F3: forks.
store = a.fresh()
apply(store, site.g8)
p = site.plan(8, sequence=11, issued=stamp(site.now - 7000))
done = apply(store, a.medium(p))
last = events(store, 'refused')[-1] if events(store, 'refused') else {}
a.line('F3', 'another list with revision 8', '1 list-fork', f'{done.code} {seen_word(done, "list-fork")}', faults(done, 'list-fork'))
a.check('F3', 'both digests stand in the journal', last.get('reason') == 'list-fork' and last.get('list', {}).get('sha256', 'x') != last.get('ours') and len(last.get('ours', '')) == 64, why=str(last))
a.check('F3', 'what is published stays', published(store) == site.published(8) and whole(store, site.trust) == [])
p = site.plan(9, sequence=8)
done = apply(store, a.medium(p))
alarms = events(store, 'alarm')
a.check('F3', 'another manifest with sequence 8: an alarm, no refusal', alarms and alarms[-1]['what'] == 'sequence-twice' and done.code == 0, '0 alarm', f'{done.code} alarm', why=done.err.decode())
done = apply(store, site.g9)
a.check('F3', 'and the honest bundle of list 9 after that', done.code in (0, 1) and whole(store, site.trust) == [], 'held', 'held')

# F3 with the kept list damaged, gone, or another one in its place: it is no side of a fork, nor a gap for another one.
fork = site.plan(8, sequence=11, issued=stamp(site.now - 7000))
store, forked = a.fresh(), f'{a.work}/forked'
apply(store, a.medium(fork))
shutil.copytree(f'{store}/streams/updates/lists/1-8', forked)


def hurt(folder, what):
    path = f'{folder}/{what}'
    if what in ('approvals.yaml', 'root'):
        write(path, bytes([read(path)[0] ^ 128]) + read(path)[1:])
        return
    shutil.rmtree(folder)
    if what == 'other':
        shutil.copytree(forked, folder)


for what in ('approvals.yaml', 'root', 'gone', 'other'):
    store = a.fresh()
    apply(store, site.g8)
    folder = f'{store}/streams/updates/lists/1-8'
    hurt(folder, what)
    a.check('F3', f'ours {what}: status says so', seen_word(status(store), 'store-damaged') == 'store-damaged')
    genuine = sha256(read(f'{site.g8}/{G8}/approvals.yaml'))
    done = apply(store, a.medium(fork))
    last = events(store, 'refused')[-1] if events(store, 'refused') else {}
    a.line('F3', f'another list 8, with ours damaged or gone: {what}', '1 list-fork', f'{done.code} {seen_word(done, "list-fork")}')
    a.check('F3', 'ours is what the journal says', last.get('ours') == genuine, why=str(last))
    done = apply(store, site.g8)
    a.check('F3', 'and the genuine one puts it back', done.code == 0 and len(events(store, 'refused')) == 1 and published(store) == site.published(8) and whole(store, site.trust) == [],
            '0', str(done.code), why=(done.out + done.err).decode())
    hurt(folder, what)
    done = apply(store, site.g8, env=a.shim(SHIM_CLOCK=86400 * 31))
    a.check('F3', 'also after it has expired: it was admitted once', done.code == 0 and whole(store, site.trust) == [], '0', str(done.code), why=(done.out + done.err).decode())

# F4: a list that expires while a run waits for another one to end: what counts is when it is taken.
p = site.plan(expires=stamp(int(time.time()) + 8))
store, medium = a.fresh(), a.medium(p)
with open(f'{store}/lock', 'a') as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    waiting = subprocess.Popen(['satchel-import', '-C', store, 'apply', '--wait', '600', medium], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    time.sleep(10)
said = waiting.communicate()[0]
a.check('F4', 'a list that expires while a run waits for the lock', waiting.returncode == 1 and b'expired' in said and published(store) == site.published(7), '1 expired', '1 expired', why=f'{waiting.returncode} {said}')

# F4: freeze. A list that expired before it came; and one in effect that expires.
p = site.plan(expires=stamp(site.now - 60), issued=stamp(site.now - 86400 * 31), created=stamp(site.now - 86400 * 31))
p.data.append(b'frozen')
store = a.fresh()
done = apply(store, a.medium(p))
a.line('F4', 'a list that has expired', '1 expired', f'{done.code} {seen_word(done, "expired")}', faults(done, 'expired') + whole(store, site.trust) + (
    [] if published(store) == site.published(7) else ['something else is published']))
a.check('F4', 'its objects are taken', os.path.exists(f'{store}/objects/{sha256(b"frozen")[:2]}/{sha256(b"frozen")}'))
a.check('F4', 'R: the good bundle afterwards', a.good_after(store) == [])
later = a.shim(SHIM_CLOCK=86400 * 31)
done = status(store, env=later)
a.check('F4', '31 days later status is unhealthy, without a medium', b'expired' in done.out, '1', str(done.code), why=done.out.decode())
done = apply(store, site.g8, env=later)
a.check('F4', 'and what is published stays', published(store) == site.published(8))
store = a.fresh()
done = apply(store, site.g8, env=later)
a.line('F4', 'the good bundle, 31 days later', '1 expired', f'{done.code} {seen_word(done, "expired")}', [] if published(store) == site.published(7) else ['published'])

# F5: fast-forward; then a root with the next epoch leaves it behind. F5b: dates in the future.
for revision in (1000008, 2**53 - 1, 2**53):
    p = site.plan(revision=revision)
    a.taken('F5', f'list {revision}', a.medium(p), 1, 'jump')
for sequence in (1000008, 2**53 - 1, 2**53):
    a.bad('F5', f'bundle {sequence}', a.medium(site.plan(sequence=sequence)), 1, 'jump')
p = site.plan(revision=7 + 1000000, sequence=7 + 1000000)
store = a.fresh()
done = apply(store, a.medium(p))
a.check('F5', 'a list one million ahead, at the limit, enters', done.code == 0 and published(store) == site.published(8), '0', str(done.code), why=done.out.decode())
done = apply(store, site.g9)
a.check('F5', 'it jams the stream: list 9 is older', done.code == 0 and published(store) == site.published(8), '0', str(done.code), why=done.out.decode())
p = site.plan(9, epoch=2, revision=1)
p.roots[4] = site.root(4, epoch=2)
p.signers['trust-4.yaml'] = ['root-a', 'root-b']
done = apply(store, a.medium(p))
a.check('F5', 'a root with the next epoch, and list 1 of it', done.code == 0 and whole(store, site.trust) == [] and json.loads(run(
    'satchel-import', '-C', store, '--json', 'status').out.splitlines()[0] or b'{}') is not None and published(store) != site.published(8), '0', str(done.code), why=(done.out + done.err).decode())
for epoch in (2, 5):
    a.taken('F5', f'a list of epoch {epoch} under a root of epoch 1', a.medium(site.plan(epoch=epoch)), 1, 'jump')
p = site.plan()
p.roots[4] = site.root(4, epoch=1000003)
p.signers['trust-4.yaml'] = ['root-a', 'root-b']
a.bad('F5', 'a root a million epochs ahead', a.medium(p), 1, 'jump')
ten = site.now + 86400 * 3652
a.bad('F5b', 'a bundle created in ten years', a.medium(site.plan(created=stamp(ten))), 1, 'clock')
a.taken('F5b', 'a list issued in ten years', a.medium(site.plan(issued=stamp(ten), expires=stamp(ten + 86400 * 30))), 1, 'clock')
a.taken('F5b', 'a list issued in 25 hours', a.medium(site.plan(issued=stamp(time.time() + 90000))), 1, 'clock')
p = site.plan()
p.roots[4] = site.root(4, issued=stamp(ten), expires=stamp(ten + 86400 * 365))
p.signers['trust-4.yaml'] = ['root-a', 'root-b']
store = a.fresh()
done = apply(store, a.medium(p))
a.line('F5b', 'a root issued in ten years', '1 clock', f'{done.code} {seen_word(done, "clock")}', [] if published(store) == site.published(7) else ['published'])

# F6: each file of G8 in place of that of G9, and the reverse. (G9 has its own list and objects.)
G9 = 'satchel/updates-00000009'
names = sorted(set(os.listdir(f'{site.g8}/{G8}')) & set(os.listdir(f'{site.g9}/{G9}')))
swapped = 0
for base, folder, other in ((site.g8, G8, f'{site.g9}/{G9}'), (site.g9, G9, f'{site.g8}/{G8}')):
    for name in names:
        if read(f'{base}/{folder}/{name}') == read(f'{other}/{name}'):
            continue
        medium = a.copy(base)
        shutil.copy(f'{other}/{name}', f'{medium}/{folder}/{name}')
        swapped += 1
        what = f'{name[:32]} of the other bundle in {folder[-1]}'
        if name.endswith('.tar.zst'):
            longer = os.path.getsize(f'{other}/{name}') > os.path.getsize(f'{base}/{folder}/{name}')
            a.taken('F6', what, medium, 3, 'frame-digest', publishes=None if folder == G9 else 7, after=folder == G8)
        elif name.startswith('manifest'):
            a.bad('F6', what, medium, 1, 'signature-threshold')
        else:
            other_size = os.path.getsize(f'{other}/{name}') != os.path.getsize(f'{base}/{folder}/{name}')
            a.bad('F6', what, medium, 1, 'file-size' if other_size else 'file-digest')
a.check('F6', f'{swapped} files exchanged', swapped >= 12)
medium = a.copy(site.g8)
for path in glob.glob(f'{site.g9}/{G9}/manifest*'):
    shutil.copy(path, f'{medium}/{G8}')
a.bad('F6', 'manifest and signature of the other bundle', medium, 1, 'name')

# F7: what nobody approved. The exporter's key alone can bring bytes in; nothing publishes them.
p = site.plan()
p.data.append(b'evil')
medium = a.medium(p)
store = a.fresh()
done = apply(store, medium)
a.check('F7', 'an object that no list names', done.code == 0 and published(store) == site.published(8) and not any(sha256(b'evil') in str(value) for value in published(store).values()), '0 not published',
        f'{done.code} not published')
done = run('satchel-verify', 'bundle', medium, '--trust', site.trust)
a.check('F7', 'the auditor tells it as surplus', sha256(b'evil').encode() + b': no entry of the list needs it' in done.out, why=done.out.decode())
p = site.plan()
evil = file_record('a/evil', b'evil')
p.data.append(b'evil')
p.edit['volumes'] = lambda v: [v[0] + [(lambda d: (sha256(d), len(d), None, len(d), d))(b'satchel: contents/1\nitem: "pool/a"\nfiles:\n' + evil.encode() + b'\n')], v[1]]
store = a.fresh()
done = apply(store, a.medium(p))
a.check('F7', 'a contents list that no list names', done.code == 0 and published(store) == site.published(8), '0 not published', f'{done.code} not published', why=done.out.decode())
p = site.plan()
p.signers['approvals.yaml'] = ['approver-a']
a.bad('F7b', 'a list signed by one of two approvers', a.medium(p), 1, 'signature-threshold')
p = site.plan(signers={**site.plan().signers, 'approvals.yaml': ['approver-a', 'exporter-a']})
a.bad('F7b', 'a list signed by an approver and the exporter', a.medium(p), 1, 'signature-threshold')
p = site.plan()
p.edit['approvals'] = lambda text: text.replace('rings: ["production"]', 'rings: ["pilot"]', 1)
a.bad('F7', 'a list in which an item requires one that is approved for another ring', a.medium(p), 1, 'requires')

# F9: for other stores.
for names in (['perimeter-b'], ['perimeter'], ['perimeter-aa'], ['perimeter-b', 'site-b']):
    store = a.fresh()
    before = store_state(store)
    done = apply(store, a.medium(site.plan(destinations=names)))
    a.line('F9', f'for {names}', '1 wrong-destination', f'{done.code} {seen_word(done, "wrong-destination")}', changed(store, before, []) + faults(done, 'wrong-destination') + a.good_after(store))
a.bad('F9', 'for PERIMETER-A', a.medium(site.plan(destinations=['PERIMETER-A'])), 1, 'name')
store = a.fresh()
medium = a.medium(site.plan(), site.plan(9, destinations=['perimeter-b']))
done = apply(store, medium)
a.check('F9', 'beside one that is for us: passed over, and said', done.code == 0 and b'perimeter-b' in done.out + done.err and published(store) == site.published(8), '0', str(done.code), why=(done.out + done.err).decode())
roots = {1: keys.trust(1, site='site-b', issued=stamp(site.now - 86400 * 20), expires=stamp(site.now + 86400 * 365))}
p = site.plan(roots=roots)
a.bad('F9', "a bundle of another site's root", a.medium(p), 1, 'trust-chain')

# F10: G8 is lost, G9 comes.
store = a.fresh()
done = apply(store, site.g9)
a.check('F10', 'G9 has all it needs: in effect', done.code == 0 and whole(store, site.trust) == [], '0', str(done.code), why=done.out.decode())
store = a.fresh()
p = site.plan(9, cut=7000)
del p.data[1]
done = apply(store, a.medium(p))
missing = b'object 1 of 9\n'
a.check('F10', 'G9 without an object: it waits, and names what is missing', done.code == 4 and sha256(missing).encode() in done.out and published(store) == site.published(7), '4 waits', f'{done.code} waits', why=done.out.decode())
done = status(store)
a.check('F10', 'so does status', done.code == 4 and sha256(missing).encode() in done.out, '4', str(done.code), why=done.out.decode())
done = apply(store, site.g9)
a.check('F10', 'and when it comes, all is there', done.code == 0 and whole(store, site.trust) == [], '0', str(done.code), why=done.out.decode())

# F12: the clock.
year = 86400 * 365
for label, ahead, code, word in (('ten years back', -10 * year, 1, 'clock'), ('1970', 3600 - site.now, 1, 'clock'), ('25 hours back', -90000 - 3600 * 8, 1, 'clock'), ('ten years ahead', 10 * year, 1, 'trust-expired')):
    store = a.fresh()
    before = store_state(store)
    done = apply(store, site.g8, env=a.shim(SHIM_CLOCK=ahead))
    a.line('F12', f'clock {label}', f'{code} {word}', f'{done.code} {seen_word(done, word)}', faults(done, word) + ([] if published(store) == site.published(7) else ['published']) + a.good_after(store))
for label, ahead, code in (('ten years back', -10 * year, 1), ('20 hours back', -72000, 0), ('33 hours back', -90000 - 3600 * 8, 1), ('21 days back', -86400 * 21, 1), ('right', 0, 0)):
    done = run('satchel-import', '-C', a.fresh(), 'status', env=a.shim(SHIM_CLOCK=ahead))
    said = b'set the clock' in done.out and b'unhealthy' in done.out
    a.check('F12', f'status, clock {label}', done.code == code and said == (code == 1), str(code), str(done.code), why=(done.out + done.err).decode())
store = a.fresh()
done = apply(store, site.g8, env=a.shim(SHIM_CLOCK=2147483648 + 86400 - int(time.time())))
a.check('F12', 'after 2038-01-19: an ordinary day, the root expired long ago', done.code == 1 and seen_word(done, 'trust-expired') == 'trust-expired', '1 trust-expired', f'{done.code} {seen_word(done, "trust-expired")}')
seen = []
for look in range(1, 30):  # libraries look at the clock as well
    store = a.fresh()
    known = len(journal(store))
    done = apply(store, site.g8, env=a.shim(SHIM_CLOCK=10 * year, SHIM_JUMP=look))
    times = {line['time'][:4] for line in journal(store)[known:]}
    seen.append((done.code, published(store) == site.published(8 if done.code == 0 else 7), len(times)))
a.check('F12', 'a jump by ten years during the run: one sample of the time', set(seen) == {(1, True, 1), (0, True, 1)}, why=str(seen))
done = apply(a.fresh(), site.g8, env=a.shim(SHIM_CLOCK=-site.now - 86400))
a.check('F12', 'a clock before 1970', done.code == 2 and seen_word(done, 'config') == 'config', '2 config', f'{done.code} {seen_word(done, "config")}')
# F12: what a store takes for the time that is at least past: what approvers signed. An exporter's key and one run with a wrong clock
# must not jam it; nor does a clock that was set back revive a list that has expired.
days = 86400
store, ahead = a.fresh(), 200 * days
done = apply(store, a.medium(site.plan(7, sequence=20, created=stamp(site.now + ahead), expires=stamp(site.now + 90 * days))), env=a.shim(SHIM_CLOCK=ahead))
a.check('F12', 'a bundle of 200 days ahead, taken while the clock was as wrong', done.code == 0 and b'imported' in done.out, '0', str(done.code), why=(done.out + done.err).decode())
done = apply(store, site.g8)
a.check('F12', 'does not keep lists out once the clock is right', done.code == 0 and published(store) == site.published(8), '0', str(done.code), why=(done.out + done.err).decode())
a.check('F12', 'and it is said that one of both is wrong', re.search(rb'warning: the clock says .* created at', done.err) is not None, why=done.err.decode())
back = dict(issued=stamp(site.now - 9 * days), created=stamp(site.now - 9 * days), expires=stamp(site.now - 5 * days))
store = a.fresh()
before = published(store)
done = apply(store, a.medium(site.plan(8, **back)), env=a.shim(SHIM_CLOCK=-7 * days))
a.line('F12', 'a list that expired, with the clock a week back', '1 clock', f'{done.code} {seen_word(done, "clock")}', faults(done, 'clock') + ([] if published(store) == before else ['published']) + a.good_after(store))
a.end(64)
