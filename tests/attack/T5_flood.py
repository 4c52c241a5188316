"""T5: the cases, by T5_flood.sh. All on a store like the fixture's, whose root is 3."""
import os
import re

from attack import read, run
from roots import BY, Chain


a = Chain()
now = a.site.now
# T5: many roots, large roots. The former end the chain where FORMAT 4.7 does, the latter are not read beyond the bound.
limit = int(re.search(r'MAX_TRUST_VERSIONS (\d+)', read(os.path.join(os.path.dirname(os.path.realpath(__file__)), '../../manifests/limits.h')).decode())[1])
quick = dict(root=(1, ['root-a']))
flood = {version: a.root(version, **quick) for version in range(1, limit + 12)}
one = {version: ['root-a'] for version in flood}
store = a.pinned(flood[1])
medium = a.unsaid(a.bundle({1: flood[1]}, one), {version: text for version, text in flood.items() if version > 1}, one)
kept = {version: text for version, text in flood.items() if version <= limit}
done = a.expect('T5', f'{len(flood)} roots, each well signed', store, medium, 1, 'trust-limit', kept)
a.check('T5', 'and the store opens again', run('satchel-import', '-C', store, 'status').code in (0, 1, 4))
for what, size in (('one byte above the bound', 262145), ('1 GiB', 1 << 30)):
    def grow(path, size=size):
        os.truncate(path, size)
    medium = a.bundle(a.chain(4), BY)
    grow(f'{medium}/satchel/updates-00000008/trust-4.yaml')
    a.expect('T5', f'root 4 of {what}', a.store_at_3(), medium, 1, 'document-too-large', a.base, after=a.good)
big = a.root(4).replace('keys:\n', 'keys:\n' + ''.join(a.root(4).splitlines(keepends=True)[7:8]) * 900)
a.case('T5', 'root 4 with the same key 900 times, well signed', {**a.base, 4: big[:262000]}, 1, 'document-form', 3)
a.end(5)
