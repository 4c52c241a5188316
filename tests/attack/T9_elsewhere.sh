#!/bin/bash
# T9: trust, configuration and time come from the store and the clock; never from the medium, the current directory or the
# environment, -C and SATCHEL_STORE aside. strace shows that nothing of the sort is even opened.
. "$(dirname "$0")/lib.sh"
command -v strace >/dev/null || skip "no strace here: T9"
mkdir "$T/bait" "$T/bait/satchel" "$T/bait/trust" "$T/home"
for f in store.yaml trust-1.yaml trust-3.yaml trust-4.yaml trust/trust-4.yaml openssl.cnf satchel.yaml .satchelrc; do
  cp "$FIXTURE/trust-1.yaml" "$T/bait/$f"
  mkdir -p "$(dirname "$T/home/$f")" && cp "$FIXTURE/trust-1.yaml" "$T/home/$f"
done
cp -a "$FIXTURE/g8" "$T/m"
cp -a "$T/bait/." "$T/m/" # the medium's top, and beside the bundle's folder
cp -a "$T/bait/." "$T/m/satchel/"
ambient=(HOME="$T/home" XDG_CONFIG_HOME="$T/home" OPENSSL_CONF="$T/home/openssl.cnf" OPENSSL_MODULES="$T/home" SSL_CERT_FILE="$T/home/trust-1.yaml"
  SATCHEL_TRUST="$T/bait/trust-1.yaml" SATCHEL_CONFIG="$T/bait/store.yaml" SATCHEL_STATION="$T/bait" TMPDIR="$T/bait" PWD="$T/bait"
  ZSTD_CLEVEL=1 YAML_CONFIG="$T/bait" SATCHEL_NOW=0)
opened() { # files opened below the baits, by name
  # a path as it was said, and the directory it was said of
  grep -aE '(open|openat|openat2|readlink|readlinkat|execve)\(' "$T/trace" | grep -v ENOENT |
    grep -aoE "\"($T/)?(home|bait|m)/[^\"]*\"|\"[^\"/]*(store\.yaml|openssl\.cnf|satchelrc|satchel\.yaml)\"" | sort -u
}
fresh
cd "$T/bait"
code=0
env "${ambient[@]}" ASAN_OPTIONS=detect_leaks=0 strace -f -y -o "$T/trace" satchel-import -C "$T/s" apply "$T/m" >"$T/out" 2>"$T/err" || code=$?
[ -s "$T/trace" ] || fail "strace saw nothing"
strays=$(opened | grep -v "^\"$T/m/satchel\"" | grep -v '^"store.yaml"$' || true)
row T9 'environment and current directory full of trust roots and settings: exit' 0 "$code"
row T9 'environment and current directory: nothing of it is opened' '' "$strays"
grep -aE 'open(at2?)?\(' "$T/trace" | grep -v ENOENT | grep -aE "trust-[34]\.yaml" | grep -avE "<$T/s/(trust|stage)[^>]*>|<$T/m/satchel/updates-00000008>" >"$T/foreign" || true
row T9 'trust roots are opened in the store and in the bundle alone' 0 "$(wc -l <"$T/foreign")"
grep -aE '"store\.yaml"' "$T/trace" | grep -av "<$T/s>" >"$T/foreign" || true
row T9 'store.yaml is opened in the store alone' 0 "$(wc -l <"$T/foreign")"
grep -q '"store.yaml"' "$T/trace" || fail "the trace does not show the store's own configuration: this test is blind"
cd "$T"
fresh a && fresh b
expect 0 satchel-import -C "$T/a" apply "$FIXTURE/g8"
expect 0 env "${ambient[@]}" SATCHEL_STORE="$T/nowhere" satchel-import -C "$T/b" apply "$T/m"
row T9 'what is published is the same' held "$(diff -r "$T/a/published/updates/" "$T/b/published/updates/" >/dev/null 2>&1 && echo held || echo differs)"
# time: a list that expired long ago by SOURCE_DATE_EPOCH, and one that is not yet valid
for epoch in 1 4102444800; do
  fresh
  code=0
  SOURCE_DATE_EPOCH=$epoch satchel-import -C "$T/s" apply "$FIXTURE/g8" >"$T/out" 2>"$T/err" || code=$?
  row T9 "SOURCE_DATE_EPOCH=$epoch: import" 0 "$code"
  code=0
  SOURCE_DATE_EPOCH=$epoch satchel-verify bundle "$FIXTURE/g8" --trust "$FIXTURE/trust-1.yaml" >"$T/out" 2>"$T/err" || code=$?
  row T9 "SOURCE_DATE_EPOCH=$epoch: verify" 0 "$code"
  row T9 "SOURCE_DATE_EPOCH=$epoch: the journal has the clock's time" 0 "$(tail -n 1 "$T/s/journal.jsonl" | grep -c '"time":"\(1970\|2100\)')"
done
for variable in SATCHEL_TRUST=$FIXTURE/trust-1.yaml SATCHEL_STATION=$T/s SATCHEL_NAME=perimeter-a; do
  code=0
  env "$variable" satchel-import status >"$T/out" 2>"$T/err" || code=$?
  row T9 "${variable%%=*} names no store" 2 "$code"
done
end_attacks
