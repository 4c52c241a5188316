#!/usr/bin/python3
"""Tests the tests: builds Satchel with one check removed, and runs the tests that must notice. Called by `make mutants`.

    run.py BUILD_DIR CC [PATTERN...]        only mutants whose name holds a pattern

The mutants stand in list.txt. Each is built in a copy of the sources, and its tests run until one fails: killed. A survivor is a
check that nothing tests, and ends in exit 1, unless list.txt says why nothing can notice (`survives`), and then it must survive.
A text that is not found exactly once is an error: the list must follow the sources."""
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.realpath(f'{HERE}/../..')
SOUND = {}  # tests that pass on the sources as they are


def load():
    """name, file, old, new, tests, survives: blocks of `key: value` lines; in old and new \\n and \\t are one character."""
    mutants, one = [], {}
    with open(f'{HERE}/list.txt', encoding='utf-8') as lines:
        for line in [*lines, '\n']:
            line = line.rstrip('\n')
            if line.startswith('#'):
                continue
            if not line:
                if one:
                    mutants.append(one)
                one = {}
                continue
            key, value = line.split(': ', 1)
            one[key] = value.replace('\\n', '\n').replace('\\t', '\t') if key in ('old', 'new') else value
    return mutants


def make(source, build, compiler, *targets):
    return subprocess.run(['make', '-s', '-j4', f'CC={compiler}', f'BUILD={build}', *targets], cwd=source, capture_output=True, check=False)


def target(build, test):
    return f'{build}/tests/unit/{test[5:]}' if test.startswith('unit/') else 'tools'


def notices(source, build, compiler, test):
    """Whether a test fails. It is built as well: a unit test that doesn't link is no verdict."""
    done = make(source, build, compiler, *([] if test.startswith('unit/') else ['all']), target(build, test))
    if done.returncode != 0:
        raise SystemExit(f'it does not build:\n{done.stderr.decode()}')
    command = [target(build, test)] if test.startswith('unit/') else [f'{source}/tests/{test}.sh']
    environment = {**os.environ, 'SATCHEL_BIN': build, 'PATH': f'{build}:{os.environ["PATH"]}', 'ATTACK_STOP': '1'}
    try:
        return subprocess.run(command, cwd=source, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                              timeout=120 if test.startswith('unit/') else 900, check=False).returncode not in (0, 77)
    except subprocess.TimeoutExpired:
        return True


def judge(source, build, compiler, mutant):
    path = f'{source}/{mutant["file"]}'
    with open(path, encoding='utf-8') as file:
        text = file.read()
    if text.count(mutant['old']) != 1:
        return f'ERROR {mutant["file"]} has that text {text.count(mutant["old"])} times'
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text.replace(mutant['old'], mutant['new']))
    try:
        killer = next((test for test in mutant['tests'].split() if notices(source, build, compiler, test)), None)
    finally:
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
    if killer and killer not in SOUND:  # a test that fails anyway kills everybody
        SOUND[killer] = not notices(source, build, compiler, killer)
    if killer and not SOUND[killer]:
        return f'ERROR {killer} fails without any mutation'
    if 'survives' in mutant:
        return f'survives, as it must: {mutant["survives"]}' if not killer else f'ERROR said to survive, and {killer} fails'
    return f'killed by {killer}' if killer else 'SURVIVES'


def main():
    build, compiler, *patterns = sys.argv[1:]
    build = os.path.realpath(build)
    source = f'{build}/source'
    os.makedirs(build, exist_ok=True)
    shutil.rmtree(source, ignore_errors=True)
    files = subprocess.run(['git', '-C', TOP, 'ls-files', '-z'], capture_output=True, check=True).stdout.decode().split('\0')
    for name in filter(None, files):
        os.makedirs(os.path.dirname(f'{source}/{name}'), exist_ok=True)
        shutil.copy2(f'{TOP}/{name}', f'{source}/{name}', follow_symlinks=False)
    mutants = [one for one in load() if not patterns or any(pattern in one['name'] for pattern in patterns)]
    results = []
    for one in mutants:
        results.append(judge(source, build, compiler, one))
        print(f'{one["name"]:44} {results[-1]}', flush=True)
    bad = [result for result in results if result.startswith(('SURVIVES', 'ERROR'))]
    print(f'{len(results)} mutants, {sum(result.startswith("killed") for result in results)} killed, {len(bad)} survivors and errors')
    return 1 if bad or len(results) < (1 if patterns else 40) else 0


if __name__ == '__main__':
    sys.exit(main())
