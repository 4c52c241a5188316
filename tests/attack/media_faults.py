"""M1 to M6 and M13: media with faults. The argument chooses the rows; POINTS is how many places of a sweep are tried."""
import os
import sys
import time

import attack
from attack import run
from readers import BadMedium, Kept, apply, can_mount

attacks = Kept()
if not can_mount():
    print('no /dev/fuse here, or not root: media with faults')
    sys.exit(77)
POINTS = int(os.environ.get('POINTS', 12))
work, g8 = attacks.work, attacks.site.g8
medium8 = attacks.copy(name='eight')


def points(total):
    """Some of 1..total, first and last among them."""
    return sorted({1 + round(i * (total - 1) / (POINTS - 1)) for i in range(POINTS)}) if total > POINTS else range(1, total + 1)


def good_run():
    store = attacks.fresh()
    with BadMedium(work, medium8) as bad:
        done = apply(store, bad.path)
    assert done.code == 0, done
    return bad


def second_read():
    """M1: a device that gives other bytes when it is asked again, and one that lies at first."""
    store = attacks.fresh()
    with BadMedium(work, medium8, 'second') as bad:
        done = apply(store, bad.path)
    attacks.kept('M1', 'other bytes at the second read', done, store, '0')
    attacks.check('M1', f'each byte was read at most once ({bad.reads} reads)', bad.most == 1 and bad.reads > 20, why=f'{bad.most} times')
    for pattern, expected in (('*/manifest.yaml', '1 signature-threshold'), ('*/approvals.yaml', '1 file-digest'), ('*/trust-1.yaml', None),
                              ('*/vol-0001.yaml', '1 file-digest'), ('*/vol-*.zst', '3 frame-digest')):
        store = attacks.fresh()
        with BadMedium(work, medium8, f'in={pattern}', 'first') as bad:
            done = apply(store, bad.path)
            attacks.kept('M1', f'other bytes at the first read of {pattern}', done, store, expected, after=False)
            again = apply(store, bad.path)
        attacks.kept('M1', f'good bytes of {pattern} afterwards', again, store, '0')


def growing():
    """M2: files that grow, shrink, or are replaced by others while they are read."""
    for pattern, size in (('*/manifest.yaml', 1), ('*/approvals.yaml', 70000), ('*/vol-0001.yaml', 1), ('*/vol-*.zst', 1), ('*', 4096)):
        store = attacks.fresh()
        with BadMedium(work, medium8, f'in={pattern}', f'grow={size}') as bad:
            done = apply(store, bad.path)
        attacks.kept('M2', f'{pattern} grows by {size}', done, store)
    total = good_run()
    for k in points(total.reads):
        store = attacks.fresh()
        with BadMedium(work, medium8, f'shrink={k}') as bad:
            done = apply(store, bad.path)
        attacks.kept('M2', f'all files shrink at read {k} of {total.reads}', done, store, after=k % 3 == 0)
    other = attacks.copy(attacks.site.g9, name='nine')
    os.rename(f'{other}/satchel/updates-00000009', f'{other}/satchel/updates-00000008')
    for k in points(total.operations):
        store = attacks.fresh()
        with BadMedium(work, medium8, f'replace={k}:{other}') as bad:
            done = apply(store, bad.path)
        attacks.kept('M2', f'everything is replaced at operation {k} of {total.operations}', done, store, publishes=(7, 8), after=k % 3 == 0)


def sectors():
    """M3: what can't be read, at every place."""
    total = good_run()
    for k in points(total.reads):
        store = attacks.fresh()
        with BadMedium(work, medium8, f'eio={k}') as bad:
            done = apply(store, bad.path)
        attacks.kept('M3', f'read {k} of {total.reads} fails', done, store, '3 medium-read', says=r'updates-00000008/|vol-000\d')
    for volume in (1, 2):
        store = attacks.fresh()
        with BadMedium(work, medium8, f'in=*/vol-000{volume}.tar.zst', 'eio=1') as bad:
            done = apply(store, bad.path)
            attacks.kept('M3', f'a frame of volume {volume} fails', done, store, '3 medium-read', says=rf'vol-000{volume}.*[0-9a-f]{{64}}|[0-9a-f]{{64}}', after=False)
            verified = run('satchel-verify', 'bundle', bad.path, '--trust', attacks.site.trust)
        attacks.line('M3', f'verify of volume {volume}', '3 medium-read', f'{verified.code} {attack.seen_word(verified, "medium-read")}')


def short():
    """M4: one byte at a time, and interrupted reads."""
    for fault in ('short', 'eintr'):
        store = attacks.fresh()
        with BadMedium(work, medium8, fault) as bad:
            done = apply(store, bad.path)
        attacks.kept('M4', f'{fault} reads ({bad.reads})', done, store, '0')


def pulled():
    """M5: gone from some operation on; then it is back."""
    total = good_run()
    for k in points(total.operations - 2):  # with the last two it is closed
        store = attacks.fresh()
        with BadMedium(work, medium8, f'gone={k}') as bad:
            done = apply(store, bad.path)
        attacks.kept('M5', f'pulled out at operation {k} of {total.operations}', done, store, '3 medium-read')


def hanging():
    """M6: a call that never returns, so that its process can't even be killed: main goes on, and the lock is free."""
    for what in ('getattr:1', 'getattr:3', 'open:1', 'open:9', 'read:1', 'read:12', 'read:25', 'readdir:1'):
        store = attacks.fresh()
        with BadMedium(work, medium8, f'hang={what}') as bad:
            done = apply(store, bad.path, '--medium-timeout', '2')
            stuck = bad.hung() if what.startswith('read:') else ['yes']
            second = apply(store, g8)
            bad.kill()
        attacks.kept('M6', f'{what} never returns', done, store, '3 medium-timeout', publishes=(7, 8), seconds=25, after=False)
        attacks.check('M6', f'{what}: its process hangs on, and still the store is free', second.code == 0 and stuck and
                      attack.published(store) == attacks.site.published(8), why=f'{second.code} {second.out + second.err} {stuck}')
    with BadMedium(work, medium8, 'hang=read:12') as bad:
        done = run('satchel-verify', 'bundle', bad.path, '--trust', attacks.site.trust, '--medium-timeout', '2')
        bad.kill()
    attacks.line('M6', 'verify of a medium that hangs', '3 medium-timeout', f'{done.code} {attack.seen_word(done, "medium-timeout")}',
                 ['took long'] if done.seconds > 25 else [])


def many():
    """M13: ten million names, beside the bundles and in one."""
    for where, expected, publishes in (('/satchel', '3 medium-read', 7), ('/satchel/updates-00000008', '0', 8)):
        store = attacks.fresh()
        with BadMedium(work, medium8, f'many={where}:10000000') as bad:
            done = apply(store, bad.path)
            attacks.kept('M13', f'10,000,000 names more in {where}', done, store, expected, publishes=(7, publishes), seconds=300)
            start = time.monotonic()
            verified = run('satchel-verify', 'bundle', bad.path, '--trust', attacks.site.trust)
        attacks.check('M13', f'verify with 10,000,000 names more in {where}', verified.code == 3 and time.monotonic() - start < 300 and
                      verified.memory < attack.MAX_MEMORY, '3', '3', why=f'{verified.code} {verified.out + verified.err}')


ROWS = {'M1': (second_read, 12), 'M2': (growing, 12), 'M3': (sectors, 8), 'M4': (short, 2), 'M5': (pulled, 5), 'M6': (hanging, 17), 'M13': (many, 4)}
ROWS[sys.argv[1]][0]()
attacks.end(least=ROWS[sys.argv[1]][1])
