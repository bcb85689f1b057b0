"""python run.py LIBRARY [PART...]: the speed of a release libcloudpickle.so, in ratios to others.

Each part runs in a process of its own. Tables are printed while they are measured; all of them and the pictures go into
a document. With --quick every program runs, on small objects and for a moment: its figures mean nothing.
"""

import argparse
import hashlib
import os
import pickle
import subprocess
import sys
from time import perf_counter

import machine
from sides import HERE, ROOT, bridge

PARTS = "dumps", "loads", "from_c", "growth", "start", "memory", "instructions"
LEAD = """\
How fast libcloudpickle is, beside those that are there. `make bench` writes this page and its pictures anew.

- All sides run in one process in turn, round by round; a ratio is taken within a round. Shown are the median of the
  rounds' ratios and, in brackets, their quartiles. *21x*: the other side takes 21 times as long. Times are processor time
  of the calling thread, and the collector is off meanwhile. What slows the machine slows all sides; counts of
  instructions do not depend on it.
- Before a row is timed, its bytes are compared with cloudpickle's or C pickle's; a row whose bytes differ has no figures.
- Instructions, processor time of what starts anew, and peak memory do not depend on what else runs.
- Targets were set before the library was written, from throw-away prototypes. Where one is missed the row says so.
- The library is the one that `make install` installs: `make guided` builds it, with a profile.
- [builds.md](builds.md) says what other settings of the build would give.
"""


def result_of(options, part):
    """Where a part's result for this library is kept."""
    with open(options.library, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()[:16]
    folder = os.path.join(ROOT, "build", "bench", "results")
    os.makedirs(folder, exist_ok=True)
    only = hashlib.sha256(options.only.encode()).hexdigest()[:8] if options.only else "all"
    return os.path.join(folder, "-".join((digest, part, "quick" if options.quick else "full", only)))


def run_part(options):
    """Measures one part and leaves it in a file."""
    part = __import__(options.part)
    measured = part.measure(bridge(options.library), options)
    with open(result_of(options, options.part), "wb") as file:
        pickle.dump(measured, file)


def summary(tables):
    met, missed = sum(table.met for table in tables), [one for table in tables for one in table.missed]
    lines = ["%d of %d targets are reached." % (met, met + len(missed)), ""]
    if missed:
        lines += ["Missed, by how much:", "", "| table | row | beside | is | should be |", "|---|---|---|--:|--:|"]
        lines += ["| %s |" % " | ".join(one) for one in missed]
    return lines + [""]


def write(folder, described, results):
    """benchmarks.md, and a folder of pictures beside it."""
    pictures = os.path.join(folder, "pictures")
    os.makedirs(pictures, exist_ok=True)
    tables = [table for found, _ in results.values() for table in found]
    lines = ["# Benchmarks", "", LEAD, *("- " + line for line in described), ""]
    if "dumps" in results:
        lines += ["![dumps, times as fast](pictures/benchmark_dumps.svg)", ""]
    lines += ["## Targets", "", *summary(tables)]
    for part, (found, drawn) in results.items():
        lines += ["## " + found[0].title.split(":")[0], ""]
        for name, text in drawn.items():
            with open(os.path.join(pictures, "benchmark_%s.svg" % name), "w", encoding="utf-8") as file:
                file.write(text)
            if name != "dumps":
                lines += ["![%s](pictures/benchmark_%s.svg)" % (name, name), ""]
        lines += [table.markdown() for table in found]
    with open(os.path.join(folder, "benchmarks.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines).rstrip() + "\n")


def main():
    parser = argparse.ArgumentParser(description="The speed of a release libcloudpickle.so, in ratios to others.")
    parser.add_argument("library")
    parser.add_argument("parts", nargs="*", default=PARTS, help="which of %s; all of them if none is named" % ", ".join(PARTS))
    parser.add_argument("--seconds", type=float, default=1.0, help="time for each row")
    parser.add_argument("--only", default="", help="only rows whose name has this regular expression")
    parser.add_argument("--quick", action="store_true", help="small objects, one moment for each row")
    parser.add_argument("--write", help="folder for the document")
    parser.add_argument("--keep", help="folder for callgrind's files, for callgrind_annotate")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--guided", action="store_true", help="the library was built with a profile, as it is installed")
    parser.add_argument("--stored", action="store_true", help="parts that were measured for this library are not measured again")
    options = parser.parse_args()
    options.scale = 0.01 if options.quick else 1
    if options.quick:
        options.seconds = 0.001
    if options.part:
        return run_part(options)
    start, described = perf_counter(), machine.described(bridge(options.library).version, options.guided)
    print("\n".join(described), flush=True)
    results, failed = {}, []
    for part in options.parts:
        kept = result_of(options, part)
        if not (options.stored and os.path.exists(kept)):
            command = [sys.executable, os.path.join(HERE, "run.py"), *sys.argv[1:], "--part", part]
            if subprocess.run(command).returncode != 0:
                failed.append(part)
                continue
        with open(kept, "rb") as file:
            results[part] = pickle.load(file)
    tables = [table for found, _ in results.values() for table in found]
    broken = [row for table in tables for row in table.broken]
    print("\n" + "\n".join(summary(tables)))
    if options.write and not failed:
        write(options.write, described, results)
    for row in broken:
        print("fails: " + row)
    for part in failed:
        print("fails: the whole part " + part)
    print("%.0f seconds. %s" % (perf_counter() - start, "There are failures." if broken or failed else "No row differs or fails."))
    return 1 if broken or failed else 0


if __name__ == "__main__":
    sys.exit(main())
