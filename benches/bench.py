"""python bench.py LIBRARY [--seconds S] [--only TEXT]: the speed of a release libcloudpickle.so.

All sides run in this process, in turn, round by round, and processor time counts. A ratio is taken within a round, so
what slows the machine for a while slows both sides; shown are the median of the rounds' ratios and, in brackets, its
quartiles. A ratio above 1 says that this library is the faster one. Before a row is timed, its bytes are compared; a
row whose bytes differ, or where a side fails, says so in place of figures.
"""

import argparse
import gc
import importlib.util
import math
import os
import pickle
import re
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import uuid
from itertools import repeat
from time import perf_counter, thread_time_ns

import cloudpickle

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "tests", "python"))

import workloads  # noqa: E402  beside this file
from compare import TRACKER_ID, with_anonymous_trackers  # noqa: E402  of the tests
from corpus.row import run  # noqa: E402

PROTOCOL = 5
BATCH_NS = 300_000
"""So much time at least lies between two looks at the clock."""
ROUNDS = 3, 1000
FIRSTS = 32
"""How many objects that nobody has seen yet a round dumps, where they are small."""


def extension(name, folder, *flags):
    """The extension module of a C file beside this one, built in a folder that is gone afterwards."""
    folder = tempfile.mkdtemp(prefix="bench-", dir=folder)
    try:
        built = os.path.join(folder, name + sysconfig.get_config_var("EXT_SUFFIX"))
        includes = ["-I" + os.path.join(HERE, os.pardir, "include"), "-I" + sysconfig.get_path("include")]
        source = os.path.join(HERE, name + ".c")
        subprocess.run(["cc", "-O2", "-Wall", "-shared", "-fPIC", *flags, *includes, source, "-o", built, "-ldl"], check=True)
        spec = importlib.util.spec_from_file_location(name, built)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        shutil.rmtree(folder)


def bridge(library):
    """The extension module of bridge.c, over this library."""
    library = os.path.abspath(library)
    return extension("bridge", os.path.dirname(library), '-DLIBRARY="%s"' % library)


# --- clocks: each gives the nanoseconds of processor time of one call

def warm(call, *arguments):
    """A clock that calls with the same arguments again and again, so often that the clock does not show."""
    if len(arguments) == 2:

        def spent(count):
            one, two = arguments
            start = thread_time_ns()
            for _ in repeat(None, count):
                call(one, two)
            return thread_time_ns() - start

    else:

        def spent(count):
            (one,) = arguments
            start = thread_time_ns()
            for _ in repeat(None, count):
                call(one)
            return thread_time_ns() - start

    count = max(1, min(10_000, BATCH_NS // max(1, min(spent(1) for _ in range(3)))))
    return lambda: spent(count) / count


def cold(obj):
    """A clock for cloudpickle with its cache of code objects emptied before each call."""
    cache = cloudpickle.cloudpickle._extract_code_globals_cache.data

    def spent(count):
        start = thread_time_ns()
        for _ in repeat(None, count):
            cache.clear()
            cloudpickle.dumps(obj, PROTOCOL)
        return thread_time_ns() - start

    count = max(1, min(1000, BATCH_NS // max(1, spent(1))))
    return lambda: spent(count) / count


def once(call, make, count, *more):
    """A clock that calls with each of `count` new arguments once."""

    def spent():
        fresh = [make() for _ in range(count)]
        start = thread_time_ns()
        for argument in fresh:
            call(argument, *more)
        return (thread_time_ns() - start) / count

    return spent


# --- rows

class Measured:
    """The rounds of one row: nanoseconds for each side."""

    def __init__(self, clocks, seconds):
        self.rounds = {side: [] for side in clocks}
        sides = list(clocks)
        gc.collect()
        gc.disable()
        try:
            end = perf_counter() + seconds
            for n in range(ROUNDS[1]):
                if n >= ROUNDS[0] and perf_counter() > end:
                    break
                for side in sides[n % len(sides) :] + sides[: n % len(sides)]:
                    self.rounds[side].append(clocks[side]())
        finally:
            gc.enable()
            gc.collect()

    def time(self, side):
        return statistics.median(self.rounds[side])

    def quartiles(self, side, by):
        """Of the ratios of a side's time to another's."""
        ratios = [a / b for a, b in zip(self.rounds[side], self.rounds[by])]
        return statistics.quantiles(ratios, n=4, method="inclusive")


def shown_time(ns):
    for unit, size in (("ns", 1), ("µs", 1e3), ("ms", 1e6)):
        if ns < 1000 * size:
            break
    return "%.3g %s" % (ns / size, unit) if ns < 100 * size else "%.0f %s" % (ns / size, unit)


def shown_ratio(quartiles):
    low, middle, high = ("%.2f" % q if q < 9.95 else "%.0f" % q for q in quartiles)
    return "%sx [%s-%s]" % (middle, low, high)


WIDTHS = 56, 9, 9, 22, 22, 22
MEANS = {}


def line(*cells):
    aligned = (("%-*s" if n == 0 else "%*s") % (width, cell) for n, (width, cell) in enumerate(zip(WIDTHS, cells)))
    print("  ".join(aligned).rstrip(), flush=True)


def table(title, *columns):
    print("\n" + title)
    line(*columns)
    line(*("-" * width for width, _ in zip(WIDTHS, columns)))


def ratio_cells(group, measured, aims, sides, by="ours"):
    """A cell for each side, marked where the median is below what is hoped for; the medians count for the mean."""
    cells = []
    for side in sides:
        quartiles = measured.quartiles(side, by if isinstance(by, str) else by[side])
        MEANS.setdefault((group, side), []).append(quartiles[1])
        aim = aims.get(side)
        cells.append(("< %g!  " % aim if aim and quartiles[1] < aim else "") + shown_ratio(quartiles))
    return cells


def mean_line(title, group, sides, skip=0):
    found = [MEANS.get((group, side), []) for side in sides]
    count = max(map(len, found))
    cells = ["%.2fx" % math.exp(statistics.fmean(map(math.log, ratios))) if ratios else "" for ratios in found]
    line("%s: geometric mean of %d" % (title, count), *[""] * skip, *cells)


BROKEN = []


def broken(name, why):
    BROKEN.append(name)
    print("%-*s  FAILS: %s" % (WIDTHS[0], name, why), flush=True)


def differing(ours, sides):
    """What is wrong with a row of dumps, or None. The first dump of an object may change it (copyreg notes the slots of
    a class), so it does not count."""
    for side, dump in sides.items():
        dump()
    try:
        mine = ours()
    except Exception as error:
        return "ours raises %r" % error
    for side, dump in sides.items():
        theirs = dump()
        if mine != theirs and with_anonymous_trackers(mine) != with_anonymous_trackers(theirs):
            place = next((n for n, (a, b) in enumerate(zip(mine, theirs)) if a != b), min(len(mine), len(theirs)))
            return "our %d bytes differ from the %d of %s at %d" % (len(mine), len(theirs), side, place)
    return None


def attempt(name, measure):
    """Runs a row; whatever happens is said in its place."""
    try:
        measure()
    except Exception as error:
        broken(name, "%s: %s" % (type(error).__name__, str(error)[:150]))


def dump_data(ours, seconds, made):
    obj = made.make(1)
    sides = {"pickle": lambda: pickle.dumps(obj, PROTOCOL), "cloudpickle": lambda: cloudpickle.dumps(obj, PROTOCOL)}
    why = differing(lambda: ours.dumps(obj, PROTOCOL), sides)
    if why:
        return broken(made.name, why)
    calls = {"ours": ours.dumps, "pickle": pickle.dumps, "cloudpickle": cloudpickle.dumps}
    measured = Measured({side: warm(call, obj, PROTOCOL) for side, call in calls.items()}, seconds)
    aims = {"cloudpickle": workloads.AIMS.get(made.name)}
    if made.kind == "plain":
        aims["pickle"] = workloads.PLAIN_AIM
    ratios = ratio_cells("dumps " + made.kind, measured, aims, ("pickle", "cloudpickle"))
    line(made.name, shown_time(measured.time("ours")), shown_time(measured.time("pickle")), *ratios)


def dump_code(ours, seconds, made):
    obj = made.make(1)
    why = differing(lambda: ours.dumps(obj, PROTOCOL), {"cloudpickle": lambda: cloudpickle.dumps(obj, PROTOCOL)})
    if why:
        return broken(made.name, why)
    clocks = {"ours": warm(ours.dumps, obj, PROTOCOL), "warm": warm(cloudpickle.dumps, obj, PROTOCOL)}
    clocks["cold"] = cold(obj)
    start = perf_counter()
    made.make(1)
    count = max(1, min(FIRSTS, int(0.02 / (perf_counter() - start))))
    clocks["ours first"] = once(ours.dumps, lambda: made.make(1), count, PROTOCOL)
    clocks["first"] = once(cloudpickle.dumps, lambda: made.make(1), count, PROTOCOL)
    measured = Measured(clocks, seconds)
    by = {"warm": "ours", "cold": "ours", "first": "ours first"}
    ratios = ratio_cells("dumps " + made.kind, measured, {"warm": workloads.AIMS.get(made.name)}, by, by)
    line(made.name, shown_time(measured.time("ours")), shown_time(measured.time("warm")), *ratios)


def same_object(made, obj, mine, theirs):
    """What is wrong with an object that we loaded, or None."""
    if made.kind in ("plain", "reference"):
        return None if type(mine) is type(obj) and mine == obj else "what we load is not equal to what was dumped"
    if made.check:
        run(made.check, result=mine)
    a, b = (with_anonymous_trackers(cloudpickle.dumps(loaded, PROTOCOL)) for loaded in (mine, theirs))
    return None if a == b else "what we load is dumped in other bytes than what pickle.loads loads"


def new_classes(data):
    """The same pickle of classes that this process has not loaded yet."""
    ids = {}
    return TRACKER_ID.sub(lambda found: ids.setdefault(found.group(), uuid.uuid4().hex.encode()), data)


def load(ours, seconds, made):
    obj = made.make(1)
    data = (pickle if made.kind in ("plain", "reference") else cloudpickle).dumps(obj, PROTOCOL)
    # Classes that both know would get their attributes from whoever loads last.
    why = same_object(made, obj, ours.loads(new_classes(data)), pickle.loads(new_classes(data)))
    if why:
        return broken(made.name, why)
    calls = {"ours": ours.loads, "pickle": pickle.loads}
    aims = {"pickle": workloads.LOADS_AIMS[made.kind]}
    trackers = made.kind == "class" and TRACKER_ID.search(data) is not None
    ways = [("", lambda call: warm(call, data))]
    if trackers:
        count = max(1, min(FIRSTS, 2_000_000 // len(data)))
        ways = [(", known", ways[0][1]), (", new", lambda call: once(call, lambda: new_classes(data), count))]
    for way, clock in ways:
        measured = Measured({side: clock(call) for side, call in calls.items()}, seconds / len(ways))
        group = "loads " + made.kind + way
        times = shown_time(measured.time("ours")), shown_time(measured.time("pickle"))
        line(made.name + way, *times, *ratio_cells(group, measured, aims, ("pickle",)))


def growth(ours, seconds, made):
    clocks, worlds = {"ours": ours.dumps, "cloudpickle": cloudpickle.dumps}, {}
    for size in (made.small, made.large):
        obj = made.make(size)
        with made.world(size):
            oracle = {"cloudpickle": lambda: cloudpickle.dumps(obj, PROTOCOL)}
            why = differing(lambda: ours.dumps(obj, PROTOCOL), oracle)
            if why:
                return broken(made.name, why)
            worlds[size] = Measured({side: warm(call, obj, PROTOCOL) for side, call in clocks.items()}, seconds / 2)
    times = [shown_time(worlds[size].time(side)) for side in clocks for size in (made.small, made.large)]
    grown = ["%.2fx" % (worlds[made.large].time(side) / worlds[made.small].time(side) / made.fair) for side in clocks]
    line(made.name, times[0], times[1], times[2] + " -> " + times[3], *grown)


def main():
    parser = argparse.ArgumentParser(description="The speed of a release libcloudpickle.so, in ratios.")
    parser.add_argument("library")
    parser.add_argument("--seconds", type=float, default=1.0, help="time for each row")
    parser.add_argument("--only", default="", help="only rows whose name has this regular expression")
    options = parser.parse_args()
    ours, start = bridge(options.library), perf_counter()
    versions = ours.version, cloudpickle.__version__, sys.version.split()[0], PROTOCOL
    print("libcloudpickle %s, cloudpickle %s, CPython %s, protocol %d" % versions)
    print("N x [quartiles]: the other side takes N times as long. \"< A!\": less than the A times that are hoped for.")
    print("Processor time of this thread; the collector is off while a clock runs.")

    def rows(measure, makers, seconds=options.seconds):
        for made in makers:
            if re.search(options.only, made.name):
                attempt(made.name, lambda: measure(ours, seconds, made))

    table("dumps: data", "workload", "ours", "pickle", "to C pickle", "to cloudpickle")
    rows(dump_data, [made for made in workloads.DATA if made.kind == "plain"])
    mean_line("plain data", "dumps plain", ("pickle", "cloudpickle"), 2)
    print("hoped for: %gx C pickle, and no row below %gx" % (workloads.PLAIN_MEAN_AIM, workloads.PLAIN_AIM))
    rows(dump_data, [made for made in workloads.DATA if made.kind == "reference"])
    mean_line("importable", "dumps reference", ("pickle", "cloudpickle"), 2)

    to = "to cloudpickle, warm", "its cache emptied", "both for the first time"
    table("dumps: functions and classes of __main__", "workload", "ours", "cloudp.", *to)
    rows(dump_code, workloads.CODE)
    mean_line("functions", "dumps function", ("warm", "cold", "first"), 2)
    mean_line("classes and their instances", "dumps class", ("warm", "cold", "first"), 2)

    table("loads", "workload", "ours", "pickle", "to pickle.loads")
    rows(load, workloads.DATA + workloads.CODE, options.seconds * 0.6)
    groups = {"plain data": "plain", "importable": "reference", "functions": "function"}
    groups.update({"classes, known": "class, known", "classes, new": "class, new"})
    for title, group in groups.items():
        mean_line(title, "loads " + group, ("pickle",), 2)

    title = "growth of dumps beyond what is dumped (1.00x: none)"
    table(title, "workload", "ours", "ours", "cloudpickle's times", "ours grows by", "cloudpickle's by")
    rows(growth, workloads.GROWTHS, options.seconds * 2)

    verdict = "Rows that fail: %s." % ", ".join(BROKEN) if BROKEN else "No row differs or fails."
    print("\n%.0f seconds. %s" % (perf_counter() - start, verdict))
    return 1 if BROKEN else 0


if __name__ == "__main__":
    sys.exit(main())
