#!/bin/bash
# L1, L2, L4, L5: journals that were edited, receipts that lie. And M7, M9, M12, M12b, M12c: what media may be to pack and import.
. "$(dirname "$0")/lib.sh"
python L1_history.py
