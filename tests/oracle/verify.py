#!/usr/bin/python3
"""A second opinion: a verifier of bundles, documents and journals, written from manifests/FORMAT.md alone.

It shares no code and no tables with Satchel's C sources, and whoever changes it does not look into them: where this program and
`satchel-verify` differ, one of them is wrong or FORMAT.md is unclear, and tests/cli/oracle.sh shows it. It uses Python's standard
library, PyYAML (its BaseLoader, FORMAT 2.3), and the commands openssl and zstd. Numbers in comments are clauses of FORMAT.md.

    verify.py bundle BUNDLE_DIR --trust FILE [--at TIME]   a bundle, by the pinned trust root FILE
    verify.py document TYPE FILE                           the form of one document, without signatures
    verify.py journal FILE                                 form and chain of a journal

Prints one line, `ok` or `REASON: text` with a word of FORMAT 13. Exit 0: good; 1: refused; 2: usage; 3: unreadable or damaged.
"""
import argparse
import base64
import calendar
import collections
import copy
import datetime
import errno
import hashlib
import itertools
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import time
import types
import yaml

with open(os.path.join(os.path.dirname(os.path.realpath(__file__)), '../../manifests/FORMAT.md'), encoding='utf-8') as contract:
    FORMAT = contract.read()
L = types.SimpleNamespace(**{name: int(value) for name, value in re.findall(r'^\| `([A-Z_]+)` \| (\d+) \|', FORMAT, re.M)})  # 12
EXITS = {word: int(code) for word, code in re.findall(r'^\| `([a-z-]+)` \| (\d) \|', FORMAT, re.M)}  # 13
MAX_SIZE = {'trust': L.MAX_TRUST_SIZE, 'approvals': L.MAX_APPROVALS_SIZE, 'manifest': L.MAX_MANIFEST_SIZE,
            'volume': L.MAX_VOLUME_INDEX_SIZE, 'contents': L.MAX_CONTENTS_SIZE, 'contents-part': L.MAX_PART_SIZE}
MAX_SIGNATURE, MAX_LINE, MAX_PATH = 128, 1048576, 4000  # 3.4, 10.2, 11.3

class Refused(Exception):
    def __init__(self, reason, text):
        super().__init__(f'{reason}: {text}')
        self.reason = reason
        self.exit = EXITS[reason]

def demand(condition, reason, text):
    if not condition:
        raise Refused(reason, text)

def form(condition, text):
    demand(condition, 'document-form', text)

def sha256(data):
    return hashlib.sha256(data).hexdigest()

# ---- 11: names
DIRECTION = '\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069'
FORBIDDEN = '\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufdd0-\ufdef' + \
    ''.join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
NAME = re.compile(r'[a-z0-9][a-z0-9._-]{0,62}')

def judge_name(text):  # 11.1
    demand(NAME.fullmatch(text) and '..' not in text, 'name', f'not a name: {text!r}')

def judge_components(components, text):  # 11.2, 11.3
    demand(len(text.encode()) <= MAX_PATH and len(text.split('/')) <= 64, 'name', f'too long: {text[:60]!r}')
    for one in components:
        good = 1 <= len(one.encode()) <= 255 and one not in ('.', '..') and not re.search(f'[{FORBIDDEN}{DIRECTION}]', one)
        demand(good, 'name', f'{one!r} in {text!r}')

def judge_path(text):  # 11.3
    judge_components(text.split('/'), text)

def judge_target(text, depth=64):  # 11.4; depth: directories above the link in the published tree
    components = text.split('/')
    ups = len(list(itertools.takewhile('..'.__eq__, components)))
    demand(ups <= depth, 'name', f'a target that leaves the tree: {text!r}')
    judge_components(components[ups:], text)

def judge_order(texts, what):  # 1.4
    for a, b in zip(texts, texts[1:]):
        form(a.encode() < b.encode(), f'{what} not sorted: {b!r}')

def judge_not_nested(paths):  # 5.5, 6.4: no path lies below another
    known = set(paths)
    for path in paths:
        above = [n for n, letter in enumerate(path) if letter == '/' and path[:n] in known]
        demand(not above, 'name', f'{path!r} lies below another')

# ---- 2.4 to 2.8: kinds. Each judges what the YAML reader found (texts, lists, maps of texts) and gives the value; `write`
# gives back the one way to write it. For a document all is written again and compared (2.3).
class Scalar:
    optional = False
    def __init__(self, judge, quoted=False):
        self.judge_text, self.quoted = judge, quoted
    def judge(self, raw):
        form(isinstance(raw, str), f'not a scalar: {raw!r:.60}')
        return self.judge_text(raw)
    def write(self, raw):
        return '"' + raw.replace('\\', '\\\\').replace('"', '\\"') + '"' if self.quoted else raw
    def lines(self, indent, name, raw):
        return [f'{indent}{name}: {self.write(raw)}']

class List(Scalar):  # texts, digests, maps
    def __init__(self, kind, most, least=0):
        self.kind, self.most, self.least = kind, most, least
    def judge(self, raw):
        form(isinstance(raw, list) and self.least <= len(raw) <= self.most, f'not a list, or too long or short: {raw!r:.60}')
        return [self.kind.judge(one) for one in raw]
    def write(self, raw):
        return '[' + ', '.join(self.kind.write(one) for one in raw) + ']'

class Map(Scalar):
    def __init__(self, **fields):
        self.fields = fields
    def judge(self, raw):
        form(isinstance(raw, dict) and not set(raw) - set(self.fields), f'not a map, or unknown fields: {raw!r:.60}')
        missing = [name for name, kind in self.fields.items() if name not in raw and not kind.optional]
        form(not missing, f'without {missing}')
        return {name: kind.judge(raw[name]) if name in raw else None for name, kind in self.fields.items()}
    def write(self, raw):
        return '{' + ', '.join(f'{name}: {kind.write(raw[name])}' for name, kind in self.fields.items() if name in raw) + '}'
    def body(self, indent, raw):
        return [line for name, kind in self.fields.items() if name in raw for line in kind.lines(indent, name, raw[name])]

class Block(Map):
    def lines(self, indent, name, raw):
        return [f'{indent}{name}:'] + self.body(indent + '  ', raw)

class Records(List):
    def lines(self, indent, name, raw):
        return [f'{name}:'] + ['  - ' + self.kind.write(one) for one in raw] if raw else [f'{name}: []']

class Entries(List):
    def lines(self, indent, name, raw):
        lines = [f'{name}:'] if raw else [f'{name}: []']
        for one in raw:
            body = self.kind.body('    ', one)
            lines += ['  - ' + body[0][4:]] + body[1:]
        return lines

def optional(kind):
    kind = copy.copy(kind)
    kind.optional = True
    return kind

def read_time(raw):  # 2.8
    try:
        form(re.fullmatch(r'[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z', raw) and raw >= '1970', f'not a time: {raw!r:.60}')
        return calendar.timegm(datetime.datetime.strptime(raw, '%Y-%m-%dT%H:%M:%SZ').timetuple())
    except ValueError as error:
        raise Refused('document-form', f'not a time: {raw!r:.60}') from error

def number(most=L.MAX_SUM, least=0):  # 2.7
    def judge(raw):
        form(re.fullmatch('0|[1-9][0-9]{0,18}', raw) and least <= int(raw) <= most, f'number out of bounds: {raw!r:.60}')
        return int(raw)
    return Scalar(judge)

def plain(pattern):
    def judge(raw):
        form(re.fullmatch(pattern, raw), f'{raw!r:.80} is not {pattern}')
        return raw
    return Scalar(judge)

def text(judge=None, most=None):  # 2.5
    def judge_text(raw):
        good = judge or 1 <= len(raw.encode()) <= most and not re.search(f'[{DIRECTION}]', raw)
        form(good, f'text out of bounds: {raw!r:.60}')
        if judge:
            judge(raw)
        return raw
    return Scalar(judge_text, quoted=True)

TIME, DIGEST, REVISION, FLAG, BOOL = Scalar(read_time), plain('[0-9a-f]{64}'), number(L.MAX_REVISION, 1), plain('true'), plain('true|false')
NAME_TEXT, PATH, TITLE = text(judge_name), text(judge_path), text(most=L.MAX_TITLE_LEN)

# ---- 4 to 8: tables
ROLE = Map(threshold=number(), keys=List(DIGEST, L.MAX_KEYS))
KEY = Map(id=DIGEST, name=NAME_TEXT, algorithm=plain('ed25519|ecdsa-p256|ecdsa-p384'), public=text(most=176))
ENTRY = Map(item=PATH, revision=REVISION, rings=List(NAME_TEXT, L.MAX_RINGS, 1),
            contents=Map(sha256=DIGEST, size=number(L.MAX_CONTENTS_SIZE, 1), files=number(L.MAX_PARTS * L.MAX_PART_RECORDS),
                         bytes=number()),
            title=optional(TITLE), requires=optional(List(PATH, L.MAX_REQUIRES, 1)),
            supersedes=optional(List(PATH, L.MAX_REQUIRES, 1)), urgent=optional(FLAG), deadline=optional(TIME),
            note=optional(TITLE))
REVOCATION = Map(item=PATH, revision=REVISION, contents=DIGEST, since=REVISION, note=optional(TITLE))
RECORD = Map(path=PATH, size=optional(number(L.MAX_OBJECT_SIZE)), sha256=optional(DIGEST), mtime=optional(TIME), exec=optional(FLAG),
             link=optional(text(judge_target)), dir=optional(FLAG))
RECORDS = Records(RECORD, L.MAX_PART_RECORDS, 1)
PART = Map(first=PATH, records=number(L.MAX_PART_RECORDS, 1), sha256=DIGEST, size=number(L.MAX_PART_SIZE, 1))
WITNESS = Map(destination=NAME_TEXT, counter=REVISION, journal=DIGEST)
FILE = Map(name=text(most=255), size=number(), sha256=optional(DIGEST))
FRAME = Map(at=number(), size=number(L.MAX_FRAME_STORED, 1), holds=number(L.FRAME_SIZE, 1), sha256=DIGEST)
OBJECT = Map(sha256=DIGEST, size=number(L.MAX_OBJECT_SIZE), at=number(), **{'from': optional(number())}, length=optional(number()))
TABLES = {
    'trust': Map(site=NAME_TEXT, version=REVISION, epoch=REVISION, issued=TIME, expires=TIME, keys=Records(KEY, L.MAX_KEYS),
                 roles=Block(root=ROLE, approver=ROLE, exporter=ROLE)),
    'approvals': Map(stream=NAME_TEXT, epoch=REVISION, revision=REVISION, issued=TIME, expires=TIME, items=Entries(ENTRY, L.MAX_ITEMS),
                     revoked=Records(REVOCATION, L.MAX_ITEMS)),
    'contents': Map(item=PATH, files=optional(RECORDS), parts=optional(Records(PART, L.MAX_PARTS, 1))),
    'contents-part': Map(files=RECORDS),
    'manifest': Map(stream=NAME_TEXT, sequence=REVISION, created=TIME, destinations=List(NAME_TEXT, L.MAX_DESTINATIONS),
                    part=Map(first=REVISION, number=REVISION, last=BOOL),
                    objects=Map(count=number(L.MAX_VOLUMES * L.MAX_VOLUME_OBJECTS), bytes=number()),
                    approvals=optional(Map(epoch=REVISION, revision=REVISION, sha256=DIGEST)), trust=Map(version=REVISION, sha256=DIGEST),
                    witness=List(WITNESS, L.MAX_DESTINATIONS), files=Records(FILE, L.MAX_BUNDLE_FILES)),
    'volume': Map(stream=NAME_TEXT, sequence=REVISION, volume=number(L.MAX_VOLUMES, 1), frames=Records(FRAME, L.MAX_VOLUME_FRAMES, 1),
                  objects=Records(OBJECT, L.MAX_VOLUME_OBJECTS, 1)),
}

# ---- 2: document form
def judge_bytes(data):  # 2.1
    try:
        content = data.decode('utf-8')
    except UnicodeDecodeError as error:
        raise Refused('document-form', f'no UTF-8: {error}') from error
    bad = re.search(f'[{FORBIDDEN}]', content.replace('\n', ''))
    form(not bad and content.endswith('\n'), f'{bad[0]!a} in a document' if bad else 'the last line has no line end')
    return content

def judge_type_line(doctype, content):  # 2.2
    first = content.split('\n', 1)[0]
    match = re.fullmatch('satchel: ([a-z-]+)/([1-9][0-9]{0,8})', first)
    demand(match and match[1] == doctype, 'document-type', f'no {doctype}: {first!r:.60}')
    demand(match[2] == '1', 'document-version', f'version {match[2]}')

def judge_shallow(content):  # 2.4, before YAML sees it: readers recurse, so depth comes first. No line continues on the next.
    for line in content.splitlines():
        bare = re.sub(r'"(?:[^"\\]|\\["\\])*"', '""', line)
        form(re.match(r' {0,4}(- )?[a-z{]', bare), f'a line begins like no field: {line[:60]!r}')
        depth = 0
        for bracket in re.findall(r'[][{}]', bare):
            depth += 1 if bracket in '[{' else -1
            form(0 <= depth < L.MAX_DOCUMENT_DEPTH, f'nested too deep, or brackets not in pairs: {line[:60]!r}')
        form(depth == 0, f'brackets not in pairs: {line[:60]!r}')

def read_document(doctype, data):
    """Values of a document by its table, when its form is that of 2, and what can be said of it without others."""
    demand(len(data) <= MAX_SIZE[doctype], 'document-too-large', f'{len(data)} bytes of {doctype}')
    content = judge_bytes(data)
    judge_type_line(doctype, content)
    judge_shallow(content)
    try:
        raw = yaml.load(content, Loader=getattr(yaml, 'CBaseLoader', yaml.BaseLoader))
    except yaml.YAMLError as error:
        raise Refused('document-form', f'no YAML: {str(error).splitlines()[0]}') from error
    form(isinstance(raw, dict) and raw.pop('satchel', None) == f'{doctype}/1', 'no map, or its type line is not what YAML reads')
    value = TABLES[doctype].judge(raw)
    again = '\n'.join([f'satchel: {doctype}/1'] + TABLES[doctype].body('', raw)) + '\n'
    form(again == content, 'not canonical')  # 2.3
    RULES[doctype](value)
    return value

# ---- 3: keys and signatures
Curve = collections.namedtuple('Curve', 'prefix bytes p b order digest')
CURVES = {
    'ecdsa-p256': Curve(
        '3059301306072a8648ce3d020106082a8648ce3d03010703420004', 32, 2**256 - 2**224 + 2**192 + 2**96 - 1,
        0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b,
        0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551, 'sha256'),
    'ecdsa-p384': Curve(
        '3076301006072a8648ce3d020106052b8104002203620004', 48, 2**384 - 2**128 - 2**96 + 2**32 - 1,
        0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef,
        0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973, 'sha384'),
}
ED_PREFIX, ED_P = bytes.fromhex('302a300506032b6570032100'), 2**255 - 19
ED_D = -121665 * pow(121666, -1, ED_P) % ED_P
ED_ORDER = 2**252 + 27742317777372353535851937790883648493

def ed25519_point_good(raw):  # 3.1: canonical, on the curve, and not of order 1, 2, 4 or 8
    y = int.from_bytes(raw, 'little') & (2**255 - 1)
    xx = (y * y - 1) * pow(ED_D * y * y + 1, -1, ED_P) % ED_P
    if y >= ED_P or xx and pow(xx, (ED_P - 1) // 2, ED_P) != 1:
        return False
    for _ in range(3):  # doubling needs x squared only; the neutral point has y = 1
        dxy = ED_D * xx * y * y % ED_P
        xx, y = 4 * xx * y * y * pow(1 + dxy, -2, ED_P) % ED_P, (y * y + xx) * pow(1 - dxy, -1, ED_P) % ED_P
    return y != 1

def key_good(algorithm, der):  # 3.1
    if algorithm == 'ed25519':
        return der.startswith(ED_PREFIX) and len(der) == 44 and ed25519_point_good(der[12:])
    curve = CURVES[algorithm]
    prefix, point = bytes.fromhex(curve.prefix), der[-2 * curve.bytes:]
    x, y = int.from_bytes(point[:curve.bytes], 'big'), int.from_bytes(point[curve.bytes:], 'big')
    return der == prefix + point and max(x, y) < curve.p and (y * y - x * x * x + 3 * x - curve.b) % curve.p == 0

def der_integer(n):
    raw = n.to_bytes(n.bit_length() // 8 + 1, 'big')
    return b'\x02' + bytes([len(raw)]) + raw

def signature_form_good(algorithm, signature):  # 3.3
    if algorithm == 'ed25519':
        return len(signature) == 64 and int.from_bytes(signature[32:], 'little') < ED_ORDER
    if len(signature) < 8:
        return False
    split = 4 + signature[3]
    r, s = int.from_bytes(signature[4:split], 'big'), int.from_bytes(signature[split + 2:], 'big')
    body = der_integer(r) + der_integer(s)
    return signature == b'\x30' + bytes([len(body)]) + body and 0 < min(r, s) and max(r, s) < CURVES[algorithm].order

def signature_good(key, data, signature):  # 3.6
    if len(signature) > MAX_SIGNATURE or not signature_form_good(key['algorithm'], signature):
        return False
    pem = '\n'.join(['-----BEGIN PUBLIC KEY-----', *re.findall('.{1,64}', key['public']), '-----END PUBLIC KEY-----', ''])
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (('pem', pem.encode()), ('data', data), ('sig', signature)):
            with open(f'{folder}/{name}', 'wb') as out:
                out.write(content)
        command = ['openssl', 'pkeyutl', '-verify', '-pubin', '-inkey', 'pem', '-rawin', '-in', 'data', '-sigfile', 'sig']
        command += ['-digest', CURVES[key['algorithm']].digest] if key['algorithm'] in CURVES else []
        return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0

def good_signatures(root, role, name, data, read):  # 3.5; read(file name) gives a file's bytes, or None
    """How many signature files of the role's keys are there, and the names of the good ones."""
    there, good = 0, []
    for key in root['keys']:
        file = f'{name}.{key["id"][:32]}.sig'
        signature = read(file) if key['id'] in root['roles'][role]['keys'] else None
        if signature is not None and signature.strip(b' \t\r\n'):
            there += 1
            good += [file] if signature_good(key, data, signature) else []
    return there, good

def demand_signed(root, role, name, data, read):
    there, good = good_signatures(root, role, name, data, read)
    demand(there, 'signature-missing', f'{name} has no signature of any {role}')
    threshold = root['roles'][role]['threshold']
    demand(len(good) >= threshold, 'signature-threshold', f'{name}: {len(good)} good signatures of {role}s, not {threshold}')
    return good

# ---- 4: trust roots
def judge_trust(root):  # 4.1 to 4.4
    def must(condition, what):
        demand(condition, 'trust-invalid', f'trust root {root["version"]}: {what}')
    must(root['expires'] > root['issued'], 'expires before it is issued')
    for key in root['keys']:
        try:
            der = base64.b64decode(key['public'], validate=True)
        except ValueError:
            der = b''
        canonical = base64.b64encode(der).decode() == key['public']
        must(canonical and key_good(key['algorithm'], der) and sha256(der) == key['id'], f'key {key["name"]} is none, or its id')
    ids = [key['id'] for key in root['keys']]
    must(len({key_id[:32] for key_id in ids}) == len(ids), 'two keys with ids that begin alike')
    in_roles = [key_id for role in root['roles'].values() for key_id in role['keys']]
    must(sorted(in_roles) == sorted(ids), 'a key that is not in exactly one role')
    must(all(1 <= role['threshold'] <= len(role['keys']) for role in root['roles'].values()), 'a threshold')

def extend_chain(before, name, data, read):  # 4.6
    def signed(root, what):
        demand(len(good_signatures(root, 'root', name, data, read)[1]) >= root['roles']['root']['threshold'], 'trust-invalid', f'{name} is not signed by {what}')
    demand(len(data) <= L.MAX_TRUST_SIZE, 'document-too-large', name)  # 2.1: before anything else
    signed(before, 'the roots before it')
    root = read_document('trust', data)
    demand(root['version'] == before['version'] + 1 and root['site'] == before['site'], 'trust-chain', f'{name}: version or site')
    demand(root['epoch'] >= before['epoch'], 'trust-chain', f'{name}: its epoch is lower')
    demand(root['epoch'] <= before['epoch'] + L.MAX_JUMP, 'jump', f'{name}: its epoch')
    signed(root, 'its own roots')
    return root

# ---- 5: approval lists
def judge_approvals(doc):
    form(doc['expires'] > doc['issued'], 'expires before it is issued')
    items = doc['items']
    for entry in items:
        judge_order(entry['rings'], 'rings')
        judge_order(entry['requires'] or [], 'required items')
        judge_order(entry['supersedes'] or [], 'superseded items')
        form(entry['item'] not in (entry['supersedes'] or []), 'an item supersedes itself')
    for entries in (items, doc['revoked']):  # 5.4
        places = [(entry['item'].encode(), entry['revision']) for entry in entries]
        form(all(a < b for a, b in zip(places, places[1:])), 'entries are not in order')
    judge_not_nested([entry['item'] for entry in items])
    pairs = [(entry['item'], ring) for entry in items for ring in entry['rings']]
    rings = set(pairs)
    form(len(rings) == len(pairs) and len({ring for _, ring in rings}) <= L.MAX_RINGS, 'rings of entries')  # 5.6
    for entry in items:  # 5.7
        for required in entry['requires'] or []:
            lacking = [ring for ring in entry['rings'] if (required, ring) not in rings]
            demand(not lacking, 'requires', f'{entry["item"]} requires {required} for {lacking}')
    revoked = {entry['contents'] for entry in doc['revoked']} & {entry['contents']['sha256'] for entry in items}
    demand(not revoked, 'revoked', f'contents {revoked}')  # 5.8

# ---- 6: contents lists and parts
def judge_records(records):  # 6.2, 6.4
    for record in records:
        there = {name for name, value in record.items() if value is not None}
        shapes = {'path', 'size', 'sha256', 'mtime'}, {'path', 'size', 'sha256', 'mtime', 'exec'}, {'path', 'link'}, {'path', 'dir'}
        form(there in shapes, f'{record["path"]!r} is no file, link or directory')
    judge_paths([record['path'] for record in records])

def judge_paths(paths):  # 6.4
    judge_order(paths, 'paths')
    judge_not_nested(paths)

def judge_place(item, path, link=None):  # 6.3, 11.4
    above, _, last = item.rpartition('/')
    demand(path == last or path.startswith(last + '/'), 'name', f'{path!r} is not of item {item!r}')
    whole = f'{above}/{path}' if above else path
    judge_path(whole)
    if link is not None:
        judge_target(link, whole.count('/'))

def judge_contents(doc):
    form((doc['files'] is None) != (doc['parts'] is None), 'neither or both of files and parts')
    if doc['files'] is not None:
        judge_run(doc['files'], doc['item'])
    else:
        form(sum(part['records'] for part in doc['parts']) > L.MAX_PART_RECORDS, 'parts of few records')  # 6.6
        judge_paths([part['first'] for part in doc['parts']])
        for part in doc['parts']:
            judge_place(doc['item'], part['first'])

def judge_run(records, item):
    judge_records(records)
    for record in records:
        judge_place(item, record['path'], record['link'])

def ends_run(path):  # 6.5
    return int(sha256(path.encode()), 16) % (1 << L.PART_CUT_BITS) == 0

def judge_part(line, item, objects, last):
    """The records of a part, or None where the bundle does not have it."""
    data = objects.get(line['sha256'], line['size'])
    if data is None:
        return None
    records = read_document('contents-part', data)['files']
    form(len(records) == line['records'] and records[0]['path'] == line['first'], 'a part is not what its line says')  # 6.7
    judge_run(records, item)
    ends = [ends_run(record['path']) for record in records]
    form(not any(ends[:-1]) and (last or ends[-1] or len(records) == L.MAX_PART_RECORDS), 'a part does not end where it must')  # 6.5
    return records

def judge_entry(entry, objects):
    """An entry's contents list and its parts, as far as the bundle has them: 6, 7.9 (8)."""
    data = objects.get(entry['contents']['sha256'], entry['contents']['size'])
    if data is None:
        return
    doc = read_document('contents', data)
    form(doc['item'] == entry['item'], f'contents list of {doc["item"]!r}, not {entry["item"]!r}')
    lines = doc['parts'] or []
    runs = [judge_part(line, doc['item'], objects, line is lines[-1]) for line in lines] or [doc['files']]
    judge_paths([path for line, run in zip(lines, runs) for path in ([r['path'] for r in run] if run else [line['first']])])
    known = [record for run in runs if run for record in run if record['sha256']]
    for record in known:
        objects.judge_size(record['sha256'], record['size'])  # 6.2
    if None not in runs:  # 6.8
        form(len(known) == entry['contents']['files'] and sum(r['size'] for r in known) == entry['contents']['bytes'],
             f'{entry["item"]}: number or size of files')

# ---- 7: manifests
TRUST_FILE = re.compile(r'trust-([1-9][0-9]*)\.yaml')
INDEX_FILE = re.compile(r'vol-([0-9]{4})\.yaml')
VOLUME_FILE = re.compile(r'vol-([0-9]{4})\.tar\.zst')
SIGNATURE_FILE = re.compile(r'((?:approvals|trust-[1-9][0-9]*)\.yaml)\.[0-9a-f]{32}\.sig')
MOST_BYTES = [(re.compile(r'approvals\.yaml'), L.MAX_APPROVALS_SIZE), (TRUST_FILE, L.MAX_TRUST_SIZE), (SIGNATURE_FILE, MAX_SIGNATURE),
              (INDEX_FILE, L.MAX_VOLUME_INDEX_SIZE), (VOLUME_FILE, L.MAX_VOLUME_SIZE), (re.compile(r'VERIFY\.txt'), L.MAX_VERIFY_TXT_SIZE)]

def judge_file_name(name, size, names):  # 7.7
    most = [most for pattern, most in MOST_BYTES if pattern.fullmatch(name)]
    form(most and 1 <= size <= most[0], f'name or size of {name!r}')
    signature = SIGNATURE_FILE.fullmatch(name)
    form(not signature or signature[1] in names, f'{name} without what it signs')

def numbers_of(pattern, names):
    return sorted(int(match[1]) for match in map(pattern.fullmatch, names) if match)

def judge_manifest(doc):  # 7.2 to 7.7
    part, files = doc['part'], {entry['name']: entry for entry in doc['files']}
    judge_order(doc['destinations'], 'destinations')
    judge_order([witness['destination'] for witness in doc['witness']], 'witnesses')
    judge_order([entry['name'] for entry in doc['files']], 'files')
    form((part['number'] == 1) == (part['first'] == doc['sequence']) and part['first'] <= doc['sequence']
         and part['number'] - 1 <= doc['sequence'] - part['first'], 'part')  # 7.3
    for name, entry in files.items():
        judge_file_name(name, entry['size'], files)
        form(entry['sha256'] or VOLUME_FILE.fullmatch(name), f'{name} without digest')
    volumes = numbers_of(VOLUME_FILE, files)
    form(volumes == list(range(1, len(volumes) + 1)) == numbers_of(INDEX_FILE, files) and len(volumes) <= L.MAX_VOLUMES, 'volumes')
    count = doc['objects']['count']  # 7.4
    form((count == 0) == (not volumes) and count <= len(volumes) * L.MAX_VOLUME_OBJECTS and (count or not doc['objects']['bytes']), 'objects')
    form(files.get('approvals.yaml', {}).get('sha256') == (doc['approvals'] or {}).get('sha256'), 'approvals')  # 7.5
    versions = numbers_of(TRUST_FILE, files)  # 7.6
    form(versions and versions[-1] == doc['trust']['version'] and versions[-1] - versions[0] == len(versions) - 1, 'trust files')
    demand(len(versions) <= L.MAX_TRUST_VERSIONS, 'trust-limit', 'too many trust roots')
    form(files[f'trust-{versions[-1]}.yaml']['sha256'] == doc['trust']['sha256'], 'digest of trust')

# ---- 8: indexes
def data_length(entry):
    return entry['size'] if entry['length'] is None else entry['length']

def rounded(length):
    return (length + 511) // 512 * 512

def tar_length(index):  # 8.5
    last = index['objects'][-1]
    return last['at'] + rounded(data_length(last)) + 1024

def judge_index(index):
    at = 0
    for frame in index['frames']:  # 8.2
        form(frame['at'] == at, 'frames do not lie end to end')
        at += frame['size']
    form(at <= L.MAX_VOLUME_SIZE, 'size of the volume')
    form(all(frame['holds'] == L.FRAME_SIZE for frame in index['frames'][:-1]), 'a frame in the middle that is not full')
    at = 512
    for entry in index['objects']:  # 8.3, 8.4
        start, length, size = entry['from'], entry['length'], entry['size']
        form((start is None) == (length is None) and (start is None or 0 < length < size and start + length <= size), 'a piece')
        form(entry['at'] == at, 'objects do not lie end to end')
        at += rounded(data_length(entry)) + 512
    form(tar_length(index) == sum(frame['holds'] for frame in index['frames']), 'length of the tar')
    ordered = sorted(index['objects'], key=lambda entry: (entry['sha256'], entry['from'] or 0))  # 8.6
    for a, b in zip(ordered, ordered[1:]):
        if a['sha256'] == b['sha256']:
            form(None not in (a['from'], b['from']) and a['from'] + a['length'] <= b['from'], 'an object twice')

RULES = {'trust': judge_trust, 'approvals': judge_approvals, 'contents': judge_contents, 'manifest': judge_manifest,
         'volume': judge_index, 'contents-part': lambda doc: judge_records(doc['files'])}

# ---- 9: volumes
def tar_header(entry):  # 9.2, 9.3
    name = entry['sha256'] if entry['from'] is None else f'{entry["sha256"]}.{entry["from"]:016d}'
    raw = bytearray(512)
    for at, field in ((0, name), (100, '000444 \0'), (108, '000000 \0'), (116, '000000 \0'), (124, f'{data_length(entry):011o} '),
                      (136, '00000000000 '), (148, ' ' * 8), (156, '0'), (257, 'ustar\0'), (263, '00'), (329, '000000 \0'),
                      (337, '000000 \0')):
        raw[at:at + len(field)] = field.encode()
    raw[148:156] = f'{sum(raw):06o}\0 '.encode()
    return bytes(raw)

def tar_segments(index):
    """(first byte, length, what) of the tar: `what` is the bytes that must be there, or the entry whose data stand there."""
    for entry in index['objects']:
        length = data_length(entry)
        yield entry['at'] - 512, 512, tar_header(entry)
        yield entry['at'], length, entry
        yield entry['at'] + length, rounded(length) - length, bytes(rounded(length) - length)
    yield tar_length(index) - 1024, 1024, bytes(1024)

def judge_frame_form(frame, holds):  # 9.6 (a) to (e), (g): header and block headers of RFC 8878, 3.1.1
    def must(condition, what):
        demand(condition, 'frame-form', what)
    must(frame[:4] == b'\x28\xb5\x2f\xfd' and len(frame) >= 6, 'no zstd frame')
    flags, at = frame[4], 5
    must(not flags & 0x0F, 'reserved bit, checksum or dictionary')  # 0x10 is unused: any value
    single, window = flags & 0x20, 0
    if not single:
        base, at = 1 << 10 + (frame[5] >> 3), 6
        window = base + (base >> 3) * (frame[5] & 7)
    width = (1 if single else 0, 2, 4, 8)[flags >> 6]
    must(window <= L.FRAME_SIZE and width and len(frame) >= at + width, 'a large window, or does not state its size')
    size = int.from_bytes(frame[at:at + width], 'little') + (256 if width == 2 else 0)
    demand(size == holds, 'frame-size', f'states {size} bytes, not {holds}')
    at, last = at + width, False
    while not last:
        must(len(frame) >= at + 3, 'the frame goes on after its last byte')
        block = int.from_bytes(frame[at:at + 3], 'little')
        last, kind, length = block & 1, block >> 1 & 3, block >> 3
        must(kind != 3 and length <= min(131072, window or size), 'reserved or large block')
        at += 3 + (1 if kind == 1 else length)
    must(at == len(frame), 'the frame does not end with its last byte')

def unpack(frame, holds):  # 9.6 (f)
    with tempfile.TemporaryFile() as stored:
        stored.write(frame)
        stored.seek(0)
        with subprocess.Popen(['zstd', '-dcq'], stdin=stored, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            data = process.stdout.read(holds + 1)
            process.stdout.close()
    demand(process.returncode == 0 or len(data) > holds, 'frame-form', 'zstd refuses it')
    demand(len(data) == holds, 'frame-size', 'unpacks to another size than the index says')
    return data

class Objects:
    """What the volumes hold: of each object a file with the bytes that came."""
    def __init__(self):
        self.sizes, self.pieces, self.cut, self.whole = {}, {}, {}, set()
        self.scratch = tempfile.TemporaryDirectory()
    def path(self, digest):
        return os.path.join(self.scratch.name, digest)
    def expect(self, entry):  # 8.6
        form(self.sizes.setdefault(entry['sha256'], entry['size']) == entry['size'], f'two sizes of object {entry["sha256"]}')
    def take(self, entry, data):
        start = entry['from'] or 0
        before = self.cut.setdefault(entry['sha256'], []) if entry['from'] is not None else []
        self.pieces.setdefault(entry['sha256'], []).append((start, len(data)))
        with open(os.open(self.path(entry['sha256']), os.O_RDWR | os.O_CREAT, 0o600), 'r+b') as file:
            for at, length in before:
                low, high = max(at, start), min(at + length, start + len(data))
                file.seek(low)
                demand(low >= high or file.read(high - low) == data[low - start:high - start], 'object-digest', f'{entry["sha256"]}: pieces that differ')
            before.append((start, len(data)))
            file.seek(start)
            file.write(data)
    def finish(self):  # 9.4: judges what came completely
        for digest, pieces in self.pieces.items():
            reached = 0
            for start, length in sorted(pieces):
                reached = max(reached, start + length) if start <= reached else reached
            if reached == self.sizes[digest]:
                whole = hashlib.sha256()
                with open(self.path(digest), 'rb') as file:
                    while chunk := file.read(1 << 20):
                        whole.update(chunk)
                demand(whole.hexdigest() == digest, 'object-digest', digest)
                self.whole.add(digest)
    def judge_size(self, digest, size):
        form(self.sizes.get(digest, size) == size, f'{digest} has {self.sizes.get(digest)} bytes, not {size}')
    def get(self, digest, size):
        """Bytes of a contents list or part; None: not in the bundle, or damaged."""
        self.judge_size(digest, size)
        return read_whole(self.path(digest)) if digest in self.whole else None

# ---- 7.9: a bundle
class Bundle:
    def __init__(self, folder, trust, now):
        self.folder, self.now, self.objects = folder, now, Objects()
        self.damage = None  # the first that is damaged or unreadable; what is refused counts more
        self.chain = {}  # version -> digest
        pinned = read_whole(trust)
        self.join_chain(read_document('trust', pinned), pinned)
    def join_chain(self, root, data):
        self.root = root
        self.chain[root['version']] = sha256(data)
    def open(self, name):
        try:
            fd = os.open(os.path.join(self.folder, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            reason = {errno.ENOENT: 'file-missing', errno.ELOOP: 'file-type'}.get(error.errno, 'medium-read')
            raise Refused(reason, f'{name}: {error.strerror}') from error
        demand(stat.S_ISREG(os.fstat(fd).st_mode), 'file-type', name)
        return open(fd, 'rb')
    def read(self, name, most, at=0):  # at most `most` bytes and one; None: not there
        try:
            with self.open(name) as file:
                file.seek(at)
                return file.read(most + 1)
        except OSError as error:
            raise Refused('medium-read', f'{name}: {error.strerror}') from error
        except Refused as refused:
            if refused.reason != 'file-missing':
                raise
            return None
    def signature(self, name):
        return self.read(name, MAX_SIGNATURE)
    def judge(self):
        data = self.read('manifest.yaml', L.MAX_MANIFEST_SIZE)
        demand(data is not None, 'bundle-interrupted', 'no manifest.yaml')  # 7.1
        self.extend_trust()
        self.judge_manifest(data)
        files = self.judge_files()
        entries = self.judge_list(files)['items'] if self.manifest['approvals'] else []
        for name, index in self.judge_indexes(files).items():
            self.judge_volume(name, index)
        self.objects.finish()
        for entry in entries:
            judge_entry(entry, self.objects)
        self.judge_rest()
        if self.damage:
            raise self.damage
    def extend_trust(self):  # 7.9 (1)
        while (data := self.read(name := f'trust-{self.root["version"] + 1}.yaml', L.MAX_TRUST_SIZE)) is not None:
            demand(len(self.chain) < L.MAX_TRUST_VERSIONS, 'trust-limit', name)
            self.join_chain(extend_chain(self.root, name, data, self.signature), data)
        demand(self.root['expires'] > self.now, 'trust-expired', f'root {self.root["version"]}')  # 4.8
        demand(self.root['issued'] <= self.now + L.MAX_CLOCK_AHEAD, 'clock', f'root {self.root["version"]} is of the future')
    def judge_manifest(self, data):  # 7.9 (2), (3)
        demand(len(data) <= L.MAX_MANIFEST_SIZE, 'document-too-large', 'manifest.yaml')
        self.signatures = demand_signed(self.root, 'exporter', 'manifest.yaml', data, self.signature)
        self.manifest = doc = read_document('manifest', data)
        name = f'{doc["stream"]}-{doc["sequence"]:08d}'  # 11.5
        demand(os.path.basename(os.path.realpath(self.folder)) == name, 'name', f'the bundle is {name}')
        demand(doc['created'] <= self.now + L.MAX_CLOCK_AHEAD, 'clock', 'a manifest of the future')
        demand(self.chain.get(doc['trust']['version']) == doc['trust']['sha256'], 'trust-chain', 'the manifest is of another root')
    def judge_files(self):  # 7.9 (4), 4.9
        files = {entry['name']: self.judge_file(entry) for entry in self.manifest['files']
                 if not VOLUME_FILE.fullmatch(entry['name']) and entry['name'] != 'VERIFY.txt'}
        for version in numbers_of(TRUST_FILE, files):
            digest = sha256(files[f'trust-{version}.yaml'])
            demand(self.chain.get(version, digest) == digest, 'trust-chain', f'trust-{version}.yaml is not ours')
        return files
    def judge_file(self, entry):  # 7.8
        data = self.read(entry['name'], entry['size'])
        demand(data is not None, 'file-missing', entry['name'])
        demand(len(data) == entry['size'], 'file-size', entry['name'])
        demand(sha256(data) == entry['sha256'], 'file-digest', entry['name'])
        return data
    def judge_list(self, files):  # 7.9 (5), 7.5, 5.9
        demand_signed(self.root, 'approver', 'approvals.yaml', files['approvals.yaml'], files.get)
        doc, said = read_document('approvals', files['approvals.yaml']), self.manifest['approvals']
        form((doc['stream'], doc['epoch'], doc['revision']) == (self.manifest['stream'], said['epoch'], said['revision']),
             'the list is not what the manifest says')
        demand(doc['epoch'] == self.root['epoch'], 'jump', 'the list is not of the epoch of the trust root')
        demand(doc['expires'] > self.now, 'expired', 'approvals.yaml')
        demand(doc['issued'] <= self.now + L.MAX_CLOCK_AHEAD, 'clock', 'a list of the future')
        return doc
    def judge_indexes(self, files):  # 7.9 (6)
        sizes = {entry['name']: entry['size'] for entry in self.manifest['files']}
        indexes = {}
        for number_ in numbers_of(VOLUME_FILE, sizes):
            name, volume = f'vol-{number_:04d}.yaml', f'vol-{number_:04d}.tar.zst'
            index = indexes[volume] = read_document('volume', files[name])
            form((index['stream'], index['sequence'], index['volume'])
                 == (self.manifest['stream'], self.manifest['sequence'], number_), f'{name} is of another bundle or volume')
            form(sum(frame['size'] for frame in index['frames']) == sizes[volume], f'{name}: size of the volume')
            for entry in index['objects']:
                self.objects.expect(entry)
        carried = sum(data_length(entry) for index in indexes.values() for entry in index['objects'])  # 7.4
        form(self.manifest['objects'] == {'count': len(self.objects.sizes), 'bytes': carried}, 'objects of the manifest')
        return indexes
    def judge_volume(self, name, index):  # 7.9 (7)
        at, lost = 0, []
        with tempfile.TemporaryFile() as tar:
            for frame in index['frames']:
                data = self.read_frame(name, frame)
                lost += [(at, at + frame['holds'])] if data is None else []
                tar.seek(at)
                tar.write(data or b'')
                at += frame['holds']
            demand(not self.read(name, 0, sum(frame['size'] for frame in index['frames'])), 'file-size', f'{name} is too long')
            for start, length, what in tar_segments(index):
                if not any(begin < start + length and start < end for begin, end in lost):
                    tar.seek(start)
                    data = tar.read(length)
                    if isinstance(what, dict):
                        self.objects.take(what, data)
                    demand(isinstance(what, dict) or data == what, 'entry-header', f'{name}: the tar at {start}')
    def read_frame(self, name, frame):  # 9.6; None: damaged
        stored = self.read(name, frame['size'] - 1, frame['at'])
        if stored is None or sha256(stored) != frame['sha256']:
            reason = 'medium-read' if stored is None else 'frame-digest'
            self.damage = self.damage or Refused(reason, f'{name} at {frame["at"]}')
            return None
        judge_frame_form(stored, frame['holds'])
        return unpack(stored, frame['holds'])
    def judge_rest(self):  # 7.8
        named = {entry['name']: entry for entry in self.manifest['files']}
        if 'VERIFY.txt' in named:
            self.judge_file(named['VERIFY.txt'])
        extra = set(os.listdir(self.folder)) - set(named) - {'manifest.yaml', *self.signatures}
        demand(not extra, 'file-extra', f'{sorted(extra)}')

# ---- 10: journals
def no_duplicates(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError('a member twice')
    return dict(pairs)

def nested(value):
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if below is None else 1 + max(map(nested, below), default=0)

def judge_line(line, n, prev):  # 10.1 to 10.4
    try:  # int: refuses NaN, which Python would take
        members = json.loads(line.decode('ascii'), object_pairs_hook=no_duplicates, parse_constant=int)
        form(len(line) <= MAX_LINE and isinstance(members, dict) and nested(members) <= 16, 'too long, too deep, or no object')
        form(type(members.get('n')) is int and members['n'] == n and isinstance(members.get('event'), str), 'its number or event')
        read_time(str(members.get('time')))
    except (ValueError, RecursionError, Refused) as error:
        raise Refused('journal', f'line {n}: {error}') from error
    demand(line.endswith(b'"prev":"%s"}' % prev.encode()), 'journal', f'line {n} does not follow the line before')

def judge_journal(data):
    *lines, tail = data.split(b'\n')
    prev = '0' * 64
    for n, line in enumerate(lines, 1):
        judge_line(line, n, prev)
        prev = sha256(line)
    try:  # 10.6
        judge_line(tail[:-1], len(lines) + 1, prev)
    except Refused:
        return
    raise Refused('journal', f'line {len(lines) + 1}: something stands in place of its line end')

def read_whole(path):
    with open(path, 'rb') as file:
        return file.read()

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='command', required=True)
    for command, *names in (('bundle', 'folder', '--trust', '--at'), ('document', 'type', 'file'), ('journal', 'file')):
        options = commands.add_parser(command)
        for name in names:
            options.add_argument(name, **({'required': True} if name == '--trust' else {'choices': TABLES} if name == 'type' else {}))
    arguments = parser.parse_args()
    try:
        if arguments.command == 'bundle':
            Bundle(arguments.folder, arguments.trust, read_time(arguments.at) if arguments.at else int(time.time())).judge()
        elif arguments.command == 'document':
            read_document(arguments.type, read_whole(arguments.file))
        else:
            judge_journal(read_whole(arguments.file))
    except Refused as refused:
        print(str(refused).encode('ascii', 'backslashreplace').decode())
        return refused.exit
    print('ok')
    return 0

if __name__ == '__main__':
    sys.exit(main())
