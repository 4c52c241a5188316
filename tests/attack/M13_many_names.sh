#!/bin/bash
# M13: a directory of ten million names.
. "$(dirname "$0")/lib.sh"
at_exit 'umount -l "$T/bad" 2>/dev/null'
python media_faults.py M13
