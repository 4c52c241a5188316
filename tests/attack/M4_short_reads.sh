#!/bin/bash
# M4: short and interrupted reads.
. "$(dirname "$0")/lib.sh"
at_exit 'umount -l "$T/bad" 2>/dev/null'
case "$SATCHEL_BIN" in *-asan) export POINTS=5;; esac
python media_faults.py M4
