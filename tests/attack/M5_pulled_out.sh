#!/bin/bash
# M5: a medium that is pulled out.
. "$(dirname "$0")/lib.sh"
at_exit 'umount -l "$T/bad" 2>/dev/null'
case "$SATCHEL_BIN" in *-asan) export POINTS=5;; esac
python media_faults.py M5
