#!/bin/bash
# S13, S14: a key that the newest root dropped signs nothing new from then on; roots that expired or soon will.
. "$(dirname "$0")/lib.sh"
python S13_removed.py
