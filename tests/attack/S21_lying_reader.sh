#!/bin/bash
# S21: a reader process that lies.
. "$(dirname "$0")/lib.sh"
python S21_lying_reader.py
