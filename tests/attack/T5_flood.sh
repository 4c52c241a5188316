#!/bin/bash
# T5: more roots than a chain may have, and roots larger than a root may be: bounded, and what was good before them stands.
. "$(dirname "$0")/lib.sh"
python T5_flood.py
