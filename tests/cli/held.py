# An independent view of what moves: what a bundle carries, what a store holds, what a list needs. For the test scripts;
# knows nothing but the formats. Prints one line each: digest, or for a piece digest, from and length.
#
#   held.py carried BUNDLE...               objects and pieces in the volumes of bundles, by their indexes
#   held.py bytes BUNDLE...                 the number of bytes of objects they carry
#   held.py store STORE                     objects that a store holds whole
#   held.py needs STATION LIST RING...      objects that entries of lists/LIST need for a store in these rings
#   held.py lacks STATION LIST STORE RING...    needs without store
import glob
import os
import re
import sys

import yaml


def load(path):
    with open(path, "rb") as f:
        return yaml.load(f, Loader=yaml.BaseLoader)


def objects(bundles):
    for bundle in bundles:
        for index in sorted(glob.glob(bundle + "/vol-*.yaml")):
            yield from load(index)["objects"]


def store(path):
    names = (os.path.basename(p) for p in glob.glob(path + "/objects/??/*"))
    return {n for n in names if re.fullmatch("[0-9a-f]{64}", n)}


def contents(station, digest):
    return load(f"{station}/contents/{digest[:2]}/{digest}")


def needs(station, name, rings):
    entries = {}
    for entry in load(f"{station}/lists/{name}")["items"]:
        if set(entry["rings"]) & set(rings):
            last = entries.get(entry["item"])
            if last is None or int(last["revision"]) < int(entry["revision"]):
                entries[entry["item"]] = entry
    out = set()
    for entry in entries.values():
        digest = entry["contents"]["sha256"]
        out.add(digest)
        document = contents(station, digest)
        records = list(document.get("files", []))
        for part in document.get("parts", []):
            out.add(part["sha256"])
            records += contents(station, part["sha256"])["files"]
        out |= {r["sha256"] for r in records if "sha256" in r}
    return out


def main(what, *args):
    if what == "carried":
        lines = [f'{o["sha256"]} {o["from"]} {o["length"]}' if "from" in o else o["sha256"] for o in objects(args)]
    elif what == "bytes":
        lines = [str(sum(int(o.get("length", o["size"])) for o in objects(args)))]
    elif what == "store":
        lines = store(args[0])
    elif what == "needs":
        lines = needs(args[0], args[1], args[2:])
    elif what == "lacks":
        lines = needs(args[0], args[1], args[3:]) - store(args[2])
    for line in sorted(lines):
        print(line)


main(*sys.argv[1:])
