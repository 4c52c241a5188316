"""A1, A2, A3, A9, A10, A12 to A17: the cases, by A1_volumes.sh. Who signed these held all keys."""
import os
import random
import re
import subprocess

from attack import Attacks, faults, file_record, mutations, published, read, run, seen_word, sha256, whole, write
from forge import path_of, stored_frame

a = Attacks()
site = a.site
names, lies = [], []


def records(row, what, lines, words='name'):
    """pool/a with these records."""
    p = site.plan()
    p.records['pool/a'] = lines
    names.append((row, what, words, p))


def path(row, what, name, words='name|document-form'):
    records(row, f'path {what}', sorted([file_record('a/bin', p_one), file_record(name, p_one)], key=lambda r: re.search('path: "([^"]*)', r)[1].encode('utf-8', 'surrogateescape')), words)


p_one = b'object 0 of 0\n'
# A1: names in contents lists. All of them stand in order, so that it is the name that is refused.
for what, name in (('../x', '../x'), ('a/../../b', 'a/../../b'), ('a/..', 'a/..'), ('/etc/x', '/etc/x'), ('//x', '//x'), ('empty', ''), ('.', '.'), ('a/.', 'a/.'), ('a//b', 'a//b'), ('a/', 'a/'),
                   ('a component of 256 bytes', 'a/' + 'x' * 256), ('5,000 bytes', 'a/' + 'x/' * 2499 + 'x'), ('100 deep', 'a' + '/d' * 100), ('another item', 'b/x'), ('the item beside it', 'ab'),
                   ('..', '..'), ('a/...', None), ('a/x\\0y', 'a/x\0y'), ('below a file', 'a/bin/x')):
    if name is not None:
        path('A1', what, name)
for label, item in (('../x', '../x'), ('/x', '/x'), ('.', '.'), ('pool/../a', 'pool/../a'), ('pool//a', 'pool//a'), ('pool/a/', 'pool/a/'), ('empty', '')):
    p = site.plan(edit={'approvals': lambda text, item=item: text.replace('item: "pool/a"', f'item: "{item}"')})
    a.bad('A1', f'an item {label}', a.medium(p), 1, 'name')
# A2: links.
for what, target in (('absolute', '/etc/passwd'), ('out of the tree', '../../../x'), ('just out of it', '../../..'), ('.. after a name', 'x/../../../../y'), ('.', '.'), ('empty', ''),
                     ('// within', 'x//y'), ('a slash at the end', 'x/'), ('./ before', './x'), ('4,001 bytes', 'x/' * 2000 + 'x'), ('65 components', '/'.join('x' * 65)), ('control characters', 'x\x1b[2J')):
    records('A2', f'link {what}', [file_record('a/bin', p_one), f'  - {{path: "a/l", link: "{target}"}}'], 'name|document-form')
records('A2', 'a record below a link', ['  - {path: "a/l", link: "b"}', file_record('a/l/x', p_one)], 'name|document-form')
records('A2', 'link, file and directory in one', ['  - {path: "a/l", dir: true, link: "b"}'], 'document-form')
# A13: the same twice.
records('A13', 'a path twice', [file_record('a/x', p_one), file_record('a/x', b'other')], 'name|document-form')
records('A13', 'a path and one below it', [file_record('a/x', p_one), file_record('a/x/y', p_one)], 'name|document-form')
records('A13', 'a path, another, and one below the first', [file_record('a/x', p_one), file_record('a/x.y', p_one), file_record('a/x/y', p_one)], 'name|document-form')
records('A13', 'paths not in order', [file_record('a/y', p_one), file_record('a/x', p_one)], 'name|document-form')
# A16: names that lie. A leading dash and shell text are names like others: they are carried, see below.
for what, name in (('an escape sequence', 'a/\x1b[31mred'), ('a line end', 'a/x\ny'), ('NUL', 'a/x\0'), ('DEL', 'a/\x7f'), ('C1', 'a/\x9b2J'), ('bidi override', 'a/gpj.\u202eexe'), ('isolate', 'a/\u2066x'),
                   ('right-to-left mark', 'a/\u200fx'), ('a line separator', 'a/\u2028x'), ('byte order mark', 'a/\ufeffx'), ('noncharacter', 'a/\uffff'), ('not UTF-8', 'a/\udcff'), ('overlong', 'a/\udcc0\udcaf'),
                   ('surrogate', 'a/\udced\udca0\udc80')):
    path('A16', what, name)
# The lists are refused and the objects come in: what such a list names is never made.
a.many(names, 1, enters=True)

good = site.plan()
odd = ['-rf', '--help', '$(reboot)', '`x`', '; rm -rf', '|x', '&', '*', '~', "'", 'a b', '%s%n', '.hidden', '...', '#', '=', 'CON', 'x' * 255]
good.records['pool/a'] = sorted([file_record(f'a/{name}', p_one) for name in odd], key=lambda r: re.search('path: "([^"]*)', r)[1].encode())
store = a.fresh()
done = run('satchel-import', '-C', store, 'apply', a.medium(good))
a.check('A16', 'leading dashes and shell text are carried as they are', done.code == 0 and {f'pool/a/{name}' for name in odd} <= set(published(store)) and not whole(store, site.trust), '0', str(done.code), why=done.out.decode())
# A15: names that collide only for others are real content.
good = site.plan()
good.records['pool/a'] = sorted([file_record(f'a/{name}', p_one) for name in ('README', 'readme', 'Readme', '\u00e9', 'e\u0301', '\u212b', '\u00c5')], key=lambda r: re.search('path: "([^"]*)', r)[1].encode())
store = a.fresh()
done = run('satchel-import', '-C', store, 'apply', a.medium(good))
a.check('A15', 'upper and lower case, composed and decomposed: carried faithfully', done.code == 0 and len([n for n in published(store) if n.startswith('pool/a/')]) == 7, '0', str(done.code), why=done.out.decode())
# and refused where the store's file system takes them for one; what it can hold goes in.
store, folding = a.fresh(), a.shim(SHIM_FOLD=1)
done = run('satchel-import', '-C', store, 'apply', a.medium(good), env=folding)
wrong = faults(done, 'name') + ([] if published(store) == site.published(7) else ['U: something else is published']) + whole(store, site.trust)
again = run('satchel-import', '-C', store, 'apply', site.g8, env=folding)
wrong += [] if again.code == 0 and published(store) == site.published(8) else [f'R: {again.code}: {(again.out + again.err).decode()}']
wrong += ['names that were tried are left'] if os.path.lexists(f'{store}/stage/names') else []
a.line('A15', 'upper and lower case, on a store whose file system folds it', '1 name', f'{done.code} {seen_word(done, "name")}', wrong)
# A2: links to other items, chains, loops, dangling ones are carried; whoever follows them stays inside.
good = site.plan()
good.records['pool/a'] = sorted([file_record('a/f', p_one), '  - {path: "a/chain", link: "chain2"}', '  - {path: "a/chain2", link: "../../doc/p-0003"}', '  - {path: "a/loop", link: "loop2"}',
                                 '  - {path: "a/loop2", link: "loop"}', '  - {path: "a/nowhere", link: "../../gone/x"}', '  - {path: "a/self", link: "self"}', '  - {path: "a/up", link: "../b"}'])
store = a.fresh()
done = run('satchel-import', '-C', store, 'apply', a.medium(good))
top = os.path.realpath(f'{store}/published/updates')
inside = all(os.path.realpath(f'{top}/{name}').startswith(top + '/') for name in published(store) if os.path.islink(f'{top}/{name}'))
a.check('A2', 'links to other items, chains, loops and dangling ones stay inside', done.code == 0 and inside and read(f'{top}/pool/a/chain') == read(f'{top}/doc/p-0003'), '0', str(done.code), why=done.out.decode())

# What lies below the index: exit 1, nothing further is read, whole objects are kept (DESIGN 7c). The first volume is the one that lies.
# Where nothing but padding lies, at the very end, all objects are whole before it, and so is the list.


def lie(row, what, word, publishes=7, **edit):
    p = site.plan()
    p.edit.update(edit)
    p.publishes = publishes
    lies.append((row, what, word, p))


def byte(at, value=None):
    def change(tar):
        place = at % len(tar)
        return tar[:place] + bytes([tar[place] ^ 1 if value is None else value]) + tar[place + 1:]
    return change


# A3: each kind of header byte.
for at, what in ((0, 'name'), (63, 'end of the name'), (64, 'after the name'), (100, 'mode'), (106, 'mode'), (108, 'uid'), (116, 'gid'), (124, 'size'), (134, 'size'), (136, 'mtime'), (148, 'checksum'), (155, 'checksum'), (156, 'type'),
                 (157, 'link name'), (257, 'magic'), (263, 'version'), (265, 'user'), (297, 'group'), (329, 'major'), (337, 'minor'), (345, 'prefix'), (511, 'the rest')):
    lie('A3', f'header: {what} at {at}', 'entry-header', **{'tar 1': byte(at)})
for value, what in ((b'x', 'pax header'), (b'g', 'pax global header'), (b'L', 'GNU long name'), (b'K', 'GNU long link'), (b'S', 'GNU sparse'), (b'1', 'hard link'), (b'2', 'link'), (b'3', 'device'), (b'5', 'directory'), (b'6', 'FIFO'), (b'\0', 'old file')):
    lie('A3', f'type of a {what}', 'entry-header', **{'tar 1': byte(156, value[0])})
lie('A3', 'padding', 'entry-header', publishes=8, **{'tar 2': byte(-1025)})
# A14: extra, missing, reordered entries; data after the end. The index is of what should be there.
lie('A14', 'a block more at the end', 'document-form', **{'tar 2': lambda tar: tar + bytes(512)})
lie('A14', 'an end block less', 'document-form', **{'tar 2': lambda tar: tar[:-512]})
lie('A14', 'data in the end blocks', 'entry-header', publishes=8, **{'tar 2': byte(-1, 65)})
lie('A14', 'data in the first end block', 'entry-header', publishes=8, **{'tar 2': byte(-600, 65)})
lie('A14', 'the first two entries exchanged', 'entry-header', **{'tar 1': lambda tar: (lambda n: tar[n:n + 512] + tar[512:n] + tar[:512] + tar[n + 512:])(512 + (int(tar[124:135], 8) + 511) // 512 * 512)})
lie('A14', 'an entry overwritten by zeros', 'entry-header', **{'tar 1': lambda tar: bytes(512) + tar[512:]})
# A9: bombs.
zeros = subprocess.run(['zstd', '-cq', '--no-check', '-19', '--stream-size=2000000000'], input=bytes(1 << 22), capture_output=True, check=False).stdout


def compressed(data, *options):
    file = f'{a.work}/zstd.in'
    write(file, data)
    return compressed_file(file, *options)


def compressed_zeros(size):
    """By a sparse file: what we ourselves take counts as taken by the programs that we start."""
    file = f'{a.work}/zstd.in'
    write(file, b'')
    os.truncate(file, size)
    return compressed_file(file, '-1')


def compressed_file(file, *options):
    return subprocess.run(['zstd', '-cq', '--no-check', *options, file], capture_output=True, check=True).stdout


def unpacked(frames):
    return subprocess.run(['zstd', '-dcq'], input=b''.join(frames), capture_output=True, check=True).stdout


def frame(row, what, word, change, number=2):
    lie(row, f'frame {what}', word, **{f'frames {number}': lambda frames: [change(frames[0])] + frames[1:]})


frame('A9', 'that says another size', 'frame-size', lambda f: f[:5] + bytes([f[5] ^ 1]) + f[6:])
frame('A9', 'that says a very different size', 'frame-size', lambda f: f[:6] + bytes([f[6] ^ 1]) + f[7:])
frame('A9', 'that holds more than it says', 'frame-size|frame-form', lambda f: (lambda d: stored_frame(d[:-1000])[:7] + stored_frame(d)[7:])(unpacked([f])))
frame('A9', 'of a gigabyte, 30,000 to 1', 'frame-size', lambda f: compressed_zeros(1 << 30))
frame('A9', 'of a gigabyte that says it is small', 'frame-form|frame-size', lambda f: b'\x28\xb5\x2f\xfd\xa0' + (12288).to_bytes(4, 'little') + (b'\x02\x00\x10' + b'\0') * 8192 + b'\x03\x00\x10\0')
frame('A9', 'that unpacks to 0 bytes', 'frame-form|frame-size', lambda f: f[:7] + b'\1\0\0')
# A10: features of zstd.
for what, change in mutations.FRAME_LIES:
    if 'window of 4 MiB' in what or 'unused bit' in what or '1 KiB' in what or 'empty block more' in what or 'unpacks to nothing' in what:
        continue  # these are frames as they must be, or A9
    frame('A10', what, 'frame-form|frame-size', change)
frame('A10', 'with a long window', 'frame-form', lambda f: f[:4] + b'\x40\xa8' + f[5:])
for version, magic in ((1, 0xFD2FB51E), (2, 0xFD2FB522), (3, 0xFD2FB523), (4, 0xFD2FB524), (5, 0xFD2FB525), (6, 0xFD2FB526), (7, 0xFD2FB527)):
    frame('A10', f'of legacy version 0.{version}', 'frame-form', lambda f, magic=magic: magic.to_bytes(4, 'little') + f[4:])
# a good frame of version 0.7, which libzstd may still read: magic, descriptor, size, one raw block, end
frame('A10', 'of legacy version 0.7, whole', 'frame-form', lambda f: (lambda d: (0xFD2FB527).to_bytes(4, 'little') + b'\x60' + (len(d) - 256).to_bytes(2, 'little') + bytes(
    [0x40 | len(d) >> 16, len(d) >> 8 & 255, len(d) & 255]) + d + b'\xc0\0\0')(unpacked([f])))
for n in (0, 15):
    frame('A10', f'skippable, number {n}', 'frame-form', lambda f, n=n: bytes([0x50 + n]) + b'\x2a\x4d\x18' + (len(f) - 8).to_bytes(4, 'little') + f[8:])
frame('A10', 'twice in its extent', 'frame-form', lambda f: f + f)
frame('A10', 'with a skippable frame after it', 'frame-form', lambda f: f + b'\x50\x2a\x4d\x18\0\0\0\0')
frame('A10', 'with a dictionary, made by zstd', 'frame-form|frame-size', lambda f: f[:4] + b'\x63\1\0\0\0' + f[5:])
frame('A10', 'with a checksum, made by zstd', 'frame-form', lambda f: subprocess.run(['zstd', '-cq', '--check', f'{a.work}/zstd.in'], capture_output=True, check=True).stdout if not write(
    f'{a.work}/zstd.in', unpacked([f])) else b'')
frame('A10', 'without its size, made by zstd', 'frame-form', lambda f: subprocess.run(['zstd', '-cq', '--no-check'], input=unpacked([f]), capture_output=True, check=True).stdout)
# A12: cut. The index knows: digest and size are those of what is left.
for left in (*range(1, 20), *range(-64, 0, 3), -1, -2):
    frame('A12', f'cut to {left}', 'frame-form|frame-size', lambda f, left=left: f[:left] if left > 0 else f[:len(f) + left])
# A17: an object with other bytes than its digest; frames are right.
p = site.plan()
p.changed[sha256(p.data[3])] = bytes(len(p.data[3]))
lies.append(('A17', 'an object with other bytes', 'object-digest', p))
p = site.plan()
big, cut = p.big, p.cut
p.edit['volumes'] = lambda v: [v[0], [(*v[1][0][:4], bytes(v[1][0][3]))]]
lies.append(('A17', 'a piece with other bytes', 'object-digest', p))
p = site.plan()
p.changed[sha256(p.data[0])] = b'X' + p.data[0][1:]
p.changed[sha256(p.data[5])] = b'X' + p.data[5][1:]
lies.append(('A17', 'two objects with other bytes', 'object-digest', p))
# A13: an object of two sizes in the indexes of a bundle; the other bytes come where the first piece was thrown away for its size.
evil = b'EVIL' * (cut // 4)
swapped = [('genuine', (sha256(big), len(big), 0, cut, big[:cut])), ('of another size', (sha256(big), len(big) + 1, 0, 1, b'z')),
           ('other bytes', (sha256(big), len(big), 0, len(evil), evil)), ('the rest', (sha256(big), len(big), len(evil), len(big) - len(evil), big[len(evil):]))]
lie('A13', 'an object of two sizes', 'document-form', volumes=lambda v: [v[0]] + [[entry] for _, entry in swapped[1:]])
# A13: an object twice.
lie('A13', 'an object twice in a volume', 'document-form', volumes=lambda v: [v[0] + v[0][-2:-1], v[1]])
lie('A13', 'pieces that overlap', 'document-form', volumes=lambda v: [v[0], v[1] + [(*v[1][0][:2], 6000, 5000, big[6000:11000])]])
lie('A13', 'whole and in pieces', 'document-form', volumes=lambda v: [v[0], v[1] + [(*v[1][0][:2], None, len(big), big)]])
for row, what, allowed, p in lies:  # each on a store of its own: what was right of the one before would complete the list
    store = a.fresh()
    done = run('satchel-import', '-C', store, 'apply', a.medium(p))
    word = next((word for word in allowed.split('|') if seen_word(done, word) == word), None)
    a.line(row, what, f'1 {allowed}', f'{done.code} {allowed if word else seen_word(done, None)}', faults(done, '') + (
        [] if published(store) == site.published(getattr(p, 'publishes', 7)) else ['U: something else is published']) + (a.good_after(store)))


# A3: of the very frame that lies, the objects before the lie are kept, and it and those behind are not.
p = site.plan()
p.edit['volumes'] = lambda v: v[:1]
third = []


def header_of(tar, n):
    at = 0
    for _ in range(n):
        at += 512 + (int(tar[at + 124:at + 135], 8) + 511) // 512 * 512
    return at


def third_lies(tar):
    third[:] = [tar[at:at + 64].decode() for at in (header_of(tar, n) for n in range(9))]
    return byte(header_of(tar, 6) + 345)(tar)


p.edit['tar 1'] = third_lies
store = a.fresh()
before = {name for _, _, names in os.walk(f'{store}/objects') for name in names}
done = run('satchel-import', '-C', store, 'apply', a.medium(p))
came = {name for _, _, names in os.walk(f'{store}/objects') for name in names} - before
a.line('A3', 'of a frame with a header that lies, the objects before it are kept', '1 entry-header', f'{done.code} {seen_word(done, "entry-header")}', faults(done, 'entry-header') + whole(store, site.trust) + (
    [] if came and came == set(third[:6]) - before else [f'{sorted(came)} of {third}']) + a.good_after(store))

# A13, A14: a long list whose former revision is published: most of its parts are the same, and what lies is beside them.


def last(runs):
    return path_of(runs[-1][-1])


for row, what, edit in (('A14', 'a part after one that must not end there', {'runs': lambda runs: runs + [[file_record(last(runs) + 'z', p_one)]]}),
                        ('A13', 'the last path once more in a part of its own', {'runs': lambda runs: runs + [[file_record(last(runs), p_one)]]}),
                        ('A13', 'a part with a path below the last one', {'runs': lambda runs: runs + [[file_record(last(runs) + '/x', p_one)]]}),
                        ('A13', 'a part with a path before the last one', {'runs': lambda runs: runs + [[file_record(path_of(runs[-1][0]) + '.', p_one)]]}),
                        ('A14', 'more files stated than there are', {'approvals': lambda text: re.sub(r'(item: "doc"(?:.|\n)*?files: )(\d+)', lambda m: m[1] + str(int(m[2]) + 1), text, count=1)}),
                        ('A14', 'more bytes stated than there are', {'approvals': lambda text: re.sub(r'(item: "doc"(?:.|\n)*?bytes: )(\d+)', lambda m: m[1] + str(int(m[2]) + 1), text, count=1)})):
    long = [file_record(f'doc/q{n:04d}', p_one) for n in range(2600)]
    store, plans = a.fresh(), [site.plan(revision) for revision in (8, 9, 10)]
    for p in plans:
        p.records['doc'] = long
    plans[1].records['doc'] = plans[2].records['doc'] = [file_record('doc/q0000', b'another\n'), *long[1:]]
    for p in plans[1:]:
        p.data = [*p.data, b'another\n']
    plans[1].edit.update(edit)
    first, done, after = (run('satchel-import', '-C', store, 'apply', a.medium(p)) for p in plans)
    word = next((word for word in ('document-form', 'name') if seen_word(done, word) == word), None)
    top = os.path.realpath(f'{store}/published/updates')
    a.line(row, f'a long list, published before: {what}', '1 document-form|name', f'{done.code} {"document-form|name" if word else seen_word(done, None)}', faults(done, '') + whole(store, site.trust) + (
        [] if (first.code, after.code) == (0, 0) and read(f'{top}/doc/q0000') == b'another\n' and b'list 9 refused' in done.out else [f'good ones before and after: {first.code} {after.code} {after.out}']))

# A17: what is right beside it is kept, what is wrong is nowhere, also not after the next good bundle.
p = site.plan()
wrong, right = p.data[3], p.data[5]
p.changed[sha256(wrong)] = bytes(len(wrong))
store = a.fresh()
done = run('satchel-import', '-C', store, 'apply', a.medium(p))
held = [os.path.basename(path) for path in subprocess.run(['find', f'{store}/objects', '-type', 'f'], capture_output=True, check=True).stdout.decode().split()]
a.line('A17', 'the others of that volume are kept, it is not', '1 object-digest', f'{done.code} {seen_word(done, "object-digest")}', faults(done, 'object-digest') + whole(store, site.trust) + (
    [] if sha256(right) in held and sha256(wrong) not in held else ['objects']) + a.good_after(store))
# A17: the same in four bundles, applied in one run: what was hashed of the first piece must not vouch for the others.
plans = []
for i, (_, entry) in enumerate(swapped):
    p = site.plan()
    p.sequence = 8 + i
    p.edit['volumes'] = lambda v, entry=entry: [v[0][:-1] + [entry]]
    plans.append(p)
store = a.fresh()
done = run('satchel-import', '-C', store, 'apply', a.medium(*plans))
a.line('A17', 'pieces with other bytes, after one of another size: of no use', '4', str(done.code), faults(done, '') + whole(store, site.trust) + (
    [] if published(store) == site.published(7) else ['U: something else is published']) + a.good_after(store))
# A13: a thousand pieces of a byte each, by an exporter alone: synced as one, not each for itself; and known when they come again.
p = site.plan(7, sequence=10)
p.edit['volumes'] = lambda v: [v[0] + [('cd' * 32, 1 << 40, (i << 20) + 1, 1, b'y') for i in range(1000)], *v[1:]]
store, medium, trace = a.fresh(), a.medium(p), f'{a.work}/syncs'
for what in ('a thousand pieces of a byte each', 'the same again'):
    done = run('strace', '-f', '-qq', '-o', trace, '-e', 'trace=fsync,fdatasync,openat2', 'satchel-import', '-C', store, 'apply', medium)
    log = read(trace).decode()
    a.check('A13', f'{what}: {len(re.findall("sync", log))} syncs', len(re.findall('f(?:data)?sync', log)) < 100 and log.count('.map') < 100 and os.path.getsize(
        f'{store}/stage/pieces/{"cd" * 32}.map') > 1000, why=(done.out + done.err).decode())
# A12: every byte of the file's last 64 and of its first frame header is cut off, without a new index: damage, not a lie.
name = f'{a.copy()}/satchel/updates-00000008/vol-0002.tar.zst'
whole_file = read(name)
for left in [*range(0, 10), *range(len(whole_file) - 64, len(whole_file), 4), len(whole_file) - 1]:
    medium = a.copy()
    os.truncate(f'{medium}/satchel/updates-00000008/vol-0002.tar.zst', left)
    a.taken('A12', f'volume cut to {left} bytes', medium, 3, 'frame-digest')
# A1, A16: a journal and a terminal see no byte of it: after all of the above nothing raw stands in the journal
raw = read(f'{store}/journal.jsonl')
a.check('A16', 'nothing raw in the journal', all(32 <= c < 127 or c == 10 for c in raw))
a.end(180)
