"""S5, S7, S8, S10, S11: the cases, by S5_keys.sh. The bad root is number 4, signed as it must be by the old and the new root keys; the
bundle's manifest is signed by whoever the bad root lets in."""
import base64
import os
import re
import subprocess

from attack import Attacks, faults, read, run, seen_word, sha256, store_state, write

a = Attacks()
keys = a.site.keys
cases = []
P = 2**255 - 19
LOW = [  # points of order 1, 2, 4, 8, and their encodings that are not canonical
    '0100000000000000000000000000000000000000000000000000000000000000', 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '0000000000000000000000000000000000000000000000000000000000000000', '0000000000000000000000000000000000000000000000000000000000000080',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
    '0100000000000000000000000000000000000000000000000000000000000080', 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    *[(P + n).to_bytes(32, 'little').hex() for n in range(19)], *[(P + n | 1 << 255).to_bytes(32, 'little').hex() for n in (0, 1, 18)]]
ED = bytes.fromhex('302a300506032b6570032100')


def plan(change, signers=()):
    p = a.site.plan()
    p.roots[4] = change(a.site.root(4))
    assert p.roots[4] != a.site.root(4)
    p.signers = {**p.signers, 'trust-4.yaml': ['root-b', 'root-c'], **({'manifest.yaml': list(signers)} if signers else {})}
    return p


def add(row, what, change, words='trust-invalid'):
    cases.append((row, what, words, plan(change)))


def with_key(der, algorithm, ident=None, public=None):
    """The root with one more exporter key."""
    ident = ident or sha256(der)
    line = f'  - {{id: {ident}, name: "extra", algorithm: {algorithm}, public: "{public or base64.b64encode(der).decode()}"}}\n'
    return lambda text: re.sub(r'(exporter: .*)\]', rf'\1, {ident}]', text.replace('roles:', line + 'roles:'))


def openssl(*command, data=None):
    return subprocess.run(['openssl', *command], input=data, capture_output=True, check=True).stdout


def new_key(*options):
    return openssl('pkey', '-pubout', '-outform', 'DER', data=openssl('genpkey', *options))


# S5: one key under two ids.
exporter = keys.der['exporter-a']
point = exporter[-64:]
compressed = bytes.fromhex('3039301306072a8648ce3d020106082a8648ce3d030107032200') + bytes([2 + point[-1] % 2]) + point[:32]
hybrid = exporter[:26] + bytes([6 + point[-1] % 2]) + point
negative = exporter[:27] + point[:32] + ((2**256 - 2**224 + 2**192 + 2**96 - 1) - int.from_bytes(point[32:], 'big')).to_bytes(32, 'big')
add('S5', 'the same key twice', lambda text: with_key(exporter, 'ecdsa-p256')(text))
add('S5', 'the same key under another id', with_key(exporter, 'ecdsa-p256', ident='5' * 64))
add('S5', 'the same key twice in a role', lambda text: re.sub(r'(exporter: \{threshold: )1(, keys: \[)([0-9a-f]+)', r'\g<1>2\2\3, \3', text))
add('S5', 'the same key in two roles', lambda text: re.sub(r'(exporter: .*)\]', rf'\1, {keys.id["approver-a"]}]', text))
add('S5', 'the same key, compressed', with_key(compressed, 'ecdsa-p256'))
add('S5', 'the same key, hybrid form', with_key(hybrid, 'ecdsa-p256'))
cases.append(('S5', 'the same key, explicit parameters', 'document-form|trust-invalid', plan(with_key(openssl('pkey', '-pubin', '-inform', 'DER', '-outform', 'DER', '-ec_param_enc', 'explicit', data=exporter), 'ecdsa-p256'))))
encoded = base64.b64encode(keys.der['exporter-b']).decode()
for label, public in (('without padding', encoded.rstrip('=') if encoded.endswith('=') else encoded[:-1]), ('with a line end', encoded + ' '), ('with other last bits', encoded[:-2] + chr(ord(
        encoded[-2]) + 1) + encoded[-1]), ('url-safe', encoded.replace('/', '_').replace('+', '-') if re.search('[/+]', encoded) else encoded[:-3] + '_' + encoded[-2:])):
    cases.append(('S5', f'a key in base64 {label}', 'trust-invalid|document-form', plan(lambda text, public=public: text.replace(encoded, public))))
# Ids of which the first 32 digits are equal can't be made here (2^64 work); the rule is tested in tests/unit/manifests_trust.c.
# S7: odd thresholds.
for value in ('0', '-1', '2.0', '1e1', '99', '3', '', '01', '0x1', '"1"', 'true', '~', '18446744073709551617', '[1]'):
    cases.append(('S7', f'exporter threshold {value or "empty"}', 'trust-invalid|document-form', plan(lambda text, value=value: text.replace(
        'exporter: {threshold: 1', f'exporter: {{threshold: {value}'))))
cases.append(('S7', 'exporter threshold missing', 'document-form', plan(lambda text: text.replace('exporter: {threshold: 1, ', 'exporter: {'))))
cases.append(('S7', 'a role without keys', 'trust-invalid|document-form', plan(lambda text: re.sub(r'exporter: .*', 'exporter: {threshold: 0, keys: []}', text))))
# S8: weak keys.
for number in LOW:
    add('S8', f'Ed25519 point {number[:8]}...{number[-4:]}', with_key(ED + bytes.fromhex(number), 'ed25519'))
p256, p384 = exporter[:27], keys.der['approver-a'][:24]
weak = []
for label, der, algorithm in (
        ('P-192', new_key('-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-192'), 'ecdsa-p256'),
        ('P-224', new_key('-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-224'), 'ecdsa-p256'),
        ('P-521', new_key('-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521'), 'ecdsa-p384'),
        ('secp256k1', new_key('-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1'), 'ecdsa-p256'),
        ('brainpool', new_key('-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:brainpoolP256r1'), 'ecdsa-p256'),
        ('P-256 with explicit parameters', new_key('-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-pkeyopt', 'ec_param_enc:explicit'), 'ecdsa-p256'),
        ('RSA', new_key('-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:512'), 'ecdsa-p256'), ('Ed448', new_key('-algorithm', 'ED448'), 'ed25519'), ('X25519', new_key('-algorithm', 'X25519'), 'ed25519'),
        ('the point at infinity', bytes.fromhex('3019301306072a8648ce3d020106082a8648ce3d03010703020000'), 'ecdsa-p256'), ('a point off the curve', p256 + bytes(63) + b'\1', 'ecdsa-p256'),
        ('a point that is zero', p256 + bytes(64), 'ecdsa-p256'), ('coordinates above p', p256 + b'\xff' * 64, 'ecdsa-p256'), ('P-384 off the curve', p384 + b'\1' * 96, 'ecdsa-p384'),
        ('bytes after the key', exporter + b'\0', 'ecdsa-p256'), ('a byte less', exporter[:-1], 'ecdsa-p256'), ('no key', b'\x30\0', 'ed25519'), ('a long length', b'\x30\x81\x59' + exporter[2:], 'ecdsa-p256')):
    cases.append(('S8', label, 'trust-invalid|document-form', plan(with_key(der, algorithm))))
    weak.append((label, der))
os.mkdir(f'{a.work}/content')
run('satchel-export', 'init', f'{a.work}/station', '--content', f'{a.work}/content', '--stream', 'updates', '--ring', 'production')
open(f'{a.work}/station/lock', 'ab').close()  # the first command would make it
os.chmod(f'{a.work}/station/lock', 0o600)
station = store_state(f'{a.work}/station', 'ledger.jsonl')
for label, key in weak + [(f'Ed25519 point {number[:8]}...', ED + bytes.fromhex(number)) for number in LOW[:10]]:
    write(f'{a.work}/bad.pub', b'-----BEGIN PUBLIC KEY-----\n' + base64.encodebytes(key) + b'-----END PUBLIC KEY-----\n')
    for command in (('trust', 'add', f'{a.work}/bad.pub', '--role', 'exporter'), ('destination', 'add', 'perimeter-z', '--ring', 'production', '--key', f'{a.work}/bad.pub')):
        done = run('satchel-export', '-C', f'{a.work}/station', *command)
        wrong = faults(done, '') + ([] if store_state(f'{a.work}/station', 'ledger.jsonl') == station else ['the station has changed'])
        a.line('S8', f'{command[0]} add of {label}', '1 key', f'{done.code} {seen_word(done, "key")}', wrong)
# S11: a key labelled with another algorithm or curve.
for name in ('exporter-a', 'exporter-b', 'approver-a'):
    for label in ('ed25519', 'ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'rsa', 'none', 'ED25519'):
        if label != keys.algorithm[name]:
            cases.append(('S11', f'{name} ({keys.algorithm[name]}) labelled {label}', 'trust-invalid|document-form', plan(
                lambda text, name=name, label=label: re.sub(rf'(name: "{name}", algorithm: )[a-z0-9-]+', rf'\1{label}', text))))
a.many(cases, 1)

# S10: bytes that are no signature. ECDSA by exporter-a, Ed25519 by exporter-b, and P-384 of the list.
ORDER = {'p256': 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551, 'ed': 2**252 + 27742317777372353535851937790883648493}


def der(r, s, tail=b''):
    def number(n):
        raw = n.to_bytes(n.bit_length() // 8 + 1, 'big')
        return b'\x02' + bytes([len(raw)]) + raw
    body = number(r) + number(s)
    return b'\x30' + bytes([len(body)]) + body + tail


def rs(signature):
    one = signature[3]
    return int.from_bytes(signature[4:4 + one], 'big'), int.from_bytes(signature[6 + one:], 'big')


bad = []
for signer in ('exporter-a', 'exporter-b'):
    first = a.site.plan()
    first.signers['manifest.yaml'] = [signer]
    folder = a.medium(first) + '/satchel/updates-00000008'
    good = read(f'{folder}/manifest.yaml.{keys.id[signer][:32]}.sig')
    forms = [('one byte', b'\0'), ('63 bytes', good[:63]), ('65 bytes', (good + bytes(64))[:65]), ('a byte less', good[:-1]), ('a byte more', good + b'\0'), ('a line end more', good + b'\n'),
             ('128 bytes', (good + bytes(128))[:128]), ('129 bytes', (good + bytes(129))[:129]), ('10,000 bytes', good + bytes(10000 - len(good))), ('zeros', bytes(64)), ('ones', b'\xff' * 64),
             ('in hex', good.hex().encode()[:128]), ('in base64', base64.b64encode(good)), ('reversed', good[::-1])]
    if signer == 'exporter-a':
        r, s = rs(good)
        n = ORDER['p256']
        forms += [('r is zero', der(0, s)), ('s is zero', der(r, 0)), ('r and s are zero', der(0, 0)), ('r + n', der(r + n, s)), ('s + n', der(r, s + n)), ('r is n', der(n, s)), ('s is n', der(r, n)),
                  ('DER with bytes after it', der(r, s, b'\0\0')), ('a long length', b'\x30\x81' + good[1:]), ('indefinite length', b'\x30\x80' + good[2:] + b'\0\0'),
                  ('r and s, 64 raw bytes', r.to_bytes(32, 'big') + s.to_bytes(32, 'big')), ('a zero before r', b'\x30' + bytes([good[1] + 1]) + b'\2' + bytes([good[3] + 1]) + b'\0' + good[4:]),
                  ('r negative', good[:4] + bytes([good[4] | 0x80]) + good[5:])]
    else:
        s = int.from_bytes(good[32:], 'little')
        forms += [('s + the order', good[:32] + (s + ORDER['ed']).to_bytes(32, 'little')), ('s and its top bits', good[:63] + bytes([good[63] | 0xe0])),
                  ('R is the neutral point', bytes.fromhex(LOW[0]) + good[32:]), ('s is zero', good[:32] + bytes(32)), ('R not canonical', bytes.fromhex(LOW[-2]) + good[32:])]
    for label, content in forms:
        p = a.site.plan()
        p.signers['manifest.yaml'] = [signer]
        p.edit['file manifest.yaml'] = lambda b, signer=signer, content=content: write(f'{b}/manifest.yaml.{keys.id[signer][:32]}.sig', content)
        bad.append(('S10', f'{keys.algorithm[signer]}: {label}', 'signature-threshold', p))
# what is larger than a signature can be is passed over, as if there were none
bad = [(row, what, 'signature-threshold|signature-missing' if '129 ' in what or '10,000' in what else words, p) for row, what, words, p in bad]
a.many(bad, 1)
# the other s of an ECDSA signature is a signature as well: it is the same bundle
r, s = rs(read(f'{a.site.g8}/satchel/updates-00000008/manifest.yaml.{keys.id["exporter-a"][:32]}.sig'))
medium = a.copy()
write(f'{medium}/satchel/updates-00000008/manifest.yaml.{keys.id["exporter-a"][:32]}.sig', der(r, ORDER['p256'] - s))
store = a.fresh()
done = run('satchel-import', '-C', store, 'apply', medium)
a.check('S10', 'n - s, the other signature that ECDSA gives', done.code == 0 and a.good_after(store) == [], '0', str(done.code))
a.end(120)
