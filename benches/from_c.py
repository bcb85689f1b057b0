"""A C program: this library beside what such programs do without it, which is to import cloudpickle and call it."""

import os
import subprocess
import sys
import tempfile

import picture
from clocks import Rounds, shown_time
from sides import HERE, ROOT
from table import Table

sys.path.insert(0, os.path.join(ROOT, "tests", "interpreters"))

import facts  # noqa: E402

NOTES = (
    "A C program that starts Python itself; the other side is the C API: `cloudpickle.dumps`, looked up once, is called, and the bytes "
    "are copied out, handed\nto the callback, or written. The file is in memory (memfd). Of 8 native threads that hold no GIL the "
    "passing time of one dump is shown, of the others processor time."
)


def built(library, folder, name, *flags):
    """The program of a C file beside this one, linked with this Python."""
    program = os.path.join(folder, name)
    includes = ["-I" + os.path.join(ROOT, "include"), *facts.include().split()]
    command = ["cc", "-O2", "-Wall", *includes, os.path.join(HERE, name + ".c"), "-o", program, *flags]
    subprocess.run([*command, *facts.embed().split(), "-lpthread", "-ldl"], check=True)
    return program


def left_out():
    """A table that says why a program cannot be measured, or None."""
    return facts.alone() and Table("from C", ("left out: programs that embed this Python", ""), facts.alone())


def rounds(library, options):
    """{(object, way): Rounds}, as the program reports them."""
    with tempfile.TemporaryDirectory() as folder:
        # The program asks for the library by its soname.
        os.symlink(os.path.abspath(library), os.path.join(folder, "libcloudpickle.so.0"))
        program = built(library, folder, "from_c", os.path.join(folder, "libcloudpickle.so.0"), "-Wl,-rpath," + folder)
        command = [program, sys.executable, HERE, str(options.seconds / 2), *(["quick"] if options.quick else [])]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    times = {}
    for line in said.splitlines():
        name, way, ours, theirs = line.split("\t")
        found = times.setdefault((name, way), {"ours": [], "cloudpickle": []})
        found["ours"].append(float(ours))
        found["cloudpickle"].append(float(theirs))
    return {key: Rounds(found) for key, found in times.items()}


def measure(_, options):
    absent = left_out()
    if absent:
        return [absent], {}
    table, groups = Table("from C", ("a C program", "ours", "cloudpickle", "times as fast"), NOTES), {}
    for (name, way), found in rounds(options.library, options).items():
        ratio, time = found.ratio("cloudpickle"), shown_time(found.time("ours"))
        table.add("%s: %s" % (name, way), time, shown_time(found.time("cloudpickle")), ratio)
        table.count(way, "times as fast", ratio.middle)
        groups.setdefault(name, []).append(picture.Bar(way, ratio.middle, time))
    for way in dict.fromkeys(table.means):
        table.add_mean(way + ": geometric mean", way)
    drawn = picture.bars("from C: times as fast as calling cloudpickle", list(groups.items()))
    return [table], {"from_c": drawn}
