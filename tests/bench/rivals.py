"""What is compared: Satchel and what people would use instead, each as shell text for the same jobs.

SRC the content, M the medium, W a work folder (station, store, what was unpacked, keys), BIN the programs. What `before`
does is not counted. Each job that writes ends with a sync of what it wrote to.
"""
KEYS = """openssl genpkey -algorithm ed25519 -out $W/key.pem 2>/dev/null; openssl pkey -in $W/key.pem -pubout -out $W/pub.pem"""
SIGN = """openssl pkeyutl -sign -rawin -inkey $W/key.pem -in $M/sums -out $M/sums.sig"""
CHECK = """openssl pkeyutl -verify -pubin -rawin -inkey $W/pub.pem -in $M/sums -sigfile $M/sums.sig >/dev/null"""
SUM = """(cd $M && openssl dgst -sha256 -r archive)"""


def sums(where):
    """Digests of all files by two processes, each with half of them."""
    return """(cd %s && find . -type f -print0 | sort -z >$W/names
               for i in 0 1; do
                 awk -v RS='\\0' -v ORS='\\0' "NR %% 2 == $i" $W/names | xargs -0 -r openssl dgst -sha256 -r >$W/sums.$i & pids="$pids $!"
               done
               for p in $pids; do wait $p; done; cat $W/sums.0 $W/sums.1)""" % where


def satchel(level):
    return {
        "before": """satchel-export -q init $W/station --content $SRC --stream bench --ring all
                     satchel-import -q init $W/store --name bench --trust $W/station/trust/trust-1.yaml --stream bench --ring all""",
        "prepare": """satchel-export -q -C $W/station scan; satchel-export -q -C $W/station approve --all --ring all
                      satchel-export -q -C $W/station sign""",
        "pack": """satchel-export -q -C $W/station pack $M --no-read-back --level %d >/dev/null""" % level,
        "verify": """satchel-verify -q bundle $M --trust $W/station/trust/trust-1.yaml >/dev/null""",
        "import": """satchel-import -q -C $W/store apply $M >/dev/null""",
        "result": "store/published/bench",
    }


RIVALS = {
    "satchel": satchel(3),
    "satchel-0": satchel(0),
    "a": {
        "before": KEYS,
        "pack": "tar -C $SRC -cf - . | zstd -q -T0 -3 -o $M/archive; %s >$M/sums; %s; sync -f $M" % (SUM, SIGN),
        "verify": "%s; %s | cmp - $M/sums" % (CHECK, SUM),
        "import": "%s; %s | cmp - $M/sums; mkdir $W/out; zstd -qdc $M/archive | tar -C $W/out -xf -; sync -f $W" % (CHECK, SUM),
        "result": "out",
    },
    "b": {
        "before": KEYS,
        "pack": "tar -C $SRC -cf $M/archive .; %s >$M/sums; %s; sync -f $M" % (SUM, SIGN),
        "verify": "%s; %s | cmp - $M/sums" % (CHECK, SUM),
        "import": "%s; %s | cmp - $M/sums; mkdir $W/out; tar -C $W/out -xf $M/archive; sync -f $W" % (CHECK, SUM),
        "result": "out",
    },
    "c": {
        "before": KEYS,
        "pack": "cp -r $SRC $M/tree; %s >$M/sums; %s; sync -f $M" % (sums("$SRC"), SIGN),
        "verify": "%s; %s | cmp - $M/sums" % (CHECK, sums("$M/tree")),
        "import": "cp -r $M/tree $W/out; %s; %s | cmp - $M/sums; sync -f $W" % (CHECK, sums("$W/out")),
        "result": "out",
    },
    "borg": {
        "tool": "borg",
        "before": "export BORG_BASE_DIR=$W; borg init -e none $M/repo",
        "pack": "export BORG_BASE_DIR=$W; cd $SRC; borg create --compression zstd,3 $M/repo::one .; sync -f $M",
        "verify": "export BORG_BASE_DIR=$W; borg check --verify-data $M/repo",
        "import": "export BORG_BASE_DIR=$W; mkdir $W/out; cd $W/out; borg extract $M/repo::one; sync -f $W",
        "result": "out",
    },
    "restic": {
        "tool": "restic",
        "before": "echo x >$W/pw; restic -q --no-cache -p $W/pw -r $M/repo init",
        "pack": "cd $SRC; restic -q --no-cache -p $W/pw -r $M/repo backup .; sync -f $M",
        "verify": "restic -q --no-cache -p $W/pw -r $M/repo check --read-data",
        "import": "mkdir $W/out; restic -q --no-cache -p $W/pw -r $M/repo restore latest --target $W/out; sync -f $W",
        "result": "out",
    },
    "dar": {
        "tool": "dar",
        "before": ":",
        "pack": "dar -Q -q -c $M/all -R $SRC -zzstd:3 >/dev/null; sync -f $M",
        "verify": "dar -Q -q -t $M/all >/dev/null",
        "import": "mkdir $W/out; dar -Q -q -O -x $M/all -R $W/out >/dev/null; sync -f $W",
        "result": "out",
    },
}
