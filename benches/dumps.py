"""dumps: functions and classes against cloudpickle and dill, data against C pickle, cloudpickle, dill, and encoders of
other formats."""

import pickle
from time import perf_counter

import cloudpickle

import picture
import workloads
from clocks import Rounds, after, once, shown_size, shown_time, warm
from sides import PROTOCOL, attempt, differing, dill, marks, wanted
from table import Table

FIRSTS = 32
"""How many objects that nobody has seen yet a round dumps, where they are small."""


def dill_clock(obj):
    """A clock for dill, or nothing where it cannot dump the object."""
    found = dill()
    if not found:
        return {}
    try:
        found.dumps(obj, PROTOCOL)
    except Exception:
        return {}
    return {"dill": warm(found.dumps, obj, PROTOCOL)}


def code(ours, options):
    """Functions and classes: warm, cold, and both sides for the first time."""
    columns = "of __main__", "ours", "size", "cloudpickle, warm", "cold", "both first", "dill", "target warm / cold", ""
    notes = (
        "Times as fast as the other side. *Cold*: cloudpickle's cache of what a code object names is emptied before each dump, "
        "ours is not.\n*Both first*: each side dumps a new object, compiled anew, that nobody has dumped before.\n"
        "*dill* as it is by default; it writes the module by its name only."
    )
    table, bars = Table("dumps: functions and classes", columns, notes), {"function": [], "class": []}
    empty = cloudpickle.cloudpickle._extract_code_globals_cache.data.clear

    def row(made):
        obj = made.make(options.scale)
        why = differing(lambda: ours.dumps(obj, PROTOCOL), {"cloudpickle": lambda: cloudpickle.dumps(obj, PROTOCOL)})
        if why:
            return why
        clocks = {"ours": warm(ours.dumps, obj, PROTOCOL), "warm": warm(cloudpickle.dumps, obj, PROTOCOL)}
        clocks["cold"] = after(empty, cloudpickle.dumps, obj, PROTOCOL)
        start = perf_counter()
        made.make(options.scale)
        count = max(1, min(FIRSTS, int(0.02 / (perf_counter() - start))))
        clocks["ours first"] = once(ours.dumps, lambda: made.make(options.scale), count, PROTOCOL)
        clocks["first"] = once(cloudpickle.dumps, lambda: made.make(options.scale), count, PROTOCOL)
        clocks.update(dill_clock(obj))
        rounds = Rounds.of(clocks, options.seconds)
        warmed, colder, first = rounds.ratio("warm"), rounds.ratio("cold"), rounds.ratio("first", "ours first")
        by_dill = rounds.ratio("dill") if "dill" in clocks else None
        aims = workloads.WARM.get(made.name), workloads.COLD.get(made.name)
        judged = [
            table.judged(made.name, what, ratio.middle, aim)
            for what, ratio, aim in zip(("warm", "cold"), (warmed, colder), aims)
            if aim
        ]
        target = " / ".join("%gx" % aim for aim in aims if aim)
        if made.name == "lambda":
            target += ", %s" % shown_time(workloads.LAMBDA_NS)
            judged.append(table.judged(made.name, "time", rounds.time("ours"), workloads.LAMBDA_NS, "%.0f ns", least=False))
        for column, ratio in zip(columns[3:], (warmed, colder, first, by_dill)):
            if ratio:
                table.count(made.kind, column, ratio.middle)
        size = len(ours.dumps(obj, PROTOCOL))
        marked = by_dill or "fails"
        table.add(made.name, shown_time(rounds.time("ours")), shown_size(size), warmed, colder, first, marked, target, "; ".join(judged))
        bars[made.kind].append(picture.Bar(made.name, warmed.middle, shown_time(rounds.time("ours")), aims[0], colder.middle))
        return None

    for made in wanted(options, workloads.CODE):
        attempt(table, made.name, lambda: row(made))
    table.add_mean("functions: geometric mean", "function")
    table.add_mean("classes: geometric mean", "class")
    return table, bars


def data(ours, options, kind):
    """Plain data, and what goes by reference."""
    title = {"plain": "dumps: plain data", "reference": "dumps: instances of importable classes, and by reference"}[kind]
    columns = "importable" if kind == "reference" else "plain data", "ours", "size", "C pickle", "cloudpickle", "dill", "target", ""
    table, bars = Table(title, columns, "Times as fast as the other side."), []

    def row(made):
        obj = made.make(options.scale)
        oracles = {"pickle": lambda: pickle.dumps(obj, PROTOCOL), "cloudpickle": lambda: cloudpickle.dumps(obj, PROTOCOL)}
        why = differing(lambda: ours.dumps(obj, PROTOCOL), oracles)
        if why:
            return why
        calls = {"ours": ours.dumps, "pickle": pickle.dumps, "cloudpickle": cloudpickle.dumps}
        clocks = {side: warm(call, obj, PROTOCOL) for side, call in calls.items()}
        clocks.update(dill_clock(obj))
        rounds = Rounds.of(clocks, options.seconds)
        ratios = [rounds.ratio(side) if side in clocks else None for side in ("pickle", "cloudpickle", "dill")]
        for column, ratio in zip(columns[3:], ratios):
            if ratio:
                table.count(kind, column, ratio.middle)
        aims, judged = [], []
        if kind == "plain":
            aims.append("%gx pickle" % workloads.PLAIN)
            judged.append(table.judged(made.name, "C pickle", ratios[0].middle, workloads.PLAIN))
        if made.name in workloads.WARM:
            aims.append("%gx cloudpickle" % workloads.WARM[made.name])
            judged.append(table.judged(made.name, "cloudpickle", ratios[1].middle, workloads.WARM[made.name]))
        size = len(ours.dumps(obj, PROTOCOL))
        shown = [ratio or "fails" for ratio in ratios]
        table.add(made.name, shown_time(rounds.time("ours")), shown_size(size), *shown, ", ".join(aims), "; ".join(judged))
        aim = workloads.WARM.get(made.name) if kind == "reference" else workloads.PLAIN
        middle = ratios[1 if kind == "reference" else 0].middle
        bars.append(picture.Bar(made.name, middle, shown_time(rounds.time("ours")), aim))
        return None

    for made in wanted(options, [made for made in workloads.DATA if made.kind == kind]):
        attempt(table, made.name, lambda: row(made))
    table.add_mean("geometric mean", kind)
    if kind == "plain" and table.mean(kind, "C pickle"):
        aim = workloads.PLAIN_MEAN
        judged = table.judged("geometric mean", "C pickle", table.mean(kind, "C pickle"), aim)
        table.rows[-1][-2:] = ["%gx pickle" % aim, judged]
    return table, bars


def outside(ours, options):
    """Plain data beside encoders of other formats."""
    found = marks()
    columns = "plain data", "ours", *(mark.name for mark in found), "target", ""
    notes = (
        "Times as fast as the other side; below 1: slower. marshal, JSON (orjson) and MessagePack (msgspec) are other formats, which "
        "keep neither identity nor most types; they are here as marks only."
    )
    table = Table("dumps: plain data beside other formats", columns, notes)

    def row(made):
        obj = made.make(options.scale)
        known = [mark for mark in found if made.name in mark.knows]
        clocks = {"ours": warm(ours.dumps, obj, PROTOCOL), **{mark.name: warm(mark.dumps, obj) for mark in known}}
        rounds = Rounds.of(clocks, options.seconds)
        ratios = {mark.name: rounds.ratio(mark.name) for mark in known}
        for name, ratio in ratios.items():
            table.count("plain", name, ratio.middle)
        aim = workloads.ENCODERS.get(made.name)
        rivals = [name for name in ("orjson", "msgspec") if name in ratios]
        judged = [table.judged(made.name, name, ratios[name].middle, aim) for name in rivals] if aim else []
        target = "level with both" if aim else ""
        table.add(made.name, shown_time(rounds.time("ours")), *(ratios.get(mark.name, "") for mark in found), target, "; ".join(judged))
        return None

    for made in wanted(options, [made for made in workloads.DATA if made.kind == "plain"]):
        if any(made.name in mark.knows for mark in found):
            attempt(table, made.name, lambda: row(made))
    table.add_mean("geometric mean", "plain")
    return table


def measure(ours, options):
    by_code, code_bars = code(ours, options)
    plain, plain_bars = data(ours, options, "plain")
    reference, reference_bars = data(ours, options, "reference")
    beside = outside(ours, options)
    groups = [
        ("Functions, against cloudpickle", code_bars["function"]),
        ("Classes and their instances, against cloudpickle", code_bars["class"]),
        ("Instances of importable classes and names, against cloudpickle", reference_bars),
        ("Plain data, against C pickle", plain_bars),
    ]
    drawn = picture.bars("dumps: times as fast, in the same bytes", groups)
    return [by_code, reference, plain, beside], {"dumps": drawn}
