"""What is asked of classes and objects while they are pickled: the same questions in the same order as by cloudpickle, of
those who can hear them."""

import collections
import copyreg
import enum
import io
import types

import binding
import cloudpickle
import pytest
from compare import difference, outcome
from corpus.importable import Plain
from face import libcloudpickle

HEARD = []


def hear(name, answer=None):
    """Something importable to be called by those who are asked."""
    HEARD.append(name)
    return answer


# What a metaclass may hear of.
HEARING = {
    "__class__": "@property\ndef __class__(cls): return hear('class', type)",
    "__class__ that raises": "@property\ndef __class__(cls): raise hear('class', ZeroDivisionError)()",
    "__hash__": "def __hash__(cls): return hear('hash', type.__hash__(cls))\ndef __eq__(cls, other): return hear('eq', cls is other)",
    "__hash__ that raises": "def __hash__(cls):\n    if hear('hash', len(HEARD) > 3): raise KeyError(cls.__name__)\n    return type.__hash__(cls)\ndef __eq__(cls, other): return cls is other",
    "__getattribute__": "def __getattribute__(cls, name): return hear(name) or type.__getattribute__(cls, name)",
    "__getattr__": "def __getattr__(cls, name):\n    hear(name)\n    raise AttributeError(name)",
    "__dict__": "@property\ndef __dict__(cls): return hear('dict', type.__dict__['__dict__'].__get__(cls))",
    "__module__": "@property\ndef __module__(cls): return hear('module', '__main__')",
}
CLASSES = {
    "plain": "class C(metaclass=M):\n    a, b = 1, 'two'",
    "slots": "class C(metaclass=M):\n    __slots__ = 'a', 'b'",
    "one slot": "class C(metaclass=M):\n    __slots__ = 'a'",
    "a reduction": "class C(metaclass=M):\n    def __reduce__(self): return hear('reduce', (int, ()))",
}


def sides(source):
    """What each of both libraries is given: a world of its own, made alike."""
    made = []
    for _ in range(2):
        namespace = {"__name__": "__main__", "hear": hear, "HEARD": HEARD, "enum": enum, "types": types}
        exec(source, namespace)
        made.append(namespace)
    return made


def compare(source, parts, protocol, ours=binding.dumps, theirs=cloudpickle.dumps):
    """Dumps twice, the second time what has been asked before."""
    own, other = sides(source)
    for turn in ("first", "again"):
        HEARD.clear()
        expected = outcome(theirs, [other[part] for part in parts], protocol)
        asked = list(HEARD)
        HEARD.clear()
        found = difference(outcome(ours, [own[part] for part in parts], protocol), expected)
        assert found is None, "%s: %s" % (turn, found)
        assert HEARD == asked, turn
    return asked


def indented(text):
    return text.replace("\n", "\n    ")


@pytest.mark.parametrize("protocol", (0, 2, 5))
@pytest.mark.parametrize("parts", (("C",), ("x", "C"), ("x", "x")))
@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("hearing", HEARING)
def test_metaclass(hearing, kind, parts, protocol):
    compare("class M(type):\n    %s\n%s\nx = C()" % (indented(HEARING[hearing]), CLASSES[kind]), parts, protocol)


@pytest.mark.parametrize("protocol", (0, 5))
def test_members_of_enumerations(protocol):
    asked = compare("class E(enum.IntEnum):\n    A = 1\n    B = 2\n    def __getattribute__(self, name): return hear(name) or int.__getattribute__(self, name)", ("E",), protocol)
    assert asked.count("value") == 4


def test_slots_whose_class_lies():
    """`isinstance(slots, str)`"""
    compare("class L(list):\n    @property\n    def __class__(self): return hear('class', list)\nclass C:\n    __slots__ = L(['a', 'b'])", ("C",), 5)


def overriding(package):
    class Overriding(package.Pickler):
        def reducer_override(self, obj):
            return super().reducer_override(obj)

    def dumps(obj, protocol):
        file = io.BytesIO()
        Overriding(file, protocol=protocol).dump(obj)
        return file.getvalue()

    return dumps


def test_globals_by_way_of_an_override():
    """Is it a module? The state of a function asks so, what builds it does not."""
    source = "class L:\n    @property\n    def __class__(self): return hear('class', L)\n    def __reduce__(self): return int, ()\nlies = L()\ndef f(): return lies"
    asked = compare(source, ("f",), 5, overriding(libcloudpickle), overriding(cloudpickle))
    assert asked == ["class"] * 2


@pytest.mark.parametrize("method", ("object.__reduce_ex__", "list.append", "list.copy", "dict.fromkeys", "len", "int.__add__"))
def test_a_reduction_written_in_c(method):
    """What refuses does so in its own words."""
    compare("class C: __reduce__ = %s\nx = C()" % method, ("x",), 5)


def test_what_is_registered_is_found_by_a_hash_of_its_own():
    source = "class M(type):\n    %s\nclass C(metaclass=M): pass\nx = C()" % indented(HEARING["__hash__"])
    own, other = sides(source)
    for namespace in (own, other):
        copyreg.pickle(namespace["C"], lambda obj: (Plain, ()))
    try:
        seen = []
        for dumps, namespace in ((binding.dumps, own), (cloudpickle.dumps, other)):
            HEARD.clear()
            seen.append((dumps(namespace["x"], 5), collections.Counter(HEARD)["hash"]))
        assert seen[0] == seen[1]
    finally:
        for namespace in (own, other):
            del copyreg.dispatch_table[namespace["C"]]
