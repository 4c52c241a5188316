#!/bin/bash
# F1 to F12: older lists, replays, forks, freezes, jumps, mixed bundles, what nobody approved, other destinations, lost media, clocks.
. "$(dirname "$0")/lib.sh"
python F1_rollback.py
