"""Loads leave nothing behind, whether they end well or in the middle; nor do dumps and loads whose callbacks fail."""

import io
import sys

import binding
import loading
import pytest
import reports
from callers import ALL, BY_ANSWER, PICKLED, Failure, Hook, calls_of, fail
from compare import by_cloudpickle, outcome
from corpus import rows
from level import check_level, check_total

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """ctypes says on standard error what a callback raises."""
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: None)


def pickled(row, protocol=5):
    """The oracle's bytes; None if there are none."""
    return outcome(by_cloudpickle, row.make(), protocol).data


def load(data):
    """Loads, and lets go of the object or the exception."""
    try:
        binding.loads(data)
    except Exception:
        pass


# What is registered or logged lives on by itself.
chosen = [row for row in rows if not (row.endless or row.shared or row.addressed)]


@pytest.mark.parametrize("row", chosen[::6], ids=str)
def test_loads(row):
    with row.world():
        data = pickled(row)
        if data is not None:
            check_level(lambda: load(data))


@pytest.mark.parametrize("row", chosen[3::12], ids=str)
def test_loads_that_end_in_the_middle(row):
    """Cut short, with an opcode that is none, and with a global that is refused, at places all over the pickle."""
    with row.world():
        data = pickled(row)
    if data is None:
        return
    places = range(2, len(data), max(1, len(data) // 12))

    def refuse(module, name):
        raise LookupError(name)

    def work():
        for place in places:
            load(data[:place])
            load(data[:place] + b"\xff" + data[place:])
        try:
            loading.loads(data, find_global=refuse)
        except Exception:
            pass

    check_level(work)


def failing(name, at):
    """Work whose callback fails at its call."""
    hook = Hook(at, fail if name not in BY_ANSWER else lambda *about: -7)
    if name == "callback loaded":
        source = io.BytesIO(PICKLED)
        assert reports.load(lambda size: hook("read", size) or source.read(size)).status == reports.CALLBACK
        return
    try:
        ALL[name](hook)
    except Failure:
        pass
    except Exception:
        if name not in BY_ANSWER | {"find_global"}:
            raise
    else:
        raise AssertionError("it did not fail")


@pytest.mark.parametrize("name", ALL)
def test_callbacks_that_fail(name):
    calls, _ = calls_of(ALL[name])
    for at in sorted({0, 1, calls // 2, calls - 1} & set(range(calls))):
        check_level(lambda: failing(name, at))


@pytest.mark.parametrize("name", ALL)
def test_callbacks_that_do_not_fail(name):
    check_level(lambda: ALL[name](Hook(-1, None)))


def test_total_references():
    data = list(filter(None, (pickled(row) for row in chosen[::10] if row.world.__name__ == "nullcontext")))
    calls = {name: calls_of(ALL[name])[0] for name in ALL}

    def work():
        for one in data:
            load(one)
            load(one[: len(one) // 2])
        for name in ALL:
            failing(name, calls[name] // 2)

    check_total(work)
