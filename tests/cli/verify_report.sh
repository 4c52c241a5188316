#!/bin/bash
# satchel-verify report: one page of a store, a station, a medium that stands by itself, tells what it must, says UNVERIFIED
# where nothing proves it, lets no text become markup, is the same each time, and writes nothing but itself.
. "$(dirname "$0")/lib.sh"
cd "$T"
mkdir -p c/tool "c/<b>&'x" medium second back
echo run >c/tool/run
echo odd >"c/<b>&'x/f"
at=(--at "$(date -u -d "+1 hour" +%FT%TZ)")
quick_station "$T/c"
quick_store
export SATCHEL_STORE=$T/store
expect 0 satchel-export pack medium
expect 0 satchel-import apply medium
expect 0 satchel-import receipt back
expect 0 satchel-export destination add store --ring production --key store/keys/receipt.pub
expect 0 satchel-export receive back
echo run2 >c/tool/run
expect 0 satchel-export scan
expect 0 satchel-export approve tool --ring production --title '</td><script>alert("x")</script>' --urgent
expect 0 satchel-export sign
expect 0 satchel-export pack second --approvals-only
expect 4 satchel-import apply second
trust=station/trust/trust-1.yaml
key=$(sed -n 's/.*name: "\([^"]*approver[^"]*\)".*/\1/p' $trust)
[ -n "$key" ] || fail "name of the approver's key"

cat >page.py <<'P'
# page.py FILE: tags that close, none but harmless ones, nothing from elsewhere; prints the text, one cell or line each
import html.parser, sys
allowed = set("html head meta title style body h1 h2 p table thead tbody tr th td".split())
class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.words, self.style = [], False
    def handle_starttag(self, tag, attrs):
        assert tag in allowed, tag
        assert all(name in ("lang", "charset", "class", "http-equiv", "content") for name, _ in attrs), attrs
        self.style = tag == "style"
    def handle_endtag(self, tag):
        self.style = False
    def handle_data(self, data):
        if self.style:
            assert "url" not in data and "@import" not in data
        elif data.strip():
            self.words.append(data.strip())
    def handle_comment(self, data):
        raise AssertionError("a comment")
data = open(sys.argv[1], encoding="utf-8").read()
assert data.endswith("</body></html>\n")
p = Page()
p.feed(data)
p.close()
print("\n".join(p.words))
P
page() { python3 page.py "$1" >"$T/text" || { cat "$1"; fail "$1: not the page it must be"; }; }
has() { grep -qxF -- "$1" text || grep -qF -- "$1" text || { cat text; fail "the page does not say: $1"; }; }
hasnt() { if grep -qF -- "$1" text; then cat text; fail "the page says: $1"; fi; }
cell() { grep -qxF -- "$1" text || { cat text; fail "no cell: $1"; }; }

# ---- a store
snapshot store >before
expect 0 satchel-verify report store -o s.html --trust $trust "${at[@]}"
grep -qx 's.html: written; 0 faults' out || { cat out; fail "what it says"; }
snapshot store >after
cmp -s before after || fail "the store was changed"
page s.html
cell 'Store store'
cell 'Stream updates'
cell 'in effect'
cell 'newest'
cell "$key"
cell "<b>&'x"
cell "objects"
cell "$(sha256sum <$trust | cut -d' ' -f1)"
has 'Verified: root 1, given with --trust'
has "Published: 2 items"
has "Waiting: 1 item"
has "Unbroken: $(wc -l <store/journal.jsonl) lines, head $(tail -n 1 store/journal.jsonl | tr -d '\n' | sha256sum | cut -d' ' -f1)"
has 'Nothing of what was looked at is other than it must be'
hasnt UNVERIFIED
grep -q "&lt;b&gt;&amp;&#39;x" s.html || fail "the name is not escaped"
expect 0 satchel-verify report store -o again.html --trust $trust "${at[@]}"
cmp s.html again.html || fail "not the same page"
expect 0 satchel-verify report store -o - --trust $trust "${at[@]}"
cmp s.html out || fail "not the same on stdout"
expect 0 satchel-verify report store -o own.html "${at[@]}"
page own.html
has 'UNVERIFIED: no --trust was given'

# ---- a station
expect 0 satchel-verify report station -o t.html --trust $trust "${at[@]}"
page t.html
has '2 lists kept'
cell 'signed, by root 1'
cell "$key"
cell '</td><script>alert("x")</script>'
has 'History: ledger.jsonl'
cell approve
cell store
grep -q '<script' t.html && fail "a title became markup"

# one with an approver removed since: its list is signed by the root of that day, and not by the newest
cp -a station later
expect 0 satchel-export -C later key new second --role approver
later() { expect 0 satchel-export -C later "$@"; }
later trust add later/keys/second.pub --name second --role approver
later trust remove approver
later trust sign
expect 0 satchel-verify report later -o l.html --trust later/trust/trust-2.yaml "${at[@]}"
page l.html
cell 'signed, by root 1'
has 'suffice by trust root 1, and not by the newest one'

# ---- a medium
expect 0 satchel-verify report medium -o m.html --trust $trust "${at[@]}"
page m.html
cell 'Bundle updates-00000001'
has 'Verified: the manifest is signed by the exporters of trust root 1'
has 'Verified: the list is signed by the approvers'
cell vol-0001.tar.zst
cell tool
hasnt UNVERIFIED
expect 0 satchel-verify report medium -o u.html "${at[@]}"
page u.html
has 'UNVERIFIED: no --trust was given, so no signature'
cell tool
hasnt 'Verified:'

# nothing there yet; and a decision on so many items that its event is cut
mkdir many
for i in $(seq 200); do mkdir "many/item-ü-$i"; echo "$i" >"many/item-ü-$i/f"; done
expect 0 satchel-export init fresh --content many --stream updates --ring production
expect 0 satchel-verify report fresh -o f.html
page f.html
has '0 lists kept'
expect 0 satchel-export -C fresh scan
expect 0 satchel-export -C fresh approve --all --ring production
expect 0 satchel-verify report fresh -o f2.html
page f2.html
has "cut here; 'log' has all of it"
quick_store empty
expect 0 satchel-verify report empty -o e.html
page e.html
has 'Nothing was published yet'

# another trust: the page is written, says so, exit 1
expect 0 satchel-export init other --content c --stream updates --ring production
foreign=other/trust/trust-1.yaml
for what in store station medium; do
  expect 1 satchel-verify report $what -o foreign-$what.html --trust $foreign "${at[@]}"
  page foreign-$what.html
  has 'NOT GOOD'
  has UNVERIFIED
done
# expired for the one who looks: a list that is over is not proven
expect 1 satchel-verify report medium -o old.html --trust $trust --at 2031-01-01T00:00:00Z

# a changed list, a changed manifest, one that is missing, no bundle at all
cp -a medium changed
printf ' ' >>changed/satchel/updates-00000001/approvals.yaml
expect 1 satchel-verify report changed -o c1.html --trust $trust "${at[@]}"
page c1.html
has '(file-size)'
has 'UNVERIFIED'
expect 1 satchel-verify report changed -o c2.html "${at[@]}"
page c2.html
has '(file-digest)'
sed -i 's/^sequence: 1$/sequence: 2/' changed/satchel/updates-00000001/manifest.yaml
expect 1 satchel-verify report changed -o c3.html --trust $trust "${at[@]}"
page c3.html
has '(signature-threshold)'
rm changed/satchel/updates-00000001/manifest.yaml
expect 3 satchel-verify report changed -o c4.html --trust $trust "${at[@]}"
page c4.html
has '(bundle-interrupted)'
mkdir nothing
expect 1 satchel-verify report nothing -o c5.html
page c5.html
has '(no-bundle)'

# a store whose list has lost its signature, and whose journal was changed; a station whose ledger was
cp -a store hurt
for f in hurt/streams/updates/lists/1-1/*.sig; do chmod u+w "$f"; printf 'xxxx' | dd of="$f" bs=1 conv=notrunc status=none; done
expect 1 satchel-verify report hurt -o h1.html --trust $trust "${at[@]}"
page h1.html
has '(signature-threshold)'
cp -a store torn
sed -i '2s/"time":"2/"time":"3/' torn/journal.jsonl
expect 1 satchel-verify report torn -o h2.html --trust $trust "${at[@]}" --json
python3 -c 'import json; o=json.loads(open("out").read()); assert o["report"] == "h2.html" and not o["good"] and o["faults"] == 1, o' || fail "json"
page h2.html
has '(journal)'
cp -a station torn-station
sed -i '1s/"time":"2/"time":"3/' torn-station/ledger.jsonl
expect 1 satchel-verify report torn-station -o h3.html --trust $trust "${at[@]}"
# a list below its threshold is said to be
rm torn-station/lists/2.yaml.*.sig
expect 1 satchel-verify report torn-station -o h4.html --trust $trust "${at[@]}"
page h4.html
cell 'below its threshold'
cell 'nobody yet'

# wrong uses: nothing is replaced, nothing is written into what is looked at, no page is left
expect 2 satchel-verify report store --trust $trust
expect 2 satchel-verify report -o x.html
expect 2 satchel-verify report nowhere -o x.html
expect 2 satchel-verify report store -o nowhere/x.html
expect 2 satchel-verify report store -o x.html --trust nowhere.yaml
expect 2 satchel-verify report store -o x.html --at noon
echo mine >mine.html
expect 2 satchel-verify report store -o mine.html
[ "$(cat mine.html)" = mine ] || fail "it was replaced"
ln -s gone link.html
expect 2 satchel-verify report store -o link.html
[ ! -e gone ] || fail "written through a link"
for inside in store/x.html store/published/x.html; do
  expect 2 satchel-verify report store -o $inside
done
expect 2 satchel-verify report medium -o medium/satchel/x.html
[ -z "$(find . -name x.html)" ] || fail "a page was left"
snapshot store >after
cmp -s before after || fail "the store was changed"
expect 3 sh -c 'satchel-verify report store -o - >/dev/full'
exit 0
