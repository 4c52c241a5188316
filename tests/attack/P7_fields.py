"""P7: the cases, by P7_fields.sh. The fields are found in the documents themselves, so that none is forgotten."""
import re

from attack import Attacks

a = Attacks()
TEXTS = {}
# Without these the document is a good one, and says something else: no field that a list must have.
OPTIONAL = {'approvals': {'title', 'requires', 'note', 'deadline'}, 'contents pool/a': {'exec'}, 'manifest': set(), 'index 1': set(), 'trust 4': set()}
# These may go from a record, which is a file, a link or a directory by what it has.
MORE = {('contents pool/a', 'dir'), ('contents pool/a', 'link')}


def base(kind):
    p = a.site.plan()
    if kind == 'trust 4':
        p.roots[4] = a.site.root(4)
        p.signers['trust-4.yaml'] = ['root-a', 'root-c']
    p.entries = (('doc', []), ('pool/a', ['    title: "First"', '    requires: ["doc"]', '    urgent: true', '    deadline: 2026-12-24T00:00:00Z', '    note: "n"']), ('pool/b', []))
    p.witness = '[{destination: "perimeter-b", counter: 4, journal: ' + '4' * 64 + '}]'
    return p


def capture(kind):
    p = base(kind)
    p.edit[kind] = lambda text: TEXTS.setdefault(kind, text)
    a.medium(p)
    return TEXTS[kind]


def fields(text):
    """(where, name, whole text of the field with what separates it): each name once per depth and map."""
    seen = set()
    for m in re.finditer(r'^(  - |    |  )?([a-z0-9]+):.*\n', text, re.M):
        lead, name = m[1] or '', m[2]
        if name != 'satchel' and ('line', len(lead), name) not in seen and not m[0].strip().startswith('- {'):
            seen.add(('line', len(lead), name))
            end = m.end()
            while lead == '' and text[end:end + 2] == '  ':  # with all that belongs to it
                end = text.index('\n', end) + 1
            yield 'line', name, m.start(), end
        of = name
        for n in re.finditer(r'(?:, |\{)([a-z0-9]+): ("(?:[^"\\]|\\.)*"|\[[^\]]*\]|[^,}]*)', m[0]):
            if ('map', of, n[1]) not in seen and '{' in m[0]:
                seen.add(('map', of, n[1]))
                yield f'{of}: {{', n[1], m.start() + n.start(), m.start() + n.end()
    for m in re.finditer(r'^  - \{.*\n', text, re.M):
        section = re.findall(r'^([a-z]+):', text[:m.start()], re.M)[-1]
        for n in re.finditer(r'(?:, |\{)([a-z0-9]+): ("(?:[^"\\]|\\.)*"|\[[^\]]*\]|[^,}]*)', m[0]):
            if ('record', section, n[1]) not in seen:
                seen.add(('record', section, n[1]))
                yield f'{section}: - {{', n[1], m.start() + n.start(), m.start() + n.end()


whole, entering = [], []
WORDS = 'document-form|document-type|name|trust-invalid|signature-missing'
for kind in ('manifest', 'approvals', 'index 1', 'trust 4', 'contents pool/a'):
    text = capture(kind)
    target = entering if kind.startswith('contents') else whole
    found = list(fields(text))
    assert len(found) >= 7, (kind, found)

    def add(what, changed, words='document-form', target=target, kind=kind, text=text):
        assert changed != text, (kind, what)
        p = base(kind)
        p.edit[kind] = lambda _: changed
        target.append(('P7', f'{kind}: {what}', words, p))

    for where, name, start, end in found:
        piece = text[start:end]
        label = f'{where} {name}'.replace('line ', '')
        removed = ('{' if piece.startswith('{') else '') + text[end:]
        if piece.startswith('{') and removed.startswith('{, '):
            removed = '{' + removed[3:]
        lead = re.match(r'  - (?!\{)', piece)
        if lead:  # an entry begins with its next field
            removed = re.sub(r'^    ', '  - ', text[end:], count=1)
        if name not in OPTIONAL[kind] and (kind, name) not in MORE:
            if not (kind == 'approvals' and name == 'urgent'):
                add(f'{label} missing', text[:start] + removed, 'document-form' if kind != 'manifest' else 'document-form')
        add(f'{label} misspelt', text[:start] + re.sub(r'([a-z0-9]+):', r'\1s:', piece, count=1) + text[end:])
        add(f'{label} with a capital', text[:start] + re.sub(r'([a-z0-9]+):', lambda m: m[1].capitalize() + ':', piece, count=1) + text[end:])
        repeated = piece.replace('  - ', '    ', 1) if lead else piece.replace('{', ', ', 1) if piece.startswith('{') else piece
        add(f'{label} repeated', text[:end] + repeated + text[end:])
        add(f'{label} as a list in a list', text[:start] + re.sub(r'(: ?)(.+)', r'\1[[\2]]', piece, count=1, flags=re.S if '\n' not in piece.strip() else 0) + text[end:])
    for label, extra in (('unknown field at the end', 'extra: 1\n'), ('unknown list at the end', 'extra: []\n')):
        add(label, text + extra)
    add('unknown field at the beginning', text.replace('\n', '\nextra: 1\n', 1))
    add('unknown field in a map', text.replace('}', ', extra: 1}', 1))
    for version, words in (('2', 'document-version'), ('10', 'document-version'), ('999999999', 'document-version'), ('9999999999', 'document-type'), ('0', 'document-type'), ('01', 'document-type'),
                           ('-1', 'document-type'), ('1.0', 'document-type'), ('', 'document-type')):
        add(f'version {version or "missing"}', text.replace('/1\n', f'/{version}\n', 1), words)
a.many(whole, 1)
a.many(entering, 1, enters=True)
a.end(250)
