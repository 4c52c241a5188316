#!/bin/bash
# `make bench` in small: builds its data sets, runs Satchel and its rivals on fresh file systems, and what each brings over
# is what was sent (bench.py compares the trees itself and fails where they differ). No time is judged.
. "$(dirname "$0")/../cli/lib.sh"
export BENCH=small BENCH_DIR=$T/bench BENCH_JSON=$T/figures BENCH_ONLY="satchel satchel-0 a b c"
bench=$(dirname "$0")/../bench/bench.py
expect 0 "$bench"
for set in A B C D; do
  grep -q "^$set: [0-9]* files" "$T/out" || fail "no figures of data set $set"
done
[ "$(grep -c '^  satchel-0  import ' "$T/out")" -eq 4 ] || fail "no figures of an import"
[ "$(grep -c 'two more names for each.* [0-9.]* s of processor' "$T/out")" -eq 4 ] || fail "no limits"
[ "$(grep -cE '^  [ABCD] satchel(-0)? +(pack|verify|import) .*\([abc]\)' "$T/out")" -eq 17 ] || fail "not every target beside its limit"
python3 - "$T/figures" <<'P' || fail "figures that can't be"
import json, sys
figures = json.load(open(sys.argv[1]))
for name, runs in figures.items():
    for r in runs:
        assert set(r) == {"satchel", "satchel-0", "a", "b", "c"}, r
        for who, phases in r.items():
            assert all(x["wall"] > 0 and x["mem"] > 0 for x in phases.values()), phases
            assert phases["pack"]["bytes"] > 1000 and {"verify", "import"} <= set(phases), phases
    assert runs[0]["satchel-0"]["pack"]["bytes"] >= runs[0]["satchel"]["pack"]["bytes"], name
P
[ "$(ls "$T/bench")" = small ] || fail "left behind: $(ls "$T/bench")"
# what is not brought over as it was sent is no result: a program that loses a file fails the run
mkdir "$T/bin"
cp "$SATCHEL_BIN"/satchel-* "$T/bin"
mv "$T/bin/satchel-import" "$T/bin/real"
cat >"$T/bin/satchel-import" <<P
#!/bin/sh
$T/bin/real "\$@" || exit
case "\$*" in *apply*) rm "\$(find -L "\$3/published/bench" -type f | head -n 1)";; esac
P
chmod +x "$T/bin/satchel-import"
BENCH_SETS=B BENCH_ONLY=satchel SATCHEL_BIN=$T/bin expect 1 "$bench"
grep -q "^Only in $T/bench/small/B" "$T/out" || fail "the lost file is not named"
