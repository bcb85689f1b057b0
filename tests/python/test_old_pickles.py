"""What older versions of cloudpickle wrote on the Python that runs. old_pickles/make.py made the files."""

import glob
import os
import pickle
import sys

import loading
import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
VERSION = "%d.%d" % sys.version_info[:2]
FILES = sorted(glob.glob(os.path.join(HERE, "old_pickles", "*", VERSION + ".pickle")))


def rows():
    """What the versions wrote."""
    for path in FILES:
        with open(path, "rb") as file:
            for name, data in pickle.load(file):
                yield pytest.param(name, data, id="%s-%s" % (os.path.basename(os.path.dirname(path)), name))


def check(name, loaded):
    if name == "plain":
        assert loaded(1) == 7
    elif name == "closure":
        assert loaded(5) == 15
    elif name == "recursive":
        assert loaded(5) == 120
    elif name == "uses_module":
        assert loaded([1]) == "[1]"
    elif name == "class":
        assert loaded().name() == "derived of base" and loaded.limit == 5
    elif name == "instance":
        assert loaded.name() == "derived of base"
    elif name == "slots":
        assert loaded.a == 1
    elif name == "enum":
        assert loaded.RED.value == 1 and loaded("g") is loaded.GREEN
    elif name == "member":
        assert loaded is type(loaded).GREEN
    elif name == "typevar":
        assert loaded.__constraints__ == (int, str)
    elif name == "module":
        assert loaded.answer == 42
    else:
        assert list(loaded) == {"keys": ["a", "b"], "values": [1, 2], "items": [("a", 1), ("b", 2)]}[name]


@pytest.mark.parametrize("name, data", list(rows()))
def test_old_pickle(name, data):
    check(name, loading.loads(data))


def test_the_files_are_there():
    # cloudpickle 3.0.0 was the last before 3.13; none of the old ones knows 3.14.
    expected = {"3.9": 3, "3.10": 3, "3.11": 2, "3.12": 2, "3.13": 2}
    assert len(FILES) == expected.get(VERSION, 0)


# The bytes do not tell: the same constructor, and instructions that both versions have.
ALIKE = {
    frozenset(["3.9", "3.10"]): ["plain", "closure", "recursive", "uses_module", "class"],
    frozenset(["3.11", "3.12"]): ["closure"],
}


def others():
    for path in sorted(glob.glob(os.path.join(HERE, "old_pickles", "3.0.0", "*.pickle"))):
        other = os.path.basename(path)[: -len(".pickle")]
        if other != VERSION:
            with open(path, "rb") as file:
                found = dict(pickle.load(file))
            for name in ("plain", "closure", "recursive", "uses_module", "class"):
                yield pytest.param(name, found[name], other, id="%s-%s" % (other, name))


@pytest.mark.parametrize("name, data, other", list(others()))
def test_another_version_is_refused_or_fits(name, data, other):
    """Bytecode of another CPython is refused with both versions named, wherever its bytes differ from ours."""
    try:
        loading.loads(data)
    except pickle.UnpicklingError as error:
        assert "code object" in str(error) and "CPython" in str(error)
        assert other in str(error) and "and this is CPython %s" % VERSION in str(error)
    else:
        assert name in ALIKE.get(frozenset([other, VERSION]), ()), "code of %s was taken for code of %s" % (other, VERSION)
