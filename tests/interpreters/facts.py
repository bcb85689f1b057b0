"""What the Makefile needs to know of the Python that runs this: `facts.py NAME...` prints one value for each name.

executable  the base interpreter, also when it was asked through a shim or a virtual environment
name        3.11, with -static (no libpython in the process), -debug or -threaded appended: names its test environment
build       what a library is built for: the name without -static, which takes the same library
full        3.11.7
include     the flags that find Python.h
embed       the flags that link a program with libpython, or nothing when `alone` says why not
alone       why programs that embed this Python cannot be built here, or nothing
"""

import os
import subprocess
import sys
import sysconfig


def mapped(text, word):
    """The files in a /proc/PID/maps whose names contain a word."""
    paths = {line.split(None, 5)[5] for line in text.splitlines() if line.count("/")}
    return {os.path.realpath(path) for path in paths if word in os.path.basename(path)}


def loader_of_the_system():
    return mapped(subprocess.run(["cat", "/proc/self/maps"], capture_output=True, text=True, check=True).stdout, "ld-")


with open("/proc/self/maps") as maps:
    MAPS = maps.read()
VARIABLE = sysconfig.get_config_vars()


def executable():
    return sys._base_executable


def build():
    name = "%d.%d" % sys.version_info[:2]
    if VARIABLE.get("Py_DEBUG"):
        name += "-debug"
    if VARIABLE.get("Py_GIL_DISABLED"):
        name += "-threaded"
    return name


def name():
    return build() if mapped(MAPS, "libpython") or alone() else build() + "-static"


def full():
    return "%d.%d.%d" % sys.version_info[:3]


def include():
    paths = sysconfig.get_paths()
    return " ".join("-I" + path for path in dict.fromkeys([paths["include"], paths["platinclude"]]))


def alone():
    if mapped(MAPS, "ld-") != loader_of_the_system():
        return "it runs with a libc of its own"
    library = os.path.join(VARIABLE["LIBDIR"], VARIABLE.get("INSTSONAME") or "")
    return "" if library.count(".so") and os.path.exists(library) else "it has no shared libpython"


def embed():
    if alone():
        return ""
    directory = VARIABLE["LIBDIR"]
    # The library itself rather than -lpythonX.Y, whose unversioned link comes with the headers only.
    return "%s/%s -Wl,-rpath,%s" % (directory, VARIABLE["INSTSONAME"], directory)


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        print(globals()[wanted]())
