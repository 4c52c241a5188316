"""L1, L2, L4, L5, M7, M9, M12, M12b, M12c: the cases, by L1_history.sh."""
import glob
import hashlib
import json
import os
import re
import shutil
import subprocess

from attack import Attacks, changed, faults, published, read, remove, run, seen_word, snapshot, store_state, write

a = Attacks()
site, keys = a.site, a.site.keys
KEY = [f'{site.folder}/keys/{name}.key' for name in ('approver-a', 'approver-b', 'exporter-b')]

# L1: each kind of change to the journal; the line is named.
store = a.fresh()
run('satchel-import', '-C', store, 'apply', site.g8)
lines = read(f'{store}/journal.jsonl').decode().splitlines()


def journal(row, what, new, line, end='\n'):
    other = f'{a.work}/j'
    remove(other)
    subprocess.run(['cp', '-a', store, other], check=True)
    write(f'{other}/journal.jsonl', ('\n'.join(new) + end).encode())
    done = run('satchel-verify', 'journal', other)
    a.line(row, what, f'1 journal, line {line}', f'{done.code} {seen_word(done, "journal")}, line {line if f"line {line}:" in (done.out + done.err).decode() else "?"}', faults(done, 'journal'))


journal('L1', 'a letter of line 4 changed', [*lines[:3], lines[3].replace('20', '21', 1), *lines[4:]], 5)
journal('L1', 'line 4 deleted', lines[:3] + lines[4:], 4)
journal('L1', 'the first line deleted', lines[1:], 1)
journal('L1', 'lines 4 and 5 exchanged', [*lines[:3], lines[4], lines[3], *lines[5:]], 4)
journal('L1', 'line 4 twice', [*lines[:4], lines[3], *lines[4:]], 5)
journal('L1', 'a line put in', [*lines[:3], '{"n":4,"time":"2026-11-23T00:00:00Z","event":"x","prev":"' + '0' * 64 + '"}', *lines[3:]], 4)
journal('L1', 'line 4 is no JSON', [*lines[:3], 'x', *lines[4:]], 4)
journal('L1', 'an empty line', [*lines[:3], '', *lines[3:]], 4)
journal('L1', 'another byte in place of the last line end', lines, len(lines), end='x')



def chained(new):
    """The lines with good hashes."""
    head, out = '0' * 64, []
    for line in new:
        line = re.sub(r'"prev":"[0-9a-f]{64}"\}$', f'"prev":"{head}"}}', line)
        head = hashlib.sha256(line.encode()).hexdigest()
        out.append(line)
    return out


journal('L1', 'line 4 deleted, all hashes made again', chained(lines[:3] + lines[4:]), 4)
journal('L1', 'line 4 twice, all hashes made again', chained([*lines[:4], lines[3], *lines[4:]]), 5)

# A station that knows the store by its receipt key.
station, content = f'{a.work}/station', f'{a.work}/content'
os.makedirs(f'{content}/item')
write(f'{content}/item/file', b'content\n' * 500)
export = ('satchel-export', '-C', station)
for command in (('satchel-export', 'init', station, '--content', content, '--stream', 'updates', '--ring', 'production', '--trust', site.trust), (*export, 'scan'),
                (*export, 'approve', '--all', '--ring', 'production'), (*export, 'sign', '--key', KEY[0], '--key', KEY[1]),
                (*export, 'destination', 'add', 'perimeter-a', '--ring', 'production', '--key', f'{store}/keys/receipt.pub')):
    done = run(*command)
    assert done.code == 0, (command, done.err)
back = f'{a.work}/back'
os.mkdir(back)
run('satchel-import', '-C', store, 'receipt', back)
first = f'{back}/satchel/receipts/perimeter-a-00000001.yaml'

# L2: truncated, or rewritten with good hashes: what a receipt witnessed tells.


def rewritten(new):
    head, out = '0' * 64, []
    for n, line in enumerate(new, 1):
        line = re.sub(r'^\{"n":\d+', f'{{"n":{n}', line)
        line = re.sub(r'"prev":"[0-9a-f]{64}"\}$', f'"prev":"{head}"}}', line)
        head = hashlib.sha256(line.encode()).hexdigest()
        out.append(line)
    return out


lines = read(f'{store}/journal.jsonl').decode().splitlines()
for what, new in (('cut off after line 5', lines[:5]), ('rewritten, one word changed', rewritten([line.replace('published', 'Published', 1) for line in lines])),
                  ('rewritten without line 4', rewritten(lines[:3] + lines[4:])), ('rewritten with a line more', rewritten([lines[0], *lines])), ('empty', [])):
    other = f'{a.work}/j'
    remove(other)
    subprocess.run(['cp', '-a', store, other], check=True)
    write(f'{other}/journal.jsonl', ('\n'.join(new) + '\n' if new else '').encode())
    alone = run('satchel-verify', 'journal', other)
    done = run('satchel-verify', 'journal', other, '--receipt', first)
    a.line('L2', f'the journal {what}', '1 journal-history', f'{done.code} {seen_word(done, "journal-history")}', faults(done, 'journal-history') + ([] if alone.code == 0 else ['its hashes are not good']))

# L4 and L5: receipts.
secret = f'{a.work}/receipt.pem'
write(secret, re.search(rb'-----BEGIN.*', read(f'{store}/keys/receipt.key'), re.S)[0])
ident = hashlib.sha256(subprocess.run(['openssl', 'pkey', '-in', secret, '-pubout', '-outform', 'DER'], capture_output=True, check=True).stdout).hexdigest()[:32]
TEXT = read(first)
quiet = ('ledger.jsonl', 'lock', 'cache')


def station_state():
    found = snapshot(station)
    return {name: value for name, value in found.items() if name not in quiet}


def receive(row, what, text=None, word='document-form', sign=secret, name='perimeter-a-00000001.yaml', change=None):
    medium = f'{a.work}/r'
    remove(medium)
    shutil.copytree(back, medium)
    folder = f'{medium}/satchel/receipts'
    if text is not None:
        for path in glob.glob(f'{folder}/*'):
            if not path.endswith('.objects'):
                os.remove(path)
        write(f'{folder}/{name}', text)
        if sign:
            subprocess.run(['openssl', 'pkeyutl', '-sign', '-inkey', sign, '-rawin', '-in', f'{folder}/{name}', '-out', f'{folder}/{name}.{ident}.sig'], check=True)
    if change:
        change(folder)
    before = station_state()
    done = run(*export, 'receive', medium)
    words = word.split('|')
    found = next((one for one in words if seen_word(done, one) == one), None)
    wrong = faults(done, '') + ([] if station_state() == before else ['the station has changed'])
    a.line(row, what, f'1 {word}', f'{done.code} {word if found else (done.out + done.err).decode()[:150]}', wrong)


fresh_key = f'{site.folder}/keys/fresh-a.key'
write(f'{a.work}/fresh.pem', re.search(rb'-----BEGIN.*', read(fresh_key), re.S)[0])
receive('L4', 'no signature', TEXT, 'signature-missing|no-receipt', sign=None)
receive('L4', "another key's signature under the right name", TEXT, 'signature-threshold', sign=f'{a.work}/fresh.pem')
receive('L4', 'changed after signing', None, 'signature-threshold', change=lambda f: write(f'{f}/perimeter-a-00000001.yaml', TEXT.replace(b'lacks: 0', b'lacks: 1')))
receive('L4', 'of a store that is no destination', TEXT.replace(b'"perimeter-a"', b'"perimeter-b"'), 'receipt-foreign', name='perimeter-b-00000001.yaml')
receive('L4', 'of another store under our name', TEXT.replace(b'"perimeter-a"', b'"perimeter-b"'), 'document-form|receipt-foreign|name')
receive('L4', 'of another counter under this name', TEXT.replace(b'counter: 1\n', b'counter: 7\n'), 'document-form|name')
receive('L4', 'a manifest, signed by the store', read(f'{site.g8}/satchel/updates-00000008/manifest.yaml'), 'document-type')
receive('L4', 'objects file changed', None, 'file-digest', change=lambda f: write(f'{f}/perimeter-a-00000001.objects', read(f'{f}/perimeter-a-00000001.objects').replace(b'1', b'2', 1)))
receive('L4', 'objects file removed', None, 'file-missing', change=lambda f: os.remove(f'{f}/perimeter-a-00000001.objects'))
receive('L4', 'objects file a byte longer', None, 'file-size', change=lambda f: write(f'{f}/perimeter-a-00000001.objects', read(f'{f}/perimeter-a-00000001.objects') + b'\n'))
receive('L4', 'a link in place of the receipt', None, 'file-type|no-receipt', change=lambda f: (os.remove(f'{f}/perimeter-a-00000001.yaml'), os.symlink('/etc/passwd', f'{f}/perimeter-a-00000001.yaml')))
for what, old, new in (('a field twice', b'lacks: 0\n', b'lacks: 0\nlacks: 0\n'), ('an unknown field', b'lacks: 0\n', b'lacks: 0\nextra: 1\n'), ('a field missing', b'lacks: 0\n', b''), ('an anchor', b'lacks: 0', b'lacks: &a 0'),
                       ('a tag', b'lacks: 0', b'lacks: !!int 0'), ('two documents', b'lacks: 0\n', b'lacks: 0\n---\n'), ('10,000 brackets', b'lacks: 0', b'lacks: ' + b'[' * 10000), ('octal', b'lacks: 0', b'lacks: 00'),
                       ('2^63', b'lacks: 0', b'lacks: 9223372036854775808'), ('a comment', b'lacks: 0\n', b'lacks: 0 # x\n'), ('CR LF', b'\n', b'\r\n'), ('no UTF-8', b'"perimeter-a"', b'"perimeter-a\xff"'),
                       ('an escape sequence', b'"updates"', b'"up\x1b[2J"'), ('a bidi override', b'"updates"', '"up\u202e"'.encode()), ('a ring that is no name', b'"production"', b'"../production"'),
                       ('30 February', re.search(rb'\ntime: \S+', TEXT)[0], b'\ntime: 2026-02-30T00:00:00Z'), ('version 2', b'receipt/1', b'receipt/2'), ('fields in another order', b'lacks: 0\n', b'')):
    text = TEXT.replace(old, new, 1)
    if what == 'fields in another order':
        text = text.replace(b'streams:', b'lacks: 0\nstreams:') if b'streams:\n' in text else text
        text = text.replace(b'trust: ', b'trusT: ', 1)
    assert text != TEXT, what
    receive('L5', what, text, 'document-version' if what == 'version 2' else 'document-form|name|document-type')
receive('L5', 'too large', TEXT + b' ' * 29360129, 'document-too-large|signature-missing|no-receipt', sign=None)
done = run(*export, 'receive', back)
a.check('L4', 'R: the good receipt afterwards', done.code == 0, '0', str(done.code), why=done.err.decode())
os.mkdir(f'{a.work}/back2')
run('satchel-import', '-C', store, 'receipt', f'{a.work}/back2')
run(*export, 'receive', f'{a.work}/back2')
done = run(*export, 'receive', back)
a.line('L4', 'an older receipt replayed', '1 receipt-replayed', f'{done.code} {seen_word(done, "receipt-replayed")}')

# M7: the medium fills up, fails or is read-only while a bundle is packed. Nothing there looks complete.
total = len(re.findall(r' = ', subprocess.run(['strace', '-f', '-e', 'trace=write,pwrite64', *export, 'pack', '--dry-run', a.work], capture_output=True, check=False).stderr.decode()))
tried = 0
for error in ('ENOSPC', 'EROFS', 'EIO'):
    for call in ('write', 'pwrite64', 'fsync', 'mkdirat', 'openat2', 'syncfs'):
        for when in (1, 3, 6, 9, 14, 20, 30):
            medium = f'{a.work}/full'
            remove(medium)
            os.mkdir(medium)
            done = run('strace', '-f', '-qq', '-o', f'{a.work}/strace', '-P', medium, '-e', f'trace={call}', '-e', f'inject={call}:error={error}:when={when}+', *export, 'pack', medium, '--key', KEY[2])
            if b'INJECTED' not in read(f'{a.work}/strace'):
                continue
            tried += 1
            there = [path for path in glob.glob(f'{medium}/satchel/*') if 'receipts' not in path]
            good = run('satchel-verify', 'bundle', medium, '--trust', site.trust).code == 0 if there else False
            if done.code == 0 or good or done.code not in (2, 3):
                a.line('M7', f'{error} at {call} {when}', '3', f'{done.code}', ['a bundle that looks complete'] if good else [(done.out + done.err).decode()[:300]])
a.check('M7', f'{tried} calls on the medium failed during pack', tried >= 10, '3', '3')
medium = f'{a.work}/full'
remove(medium)
os.mkdir(medium)
done = run(*export, 'pack', medium, '--key', KEY[2])
a.check('M7', 'R: the same medium with room', done.code == 0 and run('satchel-verify', 'bundle', medium, '--trust', site.trust).code == 0, '0', str(done.code), why=done.err.decode())

# M9: import writes nothing to the medium.
medium = a.copy()
before = snapshot(medium)
times = {path: os.lstat(path).st_mtime_ns for path in glob.glob(f'{medium}/**', recursive=True)}
done = run('strace', '-f', '-qq', '-o', f'{a.work}/strace', '-e', 'trace=%file,write,pwrite64,ftruncate', '-y', 'satchel-import', '-C', a.fresh(), 'apply', medium)
log = read(f'{a.work}/strace').decode()
writes = [line for line in log.splitlines() if medium in line and re.search(r'O_(WRONLY|RDWR|CREAT|TRUNC)|unlink|rename|mkdir|chmod|chown|utimens|link(at)?\(|ftruncate|p?write', line) and not re.search(r'write(64)?\(\d+<(/dev|pipe|anon|.*journal|[^>]*/s/)', line)]
a.check('M9', 'the medium is as it was, and nothing was opened there for writing', done.code == 0 and snapshot(medium) == before and not writes and times == {
    path: os.lstat(path).st_mtime_ns for path in glob.glob(f'{medium}/**', recursive=True)}, why=str(writes[:3]))
if os.geteuid() == 0 and subprocess.run(['unshare', '-m', 'true'], check=False).returncode == 0:
    store9 = a.fresh()
    done = run('unshare', '-m', 'sh', '-c', f'mount --bind {medium} {medium} && mount -o remount,bind,ro {medium} && exec satchel-import -C {store9} apply {medium}')
    a.check('M9', 'a medium mounted read-only', done.code == 0 and published(store9) == site.published(8), '0', str(done.code), why=done.err.decode())

# M12: what operating systems leave behind: never opened by import, told by the auditor.
litter = ['System Volume Information/IndexerVolumeGuid', '.Trashes/501/x', '._satchel', '.DS_Store', 'autorun.inf', 'satchel/._updates-00000008', 'satchel/.DS_Store', 'satchel/updates-00000008/._manifest.yaml',
          'satchel/updates-00000008/.DS_Store', 'satchel/updates-00000008/Thumbs.db', 'satchel/updates-00000008/manifest.yaml~', 'satchel/updates-00000008/vol-0003.yaml', 'satchel/updates-00000008/x/y', 'satchel/updates-8/manifest.yaml',
          'satchel/UPDATES-00000008/manifest.yaml', 'satchel/readme.txt', 'satchel/updates-00000008 (1)/manifest.yaml']
medium = a.copy()
for name in litter:
    os.makedirs(os.path.dirname(f'{medium}/{name}'), exist_ok=True)
    write(f'{medium}/{name}', b'rubbish\n')
store12 = a.fresh()
done = run('strace', '-f', '-qq', '-o', f'{a.work}/strace', '-e', 'trace=open,openat,openat2,execve', 'satchel-import', '-C', store12, 'apply', medium)
log = read(f'{a.work}/strace').decode()
opened = [name for name in litter if f'"{os.path.basename(name)}"' in log and os.path.basename(name) not in ('manifest.yaml',) or f'{name}"' in log]
a.check('M12', 'files of operating systems beside and inside: none is opened', done.code == 0 and not opened and published(store12) == site.published(8), '0', str(done.code), why=f'{opened} {done.err.decode()}')
done = run('satchel-verify', 'bundle', medium, '--trust', site.trust)
a.line('M12', 'the auditor tells of them', '1 file-extra', f'{done.code} {seen_word(done, "file-extra")}', [name for name in ('._manifest.yaml', '.DS_Store', 'Thumbs.db', 'vol-0003.yaml') if name.encode() not in done.out + done.err])

# M12b: a link or a file where the tools write.
outside = f'{a.work}/outside'
for what, place, link in (('satchel is a link', 'satchel', True), ('satchel is a file', 'satchel', False), ('receipts is a link', 'satchel/receipts', True), ('receipts is a file', 'satchel/receipts', False),
                          ('the bundle directory is a link', None, True), ('the receipt is a link', 'satchel/receipts/perimeter-a-00000003.yaml', True)):
    remove(outside)
    os.mkdir(outside)
    write(f'{outside}/canary', b'x')
    medium = f'{a.work}/m'
    remove(medium)
    os.mkdir(medium)
    commands = [('pack', (*export, 'pack', medium, '--key', KEY[2])), ('receipt', ('satchel-import', '-C', store, 'receipt', medium))]
    if place is None:
        number = 1 + max([int(name) for name in os.listdir(f'{station}/bundles') if name.isdigit()] or [0])
        place = f'satchel/updates-{number:08d}'
    if 'receipts' in place:
        commands = commands[1:]
    elif 'updates' in place:
        commands = commands[:1]
    os.makedirs(os.path.dirname(f'{medium}/{place}'), exist_ok=True)
    os.symlink(outside if 'yaml' not in place else f'{outside}/canary', f'{medium}/{place}') if link else write(f'{medium}/{place}', b'planted')
    for name, command in commands:
        done = run(*command)
        good = os.listdir(outside) == ['canary'] and read(f'{outside}/canary') == b'x'
        beside = place.endswith('.yaml') or 'updates' in place  # then another name is taken, or it is refused: nothing is followed
        a.check('M12b', f'{name}: {what}', good and (done.code != 0 or beside) and not faults(done, ''), 'nothing outside touched', 'nothing outside touched', why=f'{done.code} {os.listdir(outside)} {done.err.decode()}')

# M12c: a store or a station that lies on the medium.
medium = a.copy()
subprocess.run(['cp', '-a', site.store, f'{medium}/store'], check=True)
subprocess.run(['cp', '-a', site.store, f'{medium}/satchel/store'], check=True)
for label, path in (('below the medium', f'{medium}/store'), ('in its satchel', f'{medium}/satchel/store')):
    done = run('satchel-import', '-C', path, 'apply', medium)
    a.line('M12c', f'a store {label}', '2 store-on-medium', f'{done.code} {seen_word(done, "store-on-medium")}', faults(done, 'store-on-medium'))
store13 = a.fresh()
subprocess.run(['cp', '-a', a.copy(name='m2'), f'{store13}/medium'], check=True)
done = run('satchel-import', '-C', store13, 'apply', f'{store13}/medium')
a.line('M12c', 'a medium within the store', '2 store-on-medium', f'{done.code} {seen_word(done, "store-on-medium")}')
done = run(*export, 'pack', station, '--key', KEY[2])
a.line('M12c', 'pack into the station', '2 store-on-medium', f'{done.code} {seen_word(done, "store-on-medium")}')
clean = {name: value for name, value in os.environ.items() if name not in ('SATCHEL_STORE', 'SATCHEL_STATION')}
for name in ('satchel-import', 'satchel-export'):
    done = run(name, 'status', cwd=f'{medium}/store', env=clean)
    a.check('M12c', f'{name}: the current directory is never a store or station', done.code == 2, '2', str(done.code))
store14 = a.fresh()
shutil.copy(f'{store14}/store.yaml', f'{medium}/satchel/updates-00000008/store.yaml')
write(f'{medium}/store.yaml', b'x')
done = run('satchel-import', '-C', store14, 'apply', '.', cwd=medium)
a.check('M12c', 'the medium as current directory: its store.yaml and trust are not looked at', done.code == 0 and published(store14) == site.published(8), '0', str(done.code), why=done.err.decode())
a.end(60)
