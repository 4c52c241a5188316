#!/bin/bash
# Every input of the corpora, and every one that ever broke a fuzz target, goes through its target once. Each target has a
# corpus, and each folder of inputs a target.
. "$(dirname "$0")/../cli/lib.sh"
cd "$(dirname "$0")" || exit 2
for folder in corpus/* regressions/*; do
  [ ! -d "$folder" ] || [ -e "$(basename "$folder").c" ] || fail "$folder: no such target"
done
for source in *.c; do
  name=$(basename "$source" .c)
  [ -d "corpus/$name" ] || fail "$name has no corpus"
  folders=("corpus/$name")
  [ ! -d "regressions/$name" ] || folders+=("regressions/$name")
  expect 0 "$SATCHEL_BIN/tests/fuzz/$name" "${folders[@]}"
  [ "$(tail -n 1 "$T/err")" = "$(find "${folders[@]}" -type f | wc -l) inputs" ] || fail "$name: not all inputs were run"
done
