"""loads: against pickle.loads, which is also cloudpickle's, dill's, and decoders of other formats."""

import pickle

import picture
import workloads
from clocks import Rounds, once, shown_time, warm
from sides import PROTOCOL, attempt, differing_objects, dill, has_classes, marks, new_classes, oracle, wanted
from table import Table

FIRSTS = 32
TITLES = {
    "plain": "plain data",
    "reference": "importable",
    "function": "functions",
    "class, known": "classes that the process knows",
    "class, new": "classes that are new to it",
}


def measure(ours, options):
    found = marks()
    columns = "workload", "ours", "pickle.loads", "dill", *(mark.name for mark in found), "target", ""
    notes = (
        "Times as fast as the other side. cloudpickle.loads is pickle.loads. dill loads its own bytes.\n*Known*: classes that "
        "the process has loaded before; *new*: it has not. The code of functions was always loaded before."
    )
    table, bars = Table("loads", columns, notes), {title: [] for title in TITLES.values()}

    def outside(made, obj):
        clocks = {mark.name: warm(mark.loads, mark.dumps(obj)) for mark in found if made.name in mark.knows}
        by_dill = dill()
        try:
            data = by_dill.dumps(obj, PROTOCOL)
            by_dill.loads(data)
            clocks["dill"] = warm(by_dill.loads, data)
        except Exception:  # it is not there, or cannot do this one
            pass
        return clocks

    def row(made):
        obj = made.make(options.scale)
        data = oracle(made)(obj, PROTOCOL)
        # Classes that both know would get their attributes from whoever loads last.
        why = differing_objects(made, obj, ours.loads(new_classes(data)), pickle.loads(new_classes(data)))
        if why:
            return why
        calls = {"ours": ours.loads, "pickle.loads": pickle.loads}
        others = outside(made, obj)
        ways = [("", {side: warm(call, data) for side, call in calls.items()})]
        if made.kind == "class" and has_classes(data):
            count = max(1, min(FIRSTS, 2_000_000 // len(data)))
            new = {side: once(call, lambda: new_classes(data), count) for side, call in calls.items()}
            ways = [(", known", ways[0][1]), (", new", new)]
        for way, clocks in ways:
            if way != ", new":
                clocks.update(others)
            rounds = Rounds.of(clocks, options.seconds / len(ways))
            ratios = {side: rounds.ratio(side) for side in clocks if side != "ours"}
            group = made.kind + (way or ", new" if made.kind == "class" else "")
            for side, ratio in ratios.items():
                table.count(group, side, ratio.middle)
            aim, middle = workloads.LOADS[made.kind], ratios["pickle.loads"].middle
            judged = table.judged(made.name + way, "pickle.loads", middle, aim)
            shown = [ratios.get(side, "") for side in columns[2:-2]]
            time = shown_time(rounds.time("ours"))
            table.add(made.name + way, time, *shown, "%gx" % aim, judged)
            bars[TITLES[group]].append(picture.Bar(made.name, middle, time, aim))
        return None

    for made in wanted(options, workloads.DATA + workloads.CODE):
        attempt(table, made.name, lambda: row(made))
    for group, title in TITLES.items():
        table.add_mean(title + ": geometric mean", group)
        if group == "plain" and table.mean(group, "pickle.loads"):
            aim = workloads.LOADS_PLAIN_MEAN
            judged = table.judged("plain data: geometric mean", "pickle.loads", table.mean(group, "pickle.loads"), aim)
            table.rows[-1][-2:] = ["%gx" % aim, judged]
    groups = [(title[0].upper() + title[1:], mine) for title, mine in bars.items()]
    drawn = picture.bars("loads: times as fast as pickle.loads", groups)
    return [table], {"loads": drawn}
