"""S21: the reader process is replaced by one that lies (tests/tools/lying_reader.c): other bytes under approved digests, other
lists, endless data, messages out of order and malformed, silence. Main publishes nothing that was not approved, calls nothing
good that it did not get as signed, never crashes, never waits for ever, and stays within its memory. SEEDS: how many streams
of anything at all are tried."""
import os
import re

from attack import faults, read, run
from readers import Kept, apply, tool

LIES = [  # lie, values, expected (None: depends on the value, see Kept.kept)
    ('file-flip', range(1, 24, 2), None),
    ('file-shorter', (1, 4, 7, 12), None),
    ('file-twice', (1, 5), None),
    ('file-missing', (1, 5), None),
    ('file-empty', (1,), '3 reader'),
    ('file-endless', (1, 5), None),
    ('file-error', (*range(0, 16, 3), *range(32, 100, 6)), None),
    ('frame-flip', (0, 100, 600, 1030, 1200, 2000, 3100, 5200, 9000, 20000), None),
    ('frame-zeros', (1,), '1 object-digest'),
    ('frame-moving', (1, 2, 3), None),
    ('frame-other-slot', (1, 2), None),
    ('frame-no-slot', (1, 2), '3 reader'),
    ('frame-other', (1, 2), '3 reader'),
    ('frame-none', (1, 2), '3 reader'),
    ('frame-twice', (1, 2), '3 reader'),
    ('frame-missing', (1, 2), '3 reader'),
    ('frame-endless', (1, 2), '3 reader'),
    ('frame-late', (1,), '3 reader'),
    ('damage', range(30, 90, 11), None),
    ('damage-endless', (1, 65), '3 reader'),
    ('volume-error', (*range(0, 16, 3), *range(32, 100, 6)), None),
    ('volume-done', (1, 2, 3, 200), None),
    ('done', (2, 3, 2 ** 63), None),
    ('error-long', (1,), '3 reader'),
    ('error-nul', (1,), '3 reader'),
    ('unknown', (1, 7, 20), '3 reader'),
    ('huge', (1, 20), '3 reader'),
    ('cut', (1, 20), '3 reader'),
    ('ends', (1, 2, 20), '3 reader'),
    ('silent', (1, 20), '3 medium-timeout'),
    ('drips', (7,), '3 medium-timeout'),
    ('garbage', (1, 20), '3 reader'),
    ('name', range(0, 9), None),
    ('names-endless', (1,), '3 reader'),
]
attacks = Kept()
lying = tool('lying_import')
medium = attacks.copy(name='eight')


def tell(lie, value, expected, what=medium, publishes=(7, 8), after=True):
    store = attacks.fresh()
    done = apply(store, what, '--medium-timeout', '2', env={**os.environ, 'SATCHEL_LIE': f'{lie}={value}'}, program=lying)
    attacks.kept('S21', f'a lying reader: {lie} {value}', done, store, expected, publishes=publishes, after=after, may=(1, 2, 3, 4), seconds=30)


def unseen(lie, value):
    """Lies that may leave what verify looks at as it was signed: of a file that decides nothing (a signature more than is
    needed), in the header of an entry, which main doesn't look at, or behind the frame's end, or when it was looked at already."""
    return lie in ('', 'anything', 'file-flip', 'file-shorter', 'file-twice', 'file-missing', 'frame-moving') or (lie == 'frame-flip' and not 512 <= value < 20000)


def within(lists):
    """Offsets in their frames that lie in the midst of the contents lists, or of all other objects."""
    bundle = f'{medium}/satchel/updates-00000008'
    named = re.findall(rb'contents: \{sha256: ([0-9a-f]{64})', read(f'{bundle}/approvals.yaml'))
    return [int(at) + int(length or size) // 2 for volume in (1, 2) for digest, size, at, length in re.findall(
        rb'\{sha256: ([0-9a-f]{64}), size: (\d+), at: (\d+)(?:, from: \d+, length: (\d+))?\}', read(f'{bundle}/vol-{volume:04}.yaml'))
            if (digest in named) == lists]


def blink(offset, times):
    """A byte of a contents list that changes all the time. What verify keeps must be what it hashed: it is the list, or it is not
    kept. Nothing else may be found, but that the next volume's frame, which comes to the same slot, is damaged there."""
    tell('frame-blinking', offset, None, after=False)
    codes, wrong = set(), []
    for _ in range(times):
        done = run(tool('lying_verify'), 'bundle', medium, '--trust', attacks.site.trust, env={**os.environ, 'SATCHEL_LIE': f'frame-blinking={offset}'})
        text = (done.out + done.err).decode()
        wrong += faults(done, '')
        codes.add(done.code)
        if (set(re.findall(r'\(([a-z-]+)\)$', text, re.M)) - {'object-digest', 'frame-digest'} or 'its bytes do not have its digest' in text
                or done.code == 0 and 'it has all that its list needs' not in text):
            wrong.append(f'exit {done.code}: {text[:600]}')
    attacks.line('S21', f'a lying reader of verify: frame-blinking {offset}', 'held', 'held', wrong)
    return codes


def tell_verify(lie, value):
    done = run(tool('lying_verify'), 'bundle', medium, '--trust', attacks.site.trust, '--medium-timeout', '2',
               env={**os.environ, 'SATCHEL_LIE': f'{lie}={value}'})
    wrong = faults(done, '')
    if done.code not in (0, 1, 2, 3, 4) or done.code == 0 and not unseen(lie, value) or done.seconds > 30:
        wrong.append(f'exit {done.code} after {done.seconds:.0f} s: {(done.out + done.err).decode()[:600]}')
    attacks.line('S21', f'a lying reader of verify: {lie} {value}', 'held', 'held', wrong)


tell('', 1, '0')  # it can tell the truth
for name, values, outcome in LIES:
    for number, chosen in enumerate(values):
        tell(name, chosen, outcome, after=number % 8 == 0)
both = attacks.medium(attacks.site.plan(8), attacks.site.plan(9))
for chosen in range(1, 6):  # other documents and volumes, all of them good, of the bundle beside it
    tell('swap', chosen, None, what=both, publishes=(7, 8, 9), after=False)
for seed in range(int(os.environ.get('SEEDS', 24))):
    tell('anything', seed, None, after=seed % 8 == 0)
for name, values, _ in [('', (1,), None), *LIES, ('anything', range(int(os.environ.get('SEEDS', 24))), None)]:
    for chosen in values:
        tell_verify(name, chosen)
for place in within(lists=False):
    for _ in range(4):  # import keeps what it hashed, or nothing
        tell('frame-blinking', place, None, after=False)
for place in within(lists=True):
    print('a byte that blinks: exits', blink(place, 20))
attacks.end(least=250)
