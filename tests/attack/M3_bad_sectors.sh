#!/bin/bash
# M3: sectors that can't be read.
. "$(dirname "$0")/lib.sh"
at_exit 'umount -l "$T/bad" 2>/dev/null'
python media_faults.py M3
