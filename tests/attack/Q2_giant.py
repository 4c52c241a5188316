"""Q2, Q3, Q4: the cases, by Q2_giant.sh."""
import hashlib
import os

from attack import Attacks, changed, faults, published, read, remove, run, sanitized, seen_word, sha256, store_state, write

a = Attacks()
site, keys = a.site, a.site.keys
FRAME, FRAMES = 4194304, 2048


def bundle(path, indexes, objects):
    """A bundle of these volume indexes; the volumes themselves are left out, nobody is to open them."""
    p = site.plan(20)
    folder = f'{path}/satchel/{p.name}'
    os.makedirs(folder)
    for version, root in p.roots.items():
        p.document(folder, f'trust-{version}.yaml', root)
    lines = []
    for number, (text, size) in enumerate(indexes, 1):
        write(f'{folder}/vol-{number:04d}.yaml', text.encode())
        lines += [f'  - {{name: "vol-{number:04d}.tar.zst", size: {size}}}']
    lines += [f'  - {{name: "{name}", size: {os.path.getsize(f"{folder}/{name}")}, sha256: {sha256(read(f"{folder}/{name}"))}}}' for name in os.listdir(folder)]
    lines.sort(key=lambda line: line[:60])
    p.document(folder, 'manifest.yaml', '\n'.join(
        ['satchel: manifest/1', 'stream: "updates"', 'sequence: 20', f'created: {p.created}', 'destinations: []', 'part: {first: 20, number: 1, last: true}',
         f'objects: {{count: {objects[0]}, bytes: {objects[1]}}}', f'trust: {{version: 3, sha256: {sha256(p.roots[3].encode())}}}', 'witness: []', 'files:', *lines]) + '\n')
    return path


def index(number, frames, objects):
    """frames: what each holds; a stored size of 20 bytes is as good as any."""
    lines = [f'  - {{at: {20 * n}, size: 20, holds: {holds}, sha256: {"7" * 64}}}' for n, holds in enumerate(frames)]
    return '\n'.join(['satchel: volume/1', 'stream: "updates"', 'sequence: 20', f'volume: {number}', 'frames:', *lines, 'objects:', *objects]) + '\n', 20 * len(frames)


# Q2: volumes of 8 GiB of zeros cost 40 KB each on a medium; together they declare more than there is room for.
there = os.statvfs(a.work)
count = there.f_bavail * there.f_frsize // (FRAME * FRAMES) + 3
volumes = min(count, 1300)  # 10 TiB
size = FRAME * FRAMES - 512 - 1024
medium = bundle(f'{a.work}/giant', [index(n, [FRAME] * FRAMES, [f'  - {{sha256: {hashlib.sha256(b"%d" % n).hexdigest()}, size: {size}, at: 512}}']) for n in range(1, volumes + 1)],
                (volumes, volumes * size))
store = a.fresh()
before = store_state(store)
done = run('satchel-import', '-C', store, 'apply', medium)
if volumes < count:
    a.line('Q2', f'{volumes * 8 >> 10} TiB declared, and this disk has room for them', '3', str(done.code), faults(done, ''))
else:
    a.line('Q2', f'{volumes * 8} GiB declared, {there.f_bavail * there.f_frsize >> 30} GiB free', '3 no-space', f'{done.code} {seen_word(done, "no-space")}',
           faults(done, 'no-space') + changed(store, before, ['no-space'], ('failed',)) + a.good_after(store))
remove(medium)

# Q2: a piece at the far end of an object that no file can hold: little room, and the bundles beside it go on.
p = site.plan(7, sequence=6)
p.edit['volumes'] = lambda v: [[('ab' * 32, 1 << 50, (1 << 50) - 600, 600, b'x' * 600)]]
store = a.fresh()
done = run('satchel-import', '-C', store, 'apply', a.medium(p, site.plan()))
a.line('Q2', 'a piece at the end of 1 PiB, beside a good bundle', '3 no-space', f'{done.code} {seen_word(done, "no-space")}', faults(done, 'no-space') + (
    [] if published(store) == site.published(8) else ['the good bundle beside it was not taken']))

# Q3: a quarter of a million digests that meet in one place of a table whose hash is known: all but four bytes of them are equal.
many = 65536
step = 512  # empty objects: a header each
frames = lambda n: [FRAME] * ((n * step + 1024) // FRAME) + ([(n * step + 1024) % FRAME] if (n * step + 1024) % FRAME else [])  # noqa: E731
for label, digest in (('equal but for the second eight bytes', lambda n: '0' * 16 + f'{n:016x}' + '0' * 32), ('equal but for the last eight bytes', lambda n: '0' * 48 + f'{n:016x}')):
    medium = bundle(f'{a.work}/collide', [index(v, frames(many), [f'  - {{sha256: {digest(v * many + n)}, size: 0, at: {512 + n * step}}}' for n in range(many)]) for v in range(1, 5)],
                    (4 * many, 0))
    store = a.fresh()
    done = run('satchel-import', '-C', store, 'apply', medium)
    a.line('Q3', f'{4 * many} digests {label}: in time', '3', str(done.code), faults(done, '') + ([] if done.cpu < (100 if sanitized() else 10) else [f'{done.cpu:.0f} s of CPU']) + a.good_after(store))
    remove(medium)
# Names: no table is keyed by them, records and files are read in order. As many as a part may have, alike in all but the last bytes.
p = site.plan()
p.records['pool/a'] = [f'  - {{path: "a/{"x" * 200}{n:06d}", link: "y"}}' for n in range(1024)]
done = run('satchel-import', '-C', a.fresh(), 'apply', a.medium(p))
a.check('Q3', '1,024 names that begin with the same 200 bytes', done.code == 0 and done.cpu < (30 if sanitized() else 3), '0', str(done.code), why=f'{done.cpu} {done.out}')

# Q4: many bad media, one after the other: a line of the journal each, nothing in the stage. (The number of lines is that of the
# attempts, each made by an administrator at this machine: the journal hides none.)
p = site.plan(edit={'file manifest.yaml': lambda folder: write(f'{folder}/manifest.yaml.{keys.id["exporter-a"][:32]}.sig', b'x' * 64)})
medium = a.medium(p)
store = a.fresh()
before = store_state(store)
rounds = 2 if sanitized() else 20  # a sanitizer's processes cost ten times as much to fork
for _ in range(rounds):
    run('satchel-import', '-C', store, 'apply', *[medium] * 500)
grown = (os.path.getsize(f'{store}/journal.jsonl') - len(before['journal'])) / (rounds * 500)
a.check('Q4', f'{rounds * 500:,} bad media: {grown:.0f} bytes of journal each, nothing else', grown < 1024 and not changed(store, before, ['signature-threshold']) and not a.good_after(store), why=str(grown))
a.end(5)
