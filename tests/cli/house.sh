#!/bin/bash
# STYLE's rules that a machine can check: arrows of include, prefixes of symbols, no word of the domain in lib/, and
# that satchel-verify contains nothing that signs or changes a store.
. "$(dirname "$0")/lib.sh"
cd "$(dirname "$0")/../.."
bad=0
complain() { echo "$*" >&2; bad=1; }

arrow() { # folder, allowed folders
  local hits
  hits=$(grep -nE '^#include "' "$1"/*.c "$1"/*.h | grep -vE "#include \"($2)/" || true)
  [ -z "$hits" ] || complain "includes against the arrows: $hits"
}
arrow lib lib
arrow manifests 'lib|manifests'
arrow export 'lib|manifests|export'
arrow verify 'lib|manifests|verify'
arrow import 'lib|manifests|verify|import'

words='approv|bundle|manifest|satchel|station|sneakernet|air.?gap|exporter|importer|receipt|witness'
hits=$(grep -niE "$words" lib/*.c lib/*.h | grep -viE 'satchel-(role|export)|#error' || true)
[ -z "$hits" ] || complain "words of the domain in lib/: $hits"

# Each symbol a file exports is declared in a header of its folder, and begins with a noun: the file's own name, or the
# first word of its name, or one that its header speaks of.
for folder in lib manifests export verify import; do
  for c in "$folder"/*.c; do
    stem=$(basename "$c" .c)
    [ "$stem" = main ] && continue
    o=$SATCHEL_BIN/$folder/$stem.o
    [ -e "$o" ] || { complain "no object for $c"; continue; }
    for symbol in $(nm --defined-only -g "$o" | awk '$2 ~ /[TDRBC]/ {print $3}' | grep -v '^__'); do
      grep -qE "(\\b|\\*)$symbol\\b" "$folder"/*.h || complain "$c exports $symbol, which no header of $folder/ declares"
      case "$symbol" in "${stem%%_*}"*) continue;; esac
      header=$(grep -lE "(\\b|\\*)$symbol\\b" "$folder"/*.h | head -n 1)
      grep -qE "struct ${symbol%%_*}(_[a-z]+)? " "$header" || complain "$c exports $symbol: not its noun"
    done
  done
done

imported=$(nm -u "$SATCHEL_BIN/satchel-verify" | awk '{print $2}' | sed 's/@.*//')
for symbol in EVP_DigestSign EVP_DigestSignInit EVP_PKEY_sign EVP_PKEY_keygen EVP_PKEY_generate PEM_read_bio_PrivateKey \
  renameat renameat2 linkat unlinkat symlinkat mkdirat ftruncate fchmod; do
  case "$SATCHEL_BIN" in *-asan) break;; esac
  echo "$imported" | grep -qx "$symbol" && complain "satchel-verify links $symbol"
done
nm "$SATCHEL_BIN/satchel-verify" | grep -E ' [Tt] (sign_|objects_|publish_|outfile_)' && complain "satchel-verify links code that signs or changes a store"

# What every file owes its reader.
for f in lib/*.c manifests/*.c export/*.c verify/*.c import/*.c lib/*.h manifests/*.h export/*.h verify/*.h import/*.h; do
  head -n 1 "$f" | grep -q '^/\*' || complain "$f: does not open with a comment"
done
hits=$(git grep -nwE 'TO''DO|FIX''ME|XX''X' -- '*.c' '*.h' '*.sh' Makefile 2>/dev/null || true)
[ -z "$hits" ] || complain "left open: $hits"
[ "$bad" -eq 0 ]
