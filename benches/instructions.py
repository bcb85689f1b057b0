"""Instructions of one dump and one load of each workload, counted by callgrind: the same on every run, whatever else the
machine does. Each is called some times before it is counted, and what it gave is dropped while it counts.
"""

import gc
import glob
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile

from sides import HERE, PROTOCOL, bridge, extension, has_classes, new_classes, oracle, wanted
from table import Table
from workloads import CODE, DATA

WARMING = 3
NOTES = (
    "Instructions of one call, by callgrind; beside it those of C pickle (data, loads) or cloudpickle (functions, classes), and how "
    "many times as many they are.\nWorkloads of 100 MB are left out, and those of more than 1,000 objects are a tenth as long as "
    "elsewhere. The\nprototypes that the targets come from took 6.2k for a lambda, 84k for a dataclass, and for a tenth of their ints, floats, strs "
    "and dicts\n440k, 340k, 620k and 1.3M."
)


def sized(options):
    """What is counted: each workload's object. Under callgrind all takes fifty times as long."""
    all_made = wanted(options, DATA + CODE)
    for made in all_made[:: len(all_made) // 4 if options.quick else 1]:
        if "100 MB" not in made.name:
            yield made, made.make(min(options.scale, 0.1) if re.search(r"\d(k|M| MB)\b", made.name) else options.scale)


def calls(ours, options):
    """The name of what is counted, and for each side a callable with a tuple of arguments for each call."""
    for made, obj in sized(options):
        dumps = oracle(made)
        same = [(obj, PROTOCOL)] * (WARMING + 1)
        yield made.name, "dumps", {"ours": (ours.dumps, same), "other": (dumps, same)}
        data = dumps(obj, PROTOCOL)
        known = [(data,)] * (WARMING + 1)
        name = made.name + (", known" if has_classes(data) else "")
        yield name, "loads", {"ours": (ours.loads, known), "other": (pickle.loads, known)}
        if has_classes(data):
            new = [[(new_classes(data),) for _ in range(WARMING + 1)] for _ in range(2)]
            yield made.name + ", new", "loads", {"ours": (ours.loads, new[0]), "other": (pickle.loads, new[1])}


def counting(ours, options):
    """Runs under callgrind: each by both sides. Prints the names in the order of the counts."""
    count = extension("count", os.path.dirname(os.path.abspath(options.library))).count
    gc.disable()
    for n, (name, what, sides) in enumerate(calls(ours, options)):
        for side, (call, arguments) in sides.items():
            for uncounted in arguments[:-1]:
                call(*uncounted)
            count(call, arguments[-1], "%d %s" % (n, side))
            gc.collect()
        print("%s\t%s" % (name, what), flush=True)


def counted(folder):
    """{"n side": instructions} of callgrind's files."""
    found = {}
    for path in glob.glob(os.path.join(folder, "callgrind.out.*")):
        with open(path) as file:
            text = file.read()
        name = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.M)
        total = re.search(r"^totals: (\d+)", text, re.M)
        if name and total:
            found[name[1]] = int(total[1])
    return found


def shown(instructions):
    return "%.1fM" % (instructions / 1e6) if instructions >= 1e6 else "%.1fk" % (instructions / 1e3)


def under_callgrind(options, folder):
    """The names of what was counted; callgrind's files lie in the folder."""
    out = "--callgrind-out-file=" + os.path.join(folder, "callgrind.out")
    valgrind = ["valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no", out]
    command = [sys.executable, os.path.join(HERE, "instructions.py"), options.library, options.only, str(options.scale), "quick" * options.quick]
    said = subprocess.run([*valgrind, *command], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [line.split("\t") for line in said.splitlines()]


def measure(_, options):
    columns = "one call", "ours", "the other", "times as many"
    if not shutil.which("valgrind"):
        return [Table("instructions", ("left out: valgrind is not there", ""))], {}
    with tempfile.TemporaryDirectory() as folder:
        folder = options.keep or folder
        os.makedirs(folder, exist_ok=True)
        names = under_callgrind(options, folder)
        found = counted(folder)
    table = Table("instructions", columns, NOTES)
    for what in ("dumps", "loads"):
        for n, (name, kind) in enumerate(names):
            if kind == what:
                ours, other = found["%d ours" % n], found["%d other" % n]
                table.count(what, "times as many", other / ours)
                table.add("%s: %s" % (what, name), shown(ours), shown(other), "%.3gx" % (other / ours))
        table.add_mean(what + ": geometric mean", what)
    return [table], {}


class Options:
    """What a process under callgrind is told."""

    def __init__(self, library, only, scale, quick):
        self.library, self.only, self.scale, self.quick = library, only, float(scale), bool(quick)


if __name__ == "__main__":
    told = Options(*sys.argv[1:])
    counting(bridge(told.library), told)
