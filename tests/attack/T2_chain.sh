#!/bin/bash
# T2, T3, T4, T7: chains of trust roots on a medium: gaps, forks, refused ones, expired ones, somebody else's.
. "$(dirname "$0")/lib.sh"
python T2_chain.py
