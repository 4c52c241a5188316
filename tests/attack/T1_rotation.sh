#!/bin/bash
# T1: the rotation cases of the TUF conformance suite, under their names; the file beside this one says which and why.
. "$(dirname "$0")/lib.sh"
python T1_rotation.py
