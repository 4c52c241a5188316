"""T6: the cases, by T6_bad_bundle.sh. All on a store like the fixture's, whose root is 3."""
import glob
import os

from attack import changed, read, run, seen_word, store_state, whole, write
from roots import BY, Chain, about_roots, journal_roots


a = Chain()
now = a.site.now
# T6: a good root comes in with whatever bundle; the rest of the store is as it was.
four = a.chain(4)
after = a.bundle(four, BY, name='four')
for what, word, change in (
        ('manifest signed by nobody', 'signature-missing', lambda b: [os.remove(f) for f in glob.glob(f'{b}/manifest.yaml.*.sig')]),
        ('manifest changed', 'signature-threshold', lambda b: write(f'{b}/manifest.yaml', read(f'{b}/manifest.yaml') + b'x')),
        ('list of other bytes', 'file-digest', lambda b: write(f'{b}/approvals.yaml', read(f'{b}/approvals.yaml').replace(b'First', b'Worst'))),
        ('index missing', 'file-missing', lambda b: os.remove(f'{b}/vol-0001.yaml')),
        ('list below the threshold', 'signature-threshold', None)):
    medium = a.bundle(four, BY, approvers=['approver-a'] if change is None else ['approver-a', 'approver-b'])
    if change:
        change(f'{medium}/satchel/updates-00000008')
    store = a.store_at_3()
    a.expect('T6', f'good root, {what}', store, medium, 1, word, four, after=after)
    a.check('T6', f'good root, {what}: journaled once, and the store is whole', journal_roots(store)[-1:] == [4] and journal_roots(store).count(4) == 1 and
            not whole(store, f'{store}/trust/trust-1.yaml'))
medium = a.bundle(four, BY, destinations=['perimeter-b'])
store = a.store_at_3()
before = store_state(store)
done = run('satchel-import', '-C', store, 'apply', medium)
a.line('T6', 'good root, bundle for another store', '1 wrong-destination', f'{done.code} {seen_word(done, "wrong-destination")}',
       a.trust_is(store, four) + [one for one in changed(store, before, []) if not about_roots(one)])
os.remove(glob.glob(f'{medium}/satchel/updates-*/manifest.yaml')[0])
store = a.store_at_3()
before = store_state(store)
done = run('satchel-import', '-C', store, 'apply', medium)
a.line('T6', 'an interrupted bundle is nobody: its root does not count', '3 bundle-interrupted', f'{done.code} {seen_word(done, "bundle-interrupted")}',
       a.trust_is(store, a.base) + changed(store, before, []))
a.end(12)
