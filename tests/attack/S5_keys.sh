#!/bin/bash
# S5, S7, S8, S10, S11: trust roots with keys and thresholds that must not be used, and bytes that are no signature.
. "$(dirname "$0")/lib.sh"
"$SATCHEL_BIN/tests/tools/wycheproof" <"$attacks/wycheproof.txt" || row S10 'vectors of Wycheproof' held 'NOT HELD'
python S5_keys.py
end_attacks
