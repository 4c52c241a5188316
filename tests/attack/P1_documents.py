"""P1 to P6, P8, P9: the cases, by P1_documents.sh. Every change is made before signing."""
import re

from attack import Attacks, run, sha256

a = Attacks()
KINDS = ['manifest', 'approvals', 'index 1', 'trust 4', 'contents pool/a']


def plan(kind, change):
    p = a.site.plan()
    if kind == 'trust 4':
        p.roots[4] = a.site.root(4)
        p.signers['trust-4.yaml'] = ['root-a', 'root-c']

    def edit(text):
        other = change(text)
        assert other != text, (kind, 'unchanged')
        return other
    p.edit[kind] = edit
    return p


whole, entering = [], []


def case(row, kind, what, change, words='document-form'):
    (entering if kind.startswith('contents') else whole).append((row, f'{kind}: {what}', words, plan(kind, change)))


def sub(row, kind, old, new, words='document-form'):
    case(row, kind, f'{old.strip()} -> {new.strip()[:40]}', lambda text: re.sub(old, lambda _: new, text, count=1, flags=re.M), words)


def raw(data):
    return data.decode('utf-8', 'surrogateescape')


# P1: duplicate keys at each depth.
for kind, line in (('manifest', 'sequence: 8\n'), ('approvals', 'revision: 8\n'), ('index 1', 'volume: 1\n'), ('trust 4', 'version: 4\n'),
                   ('contents pool/a', 'item: "pool/a"\n')):
    sub('P1', kind, f'^{line}', line * 2)
sub('P1', 'manifest', 'first: 8, ', 'first: 8, first: 8, ')
sub('P1', 'manifest', 'name: "VERIFY|name: "approvals.yaml", ', 'name: "approvals.yaml", name: "approvals.yaml", ')
sub('P1', 'approvals', '    revision: 1\n', '    revision: 1\n    revision: 1\n')
sub('P1', 'approvals', 'contents: {', 'contents: {size: 5, ')
sub('P1', 'index 1', 'holds: ', 'holds: 1, holds: ')
sub('P1', 'trust 4', '  root: {threshold: 2, ', '  root: {threshold: 2, threshold: 1, ')
sub('P1', 'trust 4', '  exporter: ', '  exporter: {threshold: 1, keys: []}\n  exporter: ')
sub('P1', 'contents pool/a', 'exec: true', 'exec: true, exec: true')
# P2: anchors, aliases, tags, merge keys.
for kind, line, value in (('manifest', 'sequence', '8'), ('approvals', 'revision', '8'), ('index 1', 'volume', '1'), ('trust 4', 'version', '4')):
    for label, new in (('anchor', f'&a {value}'), ('alias', '*a'), ('tag', f'!!int {value}'), ('local tag', f'!x {value}')):
        case('P2', kind, label, lambda text, line=line, new=new: re.sub(f'^{line}: .*', lambda _: f'{line}: {new}', text, flags=re.M))
    case('P2', kind, 'merge key', lambda text, line=line: re.sub(f'^{line}', f'<<: {{}}\n{line}', text, flags=re.M))
for label, new in (('anchor', 'item: &a "pool/a"'), ('tag', 'item: !!str "pool/a"'), ('merge key', '<<: {}\nitem: "pool/a"')):
    sub('P2', 'contents pool/a', 'item: "pool/a"', new)
bomb = 'a0: &a0 ["x", "x", "x", "x", "x", "x", "x", "x", "x"]\n' + ''.join(
    f'a{n}: &a{n} [{", ".join([f"*a{n - 1}"] * 9)}]\n' for n in range(1, 12))
for kind in KINDS:
    case('P2', kind, 'alias bomb', lambda text: text.replace('\n', '\n' + bomb, 1))
# P3: more than one document.
for kind in KINDS:
    for label, end in (('another document', '---\nx: 1\n'), ('the same document again', None), ('an end mark', '...\n'), ('text after an end mark', '...\nrubbish\n')):
        case('P3', kind, label, lambda text, end=end: text + (end or '---\n' + text))
    case('P3', kind, 'directive first', lambda text: '%YAML 1.1\n---\n' + text, 'document-type')
    case('P3', kind, 'document mark first', lambda text: '---\n' + text, 'document-type')
# P4: depth.
for kind in KINDS:
    for label, opening, closing in (('[', '[', ']'), ('{', '{a: ', '}'), ('?', '? ', ''), ('- ', '- ', '')):
        case('P4', kind, f'10,000 of {label}', lambda text, o=opening, c=closing: text.replace('\n', '\nx: ' + o * 10000 + c * 10000 + '\n', 1))
    case('P4', kind, '10,000 of [ in place of a value', lambda text: re.sub(r': (\d+)$', ': ' + '[' * 10000 + ']' * 10000, text, count=1, flags=re.M) if re.search(
        r': (\d+)$', text, re.M) else text + 'x: ' + '[' * 10000 + '\n')
# P5: encodings.
for kind in KINDS:
    for encoding in ('utf-16', 'utf-16-le', 'utf-32'):
        case('P5', kind, encoding, lambda text, encoding=encoding: raw(text.encode(encoding)))
    case('P5', kind, 'byte order mark', lambda text: '\ufeff' + text)
    for label, data in (('overlong', b'\xc0\xaf'), ('overlong NUL', b'\xc0\x80'), ('NUL', b'\0'), ('C0', b'\x07'), ('C1', b'\xc2\x85x\xc2\x9b'), ('a lone byte', b'\xff'),
                        ('surrogate', b'\xed\xa0\x80'), ('beyond Unicode', b'\xf4\x90\x80\x80'), ('cut off', b'\xe2\x82'), ('bidi override', '\u202e'.encode()),
                        ('isolate', '\u2066'.encode()), ('line separator', '\u2028'.encode()), ('noncharacter', '\ufffe'.encode()), ('escape sequence', b'\x1b[2J')):
        case('P5', kind, label, lambda text, data=data: re.sub(r': "([a-z])', lambda m: f': "{m[1]}{raw(data)}', text, count=1),
             'document-form|name' if kind != 'manifest' else 'document-form|name')
    for label, change in (('CR LF', lambda t: t.replace('\n', '\r\n')), ('CR', lambda t: t.replace('\n', '\r')), ('NEL', lambda t: t.replace('\n', '\x85', 3)),
                          ('tab', lambda t: t.replace(': ', ':\t', 4)), ('no line end', lambda t: t[:-1]), ('NUL at the end', lambda t: t + '\0')):
        case('P5', kind, label, change, 'document-form|document-type')
    sub('P5', kind, '^  ', '\t') if kind != 'x' else None
# P6: numbers and times.
NUMBERS = ['010', '+1', '-1', '1e3', '0x10', '0o7', '1_000', '1.0', '.5', 'no', 'true', '~', 'null', '"8"', "'8'", '', ' 8', '8 ', '0b1', '1:30', '.inf', '\u0668']
TIMES = ['2026-11-22T10:00:00', '2026-11-22T10:00:00+00:00', '2026-11-22T24:00:00Z', '2026-02-30T10:00:00Z', '2025-02-29T10:00:00Z', '2026-06-30T23:59:60Z',
         '2026-11-22 10:00:00Z', '2026-11-22t10:00:00z', '2026-11-22', '2026-11-22T10:00Z', '2026-11-22T10:00:00.5Z', '1969-12-31T23:59:59Z', '10000-01-01T00:00:00Z',
         '2026-13-01T00:00:00Z', '2026-00-10T00:00:00Z', '2026-1-1T0:0:0Z', '"2026-11-22T10:00:00Z"', '1763805600', '']
for kind, number, moment in (('manifest', '^sequence: .*', '^created: .*'), ('approvals', '^revision: .*', '^expires: .*'), ('index 1', '^volume: .*', None),
                             ('trust 4', '^epoch: .*', '^issued: .*'), ('contents pool/a', 'size: [0-9]+', 'mtime: [^,}]*')):
    for pattern, values in ((number, NUMBERS), (moment, TIMES)):
        for value in values if pattern else []:
            name = re.match(r'\^?([a-z]+)', pattern)[1]
            sub('P6', kind, pattern, f'{name}: {value}')
# P8: other ways to write the same data.
for kind in KINDS:
    for label, change in (
            ('two blanks', lambda t: re.sub(r'^([a-z]+): (?=[0-9"\[])', r'\1:  ', t, count=1, flags=re.M)), ('single quotes', lambda t: re.sub(r'"([a-z/-]+)"', r"'\1'", t, count=1)),
            ('no quotes', lambda t: re.sub(r'"([a-z/-]+)"', r'\1', t, count=1)), ('a comment', lambda t: t + '# end\n'), ('a comment in a line', lambda t: t.replace('\n', ' # c\n', 2)),
            ('a blank line', lambda t: t.replace('\n', '\n\n', 1)), ('a blank at a line end', lambda t: re.sub(r'$', ' ', t, count=2, flags=re.M)),
            ('an escape', lambda t: re.sub(r'"([a-z])', lambda m: f'"\\x{ord(m[1]):02x}', t, count=1)),
            ('a flow list over two lines', lambda t: re.sub(r', ', ',\n    ', t, count=1)), ('indentation', lambda t: re.sub(r'^  - ', '    - ', t, flags=re.M)),
            ('no blank after a comma', lambda t: t.replace(', ', ',', 1)), ('blanks within braces', lambda t: t.replace('{', '{ ', 1)),
            ('fields in another order', lambda t: re.sub(r'\{([^,}]*), ([^,}]*)', r'{\2, \1', t, count=1)), ('a trailing comma', lambda t: re.sub(r'\}', ', }', t, count=1)),
            ('records in another order', lambda t: re.sub(r'^(  - \{.*\n)(  - \{.*\n)', r'\2\1', t, count=1, flags=re.M))):
        if label == 'records in another order' and kind in ('approvals', 'trust 4'):
            continue  # entries of a list are no records; keys of a root have no order (FORMAT 4.1)
        case('P8', kind, label, change, 'document-type' if label in ('a comment in a line', 'a blank at a line end') else 'document-form|trust-invalid' if kind == 'trust 4' else 'document-form|name')
sub('P8', 'approvals', r'rings: \["production"\]', 'rings:\n    - "production"')
sub('P8', 'manifest', r'destinations: \[\]', 'destinations: [ ]')
# P9: ranges.
HUGE = ['9223372036854775807', '9223372036854775808', '18446744073709551615', '18446744073709551616', '9' * 40]
for value in HUGE:
    for kind, pattern in (('manifest', 'sequence: 8'), ('manifest', 'count: [0-9]+'), ('manifest', 'bytes: [0-9]+'), ('manifest', '(?<=yaml", )size: [0-9]+'), ('manifest', 'first: 8'),
                          ('approvals', 'epoch: 1'), ('approvals', 'revision: 8'), ('approvals', 'files: [0-9]+'), ('approvals', 'bytes: [0-9]+'), ('approvals', '(?<=, )size: [0-9]+'),
                          ('index 1', 'at: 512'), ('index 1', 'at: 0'), ('index 1', 'holds: [0-9]+'), ('index 1', '(?<=, )size: [0-9]+, h'), ('index 1', 'from: 0'), ('index 1', 'length: 7000'),
                          ('trust 4', 'epoch: 1'), ('trust 4', 'threshold: 2'), ('contents pool/a', 'size: [0-9]+')):
        name = re.sub(r'^\(\?<=.*?\)', '', pattern).split(':')[0]
        sub('P9', kind, pattern, f'{name}: {value}' + (', h' if pattern.endswith('h') else ''), 'document-form|trust-invalid' if 'threshold' in pattern else 'document-form')
for kind, pattern, new, words in (
        ('manifest', 'count: [0-9]+', 'count: 1', 'document-form'), ('manifest', ', bytes: [0-9]+', ', bytes: 1', 'document-form'),
        ('approvals', 'files: [0-9]+', 'files: 1', 'document-form'), ('approvals', 'bytes: [0-9]+', 'bytes: 1', 'document-form'),
        ('approvals', '(?<=, )size: [0-9]+', 'size: 1', 'document-form'), ('approvals', '(?<=, )size: ', 'size: 1', 'document-form'),
        ('contents doc', '(?<=, )size: [0-9]+', 'size: 1', 'document-form'), ('contents doc', '(?<=, )size: ', 'size: 1', 'document-form'),
        ('index 1', 'holds: [0-9]+', 'holds: 512', 'document-form'), ('index 1', 'at: 512', 'at: 1024', 'document-form'), ('index 1', 'objects:\n', 'objects: []\n', 'document-form')):
    if kind in ('approvals', 'contents doc'):  # what a list says of its contents lists shows when these have come, what these say of their parts too
        p = plan(kind, lambda text, pattern=pattern, new=new: re.sub(pattern, new, text, count=1))
        entering.append(('P9', f'{kind}: {pattern} -> {new}', words, p))
    else:
        sub('P9', kind, pattern, new, words)
sub('P9', 'approvals', '^stream: "updates"', 'stream: "other"')
sub('P9', 'index 1', '^stream: "updates"', 'stream: "other"')
a.many(whole, 1)
a.many(entering, 1, enters=True)

# P4: a deep document costs no time: as much as one of that size that is refused at its first line.
for kind in KINDS:
    cost = []
    for change in (lambda t: t.replace('/1', '/x', 1) + ' ' * 20000, lambda t: t.replace('\n', '\nx: ' + '[' * 10000 + ']' * 10000 + '\n', 1)):
        medium = a.medium(plan(kind, change))
        cost.append(min(run('satchel-import', '-C', a.fresh(), 'apply', medium).cpu for _ in range(3)))
    a.check('P4', f'{kind}: 10,000 brackets are refused in under 0.1 s', cost[1] - cost[0] < 0.1, why=f'{cost} s of CPU')
a.end(400)
