#!/bin/bash
# A1 to A17: names, links, tar bytes, frames and objects that lie, in bundles whose signatures are right.
. "$(dirname "$0")/lib.sh"
python A1_volumes.py
