#!/bin/bash
# M1: a device that answers differently when it is read again.
. "$(dirname "$0")/lib.sh"
at_exit 'umount -l "$T/bad" 2>/dev/null'
python media_faults.py M1
