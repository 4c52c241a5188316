#!/bin/bash
# S15, S17, S18, S20: other bytes than those signed, documents of another type, a way round; and what is read before it is verified.
. "$(dirname "$0")/lib.sh"
python S15_bytes.py
