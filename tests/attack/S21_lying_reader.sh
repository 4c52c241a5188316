#!/bin/bash
# S21: a reader process that lies.
. "$(dirname "$0")/lib.sh"
case "$SATCHEL_BIN" in *-asan) export SEEDS=6;; esac   # slower; the seeds are the same
python S21_lying_reader.py
