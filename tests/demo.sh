#!/bin/bash
# make demo: the main job on a real tree, each command printed as a user would type it.
#   tests/demo.sh BUILD DEMO [CONTENT]
# Everything stays in DEMO to look at: content/ station/ medium/ store/. Without CONTENT a copy of /usr/share/doc
# is carried, without the links that leave it, which are named.
set -eu
bin=$1 demo=$2 content=${3:-}
say() { printf '\n# %s\n' "$*"; }
run() {
  printf '$'; printf ' %q' "$@"; printf '\n'
  "$@"
}
# Links that are absolute or climb out of the tree: satchel-export refuses them, so the copy leaves them out.
leaving_links() { # dir
  find "$1" -type l -printf '%P\t%l\n' | while IFS=$'\t' read -r path target; do
    case "$target" in /*) echo "$path"; continue;; esac
    up=0 rest=$target ok=yes
    while [ "${rest#../}" != "$rest" ] || [ "$rest" = .. ]; do up=$((up + 1)); [ "$rest" = .. ] && rest= || rest=${rest#../}; done
    depth=$(printf '%s' "$path" | tr -cd / | wc -c)
    case "/$rest/" in *//*|*/../*|*/./*) [ -z "$rest" ] || ok=no;; esac
    { [ "$up" -le "$depth" ] && [ $ok = yes ] && [ -n "$rest$up" ]; } || echo "$path"
  done
}

if [ -e "$demo" ]; then
  [ -e "$demo/.satchel-demo" ] || { echo "make demo: $demo exists and is not a demo; name another folder with DEMO=DIR" >&2; exit 2; }
  rm -rf "$demo"
fi
mkdir -p "$demo/medium"
: >"$demo/.satchel-demo"
if [ -z "$content" ]; then
  content=$demo/content
  say "the content: a copy of /usr/share/doc"
  cp -a /usr/share/doc "$content"
  leaving_links "$content" >"$demo/links-left-out.txt"
  while IFS= read -r path; do rm -f "$content/$path"; done <"$demo/links-left-out.txt"
  n=$(wc -l <"$demo/links-left-out.txt")
  if [ "$n" -gt 0 ]; then
    echo "left out: $n links that leave the tree:"
    head -n 5 "$demo/links-left-out.txt" | sed 's/^/  /'
    [ "$n" -le 5 ] || echo "  ... (all of them in $demo/links-left-out.txt)"
  fi
fi

say "on the internet side: a station, what there is, a decision, a signed list, a bundle on the medium"
run "$bin/satchel-export" init "$demo/station" --content "$content" --stream updates --ring production
run "$bin/satchel-export" -C "$demo/station" scan
run "$bin/satchel-export" -C "$demo/station" approve --all --ring production
run "$bin/satchel-export" -C "$demo/station" sign
run "$bin/satchel-export" -C "$demo/station" pack "$demo/medium"

say "anybody in between: is this medium what it claims to be?"
run "$bin/satchel-verify" bundle "$demo/medium" --trust "$demo/station/trust/trust-1.yaml"

say "on the perimeter side: a store that trusts this root, and the medium taken in"
run "$bin/satchel-import" init "$demo/store" --name perimeter-a --trust "$demo/station/trust/trust-1.yaml" \
  --stream updates --ring production
run "$bin/satchel-import" -C "$demo/store" apply "$demo/medium"
run "$bin/satchel-import" -C "$demo/store" status

say "what is published is what was there"
run diff -r --no-dereference "$content/" "$demo/store/published/updates/"
files=$(find "$demo/store/published/updates/" -type f | wc -l)
echo "the same: $files files, $(du -sh "$demo/store/published/updates/" | cut -f1)"
echo "look around: $demo/station  $demo/medium/satchel  $demo/store/published/updates  $demo/store/journal.jsonl"
