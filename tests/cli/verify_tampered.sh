#!/bin/bash
# Somebody who can write in a store, and is not the tool, changes it: satchel-verify store names what he did, where the store itself shows
# it, without any receipt. The journal cut at its end while states, lists, roots or the index of bundles tell of more; a signed list that no
# line admits; items, and the tree with them, set back; a rollback that says more than the journal; files of somebody else. Marks of a
# run that he leaves are no excuse.
. "$(dirname "$0")/lib.sh"
c=$T/content
export SATCHEL_STORE=$T/store
trust=$T/station/trust/trust-1.yaml
s=$T/store/streams/updates
mkdir -p "$c/a" "$c/b" "$c/u"
put() { echo "$2" >"$c/$1"; }
next() { # MEDIUM: what changed is approved, signed and packed
  expect 0 satchel-export scan
  expect 0 satchel-export approve --all --ring production
  expect 0 satchel-export sign
  mkdir "$T/$1"; expect 0 satchel-export pack "$T/$1" "${@:2}"
}
fresh() { chmod -R u+w "$T/store" 2>/dev/null || true; rm -rf "$T/store"; cp -a "$T/${1:-base}" "$T/store"; }
good() { expect 0 satchel-verify store "$T/store" --trust "$trust"; grep -q ' 0 findings' "$T/out" || fail "findings: $1"; }
named() { # PLACE TEXT: both in one finding, with and without the mark of a run
  expect 1 satchel-verify store "$T/store" --trust "$trust"
  grep -F "$1: " "$T/out" | grep -qF "$2" || { cat "$T/out"; fail "not named: $1: $2"; }
  ! grep '(journal-history)$' "$T/out" | grep -v "; '\|; remove it\|; restore it" || fail "no next step"
  : >"$T/store/stage/apply"
  expect 1 satchel-verify store "$T/store" --trust "$trust"
  rm "$T/store/stage/apply"
  grep -F "$1: " "$T/out" | grep -qF "$2" || { cat "$T/out"; fail "not named beside the mark of a run: $1: $2"; }
}
rewrite() { # PYTHON: changes `lines`, the journal's, each a dict without n and prev; their chain is made good again
  python3 - "$T/store/journal.jsonl" "$1" <<'P'
import hashlib, json, sys
path, change = sys.argv[1:]
lines = [json.loads(line) for line in open(path)]
exec(change)
out, prev = [], '0' * 64
for n, line in enumerate(lines, 1):
    line.pop('prev', None)
    line['n'] = n
    line = {'n': line.pop('n'), **line, 'prev': prev}
    out.append(json.dumps(line, separators=(',', ':')))
    prev = hashlib.sha256(out[-1].encode()).hexdigest()
open(path, 'w').write(''.join(line + '\n' for line in out))
P
}
shorten() { head -n "$1" "$T/store/journal.jsonl" >"$T/cut"; cat "$T/cut" >"$T/store/journal.jsonl"; } # LINES: those that stay
line_of() { grep -n "\"event\":\"$1\"" "$T/store/journal.jsonl" | tail -n 1 | cut -d: -f 1; } # EVENT: the last one's number

put a/f one; put b/f one; put u/f one
quick_station "$c"; quick_store
mkdir "$T/m1"; expect 0 satchel-export pack "$T/m1"; expect 0 satchel-import apply "$T/m1"; sleep 1.1
put a/f two; put b/f two; next m2; expect 0 satchel-import apply "$T/m2"
cp -a "$T/store" "$T/two"; sleep 1.1
put a/f three; next m3; expect 0 satchel-import apply "$T/m3"
cp -a "$T/store" "$T/base"
good "a sound store"

# names that nothing of a store has; what a killed writer leaves is none of them, and the next run removes it
for path in streams/updates/lists/stray streams/updates/lists/1-2/stray streams/updates/lists/01-2 streams/updates/stray streams/updates/a/stray \
  streams/updates/lists/1-2/approvals.yaml.0123.sig streams/updates/lists/.tmp-stray trust/stray trust/trust-0.yaml trust/trust-1.yaml.old; do
  fresh; echo x >"$T/store/$path"
  case $path in
    */.tmp-*) expect_word 1 "$path: nothing of a store has this name" satchel-verify store "$T/store" --trust "$trust" ;;
    *) named "$path" 'nothing of a store has this name' ;;
  esac
done
fresh; mkdir "$s/lists/$(printf 'a\033[31mb')" "$T/store/streams/others"; ln -s /etc/passwd "$s/lists/link"; named streams/updates/lists/link 'remove it'
named 'streams/updates/lists/a\x1b[31mb' 'remove it'
grep -q 'streams/others: note: it belongs to no stream' "$T/out" || { cat "$T/out"; fail "a stream that is not followed"; }
fresh; ln -s a "$s/current.new"; good "a switch cut off"
fresh; for path in lists/1-2 a .; do : >"$s/$path/.tmp-0123456789abcdef"; done
: >"$T/store/stage/apply"; good "temporaries of a killed run"
expect 0 satchel-import check; good "a run after it"
[ -z "$(find "$s" -name '.tmp-*')" ] || fail "temporaries are left: $(find "$s" -name '.tmp-*')"

# what is broken is one finding, and ends nothing: trees and objects are looked at, and the last line sums up
broken() { # PLACE WORD SHELL: the store changed by it, and a file of the tree in service, which is found as well
  fresh; (cd "$T/store"; eval "$3"; rm -f streams/updates/"$(readlink streams/updates/current)"/tree/b/f; cp /dev/null "objects/stray")
  expect 1 satchel-verify store "$T/store" --trust "$trust"
  grep -F "$1: " "$T/out" | grep -qF "($2)" && grep -q 'tree/b/f: it is not there' "$T/out" && grep -q '^objects/stray: ' "$T/out" &&
    tail -n 1 "$T/out" | grep -q '^store: NOT GOOD' || { cat "$T/out"; fail "$1: $2: the audit did not go on"; }
  expect 1 satchel-verify store "$T/store" --trust "$trust" --json
  tail -n 1 "$T/out" | grep -q '"good":false' || fail "$1: no summary in JSON"
}
broken journal.jsonl file-type 'rm journal.jsonl; mkdir journal.jsonl'
broken journal.jsonl file-type 'mv journal.jsonl j; ln -s j journal.jsonl'
expect_word 1 "journal: can't be followed to its end" satchel-verify store "$T/store" --trust "$trust"
broken streams/updates document-type 'echo x >streams/updates/scanned.yaml'
broken streams/updates document-type 'echo x >streams/updates/scanned.yaml; printf "hooks:\n  scan: [\"/bin/true\"]\n" >>store.yaml'
broken published/updates store-damaged 'rm journal.jsonl published/updates; mkdir journal.jsonl'
for part in objects streams; do
  fresh; rm -rf "${T:?}/store/$part"; : >"$T/store/$part"
  expect 1 satchel-verify store "$T/store" --trust "$trust"
  tail -n 1 "$T/out" | grep -q '^store: NOT GOOD' || { cat "$T/out"; fail "$part is a file"; }
  rm "$T/store/$part"; expect 1 satchel-verify store "$T/store" --trust "$trust"
done
# what the links say needs no journal; a page tells of it as well
for change in "rm $s/current" "rm $s/b/state.yaml $s/a/state.yaml" "rm $T/store/published/updates" "rm -r $s/lists" \
  "ln -sfn \"\$(readlink $s/current | tr ab ba)\" $s/current"; do
  fresh; eval "$change"
  expect 1 satchel-verify report "$T/store" --trust "$trust" -o -
  ! grep -q 'Nothing was published yet\|Nothing of what was looked at' "$T/out" || fail "a page of a store after: $change"
done

# the journal cut at its end
lines=$(wc -l <"$T/store/journal.jsonl")
for last in "$lines" "$(line_of published)"; do
  fresh; shorten $((last - 1))
  expect_word 1 journal-history satchel-verify store "$T/store" --trust "$trust"
  grep -q 'journal.jsonl: line .* tells of a run that neither ended nor was cut off' "$T/out" || { cat "$T/out"; fail "line $last and on cut off"; }
done
fresh; shorten $(($(line_of bundle) - 1)); named streams/updates/bundles '1 bundle that no line of the journal tells of'
fresh; shorten $(($(line_of list) - 1)); named streams/updates/lists/1-3 'no line of the journal admits it'
fresh; shorten $(($(line_of apply) - 1)); named streams/updates/lists/1-3 'no line of the journal admits it'
grep -q 'state.yaml: no line of the journal is of the run that wrote it' "$T/out" || { cat "$T/out"; fail "the state is not named"; }
rm "$s/bundles"; named streams/updates/lists/1-3 'admits it'
# lines taken out, and the chain made good again
fresh; rewrite 'lines = [l for l in lines if l["event"] != "bundle" or l["sequence"] != 2]'
named streams/updates/bundles 'the first of them with the sequence 2'
fresh; rewrite '[l["list"].update(sha256="0" * 64) for l in lines if l["event"] == "list" and l["list"]["revision"] == 2]'
named streams/updates/lists/1-2 'another list of this number'
fresh; rewrite 'lines = [l for l in lines if l["event"] != "list"]'; good "older versions told of lists when they published them"
# the index of bundles alone
fresh; echo nonsense >"$s/bundles"; named streams/updates/bundles 'no index of bundles'
expect 0 satchel-import apply "$T/m3"; put a/f four; next m4; expect 0 satchel-import apply "$T/m4"; good "an index made anew"

# a list signed with a stolen key, which the newest root no longer has; and an admitted one that a new root dropped, put back
fresh
cp -a "$T/station" "$T/stolen"; cp -a "$c" "$T/evil"
put ../evil/a/f evil; sed -i "s#^content: .*#content: \"$T/evil\"#" "$T/stolen/station.yaml"
expect 0 satchel-export -C "$T/stolen" scan; expect 0 satchel-export -C "$T/stolen" approve --all --ring production
expect 0 satchel-export -C "$T/stolen" sign
mkdir "$T/m5" "$T/m6"; expect 0 satchel-export -C "$T/stolen" pack "$T/m5"
rm "$T"/m5/satchel/*/vol-0001.tar.zst; expect 3 satchel-import apply "$T/m5"	# its list is admitted, and waits
cp -a "$s/lists/1-5" "$T/1-5"
expect 0 satchel-export key new second --role approver --to "$T"
expect 0 satchel-export trust add "$T/second.pub" --role approver; expect 0 satchel-export trust remove approver
expect 0 satchel-export trust sign
for text in five six; do
  put b/f $text; expect 0 satchel-export scan; expect 0 satchel-export approve --all --ring production
  expect 0 satchel-export sign --new --key "$T/second.key"
done
expect 0 satchel-export pack "$T/m6"; expect 0 satchel-import apply "$T/m6"
grep -q list-dropped "$T/store/journal.jsonl" || fail "nothing was dropped: this test is blind"
[ ! -e "$s/lists/1-5" ] || fail "the list that was dropped is there"
good "a root replaced"
cp -a "$T/store" "$T/rooted"
cp -a "$T/1-5" "$s/lists/1-5"; named streams/updates/lists/1-5 'it was dropped under a new trust root'
fresh rooted; cp -a "$T/1-5" "$s/lists/1-9"; named streams/updates/lists/1-9 'no line of the journal admits it'
# the newest root gone with all that names it
fresh rooted; rm "$T"/store/trust/trust-2.yaml*; rm -r "$s/lists/1-6"
expect_word 1 'the journal tells of root 2, which is not there' satchel-verify store "$T/store" --trust "$trust"
fresh rooted; rewrite 'lines = [l for l in lines if l["event"] != "root"]'
expect_word 1 'trust/trust-2.yaml: no line of the journal tells of it' satchel-verify store "$T/store" --trust "$trust"

# items set back, or away, with the published tree; the journal's word about the state changed to match, so that nothing but the rule finds it
tree() { echo "$s/$(readlink "$s/current")"; }
to_match() { rewrite 'import glob, os
for l in lines:
    if l["event"] == "published": last = l
current = os.path.join(os.path.dirname(path), "streams/updates", os.readlink(os.path.join(os.path.dirname(path), "streams/updates/current")))
last["state"] = hashlib.sha256(open(current + "/state.yaml", "rb").read()).hexdigest()'; }
entry() { grep -hF "{item: \"$2\", epoch: " "$T/$1/streams/updates/$(readlink "$T/$1/streams/updates/current")/state.yaml"; } # STORE ITEM: its line
object() { local d; d=$(sha256sum <<<"$1" | cut -d' ' -f1); echo "$T/store/objects/${d:0:2}/$d"; }
state() { # ITEM LINE: has the state in service say LINE of it, or nothing
  python3 - "$(tree)/state.yaml" "$1" "$2" <<'P'
import sys
path, item, line = sys.argv[1:]
text = open(path).read().split("\n")
at = next((i for i, l in enumerate(text) if l.startswith('  - {item: "%s", epoch: ' % item)), None)
if at is None:
    at = next(i for i, l in enumerate(text) if l.startswith('  - {item: ') and l > line)
    text.insert(at, line)
else:
    text[at:at + 1] = [line] if line else []
open(path, 'w').write("\n".join(text))
P
}
fresh; ln -f "$(object two)" "$(tree)/tree/a/f"; state a "$(entry two a)"
named "streams/updates/$(readlink "$s/current")/state.yaml" 'it is not what the journal says was published last'
fresh; ln -f "$(object two)" "$(tree)/tree/a/f"; state a "$(entry two a)"; to_match
named "streams/updates/$(readlink "$s/current")/state.yaml" 'a: revision 2 from list 2, and by the lists kept it is revision 3 from list 3'
expect 0 satchel-import apply "$T/m3"
fresh; ln -f "$(object two)" "$(tree)/tree/a/f"; state a "$(entry two a)"; to_match	# another hook's word is no excuse
printf 'satchel: scanned/1\nstream: "updates"\nhook: %064d\nrecords: []\n' 0 >"$s/scanned.yaml"
named "streams/updates/$(readlink "$s/current")/state.yaml" 'a: revision 2 from list 2, and by the lists kept it is revision 3 from list 3'
fresh; rm -r "$(tree)/tree/b"; state b ''; to_match
named "streams/updates/$(readlink "$s/current")/state.yaml" 'b: not published, and by the lists kept it is revision 2 from list 3'
# an urgent one, of a list that is not whole; what is newest or complete, gone with its list
fresh; put b/f urgent; mkdir "$c/n" "$T/m7"; put n/f new
expect 0 satchel-export scan; expect 0 satchel-export approve b --ring production --urgent; expect 0 satchel-export approve n --ring production
expect 0 satchel-export sign --key "$T/second.key"; expect 0 satchel-export pack "$T/m7" --only b
expect 4 satchel-import apply "$T/m6" "$T/m7"; good "urgent, and waiting"
cp -a "$T/store" "$T/urgent"
newest=$(basename "$(ls -d "$s"/lists/* | tail -n 1)")
rm -r "$s/lists/$newest"; named "streams/updates/$(readlink "$s/current")/state.yaml" 'which it says is newest, is not among the lists kept'
fresh urgent; ln -f "$(object six)" "$(tree)/tree/b/f"; state b "$(entry rooted b)"
named "streams/updates/$(readlink "$s/current")/state.yaml" 'it is not what the journal says was published last'

# a rollback that says more, or another one, than the journal; one that ended, put back
fresh rooted; expect 0 satchel-export revoke a --note malware; expect 0 satchel-export sign --key "$T/second.key"
mkdir "$T/m8"; expect 0 satchel-export pack "$T/m8"; expect 0 satchel-import apply "$T/m8"
expect 0 satchel-import rollback 3; good "rolled back"
sed 's/^with_revoked: \[\]$/with_revoked: ["a"]/' "$s/rollback.yaml" >"$T/more"; cmp -s "$T/more" "$s/rollback.yaml" && fail "nothing was changed: this test is blind"
cp -a "$T/store" "$T/back"
cp "$s/rollback.yaml" "$T/three"; cp "$T/more" "$s/rollback.yaml"; named streams/updates/rollback.yaml 'the journal tells of no such rollback'
fresh back; expect 0 satchel-import rollback 2; good "further back"
cp "$T/three" "$s/rollback.yaml"; named streams/updates/rollback.yaml 'or of another one since'
fresh back; expect 0 satchel-import rollback 2; expect 0 satchel-import rollback 3 --with-revoked a; good "with what was revoked"
expect 0 satchel-import rollback --to-newest; good "forward again"
cp "$T/three" "$s/rollback.yaml"; named streams/updates/rollback.yaml 'another one since'
fresh back; expect 0 satchel-import rollback --to-newest
cp "$T/three" "$s/rollback.yaml"; named streams/updates/rollback.yaml 'the journal says that this rollback ended'

# no fault: an urgent item waits for objects, and they come with another stream's bundle, which brings that stream alone up to date
mkdir -p "$T/others/w" "$T/first/w" "$T/m9" "$T/m10" "$T/m11"; put ../first/w/f one; put ../others/w/f later
export SATCHEL_STATION=$T/w SATCHEL_STORE=$T/both
expect 0 satchel-export init "$T/w" --content "$T/first" --stream updates --ring production
expect 0 satchel-export init "$T/v" --content "$T/others" --stream others --ring production --trust "$T/w/trust/trust-1.yaml"
expect 0 satchel-import init "$T/both" --name both --trust "$T/w/trust/trust-1.yaml" --stream updates --stream others --ring production
expect 0 satchel-export scan; expect 0 satchel-export approve --all --ring production; expect 0 satchel-export sign
expect 0 satchel-export pack "$T/m9"; expect 0 satchel-import apply "$T/m9"
rm -r "$T/first/w"; cp -a "$T/others/w" "$T/first/w"
expect 0 satchel-export scan; expect 0 satchel-export approve --all --ring production --urgent; expect 0 satchel-export sign
expect 0 satchel-export pack "$T/m10" --approvals-only; expect 4 satchel-import apply "$T/m10"
expect 0 satchel-export -C "$T/v" scan; expect 0 satchel-export -C "$T/v" approve --all --ring production
expect 0 satchel-export -C "$T/v" sign --key "$T/w/keys/approver.key"
expect 0 satchel-export -C "$T/v" pack "$T/m11" --key "$T/w/keys/exporter.key"; expect 0 satchel-import apply "$T/m11"
[ "$(cat "$T/both/published/updates/w/f" "$T/both/published/others/w/f")" = "$(printf 'one\nlater')" ] || fail "both streams were brought up to date: this test is blind"
expect_word 0 '1 item could be newer by what is here now' satchel-verify store "$T/both" --trust "$T/w/trust/trust-1.yaml"
export SATCHEL_STATION=$T/station SATCHEL_STORE=$T/store

# nor is what a killed run leaves, wherever it was cut off: each thing is told of before it is kept
if command -v strace >/dev/null && [ "${SATCHEL_BIN%-asan}" = "$SATCHEL_BIN" ]; then
  expect 0 satchel-export -C "$T/w" renew; mkdir "$T/m12"; expect 0 satchel-export -C "$T/w" pack "$T/m12" --approvals-only
  cp -a "$T/both" "$T/uncut"; rm -rf "$T/store"; cp -a "$T/uncut" "$T/store"
  count_calls satchel-import apply "$T/m12" || fail "apply under strace"
  for n in $(points fsync 0); do
    fresh uncut; inject fsync signal=KILL "$n" satchel-import apply "$T/m12" || continue
    expect 0 satchel-verify store "$T/store" --trust "$T/w/trust/trust-1.yaml"
    grep -q ' 0 findings' "$T/out" || fail "findings after a kill at fsync $n"
    expect 0 satchel-import apply "$T/m12"; expect 0 satchel-verify store "$T/store" --trust "$T/w/trust/trust-1.yaml"
  done
  enough 10
fi

# files of somebody else
[ "$(id -u)" -eq 0 ] || skip "files of somebody else need root"
for path in "$(find "$T/base/objects" -type f | head -n 1)" "$(find "$T/base/streams/updates/lists" -name '*.sig' | head -n 1)" \
  "$T/base/streams/updates/lists/1-2" "$(find "$T/base/streams/updates/a/tree" -type d | tail -n 1)" "$(find "$T/base/streams/updates/b/tree" -type f | tail -n 1)" \
  "$T/base/streams/updates/a/state.yaml" "$T/base/streams/updates/bundles" "$T/base/trust/trust-1.yaml" "$T/base/keys/receipt.pub" "$(find "$T/base/objects" -mindepth 1 -type d | head -n 1)"; do
  path=${path#"$T/base/"}
  fresh; chown 65534 "$T/store/$path"; named "$path" 'it belongs to user 65534'
done
