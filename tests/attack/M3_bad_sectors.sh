#!/bin/bash
# M3: sectors that can't be read.
. "$(dirname "$0")/lib.sh"
at_exit 'umount -l "$T/bad" 2>/dev/null'
case "$SATCHEL_BIN" in *-asan) export POINTS=5;; esac
python media_faults.py M3
