"""Trees of plain data, which are written in stretches: leaves of every kind and size, known and new, side by side and in
each other, at any place in a frame, and with what is written otherwise in between. The bytes are the oracle's."""

import pickle
import random

import binding
import pytest
from compare import by_cloudpickle, difference, outcome
from corpus.importable import Plain

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def text(dice):
    length = dice.choice([dice.randrange(40), dice.randrange(40), dice.randrange(250, 260), dice.randrange(600)])
    letters = dice.choice(["abc", "abc", "abc", "aä", "aж", "a😀", "a\ud800"])
    made = "".join(dice.choices(letters, k=length))
    if dice.random() < 0.2:
        made.encode("utf-8", "surrogatepass")
        str.isidentifier(made)
    return made


LEAVES = [
    text,
    text,
    lambda dice: "text %d" % dice.randrange(20),
    lambda dice: dice.choice([0, 1, 255, 256, 65_535, 65_536, 2**30 - 1, 2**30, 2**31 - 1, 2**31, 2**60 - 1, 2**60, 2**62, 2**63 - 1, 2**63, 2**64, 2**2_100]) * dice.choice([1, -1]) + dice.choice([0, -1]),
    lambda dice: dice.choice([0.0, -0.0, 1.5, dice.random(), float("inf"), float("nan")]),
    lambda dice: dice.choice([None, True, False, ..., NotImplemented, int]),
    lambda dice: dice.choice([b"", b"b", b"bytes" * 10, bytes(300), bytearray(3)]),
    lambda dice: dice.choice([(), [], {}, set(), frozenset()]).copy() if dice.random() < 0.2 else dice.choice([(), [], {}]),
]


class Text(str):
    pass


class Pair(tuple):
    pass


def tree(dice, depth, met):
    """A value; some of those that were made before come again."""
    if met and dice.random() < 0.1:
        return dice.choice(met)
    kind = dice.randrange(10 if depth else 4)
    inner = lambda: tree(dice, depth - 1, met)  # noqa: E731
    if kind < 4:
        try:
            made = dice.choice(LEAVES)(dice)
        except AttributeError:
            made = ()
    elif kind < 6:
        made = [inner() for _ in range(dice.choice([0, 1, 2, 3, 7, 12]))]
    elif kind < 8:
        made = {dice.choice(["key %d", "a" * 250 + "%d", "ж%d"]) % dice.randrange(50): inner() for _ in range(dice.choice([0, 1, 2, 3, 8, 20]))}
        if dice.random() < 0.2:
            made[dice.choice([1, 1.5, None, (1, "t"), b"b", Text("text")])] = inner()
        if made and dice.random() < 0.2:
            del made[next(iter(made))]
    elif kind < 9:
        made = tuple(inner() for _ in range(dice.choice([1, 2, 3, 4, 6])))
    else:
        made = dice.choice([lambda: Plain(a=inner(), b=inner()), lambda: Text("text"), lambda: Pair((1, inner())), lambda: {1, "a"}, lambda: frozenset(["b", "c"])])()
    if dice.random() < 0.3:
        met.append(made)
    return made


def forest(seed, count=150, depth=5):
    dice = random.Random(seed)
    met = []
    return [tree(dice, depth, met) for _ in range(count)]


def same(made, protocol):
    assert not difference(outcome(binding.dumps, made, protocol), outcome(by_cloudpickle, made, protocol))


def plain(made):
    """A tree of which nothing is looked up, whose strs are all new."""
    return pickle.loads(pickle.dumps(made))


@pytest.mark.parametrize("seed", range(40))
def test_trees(seed):
    made = forest(seed)
    for protocol in PROTOCOLS:
        same(made, protocol)



@pytest.mark.parametrize("length", [*range(40), *range(60, 70), *range(125, 130), *range(250, 260)])
def test_strs_of_every_length(length):
    """At every distance from the end of a frame, since strs are next to each other."""
    made = [("%d " % n).ljust(length, "x")[:length] for n in range(200_000 // (length + 10))]
    made = [made, dict.fromkeys(made), [made[3]] * 3, *zip(made, made), made]
    same(made, 5)


def test_numbers_beyond_a_byte():
    made = ["text %d" % n for n in range(300)]
    made = [made, made[250:260], {key: key for key in made}, tuple(made), [{"id": n, "name": made[n]} for n in range(300)]]
    same(made, 5)


def cycles():
    in_list, in_dict, in_tuple, below = [1, "a"], {"k": "v"}, ([2, "b"], {"x": 1}), {"deep": ["er", ({"and": ["deeper"]},)]}
    in_list.append(in_list)
    in_dict["self"] = in_dict
    in_tuple[0].append(in_tuple)
    in_tuple[1]["self"] = in_tuple
    below["deep"][1][0]["and"].append(below)
    below["deep"][1][0]["and"].append(below["deep"][1])
    return [in_list, in_dict, in_tuple, below, (in_tuple, "end")]


def test_cycles():
    for made in [*cycles(), cycles(), [cycles(), "x" * 66_000, cycles()]]:
        for protocol in PROTOCOLS:
            same(made, protocol)


@pytest.mark.parametrize("container", [lambda inner: [inner], lambda inner: ["a", inner, "b"], lambda inner: (inner,), lambda inner: ("a", 1, inner, 2.5), lambda inner: {"k": inner}, lambda inner: {"k": 1, "l": inner, "m": [2]}])
@pytest.mark.parametrize("depth", [*range(1, 40), 200])
def test_depth(container, depth):
    """Something at the bottom that is written otherwise: from there on up everything goes on where it stopped."""
    for bottom in ("text", Plain(a=1, b=2), b"bytes", {3}, 2**100, lambda: 1, Text("text")):
        made = bottom
        for _ in range(depth):
            made = container(made)
        same([made, made], 5)


SETS = {
    "random ints": lambda dice: {dice.randrange(10**9) for _ in range(2_500)},
    "text": lambda dice: {"text %d" % n for n in range(2_500)},
    "both": lambda dice: {dice.choice([n, "text %d" % n, n / 3, (n, "t"), Plain(a=n), b"%d" % n]) for n in range(700)},
    "all kinds": lambda dice: {None, True, 2, 2.5, "text", b"bytes", (1, ("t", (Plain(b=2), "u"))), frozenset(["a", ("b", Plain())]), 2**100, Text("x")},
    "tuples": lambda dice: {(n, ("text %d" % n, [None, 1.5][n % 2])) for n in range(1_100)},
    "instances": lambda dice: {Plain(a=n) for n in range(200)},
    **{"%d" % count: lambda dice, count=count: set(range(count)) for count in (0, 1, 2, 31, 32, 33, 64, 999, 1_000, 1_001, 2_000, 2_001)},
}


@pytest.mark.parametrize("name", SETS)
def test_sets(name):
    made = SETS[name](random.Random(name))
    fewer = set(made)
    for element in list(fewer)[::3]:
        fewer.discard(element)
    made = [made, frozenset(made), [fewer, frozenset(fewer)], made, {frozenset(fewer): "key", (frozenset(made), 1): 2}]
    for protocol in PROTOCOLS:
        same(made, protocol)


class Looking:
    """Python code in the middle: all that came before is in the memo from then on."""

    def __reduce__(self):
        return str, ("looked",)


@pytest.mark.parametrize("seed", range(10))
def test_behind_python_code(seed):
    made = forest(seed, count=20)
    made = [*made, plain([1, "a", {"b": ["c"]}]), Looking(), *made, plain([1, "a", {"b": ["c"]}])]
    same(made, 5)


def test_outputs_of_many_sizes():
    """The block that a large output gets depends on those before it."""
    for size in [1_000, 300_000, 3_000_000, 400_000, 3_050_000, 2_900_000, 10, 5_000_000, 270_000, 40_000_000, 600_000]:
        made = ["text %d" % n for n in range(size // 20)]
        assert binding.dumps(made, 5) == pickle.dumps(made, 5)
