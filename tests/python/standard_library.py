"""standard_library.py SEED SHARE: dumps what is in the standard library's public modules, and copies of it as `__main__` would have it,
by both, and prints one JSON object: how many of what were compared, and the first differences.

Runs in a process of its own, since all modules get imported. SHARE is the part of 100 that is looked at."""

import importlib
import json
import pkgutil
import random
import sys
import sysconfig
import types
import warnings

import binding
import cloudpickle  # noqa: F401
from compare import by_cloudpickle, difference, outcome

LEFT_OUT = {"antigravity", "this", "idlelib", "turtledemo", "test", "lib2to3", "site", "sitecustomize", "usercustomize", "ensurepip", "pip", "tkinter", "turtle", "pydoc_data", "config", "distutils"}
PROTOCOLS = (2, 3, 4, 5)


def names():
    """The public modules, those within packages included."""
    library = sysconfig.get_path("stdlib")
    found = {name for name in sys.builtin_module_names if not name.startswith("_")}
    found.update(module.name for module in pkgutil.iter_modules([library, sysconfig.get_path("platstdlib") + "/lib-dynload"]))
    for name in ("asyncio", "collections", "concurrent", "ctypes", "email", "encodings", "html", "http", "importlib", "json", "logging", "multiprocessing", "os", "unittest", "urllib", "wsgiref", "xml", "xmlrpc", "sqlite3", "dbm", "zoneinfo"):
        inner = pkgutil.iter_modules([library + "/" + name])
        found.update("%s.%s" % (name, module.name) for module in inner)
    for name in sorted(found):
        if not any(part.startswith("_") or part in LEFT_OUT for part in name.split(".")):
            yield name


def modules():
    for name in names():
        try:
            yield importlib.import_module(name)
        except (Exception, SystemExit):
            # For other systems, or built without what it needs.
            seen["modules that do not import"] += 1


def copy_of(obj):
    """The same as if `__main__` had defined it, or None."""
    if type(obj) is types.FunctionType:
        made = types.FunctionType(obj.__code__, obj.__globals__, obj.__name__, obj.__defaults__, obj.__closure__)
        made.__kwdefaults__, made.__doc__, made.__qualname__, made.__module__ = obj.__kwdefaults__, obj.__doc__, obj.__qualname__, "__main__"
        made.__dict__.update(obj.__dict__)
        if sys.version_info < (3, 14):
            made.__annotations__ = obj.__annotations__
        return made
    if isinstance(obj, type) and "__module__" in vars(obj):
        slots = vars(obj).get("__slots__", ())
        slots = {slots} if isinstance(slots, str) else set(slots)
        slots |= {"_%s%s" % (obj.__name__.lstrip("_"), slot) for slot in slots}
        gone = {"__dict__", "__weakref__", "_abc_impl", *slots}
        members = {name: value for name, value in vars(obj).items() if name not in gone}
        return type(obj)(obj.__name__, obj.__bases__, {**members, "__module__": "__main__"})
    return None


def again(obj):
    try:
        return copy_of(obj)
    except Exception:
        return None


def check(kind, name, protocol, ours, theirs):
    seen[kind] += 1
    if theirs.error is not None:
        seen["refused"] += 1
    found = difference(ours, theirs)
    if found is not None:
        differences.append("%s %s, protocol %d: %s" % (kind, name, protocol, found[:1500]))


def both(obj, protocol):
    """Warm: the oracle has seen it, and is asked again."""
    outcome(by_cloudpickle, obj, protocol)
    theirs = outcome(by_cloudpickle, obj, protocol)
    return outcome(binding.dumps, obj, protocol), theirs


def look(name, obj, protocols, depth=1):
    for protocol in protocols:
        check("object", name, protocol, *both(obj, protocol))
    first, second = again(obj), again(obj)
    if first is not None and second is not None:
        theirs = outcome(by_cloudpickle, first, protocols[0])
        check("copy, cold", name, protocols[0], outcome(binding.dumps, second, protocols[0]), theirs)
        for protocol in protocols:
            check("copy", name, protocol, *both(second, protocol))
    if isinstance(obj, type) and depth:
        for attribute, value in list(vars(obj).items()):
            if not attribute.startswith("_") and chosen():
                look("%s.%s" % (name, attribute), value, protocols[:1], depth - 1)


def chosen():
    return dice.random() * 100 < share


def main():
    for module in list(modules()):
        for name, obj in sorted(vars(module).items(), key=lambda item: str(item[0])):
            if str(name).startswith("_") or not chosen():
                continue
            protocols = PROTOCOLS if share == 100 else [dice.choice(PROTOCOLS)]
            look("%s.%s" % (module.__name__, name), obj, protocols)


seed, share = int(sys.argv[1]), float(sys.argv[2])
dice = random.Random(seed)
seen, differences = dict.fromkeys(("object", "copy", "copy, cold", "refused", "modules that do not import"), 0), []
warnings.simplefilter("ignore")
# What is printed while modules are imported is not the answer.
answer, sys.stdout = sys.stdout, sys.stderr
main()
print(json.dumps({"seen": seen, "differences": differences[:20], "found": len(differences)}), file=answer, flush=True)
