#!/bin/bash
# Q2 to Q4: what is validly signed and enormous, digests and names chosen to collide, many bad media.
. "$(dirname "$0")/lib.sh"
python Q2_giant.py
