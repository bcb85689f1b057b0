"""What people send: the workloads of the benchmark. Those of plain data and functions are rows of the corpus, made
smaller; the benchmark makes all of them at their full size."""

import array
import datetime
import random
from collections import namedtuple
from dataclasses import dataclass
from typing import Any, Callable

from . import importable
from .row import plain, row, run


@dataclass(frozen=True)
class Workload:
    name: str
    kind: str
    """plain: compared with C pickle; function, class: compared with cloudpickle; reference: with both."""
    make: Callable[[float], Any]
    """The object at a scale: 1 is the size of the benchmark."""
    check: str = ""
    """Source text about a loaded `result`; without it equality decides."""


WORKLOADS = []


def workload(name, kind):
    def add(make):
        WORKLOADS.append(Workload(name, kind, make))
        return make

    return add


def main(kind, name, text, check="", rows=0):
    """A workload that source text of `__main__` makes as `result`; N in it is `rows` at the scale."""

    def make(scale):
        return run("N = %d\n%s" % (max(2, int(rows * scale)), text))["result"]

    WORKLOADS.append(Workload(name, kind, make, check))


# --- plain data

def count(full, scale):
    return max(3, int(full * scale))


@workload("100k ints", "plain")
def ints(scale):
    numbers = random.Random(1)
    return [numbers.randrange(-(2**31), 2**31) >> numbers.randrange(31) for _ in range(count(100_000, scale))]


@workload("100k floats", "plain")
def floats(scale):
    numbers = random.Random(2)
    return [numbers.random() for _ in range(count(100_000, scale))]


@workload("100k unique strs", "plain")
def strs(scale):
    return ["string number %d" % n for n in range(count(100_000, scale))]


@workload("10k dicts of 8", "plain")
def records(scale):
    return [
        {"id": n, "name": "name %d" % n, "email": "user%d@example.org" % n, "age": n % 90, "score": n / 7,
         "active": n % 2 == 0, "tags": ["a", "b"], "parent": None}
        for n in range(count(10_000, scale))
    ]


@workload("1 MB JSON-like", "plain")
def json_like(scale):
    numbers = random.Random(3)

    def value(depth):
        kind = numbers.randrange(8 if depth else 5)
        if kind == 0:
            return numbers.randrange(10**6)
        if kind == 1:
            return numbers.random()
        if kind == 2:
            return numbers.choice([None, True, False])
        if kind in (3, 4):
            return "".join(numbers.choice("abcdefghij ") for _ in range(numbers.randrange(30)))
        if kind == 5:
            return [value(depth - 1) for _ in range(numbers.randrange(8))]
        return {"key%d" % numbers.randrange(50): value(depth - 1) for _ in range(numbers.randrange(10))}

    return [value(5) for _ in range(count(6_200, scale))]


@workload("1M-element tuple tree", "plain")
def tuple_tree(scale):
    def tree(size):
        return size if size < 2 else (tree(size // 2), tree(size - size // 2))

    return tree(count(500_000, scale))


@workload("dict of 100k", "plain")
def dict_of_many(scale):
    return {"key %d" % n: n for n in range(count(100_000, scale))}


@workload("set of 100k", "plain")
def set_of_many(scale):
    return set(range(0, 7 * count(100_000, scale), 7))


@workload("1M None/bool", "plain")
def singletons(scale):
    return [None, True, False, None] * count(250_000, scale)


@workload("small message", "plain")
def small_message(scale):
    return {"op": "put", "key": "user:1000", "value": [1, 2.5, "three"], "ttl": 3600, "flags": None}


@workload("100 MB bytes", "plain")
def large_bytes(scale):
    return bytes(count(100_000_000, scale))


@workload("100 MB array", "plain")
def large_array(scale):
    return array.array("d", bytes(8 * count(12_500_000, scale)))


# --- functions, as `__main__` defines them

main("function", "lambda", "result = lambda x: x + 1", "assert result(1) == 2")
main("function", "closure of 3 cells", "def outer(a, b, c):\n    def inner(x): return a * x + b * c\n    return inner\nresult = outer(1, 2.5, 2)", "assert result(3) == 8")
main(
    "function",
    "nested 10 deep",
    "def f0(x):\n" + "".join("%sdef f%d(x):\n" % ("    " * k, k) for k in range(1, 10)) + "    " * 10 + "return x\n" + "".join("%sreturn f%d(x) + 1\n" % ("    " * k, k) for k in reversed(range(1, 10))) + "result = f0",
    "assert result(1) == 10",
)
main("function", "100 lambdas in a list", "result = [%s]" % ", ".join("lambda x: x + %d" % n for n in range(100)), "assert result[99](1) == 100")
main(
    "function",
    "function with 5 globals",
    "import json, os.path\nfrom functools import reduce\nLIMIT = 10\ndef helper(x): return x + LIMIT\n"
    "def result(data):\n    parts = json.loads(data)\n    return os.path.join('root', str(reduce(lambda a, b: a + b, map(helper, parts[:LIMIT]))))",
    "assert result('[1, 2]') == 'root/23'",
)
main(
    "function",
    "partial of a dynamic function",
    "import functools\ndef f(a, b, *, scale=1, name=None): return (a + b) * scale, name\nresult = functools.partial(f, 1, scale=3, name='n')",
    "assert result(2) == (9, 'n')",
)
main(
    "function",
    "task: (function, args, kwargs)",
    "import functools, json, math, os.path, collections\n"
    "DEFAULTS = {'retries': 3, 'timeout': 2.5, 'hosts': ['a', 'b', 'c']}\n"
    "def clean(text):\n    'Strips a line.'\n    return text.strip().lower()\n"
    "def score(words, weights):\n    return sum(weights.get(w, 0) * math.log(1 + n) for w, n in collections.Counter(words).items())\n"
    "def retry(times):\n    def deco(f):\n        @functools.wraps(f)\n        def wrapper(*args, **kwargs):\n"
    "            for attempt in range(times):\n                try: return f(*args, **kwargs)\n"
    "                except OSError:\n                    if attempt == times - 1: raise\n        return wrapper\n    return deco\n"
    "def make(config):\n    @retry(DEFAULTS['retries'])\n    def task(path, *, weights=None, encoding='utf-8'):\n"
    "        with open(os.path.join(config['root'], path), encoding=encoding) as file:\n"
    "            words = [w for line in file for w in clean(line).split()]\n"
    "        return json.dumps({'path': path, 'score': score(words, weights or config['weights'])})\n    return task\n"
    "result = (make({'root': '/data', 'weights': {'word%d' % n: n / 10 for n in range(20)}}), ('part-0001',), {'encoding': 'latin-1'})",
    "task, arguments, keywords = result; assert task.__name__ == 'task' and arguments == ('part-0001',)\n"
    "assert task('/dev/null') == '{\"path\": \"/dev/null\", \"score\": 0}'",
)

# --- classes

CLASS = """
class Account:
    'An account.'
    limit = 100
    def __init__(self, owner, balance=0): self.owner, self.balance = owner, balance
    def deposit(self, amount): self.balance += amount
    def withdraw(self, amount):
        if amount > self.balance: raise ValueError('not enough')
        self.balance -= amount
    def __repr__(self): return f'{type(self).__name__}({self.owner!r})'
    @property
    def empty(self): return self.balance == 0
"""
main("class", "class with 5 methods", CLASS + "result = Account")
main(
    "class",
    "3-level hierarchy and instances",
    CLASS + "class Savings(Account):\n    rate = 0.02\n    def grow(self): self.deposit(self.balance * self.rate)\n"
    "class Junior(Savings):\n    def withdraw(self, amount): raise PermissionError\n"
    "result = [Account('a'), Savings('b', 10), Junior('c', 5)]",
)
main(
    "class",
    "dataclass",
    "from dataclasses import dataclass, field\n@dataclass\nclass Point:\n    x: float\n    y: float = 0.0\n    tags: list = field(default_factory=list)\nresult = Point",
)
main("class", "enum", "import enum\nclass Color(enum.Enum):\n    RED = 1\n    GREEN = 2\n    BLUE = 3\nresult = Color")
main(
    "class",
    "ABC",
    "import abc\nclass Base(abc.ABC):\n    @abc.abstractmethod\n    def f(self): ...\n    @property\n    @abc.abstractmethod\n    def p(self): ...\nresult = Base",
)


@workload("module by value", "class")
def module_by_value(scale):
    from .row import module

    text = "".join(
        "class C%d:\n    'doc %d'\n    def method(self, x): return x + %d\ndef f%d(x, y=%d):\n    'doc %d'\n    return C%d().method(x) + y\n"
        % ((n,) * 7) for n in range(count(100, scale))
    )
    return module("made", text)


main("class", "1,000 instances of one dynamic class", CLASS + "result = [Account('owner', n) for n in range(N)]", rows=1000)
main("class", "10k __slots__ objects", "class S:\n    __slots__ = ('a', 'b', 'c')\n    def __init__(self, n): self.a, self.b, self.c = n, 'b', 1.5\nresult = [S(n) for n in range(N)]", rows=10000)
main("class", "10k plain instances", "class P:\n    def __init__(self, n): self.a, self.b, self.c = n, 'b', 1.5\nresult = [P(n) for n in range(N)]", rows=10000)
main("class", "10k namedtuples of __main__", "from collections import namedtuple\nT = namedtuple('T', 'a b c')\nresult = [T(n, 'b', 1.5) for n in range(N)]", rows=10000)
main("class", "10k objects with a Python __reduce__ of __main__", "class R:\n    def __init__(self, n): self.n = n\n    def __reduce__(self): return (R, (self.n,))\nresult = [R(n) for n in range(N)]", rows=10000)

# --- importable ones

T = namedtuple("T", "a b c")


@workload("10k datetimes", "reference")
def datetimes(scale):
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
    return [start + datetime.timedelta(minutes=n) for n in range(count(10_000, scale))]


@workload("10k namedtuples", "reference")
def namedtuples(scale):
    return [T(n, "b", 1.5) for n in range(count(10_000, scale))]


@workload("10k importable __slots__ objects", "reference")
def slotted(scale):
    return [importable.Slotted(n, "b") for n in range(count(10_000, scale))]


@workload("10k importable instances", "reference")
def instances(scale):
    return [importable.Equal(a=n, b="b", c=1.5) for n in range(count(10_000, scale))]


class Reducing:
    def __init__(self, n):
        self.n = n

    def __reduce__(self):
        return (Reducing, (self.n,))

    def __eq__(self, other):
        return type(self) is type(other) and self.n == other.n

    __hash__ = None


@workload("10k objects with a Python __reduce__", "reference")
def reducing(scale):
    return [Reducing(n) for n in range(count(10_000, scale))]


@workload("function by reference", "reference")
def function_by_reference(scale):
    return importable.function


@workload("class by reference", "reference")
def class_by_reference(scale):
    return importable.Plain


# --- as rows

SCALE = 0.02

for made in WORKLOADS:
    if made.kind in ("plain", "reference"):
        plain("workload: " + made.name, lambda made=made: made.make(SCALE))
    elif made.kind == "function":
        row("workload: " + made.name, lambda made=made: made.make(SCALE), lambda loaded, made=made: run(made.check, result=loaded))
