#!/bin/bash
# 500 random histories (tests/cli/convergence.sh), others every time: a failing one prints its seed and how to repeat it.
# convergence_more.sh runs 500 more beside it.
. "$(dirname "$0")/../cli/lib.sh"
first=$(($(date +%s) % 1000000 * 1000 + ${OFFSET:-0}))
echo "histories from seed $first on"
/usr/bin/python3 "$(dirname "$0")/../model/histories.py" --first "$first" --count 500
