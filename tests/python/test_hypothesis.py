"""Objects and functions that hypothesis makes: the bytes are the oracle's."""

import datetime
import pickle
from collections import OrderedDict, defaultdict, deque

import binding
import pytest
from compare import by_cloudpickle, by_pickle, difference, outcome
from corpus import importable
from corpus.row import run
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

PROTOCOLS = st.sampled_from((0, 1, 2, 3, 4, 5, binding.HIGHEST))


def budget(usual):
    """So many examples, where a test has a hundred by itself."""
    return settings(suppress_health_check=list(HealthCheck), max_examples=usual * settings().max_examples // 100)


def same(obj, protocol, oracle):
    theirs = outcome(oracle, obj, protocol)
    found = difference(outcome(binding.dumps, obj, protocol), theirs)
    assert found is None, found


# --- plain data as a tree

texts = st.text(max_size=20) | st.text(st.characters(), max_size=300) | st.builds(str.__mul__, st.text(max_size=3), st.integers(0, 30000))
edges = st.builds(
    lambda bits, sign, delta: sign * 2**bits + delta, st.integers(0, 2100), st.sampled_from((1, -1)), st.integers(-2, 2)
)
numbers = st.integers() | edges | st.floats() | st.complex_numbers()
data = st.binary(max_size=20) | st.binary(max_size=300) | st.builds(bytes, st.integers(0, 100_000))
hashable_atoms = st.none() | st.booleans() | numbers | texts | data | st.just(...) | st.dates() | st.uuids()
atoms = (
    hashable_atoms
    | st.builds(bytearray, data)
    | st.datetimes(timezones=st.none() | st.just(datetime.timezone.utc))
    | st.times()
    | st.timedeltas()
    | st.decimals()
    | st.fractions()
    | st.builds(range, st.integers(), st.integers(), st.integers(1))
    | st.sampled_from([int, len, importable.Plain, importable.Plain.Inner, importable.Color.RED, NotImplemented, type(None)])
)
hashables = st.recursive(
    hashable_atoms, lambda inner: st.tuples(inner) | st.tuples(inner, inner) | st.frozensets(inner, max_size=5), max_leaves=8
)
names = st.sampled_from(["a", "b", "name", "value", "x" * 300, "\xe9"])
trees = st.recursive(
    atoms,
    lambda inner: st.lists(inner, max_size=8)
    | st.lists(inner, max_size=5).map(tuple)
    | st.dictionaries(hashables, inner, max_size=6)
    | st.sets(hashables, max_size=6)
    | st.frozensets(hashables, max_size=6)
    | st.lists(inner, max_size=4).map(deque)
    | st.dictionaries(hashables, inner, max_size=4).map(OrderedDict)
    | st.dictionaries(hashables, inner, max_size=4).map(lambda made: defaultdict(list, made))
    | st.dictionaries(names, inner, max_size=4).map(lambda made: importable.Equal(**made))
    | st.lists(inner, max_size=4).map(importable.Items)
    | st.builds(importable.Point, inner, inner)
    | st.builds(lambda arguments: importable.NewArguments(*arguments), st.lists(inner, max_size=3))
    | st.builds(lambda state: importable.WithState(state), inner),
    max_leaves=40,
)


@budget(600)
@given(trees, PROTOCOLS)
@example([b"", b"a" * 70000, bytearray(70000)], 5)
def test_trees(obj, protocol):
    same(obj, protocol, by_pickle)
    same(obj, protocol, by_cloudpickle)


@budget(60)
@given(st.lists(trees, max_size=4), st.integers(0, 2500), PROTOCOLS)
def test_long_ones(parts, repeats, protocol):
    """Batches and frames: the same objects over and over, and fresh ones beside them."""
    same((parts * repeats)[:4000], protocol, by_pickle)
    same({(n, str(n)): part for n, part in enumerate((parts * repeats)[:3000])}, protocol, by_pickle)


# --- plain data as a graph: objects are made one by one out of those before, so that they share and contain each other

def build_graph(steps):
    """Runs steps: each makes an object of earlier ones, or puts an earlier one into another."""
    made = [None]
    for kind, picks, value in steps:
        parts = [made[pick % len(made)] for pick in picks]
        if kind == "value":
            made.append(value)
        elif kind == "list":
            made.append(parts)
        elif kind == "tuple":
            made.append(tuple(parts))
        elif kind == "dict":
            made.append({n if isinstance(part, (list, dict, set)) else id_key(part, n): part for n, part in enumerate(parts)})
        elif kind == "object":
            made.append(importable.Plain(**{"a%d" % n: part for n, part in enumerate(parts)}))
        elif kind == "items":
            made.append(importable.Items(parts))
        elif kind == "reduced":
            made.append(importable.Reduced(lambda _, parts=parts: (importable.build, tuple(parts[:1]), parts, iter(parts), iter([(1, p) for p in parts]))))
        elif kind == "put" and parts:
            put(parts[0], parts[-1])
    return made


def id_key(part, n):
    return part if isinstance(part, (str, int, bytes)) else n


def put(container, part):
    if type(container) in (list, importable.Items):
        container.append(part)
    elif type(container) is dict:
        container["put%d" % len(container)] = part
    elif type(container) is importable.Plain:
        setattr(container, "put%d" % len(vars(container)), part)


steps = st.lists(
    st.tuples(
        st.sampled_from(["value", "list", "tuple", "dict", "object", "items", "reduced", "put", "put"]),
        st.lists(st.integers(0, 1000), max_size=5),
        hashable_atoms,
    ),
    max_size=40,
)


@budget(400)
@given(steps, st.integers(2, 5))
def test_graphs(steps, protocol):
    made = build_graph(steps)
    for obj in (made[-1], made):
        theirs = outcome(by_pickle, obj, protocol)
        if not isinstance(theirs.error, RecursionError):
            found = difference(outcome(binding.dumps, obj, protocol), theirs)
            assert found is None, found


# --- functions out of generated source

identifiers = st.sampled_from(["a", "b", "c", "name", "value", "x", "data", "é", "long_" * 60])
constants = st.sampled_from(
    ["1", "2**70", "-1.5", "'text'", "'a'", "b'bytes'", "None", "(1, 'a', (2,))", "...", "'\\ud800'", "'é€😀'", "1j", "''", "()"]
)


@st.composite
def expressions(draw, names, depth=2):
    leaf = draw(st.integers(0, 7))
    if depth == 0 or leaf < 3:
        return draw(constants if leaf == 0 or not names else st.sampled_from(sorted(names)))

    def inner(more=()):
        return draw(expressions(set(names) | set(more), depth - 1))

    bound = draw(identifiers)
    return draw(
        st.sampled_from(
            [
                lambda: "(%s, %s)" % (inner(), inner()),
                lambda: "[%s for %s in (%s,)]" % (inner([bound]), bound, inner()),
                lambda: "{%s: %s}" % (draw(constants), inner()),
                lambda: "(lambda %s=%s: %s)" % (bound, inner(), inner([bound])),
                lambda: "(%s if %s else %s)" % (inner(), inner(), inner()),
                lambda: "json.dumps(str(%s))" % inner(),
                lambda: "os.path.join('a', str(%s))" % inner(),
                lambda: "f'{%s!r:>5}'" % draw(st.sampled_from(sorted(names) or ["1"])),
                lambda: "len([%s])" % inner(),
                lambda: "function(%s)" % draw(st.sampled_from(["1", "2.5"])),
            ]
        )
    )()


@st.composite
def functions(draw, names, indent, depth):
    """Lines that define a function, its name among those it may use itself."""
    name = draw(identifiers)
    arguments = draw(st.lists(identifiers, max_size=3, unique=True))
    kind = draw(st.sampled_from(["def", "def", "def", "async def"]))
    parts = []
    for n, argument in enumerate(arguments):
        annotation = draw(st.sampled_from(["", ": int", ": 'later'", ": list[int]"]))
        # Once one argument has a default all that follow need one.
        parts.append("%s%s=%s" % (argument, annotation, draw(expressions(names, 1))) if n else argument + annotation)
    if draw(st.booleans()):
        parts += ["*", "k=%s" % draw(constants)]
    if draw(st.booleans()):
        parts.append("**kw")
    pad = "    " * indent
    lines = []
    if draw(st.integers(0, 9)) == 0:
        lines.append(pad + "@wraps")
    lines.append("%s%s %s(%s)%s:" % (pad, kind, name, ", ".join(parts), draw(st.sampled_from(["", " -> int"]))))
    inside = pad + "    "
    known = set(names) | set(arguments) | {name}
    if draw(st.booleans()):
        lines.append(inside + repr(draw(st.sampled_from(["Docs.", "é", "name"]))))
    for _ in range(draw(st.integers(0, 3))):
        choice = draw(st.integers(0, 6))
        if choice == 0 and depth:
            body, inner_name = draw(functions(known, indent + 1, depth - 1))
            lines += body
            known.add(inner_name)
        elif choice == 1:
            lines += [inside + "try:", inside + "    v = %s" % draw(expressions(known)), inside + "except ValueError as e:", inside + "    v = e"]
            known.add("v")
        elif choice == 2:
            lines += [inside + "for w in range(3):", inside + "    u = %s" % draw(expressions(known | {"w"}))]
            known |= {"u"}
        elif choice == 3 and kind == "def":
            lines.append(inside + "yield %s" % draw(expressions(known)))
        else:
            lines.append(inside + "t = %s" % draw(expressions(known)))
            known.add("t")
    if draw(st.booleans()) and not any("yield" in line for line in lines):
        lines.append(inside + "return %s" % draw(expressions(known)))
    else:
        lines.append(inside + "pass")
    if draw(st.booleans()):
        lines.append("%s%s.note = %s" % (pad, name, draw(constants)) if "@wraps" not in lines[0] else pad + "pass")
    return lines, name


PRELUDE = """
import functools, json, os, os.path, xml.etree.ElementTree
from corpus.importable import function, STATE
def wraps(f):
    @functools.wraps(f)
    def wrapper(*args, **kw): return f(*args, **kw)
    return wrapper
a, b, c, name, value, x, data = 1, [2], 'three', {'k': 4}, 5.5, None, STATE
é, %s = b'six', (7,)
""" % ("long_" * 60)

GLOBALS = ["a", "b", "c", "name", "value", "x", "data", "é", "long_" * 60, "STATE", "xml.etree.ElementTree", "os", "missing"]


@st.composite
def programs(draw):
    """Source text that defines functions at the top, and closures by calling makers."""
    lines, found = [], []
    for _ in range(draw(st.integers(1, 4))):
        body, name = draw(functions(GLOBALS, 0, 2))
        lines += body
        found.append(name)
    free = draw(st.lists(identifiers, min_size=1, max_size=4, unique=True))
    body, name = draw(functions(set(GLOBALS) | set(free), 1, 2))
    lines += ["def make(%s):" % ", ".join(free)] + body + ["    return %s" % name]
    arguments = ", ".join(draw(st.sampled_from(found + ["b", "1", "'s'", "None", "STATE", "[made]"])) for _ in free)
    lines += ["made = None", "made = make(%s)" % arguments, "made2 = make(%s)" % arguments]
    shape = draw(st.sampled_from(["made", "[made, made2, made]", "{'f': made, 'g': %s}" % found[0], "(%s, made)" % ", ".join(found), "functools.partial(made, 1, k=%s)" % found[-1]]))
    return "\n".join(lines + ["result = " + shape])


@budget(500)
@given(programs(), PROTOCOLS)
def test_functions(text, protocol):
    try:
        result = run(PRELUDE + text)["result"]
    except (TypeError, ValueError, AttributeError, KeyError, SyntaxError, NameError):
        # Defaults are evaluated: some of what is generated does not run.
        return
    theirs = outcome(by_cloudpickle, result, protocol)
    found = difference(outcome(binding.dumps, result, protocol), theirs)
    assert found is None, "%s\n\n%s" % (text, found)
    if theirs.data is not None:
        pickle.loads(theirs.data)


@pytest.mark.parametrize("kind", ["list", "dict", "tuple"])
@budget(40)
@given(sizes=st.lists(st.sampled_from([0, 1, 2, 100, 254, 255, 256, 65533, 65534, 65535, 65536, 65537, 131072]), max_size=12), tail=st.integers(0, 8))
def test_sizes_around_frames(kind, sizes, tail):
    parts = [(bytes if n % 2 else lambda size: "s" * size)(size) for n, size in enumerate(sizes)] + [None] * tail
    obj = {"list": list, "tuple": tuple, "dict": lambda parts: dict(enumerate(parts))}[kind](parts)
    for protocol in (2, 3, 4, 5):
        same(obj, protocol, by_pickle)


