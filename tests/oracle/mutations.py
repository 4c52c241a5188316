#!/usr/bin/python3
"""Changes bundles and asks both verifiers: tests/oracle/verify.py and satchel-verify. Called by tests/cli/oracle.sh.

    mutations.py keys FOLDER                     secret keys, and trust-1.yaml by them, for a station
    mutations.py run FOLDER TRUST MEDIUM...      all mutations of the bundles on the media, and all lies of forge.py

Prints a line for each difference and a count; exit 1 where the two disagree on the exit code, or where the oracle's reason is
not among the program's, but for what KNOWN lists. ORACLE_ONLY=text: only mutations whose label holds it; ORACLE_ALL=1: print all."""
import json
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import traceback

sys.dont_write_bytecode = True
import forge  # noqa: E402
import verify  # noqa: E402
from forge import file_record, read, sha256, stored_frame, write  # noqa: E402

# ---- mutations of files: (label, function of the bundle's folder)


def flip(path, at, bit=1):
    data = bytearray(read(path))
    data[at] ^= bit
    write(path, bytes(data))


def file_mutations(folder):
    for name in sorted(os.listdir(folder)):
        size = os.path.getsize(f'{folder}/{name}')
        if not size:
            continue
        for at in sorted({0, size // 3, size // 2, size - 1}):
            yield f'flip {at} {name}', lambda b, name=name, at=at: flip(f'{b}/{name}', at, 1 << at % 8)
        yield f'cut 1 {name}', lambda b, name=name, size=size: os.truncate(f'{b}/{name}', size - 1)
        yield f'cut half {name}', lambda b, name=name, size=size: os.truncate(f'{b}/{name}', size // 2)
        yield f'empty {name}', lambda b, name=name: os.truncate(f'{b}/{name}', 0)
        yield f'extend {name}', lambda b, name=name: write(f'{b}/{name}', read(f'{b}/{name}') + b'\n')
        yield f'remove {name}', lambda b, name=name: os.remove(f'{b}/{name}')
        yield f'link {name}', lambda b, name=name: (os.rename(f'{b}/{name}', f'{b}/../x'), os.symlink('../x', f'{b}/{name}'))
        yield f'directory {name}', lambda b, name=name: (os.remove(f'{b}/{name}'), os.mkdir(f'{b}/{name}'))
    yield 'damage and extra file', lambda b: (flip(f'{b}/vol-0001.tar.zst', -1), write(f'{b}/extra', b'x'))
    yield 'extra file', lambda b: write(f'{b}/extra', b'x')
    yield 'extra signature', lambda b: write(f'{b}/manifest.yaml.{"0" * 32}.sig', b'x' * 64)
    yield 'extra next root', lambda b: write(f'{b}/trust-3.yaml', b'satchel: trust/1\n')
    yield 'renamed', lambda b: os.rename(b, b[:-1] + '9')


def swaps(one, other):
    """Each file of one bundle in place of the same of another."""
    for name in sorted(set(os.listdir(one)) & set(os.listdir(other))):
        if read(f'{one}/{name}') != read(f'{other}/{name}'):
            yield f'swap {name}', lambda b, name=name: shutil.copy(f'{other}/{name}', f'{b}/{name}')
    names = [name for name in os.listdir(other) if name.startswith('manifest')]
    yield 'swap manifest and signature', lambda b: [shutil.copy(f'{other}/{name}', f'{b}/{name}') for name in names]


# ---- lies: (label, function of a forge.Plan)

def sub(what, old, new, count=1):
    def change(plan):
        def edit(text):
            again = re.sub(old, new, text, count=count, flags=re.MULTILINE)
            if again == text:  # a digest that began so by chance
                again = re.sub(old, new.replace('0', '1'), text, count=count, flags=re.MULTILINE)
            assert again != text, (what, old)
            return again
        plan.edit[what] = edit
    return f'{what}: {old} -> {new}', change


def setting(what, edit, label):
    return f'{what}: {label}', lambda plan: plan.edit.update({what: edit})


SUBSTITUTIONS = [
    # document form, in a document of every kind (2)
    ('manifest', '\n', '\r\n'), ('manifest', 'stream: ', 'stream:  '), ('manifest', '"updates"', 'updates'), ('manifest', '"updates"', "'updates'"),
    ('manifest', r'\A', '\ufeff'), ('manifest', 'manifest/1', 'manifest/2'), ('manifest', 'manifest/1', 'volume/1'),
    ('manifest', 'manifest/1', 'manifest/01'), ('manifest', 'manifest/1$', 'manifest/1 '), ('manifest', r'\Z', '\n'),
    ('manifest', r'\Z', '---\n'), ('manifest', r'\Z', '# end\n'), ('manifest', 'sequence: 7', 'sequence: 07'),
    ('manifest', 'sequence: 7', 'sequence: +7'), ('manifest', 'sequence: 7', 'sequence: 0x7'), ('manifest', 'sequence: 7', 'sequence: 8'),
    ('manifest', 'sequence: 7', 'sequence: 9007199254740993'), ('manifest', 'sequence: 7', 'sequence: 0'),
    ('manifest', 'stream: "updates"\nsequence: 7', 'sequence: 7\nstream: "updates"'), ('manifest', '^witness.*\n', ''),
    ('manifest', '^witness: .*', 'witness: []\nwitness: []'), ('manifest', '^witness', 'extra: 1\nwitness'),
    ('manifest', '"updates"', '&a "updates"'), ('manifest', 'sequence: 7', 'sequence: !!int 7'), ('manifest', '"updates"', r'"\\u0075pdates"'),
    ('manifest', r'\[\]', '[[[[[[[[]]]]]]]]'), ('manifest', r'\[\]', '[' * 3000 + ']' * 3000), ('manifest', '11-22T', '02-30T'),
    ('manifest', '10:00:00Z', '24:00:00Z'), ('manifest', '10:00:00Z', '23:59:60Z'), ('manifest', '2026-11-22T', '1969-11-22T'),
    ('manifest', '2026-11-22T', '2096-11-22T'), ('manifest', 'updates', 'up\u0007dates'), ('manifest', 'updates', 'Updates'),
    ('manifest', 'updates', 'up..dates'), ('manifest', 'updates', 'up\u2028dates'), ('manifest', 'updates', 'u' * 64),
    # manifest (7)
    ('manifest', 'destinations: .*', 'destinations: ["b", "a"]'), ('manifest', 'destinations: .*', 'destinations: ["a", "b"]'),
    ('manifest', 'destinations: .*', 'destinations: ["a","b"]'), ('manifest', 'destinations: .*', 'destinations: ["a", "a"]'),
    ('manifest', 'destinations: .*', 'destinations: ["../a"]'), ('manifest', 'number: 1', 'number: 2'), ('manifest', 'first: 7', 'first: 6'),
    ('manifest', 'first: 7, number: 1', 'first: 6, number: 2'), ('manifest', 'first: 7, number: 1', 'first: 6, number: 3'),
    ('manifest', 'last: true', 'last: false'), ('manifest', 'last: true', 'last: yes'), ('manifest', 'count: ..', 'count: 12'),
    ('manifest', 'count: ..', 'count: 0'), ('manifest', ', bytes: [0-9]*', ', bytes: 1'), ('manifest', '^approvals: .*\n', ''),
    ('manifest', 'epoch: 1', 'epoch: 2'), ('manifest', 'revision: 3', 'revision: 4'), ('manifest', '^approvals: (.*)sha256: .', r'approvals: \1sha256: 0'),
    ('manifest', 'trust: {version: 2', 'trust: {version: 1'), ('manifest', '^trust: (.*)sha256: .', r'trust: \1sha256: 0'),
    ('manifest', 'witness: .*', f'witness: [{{destination: "a", counter: 1, journal: {"0" * 64}}}]'),
    ('manifest', 'witness: .*', f'witness: [{{destination: "a", counter: 0, journal: {"0" * 64}}}]'),
    ('manifest', '  - {name: "trust-1.yaml",.*\n', ''), ('manifest', '  - {name: "approvals.yaml",.*\n', ''),
    ('manifest', '  - {name: "approvals.yaml.*sig".*\n', ''), ('manifest', '  - {name: "approvals.yaml.*sig".*\n', '', 2),
    ('manifest', '  - {name: "trust-2.yaml.*sig".*\n', ''), ('manifest', '  - {name: "vol-0001.yaml",.*\n', ''),
    ('manifest', '(zst", size: [0-9]*), sha256: [0-9a-f]*', r'\1'), ('manifest', '(approvals.yaml", size: [0-9]*), sha256: [0-9a-f]*', r'\1'),
    ('manifest', '(zst", size: [0-9]*, sha256: )....', r'\g<1>0000'), ('manifest', '(0001.tar.zst", size: )', r'\g<1>1'),
    ('manifest', '(approvals.yaml", size: )', r'\g<1>1'), ('manifest', 'files:\n', f'files:\n  - {{name: "a", size: 1, sha256: {"0" * 64}}}\n'),
    ('manifest', 'files:\n', f'files:\n  - {{name: "../a", size: 1, sha256: {"0" * 64}}}\n'),
    ('manifest', 'files:\n', f'files:\n  - {{name: "VERIFY.txt", size: 1, sha256: {"0" * 64}}}\n'),
    ('manifest', 'vol-0002', 'vol-0003', 2), ('manifest', 'size: [0-9]+', 'size: 0'),
    # lists (5)
    ('approvals', '"updates"', '"other"'), ('approvals', 'epoch: 1', 'epoch: 2'), ('approvals', 'revision: 3', 'revision: 4'),
    ('approvals', '2096-02-20', '2026-11-22'), ('approvals', '2096-02-20', '2026-11-22T10:00:01Z'[:10]), ('approvals', 'issued: 2026', 'issued: 2086'),
    ('approvals', 'expires: 2096-02', 'expires: 2026-01'), ('approvals', '"pilot", "production"', '"production", "pilot"'),
    ('approvals', r'\["pilot", "production"\]', '[]'), ('approvals', '"pilot", "production"', '"Pilot"'),
    ('approvals', 'requires: \\["doc"\\]', 'requires: ["nothing"]'), ('approvals', 'requires: \\["doc"\\]', 'requires: []'),
    ('approvals', '(requires: \\["doc"\\])', '\\1\n    supersedes: ["doc"]'), ('approvals', '(requires: \\["doc"\\])', '\\1\n    supersedes: ["x", "doc"]'),
    ('approvals', '(requires: \\["doc"\\])', '\\1\n    supersedes: []'),
    ('approvals', '    rings: .*', '    rings: ["pilot"]'), ('approvals', '"pool/a"', '"doc/a"'), ('approvals', '"pool/a"', '"pool/c"'),
    ('approvals', '"pool/a"', '"pool/../a"'), ('approvals', '"pool/a"', '"/pool/a"'), ('approvals', '"pool/a"', '"pool//a"'),
    ('approvals', '"pool/a"', '"."'), ('approvals', '"pool/a"', '"pool/' + 'a' * 256 + '"'), ('approvals', '"pool/a"', '"' + 'a/' * 64 + 'a"'),
    ('approvals', 'urgent: true', 'urgent: false'), ('approvals', 'title: "First"', 'title: ""'), ('approvals', 'title: "First"', 'title: "\u202eFirst"'),
    ('approvals', 'title: "First"', 'title: "' + 'x' * 1025 + '"'), ('approvals', 'title: "First"', 'title: "' + 'x' * 1024 + '"'),
    ('approvals', 'title: "First"', r'title: "Fi\\rst"'), ('approvals', 'title: "First"', r'title: "Fi\\\\rst"'),
    ('approvals', 'files: 1100', 'files: 1099'), ('approvals', 'bytes: [0-9]', 'bytes: 9'), ('approvals', '(sha256: [0-9a-f]*, size: )', r'\g<1>1'),
    ('approvals', 'sha256: .', 'sha256: g'), ('approvals', 'sha256: [0-9a-f]{64}', 'sha256: ' + '7' * 64),
    ('approvals', '  - {item: "pool/x"(.*)', r'  - {item: "pool/x"\1' + '\n' + r'  - {item: "pool/x"\1'),
    ('approvals', '  - item: "pool/a"', '  - item: "doc"'), ('approvals', '    revision: 2', '    revision: 0'),
    ('approvals', '  - {item: "pool/x", revision: 1, contents: [0-9a-f]*', '  - {item: "pool/x", revision: 1, contents: ' + sha256(b'')),
    ('approvals', '  - item: "pool/b"\n    revision: 2', '  - item: "pool/a"\n    revision: 3'),
    # contents lists and parts (6)
    ('contents pool/a', 'item: "pool/a"', 'item: "pool/b"'), ('contents pool/a', 'contents/1', 'contents/2'), ('contents pool/a', 'contents/1', 'other/1'),
    ('contents pool/a', '"a/x"', '"b/x"'), ('contents pool/a', '"a/bin"', '"a"'), ('contents pool/a', '"a/bin"', '"a/z"'),
    ('contents pool/a', '"a/f"', '"a/empty/f"'), ('contents pool/a', '"a/f"', '"a/empty"'), ('contents pool/a', '"a/f"', '"a/../f"'),
    ('contents pool/a', '"a/f"', '"a/f\u200e"'), ('contents pool/a', '../../doc', '../../../doc'), ('contents pool/a', '../../doc', '../doc'),
    ('contents pool/a', '"../../doc/p-0001"', '"/etc"'), ('contents pool/a', '"../../doc/p-0001"', '""'), ('contents pool/a', '"../../doc/p-0001"', '"x/../y"'),
    ('contents pool/a', '"../../doc/p-0001"', '".."'), ('contents pool/a', '"../../doc/p-0001"', '"./x"'), ('contents pool/a', 'dir: true', 'dir: false'),
    ('contents pool/a', 'dir: true', 'exec: true, dir: true'), ('contents pool/a', ', mtime: [^,}]*', ''), ('contents pool/a', 'size: 4', 'size: 5'),
    ('contents pool/a', 'size: 4', 'size: 3'), ('contents pool/a', 'size: 4', 'size: 1125899906842625'), ('contents pool/a', ', exec: true', ''),
    ('contents pool/a', 'mtime: 2026', 'mtime: 2096'), ('contents pool/a', '  - {path: "a/x".*\n', ''), ('contents pool/a', 'files:', 'parts:'),
    ('contents pool/a', 'files:\n(.*\n)*', 'files: []\n'), ('contents pool/a', r'\Z', 'parts: []\n'), ('contents pool/a', 'sha256: ..', 'sha256: 00'),
    ('contents doc', 'records: [0-9]*', 'records: 1'), ('contents doc', 'records: [0-9]*', 'records: 1025'), ('contents doc', '}, size|, size: 2', ', size: 3'),
    ('contents doc', 'p-0000', 'p-0001'), ('contents doc', '(  - .*\n)(  - .*\n)', r'\2\1'), ('contents doc', '  - .*\n', ''), ('contents doc', r'(  - .*\n)\Z', ''),
    ('contents doc', 'sha256: ....', 'sha256: 0000'), ('part 0', 'p-0001', 'p-0000'), ('part 0', 'p-0000', 'o-0000'), ('part 0', 'p-0001', 'x-0001'),
    ('part 0', 'contents-part', 'contents'), ('part 0', 'part/1', 'part/3'), ('part 0', 'p-0001', 'p-0000/a'), ('part 1', 'doc/p-0', 'dob/p-0'),
    ('part 1', '"doc/p-[0-9]*"', '"doc/p-0001"'), ('part 1', 'size: [0-9]', 'size: 9'), ('part 0', '  - {path: "doc/p-0001".*\n', ''),
    # indexes (8)
    ('index 1', '"updates"', '"other"'), ('index 1', 'sequence: 7', 'sequence: 8'), ('index 1', 'volume: 1', 'volume: 2'), ('index 1', 'volume/1', 'volume/9'),
    ('index 1', 'holds: .', 'holds: 9'), ('index 1', 'at: 0', 'at: 1'), ('index 1', 'at: 512', 'at: 1024'), ('index 1', 'size: ([0-9]*), holds', r'size: \g<1>1, holds'),
    ('index 1', '(holds: [0-9]*, sha256: )..', r'\g<1>00'), ('index 1', '(objects:\n  - {sha256: )..', r'\g<1>00'), ('index 1', 'from: 0', 'from: 1'),
    ('index 1', ', length: 7000', ''), ('index 1', 'size: 18000', 'size: 18001'), ('index 1', 'size: 18000', 'size: 7000'),
    ('index 1', 'length: 7000', 'length: 0'), ('index 2', 'from: 7000', 'from: 7001'), ('index 2', 'from: 7000', 'from: 6999'), ('index 2', 'size: 18000', 'size: 18001'),
    ('index 1', 'objects:\n', 'objects: []\n'), ('index 1', '(  - {sha256.*\n)', r'\1\1'),
    # trust roots (4)
    ('trust 2', 'version: 2', 'version: 3'), ('trust 2', '"example"', '"sample"'), ('trust 2', 'epoch: 1', 'epoch: 2'), ('trust 2', 'epoch: 1', 'epoch: 1000002'),
    ('trust 2', '2096-11-22', '2026-11-21'), ('trust 2', '2096-11-22', '2026-10-21'), ('trust 2', 'issued: 2026', 'issued: 2086'), ('trust 2', 'trust/1', 'trust/2'),
    ('trust 2', 'threshold: 2', 'threshold: 3'), ('trust 2', 'threshold: 2', 'threshold: 4'), ('trust 2', 'threshold: 2', 'threshold: 0'),
    ('trust 2', 'public: "M', 'public: "N'), ('trust 2', 'id: ....', 'id: 0000'), ('trust 2', 'algorithm: ed25519', 'algorithm: ecdsa-p256'),
    ('trust 2', 'algorithm: ed25519', 'algorithm: rsa'), ('trust 2', '  - {id.*\n', ''), ('trust 2', '(  - {id.*\n)', r'\1\1'), ('trust 2', '"root-a"', '"Root"'),
    ('trust 2', '(keys: .[0-9a-f]{64}), ([0-9a-f]{64})', r'\1'), ('trust 2', 'root: (.*)\n  approver: .*', r'root: \1\n  approver: \1'),
    ('trust 2', '="}', '"}'), ('trust 2', '(  exporter: .*)', r'\1\n  other: {threshold: 1, keys: []}'), ('trust 2', '"root-a"', '"root-\u00e4"'),
]


def drop_signers(plan, name, signers):
    plan.signers = {**plan.signers, name: signers}


def change_object(plan, data, other):
    plan.changed[sha256(data)] = other


def whole(frames):
    return subprocess.run(['zstd', '-dcq'], input=b''.join(frames), capture_output=True, check=True).stdout


def zstd(*options):
    """The volume's only frame, made by the command: of a file, so that it states its size."""
    def edit(frames):
        path = f'{Work.folder}/{os.getpid()}.bin'
        write(path, whole(frames))
        return [subprocess.run(['zstd', '-cq', *options, path], capture_output=True, check=True).stdout]
    return edit


def first(change):
    return lambda frames: [change(frames[0])] + frames[1:]


def move_run(runs):
    return [runs[0][:-1], [runs[0][-1]] + runs[1], *runs[2:]]


def twice(volumes):
    return [volumes[0] + volumes[0][-2:-1], volumes[1]]


def deep(plan):
    plan.records['pool/a'] = [file_record('a/' + 'd/' * 61 + 'f', b'one\n')]


def too_deep(plan):
    plan.records['pool/a'] = [file_record('a/' + 'd/' * 62 + 'f', b'one\n')]


def nasty(plan):
    plan.records['pool/a'] = [file_record(f'a/{name}', b'one\n') for name in
                              ('#c', '&a', '*', '-rf', '[a]', 'null', 'trail ', 'x, y: {z', '\u00e9', 'e\u0301', '\ue000', '\U0001f600')]
    plan.records['pool/a'].sort(key=lambda record: forge.path_of(record).encode())


def bad_bytes(plan):
    plan.edit['contents pool/a'] = lambda text: text.replace('a/f', 'a/f\udcff')


FRAME_LIES = [  # of the second volume's only frame: magic, descriptor, two bytes of size, one stored block
    ('without its last byte', lambda f: f[:-1]), ('with a byte more', lambda f: f + b'\0'), ('with an empty frame more', lambda f: f + stored_frame(b'')),
    ('after a skippable one', lambda f: b'\x50\x2a\x4d\x18\1\0\0\0x' + f), ('with another magic', lambda f: b'\x27' + f[1:]),
    ('with a reserved bit', lambda f: f[:4] + b'\x68' + f[5:]), ('with a checksum bit', lambda f: f[:4] + b'\x64' + f[5:]),
    ('with a checksum', lambda f: f[:4] + b'\x64' + f[5:] + bytes(4)), ('with the unused bit', lambda f: f[:4] + b'\x70' + f[5:]),
    ('with a dictionary', lambda f: f[:4] + b'\x61\0' + f[5:]), ('that states more', lambda f: f[:5] + bytes([f[5] + 1]) + f[6:]),
    ('that states nothing', lambda f: f[:4] + b'\0\x60' + f[7:]), ('with a window of 4 MiB', lambda f: f[:4] + b'\x40\x60' + f[5:]),
    ('with a larger window', lambda f: f[:4] + b'\x40\x61' + f[5:]), ('with the largest window', lambda f: f[:4] + b'\x40\xff' + f[5:]),
    ('of blocks larger than its window', lambda f: f[:4] + b'\x40\0' + f[5:]), ('of 1 KiB blocks and window', lambda f: f[:4] + b'\x40\0' + f[5:7] + stored_frame(f[10:], 1024)[7:]),
    ('with a reserved block', lambda f: f[:7] + bytes([f[7] | 6]) + f[8:]), ('without a last block', lambda f: f[:7] + bytes([f[7] & 254]) + f[8:]),
    ('with an empty block more', lambda f: f[:7] + bytes([f[7] & 254]) + f[8:] + b'\1\0\0'), ('with a block that unpacks to nothing', lambda f: f[:7] + b'\5\0\0'),
    ('that holds less', lambda f: f[:7] + (int.from_bytes(f[7:10], 'little') - 8).to_bytes(3, 'little') + f[10:-1]),
    ('cut in its header', lambda f: f[:6]), ('of nothing', lambda f: b'\0'),
]


def cut_list(volumes):
    digest, size, _, _, data = volumes[0][0]
    return [[(digest, size, 0, 99, data[:99])] + volumes[0][1:], volumes[1] + [(digest, size, 99, size - 99, data[99:])]]


def lies():
    yield 'nothing', lambda plan: None
    for one in SUBSTITUTIONS:
        yield sub(*one)
    for what, signers in (('manifest.yaml', []), ('manifest.yaml', ['approver-a']), ('manifest.yaml', ['exporter-c']), ('manifest.yaml', ['exporter-b', 'exporter-c']),
                          ('approvals.yaml', []), ('approvals.yaml', ['approver-a']), ('approvals.yaml', ['approver-a', 'root-a']), ('approvals.yaml', ['approver-c', 'approver-a']),
                          ('trust-2.yaml', []), ('trust-2.yaml', ['root-a']), ('trust-2.yaml', ['root-a', 'approver-a']), ('trust-1.yaml', [])):
        yield f'{name_of(what)} signed by {signers}', lambda plan, what=what, signers=signers: drop_signers(plan, what, signers)
    yield 'blank signature', lambda plan: plan.edit.update({'file manifest.yaml': lambda b: write(f'{b}/manifest.yaml.{plan.keys.id["exporter-a"][:32]}.sig', b' \n')})
    yield 'long signature', lambda plan: plan.edit.update({'file manifest.yaml': lambda b: write(f'{b}/manifest.yaml.{plan.keys.id["exporter-b"][:32]}.sig', b'x' * 129)})
    yield 'sizes of records that add up', lambda plan: plan.edit.update({'contents pool/a': lambda text: text.replace('size: 4,', 'size: 5,').replace('size: 8,', 'size: 7,')})
    yield 'contents revoked', lambda plan: plan.edit.update({'approvals': lambda text: text.replace('1' * 64, re.search('sha256: (.{64})', text)[1])})
    yield 'object with other bytes', lambda plan: change_object(plan, plan.data[3], b'y' * 700)
    yield 'piece with other bytes', lambda plan: plan.edit.update({'volumes': lambda v: [v[0], [v[1][0][:4] + (b'!' * 11000,)]]})
    yield 'one piece only', lambda plan: plan.edit.update({'volumes': lambda v: v[:1]})
    yield 'an object twice in a volume', lambda plan: plan.edit.update({'volumes': twice})
    yield 'an object in both volumes', lambda plan: plan.edit.update({'volumes': lambda v: [v[0], v[1] + v[0][-2:-1]]})
    yield 'pieces that overlap across volumes', lambda plan: plan.edit.update(
        {'volumes': lambda v: [v[0], [(*v[1][0][:2], 6000, 12000, plan.big[6000:])]]})
    yield 'pieces that overlap across volumes and differ', lambda plan: plan.edit.update(
        {'volumes': lambda v: [[*v[0][:-1], (*v[0][-1][:4], plan.big[:6500] + b'!' * 500)], [(*v[1][0][:2], 6000, 12000, plan.big[6000:])]]})
    yield 'pieces in another order', lambda plan: plan.edit.update({'volumes': lambda v: [v[0][:-1] + v[1], v[0][-1:]]})
    yield 'pieces in another order, with other bytes', lambda plan: plan.edit.update({'volumes': lambda v: [v[0][:-1] + [v[1][0][:4] + (b'!' * 11000,)], v[0][-1:]]})
    yield 'a contents list in two pieces', lambda plan: plan.edit.update({'volumes': cut_list})
    yield 'a contents list in two pieces that lies', lambda plan: plan.edit.update(
        {'volumes': cut_list, 'contents pool/a': lambda text: text.replace('a/bin', 'a/../x')})
    yield 'whole and in pieces', lambda plan: plan.edit.update({'volumes': lambda v: [v[0], v[1] + [(*v[1][0][:2], None, 18000, plan.big)]]})
    yield 'no contents lists', lambda plan: plan.edit.update({'volumes': lambda v: [v[0][-4:], v[1]]})
    yield 'objects in another order', lambda plan: plan.edit.update({'volumes': lambda v: [v[0][::-1], v[1]]})
    yield 'volumes in another order', lambda plan: plan.edit.update({'volumes': lambda v: v[::-1]})
    yield 'without the first part', lambda plan: plan.edit.update({'volumes': lambda v: [v[0][:1] + v[0][2:], v[1]]})
    yield 'an object that nobody names', lambda plan: plan.edit.update({'volumes': lambda v: [v[0] + [(sha256(b'?'), 1, None, 1, b'?')], v[1]]})
    yield 'runs cut elsewhere', lambda plan: plan.edit.update({'runs': move_run})
    yield 'runs joined', lambda plan: plan.edit.update({'runs': lambda runs: [runs[0] + runs[1], *runs[2:]] if len(runs[0] + runs[1]) < 1025 else runs[:-2] + [runs[-2] + runs[-1]]})
    yield 'run split', lambda plan: plan.edit.update({'runs': lambda runs: [runs[0][:5], runs[0][5:], *runs[1:]]})
    yield 'a part of few records', lambda plan: plan.edit.update({'runs': lambda runs: runs[:1]})
    for label, change in (('deep path', deep), ('path too deep', too_deep), ('nasty names', nasty), ('no UTF-8', bad_bytes)):
        yield label, change
    for at, what in ((0, 'name'), (100, 'mode'), (136, 'mtime'), (148, 'checksum'), (257, 'magic'), (511, 'rest'), (-1, 'end'), (-600, 'first end block')):
        yield f'tar: {what}', lambda plan, at=at: plan.edit.update({'tar 1': lambda tar: tar[:at % len(tar)] + bytes([tar[at] ^ 1]) + tar[at % len(tar) + 1:]})
    yield 'tar: padding', lambda plan: plan.edit.update({'tar 2': lambda tar: tar[:512 + 11000] + b'!' + tar[512 + 11001:]})
    yield 'tar: a block more', lambda plan: plan.edit.update({'tar 2': lambda tar: tar + bytes(512)})
    yield 'tar: an end block less', lambda plan: plan.edit.update({'tar 2': lambda tar: tar[:-512]})
    for label, change in FRAME_LIES:
        yield f'frame {label}', lambda plan, change=change: plan.edit.update({'frames 2': first(change)})
    yield 'frame of large blocks', lambda plan: plan.edit.update({'frames 1': lambda f: [stored_frame(whole(f), 131073)]})
    yield 'frame of other length', lambda plan: plan.edit.update({'frames 1': lambda f: [stored_frame(whole(f) + b'x')]})
    yield 'frame by zstd', lambda plan: plan.edit.update({'frames 1': zstd('--no-check')})
    yield 'frame by zstd, 19', lambda plan: plan.edit.update({'frames 1': zstd('--no-check', '-19')})
    yield 'frame by zstd with checksum', lambda plan: plan.edit.update({'frames 1': zstd()})
    yield 'frame by zstd without size', lambda plan: plan.edit.update({'frames 1': zstd('--no-check', '--no-content-size')})


def name_of(what):
    return what.split('.')[0]


# ---- asking both

class Work:
    pass


def ask_program(medium, trust):
    done = subprocess.run(['satchel-verify', 'bundle', '--json', '--jobs', '1', medium, '--trust', trust], capture_output=True, check=False, timeout=60)
    found = [json.loads(line) for line in done.stdout.decode().splitlines()]
    return done.returncode, [one['finding'] for one in found if 'finding' in one], [one.get('message') for one in found if 'finding' in one] or \
        [done.stderr.decode()]


def remember(judge, kept={}):  # the same signatures are judged again and again
    def again(key, *rest):
        place = (key['id'], *rest)
        if place not in kept:
            kept[place] = judge(key, *rest)
        return kept[place]
    return again


verify.signature_good = remember(verify.signature_good)


def ask_oracle(folder, trust):
    try:
        verify.Bundle(folder, trust, int(verify.time.time())).judge()
    except verify.Refused as refused:
        return refused.exit, refused.reason, str(refused)
    except Exception:  # whatever a bundle does to it, it must judge
        return 99, 'crash', traceback.format_exc()
    return 0, '', 'ok'


def judge(index):
    label, base, change, lie = Work.all[index]
    medium = f'{Work.folder}/{index}'
    try:
        trust = Work.trust
        if lie:
            plan = forge.Plan(Work.keys)
            change(plan)
            folder = plan.build(f'{medium}/satchel/{plan.name}')
        else:
            folder = f'{medium}/satchel/{os.path.basename(base)}'
            shutil.copytree(base, folder)
            change(folder)
            folder = f'{medium}/satchel/{next(name for name in os.listdir(medium + "/satchel") if name != "x")}'
        return index, ask_program(medium, trust), ask_oracle(folder, trust)
    except Exception:
        return index, (98, [], []), (0, '', traceback.format_exc())
    finally:
        shutil.rmtree(medium, ignore_errors=True)


def all_mutations(bundles):
    for base in bundles:
        short = os.path.basename(os.path.dirname(os.path.dirname(base)))
        yield f'{short}: as it is', base, lambda folder: None, False
        for label, change in file_mutations(base) if base != bundles[1] else ():
            yield f'{short}: {label}', base, change, False
    for label, change in swaps(bundles[0], bundles[1]):
        yield label, bundles[0], change, False
    for label, change in lies():
        yield f'lie: {label}', None, change, True


def run(folder, trust, *media):
    bundles = [f'{medium}/satchel/{name}' for medium in media for name in sorted(os.listdir(f'{medium}/satchel'))]
    Work.folder, Work.trust, Work.keys = f'{folder}/mutations', trust, forge.Keys(f'{folder}/keys')
    only = os.environ.get('ORACLE_ONLY', '')
    Work.all = [one for one in all_mutations(bundles) if only in one[0]]
    os.makedirs(Work.folder, exist_ok=True)
    forge.Plan(Work.keys).build(f'{Work.folder}/first')  # so that all processes know the signatures
    for bundle in (*bundles, f'{Work.folder}/first'):
        ask_oracle(bundle, trust)
    refused, bad = 0, 0
    with multiprocessing.get_context('fork').Pool() as pool:
        for index, program, oracle in pool.imap(judge, range(len(Work.all))):
            refused += oracle[0] != 0
            if os.environ.get('ORACLE_ALL'):
                print(f'{Work.all[index][0]!a:.70} | program {program[0]} {program[1]} | oracle {oracle[0]} {oracle[1]}')
            different = program[0] != oracle[0] or (oracle[1] and oracle[1] not in program[1])
            if different:
                bad += 1
                print(f'DIFFERENT {Work.all[index][0]!a:.100}\n    program {program[0]} {program[1]} {program[2][:3]}\n    oracle  {oracle[0]} {oracle[2]}')
    print(f'{len(Work.all)} bundles, {refused} refused, {bad} differences between the oracle and satchel-verify')
    return bad > 0


def main():
    if sys.argv[1] == 'keys':
        keys = forge.Keys(f'{sys.argv[2]}/keys')
        write(f'{sys.argv[2]}/trust-1.yaml', keys.trust(1).encode())
        keys.sign(f'{sys.argv[2]}/trust-1.yaml', ['root-a', 'root-b'])
        return 0
    return run(*sys.argv[2:])


if __name__ == '__main__':
    sys.exit(main())
