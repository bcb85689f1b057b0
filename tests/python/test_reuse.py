"""Picklers go from one dump to the next: nothing that one dump did shows in those that follow, or in those that it runs
inside of itself."""

import gc
import pickle
import threading
import weakref

import binding
import pytest
from compare import by_cloudpickle
from corpus.importable import Plain
from corpus.row import run
from face import libcloudpickle

LOCK = threading.Lock()


class Calls:
    """Calls something while it is reduced."""

    def __init__(self, call):
        self.call = call

    def __reduce__(self):
        return str, (str(self.call()),)


class Failing:
    def __reduce__(self):
        raise ZeroDivisionError("asked")


def code():
    """Fresh code at each call, so that nothing is known of it."""
    return run("import functools\ndef helper(x): return x\nclass C:\n    def f(self): return helper(self)\nresult = [helper, C, functools.partial(helper, 1), [C] * 2, 'text' * 3]")["result"]


def buffers():
    return [pickle.PickleBuffer(bytearray(b"a" * 100)), bytes(range(256)) * 300]


def failing_sink(data):
    return -1


BEFORE = {
    "a failure deep inside": lambda: binding.dumps([[{"k": (1, LOCK)}], code()]),
    "a failure in Python code": lambda: binding.dumps([code(), Failing()]),
    "a failure inside a plan": lambda: binding.dumps(run("class Inner: pass\nclass result(Inner):\n    a = lock\n    def f(self): return Inner", lock=LOCK)["result"]),
    "a limit of depth": lambda: binding.dumps_to_memory([[[[[[1]]]]]], max_depth=2),
    "a limit of bytes": lambda: binding.dumps_to_memory(["x" * 100000, code()], max_bytes=50),
    "a sink that fails": lambda: binding.dump_to_callback([code(), ["y" * 100] * 5000, list(range(100000))], failing_sink),
    "buffers": lambda: binding.dumps_to_memory(buffers(), on_buffer=lambda data, readonly: 0),
    "protocol 0": lambda: binding.dumps([code(), 1.5, "é"], 0),
    "hundreds of thousands of objects": lambda: binding.dumps([Plain(a=[n]) for n in range(70000)]),
    "a large output": lambda: binding.dumps([b"z" * 3_000_000, "u" * 3_000_000, code()]),
    "hooks": lambda: hooked().dump(code()),
    "fast": lambda: fast().dump([code(), [1, "a"]]),
}


class Sink:
    def write(self, data):
        return len(data)


def hooked():
    class Hooked(libcloudpickle.Pickler):
        def persistent_id(self, obj):
            return "id" if isinstance(obj, str) else None

        def reducer_override(self, obj):
            return super().reducer_override(obj)

    return Hooked(Sink())


def fast():
    pickler = libcloudpickle.Pickler(Sink())
    pickler.fast = True
    return pickler


@pytest.mark.parametrize("name", BEFORE)
def test_the_next_dumps_are_as_ever(name):
    known = [code(), [Plain(a=1), "text"] * 3, {"a": 1.5, "b": (True, None)}]
    by_cloudpickle(known, 5)
    expected = [by_cloudpickle(known, protocol) for protocol in range(6)]
    for _ in range(3):
        try:
            BEFORE[name]()
        except (TypeError, ZeroDivisionError, pickle.PicklingError, ValueError, OSError, RuntimeError):
            pass
        assert [binding.dumps(known, protocol) for protocol in range(6)] == expected


def test_dumps_inside_of_dumps():
    known = code()
    expected = by_cloudpickle(known, 5)
    inner = []

    def call(depth):
        if depth < 9:
            binding.dumps([known[0], Calls(lambda: call(depth + 1)), known[1:]])
        inner.append(binding.dumps(known))
        return depth

    binding.dumps([known[1], Calls(lambda: call(0)), known])
    assert inner == [expected] * 10


def test_dumps_beside_each_other():
    known = code()
    expected = by_cloudpickle(known, 5)
    found = []

    def dump():
        for _ in range(50):
            # The Python code in it lets the other threads run in the middle.
            binding.dumps([Calls(lambda: binding.dumps(known)), known])
            found.append(binding.dumps(known))

    threads = [threading.Thread(target=dump) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {expected} and len(found) == 400


@pytest.mark.parametrize("fails", (False, True))
def test_an_idle_pickler_holds_nothing(fails):
    class Held:
        pass

    held = Held()
    dead = weakref.ref(held)
    function = run("def result(): return value", value=[held])["result"]
    try:
        binding.dumps([held, Calls(lambda: 1), function, Failing() if fails else None])
    except ZeroDivisionError as error:
        # Its traceback holds this frame.
        error.__traceback__ = None
    del held, function
    gc.collect()
    assert dead() is None
