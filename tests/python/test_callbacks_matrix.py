"""Each kind of hook beside each thing that it may do to a dump or a load under way, at each of its calls: raise, call the
library, collect garbage, let other threads run, drop the last references to what is pickled or loaded, change the container
that is being read or built. The call ends with the right result or a clean error, and the next one works."""

import gc
import io
import pickle
import sys

import binding
import loading
import pytest
import reports
from callers import HARMLESS, Failure, Hook, Reduces, States, fail
from face import libcloudpickle
from test_callbacks import CHANGES

# For what ctypes calls the answer is the failure.
FAILED = -7


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """ctypes says on standard error what a callback raises, and goes on with 0."""
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: None)


class Plain:
    """Something that hooks of the pickler are asked about."""

    def __init__(self, number):
        self.number = number


class Result(bytearray):
    def write(self, data):
        self.extend(data)


# --- dumps: (what is put into the containers, how it is dumped), each with a hook; bytes, or an exception

def by_memory(hook, root):
    return binding.dumps(root)


def by_reducer(hook, root):
    return binding.dumps_to_memory(root, reducer=lambda obj: hook(obj) and None or NotImplemented)


def by_method(name):
    def dump(hook, root):
        def method(self, obj):
            hook(obj)
            return None if name == "persistent_id" else libcloudpickle.Pickler.reducer_override(self, obj)

        result = Result()
        type("Hooked", (libcloudpickle.Pickler,), {name: method})(result).dump(root)
        return bytes(result)

    return dump


def by_table(hook, root):
    def reduce(obj):
        hook(obj)
        return Plain, (getattr(obj, "number", None),)

    result = Result()
    pickler = libcloudpickle.Pickler(result)
    pickler.dispatch_table = {Plain: reduce}
    pickler.dump(root)
    return bytes(result)


def by_callback(hook, root):
    result = Result()
    binding.dump_to_callback(root, lambda data: hook() or result.write(data) or 0)
    return bytes(result)


def by_file(hook, root):
    result = Result()
    File = type("File", (), {"write": lambda self, data: hook() or result.write(data)})
    binding.dump_to_file(root, File())
    return bytes(result)


def by_buffers(hook, root):
    return binding.dumps_to_memory(root, on_buffer=lambda data, read_only: hook() or 1)


def by_buffer_callback(hook, root):
    return libcloudpickle.dumps(root, protocol=5, buffer_callback=lambda buffer: hook() or True)


def plain(hook, number):
    return Plain(number)


def large(hook, number):
    return bytes([number % 256]) * 100_000


def buffer(hook, number):
    return pickle.PickleBuffer(bytearray([number % 256]) * 10)


DUMPS = {
    "__reduce__": (Reduces, by_memory),
    "__getstate__": (States, by_memory),
    "reducer": (plain, by_reducer),
    "reducer_override": (plain, by_method("reducer_override")),
    "persistent_id": (plain, by_method("persistent_id")),
    "dispatch_table": (plain, by_table),
    "write": (large, by_callback),
    "file": (large, by_file),
    "on_buffer": (buffer, by_buffers),
    "buffer_callback": (buffer, by_buffer_callback),
}
BY_ANSWER = ("write", "on_buffer")
CLEAN = (RuntimeError, pickle.PicklingError, Failure)


def tried(dump, hook, root):
    """Bytes that load, or an error that is clean."""
    try:
        data = dump(hook, root)
    except CLEAN:
        return None
    binding.loads(data)
    return data


class Forward:
    """The hook of the objects, which is another one for each dump."""

    hook = None

    def __call__(self, *about):
        self.hook(*about)


def graph(thing, hook):
    things = [thing(hook, number) for number in range(6)]
    return [things[:2], {1: things[2], "k": [things[3]]}, (things[4], [things[5]]), {"state": Plain([thing(hook, 6)])}]


def forwarded(dump, forward, hook, root):
    """A dump in which hook, and nothing else, is called."""
    forward.hook = hook
    return dump(forward, root)


def calls_of(thing, dump):
    forward, hook = Forward(), Hook(-1, None)
    forwarded(dump, forward, hook, graph(thing, forward))
    assert hook.calls > 0
    return hook.calls


@pytest.mark.parametrize("name", DUMPS)
def test_dumps(name):
    thing, dump = DUMPS[name]
    forward = Forward()
    root = graph(thing, forward)
    expected, calls = forwarded(dump, forward, Hook(-1, None), root), calls_of(thing, dump)
    for at in range(calls):
        for act in HARMLESS.values():
            hook = Hook(at, act)
            assert forwarded(dump, forward, hook, root) == expected and hook.calls == calls
        if name in BY_ANSWER:
            continue
        hook = Hook(at, fail)
        with pytest.raises(Failure) as caught:
            forwarded(dump, forward, hook, root)
        assert hook.calls == at + 1
        caught.value.__traceback__ = None
    assert forwarded(dump, forward, Hook(-1, None), root) == expected


@pytest.mark.parametrize("name", BY_ANSWER)
def test_callbacks_that_answer_a_failure(name):
    thing, _ = DUMPS[name]
    root = graph(thing, None)
    for at in range(calls_of(*DUMPS[name])):
        hook = Hook(at, lambda *about: FAILED)
        if name == "write":
            report = reports.dump(root, lambda data: hook() or 0)
        else:
            report = reports.dumps(root, on_buffer=lambda data, read_only: hook() or 1)
        assert report[:2] == (reports.CALLBACK, FAILED) and hook.calls == at + 1


@pytest.mark.parametrize("name", DUMPS)
def test_last_references_are_dropped_in_dumps(name):
    thing, dump = DUMPS[name]
    for at in range(calls_of(thing, dump)):
        holder = []

        def drop(*about):
            for container in holder:
                container.clear()
            holder.clear()
            gc.collect()

        forward, hook = Forward(), Hook(at, drop)
        root = graph(thing, forward)
        holder.extend((root[0], root[1]["k"], root[1], root[2][1], root[3]["state"].number, vars(root[3]["state"]), root[3], root))
        tried(lambda forward, root: forwarded(dump, forward, hook, root), forward, root)
        assert not holder and hook.calls > at


@pytest.mark.parametrize("change", CHANGES, ids=[change[0] for change in CHANGES])
@pytest.mark.parametrize("name", DUMPS)
def test_container_changes_in_dumps(name, change):
    thing, dump = DUMPS[name]
    _, kind, change = change
    inner = thing
    if isinstance(kind, set) and thing is buffer:
        # A set holds no buffers, which have no hash.
        inner = lambda hook, number: Plain(buffer(hook, number))  # noqa: E731
    for size in (1, 2, 5) + ((1100,) if thing in (Reduces, plain) else ()):
        for at in sorted({0, 1, size // 2, size - 1}):
            made, forward = type(kind)(), Forward()
            things = [inner(forward, number) for number in range(size)]
            if isinstance(made, dict):
                made.update(enumerate(things))
            elif isinstance(made, set):
                made.update(things)
            else:
                made.extend(things)
            del things
            hook = Hook(at, lambda *about: change(made) and None)
            tried(lambda forward, root: forwarded(dump, forward, hook, root), forward, [made, made])
            assert hook.calls > 0
    assert binding.loads(binding.dumps([1, {2: 3}])) == [1, {2: 3}]


# --- loads: what a pickle calls, and what it is read from

HOOK = None


def called(*about):
    return HOOK("called", *about)


def build(*arguments):
    called(arguments)
    return list(arguments)


class WithState:
    def __setstate__(self, state):
        called(state)
        self.state = state


class Items(list):
    def append(self, item):
        called(item)
        list.append(self, item)

    def extend(self, items):
        called(items)
        list.extend(self, items)

    def __reduce__(self):
        return Items, (), None, iter(list(self))


class Pairs(dict):
    def __setitem__(self, key, value):
        called(key, value)
        dict.__setitem__(self, key, value)

    def __reduce__(self):
        return Pairs, (), None, None, iter(list(self.items()))


class Members(set):
    def add(self, member):
        called(member)
        set.add(self, member)

    def __reduce__(self):
        return Members, (), None, None


class Call:
    def __init__(self, *arguments):
        self.arguments = arguments

    def __reduce__(self):
        return build, self.arguments


class Key:
    def __hash__(self):
        called()
        return 5

    def __eq__(self, other):
        called()
        return self is other


class New:
    def __new__(cls, *arguments):
        called(arguments)
        return object.__new__(cls)

    def __init__(self, *arguments):
        self.arguments = arguments

    def __getnewargs__(self):
        return self.arguments


def state(value):
    made = WithState()
    made.state = value
    return made


def setter(obj, state):
    called(obj, state)
    obj.append(state)


class BySetter(list):
    def __reduce__(self):
        return BySetter, (), [1], None, None, setter


class Referred:
    """Its persistent id is itself in words."""


def by_unpickler(**options):
    class Pickler(libcloudpickle.Pickler):
        def persistent_id(self, obj):
            return "it" if isinstance(obj, Referred) else None

    class Unpickler(libcloudpickle.Unpickler):
        def persistent_load(self, pid):
            called(pid)
            return Referred()

        def find_class(self, module, name):
            called(module, name)
            return super().find_class(module, name)

    def dump(root):
        result = Result()
        Pickler(result, 5).dump(root)
        return bytes(result)

    return dump, lambda data: Unpickler(io.BytesIO(data)).load()


class Source:
    def __init__(self, data):
        self.inner = io.BytesIO(data)

    def read(self, size=-1):
        called(size)
        return self.inner.read(size)

    def readline(self):
        called()
        return self.inner.readline()


class Buffers:
    """What `loads` takes out-of-band data from."""

    def __init__(self):
        self.left = [bytearray(b"one"), bytearray(b"two")]

    def __iter__(self):
        return self

    def __next__(self):
        called()
        return self.left.pop(0)


def out_of_band(root):
    return libcloudpickle.dumps([[pickle.PickleBuffer(b"one")], root, pickle.PickleBuffer(b"two")], 5, buffer_callback=lambda buffer: False)


def by_read(data):
    source = io.BytesIO(data)

    def read(size):
        try:
            called()
        except Failure:
            return FAILED
        return source.read(size)

    report = reports.load(read)
    if report.status != reports.OK:
        assert report[:2] == (reports.CALLBACK, FAILED)
        raise Failure
    return report.object


def find(module, name):
    called(module, name)


HASHED = lambda: {Key(): 1, Key(): [2]}  # noqa: E731
LOADS = {
    "called": (lambda: [Call(1, [2]), {"k": Call(Call(3))}], binding.dumps, libcloudpickle.loads),
    "__new__": (lambda: [New(1, [2]), (New(),)], binding.dumps, libcloudpickle.loads),
    "__setstate__": (lambda: [state([1]), {"k": state((state({}),))}], binding.dumps, libcloudpickle.loads),
    "state setter": (lambda: [BySetter(), [BySetter()]], binding.dumps, libcloudpickle.loads),
    "append": (lambda: [Items([1]), (Items([[2]]),)], lambda root: binding.dumps(root, 0), libcloudpickle.loads),
    "extend": (lambda: [Items([1, 2]), (Items([[3], 4]),)], binding.dumps, libcloudpickle.loads),
    "__setitem__": (lambda: [Pairs(a=1, b=[2]), {"k": Pairs(c=3)}], binding.dumps, libcloudpickle.loads),
    "__hash__": (lambda: [HASHED(), {Key()}, frozenset([Key(), Key()])], binding.dumps, libcloudpickle.loads),
    "find_global": (lambda: [Call(1), state(2)], binding.dumps, lambda data: loading.loads(data, find_global=find)),
    "find_class and persistent_load": (lambda: [Referred(), [Call(Referred())], state(Referred())], *by_unpickler()),
    "file": (lambda: [bytes(100_000), [1] * 5000, "x" * 100_000], binding.dumps, lambda data: libcloudpickle.load(Source(data))),
    "lines": (lambda: ["text"] * 30, lambda root: binding.dumps(root, 0), lambda data: libcloudpickle.load(Source(data))),
    "read": (lambda: [bytes(100_000), [1] * 5000, "x" * 100_000], binding.dumps, by_read),
    "buffers": (lambda: [1], out_of_band, lambda data: libcloudpickle.loads(data, buffers=Buffers())),
}


def shape(obj, seen=()):
    """What was loaded, in a way that two of it compare."""
    kind = type(obj).__name__
    if any(obj is one for one in seen):
        return kind, "…"
    seen += (obj,)
    if isinstance(obj, dict):
        return kind, [(shape(key, seen), shape(value, seen)) for key, value in obj.items()]
    if isinstance(obj, (list, tuple, set, frozenset)):
        return kind, [shape(item, seen) for item in obj]
    if hasattr(obj, "__dict__") and not isinstance(obj, type):
        return kind, shape(vars(obj), seen)
    return kind, bytes(obj) if isinstance(obj, pickle.PickleBuffer) else obj


@pytest.mark.parametrize("name", LOADS)
def test_loads(name):
    global HOOK
    make, dump, load = LOADS[name]
    HOOK = Hook(-1, None)
    data = dump(make())
    HOOK = Hook(-1, None)
    expected, calls = shape(load(data)), HOOK.calls
    assert calls > 0
    for at in range(min(calls, 60)):
        for act in HARMLESS.values():
            HOOK = Hook(at, act)
            assert shape(load(data)) == expected and HOOK.calls == calls
        HOOK = Hook(at, fail)
        with pytest.raises(Exception) as caught:
            load(data)
        assert caught.type is Failure or name == "find_global"
        assert HOOK.calls == at + 1
        caught.value.__traceback__ = None
    HOOK = Hook(-1, None)
    assert shape(load(data)) == expected


def containers_under_way():
    """The lists, dicts and sets of the tests' own that only a load or a dump refers to by now."""
    gc.collect()
    return [made for made in gc.get_objects() if type(made) in (list, dict, set, Items, Pairs)]


# Not what goes through ctypes, which has containers of its own.
@pytest.mark.parametrize("name", [name for name in LOADS if name not in ("find_global", "read")])
def test_what_is_loaded_changes(name):
    """At each call all containers that were made since the load began are emptied, or filled with other things."""
    global HOOK
    make, dump, load = LOADS[name]
    HOOK = Hook(-1, None)
    data = dump(make())
    HOOK = Hook(-1, None)
    load(data)
    for at in range(min(HOOK.calls, 20)):
        for change in ("clear", "fill"):
            gc.collect()
            before = {id(made) for made in gc.get_objects()}

            def act(*about):
                for made in containers_under_way():
                    if id(made) in before or made is before:
                        continue
                    if type(made) in (list, Items):
                        list.clear(made) if change == "clear" else list.extend(made, [made] * 100)
                    elif type(made) is set and change == "clear":
                        made.clear()
                    elif type(made) in (dict, Pairs) and not any(isinstance(key, str) and key.startswith("_") for key in made):
                        dict.clear(made) if change == "clear" else dict.update(made, {number: made for number in range(100)})

            HOOK = Hook(at, act)
            try:
                load(data)
            except Exception as error:
                assert type(error) in (RuntimeError, TypeError, ValueError, KeyError, IndexError, AttributeError, pickle.UnpicklingError), error
                error.__traceback__ = None
    HOOK = Hook(-1, None)
    load(data)


@pytest.mark.parametrize("name", ("file", "lines", "buffers", "find_class and persistent_load"))
def test_last_references_are_dropped_in_loads(name):
    """What the data come from, and the unpickler, have nobody but the load itself to hold them."""
    global HOOK
    make, dump, load = LOADS[name]
    HOOK = Hook(-1, None)
    data = dump(make())
    HOOK = Hook(-1, None)
    expected, calls = shape(load(data)), HOOK.calls
    for at in range(min(calls, 60)):
        HOOK = Hook(at, lambda *about: gc.collect())
        assert shape(load(bytes(bytearray(data)))) == expected


def test_a_report_says_so():
    """The doors that report failures, for each hook that is Python's: the type of the exception is there."""
    global HOOK
    make, dump, load = LOADS["called"]
    HOOK = Hook(-1, None)
    data = dump(make())
    HOOK = Hook(0, fail)
    report = reports.loads(data)
    assert report.status == reports.PYTHON and report.type.endswith("Failure"), report
