#!/bin/bash
# M13: a directory of ten million names.
. "$(dirname "$0")/lib.sh"
at_exit 'umount -l "$T/bad" 2>/dev/null'
case "$SATCHEL_BIN" in *-asan) export POINTS=5;; esac
python media_faults.py M13
