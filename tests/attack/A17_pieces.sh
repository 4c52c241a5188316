#!/bin/bash
# A17, A13: objects in pieces that lie, in whatever order and in however many bundles the pieces come: import and verify find it.
. "$(dirname "$0")/lib.sh"
python A17_pieces.py
