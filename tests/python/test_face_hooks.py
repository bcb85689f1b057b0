"""A hook of a subclass is asked about the same objects in the same order as stock cloudpickle asks it, and the bytes are
the same: at each row of the corpus, by each kind of hook."""

import copyreg
import io
import pickle
import types

import cloudpickle
import pytest
from compare import TRACKER_ID, difference, outcome
from corpus import rows
from corpus.row import run
from face import libcloudpickle

MODULES = (libcloudpickle, cloudpickle)


def plain(package):
    return package.Pickler


def with_persistent_id(package):
    class Pickler(package.Pickler):
        def persistent_id(self, obj):
            ASKED.append(obj)
            # Some objects change, or raise, when they are compared.
            return "the id" if type(obj) is str and obj == "an id" else None

    return Pickler


def with_persistent_id_attribute(package):
    class Pickler(package.Pickler):
        def __init__(self, *arguments):
            self.persistent_id = lambda obj: ASKED.append(obj)
            super().__init__(*arguments)

    return Pickler


def with_reducer_override(package):
    class Pickler(package.Pickler):
        def reducer_override(self, obj):
            ASKED.append(obj)
            return super().reducer_override(obj)

    return Pickler


def with_both(package):
    class Pickler(with_persistent_id(package)):
        def reducer_override(self, obj):
            ASKED.append(obj)
            return super().reducer_override(obj)

    return Pickler


class Mapping:
    def __init__(self, table):
        self.table = table

    def __getitem__(self, key):
        ASKED.append(key)
        return self.table[key]


def with_table(package):
    class Pickler(package.Pickler):
        dispatch_table = Mapping(package.Pickler.dispatch_table)

    return Pickler


def with_child(package):
    class Pickler(package.Pickler):
        dispatch_table = package.Pickler.dispatch_table.new_child({complex: lambda value: (complex, (1.0, 2.0))})

    return Pickler


def with_table_copied(package):
    """As loky does it."""

    class Pickler(package.Pickler):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            table = dict(self.dispatch_table)
            table[complex] = lambda value: (complex, (3.0, 4.0))
            for ancestor in type(self).__mro__:
                member = getattr(ancestor, "dispatch_table", None)
                if isinstance(member, types.MemberDescriptorType):
                    member.__set__(self, table)
                    break
            else:
                raise AssertionError("no member descriptor")
            self.dispatch_table = table

    return Pickler


def with_function_methods(package):
    class Pickler(package.Pickler):
        def _function_reduce(self, obj):
            ASKED.append(obj)
            return super()._function_reduce(obj)

        def _dynamic_function_reduce(self, func):
            ASKED.append(func)
            return super()._dynamic_function_reduce(func)

        def _function_getnewargs(self, func):
            ASKED.append(func)
            return super()._function_getnewargs(func)

    return Pickler


ASKED = []
MAKERS = [
    plain,
    with_persistent_id,
    with_persistent_id_attribute,
    with_reducer_override,
    with_both,
    with_table,
    with_child,
    with_table_copied,
    with_function_methods,
]


def described(obj):
    """What says which object was asked about: cloudpickle's own functions are written in Python there, in C here."""
    kind = type(obj).__name__
    if kind == "builtin_function_or_method" and obj.__module__ == "cloudpickle.cloudpickle":
        kind = "function"
    # By its type: some objects lie about their class, or raise.
    if issubclass(type(obj), str) and TRACKER_ID.fullmatch(str.encode(obj, "utf-8", "surrogatepass")):
        return kind, "the id of a class"
    if issubclass(type(obj), (str, int, float, bytes)):
        return kind, obj
    named = issubclass(type(obj), (type, types.FunctionType, types.BuiltinFunctionType))
    return kind, getattr(obj, "__name__", None) if named else None


def dump(package, maker, times):
    """The bytes of so many dumps by one pickler, and what was asked."""

    def dumps(obj, protocol):
        file = io.BytesIO()
        pickler = maker(package)(file, protocol)
        for _ in range(times):
            pickler.dump(obj)
        return file.getvalue()

    return dumps


def is_small(obj):
    """A dump in which Python is asked about each object takes its time."""
    found = outcome(cloudpickle.dumps, obj, 5)
    return found.error is not None or len(found.data) < 20_000


# Each row with a quarter of the makers, and each maker with a quarter of the rows: all with all would take minutes.
ASKED_ABOUT = [
    pytest.param(row, maker, id="%s-%s" % (row, maker.__name__))
    for n, row in enumerate(row for row in rows if not row.endless)
    for m, maker in enumerate(MAKERS)
    if (n + m) % 4 == 0
]


@pytest.mark.parametrize("row, maker", ASKED_ABOUT)
def test_asked_alike(row, maker):
    with row.world():
        check_asked_alike(row, maker)


def check_asked_alike(row, maker):
    obj = row.make()
    if not is_small(obj):
        return
    if row.fresh:
        obj = row.make()
    for protocol in (2, 5):
        if protocol not in row.protocols:
            continue
        # Two dumps by one pickler.
        outcomes, asked = [], []
        for package in MODULES:
            ASKED.clear()
            outcomes.append(outcome(dump(package, maker, 2), obj, protocol))
            asked.append([described(one) for one in ASKED])
            if row.fresh:
                obj = row.make()
        found = difference(*outcomes)
        assert found is None, "protocol %d: %s" % (protocol, found)
        if outcomes[0].error is None:
            assert asked[0] == asked[1], "protocol %d" % protocol
    ASKED.clear()


class Registered:
    pass


def test_copyreg_is_read_at_dump_time():
    copyreg.pickle(Registered, lambda obj: (str, ("registered",)))
    try:
        assert libcloudpickle.loads(libcloudpickle.dumps(Registered())) == "registered"
        assert libcloudpickle.Pickler.dispatch_table[Registered]
    finally:
        del copyreg.dispatch_table[Registered]
    assert isinstance(libcloudpickle.loads(libcloudpickle.dumps(Registered())), Registered)


def test_a_row_in_the_shared_table_counts_for_dumps():
    for table in (libcloudpickle.Pickler.dispatch_table, libcloudpickle.CloudPickler.dispatch, libcloudpickle.Pickler._dispatch_table):
        table[Registered] = lambda obj: (str, ("from the table",))
        try:
            assert libcloudpickle.loads(libcloudpickle.dumps(Registered())) == "from the table"
        finally:
            del table[Registered]
        assert isinstance(libcloudpickle.loads(libcloudpickle.dumps(Registered())), Registered)


def test_a_table_without_rows_of_cloudpickle():
    """It is the whole table: what only cloudpickle reduces is then as for pickle."""
    pickler = libcloudpickle.Pickler(io.BytesIO())
    pickler.dispatch_table = {}
    with pytest.raises(TypeError, match="cell"):
        pickler.dump((lambda: test_asked_alike).__closure__ or types.CellType(1))


def test_methods_replaced_in_the_class():
    calls = []
    first = libcloudpickle.Pickler._function_getnewargs

    def getnewargs(self, func):
        calls.append(func)
        return first(self, func)

    function = lambda: 1  # noqa: E731
    before = libcloudpickle.dumps(function)
    libcloudpickle.Pickler._function_getnewargs = getnewargs
    try:
        assert libcloudpickle.dumps(function) == before
        assert calls == [function]
    finally:
        libcloudpickle.Pickler._function_getnewargs = first
    assert libcloudpickle.dumps(function) == before
    assert calls == [function]


@pytest.mark.parametrize("name", ("_function_getstate", "_extract_code_globals", "_is_registered_pickle_by_value"))
def test_functions_replaced_in_the_module(name):
    """The names that programs assign in the module."""
    calls = []
    first = getattr(libcloudpickle, name)

    def replacement(argument):
        calls.append(argument)
        return first(argument)

    function = lambda: test_functions_replaced_in_the_module  # noqa: E731
    before = libcloudpickle.dumps(function)
    setattr(libcloudpickle, name, replacement)
    try:
        assert libcloudpickle.dumps(function) == before
        assert calls
    finally:
        setattr(libcloudpickle, name, first)
    calls.clear()
    assert libcloudpickle.dumps(function) == before
    assert not calls


def test_fast_mode():
    twice = ["a text"]
    for package in MODULES:
        file = io.BytesIO()
        pickler = package.Pickler(file, 4)
        pickler.fast = True
        pickler.dump([twice, twice, Registered, {1: 2.5}])
        data = file.getvalue()
        if package is libcloudpickle:
            ours = data
    assert ours == data
    cycle = []
    for _ in range(60):
        cycle = [cycle]
    inner = cycle
    while inner[0]:
        inner = inner[0]
    inner.append(cycle)
    pickler = libcloudpickle.Pickler(io.BytesIO(), 4)
    pickler.fast = True
    with pytest.raises(ValueError, match="fast mode"):
        pickler.dump(cycle)


def test_fast_mode_and_what_refers_to_itself():
    """A function's state names the function, so that without a memo there is no end of it."""
    function = run("def result(): return 1")["result"]
    for package in MODULES:
        pickler = package.Pickler(io.BytesIO())
        pickler.fast = True
        with pytest.raises(pickle.PicklingError, match="excessively deep recursion"):
            pickler.dump([function])
