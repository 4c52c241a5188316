"""What S21 and the rows about media (M1 to M6, M13) have in common: a run of apply after which the store must be exactly as
before or as after, whatever the medium or the reader process did; and a medium with faults (tests/tools/badfs)."""
import os
import re
import subprocess
import time

import attack
from attack import read, remove, run, whole

TOOLS = os.environ['SATCHEL_BIN'] + '/tests/tools/'


def tool(name):
    path = TOOLS + name
    if not os.access(path, os.X_OK):
        raise SystemExit(f'{path} is not built (make tools)')
    return path


class Kept(attack.Attacks):
    """Cases that may end in several ways, but never in between."""

    def kept(self, row, what, done, store, expected=None, publishes=(7, 8), seconds=attack.MAX_SECONDS, after=True, says=None, may=(1, 3)):
        """What is published is one of these lists, and the new one if the exit is 0; the store is whole; G8 completes it.
        expected: the exit and the word, for the table; None: one of `may` (0 too, where all has arrived)."""
        wrong = attack.faults(done, expected.split()[1] if expected and ' ' in expected else '')
        now = attack.published(store)
        if now not in [self.site.published(number) for number in publishes]:
            wrong.append(f'what is published is none of {publishes}')
        if done.code == 0 and now != self.site.published(max(publishes)):
            wrong.append('exit 0 for less than everything')
        if done.seconds > seconds:
            wrong.append(f'took {done.seconds:.0f} s')
        if says and not re.search(says, (done.out + done.err).decode()):
            wrong.append(f'does not say {says}')
        wrong += whole(store, self.site.trust)
        if after:
            wrong += self.good_after(store) + whole(store, self.site.trust)
        if expected is None:
            if done.code not in (0, *may):
                wrong.append(f'exit {done.code}: {(done.out + done.err).decode()}')
            self.line(row, what, 'held', 'held', wrong)
        else:
            word = expected.split()[1] if ' ' in expected else ''
            self.line(row, what, expected, f'{done.code} {attack.seen_word(done, word)}'.strip(), wrong)
        return done


class BadMedium:
    """A medium with faults while `with` lasts; then .operations, .reads, .most."""

    def __init__(self, work, source, *faults):
        work = os.path.realpath(work)
        self.path, self.log = f'{work}/bad', f'{work}/bad.log'
        self.operations = self.reads = self.most = 0
        remove(self.log)
        os.makedirs(self.path, exist_ok=True)
        with open(f'{work}/bad.err', 'w', encoding='utf-8') as err:
            self.child = subprocess.Popen([tool('badfs'), source, self.path, self.log, *faults], stdin=subprocess.DEVNULL, stderr=err)
        until = time.monotonic() + 20
        while f' {self.path} '.encode() not in read('/proc/self/mountinfo'):  # to look at it would be its first operation
            if self.child.poll() is not None or time.monotonic() > until:
                self.kill()
                raise SystemExit(f'badfs did not mount: {read(work + "/bad.err")}')
            time.sleep(0.005)

    def __enter__(self):
        return self

    def hung(self):
        """Processes that hold something there and can't be ended: ids."""
        found = []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                held = [os.readlink(f'/proc/{pid}/fd/{fd}') for fd in os.listdir(f'/proc/{pid}/fd')]
            except OSError:
                continue
            if int(pid) != self.child.pid and any(one.startswith(self.path) for one in held):
                found.append(int(pid))
        return found

    def kill(self):
        """With whatever hangs in it."""
        self.child.kill()
        self.child.wait()
        subprocess.run(['umount', '-l', self.path], check=False, stderr=subprocess.DEVNULL)

    def __exit__(self, *_):
        if self.child.poll() is None:
            subprocess.run(['umount', self.path], check=False, stderr=subprocess.DEVNULL)
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        if os.path.exists(self.log):
            for line in read(self.log).decode().splitlines():
                setattr(self, line.split()[0], int(line.split()[1]))


def can_mount():
    return os.path.exists('/dev/fuse') and os.geteuid() == 0


def apply(store, medium, *options, env=None, program='satchel-import'):
    return run(program, '-C', store, 'apply', medium, *options, env=env)
