#!/bin/bash
# A pack fails or ends at the Nth call, for every N that a thread comes to: tests/fault/pack.sh without leaving any out.
POINTS=0 exec "$(dirname "$0")/../fault/pack.sh"
