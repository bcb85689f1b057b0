"""Objects whose reduction is known without asking them, each beside one that looks alike and must be asked."""

from .row import row, run, source

SAME = "assert type(result).__name__ == 'C' and vars(result) == {'a': 1, 'b': 'two'}, vars(result)"
PLAIN = "class C:\n    def __init__(self): self.a, self.b = 1, 'two'\n"


def instance(name, text, check="result"):
    """The row of source text alone, and one of many instances among which some are met twice."""
    source("known: " + name, text, check)
    source("known: %s, many" % name, text + "\nresult = [result, (result,), {'again': result}, 'two', 1]", "assert result[0] is result[1][0]")


instance("plain", PLAIN + "result = C()", SAME)
instance("no attributes", "class C: pass\nresult = C()", "assert vars(result) == {}")
instance("attributes deleted", PLAIN + "result = C()\ndel result.a, result.b", "assert vars(result) == {}")
instance("attributes in another order", PLAIN + "result = C(), C()\nfor x in result: del x.a; x.c = 3; x.a = 1", "assert [list(vars(x).items()) for x in result] == [[('b', 'two'), ('c', 3), ('a', 1)]] * 2")
instance("one instance with more attributes", PLAIN + "result = [C() for _ in range(5)]\nresult[2].more = [1]\nresult[3].__dict__ = {}", "assert [len(vars(x)) for x in result] == [2, 2, 3, 0, 2] and result[2].more == [1]")
instance("dict asked for", PLAIN + "result = [C(), C()]\nheld = result[0].__dict__\nresult = [result, held]", "assert result[0][0].__dict__ == result[1]")
instance("dict first", PLAIN + "x = C()\nresult = [x.__dict__, x, x.__dict__]", "assert result[1].a == 1")
instance("dict of a subclass of dict", PLAIN + "class D(dict): pass\nresult = C()\nresult.__dict__ = D(a=1)", "assert result.a == 1")
instance("dict with a key that is no str", PLAIN + "result = C()\nresult.__dict__[1] = 2", "assert vars(result)[1] == 2")
instance("an attribute of another instance is a hook", "class C: pass\nhooked = C()\nhooked.n, hooked.__reduce_ex__ = 1, lambda protocol: (int, (5,))\nplain = C()\nplain.n = 1\nresult = [C(), plain, hooked, plain]", "assert result[1].n == 1 and result[2] == 5 and result[3] is result[1]")
instance("attributes of every kind", PLAIN + "result = [C() for _ in range(40)]\nfor n, x in enumerate(result):\n    x.c, x.d, x.e = ('text %d' % n, n, n / 2, None, True)[n % 5], 'a' * n * 20, 'é' * n\n    x.f = [(x.d,), x, {'n': 2**(n * 3)}, 2**(n * 3), b'bytes'][n % 5]", "assert result[1].f is result[1] and result[39].d == 'a' * 780 and result[38].f == 2 ** 114 and [x.c for x in result[:5]] == ['text 0', 1, 1.0, None, True]")
instance("one attribute", "class C: pass\nresult = [C() for _ in range(10)]\nfor n, x in enumerate(result): x.only = [n, str(n), [n]][n % 3]", "assert [x.only for x in result[:3]] == [0, '1', [2]]")
instance("attributes that are not in all", "class C: pass\nresult = [C() for _ in range(60)]\nfor n, x in enumerate(result):\n    for k in range(n % 7): setattr(x, 'a%d' % (n * k % 40), k)", "assert [len(vars(x)) for x in result[:7]] == [0, 1, 2, 3, 4, 5, 6]")
instance("attributes of several classes", "class C: pass\nclass D: pass\nresult = [type('E%d' % n, (), {})() if n % 3 else (C, D)[n % 2]() for n in range(30)] + [C(), D(), C()]\nfor n, x in enumerate(result): x.a, x.b = n, 'two'", "assert [x.a for x in result] == list(range(33)) and type(result[30]) is type(result[32]) is type(result[0])")
instance("a dict that came from another class", "class C: pass\nclass D: pass\nresult = [x for n in range(9) for x in (C(), D())]\nfor n, x in enumerate(result): x.a, x.b = n, 'two'\nfor x in result[3:9]: x.__class__ = (D, C)[type(x) is D]", "assert [x.a for x in result] == list(range(18)) and type(result[3]) is type(result[0])")
instance("a dict that came from a class with other names", "class C: pass\nclass D: pass\nresult = [x for n in range(9) for x in (C(), D())]\nfor n, x in enumerate(result):\n    if type(x) is C: x.a, x.b, x.c = n, 'two', 3\n    else: x.c, x.d, x.a = 3, 'two', n\nfor x in result[6:12]: x.__class__ = (D, C)[type(x) is D]", "assert [x.a for x in result] == list(range(18)) and {x.c for x in result} == {3} and [hasattr(x, 'd') for x in result] == [False, True] * 9")
instance("attributes over frames", PLAIN + "result = [C() for _ in range(9000)]\nfor n, x in enumerate(result): x.a, x.b = n, 'text %d' % n", "assert [x.b for x in result[::1000]] == ['text %d' % n for n in range(0, 9000, 1000)]")
instance("in itself", PLAIN + "result = C()\nresult.me = result\nresult.us = [result]", "assert result.us[0] is result.me is result")
instance("in its class", PLAIN + "C.only = C()\nresult = C.only", "assert type(result).only is result")
instance("large dict", "class C: pass\nresult = C()\nfor n in range(2500): setattr(result, 'a%d' % n, n)", "assert len(vars(result)) == 2500")
instance("of many classes", "result = [type('C%d' % n, (), {})() for n in range(200)]\nfor x in result: x.n = 1", "assert [type(x).__name__ for x in result] == ['C%d' % n for n in range(200)] and all(x.n == 1 for x in result)")



def of_hook(expected):
    """The value that a hook makes of an instance; None: the instance as it would be without."""
    if expected is None:
        return lambda loaded: run(SAME, result=loaded)

    def check(loaded):
        assert loaded == expected if isinstance(expected, list) else vars(loaded) == expected, loaded

    return check


def is_own(hook):
    """The state has the hook among the attributes: a function that came along."""

    def check(loaded):
        own = dict(vars(loaded))
        own.pop(hook)
        assert own == {"a": 1, "b": "two"}, own

    return check


for hook, value, by_instance, by_class in [
    ("__reduce_ex__", "lambda protocol: (list, ((1,),))", of_hook([1]), of_hook([1])),
    ("__reduce__", "lambda: (list, ((1,),))", is_own("__reduce__"), of_hook([1])),
    ("__getstate__", "lambda: {'a': 2}", of_hook({"a": 2}), of_hook({"a": 2})),
    ("__getnewargs__", "lambda: (1,)", is_own("__getnewargs__"), of_hook(None)),
    ("__getnewargs_ex__", "lambda: ((1,), {'k': 2})", is_own("__getnewargs_ex__"), of_hook(None)),
    ("__class__", "list", is_own("__class__"), None),
]:
    with_new = "def new(cls, *args, **kwargs): return object.__new__(cls)\nC.__new__ = new\n"
    row("known: instance with " + hook, lambda hook=hook, value=value: run(PLAIN + with_new + "result = C()\nresult.__dict__[%r] = %s" % (hook, value))["result"], by_instance)
    if hook == "__class__":
        continue
    row("known: class with " + hook, lambda hook=hook, value=value: run(PLAIN + with_new + "C.%s = %s\nresult = C()" % (hook, value.replace("lambda protocol:", "lambda self, protocol:").replace("lambda:", "lambda self:")))["result"], by_class)

instance("__class__ is a property", "class C:\n    __class__ = property(lambda self: int)\nresult = C()", "assert type(result).__name__ == 'C' and result.__class__ is int")
instance("__dict__ is a property", "class C:\n    __dict__ = property(lambda self: {'z': 1})\nresult = C()", "assert type(result).__name__ == 'C'")
instance("__getattr__", PLAIN + "C.__getattr__ = lambda self, name: (_ for _ in ()).throw(AttributeError(name))\nresult = C()", SAME)
instance("__getattr__ that answers", PLAIN + "def get(self, name):\n    if name == '__getnewargs__': return lambda: ()\n    raise AttributeError(name)\nC.__getattr__ = get\nresult = C()", SAME)
instance("__getattribute__", PLAIN + "C.__getattribute__ = lambda self, name: object.__getattribute__(self, name)\nresult = C()", SAME)
instance("__setattr__", PLAIN + "C.__setattr__ = lambda self, name, value: object.__setattr__(self, name, value)\nresult = C()", SAME)
instance("metaclass", "class M(type): pass\nclass C(metaclass=M):\n    def __init__(self): self.a, self.b = 1, 'two'\nresult = C()", SAME)
instance("metaclass with __eq__", "class M(type):\n    def __eq__(self, other): return self is other\n    def __hash__(self): return 7\nclass C(metaclass=M):\n    def __init__(self): self.a, self.b = 1, 'two'\nresult = C()", SAME)
instance("ABC", "import abc\nclass C(abc.ABC):\n    def __init__(self): self.a, self.b = 1, 'two'\nresult = C()", SAME)
instance("generic", "import typing\nT = typing.TypeVar('T')\nclass C(typing.Generic[T]):\n    def __init__(self): self.a, self.b = 1, 'two'\nresult = C()", SAME)
instance("subclass of list", "class C(list): pass\nresult = C([1])\nresult.a = 1", "assert result == [1] and result.a == 1")
instance("subclass of dict", "class C(dict): pass\nresult = C(x=1)\nresult.a = 1", "assert result == {'x': 1} and result.a == 1")
instance("subclass of int", "class C(int): pass\nresult = C(5)\nresult.a = 1", "assert result == 5 and result.a == 1")
instance("subclass of str", "class C(str): pass\nresult = C('x')", "assert result == 'x'")
instance("exception", "class C(Exception): pass\nresult = C(1, 'x')\nresult.a = 1", "assert result.args == (1, 'x') and result.a == 1")
instance("dataclass", "import dataclasses\n@dataclasses.dataclass\nclass C:\n    a: int\n    b: list\nresult = C(1, [2])", "assert result.b == [2]")
instance("frozen dataclass", "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass C:\n    a: int\n    b: str\nresult = C(1, 'two')", SAME)

# --- slots

SLOTS = "class C:\n    __slots__ = 'a', 'b', 'c'\n    def __init__(self, *values):\n        for name, value in zip('abc', values): setattr(self, name, value)\n"
instance("slots", SLOTS + "result = C(1, 'two', 3.5)", "assert (result.a, result.b, result.c) == (1, 'two', 3.5)")
instance("slots with containers", SLOTS + "result = C([1], {'x': 'a'}, ('b', 2))", "assert result.a == [1]")
instance("slots, one filled", SLOTS + "result = C(None)", "assert result.a is None")
instance("slots, none filled", SLOTS + "result = C()", "assert type(result).__slots__ == ('a', 'b', 'c') and not hasattr(result, 'a')")
instance("slots with the object itself", SLOTS + "result = C(1)\nresult.b = result\nresult.c = [result.b]", "assert result.b is result")
instance("slots with a long text", SLOTS + "result = [C('x' * 70_000, 'y' * 300, 1), C('z', 'z', 'z')]", "assert result[0].a == 'x' * 70_000 and result[1].c == 'z'")
instance("slots, a thousand", SLOTS + "result = [C(n, str(n), n / 2) for n in range(1000)]", "assert result[999].b == '999'")
instance("one slot as text", "class C:\n    __slots__ = 'value'\nresult = C()\nresult.value = 1", "assert result.value == 1")
instance("slots in a list", "class C:\n    __slots__ = ['a', 'b']\nresult = C()\nresult.a = 1", "assert result.a == 1")
instance("private slots", "class _C:\n    __slots__ = '__a', '__b__'\n    def fill(self): self.__a, self.__b__ = 1, 2; return self\nresult = [_C().fill(), _C().fill()]", "")
instance("private slots of a class of underscores", "class __:\n    __slots__ = '__a',\n    def fill(self): self.__a = 1; return self\nresult = [__().fill(), __().fill()]", "assert type(result[0]) is type(result[1]) and type(result[0]).__name__ == '__' and getattr(result[0], '__a') == 1")
instance("inherited slots", SLOTS + "class D(C): __slots__ = 'd',\nresult = D(1, 2, 3)\nresult.d = 4", "assert result.d == 4")
instance("slots that the base has, too", SLOTS + "class D(C): __slots__ = 'b', 'a', 'd'\nresult = [D(1, 2, 3), D([4]), D()]", "assert result[0].c == 3 and result[1].a == [4] and not hasattr(result[2], 'a')")
instance("slots and a dict", SLOTS + "class D(C): pass\nresult = [D(1, 2, 3), D()]\nresult[0].d, result[1].d = 4, 5", "assert result[0].d == 4 and result[0].a == 1")
instance("slots, a dict and weak references", "class C: __slots__ = 'a', '__dict__', '__weakref__'\nresult = [C(), C(), C()]\nresult[0].a, result[1].b = 1, 2", "assert result[0].a == 1 and result[1].b == 2")
instance("a slot hidden by the subclass", SLOTS + "class D(C): a = 'of the class'\nresult = D(1, 2, 3) if False else D()", "assert result.a == 'of the class'")
instance("a slot hidden by a property", SLOTS + "class D(C): b = property(lambda self: 9)\nresult = D()", "assert result.b == 9")
instance("__slotnames__ of its own", SLOTS + "C.__slotnames__ = ['a']\nresult = C(1, 2, 3)", "assert result.a == 1")
instance("__slotnames__ is None", PLAIN + "C.__slotnames__ = None\nresult = C()", SAME)
instance("slots of a C type", "import itertools, types\nresult = types.SimpleNamespace(a=1)", "assert result.a == 1")

# --- namedtuples

NAMED = "from collections import namedtuple\nN = namedtuple('N', 'a b')\n"
instance("namedtuple", NAMED + "result = N(1, 'two')", "assert result == (1, 'two') and result.b == 'two'")
instance("namedtuple of containers", NAMED + "result = N([1], {'x': (1, 2)})", "assert result == ([1], {'x': (1, 2)})")
instance("namedtuples in each other", NAMED + "result = N(N(1, 2), N(N(3, 4), 5))", "assert result[1][0].a == 3")
instance("namedtuple in itself", NAMED + "result = N([], 1)\nresult[0].append(result)", "assert result[0][0][1] == 1")
instance("namedtuples 50 deep", NAMED + "result = None\nfor n in range(50): result = N(result, n)", "assert result.b == 49")
for length in (0, 1, 3, 4, 5, 20):
    fields = " ".join("f%d" % n for n in range(length))
    instance("namedtuple of %d" % length, "from collections import namedtuple\nN = namedtuple('N', '%s')\nresult = N(*range(%d))" % (fields, length), "assert len(result) == %d" % length)
instance("namedtuple with a dict", NAMED + "class C(N): pass\nresult = C(1, 2)\nresult.more = 3", "assert result.more == 3")
instance("namedtuple with methods", NAMED + "class C(N):\n    __slots__ = ()\n    def sum(self): return self.a + self.b\nresult = C(1, 2)", "assert result.sum() == 3")
instance("namedtuple with __iter__", NAMED + "class C(N):\n    __slots__ = ()\n    def __iter__(self): return iter((7, 8))\nresult = C(1, 2)", "assert type(result).__name__ == 'C' and list(result) == [7, 8] and len(result) == 2")
instance("namedtuple with __getnewargs__", NAMED + "class C(N):\n    __slots__ = ()\n    def __getnewargs__(self): return (7, 8)\nresult = C(1, 2)", "assert result in ((7, 8), (1, 2))")
instance("namedtuple with __reduce__", NAMED + "class C(N):\n    __slots__ = ()\n    def __reduce__(self): return tuple, ((5,),)\nresult = C(1, 2)", "assert result == (5,) and type(result) is tuple")
instance("typing.NamedTuple", "import typing\nclass N(typing.NamedTuple):\n    a: int\n    b: str = 'two'\nresult = N(1)", "assert result == (1, 'two')")
instance("tuple with __getnewargs__", "class C(tuple):\n    __slots__ = ()\n    def __getnewargs__(self): return (list(self),)\nresult = C((1, 2))", "assert result == (1, 2)")

# --- dates

DATES = "from datetime import *\n"
instance("dates", DATES + "result = [date(2024, 2, 29), date.min, date.max]", "assert result[0].day == 29")
instance("times", DATES + "result = [time(1, 2, 3, 4), time(1, fold=1), time(tzinfo=timezone.utc), time.max]", "assert result[1].hour == 1")
instance("datetimes", DATES + "d = datetime(2024, 1, 2, 3, 4, 5, 6)\nresult = [d, d.replace(fold=1), d.replace(tzinfo=timezone.utc), datetime.max]", "assert result[0].microsecond == 6")
instance("datetimes of zones", DATES + "zone = timezone(timedelta(hours=5, minutes=30), 'IST')\nresult = [datetime(2024, 1, n, tzinfo=zone) for n in range(1, 9)] + [datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=1)))]", "assert result[0].tzname() == 'IST'")
instance("datetimes of a zone of Python", DATES + "class Zone(tzinfo): pass\nz = Zone()\nresult = [datetime(2024, 1, 1, tzinfo=z), time(1, tzinfo=z)]", "assert result[0].tzinfo is result[1].tzinfo and type(result[0].tzinfo).__name__ == 'Zone'")
instance("timedeltas", DATES + "result = [timedelta(1, 2, 3), timedelta(-1), timedelta.max, timedelta.min, timedelta.resolution]", "assert result[0].microseconds == 3")
instance("subclasses of dates", DATES + "class D(datetime): pass\nclass E(date): pass\nclass F(timedelta): pass\nclass T(time): pass\nresult = [D(2024, 1, 2), E(2024, 1, 2), F(3), T(4)]", "assert result[0].year == 2024")
instance("zones", DATES + "offset, name = timedelta(hours=5, minutes=30, microseconds=7), 'IST'\nnamed = timezone(offset, name)\nresult = [timezone.utc, named, timezone(offset), timezone.min, timezone.max, named, offset, name, {timezone.utc: timezone(timedelta(0), 'Z')}, timezone.utc]", "assert result[0] is timezone.utc and result[1] is result[5] and result[1].tzname(None) == result[7] and result[1].utcoffset(None) == result[6] == result[2].utcoffset(None)")
instance("a zone", DATES + "result = timezone(timedelta(hours=-3))", "assert result == timezone(timedelta(hours=-3)) and result.tzname(None) == 'UTC-03:00'")
instance("a thousand datetimes", DATES + "result = [datetime(2024, 1, 1, tzinfo=timezone.utc) + timedelta(minutes=n) for n in range(1000)]", "assert len(result) == 1000 and result[999] - result[0] == __import__('datetime').timedelta(minutes=999)")

# --- what types written in C answer

instance("methods of C", "import math, operator\nresult = ['abc'.upper, [1].append, dict.fromkeys, object.__new__, str.upper, int.__add__, math.sin, len, range(1, 9, 2), range(2**70)]", "assert result[0]() == 'ABC' and result[4] is str.upper and result[7] is len and list(result[8]) == [1, 3, 5, 7]")
instance("descriptors of a namedtuple", NAMED + "result = [N.a, N.b, N.a]", "assert result[0] is result[2] and result[1].__get__((1, 2)) == 2")
instance("a class that calls itself like one of C", "import types\nC = type('collections._tuplegetter', (), {'__reduce__': lambda self: (int, (7,))})\nD = type('_collections._tuplegetter', (), {'__reduce__': lambda self: (int, (8,))})\nresult = [C(), D()]", "assert result == [7, 8]")

# --- foreign code in between


def turning(change):
    """Instances of one class; pickling the one in the middle changes their class or copyreg's table."""
    return run(
        "import copyreg\nclass C:\n    def __init__(self, n): self.n = n\nclass S:\n    __slots__ = 'a', 'b'\n"
        "class Turn:\n    def __reduce__(self):\n        turn()\n        return int, ()\n"
        "def turn():\n    %s\ns = S(); s.a = 1; t = S(); t.a, t.b = 1, [2]\n"
        "result = [C(1), s, Turn(), C(2), t, s, Turn(), C(3)]" % change
    )["result"]


def turned(loaded):
    """What was written before the turn is as it was; what has been written already is not written again."""
    assert len(loaded) == 8 and loaded[2] == loaded[6] == 0 and loaded[5] is loaded[1]
    assert vars(loaded[0]) == {"n": 1} and loaded[1].a == 1 and type(loaded[1]).__name__ == "S"


for change in (
    "C.__reduce__ = lambda self: (int, (5,))",
    "C.__reduce_ex__ = lambda self, protocol: (int, (5,))",
    "C.__getstate__ = lambda self: 'state'",
    "C.__getnewargs__ = lambda self: ()",
    "C.__slotnames__ = ['n']",
    "S.__slotnames__ = ['b', 'a']",
    "S.__slotnames__.append('absent')",
    "S.__slotnames__.reverse()",
    "del S.__slotnames__[0]",
    "S.a = 'no slot any more'",
    "result[3].__dict__ = {'other': 1}",
    "result[3].__dict__['__reduce__'] = lambda: (int, (6,))",
    "copyreg.dispatch_table.pop(C) if C in copyreg.dispatch_table else copyreg.pickle(C, lambda c: (int, (c.n,)))",
    "result[0].__dict__; result[7].n = result[0].__dict__",
    "result[7].n = [vars(x) for x in (result[0], result[3])]",
    "C.other = 1; result[3].m = 5; result[7].k = [2]",
    "t.b = 'changed'",
    "del t.b",
):
    row("known: turn: " + change, lambda change=change: turning(change), turned, fresh=True)
