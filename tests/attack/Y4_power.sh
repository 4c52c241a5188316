#!/bin/bash
# Y4: the power goes during an import. What was not synced may be lost, torn or there, in any combination.
. "$(dirname "$0")/lib.sh"
python Y4_power.py
