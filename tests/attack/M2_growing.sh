#!/bin/bash
# M2: files that change while they are read.
. "$(dirname "$0")/lib.sh"
at_exit 'umount -l "$T/bad" 2>/dev/null'
python media_faults.py M2
