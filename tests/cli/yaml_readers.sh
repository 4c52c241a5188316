#!/bin/bash
# Promise: every YAML reader reads from a document exactly what ours reads. All documents of manifests/examples/, those that
# nasty_documents writes, and any files given as arguments are read by PyYAML and by libyaml (through PyYAML) and compared
# with what document_json prints: same fields, same types, same values; times as the same instant.
. "$(dirname "$0")/lib.sh"
more=()
for f in "$@"; do more+=("$(realpath "$f")"); done
cd "$(dirname "$0")/../.." || exit 2
/usr/bin/python3 -c 'import yaml' 2>/dev/null || skip "no PyYAML for /usr/bin/python3 (python3-yaml)"
/usr/bin/python3 -c 'import yaml; yaml.CSafeLoader' 2>/dev/null || skip "PyYAML was built without libyaml"
tools=$SATCHEL_BIN/tests/tools
[ -x "$tools/document_json" ] || skip "tests/tools are not built (make tools)"

cat >"$T/compare.py" <<'PY'
import datetime, json, sys, yaml
tool_output, paths = sys.argv[1], sys.argv[2:]

def same(ours, theirs, where):
    if isinstance(theirs, datetime.datetime):
        if theirs.tzinfo is not None:
            theirs = theirs.astimezone(datetime.timezone.utc)
        theirs = theirs.strftime('%Y-%m-%dT%H:%M:%SZ')
    if type(ours) is not type(theirs):
        return f'{where}: {ours!r} is a {type(ours).__name__} for us, {theirs!r} a {type(theirs).__name__} for them'
    if isinstance(ours, dict):
        if list(ours) != list(theirs):
            return f'{where}: fields {list(ours)} for us, {list(theirs)} for them'
        return next(filter(None, (same(ours[k], theirs[k], f'{where}.{k}') for k in ours)), None)
    if isinstance(ours, list):
        if len(ours) != len(theirs):
            return f'{where}: {len(ours)} entries for us, {len(theirs)} for them'
        return next(filter(None, (same(a, b, f'{where}[{i}]') for i, (a, b) in enumerate(zip(ours, theirs)))), None)
    return None if ours == theirs else f'{where}: {ours!r} for us, {theirs!r} for them'

bad = 0
with open(tool_output, encoding='ascii') as lines:
    read = [json.loads(line) for line in lines]
assert len(read) == len(paths), (len(read), len(paths))
for ours, path in zip(read, paths):
    ours = {'satchel': ours.pop('type') + '/1', **ours}
    for loader in (yaml.SafeLoader, yaml.CSafeLoader):
        with open(path, 'rb') as f:
            theirs = yaml.load(f, Loader=loader)
        problem = same(ours, theirs, path)
        if problem:
            print(f'{loader.__name__}: {problem}')
            bad += 1
print(f'{len(paths)} documents compared, {bad} differences')
sys.exit(bad > 0)
PY

compare() { # file...
  expect 0 "$tools/document_json" "$@"
  mv "$T/out" "$T/json"
  /usr/bin/python3 "$T/compare.py" "$T/json" "$@" >"$T/out" 2>&1
}

mkdir "$T/nasty"
expect 0 "$tools/nasty_documents" "$T/nasty"
compare manifests/examples/*.yaml "$T/nasty"/*.yaml "${more[@]}" || { tail -n 20 "$T/out" >&2; fail "readers differ"; }
tail -n 1 "$T/out"

# The comparison itself finds a difference: of two documents that differ in one string, number, flag or time.
expect 0 "$tools/document_json" manifests/examples/approvals.yaml
mv "$T/out" "$T/json"
changed=0
while IFS='|' read -r from to; do
  sed "s|$from|$to|" manifests/examples/approvals.yaml >"$T/changed.yaml"
  cmp -s manifests/examples/approvals.yaml "$T/changed.yaml" && fail "no '$from' in the example"
  /usr/bin/python3 "$T/compare.py" "$T/json" "$T/changed.yaml" >"$T/out" 2>&1 && fail "'$to' for '$from' was not seen"
  changed=$((changed + 1))
done <<'CHANGES'
stream: "updates"|stream: "update"
stream: "updates"|stream: no
epoch: 1|epoch: 1.0
epoch: 1|epoch: "1"
epoch: 1|epoch: true
urgent: true|urgent: "true"
expires: 2027-02-20T10:00:00Z|expires: 2027-02-20T10:00:01Z
CHANGES
[ "$changed" -eq 7 ] || fail "only $changed of 7 changes tried"
