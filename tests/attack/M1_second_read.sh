#!/bin/bash
# M1: a device that answers differently when it is read again.
. "$(dirname "$0")/lib.sh"
at_exit 'umount -l "$T/bad" 2>/dev/null'
case "$SATCHEL_BIN" in *-asan) export POINTS=5;; esac
python media_faults.py M1
