#!/bin/bash
# M11: other things where files must be: links, FIFOs, directories, devices. Nothing hangs, and nothing of what they lead to is
# shown. A volume of another type costs what it held; what is there in place of a directory is no bundle.
. "$(dirname "$0")/lib.sh"
bundle=satchel/updates-00000008
echo 'secret-word' >"$T/secret"
change() { # path, kind: 1 where this machine can't make such a thing
  rm -rf "$T/m"
  cp -a "$FIXTURE/g8" "$T/m"
  rm -rf "$T/m/$1"
  case $2 in
    zero) ln -s /dev/zero "$T/m/$1";;
    link) ln -s "$T/secret" "$T/m/$1";;
    good-link) ln -s "$FIXTURE/g8/$1" "$T/m/$1";;
    fifo) mkfifo "$T/m/$1";;
    directory) mkdir "$T/m/$1";;
    device) mknod "$T/m/$1" c 1 5 2>/dev/null;;
  esac
}
signature=$(cd "$FIXTURE/g8/$bundle" && ls manifest.yaml.*.sig | head -n 1)
tried=0
for kind in zero link good-link fifo directory device; do
  for name in manifest.yaml "$signature" approvals.yaml trust-3.yaml vol-0001.yaml vol-0001.tar.zst; do
    case $kind:$name in link:* | fifo:* | *:manifest.yaml | *.zst) ;; *) continue;; esac
    change "$bundle/$name" $kind || { echo "no right to make a $kind here"; continue; }
    how=
    case $name in vol-0001.tar.zst) how=taken;; esac
    # shellcheck disable=SC2086
    attack M11 "${name%%.*}${name##*[0-9a-f]} is a $kind" 1 file-type "$T/m" $how
    code=0
    timeout 60 satchel-verify bundle "$T/m" --trust "$FIXTURE/trust-1.yaml" >"$T/said" 2>&1 || code=$?
    row M11 "verify: ${name%%.*}${name##*[0-9a-f]} is a $kind" 1 $code
    ! grep -q secret-word "$T/said" || fail "verify shows what a link leads to"
    tried=$((tried + 1))
  done
  for name in $bundle satchel; do
    [ $kind != directory ] || continue
    change $name $kind || continue
    fresh
    code=0
    timeout 60 satchel-import -C "$T/s" apply "$T/m" >"$T/said" 2>&1 || code=$?
    [ $code -eq 1 ] || [ $code -eq 3 ] && code=refused
    row M11 "$(basename $name) is a $kind" refused $code
    ! grep -q secret-word "$T/said" || fail "import shows what a link leads to"
  done
done
[ "$tried" -ge 18 ] || fail "only $tried cases: this test is blind"
end_attacks
