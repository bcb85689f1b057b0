"""Cold start: loading, and the first dump, from Python and from C, each in a process that does nothing else."""

import os
import statistics
import subprocess
import sys
import tempfile

import from_c
import workloads
from clocks import shown_time
from sides import attempt
from table import Table

TIMES = 21
NOTES = (
    "Processor time in fresh processes, both sides in turn; medians of %d, and the quartiles. In C: of dlopen and dlsym, and of "
    "importing cloudpickle,\nafter Python was initialised." % TIMES
)
IMPORTING = """
import sys
sys.path.insert(0, {folder!r})
from time import process_time
start = process_time()
import {module}
loaded = process_time()
{module}.dumps(lambda x: x + 1)
print((loaded - start) * 1e3, (process_time() - loaded) * 1e3)
"""


def said(command):
    """The milliseconds of loading and of the first dump."""
    line = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return tuple(map(float, line.split()))


def shown(milliseconds):
    low, middle, high = statistics.quantiles(milliseconds, n=4, method="inclusive")
    return "%s (%s-%s)" % tuple(shown_time(ms * 1e6).replace(" ", "") for ms in (middle, low, high))


def measure(_, options):
    columns = "in a fresh process", "ours", "cloudpickle", "times as fast", "target", ""
    table = Table("cold start", columns, NOTES)
    library = os.path.abspath(options.library)

    def row(name, commands, aim=None):
        found = {side: [] for side in commands}
        for _ in range(2 if options.quick else TIMES):
            for side, command in commands.items():
                found[side].append(said(command))
        for n, what in enumerate(("loading", "the first dump, of a lambda")):
            ours, theirs = ([times[n] for times in found[side]] for side in ("ours", "cloudpickle"))
            middle = statistics.median(ours)
            target, judged = "", ""
            if aim and n == 0:
                target = "at most " + shown_time(aim)
                judged = table.judged(name + ": " + what, "time", middle, aim / 1e6, "%.3g ms", least=False)
            table.add("%s: %s" % (name, what), shown(ours), shown(theirs), "%.3gx" % (statistics.median(theirs) / middle), target, judged)

    with tempfile.TemporaryDirectory() as folder:
        os.symlink(library, os.path.join(folder, "libcloudpickle.so"))
        modules = {"ours": "libcloudpickle", "cloudpickle": "cloudpickle"}
        python = {side: [sys.executable, "-c", IMPORTING.format(folder=folder, module=name)] for side, name in modules.items()}
        attempt(table, "Python", lambda: row("Python", python, workloads.IMPORT_NS))
        absent = from_c.left_out()
        if absent:
            return [table, absent], {}
        program = from_c.built(library, folder, "start")
        c = {"ours": [program, sys.executable, "ours", library], "cloudpickle": [program, sys.executable, "cloudpickle"]}
        attempt(table, "C", lambda: row("C", c))
    return [table], {}
