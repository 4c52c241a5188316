#!/bin/bash
# 1,000 random histories (tests/cli/convergence.sh), each new: a failing one prints its seed and how to repeat it.
. "$(dirname "$0")/../cli/lib.sh"
first=$(($(date +%s) % 1000000 * 1000))
echo "histories from seed $first on"
/usr/bin/python3 "$(dirname "$0")/../model/histories.py" --first "$first" --count 1000
