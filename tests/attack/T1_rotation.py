"""T1: the rotation cases of the TUF conformance suite (theupdateframework/tuf-conformance, tuf_conformance/), one by one, under
their names. A TUF root is a trust root here, with the same rule: version N+1 is signed by the thresholds of N and of N+1.
The other roles: what TUF's targets role says, the approvers say; what snapshot and timestamp say together (which files, how
new), the exporter's manifest says. So test_non_root_rotations stands twice, once for each.

test_updater_key_rotations.py is here as a whole. Of the other files, what is about keys and roots:
    test_expiration.py  test_root_expired, test_expired_local_root                             here
                        the others: expiry of a list is row F4; manifests do not expire, and `status` tells of staleness
    test_keys.py        test_snapshot_does_not_meet_threshold, test_snapshot_has_too_few_keys, test_duplicate_keys,
                        test_invalid_sig_in_valid_metadata                                     here
                        test_duplicate_sig_keyids: no counterpart. A signature is a file named by its key's id, and no folder
                        holds two files of one name; other spellings of the name are row S4
                        test_keytype_and_scheme: row S11; the algorithm belongs to the key
    test_basic.py       test_invalid_initial_root, test_unsigned_metadata, test_url_and_metadata_version_mismatch here
                        test_unsigned_initial_root: not refused here. The first root is pinned by its digest, which people
                        compare; its own signatures would prove only that whoever made it has the keys it names
    test_rollback.py    test_targets_fast_forward_recovery, test_new_snapshot_ and test_new_timestamp_fast_forward_recovery:
                        one thing here, the epoch of a root; sequences of bundles are informational and never jam. The
                        others are rows F1 to F5"""
from attack import published, read, run, write
from roots import Roots

a = Roots()
ROOT_CASES = {  # name: versions, each (keys, threshold, signed by); the last one's fate
    '1-of-1-key-rotation': ([([1], 1, [1]), ([2], 1, [2, 1]), ([2], 1, [2])], True),
    '1-of-1-key-rotation-unused-signatures': ([([1], 1, [3, 1, 4]), ([2], 1, [3, 2, 1, 4]), ([2], 1, [3, 2, 4])], True),
    '3-of-5-sign-with-different-keycombos': ([([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 2, 3, 4], 3, [0, 4, 1]), ([0, 1, 2, 3, 4], 3, [0, 1, 3]),
                                             ([0, 1, 2, 3, 4], 3, [0, 1, 3])], True),
    '3-of-5-one-key-rotated': ([([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 4, 1])], True),
    '3-of-5-one-key-rotated-with-intermediate-step': ([([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 2, 4, 5]), ([0, 1, 3, 4, 5], 3, [0, 4, 5])], True),
    '3-of-5-all-keys-rotated-with-intermediate-step': ([([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([5, 6, 7, 8, 9], 3, [0, 2, 4, 5, 6, 7]),
                                                       ([5, 6, 7, 8, 9], 3, [5, 6, 7])], True),
    '1-of-3-threshold-increase-to-2-of-3': ([([1, 2, 3], 1, [1]), ([1, 2, 3], 2, [1, 2])], True),
    '2-of-3-threshold-decrease-to-1-of-3': ([([1, 2, 3], 2, [1, 2]), ([1, 2, 3], 1, [1, 2]), ([1, 2, 3], 1, [1])], True),
    '1-of-2-threshold-increase-to-2-of-2': ([([1], 1, [1]), ([1, 2], 2, [1, 2])], True),
    '1-of-1-key-rotation-fail-not-signed-with-old-key': ([([1], 1, [1]), ([2], 1, [2, 3, 4])], False),
    '1-of-1-key-rotation-fail-not-signed-with-new-key': ([([1], 1, [1]), ([2], 1, [1, 3, 4])], False),
    '3-of-5-one-key-rotate-fails-not-signed-with-3-new-keys': ([([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 2, 4])], False),
    '3-of-5-one-key-rotate-fails-not-signed-with-3-old-keys': ([([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 4, 5])], False),
    '1-of-3-threshold-bump-to-2-of-3-fails-new-threshold-not-reached': ([([1, 2, 3], 1, [1]), ([1, 2, 3], 2, [2])], False),
    '2-of-3-threshold-decr-to-1-of-3-fails-old-threshold-not-eached': ([([1, 2, 3], 2, [1, 2]), ([1, 2, 3], 1, [1])], False),
}
OTHER_CASES = {  # name: keys, threshold, signed by; the reason it is refused with
    '1-of-1-key-rotation': ([2], 1, [2], ''),
    '1-of-1-key-rotation-unused-signatures': ([1], 1, [3, 1, 4], ''),
    '1-of-1-key-rotation-fail-not-signed-with-new-key': ([2], 1, [1, 3, 4], 'signature-missing'),
    '3-of-5-one-key-signature-wrong-not-signed-with-3-expected-keys': ([0, 1, 3, 4, 5], 3, [0, 2, 4], 'signature-threshold'),
    '2-of-5-one-key-signature-mising-threshold-not-reached': ([0, 1, 3, 4, 5], 3, [0, 4], 'signature-threshold'),
    '3-of-5-sign-first-combo': ([0, 1, 2, 3, 4], 3, [0, 2, 4], ''),
    '3-of-5-sign-second-combo': ([0, 1, 2, 3, 4], 3, [0, 4, 1], ''),
    '3-of-5-sign-third-combo': ([0, 1, 2, 3, 4], 3, [0, 1, 3], ''),
    '3-of-5-sign-fourth-combo': ([0, 1, 2, 3, 4], 3, [1, 2, 3], ''),
    '3-of-5-sign-fifth-combo': ([0, 1, 2, 3, 4], 3, [2, 3, 4], ''),
}


def names(numbers):
    return [f'k{n}' for n in numbers]


for case, (versions, succeeds) in ROOT_CASES.items():
    roots = {n + 1: a.root(n + 1, root=(threshold, names(keys))) for n, (keys, threshold, _) in enumerate(versions)}
    signed = {n + 1: names(by) for n, (_, _, by) in enumerate(versions)}
    good = dict(list(roots.items())[:len(roots) if succeeds else -1])
    store = a.pinned(roots[1])
    medium = a.bundle(roots, signed)
    a.expect('T1', f'test_root_rotation {case}', store, medium, 0 if succeeds else 1, '' if succeeds else 'trust-invalid', good,
             publishes='doc' if succeeds else None, after=a.bundle(good, signed, name='good'))

ROOTS = {1: ['root-a', 'root-b'], 2: ['root-a', 'root-b'], 3: ['root-a', 'root-b']}
for role, stands_for in (('approver', 'targets'), ('exporter', 'snapshot and timestamp')):
    for case, (keys, threshold, by, word) in OTHER_CASES.items():
        roots = {1: a.root(1), 2: a.root(2, **{role: (threshold, names(keys))})}
        store = a.pinned(roots[1])
        medium = a.bundle(roots, ROOTS, **{f'{role}s': names(by)})
        good = a.bundle(roots, ROOTS, name='good', **{f'{role}s': names(keys)})
        a.expect('T1', f'test_non_root_rotations {stands_for} {case}', store, medium, 1 if word else 0, word, roots, publishes=None if word else 'doc', after=good)

# test_expiration.py. The root comes in, nothing else does; and an expired local one goes on to its successor.
now = a.site.now
roots = {1: a.root(1), 2: a.root(2, issued=now - 86400 * 10, life=86400 * 3)}
fine = {**roots, 3: a.root(3)}
a.expect('T1', 'test_root_expired', a.pinned(roots[1]), a.bundle(roots, ROOTS), 1, 'trust-expired', roots, after=a.bundle(fine, ROOTS, name='good'))
roots = {1: a.root(1, issued=now - 86400 * 10, life=86400 * 3), 2: a.root(2)}
a.expect('T1', 'test_expired_local_root', a.pinned(roots[1]), a.bundle(roots, ROOTS), 0, '', roots, publishes='doc')

# test_keys.py
roots = {1: a.root(1)}
for role, what in (('approver', 'targets'), ('exporter', 'snapshot')):
    short = {1: a.root(1), 2: a.root(2, **{role: (2, [f'{role}-a', f'{role}-b'])})}
    a.expect('T1', f'test_snapshot_does_not_meet_threshold {what}', a.pinned(short[1]), a.bundle(short, ROOTS, **{f'{role}s': [f'{role}-a']}), 1,
             'signature-threshold', short, after=a.bundle(short, ROOTS, name='good', **{f'{role}s': [f'{role}-a', f'{role}-b']}))
    few = {1: a.root(1), 2: a.root(2, **{role: (3, [f'{role}-a', f'{role}-b'])})}
    a.expect('T1', f'test_snapshot_has_too_few_keys {what}', a.pinned(few[1]), a.bundle(few, ROOTS), 1, 'trust-invalid', roots, after=a.bundle(roots, ROOTS, name='good'))
twice = {1: a.root(1), 2: a.root(2, approver=(2, ['approver-a', 'approver-a']))}
a.expect('T1', 'test_duplicate_keys', a.pinned(twice[1]), a.bundle(twice, ROOTS, approvers=['approver-a']), 1, 'trust-invalid', roots,
         after=a.bundle(roots, ROOTS, name='good'))
medium = a.bundle(roots, ROOTS)
write(f'{medium}/satchel/updates-00000008/manifest.yaml.{a.keys.id["exporter-b"][:32]}.sig', bytes(64))
a.expect('T1', 'test_invalid_sig_in_valid_metadata', a.pinned(roots[1]), medium, 0, '', roots, publishes='doc')

# test_basic.py
pin = f'{a.work}/pin.yaml'
write(pin, a.root(1, approver=(3, ['approver-a', 'approver-b'])).encode())
done = run('satchel-import', 'init', f'{a.work}/never', '--name', 'n', '--trust', pin, '--stream', 'updates', '--ring', 'production')
a.line('T1', 'test_invalid_initial_root', '1 trust-invalid', f'{done.code} {"trust-invalid" if b"trust-invalid" in done.err else done.err.decode()}')
for role, word in (('root', 'trust-invalid'), ('approver', 'signature-missing'), ('exporter', 'signature-missing')):
    chain = {1: a.root(1), 2: a.root(2)} if role == 'root' else roots
    medium = a.bundle(chain, {**ROOTS, 2: ROOTS[2] if role != 'root' else []}, **({} if role == 'root' else {f'{role}s': []}))
    a.expect('T1', f'test_unsigned_metadata {role}', a.pinned(roots[1]), medium, 1, word, roots, after=a.bundle(roots, ROOTS, name='good'))
other = {1: a.root(1), 2: a.root(3)}
a.expect('T1', 'test_url_and_metadata_version_mismatch root', a.pinned(roots[1]), a.bundle(other, ROOTS), 1, 'trust-chain', roots,
         after=a.bundle(roots, ROOTS, name='good'))

# test_rollback.py: somebody signed a list far ahead, and nothing newer can come after it; a root with the next epoch leaves it behind.
for what, revision, first in (('a jump within bounds', 900000, 0), ('the highest there is', 2 ** 53, 1)):
    store = a.pinned(roots[1])
    done = run('satchel-import', '-C', store, 'apply', a.bundle(roots, ROOTS, revision=revision))
    a.check('T1', f'test_targets_fast_forward_recovery: {what} is {"refused" if first else "taken"}', done.code == first, str(first), str(done.code))
    stuck = run('satchel-import', '-C', store, 'apply', a.bundle(roots, ROOTS, number=9))
    recovery = {1: roots[1], 2: a.root(2, epoch=2, approver=(2, ['approver-b', 'approver-c']))}
    a.expect('T1', f'test_targets_fast_forward_recovery: after {what}', store,
             a.bundle(recovery, ROOTS, number=9, sequence=10, epoch=2, revision=1, approvers=['approver-b', 'approver-c']), 0, '', recovery, publishes='doc')
    text = read(f'{store}/published/updates/pool/a/f01') if published(store) else b''
    a.check('T1', f'test_targets_fast_forward_recovery: after {what}, what is published', text == b'object 1 of 9\n', why=f'{text!r}, {stuck.out!r}')
a.end(45)
