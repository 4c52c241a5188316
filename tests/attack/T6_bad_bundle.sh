#!/bin/bash
# T6: a good root on a medium whose bundle is refused, skipped or unfinished.
. "$(dirname "$0")/lib.sh"
python T6_bad_bundle.py
