"""Threads that Python made and threads that it did not dump and load shared objects, while others change these, import
modules, register modules and collect garbage, and children are forked; each result is right or a clean error.

THREADS_SECONDS in the environment says for how long. A watchdog ends the process, and shows where each thread was, if
nothing comes to an end for a minute.

On a free-threaded build a fork is made while the other threads rest between two calls: one that waits for the lock of an
object, a dict for instance, may be given it just before the fork, and then the object stays locked in the child for ever,
be it for `dict.copy`."""

import collections
import contextlib
import ctypes
import faulthandler
import gc
import importlib
import io
import os
import pickle
import sys
import sysconfig
import threading
import time
import types

import binding
import pytest
import reports
from conftest import STANDARD_ERROR
from corpus.row import run
from face import libcloudpickle

SECONDS = float(os.environ.get("THREADS_SECONDS", 4))
EACH = 8
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
PATIENCE = int(os.environ.get("THREADS_PATIENCE", 60))

SOURCE = """
import json
import xml.dom

class Base:
    x = 1
    def f(self): return self.x

class Derived(Base):
    def g(self, y=[1]): return super().f() + len(json.dumps(y)) + y[0]

def outer(k):
    def inner(n): return n + k + len(NAMES)
    return inner

closure = outer(40)
NAMES = ("a", "b")
"""
MADE = run(SOURCE, __name__="__main__")
CLOSURE, DERIVED = MADE["closure"], MADE["Derived"]
# What others change all the time: keys come and go, values are of any kind.
SHARED = {"always": CLOSURE, "list": [], "attributes": types.SimpleNamespace()}
MODULES = [types.ModuleType("threads_module_%d" % n) for n in range(4)]
for module in MODULES:
    exec("def f(n): return n + 1", module.__dict__)
    sys.modules[module.__name__] = module
# Imported and thrown away again; afterwards those are back that were there before, which other tests know.
IMPORTED = ("colorsys", "sndhdr", "chunk", "this_is_none", "quopri", "stringprep", "wave", "nntplib", "mailcap", "this_neither")

# What may go wrong where a container is changed by another thread.
CLEAN = {"builtins.RuntimeError", "builtins.KeyError", "builtins.IndexError", "_pickle.PicklingError"}


def dump_and_load(seen):
    data = reports.dumps([CLOSURE, DERIVED, DERIVED()])
    assert data.status == reports.OK, data
    found = reports.loads(data.object)
    assert found.status == reports.OK, found
    closure, derived, instance = found.object
    assert closure(2) == 44 and derived is DERIVED and type(instance) is DERIVED and instance.g() == 5
    seen["right"] += 1


def dump_what_changes(seen):
    data = reports.dumps(SHARED)
    if data.status != reports.OK:
        assert data.type in CLEAN, data
        seen["clean error"] += 1
        return
    found = pickle.loads(data.object) if seen["right"] % 3 == 0 else binding.loads(data.object)
    assert found["always"](2) == 44
    seen["right"] += 1


def dump_modules(seen):
    """A function of a module that another thread registers and takes off: by value or by reference."""
    module = MODULES[seen["right"] % len(MODULES)]
    data = reports.dumps([module.f])
    assert data.status == reports.OK, data
    assert binding.loads(data.object)[0](4) == 5
    seen["right"] += 1


def dump_new_classes(seen):
    made = run("class New:\n    def f(self): return 3", __name__="__main__")["New"]
    data = reports.dumps(made)
    assert data.status == reports.OK and reports.loads(data.object).object is made
    seen["right"] += 1


WORK = (dump_and_load, dump_what_changes, dump_modules, dump_new_classes)


def change(number):
    key = "key %d" % (number % 97)
    if number % 3:
        SHARED[key] = [number, {number: (CLOSURE,)}, DERIVED()]
    else:
        SHARED.pop(key, None)
    SHARED["list"].append(number)
    if len(SHARED["list"]) > 1000:
        SHARED["list"].clear()
    setattr(SHARED["attributes"], "a%d" % (number % 50), number)


def import_modules(number):
    name = IMPORTED[number % len(IMPORTED)]
    sys.modules.pop(name, None)
    try:
        importlib.import_module(name)
    except ImportError:
        pass
    time.sleep(0.001)


def register(number):
    module = MODULES[number % len(MODULES)]
    binding.library.cp_register_by_value(ctypes.py_object(module), None)
    binding.library.cp_unregister_by_value(ctypes.py_object(module), None)


def collect(number):
    gc.collect(number % 3)
    time.sleep(0.01)


DISTURB = (change, import_modules, register, collect)


class Rest:
    """Lets all workers and disturbers rest between two calls."""

    def __init__(self, count):
        self.count, self.resting, self.wanted, self.changed = count, 0, False, threading.Condition()

    def here(self):
        """Rests, if that is wanted."""
        if not self.wanted:
            return
        with self.changed:
            self.resting += 1
            self.changed.notify_all()
            self.changed.wait_for(lambda: not self.wanted)
            self.resting -= 1

    def leave(self):
        """For one that does not come back."""
        with self.changed:
            self.count -= 1
            self.changed.notify_all()

    def __enter__(self):
        with self.changed:
            self.wanted = True
            assert self.changed.wait_for(lambda: self.resting == self.count, PATIENCE), "not all came to rest"

    def __exit__(self, *_):
        with self.changed:
            self.wanted = False
            self.changed.notify_all()


class Watchdog:
    """Ends the process, with a word about each thread, unless it is told that all is well often enough."""

    def __enter__(self):
        self.fed()
        return self

    def fed(self):
        faulthandler.dump_traceback_later(PATIENCE, exit=True, file=STANDARD_ERROR)

    def __exit__(self, *_):
        faulthandler.cancel_dump_traceback_later()


def native(body):
    """A thread that Python did not make; the function that waits for it."""
    libc = ctypes.CDLL(None)
    start = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(lambda _: body())
    thread = ctypes.c_ulong()
    assert libc.pthread_create(ctypes.byref(thread), None, start, None) == 0

    def wait(start=start):
        assert libc.pthread_join(thread, None) == 0

    return wait


def made_by_python(body):
    thread = threading.Thread(target=body)
    thread.start()
    return thread.join


def fork_and_work(around_fork):
    """A child, in the middle of all that, does the same by itself."""
    with around_fork:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                # The watchdog is not in the child; its parent watches it.
                dump_and_load(collections.Counter())
                dump_new_classes(collections.Counter())
                status = 0
            finally:
                os._exit(status)
    until = time.monotonic() + PATIENCE
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert status == 0, "the child ended with %d" % status
            return
        if time.monotonic() > until:
            os.kill(child, 9)
            os.waitpid(child, 0)
            raise AssertionError("the child hangs")
        time.sleep(0.002)


@pytest.mark.filterwarnings("ignore")
def test_threads():
    stop, failures, counts = threading.Event(), [], []
    rest = Rest(2 * EACH + len(DISTURB))
    around_fork = rest if FREE_THREADED else contextlib.nullcontext()

    def worker(number):
        seen = collections.Counter()
        counts.append(seen)

        def body():
            turn = number
            try:
                while not stop.is_set() and not failures:
                    rest.here()
                    WORK[turn % len(WORK)](seen)
                    turn += 1
            except BaseException as failure:
                failures.append(failure)
            finally:
                rest.leave()

        return body

    def disturber(disturb):
        def body():
            number = 0
            try:
                while not stop.is_set() and not failures:
                    rest.here()
                    disturb(number)
                    number += 1
            except BaseException as failure:
                failures.append(failure)
            finally:
                rest.leave()

        return body

    imported = {name: sys.modules[name] for name in IMPORTED if name in sys.modules}
    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.0002)
    forks, until = 0, time.monotonic() + SECONDS
    with Watchdog() as watchdog:
        waits = [native(worker(number)) for number in range(EACH)] + [made_by_python(worker(number)) for number in range(EACH)]
        waits += [made_by_python(disturber(disturb)) for disturb in DISTURB]
        try:
            before = -1
            while time.monotonic() < until and not failures:
                fork_and_work(around_fork)
                forks += 1
                done = sum(sum(seen.values()) for seen in counts)
                if done > before:
                    watchdog.fed()
                before = done
                time.sleep(0.05)
        finally:
            stop.set()
            for wait in waits:
                wait()
            sys.setswitchinterval(interval)
            for name in IMPORTED:
                sys.modules.pop(name, None)
            sys.modules.update(imported)
    if failures:
        raise failures[0]
    if FREE_THREADED:
        assert not sys._is_gil_enabled()
    seen = sum(counts, collections.Counter())
    print("%d threads for %g s: %d results right, %d clean errors, %d forks" % (2 * EACH, SECONDS, seen["right"], seen["clean error"], forks))
    assert all(each["right"] for each in counts) and forks


def test_one_pickler_and_unpickler_for_all():
    """Whatever threads do with one Pickler, with one Unpickler and with their memos: it is right, or refused."""
    data = pickle.dumps([DERIVED.__name__, "text"], 4)
    said = []

    class Written(list):
        write = list.append

    written = Written()
    pickler = libcloudpickle.Pickler(written)
    unpickler = libcloudpickle.Unpickler(io.BytesIO(data * 100))
    table = dict(libcloudpickle.Pickler.dispatch_table)
    tries = (
        lambda: pickler.dump([CLOSURE, "text"]),
        lambda: pickler.dump({"list": SHARED["list"]}),
        lambda: pickler.clear_memo(),
        lambda: pickler.memo.copy(),
        lambda: setattr(pickler, "memo", {}),
        lambda: setattr(pickler, "memo", pickler.memo),
        lambda: setattr(pickler, "dispatch_table", table),
        lambda: delattr(pickler, "dispatch_table"),
        lambda: setattr(pickler, "attribute", 3),
        lambda: setattr(pickler, "__dict__", {}),
        lambda: setattr(pickler, "globals_ref", {}),
        lambda: pickler.__init__(written),
        lambda: unpickler.load() == [DERIVED.__name__, "text"] or said.append("wrong"),
        lambda: unpickler.memo.copy(),
        lambda: setattr(unpickler, "memo", {3: "three"}),
        lambda: unpickler.find_class("builtins", "len") is len or said.append("wrong"),
        lambda: unpickler.__init__(io.BytesIO(data * 100)),
        gc.collect,
    )
    until = time.monotonic() + SECONDS / 8

    def body(number):
        turn = number
        while time.monotonic() < until and not said:
            try:
                tries[turn % len(tries)]()
            except (RuntimeError, AttributeError, EOFError, pickle.UnpicklingError) as refused:
                known = ("already used", "dispatch_table", "Ran out of input", "truncated", "changed size")
                if not any(words in str(refused) for words in known):
                    said.append(repr(refused))
            except BaseException as failure:
                said.append(repr(failure))
            turn += number % 5 + 1

    with Watchdog():
        for wait in [made_by_python(lambda number=number: body(number)) for number in range(EACH)]:
            wait()
    assert not said, said[:3]
