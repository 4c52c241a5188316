"""One call of a command fails, another one in every run, until each way on which the command comes to a call has been
met (tests/shim/once.c): the command may fail, but not crash, say that all is well where it isn't, or leave something that it
can't go on from. Called by once.sh:

    once.py SHIM FOLDER         K/N in ONCE_SHARE: a sample of the ways

FOLDER holds what once.sh made: station/ store/ (list 1) after/ (list 2) back/ (rolled back)
m1/ m2/ bundle copy/ receipts/ trust-1.yaml."""
import filecmp
import glob
import os
import shutil
import struct
import subprocess
import sys

SHIM, TOP = sys.argv[1:]
STATE = f'{TOP}/state'
HEAD, SIZE = 64, 64 + 65536 * 8
TRUST = f'{TOP}/trust-1.yaml'
failures = []


def run(command, faulty=False, only=None):
    env = {**os.environ, **({'LD_PRELOAD': SHIM, 'ONCE_STATE': STATE} if faulty else {}), **(only or {})}
    return subprocess.run(command, capture_output=True, env=env, stdin=subprocess.DEVNULL, timeout=120, check=False)


def arm():
    with open(STATE, 'r+b') as state:
        state.write(bytes(HEAD))


def fired():
    """What failed in the run, or None."""
    with open(STATE, 'rb') as state:
        head = state.read(HEAD)
    return head[4:].split(b'\0')[0].decode() if struct.unpack_from('I', head)[0] else None


def wrong(command, what, done, why):
    failures.append(command)
    print(f'{" ".join(command)}\n    {what} failed: exit {done.returncode}, {why}\n    {done.stdout[-600:]!r}\n    {done.stderr[-600:]!r}', flush=True)


def sweep(command, before=lambda: None, after=lambda: None, only=None):
    """after: None where all is well, else what isn't."""
    before()
    good, runs = run(command), 0
    if good.returncode not in (0, 4):
        print(f'{command}: {good}')
        sys.exit(1)
    while True:
        before()
        arm()
        done = run(command, faulty=True, only=only)
        what = fired()
        if what is None:
            break
        runs += 1
        if not 0 <= done.returncode <= 4:
            wrong(command, what, done, 'a crash')
        elif command[0] == 'satchel-verify' and done.returncode == good.returncode and done.stdout != good.stdout and \
                b'not fully caged' not in done.stdout:
            wrong(command, what, done, 'but other words')
        elif done.returncode != good.returncode and not done.stderr and not done.stdout:
            wrong(command, what, done, 'without a word')
        else:
            why = after()
            if why:
                wrong(command, what, done, why)
    if done.returncode != good.returncode:
        wrong(command, 'nothing', done, 'at the end')
    print(f'{runs} ways: {" ".join(command)}', flush=True)
    return runs


# ---- what a store must be


def same(a, b):
    compared = filecmp.dircmp(a, b)
    return not (compared.left_only or compared.right_only or compared.funny_files or compared.diff_files) and \
        all(same(f'{a}/{name}', f'{b}/{name}') for name in compared.common_dirs)


def is_published(of):
    return same(f'{TOP}/work/published/updates/', f'{TOP}/{of}/published/updates/')


def fresh(source):
    def copy():
        shutil.rmtree(f'{TOP}/work', ignore_errors=True)
        subprocess.run(['cp', '-a', f'{TOP}/{source}', f'{TOP}/work'], check=True)
    return copy


def goes_on(command, ends, may=('store', 'after')):
    def check():
        if not any(is_published(of) for of in may):
            return 'and what is published is neither the old nor the new'
        again = run(command)
        if again.returncode not in (0, 4):
            return f'and the same command again: {again}'
        if not is_published(ends):
            return 'and the same command again publishes something else'
        audit = run(['satchel-verify', 'store', f'{TOP}/work', '--trust', TRUST])
        return None if audit.returncode == 0 else f'and satchel-verify store: {audit}'
    return check


def main():
    with open(STATE, 'wb') as state:
        state.truncate(SIZE)
    store, work = f'{TOP}/after', f'{TOP}/work'
    importing = ['satchel-import', '-C', work]
    runs = 0
    for command in (['bundle', f'{TOP}/m2', '--trust', TRUST, '--volume-digests', '--jobs', '1'], ['bundle', f'{TOP}/m1', '--trust', TRUST, '--json'],
                    ['store', store, '--trust', TRUST], ['store', f'{TOP}/back', '--json'], ['journal', store, '--receipt', glob.glob(f'{TOP}/receipts/*.yaml')[0]],
                    ['journal', f'{TOP}/station'], ['tree', f'{TOP}/copy', '--store', store], ['show', f'{TOP}/bundle/manifest.yaml', '--trust', TRUST],
                    ['show', f'{TOP}/bundle/approvals.yaml', '--json'], ['show', f'{TOP}/bundle'],
                    ['diff', f'{TOP}/m1/satchel/updates-00000001', f'{TOP}/bundle', '--trust', TRUST], ['diff', '--store', store, '1', '2'],
                    ['diff', '--station', f'{TOP}/station', '1', '2'], ['who', 'item/3', '--store', store]):
        runs += sweep(['satchel-verify', *command])
    for command in (['status'], ['log'], ['status', '--json']):
        runs += sweep([*importing, *command], fresh('after') if command == ['status'] else lambda: None)
    # all ways to a digest, whatever the sample: a former contents list that couldn't be read once left files unpublished
    for only in ({'ONCE_CALL': 'EVP_DigestUpdate', 'ONCE_SHARE': '0/1'}, None):
        runs += sweep([*importing, 'apply', f'{TOP}/m2'], fresh('store'), goes_on([*importing, 'apply', f'{TOP}/m2'], 'after'), only)
    runs += sweep([*importing, 'apply', '--dry-run', f'{TOP}/m2'], fresh('store'), goes_on([*importing, 'apply', f'{TOP}/m2'], 'after'))
    runs += sweep([*importing, 'rollback', '1'], fresh('after'), goes_on([*importing, 'rollback', '1'], 'store'))
    runs += sweep([*importing, 'rollback', '--to-newest'], fresh('back'), goes_on([*importing, 'rollback', '--to-newest'], 'after'))
    runs += sweep([*importing, 'check'], fresh('after'))    # what can't be read is set aside, as it should be
    runs += sweep([*importing, 'prune', '--keep', '0'], fresh('after'), goes_on([*importing, 'prune', '--keep', '0'], 'after'))
    runs += sweep([*importing, 'receipt', f'{TOP}/m2'], lambda: (fresh('after')(), shutil.rmtree(f'{TOP}/m2/satchel/receipts', ignore_errors=True)),
                  goes_on([*importing, 'receipt', f'{TOP}/m2'], 'after'))
    init = ['satchel-import', 'init', work, '--name', 'other', '--trust', TRUST, '--stream', 'updates', '--ring', 'production']
    runs += sweep(init, lambda: shutil.rmtree(work, ignore_errors=True))
    print(f'{runs} ways in all, {len(failures)} faults were not borne')
    sys.exit(bool(failures) or runs < 20)


main()
