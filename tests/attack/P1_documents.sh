#!/bin/bash
# P1 to P6, P8, P9: documents that are signed as they must be, and not of the one form that FORMAT 2 allows. P7 is beside it.
. "$(dirname "$0")/lib.sh"
python P1_documents.py
