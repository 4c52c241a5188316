#!/bin/bash
# P7: for every field of every document: missing, misspelt, repeated, of another kind; unknown fields; versions to come.
. "$(dirname "$0")/lib.sh"
python P7_fields.py
