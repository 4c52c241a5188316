#!/bin/bash
# M4: short and interrupted reads.
. "$(dirname "$0")/lib.sh"
at_exit 'umount -l "$T/bad" 2>/dev/null'
python media_faults.py M4
