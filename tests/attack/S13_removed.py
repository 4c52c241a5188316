"""S13, S14: the cases, by S13_removed.sh. All on a store like the fixture's, whose root is 3."""
import glob
import os
import subprocess

from attack import faults, journal, published, read, remove, run, seen_word, stamp, whole
from roots import BY, Chain


a = Chain()
now = a.site.now
past = dict(issued=now - 86400 * 10, life=86400 * 3)
# S13: root 4 drops a key, on the very medium that the key signed. From then on nothing new by it enters.
dropped = {**a.base, 4: a.root(4, exporter=(1, ['exporter-b']))}
a.case('S13', 'root 4 drops exporter-a, who signed the bundle', dropped, 1, 'signature-missing', 4, after=a.bundle(dropped, BY, name='b', exporters=['exporter-b']))
both = {**a.base, 4: a.root(4, exporter=(2, ['exporter-b', 'exporter-c']))}
a.case('S13', 'root 4 drops exporter-a and asks for two, bundle by him and one of them', both, 1, 'signature-threshold', 4, exporters=['exporter-a', 'exporter-b'], after=None)
dropped = {**a.base, 4: a.root(4, approver=(2, ['approver-b', 'approver-c']))}
fine = a.bundle(dropped, BY, name='b', approvers=['approver-b', 'approver-c'])
a.case('S13', 'root 4 drops approver-a, who signed the list', dropped, 1, 'signature-threshold', 4, after=fine)
old = a.bundle(a.base, BY, name='old')
store = a.store_at_3()
run('satchel-import', '-C', store, 'apply', a.bundle(dropped, BY, exporters=[]))
a.expect('S13', 'a former medium by the dropped approver, after the root came', store, old, 1, 'signature-threshold', dropped, after=fine)
# A list that was taken in but is not complete is judged again at once: also where it is in part in effect, being urgent.
store = a.store_at_3()
urgent = dict(entries=(('doc', []), ('pool/a', ['    urgent: true']), ('pool/b', [])))
medium = a.bundle(a.base, BY, **urgent)
for volume in glob.glob(f'{medium}/satchel/updates-00000008/vol-0002.tar.zst'):
    os.truncate(volume, os.path.getsize(volume) - 100)
done = run('satchel-import', '-C', store, 'apply', medium)
text = f'{store}/published/updates/pool/a/f01'
a.check('S13', 'an urgent item of a list that waits is published', done.code == 3 and read(text) == b'object 1 of 8\n', why=f'{done.out!r} {done.err!r}')
seven = published(f'{a.work}/at3')
run('satchel-import', '-C', store, 'apply', a.bundle(dropped, BY, exporters=[], number=9))
a.check('S13', 'and is not any more when its signer is dropped, by a bundle that is refused', published(store) == seven, why=f'{read(text)!r}')
dropped_line = b'"event":"list-dropped"' in read(f'{store}/journal.jsonl')
a.check('S13', 'the list is gone, the journal tells of it', dropped_line and not os.path.exists(f'{store}/streams/updates/lists/1-8'))
a.check('S13', 'and the store is whole', not whole(store, f'{store}/trust/trust-1.yaml'), why=str(whole(store, f'{store}/trust/trust-1.yaml')))
done = run('satchel-verify', 'report', store, '--trust', f'{store}/trust/trust-1.yaml', '-o', '-')
a.check('S13', 'which a page of it says as well', done.code == 0, why=f'{done.code} {done.out[-600:]!r}')

# A routine rotation. What was imported whole before is passed over as ever, since nothing is taken from it; where anything of it is missing,
# or it is another bundle, it is judged by the newest root.
rotated = {**a.base, 4: a.root(4, exporter=(1, ['exporter-b']))}
former = a.bundle(a.base, BY, name='former')
newer = a.bundle(rotated, BY, name='newer', number=9, exporters=['exporter-b'])
store = a.store_at_3()
run('satchel-import', '-C', store, 'apply', former)
kept = f'{a.work}/kept'
subprocess.run(['cp', '-a', store, kept], check=True)
done = run('satchel-import', '-C', store, 'apply', former, newer)
a.check('S13', 'a former medium by the dropped exporter, named with the new root', done.code == 0 and b'updates-00000008  already imported' in done.out, why=f'{done.code} {done.out + done.err!r}')
done = a.expect('S13', 'a former medium by the dropped exporter, imported whole', store, former, 0, '', rotated)
a.check('S13', 'and it is said to be known', done.out == b'updates-00000008  already imported\n', why=f'{done.out!r}')
stripped = a.copy(former, name='stripped')
for signature in glob.glob(f'{stripped}/satchel/*/manifest.yaml.*.sig'):
    os.unlink(signature)
a.expect('S13', 'the same, its signatures gone', store, stripped, 0, '', rotated)
index = a.copy(former, name='index')
with open(f'{index}/satchel/updates-00000008/vol-0001.yaml', 'r+b') as f:
    f.write(b'X')
a.expect('S13', 'the same, with another index', store, index, 1, 'signature-missing', rotated)
a.expect('S13', 'another bundle of that number by the dropped exporter', store, a.bundle(a.base, BY, name='other', created=stamp(now - 9000)), 1, 'signature-missing', rotated)
gone = next(path for path in sorted(glob.glob(f'{store}/objects/*/*')) if read(path).startswith(b'object '))
os.unlink(gone)
a.expect('S13', 'a former medium by the dropped exporter, an object of it is missing', store, former, 1, 'signature-missing', rotated)
remove(store)
subprocess.run(['cp', '-a', kept, store], check=True)
os.unlink(f'{store}/{os.path.relpath(gone, f"{a.work}/s")}')
run('satchel-import', '-C', store, 'apply', a.bundle(a.base, BY, name='good again'))
a.check('S13', 'which heals the store where the key is not dropped', os.path.exists(gone))

# Several bundles in one call: all are judged by the newest root that one of them proves, whatever lies first or is named first.
dropped = {**a.base, 4: a.root(4, exporter=(1, ['exporter-b']))}
eight = a.bundle(a.base, BY, name='eight', entries=(('doc', []), ('pool/b', [])))
nine = a.bundle(dropped, BY, name='nine', number=9, exporters=['exporter-b'])
unsigned = a.bundle({**dropped, 5: a.root(5)}, {**BY, 5: []}, name='unsigned', number=7, exporters=['exporter-b'], destinations=['perimeter-b'])
both = f'{a.work}/both'
for medium in (eight, nine):
    subprocess.run(['cp', '-a', f'{medium}/.', both], check=True)
ends = {}
for what, media in (('the dropped exporter first', (eight, nine)), ('the new root first', (nine, eight)), ('on one medium', (both,)),
                    ('with a root that nobody signed', (unsigned, eight, nine)), ('on many media', (eight,) * 20 + (nine,))):
    store = a.store_at_3()
    done = run('satchel-import', '-C', store, 'apply', '--dry-run', *media)
    a.check('S13', f'two bundles, {what}: a dry run says so', done.code == 1 and b'updates-00000008  refused: signature-missing' in done.out and b'updates-00000009  would be imported' in done.out, why=f'{done.code} {done.out + done.err!r}')
    done = run('satchel-import', '-C', store, 'apply', *media)
    a.line('S13', f'two bundles, {what}', '1 signature-missing', f'{done.code} {seen_word(done, "signature-missing")}',
           faults(done, 'signature-missing') + a.trust_is(store, dropped) + whole(store, f'{store}/trust/trust-1.yaml'))
    ends[what] = (published(store), sorted(os.listdir(f'{store}/streams/updates/lists')), sorted(name for _, _, names in os.walk(f'{store}/objects') for name in names))
    events = [(line['event'], line.get('bundle')) for line in journal(store)]
    a.check('S13', f'two bundles, {what}: the root stands in the journal before they are judged', ('refused', 'updates-00000008') in events and ('bundle', 'updates-00000009') in events and
            ('bundle', 'updates-00000008') not in events and events.index(('root', None), events.index(('bundle', 'updates-00000007'))) < events.index(('refused', 'updates-00000008')), why=str(events))
a.check('S13', 'two bundles, any order: the same lists, objects and files', len({str(end) for end in ends.values()}) == 1, why=str(ends)[:2000])

# A root in one bundle that extends one in a bundle behind it: both, whatever is named first.
five = a.root(5, exporter=(1, ['exporter-b']))
ahead = a.unsaid(a.bundle(a.base, BY, name='ahead'), {5: five}, BY)
for what, media in (('ahead of it', (ahead, nine)), ('after it', (nine, ahead))):
    store = a.store_at_3()
    done = run('satchel-import', '-C', store, 'apply', *media)
    a.line('S13', f'root 5 in a bundle, root 4 in another, named {what}', '1 signature-missing', f'{done.code} {seen_word(done, "signature-missing")}',
           faults(done, 'signature-missing') + a.trust_is(store, {**dropped, 5: five}))

# S14: an expired root, without and with a successor on the medium.
expired = {1: a.root(1, **past)}
successor = {**expired, 2: a.root(2)}
store = a.pinned(expired[1])
a.expect('S14', 'expired root, no successor', store, a.bundle(expired, BY), 1, 'trust-expired', expired)
done = run('satchel-import', '-C', store, 'status')
a.line('S14', 'expired root: status is unhealthy', '1 trust-expired', f'{done.code} {seen_word(done, "trust-expired")}', faults(done, 'trust-expired'))
a.expect('S14', 'expired root, with a valid successor', store, a.bundle(successor, BY), 0, '', successor, publishes='doc')
soon = {1: a.root(1, issued=now - 86400, life=86400 * 20)}
store = a.pinned(soon[1])
done = run('satchel-import', '-C', store, 'apply', a.bundle(soon, BY))
a.check('S14', '19 days before: apply warns', b'warning: trust root 1 expires at' in done.err and done.code == 0, why=done.err.decode())
done = run('satchel-import', '-C', store, 'status')
a.check('S14', '19 days before: status warns, and is healthy', b'warning: trust root 1 expires at' in done.err and done.code == 0, why=done.err.decode())
far = {1: a.root(1, issued=now - 86400, life=86400 * 33)}
store = a.pinned(far[1])
done = run('satchel-import', '-C', store, 'apply', a.bundle(far, BY))
a.check('S14', '32 days before: nobody warns', b'trust root 1' not in done.err and done.code == 0, why=done.err.decode())
a.end(30)
