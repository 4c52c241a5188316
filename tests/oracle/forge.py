"""Bundles that lie, for tests/oracle/mutations.py: whoever holds all keys can sign anything. Written from manifests/FORMAT.md.

A Plan says what is in a bundle; its `edit` holds functions that change a text or bytes on the way, before what names them by
digest or signs them is made. So each lie is told by an authentic bundle."""
import base64
import hashlib
import os
import re
import subprocess

from verify import ends_run, tar_header

FRAME_SIZE = 4194304

ALGORITHMS = {'ed25519': ['-algorithm', 'ed25519'], 'ecdsa-p256': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
              'ecdsa-p384': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384']}
KEYS = [('root-a', 'ed25519'), ('root-b', 'ecdsa-p256'), ('root-c', 'ed25519'), ('approver-a', 'ecdsa-p384'), ('approver-b', 'ed25519'),
        ('approver-c', 'ecdsa-p256'), ('exporter-a', 'ecdsa-p256'), ('exporter-b', 'ed25519'), ('exporter-c', 'ecdsa-p384')]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def write(path, data):
    with open(path, 'wb') as out:
        out.write(data)


def read(path):
    with open(path, 'rb') as file:
        return file.read()


class Keys:
    """Secret keys in a folder, in the form that satchel-export takes."""

    def __init__(self, folder, names=KEYS):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.algorithm = dict(names)
        self.der, self.id, self.signed = {}, {}, {}
        for name, algorithm in names:
            if not os.path.exists(self.path(name)):
                pem = subprocess.run(['openssl', 'genpkey', *ALGORITHMS[algorithm]], capture_output=True, check=True).stdout
                write(self.path(name), b'satchel-role: %s\n' % name.split('-')[0].encode() + pem)
                os.chmod(self.path(name), 0o600)
            self.der[name] = subprocess.run(['openssl', 'pkey', '-in', self.path(name), '-pubout', '-outform', 'DER'],
                                            capture_output=True, check=True).stdout
            self.id[name] = sha256(self.der[name])

    def path(self, name):
        return os.path.join(self.folder, name + '.key')

    def sign(self, document, signers):
        for name in signers:
            signature = self.signed.get((name, read(document)))  # most documents stay the same from lie to lie
            if signature:
                write(f'{document}.{self.id[name][:32]}.sig', signature)
                continue
            digest = {'ecdsa-p256': ['-digest', 'sha256'], 'ecdsa-p384': ['-digest', 'sha384']}.get(self.algorithm[name], [])
            subprocess.run(['openssl', 'pkeyutl', '-sign', '-inkey', self.path(name), '-rawin', '-in', document, '-out',
                            f'{document}.{self.id[name][:32]}.sig', *digest], check=True)
            self.signed[name, read(document)] = read(f'{document}.{self.id[name][:32]}.sig')

    def trust(self, version, epoch=1, site='example', issued='2026-11-01T10:00:00Z', expires='2096-11-22T10:00:00Z', thresholds=(2, 2, 1),
              without=()):
        """A root with all keys but those named `without`, and those of no role."""
        names = [name for name in self.id if name not in without and name.split('-')[0] in ('root', 'approver', 'exporter')]
        lines = ['satchel: trust/1', f'site: "{site}"', f'version: {version}', f'epoch: {epoch}', f'issued: {issued}', f'expires: {expires}', 'keys:']
        lines += [f'  - {{id: {self.id[name]}, name: "{name}", algorithm: {self.algorithm[name]}, '
                  f'public: "{base64.b64encode(self.der[name]).decode()}"}}' for name in names]
        lines += ['roles:']
        for role, threshold in zip(('root', 'approver', 'exporter'), thresholds):
            ids = ', '.join(self.id[name] for name in names if name.startswith(role))
            lines += [f'  {role}: {{threshold: {threshold}, keys: [{ids}]}}']
        return '\n'.join(lines) + '\n'


def stored_frame(data, block=131072):  # FORMAT 9.7
    size = len(data)
    head = b'\x20' + bytes([size]) if size < 256 else b'\x60' + (size - 256).to_bytes(2, 'little') if size < 65792 else \
        b'\xa0' + size.to_bytes(4, 'little')
    blocks = [data[at:at + block] for at in range(0, size, block)]
    return b'\x28\xb5\x2f\xfd' + head + b''.join(((len(one) << 3) | (at == len(blocks) - 1)).to_bytes(3, 'little') + one
                                                for at, one in enumerate(blocks))


def file_record(path, data, more=''):
    return f'  - {{path: "{path}", size: {len(data)}, sha256: {sha256(data)}, mtime: 2026-11-20T10:00:00Z{more}}}'


def path_of(record):
    return re.search(r'path: "([^"]*)"', record)[1]


class Plan:
    """A small bundle with everything in it: a chain of two roots, a list of three entries, parts, a piece, two volumes."""
    stream, sequence, revision, epoch, destinations, witness = 'updates', 7, 3, 1, [], '[]'
    created, issued, expires = '2026-11-22T10:00:00Z', '2026-11-22T10:00:00Z', '2096-02-20T10:00:00Z'
    entries = (('doc', []), ('pool/a', ['    title: "First"', '    requires: ["doc"]', '    urgent: true']), ('pool/b', []))
    rings, revisions, revoked = '["pilot", "production"]', {}, [f'  - {{item: "pool/x", revision: 1, contents: {"1" * 64}, since: 2, note: "why"}}']
    cut = 7000

    def __init__(self, keys):
        self.keys, self.edit = keys, {}
        self.roots = {version: keys.trust(version) for version in (1, 2)}
        self.signers = {'trust-1.yaml': ['root-a', 'root-b'], 'trust-2.yaml': ['root-b', 'root-c'], 'approvals.yaml': ['approver-a', 'approver-b'],
                        'manifest.yaml': ['exporter-a']}
        self.data = [b'one\n', b'two two\n', b'', b'x' * 700]
        self.big = b'large ' * 3000
        one, two, empty, long = self.data
        self.records = {
            'pool/a': [file_record('a/bin', one, ', exec: true'), '  - {path: "a/empty", dir: true}', file_record('a/f', two),
                       '  - {path: "a/link", link: "../../doc/p-0001"}', file_record('a/none', empty), file_record('a/x', long)],
            'pool/b': [file_record('b', self.big)],
            'doc': [file_record(f'doc/p-{n:04d}', one if n % 2 else two) for n in range(1100)],
        }
        self.changed = {}  # digest -> what stands in the volume in its place

    @property
    def name(self):
        return f'{self.stream}-{self.sequence:08d}'

    def text(self, what, content):
        return self.edit[what](content) if what in self.edit else content

    def contents(self, item):
        """Texts of a contents list and its parts."""
        records = self.records[item]
        if len(records) <= 1024:
            return self.text(f'contents {item}', '\n'.join(['satchel: contents/1', f'item: "{item}"', 'files:', *records]) + '\n'), []
        runs = [[]]
        for record in records:
            runs[-1].append(record)
            if ends_run(path_of(record)) or len(runs[-1]) == 1024:
                runs.append([])
        runs = self.text('runs', [run for run in runs if run])
        parts = [self.text(f'part {n}', 'satchel: contents-part/1\nfiles:\n' + '\n'.join(run) + '\n') for n, run in enumerate(runs)]
        lines = [f'  - {{first: "{path_of(run[0])}", records: {len(run)}, sha256: {sha256(part.encode())}, size: {len(part.encode())}}}'
                 for run, part in zip(runs, parts)]
        return self.text(f'contents {item}', '\n'.join(['satchel: contents/1', f'item: "{item}"', 'parts:', *lines]) + '\n'), parts

    def approvals(self, lists):
        lines = ['satchel: approvals/1', f'stream: "{self.stream}"', f'epoch: {self.epoch}', f'revision: {self.revision}', f'issued: {self.issued}',
                 f'expires: {self.expires}', 'items:']
        for item, more in self.entries:
            sizes = [int(size) for record in self.records[item] for size in re.findall(r' size: (\d+)', record)]
            lines += [f'  - item: "{item}"', f'    revision: {self.revisions.get(item, 2)}', f'    rings: {self.rings}',
                      f'    contents: {{sha256: {sha256(lists[item])}, size: {len(lists[item])}, files: {len(sizes)}, bytes: {sum(sizes)}}}', *more]
        lines += ['revoked:', *self.revoked] if self.revoked else ['revoked: []']
        return self.text('approvals', '\n'.join(lines) + '\n')

    def volumes(self, objects):
        """Lists of (digest, size, from, length, data): the large object comes in two pieces, one in each volume."""
        whole = [(sha256(data), len(data), None, len(data), data) for data in objects]
        name, cut = sha256(self.big), self.cut
        pieces = [(name, len(self.big), at, len(data), data) for at, data in ((0, self.big[:cut]), (cut, self.big[cut:]))]
        return self.text('volumes', [whole + pieces[:1], pieces[1:]])

    def write_volume(self, folder, number, entries):
        tar, lines = b'', []
        for digest, size, start, length, data in entries:
            piece = '' if start is None else f', from: {start}, length: {length}'
            lines += [f'  - {{sha256: {digest}, size: {size}, at: {len(tar) + 512}{piece}}}']
            header = tar_header({'sha256': digest, 'size': size, 'from': start, 'length': None if start is None else length})
            data = self.changed.get(digest, data)
            tar += header + data + bytes(-len(data) % 512)
        tar = self.text(f'tar {number}', tar + bytes(1024))
        pieces = [tar[at:at + FRAME_SIZE] for at in range(0, len(tar), FRAME_SIZE)]
        frames = self.text(f'frames {number}', [stored_frame(piece) for piece in pieces])
        at, frame_lines = 0, []
        for frame, piece in zip(frames, pieces):
            frame_lines += [f'  - {{at: {at}, size: {len(frame)}, holds: {len(piece)}, sha256: {sha256(frame)}}}']
            at += len(frame)
        text = '\n'.join(['satchel: volume/1', f'stream: "{self.stream}"', f'sequence: {self.sequence}', f'volume: {number}', 'frames:', *frame_lines,
                          'objects:', *lines]) + '\n'
        write(f'{folder}/vol-{number:04d}.yaml', self.text(f'index {number}', text).encode('utf-8', 'surrogateescape'))
        write(f'{folder}/vol-{number:04d}.tar.zst', b''.join(frames))

    def build(self, folder):
        os.makedirs(folder)
        for version, root in self.roots.items():
            self.document(folder, f'trust-{version}.yaml', self.text(f'trust {version}', root))
        lists, objects = {}, []
        for item in self.records:
            text, parts = self.contents(item)
            lists[item] = text.encode('utf-8', 'surrogateescape')
            objects += [lists[item], *(part.encode() for part in parts)]
        self.document(folder, 'approvals.yaml', self.approvals(lists))
        volumes = self.volumes(objects + self.data)
        for number, entries in enumerate(volumes, 1):
            self.write_volume(folder, number, entries)
        self.document(folder, 'manifest.yaml', self.text('manifest', self.manifest(folder, volumes)))
        return folder

    def document(self, folder, name, text):
        write(f'{folder}/{name}', text.encode('utf-8', 'surrogateescape'))
        self.keys.sign(f'{folder}/{name}', self.signers[name])
        self.text(f'file {name}', folder)

    def manifest(self, folder, volumes):
        carried = [entry for entries in volumes for entry in entries]
        last, names = max(self.roots), ', '.join(f'"{name}"' for name in self.destinations)
        lines = ['satchel: manifest/1', f'stream: "{self.stream}"', f'sequence: {self.sequence}', f'created: {self.created}', f'destinations: [{names}]',
                 f'part: {{first: {self.sequence}, number: 1, last: true}}',
                 f'objects: {{count: {len({entry[0] for entry in carried})}, bytes: {sum(entry[3] for entry in carried)}}}',
                 f'approvals: {{epoch: {self.epoch}, revision: {self.revision}, sha256: {sha256(read(folder + "/approvals.yaml"))}}}',
                 f'trust: {{version: {last}, sha256: {sha256(read(f"{folder}/trust-{last}.yaml"))}}}', f'witness: {self.witness}', 'files:']
        for name in sorted(os.listdir(folder), key=str.encode):
            data = read(f'{folder}/{name}')
            lines += [f'  - {{name: "{name}", size: {len(data)}, sha256: {sha256(data)}}}']
        return '\n'.join(lines) + '\n'
