"""Sources of values: atoms, what is pickled by name or by a reducer, and containers of what the program has."""

ATOMS = ["1", "-1", "255", "70000", "2**40", "2**70", "1.5", "None", "True", "False", "None", "True", "'text'", "'a'", "'b'", "'é'", "''", "'x' * 300", "'y' * 70000", "''.join(['te', 'xt'])", "b'x'", "b''", "()", "Text('a')", "'\\ud800'", "3j", "...", "NotImplemented", "0", "''.join(['l', 'ong'])", "'dd'", "'name'"]
BY_NAME = ["len", "math.sin", "[].append", "'abc'.upper", "str.upper", "int.__add__", "dict.fromkeys", "object.__new__", "list.__len__", "operator.add", "int.real", "type.__call__", "types.FunctionType.__code__", "datetime.datetime.fromisoformat", "type(None)"]
REDUCED = ["range(1, 9, 2)", "range(2**70)", "operator.itemgetter(1)", "operator.attrgetter('a.b')", "operator.methodcaller('m', 1, k=2)", "slice(1, 2, 3)", "types.SimpleNamespace(a=1)", "ValueError(1, 'x')", "functools.partial(len)", "functools.partial(print, 1, end='')", "itertools.count(5)", "types.MappingProxyType({'a': 1})", "typing.List[int]", "list[int]", "property(len)", "staticmethod(len)", "enumerate([1])", "iter([1, 2])", "reversed([1])", "zip()", "memoryview(b'x')", "collections.namedtuple('Nt', 'a b')", "collections.namedtuple('Nt', 'a b').a", "collections.namedtuple('Nt', 'a b')(1, 2)"]
DATES = ["datetime.date(2020, 1, 2)", "datetime.datetime(2020, 1, 2, 3, 4, 5, 6)", "datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc)", "datetime.timedelta(1, 2, 3)", "datetime.time(1, 2, fold=1)", "datetime.timezone(datetime.timedelta(hours=1))", "datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=2), 'x'))"]
CONTAINERS = ["collections.OrderedDict(a=1)", "collections.Counter('aab')", "collections.defaultdict(list, a=[1])", "collections.deque([1, 2], 5)", "bytearray(b'ab')", "frozenset(['a'])", "{1, 'a'}"]
NESTED = ["[{0}, {1}]", "({0},)", "({0}, {1}, {2}, {3})", "{{'a': {0}, 'b': {1}}}", "{{1: {0}}}", "{{None: {0}}}", "{{Text('k'): {0}}}", "{{(1, 2): {0}}}", "[{0}] * 3", "functools.partial({f}, {0})", "(None, True, {0}, False, None, None)", "[True] * {n} + [{0}]", "[None, True, None, False, None] * {m}"]
DEEPEST = 2


def atom(p):
    return p.pick(ATOMS)


def value(p, depth=0):
    instances, classes, values = p.names("instance"), p.names("class"), p.names("value")
    kind = p.number(0, 99)
    if kind < 35:
        return atom(p)
    if kind < 60 and instances:
        return p.pick(instances)
    if kind < 65 and classes:
        return p.pick(classes)
    if kind < 70 and values:
        return p.pick(values)
    if kind < 80 or depth > DEEPEST:
        return p.pick(BY_NAME + REDUCED + DATES + CONTAINERS)
    # Around the thousand at which batches end.
    return p.pick(NESTED).format(*[value(p, depth + 1) for _ in range(4)], f=p.a("function") or "len", n=p.pick([3, 999, 1000, 1001]), m=p.pick([1, 2, 50, 300]))
