"""S1 to S4, S6, S9: the cases, by S1_signatures.sh."""
import glob
import os
import shutil
import subprocess

from attack import Attacks, published, read, run, write

a = Attacks()
keys = a.site.keys
BUNDLE = 'satchel/updates-00000008'


def signature(bundle, document, name):
    return f'{bundle}/{document}.{keys.id[name][:32]}.sig'


def changed(row, what, change, word, **more):
    medium = a.copy()
    change(f'{medium}/{BUNDLE}')
    a.bad(row, what, medium, 1, word, **more)


def each_signature(bundle, change, pattern='*.sig'):
    for path in glob.glob(f'{bundle}/{pattern}'):
        change(path)


def planned(row, what, word, **attributes):
    plan = a.site.plan()
    edit = attributes.pop('edit', {})
    signers = attributes.pop('signers', {})
    for name, value in attributes.items():
        setattr(plan, name, value)
    plan.signers = {**plan.signers, **signers}
    plan.edit.update(edit)
    a.bad(row, what, a.medium(plan), 1, word)


# S1: no signature at all. Trust roots that the store has need no signature again, so the manifest's is what is missed.
changed('S1', 'all signature files removed', lambda b: each_signature(b, os.remove), 'signature-missing')
changed('S1', 'signature of the manifest removed', lambda b: each_signature(b, os.remove, 'manifest*.sig'), 'signature-missing')
for label, content in (('empty', b''), ('a line end', b'\n'), ('blanks', b' \t\r\n')):
    changed('S1', f'all signature files {label}', lambda b, content=content: each_signature(b, lambda path: write(path, content)), 'signature-missing')
planned('S1', 'list without signatures, manifest signed', 'signature-missing', signers={'approvals.yaml': []})

# S2: a key without the role.
for signer in ('fresh-a', 'approver-a', 'root-a'):
    planned('S2', f'manifest signed by {signer}', 'signature-missing', signers={'manifest.yaml': [signer]})
for signer in ('fresh-a', 'approver-a', 'root-a'):
    changed('S2', f"the exporter's signature file holds one by {signer}", lambda b, signer=signer: (
        keys.sign(f'{b}/manifest.yaml', [signer]), os.replace(signature(b, 'manifest.yaml', signer), signature(b, 'manifest.yaml', 'exporter-a'))),
            'signature-threshold')
planned('S2', 'list signed by an approver and a root key', 'signature-threshold', signers={'approvals.yaml': ['approver-a', 'root-a']})
planned('S2', 'list signed by exporters', 'signature-missing', signers={'approvals.yaml': ['exporter-a', 'exporter-b']})

# S3: below the threshold.
for signer in ('approver-a', 'approver-b', 'approver-c'):
    planned('S3', f'list signed by {signer} alone', 'signature-threshold', signers={'approvals.yaml': [signer]})
for role, most in (('root', 3), ('approver', 3), ('exporter', 2)):
    thresholds = [2, 2, 1]
    thresholds[('root', 'approver', 'exporter').index(role)] = most + 1
    roots = {**a.site.roots, 4: a.site.root(4, thresholds=thresholds)}
    planned('S3', f'next root: threshold of {role} above the number of its keys', 'trust-invalid', roots=roots, signers={'trust-4.yaml': ['root-a', 'root-b', 'root-c']})

# S4: one signer counted twice. The files count under their exact names only, and the manifest must name them.
ID = keys.id['approver-a'][:32]
for label, name in (('upper-case id', ID.upper()), ('whole id', keys.id['approver-a']), ('id with a suffix', ID + '.2'), ('short id', ID[:31]),
                    ('id of nobody', '0' * 32), ("another approver's id", keys.id['approver-b'][:32])):
    def again(plan_bundle, name=name):
        shutil.copy(f'{plan_bundle}/approvals.yaml.{ID}.sig', f'{plan_bundle}/approvals.yaml.{name}.sig')
    planned('S4', f'list signed by one of two, and again under: {label}', 'document-form' if len(name) != 32 or name != name.lower() else 'signature-threshold',
            signers={'approvals.yaml': ['approver-a']}, edit={'file approvals.yaml': again})
    medium = a.medium(a.site.plan(signers={**a.site.plan().signers, 'approvals.yaml': ['approver-a']}))
    again(f'{medium}/{BUNDLE}')
    a.bad('S4', f'the same, file not in the manifest: {label}', medium, 1, 'signature-threshold')

# S6: the id says A, the signature is by B.
changed('S6', "the exporters' files swapped", lambda b: (keys.sign(f'{b}/manifest.yaml', ['exporter-b']), os.rename(signature(b, 'manifest.yaml', 'exporter-a'), f'{b}/x'), os.rename(
    signature(b, 'manifest.yaml', 'exporter-b'), signature(b, 'manifest.yaml', 'exporter-a')), os.rename(f'{b}/x', signature(b, 'manifest.yaml', 'exporter-b'))), 'signature-threshold')


def swap(bundle):
    one, other = (signature(bundle, 'approvals.yaml', name) for name in ('approver-a', 'approver-b'))
    first, second = read(one), read(other)
    write(one, second)
    write(other, first)


planned('S6', "two approvers' files swapped, manifest signed anew", 'signature-threshold', edit={'file approvals.yaml': swap})
for length in (8, 31, 64):
    changed('S6', f'id of the manifest\'s signature cut to {length} digits', lambda b, length=length: os.rename(
        signature(b, 'manifest.yaml', 'exporter-a'), f'{b}/manifest.yaml.{keys.id["exporter-a"][:length]}.sig'), 'signature-missing')

# S9: another valid signature over the same bytes is the same bundle: nothing new.
store = a.fresh()
run('satchel-import', '-C', store, 'apply', a.site.g8)
medium = a.copy()
path = signature(f'{medium}/{BUNDLE}', 'manifest.yaml', 'exporter-a')
first = read(path)
keys.signed.clear()
keys.sign(f'{medium}/{BUNDLE}/manifest.yaml', ['exporter-a'])
assert read(path) != first, 'ECDSA gives the same signature twice'
before = published(store)
done = run('satchel-import', '-C', store, 'apply', medium)
a.check('S9', 'the manifest signed again by the same ECDSA key', b'already imported' in done.out and published(store) == before, '0 already imported',
        f'{done.code} already imported', why=done.out.decode())
os.remove(path)
keys.sign(f'{medium}/{BUNDLE}/manifest.yaml', ['exporter-b'])
done = run('satchel-import', '-C', store, 'apply', medium)
a.check('S9', 'signed by the other exporter instead', b'already imported' in done.out and published(store) == before, '0 already imported',
        f'{done.code} already imported', why=done.out.decode())
done = subprocess.run(['satchel-verify', 'bundle', medium, '--trust', a.site.trust], capture_output=True, check=False)
a.check('S9', 'the auditor finds that bundle good as well', done.returncode == 0, '0', str(done.returncode), why=done.stdout.decode())
a.end(30)
