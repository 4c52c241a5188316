#!/bin/bash
# tests/fault/once.sh with every way.
ONCE_SHARE=0/1 exec "$(dirname "$0")/../fault/once.sh"
