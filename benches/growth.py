"""Growth: what a dump costs over the size of its world."""

import contextlib
import sys
import types
from dataclasses import dataclass
from typing import Any, Callable, ContextManager, Tuple

import cloudpickle
from corpus.row import run

import picture
from clocks import Rounds, once, shown_time, warm
from sides import PROTOCOL, attempt, differing, wanted
from table import Table


@contextlib.contextmanager
def further_modules(count):
    """`sys.modules` with so many modules more."""
    names = ["package%d.module%d" % (n % 50, n) for n in range(count)]
    sys.modules.update((name, types.ModuleType(name)) for name in names)
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


def no_more(_):
    return contextlib.nullcontext()


def naming_packages(_):
    return run(
        "import json, xml.dom, email.mime, concurrent.futures\n"
        "def result(x): return json.dumps(x), xml.dom.Node, email.mime, concurrent.futures.Future"
    )["result"]


def sharing_globals(count):
    shared = "".join("G%d = %d\n" % (n, n) for n in range(20))
    use = " + ".join("G%d" % n for n in range(20))
    functions = "".join("def f%d(x): return x + %s\n" % (n, use) for n in range(count))
    return run(shared + functions + "result = [%s]" % ", ".join("f%d" % n for n in range(count)))["result"]


def methods_naming_a_package(count):
    methods = "".join("    def m%d(self, x): return json.dumps(x + %d)\n" % (n, n) for n in range(count))
    return run("import json\nclass result:\n" + methods)["result"]


def attributes(count):
    return run("class result:\n" + "".join("    attribute%d = %d\n" % (n, n) for n in range(count)))["result"]


def statements(count):
    return run("def result(x):\n" + "".join("    x = x * %d + len(str(x))\n" % n for n in range(count)) + "    return x")["result"]


def calling(count):
    """Functions that each call the next one."""
    functions = "".join("def f%d(x): return f%d(x) + 1\n" % (n, n + 1) for n in range(count))
    return run(functions + "def f%d(x): return x\nresult = f0" % count)["result"]


def nested(count):
    found = []
    for _ in range(count):
        found = [found]
    return found


def records(count):
    return [{"id": n, "name": "name %d" % n, "score": n / 7, "tags": ["a", "b"]} for n in range(count)]


@dataclass(frozen=True)
class Growth:
    name: str
    along: str
    make: Callable[[int], Any]
    sizes: Tuple[int, ...]
    world: Callable[[int], ContextManager] = no_more
    cold: bool = False
    """Both sides dump a new object each time."""


GROWTHS = [
    Growth("a function that names 4 packages", "more modules imported", naming_packages, (10, 100, 1000, 10_000), further_modules),
    Growth("functions that share 20 globals", "functions", sharing_globals, (1, 10, 100, 1000)),
    Growth("methods that name a package", "methods", methods_naming_a_package, (1, 10, 100, 1000)),
    Growth("a class", "attributes", attributes, (10, 100, 1000, 10_000)),
    Growth("a function, for the first time", "statements", statements, (1, 10, 100, 1000), cold=True),
    Growth("functions that call one another", "functions in the chain", calling, (1, 10, 100, 1000, 10_000)),
    Growth("lists in lists", "depth", nested, (1, 10, 100, 1000, 10_000, 100_000)),
    Growth("records", "dicts of 4 in a list", records, (1, 10, 100, 1000, 10_000, 100_000)),
]


def clock(dumps, growth, size):
    if not growth.cold:
        return warm(dumps, growth.make(size), PROTOCOL)
    return once(dumps, lambda: growth.make(size), max(1, min(20, 400 // size)), PROTOCOL)


def measured(growth, size, sides, seconds):
    """Nanoseconds by side at one size, and what is wrong; a side that fails on its own is not there."""
    obj = growth.make(size)
    with growth.world(size):
        able = {}
        for side, dumps in sides.items():
            try:
                dumps(obj, PROTOCOL)
                able[side] = dumps
            except Exception as error:
                if side == "ours" or "recursion" not in str(error):
                    return {}, "%s raises %r" % (side, error)
        if len(able) == len(sides):
            why = differing(lambda: able["ours"](obj, PROTOCOL), {"cloudpickle": lambda: able["cloudpickle"](obj, PROTOCOL)})
            if why:
                return {}, why
        rounds = Rounds.of({side: clock(dumps, growth, size) for side, dumps in able.items()}, seconds)
        return {side: rounds.time(side) for side in able}, None


def measure(ours, options):
    sides = {"ours": ours.dumps, "cloudpickle": cloudpickle.dumps}
    columns = "what grows", "from", "to", "ours", "ours grows by", "cloudpickle", "grows by", "times as fast"
    notes = "Times of one dump at each size; on an object that does not grow, a world that does should cost nothing."
    table, panels = Table("growth of dumps", columns, notes), []

    def row(growth):
        points = {side: [] for side in sides}
        sizes = [size for size in growth.sizes if not options.quick or size <= 100]
        for size in sizes:
            found, why = measured(growth, size, sides, options.seconds / 3)
            if why:
                return "%s (at %d)" % (why, size)
            for side, time in found.items():
                points[side].append((size, time))
        cells, ends = [], ""
        for side in sides:
            (first, start), (last, end) = points[side][0], points[side][-1]
            ended = "" if last == sizes[-1] else " at %d, then RecursionError" % last
            ends = ends or ("cloudpickle: RecursionError beyond %s" % picture.count(last) if ended else "")
            cells += ["%s to %s%s" % (shown_time(start), shown_time(end), ended), "%.3gx" % (end / start)]
        common = dict(points["cloudpickle"]).keys() & dict(points["ours"]).keys()
        ratios = [dict(points["cloudpickle"])[size] / dict(points["ours"])[size] for size in sorted(common)]
        fast = " to ".join("%.3gx" % ratio for ratio in (ratios[0], ratios[-1]))
        table.add("%s: %s" % (growth.name, growth.along), sizes[0], sizes[-1], *cells, fast)
        made = [picture.Line(side, colour, points[side]) for side, colour in (("ours", picture.OURS), ("cloudpickle", picture.THEIRS))]
        panels.append(picture.Panel(growth.name, growth.along, made, ends))
        return None

    for growth in wanted(options, GROWTHS):
        attempt(table, growth.name, lambda: row(growth))
    return [table], {"growth": picture.lines("time of one dump, over what grows", panels)}
