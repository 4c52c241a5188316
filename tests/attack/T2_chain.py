"""T2, T3, T4, T7: the cases, by T2_chain.sh. All on a store like the fixture's, whose root is 3."""
from attack import run
from roots import BY, YEAR, Chain


a = Chain()
now = a.site.now
# T2: a version skipped, equal, lower; a chain that is the beginning of ours.
a.case('T2', '3 to 5: trust-4.yaml says version 5', {**a.base, 4: a.root(5)}, 1, 'trust-chain', 3)
skipped = {**a.base, 5: a.root(5)}
a.case('T2', '3 to 5: there is no trust-4.yaml, the manifest names 5', skipped, 1, 'document-form', 3)
a.case('T2', '3 to 3: trust-4.yaml says version 3', {**a.base, 4: a.root(3, issued=now - 50)}, 1, 'trust-chain', 3)
a.case('T2', '3 to 2: trust-4.yaml says version 2', {**a.base, 4: a.root(2)}, 1, 'trust-chain', 3)
a.case('T2', 'another root 3, well signed', {**a.base, 3: a.root(3, issued=now - 50)}, 1, 'trust-chain', 3)
a.case('T2', 'another root 2 behind which ours would not follow', {**a.base, 2: a.root(2, issued=now - 50)}, 1, 'trust-chain', 3)
a.case('T2', 'another root 3, and a 4 that extends it', {**a.base, 3: a.root(3, issued=now - 50), 4: a.root(4)}, 1, 'trust-chain', 4, after=None)
a.case('T2', 'of another site', {**a.base, 4: a.root(4, site='site-b')}, 1, 'trust-chain', 3)
higher = {**a.base, 4: a.root(4, epoch=5), 5: a.root(5, epoch=4)}
a.case('T2', 'epoch 5, then 4: ends at the first', higher, 1, 'trust-chain', 4, after=None)
a.case('T2', 'an epoch more than 1,000,000 ahead', a.chain(4, epoch=1000002), 1, 'jump', 3)
for last in (1, 2):
    a.case('T2', f'a chain that ends at {last}, the beginning of ours; the newest root judges', a.chain(last), 0, '', 3)
a.case('T2', 'the whole chain, to 4', a.chain(4), 0, '', 4, after=None)
a.case('T2', 'far behind: seven roots on one medium', a.chain(10), 0, '', 10, after=None)

# T3: a refused root leaves nothing, and its keys are nobody's.
evil = a.root(4, exporter=(1, ['k0']), approver=(2, ['k1', 'k3']))
for what, by in (('unsigned', []), ('by strangers', ['k0', 'k1', 'k3']), ('one of two', ['root-a']), ('by approvers', ['approver-a', 'approver-b'])):
    a.case('T3', f'root 4 {what}, then a bundle by its keys', {**a.base, 4: evil}, 1, 'trust-invalid', 3, signed={4: by}, approvers=['k1', 'k3'], exporters=['k0'])
store = a.store_at_3()
run('satchel-import', '-C', store, 'apply', a.bundle({**a.base, 4: evil}, {**BY, 4: []}, approvers=['k1', 'k3'], exporters=['k0']))
a.expect('T3', "afterwards a bundle by that root's exporter, without the root", store, a.bundle(a.base, BY, exporters=['k0']), 1, 'signature-missing', a.base, after=a.good)

# T4: expiry is judged on the newest root alone.
past = dict(issued=now - 86400 * 10, life=86400 * 3)
a.case('T4', 'root 4 expired, root 5 valid', {**a.base, 4: a.root(4, **past), 5: a.root(5)}, 0, '', 5, after=None)
a.case('T4', 'root 4 valid, root 5 expired', {**a.base, 4: a.root(4), 5: a.root(5, **past)}, 1, 'trust-expired', 5, after=a.bundle({**a.base, 4: a.root(4), 5: a.root(5, **past), 6: a.root(6)}, BY, name='six'))
a.case('T4', 'root 4 from the year after next, root 5 of today', {**a.base, 4: a.root(4, issued=now + 2 * YEAR), 5: a.root(5)}, 0, '', 5, after=None)
a.case('T4', 'root 4 from the year after next', a.chain(4, issued=now + 2 * YEAR), 1, 'clock', 4, after=a.bundle({**a.chain(4, issued=now + 2 * YEAR), 5: a.root(5)}, BY, name='five'))

# T7: a chain of its own, from version 1, self-signed.
own = {version: a.root(version, root=(1, ['k0']), approver=(1, ['k1']), exporter=(1, ['k3'])) for version in (1, 2, 3, 4)}
mine = {version: ['k0'] for version in own}
for last in (1, 3):
    roots = {version: own[version] for version in range(1, last + 1)}
    a.case('T7', f'self-signed roots 1 to {last}, and a bundle by their keys', roots, 1, 'signature-missing', 3, signed=mine, approvers=['k1'], exporters=['k3'])
a.case('T7', 'self-signed roots 1 to 4', own, 1, 'trust-invalid', 3, signed=mine, approvers=['k1'], exporters=['k3'])
medium = a.bundle({1: own[1], 2: own[2], 3: own[3]}, mine)
a.expect('T7', 'self-signed roots, bundle by the right exporter', a.store_at_3(), medium, 1, 'trust-chain', a.base, after=a.good)
a.end(26)
