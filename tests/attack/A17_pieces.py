"""A17, A13: objects in pieces, by A17_pieces.sh. Who signed these held all keys; satchel-verify must say what import does."""
import json
import os
import random
import re
import shutil

from attack import Attacks, faults, file_record, published, read, run, sha256, write

a = Attacks()
site = a.site
LARGE = random.Random(17).randbytes(17 << 20)  # larger than any contents list: what comes in order is not kept


def plan(big=None, sequence=8):
    p = site.plan()
    p.sequence = sequence
    if big is not None:
        p.big = big
        p.records['pool/b'] = [file_record('b', big)]
    return p


def piece(p, start, end, lie=None):
    """Bytes start..end of the large object; lie: one of them is another."""
    data = bytearray(p.big[start:end])
    if lie is not None:
        data[lie - start] ^= 1
    return (sha256(p.big), len(p.big), start, end - start, bytes(data))


def volumes(p, *lists, rest=True):
    """Volumes with these pieces, of which the first has all other objects too."""
    def change(made):
        return [(made[0][:-1] if rest else []) + list(lists[0]), *map(list, lists[1:])]
    p.edit['volumes'] = change
    return p


def verify(*media):
    return run('satchel-verify', 'bundle', '--json', *media, '--trust', site.trust)


def case(row, what, plans, code, word='', notes=(), unproven=None, imported=None, media=None):
    """What verify says of bundles that lie on one medium, or each on one of its own, and with what code import ends: where a lie comes in
    two bundles it drops what it has, and waits (4)."""
    folders = [a.medium(*plans)] if media is None else [a.medium(p, name=f'm{n}') for n, p in enumerate(plans)]
    folders = folders if media is None else [folders[n] for n in media]
    done, text = verify(*folders), run('satchel-verify', 'bundle', *folders, '--trust', site.trust)
    said = [json.loads(line) for line in done.out.splitlines()]
    found = [one['finding'] for one in said if 'finding' in one]
    told = [one['note'] for one in said if 'note' in one and not re.search('caged|needs it', one['note'])]
    wrong = faults(done, word, as_json=True) + faults(text, word)
    wrong += [f'verify finds {found}'] if set(found) != ({word} if word else set()) else []
    wrong += [f'the text exits {text.code}'] if text.code != done.code else []
    if len(told) != len(notes) or not all(re.search(pattern, note) for pattern, note in zip(notes, told)):
        wrong += [f'verify notes {told}']
    if unproven is not None and [one['unproven'] for one in said if 'bundle' in one] != unproven:
        wrong += [f'unproven: {said}']
    if (b'; not proven: ' in text.out) != bool(unproven and any(unproven)):
        wrong += [f'the text says {text.out.decode()}']
    if imported is not None and len(plans[0].big) < len(LARGE):
        store = a.fresh()
        taken = run('satchel-import', '-C', store, 'apply', *folders)
        wrong += [f'import exits {taken.code}: {(taken.out + taken.err).decode()}'] if taken.code != imported else []
        wrong += faults(taken, word if imported == 1 else '')
        if imported != 0 and published(store) != site.published(7):
            wrong += ['U: something else is published']
    a.line(row, what, f'{code} {word}'.strip(), f'{done.code} {word if word in found else " ".join(found)}'.strip(), wrong)


LATER, ABSENT, LOST = 'in bundles that follow', 'on none of the media named', 'were lost'
for size, big in (('small', None), ('large', LARGE)):
    def at(part, big=big):
        return len(big or site.plan().big) * part // 8

    def cut(row, what, *lists, lie=(), **more):
        """lie: number of the piece, in order of reading, and the eighth in which it lies."""
        p, number, out = plan(big), 0, []
        for pieces in lists:
            out.append([])
            for start, end in pieces:
                out[-1].append(piece(p, at(start), at(end), at(lie[1]) if lie and lie[0] == number else None))
                number += 1
        case(row, f'{size}, in pieces {what}', [volumes(p, *out)], 1 if lie else 0, 'object-digest' if lie else '', **{'unproven': [0], 'imported': 1 if lie else 0, **more})

    cut('A17', 'in order', [(0, 3)], [(3, 8)])
    cut('A17', 'in order, the first lies', [(0, 3)], [(3, 8)], lie=(0, 1))
    cut('A17', 'in order, the last lies', [(0, 3)], [(3, 8)], lie=(1, 7))
    cut('A17', 'the last first', [(3, 8)], [(0, 3)])
    cut('A17', 'the last first, and it lies', [(3, 8)], [(0, 3)], lie=(0, 7))
    cut('A17', 'the last first, and the first lies', [(3, 8)], [(0, 3)], lie=(1, 0))
    cut('A17', 'in no order within a volume', [(4, 5), (6, 8), (0, 2), (5, 6), (2, 4)])
    cut('A17', 'in no order within a volume, one lies', [(4, 5), (6, 8), (0, 2), (5, 6), (2, 4)], lie=(3, 5))
    cut('A13', 'that overlap', [(0, 5)], [(3, 8)])
    cut('A13', 'that overlap, the second lies where they do', [(0, 5)], [(3, 8)], lie=(1, 4))
    cut('A13', 'that overlap, the first lies where they do', [(0, 5)], [(3, 8)], lie=(0, 4), imported=0)
    cut('A13', 'that overlap, the second lies elsewhere', [(0, 5)], [(3, 8)], lie=(1, 7))
    cut('A13', 'one within another', [(0, 7)], [(2, 4)], [(7, 8)])
    cut('A13', 'one within another lies', [(0, 7)], [(2, 4)], [(7, 8)], lie=(1, 3), imported=0)
    cut('A13', 'one behind the end once more lies', [(0, 8 - 1)], [(7, 8)], [(6, 7)], lie=(2, 6), imported=0)
    cut('A17', 'of which one is missing', [(0, 3)], [(4, 8)], unproven=[1], notes=[ABSENT], imported=4)

    # Over bundles: the list and all else in the first.
    def over(row, what, first, second, code=0, lies=None, media=None, **more):
        """Pieces (start, end) of two bundles; lies: number of the bundle and the eighth."""
        plans = [plan(big), plan(big, 9)]
        for number, (p, pieces) in enumerate(zip(plans, (first, second))):
            out = [piece(p, at(start), at(end), at(lies[1]) if lies and lies[0] == number and start <= lies[1] < end else None) for start, end in pieces]
            volumes(p, out, rest=number == 0)
        case(row, f'{size}, in two bundles {what}', plans, 1 if lies else code, 'object-digest' if lies else '', media=media, **more)

    over('A17', 'in order', [(0, 3)], [(3, 8)], notes=[LATER], unproven=[0, 0], imported=0)
    over('A17', 'in order, the first lies', [(0, 3)], [(3, 8)], lies=(0, 2), notes=[LATER], imported=4)
    over('A17', 'in order, the second lies', [(0, 3)], [(3, 8)], lies=(1, 7), notes=[LATER], imported=4)
    over('A17', 'the last first', [(3, 8)], [(0, 3)], notes=[LATER], imported=0)
    over('A17', 'the last first, the second lies', [(3, 8)], [(0, 3)], lies=(1, 0), notes=[LATER], imported=4)
    over('A17', 'on two media', [(0, 3)], [(3, 8)], media=[1, 0], notes=[LATER], imported=0)
    over('A17', 'on two media, one lies', [(0, 3)], [(3, 8)], media=[1, 0], lies=(1, 5), notes=[LATER], imported=4)
    over('A17', 'of which the second is not on the media', [(0, 3)], [(3, 8)], media=[0], notes=[ABSENT], unproven=[1], imported=4)
    over('A17', 'of which the first has all', [(0, 3), (3, 8)], [(4, 5)], notes=[], imported=0)
    over('A17', 'of which the first has all, the second lies', [(0, 3), (3, 8)], [(4, 5)], lies=(1, 4))
    over('A17', 'of which the second has all, the first lies', [(4, 5)], [(0, 3), (3, 8)], lies=(0, 4), notes=[LATER])
    over('A17', 'each of which has all', [(0, 3), (3, 8)], [(0, 4), (4, 8)], unproven=[0, 0], imported=0)
    over('A17', 'each of which has all, the second lies', [(0, 3), (3, 8)], [(0, 4), (4, 8)], lies=(1, 6))
    over('A17', 'the first of them on two media', [(0, 3), (3, 8)], [(0, 8 - 1)], media=[0, 0], unproven=[0, 0], imported=0)

# What damage took, what a bundle that can't be read has: said, and no object is called right.
p = volumes(plan(LARGE), [piece(plan(LARGE), 0, 9 << 20)], [piece(plan(LARGE), 9 << 20, len(LARGE))])
medium = a.medium(p)
path = f'{medium}/satchel/{p.name}/vol-0001.tar.zst'
data = bytearray(read(path))
data[5 << 20] ^= 1
write(path, data)
done = verify(medium)
a.check('A17', 'pieces that damage took bytes of', done.code == 3 and re.search(LOST, done.out.decode()) and b'"unproven":1' in done.out.replace(b' ', b''), '3', str(done.code), done.out.decode())
# Without room to keep what came early: said, and no success. In a mount namespace of its own, /var/tmp has 1 MiB; what is asked for may
# lie below it, too, and is opened before.
p = plan(LARGE)
medium = a.medium(volumes(p, [piece(p, 9 << 20, len(LARGE))], [piece(p, 0, 9 << 20)]))
SMALL = 'exec 9<"$1" && shift && mount -t tmpfs -o size=1m tmpfs /var/tmp && exec /proc/self/fd/9 "$@"'
if os.geteuid() == 0:
    done = run('unshare', '-m', 'sh', '-c', SMALL, 'sh', shutil.which('satchel-verify'), 'bundle', os.path.relpath(medium, a.work), '--trust',
               os.path.relpath(site.trust, a.work), cwd=a.work)
    a.check('A17', 'no room for pieces that come early', done.code == 3 and re.search(r'make some, .*\(no-space\)', done.out.decode()), '3', str(done.code), (done.out + done.err).decode())
else:
    a.line('A17', 'needs root, to have no room', 'held', 'NOT TESTED')
plans = [volumes(plan(), [piece(plan(), 0, 7000)]), volumes(plan(None, 9), [piece(plan(), 7000, 18000)], rest=False)]
plans[1].signers = {**plans[1].signers, 'manifest.yaml': ['approver-a']}
medium = a.medium(*plans)
done = verify(medium)
a.check('A17', 'pieces in a bundle that is not signed count for nothing', done.code == 1 and re.search(ABSENT, done.out.decode()), '1', str(done.code), done.out.decode())


# Contents lists and parts in pieces are read like any others.
def cut_document(p, which):
    def change(made):
        first, last = list(made[0]), list(made[1])
        digest, size, _, _, data = first.pop(which)
        return [first + [(digest, size, 0, 100, data[:100])], last + [(digest, size, 100, size - 100, data[100:])]]
    p.edit['volumes'] = change
    return p


def document(what, p, code, word=''):
    case('A1' if word else 'A17', what, [p], code, word, unproven=[0], imported=code)


document('a contents list in two pieces', cut_document(plan(), 1), 0)
p = plan()
p.records['pool/a'] = [file_record('../x', b'object 0 of 0\n')]
document('a contents list in two pieces that lies', cut_document(p, 1), 1, 'name')
LONG = [file_record(f'doc/p-{n:04d}', b'page 0\n') for n in range(1200)]
p = plan()
p.records['doc'] = LONG
document('a part in two pieces', cut_document(p, 1), 0)
p = plan()
p.records['doc'] = LONG
p.edit['part 0'] = lambda text: text.replace('doc/p-0001', 'doc/../01')
document('a part in two pieces that lies', cut_document(p, 1), 1, 'name')
a.end(60)
