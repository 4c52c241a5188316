#!/bin/bash
# The other half of the 1,000 random histories of tests/long/convergence.sh.
OFFSET=500 exec "$(dirname "$0")/convergence.sh"
