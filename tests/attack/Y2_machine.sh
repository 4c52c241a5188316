#!/bin/bash
# Y2, Y6, Y7, Y9 to Y11, Y13, Y14: faults of the machine, other users, tampering, signals, environment. Y1, Y3 and the rest of Y2 are
# sweeps over every call: tests/fault/import.sh, pack.sh, receipt.sh, trust_store.sh (all points: tests/long). Y4: Y4_power.sh.
. "$(dirname "$0")/lib.sh"
python Y2_machine.py
