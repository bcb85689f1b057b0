"""Who is measured: this library, and those that are there."""

import importlib.util
import os
import pickle
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import warnings

import cloudpickle

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(ROOT, "tests", "python"))

from compare import TRACKER_ID, new_classes, with_anonymous_trackers  # noqa: E402  of the tests
from corpus.row import run  # noqa: E402

PROTOCOL = 5


def extension(name, folder, *flags):
    """The extension module of a C file beside this one, built in a folder that is gone afterwards."""
    folder = tempfile.mkdtemp(prefix="bench-", dir=folder)
    try:
        built = os.path.join(folder, name + sysconfig.get_config_var("EXT_SUFFIX"))
        paths = sysconfig.get_paths()
        includes = ["-I" + path for path in (os.path.join(ROOT, "include"), paths["include"], paths["platinclude"])]
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


class Mark:
    """Another format, as a mark from outside: what it is called by, and which workloads it knows."""

    def __init__(self, name, dumps, loads, knows):
        self.name, self.dumps, self.loads, self.knows = name, dumps, loads, knows


JSON = {
    "100k ints", "100k floats", "100k unique strs", "10k dicts of 8", "1 MB JSON-like", "1M-element tuple tree",
    "dict of 100k", "1M None/bool", "small message",
}


def marks():
    """Those that are installed; none of them keeps identity or knows Python's other types."""
    import marshal

    found = [Mark("marshal", marshal.dumps, marshal.loads, JSON | {"set of 100k", "100 MB bytes"})]
    try:
        import orjson

        found.append(Mark("orjson", orjson.dumps, orjson.loads, JSON))
    except ImportError:
        found.append(Mark("orjson", None, None, set()))
    try:
        import msgspec

        encode, decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder().decode
        found.append(Mark("msgspec", encode, decode, JSON | {"set of 100k", "100 MB bytes"}))
    except ImportError:
        found.append(Mark("msgspec", None, None, set()))
    return found


def dill():
    """dill's dumps and loads, or nothing."""
    try:
        import dill
    except ImportError:
        return None
    warnings.filterwarnings("ignore", category=dill.PicklingWarning)
    return dill


def oracle(made):
    """Who says which bytes are right for a workload."""
    return pickle.dumps if made.kind in ("plain", "reference") else cloudpickle.dumps


def differing(ours, sides):
    """What is wrong with a dump, or None. The first dump of an object may change it (copyreg notes the slots of a
    class), so it does not count."""
    for dump in sides.values():
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


def differing_objects(made, obj, mine, theirs):
    """What is wrong with an object that we loaded, or None."""
    if made.kind in ("plain", "reference"):
        return None if type(mine) is type(obj) and mine == obj else "what we load is not equal to what was dumped"
    if made.check:
        run(made.check, result=mine)
    a, b = (with_anonymous_trackers(cloudpickle.dumps(loaded, PROTOCOL)) for loaded in (mine, theirs))
    return None if a == b else "what we load is dumped in other bytes than what pickle.loads loads"


def has_classes(data):
    return TRACKER_ID.search(data) is not None


def attempt(table, name, measure):
    """Runs a row; whatever happens is said in its place."""
    try:
        why = measure()
    except Exception as error:
        why = "%s: %s" % (type(error).__name__, str(error)[:150])
    if why:
        table.fails(name, why)


def wanted(options, all_made):
    return [made for made in all_made if re.search(options.only, made.name)]
