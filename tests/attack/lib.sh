# Sourced by the scripts of tests/attack: the fixture and the assertions of every attack. Not executable: the runner passes
# it over. attack.py says what the fixture is, and what U, E and R mean.
#
#   . "$(dirname "$0")/lib.sh"                    $FIXTURE: keys/ trust-1.yaml store/ g8/ g9/ m7/; read only: copy what you change
#   python S1_signatures.py                       cases in Python, with attack.py and forge.py at hand
#   forge "$T/m" <<'P'                            or in shell: a medium with G8, all signatures right, but for these edits
#   plan.edit['manifest'] = lambda text: text.replace('"updates"', '"up"')
#   P
#   attack S0 'what was done' 1 name "$T/m"       refused whole: U, E and R; `... taken` after it: something enters, no U
#   row Y3 'killed at every call' held held       any other case: expected, and what was seen; they must be equal
#
# Each case prints `attack ID WHAT | EXPECTED | SEEN`, from which the runner makes its table.
. "$(dirname "${BASH_SOURCE[0]}")/../cli/lib.sh"
attacks=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export T PYTHONDONTWRITEBYTECODE=1 PATH SATCHEL_BIN
/usr/bin/python3 -c 'import yaml' 2>/dev/null || skip "no PyYAML for /usr/bin/python3 (python3-yaml)"
python() { local script=$1; shift; PYTHONPATH=$attacks /usr/bin/python3 "$attacks/$script" "$@"; }
# Made once per run and build, in the runner's folder, and complete from the first moment it has its name.
make_fixture() {
  local key folder
  key=$(cat "$(command -v satchel-import)" "$(command -v satchel-verify)" "$attacks/attack.py" "$attacks/../oracle/forge.py" | sha256sum | cut -c 1-24)
  folder=${LOGS:-$T}
  FIXTURE=$folder/attack-fixture-$key
  export FIXTURE
  exec {fixture_lock}>"$folder/attack-fixture-$key.lock"
  flock "$fixture_lock"
  if [ ! -d "$FIXTURE" ]; then
    rm -rf "$FIXTURE.new"
    python attack.py fixture "$FIXTURE.new" || fail "making the fixture"
    mv "$FIXTURE.new" "$FIXTURE"
  fi
  exec {fixture_lock}>&-
}
make_fixture
fresh() { rm -rf "$T/${1:-s}"; cp -a "$FIXTURE/store" "$T/${1:-s}"; }    # a store of the fixture, $T/s
forge() { rm -rf "$1"; python attack.py forge "$FIXTURE" "$1"; }
failed_rows=0
attack() { python attack.py case "$FIXTURE" "$@" || failed_rows=$((failed_rows + 1)); }
row() { # id, what, expected, seen
  printf 'attack %s %s | %s | %s\n' "$1" "$2" "$3" "$4"
  [ "$3" = "$4" ] || failed_rows=$((failed_rows + 1))
}
end_attacks() { [ "$failed_rows" -eq 0 ] || fail "$failed_rows attacks not as expected"; }
