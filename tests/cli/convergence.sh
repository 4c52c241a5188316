#!/bin/bash
# Random histories of one station and several stores: after every step each store publishes what the model of DESIGN 5
# says, every list says what was decided, every bundle carries what is missing and nothing else.
#   tests/model/histories.py --seed N      one of them again
. "$(dirname "$0")/lib.sh"
count=50
case "$SATCHEL_BIN" in *asan*) count=10;; esac
/usr/bin/python3 -c 'import yaml' 2>/dev/null || skip "python3-yaml is not installed"
/usr/bin/python3 "$(dirname "$0")/../model/histories.py" --count "$count"
