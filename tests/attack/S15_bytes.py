"""S15, S17, S18, S20: the cases, by S15_bytes.sh."""
import glob
import os
import random
import re
import shutil
import subprocess

from attack import Attacks, changed, faults, read, remove, run, seen_word, store_state, write

a = Attacks()
keys = a.site.keys
BUNDLE = 'satchel/updates-00000008'


def altered(row, what, name, change, word, code=1, **more):
    medium = a.copy()
    change(f'{medium}/{BUNDLE}/{name}')
    return a.bad(row, what, medium, code, word, **more)


def with_bytes(change):
    return lambda path: write(path, change(read(path)))


# S15: the manifest's bytes are not those signed.
for label, change in (('a line appended', lambda d: d + b'x: 1\n'), ('a line put before', lambda d: b'x: 1\n' + d), ('CR LF', lambda d: d.replace(b'\n', b'\r\n')), ('a NUL at the end', lambda d: d + b'\0'),
                      ('a line end more', lambda d: d + b'\n'), ('without its line end', lambda d: d[:-1]), ('one bit', lambda d: d[:40] + bytes([d[40] ^ 1]) + d[41:]), ('empty', lambda d: b''),
                      ('as large as it may be', lambda d: d + b' ' * (4194304 - len(d)))):
    altered('S15', f'manifest: {label}', 'manifest.yaml', with_bytes(change), 'signature-threshold')
altered('S15', 'manifest: a byte above the limit', 'manifest.yaml', with_bytes(lambda d: d + b' ' * (4194305 - len(d))), 'document-too-large')
done = altered('S15', 'manifest: a sparse file of 5 GiB', 'manifest.yaml', lambda path: os.truncate(path, 5 << 30), 'document-too-large')
base = altered('S15', 'manifest: 5 MiB', 'manifest.yaml', lambda path: os.truncate(path, 5 << 20), 'document-too-large')
a.check('S15', '5 GiB take no more memory and time than 5 MiB', done.memory < base.memory + (8 << 20) and done.cpu < base.cpu + 1, why=f'{done.memory} {base.memory} {done.cpu} {base.cpu}')
for name, word in (('approvals.yaml', 'file-digest'), ('vol-0001.yaml', 'file-digest')):
    altered('S15', f'{name}: one bit', name, with_bytes(lambda d: d[:40] + bytes([d[40] ^ 1]) + d[41:]), word)
    altered('S15', f'{name}: a byte more', name, with_bytes(lambda d: d + b'\n'), 'file-size')
    altered('S15', f'{name}: a sparse file of 5 GiB', name, lambda path: os.truncate(path, 5 << 30), 'file-size')
for label, change, word in (('a byte more', lambda path: write(path, read(path) + b'\n'), 'trust-invalid'), ('5 GiB', lambda path: os.truncate(path, 5 << 30), 'document-too-large')):
    p = a.site.plan()
    p.roots[4] = a.site.root(4)
    p.signers['trust-4.yaml'] = ['root-a', 'root-c']
    medium = a.medium(p)
    change(f'{medium}/{BUNDLE}/trust-4.yaml')
    a.bad('S15', f'a new root: {label}', medium, 1, word)

# S18: a document of another type under the name and signature of this one. All three are signed by those who may sign that name.
LIST = read(f'{a.site.g8}/{BUNDLE}/approvals.yaml').decode()
for label, text in (('an approval list', LIST), ('a trust root', a.site.root(4)), ('a volume index', read(f'{a.site.g8}/{BUNDLE}/vol-0001.yaml').decode()),
                    ('a receipt', 'satchel: receipt/1\nstore: "perimeter-a"\n'), ('a manifest of another case', 'satchel: Manifest/1\n'), ('no document', 'hello\n'), ('a journal', '{"n":1}\n')):
    p = a.site.plan(edit={'manifest': lambda _, text=text: text})
    a.bad('S18', f'{label} as manifest.yaml', a.medium(p), 1, 'document-type')
MANIFEST = read(f'{a.site.g8}/{BUNDLE}/manifest.yaml').decode()
for label, text in (('a manifest', MANIFEST), ('a trust root', a.site.root(4)), ('a contents list', 'satchel: contents/1\nitem: "doc"\n')):
    p = a.site.plan(edit={'approvals': lambda _, text=text: text})
    a.bad('S18', f'{label} as approvals.yaml', a.medium(p), 1, 'document-type')
# and a list with its own good signatures, renamed to manifest.yaml: these are of another role
medium = a.copy()
b = f'{medium}/{BUNDLE}'
for path in glob.glob(f'{b}/manifest*'):
    os.remove(path)
for path in glob.glob(f'{b}/approvals*'):
    shutil.copy(path, path.replace('approvals.yaml', 'manifest.yaml'))
a.bad('S18', 'a list with its signatures renamed to manifest.yaml', medium, 1, 'signature-missing')
for index, text in (('vol-0001', LIST), ('vol-0001', MANIFEST)):
    p = a.site.plan(edit={'index 1': lambda _, text=text: text})
    a.bad('S18', f'{text[9:18]} as {index}.yaml', a.medium(p), 1, 'document-type')

# S17: 1,000 manifests that are not signed. No byte of them may reach a parser. Every document enters by libyaml, every frame by
# zstd: with a shim before these libraries, which counts calls, 1,000 such bundles must make no call more than none at all
# (store.yaml and the store's own roots are parsed in any case).
rng = random.Random(5)
store = a.fresh()
before = store_state(store)
media = []
for n in range(1000):
    folder = f'{a.work}/many/{n:04d}/{BUNDLE}'
    os.makedirs(folder)
    shape = n % 4
    text = MANIFEST.encode()
    if shape == 1:
        text = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 300)))
    elif shape == 2:
        text = b'satchel: manifest/1\n' + b'[{' * rng.randrange(1, 2000)
    elif shape == 3:
        at = rng.randrange(len(text))
        text = text[:at] + bytes([rng.randrange(256)]) + text[at + 1:]
    write(f'{folder}/manifest.yaml', text)
    write(f'{folder}/manifest.yaml.{keys.id["exporter-a"][:32]}.sig', bytes(rng.randrange(256) for _ in range(70)))
    for name in ('vol-0001.yaml', 'vol-0001.tar.zst', 'approvals.yaml'):
        write(f'{folder}/{name}', bytes(rng.randrange(256) for _ in range(50)))
    media.append(f'{a.work}/many/{n:04d}')
done = run('satchel-import', '-C', store, 'apply', *media)
refused = len(re.findall('refused: signature-threshold: ', done.out.decode()))
wrong = faults(done, 'signature-threshold') + [f'U: {one}' for one in changed(store, before, ['signature-threshold'])] + a.good_after(store)
unsigned = sum(1 for n in range(1000) if read(f'{media[n]}/{BUNDLE}/manifest.yaml') != b'')
a.check('S17', '1,000 manifests that are not signed', refused == unsigned and not wrong, '1 signature-threshold', f'{done.code} signature-threshold', why=f'{refused} {wrong}')
counts = []


def compressed(frames):
    """The same frames as zstd makes them; those of raw blocks never come to it."""
    made = []
    for frame in frames:
        write(f'{a.work}/tar', subprocess.run(['zstd', '-dcq'], input=frame, capture_output=True, check=True).stdout)
        made.append(subprocess.run(['zstd', '-cq', '--no-check', f'{a.work}/tar'], capture_output=True, check=True).stdout)
    return made


os.makedirs(f'{a.work}/empty/satchel')
for some in ([f'{a.work}/empty'], media[:1], media, [a.medium(a.site.plan(edit={'frames 1': compressed}))]):
    store = a.fresh()
    run('satchel-import', '-C', store, 'apply', *some, env=a.shim(SHIM_COUNT=f'{a.work}/count'))
    counts.append([int(n) for n in read(f'{a.work}/count').split()])
# The store's own index of bundles is read once, if anything is asked of it.
a.check('S17', 'calls of libyaml and zstd do not grow with them', counts[1] == counts[2] == [counts[0][0] + 1, counts[0][1]] and 0 == counts[0][1] < counts[0][0] < counts[3][0] and counts[3][1] > 0, why=str(counts))
remove(f'{a.work}/many')

# S20: no way round. Every option that the program has, every variable that it might look at.
medium = a.copy()
for path in glob.glob(f'{medium}/{BUNDLE}/*.sig'):
    os.remove(path)
helped = subprocess.run(['satchel-import', 'apply', '--help'], capture_output=True, check=True).stdout.decode()
flags = re.findall(r'--([a-z-]+)(?: ([A-Z]+))?', helped)
values = {'SECONDS': '1', 'N': '1', 'WHEN': 'never', 'STORE': None}
tried = 0
for name, value in sorted(set(flags)):
    if name in ('store', 'help', 'version') or value == 'STORE':
        continue
    for option in ([f'--{name}', values.get(value, '1')] if value else [f'--{name}'],):
        store = a.fresh()
        before = store_state(store)
        done = run('satchel-import', '-C', store, 'apply', *option, medium)
        wrong = changed(store, before, [] if name == 'dry-run' else ['signature-missing'])
        a.line('S20', f'unsigned, with {" ".join(option)}', '1 signature-missing', f'{done.code} {seen_word(done, "signature-missing")}', wrong)
        tried += 1
for option in ('--force', '--no-verify', '--insecure', '--trust=/dev/null', '--unsigned', '--yes'):
    done = run('satchel-import', '-C', a.fresh(), 'apply', option, medium)
    a.check('S20', f'there is no {option}', done.code == 2, '2 usage', f'{done.code} usage')
assert tried >= 4
store = a.fresh()
for n, variable in enumerate(('SATCHEL_FORCE', 'SATCHEL_NO_VERIFY', 'SATCHEL_INSECURE', 'SATCHEL_TRUST', 'SATCHEL_DEBUG', 'SATCHEL_TEST', 'DEBUG', 'OPENSSL_CONF', 'SOURCE_DATE_EPOCH')):
    done = run('satchel-import', '-C', store, 'apply', medium, env={**os.environ, variable: '1'})
    a.line('S20', f'unsigned, with {variable}=1', '1 signature-missing', f'{done.code} {seen_word(done, "signature-missing")}')
known = set(re.findall(rb'[A-Z][A-Z_]{3,}', b'\n'.join(re.findall(rb'SATCHEL_[A-Z_]+', read(shutil.which('satchel-import'))))))
a.check('S20', 'SATCHEL_STORE is the only variable of that kind in the program', known - {b'SATCHEL_STORE', b'SATCHEL_VERSION'} == set(), why=str(known))
for line in ('verify: false\n', 'policy:\n  verify: false\n', 'policy:\n  insecure: true\n', 'trust: []\n'):
    store = a.fresh()
    with open(f'{store}/store.yaml', 'a', encoding='ascii') as config:
        config.write(line)
    done = run('satchel-import', '-C', store, 'apply', medium)
    a.check('S20', f'store.yaml with {line.strip()}', done.code == 2, '2 config', f'{done.code} {seen_word(done, "config")}')
a.end(60)
