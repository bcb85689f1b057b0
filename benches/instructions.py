"""python instructions.py LIBRARY [--only TEXT] [--scale S] [--keep FOLDER]: instructions of one load of each workload.

Counted by callgrind, so the figures are the same on every run. Each workload is loaded some times before it is counted,
and what was loaded is dropped while it counts. With --keep, callgrind's files stay in the folder, for callgrind_annotate.
"""

import argparse
import gc
import glob
import math
import os
import pickle
import re
import subprocess
import sys
import tempfile

import cloudpickle

from bench import PROTOCOL, TRACKER_ID, bridge, extension, new_classes
from workloads import CODE, DATA


def pickles(only, scale):
    """The name of each row, its kind, and a pickle for each of eight loads."""
    for made in DATA + CODE:
        if not re.search(only, made.name):
            continue
        dumps = (pickle if made.kind in ("plain", "reference") else cloudpickle).dumps
        data = dumps(made.make(scale), PROTOCOL)
        if made.kind == "class" and TRACKER_ID.search(data):
            yield made.name + ", known", made.kind, [data] * 8
            yield made.name + ", new", made.kind, [new_classes(data) for _ in range(8)]
        else:
            yield made.name, made.kind, [data] * 8


def counted(options):
    """Runs under callgrind: each row by both."""
    count = extension("count", os.path.dirname(os.path.abspath(options.library))).count
    sides = {"ours": bridge(options.library).loads, "pickle": pickle.loads}
    gc.disable()
    for row, (_, _, data) in enumerate(pickles(options.only, options.scale)):
        for (side, loads), mine in zip(sides.items(), (data[:4], data[4:])):
            for uncounted in mine[:-1]:
                loads(uncounted)
            count(loads, mine[-1], "%d %s" % (row, side))
            gc.collect()


def instructions(folder):
    """{"row side": instructions} of callgrind's files."""
    found = {}
    for path in glob.glob(os.path.join(folder, "callgrind.out.*")):
        with open(path) as file:
            text = file.read()
        name = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.M)
        total = re.search(r"^totals: (\d+)", text, re.M)
        if name and total:
            found[name[1]] = int(total[1])
    return found


def main():
    parser = argparse.ArgumentParser(description="Instructions of one load of each workload.")
    parser.add_argument("library")
    parser.add_argument("--only", default="", help="only rows whose name has this regular expression")
    parser.add_argument("--scale", type=float, default=0.1, help="size of the workloads; 1 is the benchmark's")
    parser.add_argument("--keep", help="folder for callgrind's files")
    parser.add_argument("--counted", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.counted:
        return counted(options)
    with tempfile.TemporaryDirectory() as folder:
        folder = options.keep or folder
        os.makedirs(folder, exist_ok=True)
        out = "--callgrind-out-file=" + os.path.join(folder, "callgrind.out")
        valgrind = ["valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no", out]
        subprocess.run([*valgrind, sys.executable, *sys.argv, "--counted"], check=True)
        found = instructions(folder)
    ratios = {}
    print("%-58s %12s %12s" % ("instructions of one load", "ours", "pickle.loads"))
    for row, (name, kind, _) in enumerate(pickles(options.only, options.scale)):
        ours, theirs = (found["%d %s" % (row, side)] for side in ("ours", "pickle"))
        group = kind + re.sub("^[^,]*", "", name) if kind == "class" else kind
        ratios.setdefault(group, []).append(theirs / ours)
        print("%-58s %12d %12d  %5.2fx" % (name, ours, theirs, theirs / ours))
    for group, all_ratios in ratios.items():
        mean = math.exp(sum(map(math.log, all_ratios)) / len(all_ratios))
        print("%-58s %12s %12s  %5.2fx" % ("geometric mean: " + group, "", "", mean))
    return 0


if __name__ == "__main__":
    sys.exit(main())
