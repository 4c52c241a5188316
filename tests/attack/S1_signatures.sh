#!/bin/bash
# S1 to S4, S6, S9: signatures that are missing, too few, of others, or counted twice.
. "$(dirname "$0")/lib.sh"
python S1_signatures.py
