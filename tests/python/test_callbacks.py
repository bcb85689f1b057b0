"""What is called during a dump or a load fails at its call n, for every n: it raises, answers nonsense, calls back into
the library, drops the last reference to what is pickled, changes the container that is being read, collects garbage, or
lets other threads run. The call ends with the right result or a clean error, and the next one works."""

import gc
import io
import pickle
import sys

import binding
import pytest
import reports
from callers import (
    ALL,
    BY_ANSWER,
    HARMLESS,
    PICKLED,
    Failure,
    File,
    Hook,
    Reduces,
    States,
    by_loading_callback,
    by_loading_file,
    calls_of,
    collect,
    fail,
)
from corpus.row import run


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """ctypes says on standard error what a callback raises, and goes on with 0."""
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: None)


@pytest.mark.parametrize("name", ALL)
def test_raises_at_each_call(name):
    work = ALL[name]
    calls, expected = calls_of(work)
    for at in range(calls):
        hook = Hook(at, fail if name not in BY_ANSWER else lambda *about: -7)
        if name in BY_ANSWER and "loaded" in name:
            # The binding would take the length of a number.
            source = io.BytesIO(PICKLED)
            report = reports.load(lambda size: hook("read", size) or source.read(size))
            assert report[:2] == (reports.CALLBACK, -7), report
        else:
            with pytest.raises(Exception) as caught:
                work(hook)
            if name not in BY_ANSWER | {"find_global"}:
                assert caught.type is Failure
            caught.value.__traceback__ = None
        assert hook.calls == at + 1, "something is called after the failure"
        assert work(Hook(-1, None)) == expected


@pytest.mark.parametrize("act", HARMLESS)
@pytest.mark.parametrize("name", ALL)
def test_does_something_else_at_each_call(name, act):
    work = ALL[name]
    calls, expected = calls_of(work)
    for at in range(calls):
        if act == "collector" and at > 15:
            break
        assert work(Hook(at, HARMLESS[act])) == expected


@pytest.mark.parametrize("answer", (1 << 62, 1 << 20, -1, -(1 << 62)))
def test_counts_that_are_nonsense(answer):
    """A read callback that says it gave more than there was room for, at each of its calls."""
    calls, _ = calls_of(by_loading_callback)
    for at in range(calls):
        hook, source = Hook(at, lambda *about: answer), io.BytesIO(PICKLED)
        report = reports.load(lambda size: hook(size) or source.read(size))
        if answer == 1 << 20 and report.status == reports.OK:
            # It was asked for as much.
            continue
        assert report[:2] == (reports.CALLBACK, answer), report


NONSENSE = (5, 1.5, "text", None, object(), [], b"", (), bytearray(b"x"), b"x" * 1_000_000, memoryview(b""), Failure)


@pytest.mark.parametrize("answer", NONSENSE, ids=lambda answer: type(answer).__name__)
def test_files_that_answer_nonsense(answer):
    calls, _ = calls_of(by_loading_file)
    for method in ("read", "readline", "readinto"):
        for at in range(min(calls, 10)):
            file = File(Hook(at, lambda *about: answer), PICKLED)
            if method == "readinto":
                file.readinto = lambda into, file=file: file._read("readinto", into)
            report = reports.load_file(file)
            assert report.status != reports.INTERNAL
            if report.status == reports.OK:
                assert binding.dumps(report.object) == binding.dumps(binding.loads(PICKLED))


REDUCTIONS = (
    5, None, "", "no_such_global", (), (1,), (list,), (list, 5), (list, (), 5, 5, 5), (list, (), None, 5), (list, (), None, None, 5),
    (list, (), None, None, [1]), (list, (), None, None, [(1, 2, 3)]), (list, (), None, None, None, 5), (1, ()), (list, (), None, None, None, None, None),
    [list, ()], (Failure, (), {}, iter([]), iter([])), NotImplemented, (list, (1, 2, 3)), ("text", ()), (None, None),
)  # fmt: skip


@pytest.mark.parametrize("protocol", (0, 2, 5))
@pytest.mark.parametrize("number", range(len(REDUCTIONS)))
def test_reductions_that_are_nonsense(number, protocol):
    answer = REDUCTIONS[number]

    class Odd:
        def __reduce_ex__(self, protocol):
            return answer

    for obj in (Odd(), [1, Odd()], {"k": (Odd(),)}):
        for options in ({}, {"reducer": lambda obj: answer if type(obj) is Odd else NotImplemented}):
            report = reports.dumps(obj, protocol=protocol, **options)
            assert report.status in (reports.OK, reports.PICKLING, reports.PYTHON), report
    assert binding.dumps([1]) == binding.dumps([1])


# --- what is pickled goes away, or changes

def test_last_reference_is_dropped():
    """Each callback takes the objects out of all containers that are being pickled."""
    for at in range(12):
        holder = []

        def empty(*about):
            for container in list(holder):
                container.clear()
            holder.clear()
            gc.collect()

        hook = Hook(at, empty)
        root = [[Reduces(hook, [object()])] * 2, {"k": [Reduces(hook)], "l": {Reduces(hook): 1}}, [States(hook, [[]]) for _ in range(4)], [Reduces(hook)]]
        holder.extend([root, *root, *root[1].values()])
        report = reports.dumps(root)
        del root
        assert report.status in (reports.OK, reports.PYTHON, reports.PICKLING), report
        if report.status == reports.OK:
            binding.loads(report.object)
        assert hook.calls


def changes():
    yield "list grows", [], lambda made: made.extend(range(100))
    yield "list shrinks", [], lambda made: made.__delitem__(slice(1, None))
    yield "list is emptied", [], lambda made: made.clear()
    yield "list is turned", [], lambda made: made.reverse()
    yield "dict grows", {}, lambda made: made.update((n, n) for n in range(1000))
    yield "dict loses a key", {}, lambda made: made.popitem()
    yield "dict is emptied", {}, lambda made: made.clear()
    yield "dict has another value", {}, lambda made: made.__setitem__(0, "other")
    yield "dict is made anew", {}, lambda made: (made.clear(), made.update((str(n), n) for n in range(50)))
    yield "set grows", set(), lambda made: made.update(range(1000))
    yield "set is emptied", set(), lambda made: made.clear()


CHANGES = list(changes())


@pytest.mark.parametrize("name, kind, change", CHANGES, ids=[change[0] for change in CHANGES])
@pytest.mark.parametrize("protocol", (0, 1, 2, 5))
def test_container_changes_under_iteration(name, kind, change, protocol):
    for size in (1, 2, 10, 1100):
        for at in {0, 1, size // 2, size - 1, 999, 1000}:
            if at >= size:
                continue
            made = type(kind)()
            hook = Hook(at, lambda *about: change(made))
            things = [Reduces(hook, n) for n in range(size)]
            if isinstance(made, dict):
                made.update(enumerate(things))
            elif isinstance(made, set):
                made.update(things)
            else:
                made.extend(things)
            del things
            for obj in (made, [made, made]):
                report = reports.dumps(obj, protocol=protocol)
                assert report.status in (reports.OK, reports.PYTHON, reports.PICKLING), report
                if report.status == reports.PYTHON:
                    assert report.type == "builtins.RuntimeError", report
                if report.status == reports.OK:
                    binding.loads(report.object)
