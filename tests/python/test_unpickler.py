"""What loads, and how much of its source it takes."""

import gc
import io
import os
import pickle
import subprocess
import sys
import textwrap
import warnings

import loading
import loading_samples as samples
import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
PLAIN = list(samples.plain_pickles())
BY_VALUE = samples.by_value()


def by_callback(data):
    return loading.load(io.BytesIO(data).read)


def by_file(data):
    return loading.load_file(io.BytesIO(data))


def by_peeking_file(data):
    return loading.load_file(io.BufferedReader(io.BytesIO(data)))


def by_pipe(data):
    reading, writing = os.pipe()
    try:
        # As much as a pipe holds; the rest is fed in by another process elsewhere.
        os.write(writing, data)
        os.close(writing)
        return loading.load_fd(reading)
    finally:
        os.close(reading)


WAYS = [loading.loads, by_callback, by_file, by_peeking_file]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name, thing, data", PLAIN, ids=[row[0] for row in PLAIN])
def test_plain(name, thing, data, way):
    loaded = way(data)
    assert type(loaded) is type(thing)
    assert loaded == thing
    assert repr(loaded) == repr(thing)


def test_a_pipe_is_read():
    assert by_pipe(pickle.dumps(samples.PLAIN["texts"])) == samples.PLAIN["texts"]


@pytest.mark.parametrize("protocol", range(6))
def test_cycles(protocol):
    loaded = loading.loads(pickle.dumps(samples.cyclic_list(), protocol))
    assert loaded[1] is loaded
    loaded = loading.loads(pickle.dumps(samples.cyclic_dict(), protocol))
    assert loaded["self"] is loaded


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name, data", BY_VALUE, ids=[row[0] for row in BY_VALUE])
def test_by_value(name, data, way):
    samples.check_by_value(name, way(data))


IN_A_FRESH_PROCESS = """
    import pickle, sys
    sys.modules["cloudpickle"] = None
    import loading
    with open(sys.argv[1], "rb") as file:
        rows = pickle.load(file)
    loaded = {name: loading.loads(data) for name, data in rows}
    try:
        import cloudpickle
        raise SystemExit("the package is there")
    except ImportError:
        pass
    # The checks need what made the samples, and that needs the package.
    sys.modules["cloudpickle"] = type(sys)("cloudpickle")
    import loading_samples
    for name, thing in loaded.items():
        loading_samples.check_by_value(name, thing)
    print(len(loaded), "loaded")
"""


def run(source, *arguments):
    environment = {**os.environ, "PYTHONPATH": HERE}
    command = [sys.executable, "-W", "ignore", "-X", "faulthandler", "-c", textwrap.dedent(source), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_the_package(tmp_path):
    (tmp_path / "rows").write_bytes(pickle.dumps(BY_VALUE))
    assert run(IN_A_FRESH_PROCESS, str(tmp_path / "rows")) == "%d loaded\n" % len(BY_VALUE)


def test_pickles_follow_one_another():
    things = [1, [2, 3], {"a": "b" * 1000}, b"x" * 100_000, None, samples.PLAIN["dicts"]]
    for protocol in range(6):
        data = b"".join(pickle.dumps(thing, protocol) for thing in things)
        stream = io.BytesIO(data)
        assert [loading.load(stream.read) for _ in things] == things
        assert stream.read() == b""
        for file in (io.BytesIO(data), io.BufferedReader(io.BytesIO(data), 16)):
            assert [loading.load_file(file) for _ in things] == things
            assert file.read() == b""
        rest, found = data, []
        while rest:
            thing, used = loading.loads_used(rest)
            found.append(thing)
            rest = rest[used:]
        assert found == things


def test_a_file_descriptor_stays_behind_the_pickle(tmp_path):
    things = [list(range(3000)), "b" * 300_000, {"c": None}]
    for protocol in range(6):
        path = tmp_path / str(protocol)
        path.write_bytes(b"".join(pickle.dumps(thing, protocol) for thing in things) + b"tail")
        with open(path, "rb", buffering=0) as file:
            assert [loading.load_fd(file.fileno()) for _ in things] == things
            assert file.read() == b"tail"


def test_a_source_is_never_asked_for_more_than_is_needed():
    for protocol in range(6):
        data = pickle.dumps([1, "a", b"b" * 100_000, {"c": 2.5}], protocol)
        left = len(data)

        def read(size):
            nonlocal left
            assert size <= left, "asked for %d bytes when %d are left" % (size, left)
            left -= size
            return data[len(data) - left - size : len(data) - left]

        loading.load(read)
        assert left == 0


def test_a_source_may_give_less_than_was_asked_for():
    stream = io.BytesIO(pickle.dumps(samples.PLAIN, 4))
    assert repr(loading.load(lambda size: stream.read(min(size, 7)))) == repr(samples.PLAIN)


def test_the_limit():
    data = pickle.dumps("x" * 1000, 4)
    assert loading.load(io.BytesIO(data).read, max_bytes=len(data)) == "x" * 1000
    for limit in (1, 10, 500, len(data) - 1):
        with pytest.raises(pickle.UnpicklingError, match="longer than the %d bytes" % limit):
            loading.load(io.BytesIO(data).read, max_bytes=limit)


def test_find_global_allows_replaces_and_refuses():
    asked = []

    def find(module, name):
        asked.append((module, name))
        if name == "OrderedDict":
            return dict
        if name == "_make_function":
            raise ValueError("refused")
        return None

    data = pickle.dumps(samples.PLAIN["collections"][0], 2)
    assert type(loading.loads(data, find_global=find)) is dict
    with pytest.raises(pickle.UnpicklingError, match="_make_function"):
        loading.loads(dict(BY_VALUE)["lambda"], find_global=find)
    assert ("cloudpickle.cloudpickle", "_make_function") in asked


def test_find_class_is_audited():
    heard = run(
        """
        import pickle, sys
        import loading
        data = pickle.dumps(len), b"\\x80\\x04\\x8c\\x17cloudpickle.cloudpickle\\x8c\\x09subimport\\x93."
        heard = []
        sys.addaudithook(lambda event, args: heard.append(args) if event == "pickle.find_class" else None)
        for each in data:
            loading.loads(each)
        print(heard)
        """
    )
    assert heard == "[('builtins', 'len'), ('cloudpickle.cloudpickle', 'subimport')]\n"


def test_out_of_band_buffers_are_released_once():
    import ctypes

    released = []
    memory = [ctypes.create_string_buffer(b"abc"), ctypes.create_string_buffer(b"defg")]
    release = loading.ReleaseFunction(lambda buffer: released.append(buffer.contents.private_data))

    def buffers():
        return [
            loading.Buffer(ctypes.addressof(m), len(m) - 1, 1, 0, release, 1 + i) for i, m in enumerate(memory)
        ]

    out_of_band = []
    data = pickle.dumps([pickle.PickleBuffer(b"abc"), pickle.PickleBuffer(b"defg")], 5, buffer_callback=out_of_band.append)
    loaded = loading.loads(data, buffers=buffers())
    assert [bytes(view) for view in loaded] == [b"abc", b"defg"]
    assert released == []
    del loaded
    gc.collect()
    assert sorted(released) == [1, 2]
    released.clear()
    for end in range(len(data)):
        with pytest.raises((pickle.UnpicklingError, EOFError)):
            loading.loads(data[:end], buffers=buffers())
        gc.collect()
        assert sorted(released) == [1, 2]
        released.clear()
    with pytest.raises(pickle.UnpicklingError, match="not enough out-of-band buffers"):
        loading.loads(data, buffers=buffers()[:1])
    with pytest.raises(pickle.UnpicklingError, match="no \\*buffers\\* argument"):
        loading.loads(b"\x97.")


def test_a_million_levels():
    depth = 1_000_000
    loaded = loading.loads(b"\x80\x04" + b"]\x94" * depth + b"a" * (depth - 1) + b".")
    levels, inner = 1, loaded
    while inner:
        inner = inner[0]
        levels += 1
    assert levels == depth
    del inner, loaded
    loading.loads(b"\x80\x04)" + b"\x85\x94" * depth + b".")
    loading.loads(b"}K\x00" * depth + b"N" + b"s" * depth + b".")


def test_a_missing_module_says_who_needs_it():
    import types

    import cloudpickle

    missing = types.ModuleType("a_module_that_is_missing")
    sys.modules[missing.__name__] = missing
    namespace = {"__name__": "__main__", "missing": missing}
    exec("def wants(x):\n    return missing.f(x)\nclass Wants:\n    missing = missing\n", namespace)
    pickles = {name: cloudpickle.dumps(namespace[name]) for name in ("wants", "Wants")}
    # The second pickle's class is known in this process; a fresh one has to load it.
    del sys.modules[missing.__name__]
    with pytest.raises(ModuleNotFoundError) as caught:
        loading.loads(pickles["wants"])
    assert str(caught.value) == "No module named 'a_module_that_is_missing', needed by function 'wants'"
    assert caught.value.name == "a_module_that_is_missing"
    with pytest.raises(ModuleNotFoundError, match="needed by class 'Wants'"):
        loading.loads(pickles["Wants"])


def test_instances_load_as_pickle_loads_them():
    """The way round `__dict__` beside the one through it."""
    source = """
class Plain: pass
class Default:
    x = 1
class Guarded:
    def __setattr__(self, name, value):
        raise AttributeError(name)
class Described:
    @property
    def x(self):
        return "descriptor"
class Dynamic:
    def __getattr__(self, name):
        raise AttributeError(name)
class Error(ValueError): pass
class Dicty(dict): pass
class Own:
    @property
    def __dict__(self):
        return {}
"""
    found = {"__name__": "__main__"}
    exec(source, found)
    for name in ("Plain", "Default", "Guarded", "Described", "Dynamic", "Error", "Dicty"):
        state = {"x": 1, "y": [2], sys.intern("many%d" % len(name)): None}
        made = found[name]()
        object.__getattribute__(made, "__dict__").update(state)
        sys.modules["__main__"].__dict__[name] = found[name]
        found[name].__module__ = "__main__"
        for protocol in range(2, 6):
            data = pickle.dumps(made, protocol)
            ours, theirs = loading.loads(data), pickle.loads(data)
            assert type(ours) is type(theirs)
            assert list(vars(ours).items()) == list(vars(theirs).items()) == list(state.items())
            assert all(key is sys.intern(key) for key in vars(ours))
        del sys.modules["__main__"].__dict__[name]


def growth(load, rows, rounds):
    """By how many blocks memory grows in so many rounds of loading all rows, and the first two thirds of each."""

    def once():
        for data in rows:
            load(data)
            with pytest.raises(Exception):
                load(data[: len(data) * 2 // 3])
        gc.collect()
        with warnings.catch_warnings():
            # It keeps names of attributes, and is deprecated from 3.13 on.
            warnings.simplefilter("ignore")
            sys._clear_type_cache()
        return sys.getallocatedblocks()

    levels = [once() for _ in range(rounds + 15)]
    return min(levels[-10:]) - min(levels[5:15])


def test_nothing_is_kept():
    rows = [data for name, _, data in PLAIN if name.endswith(("0", "4"))] + [data for _, data in BY_VALUE]
    # Some of the interpreter's own memory grows for a while, in the time of both loaders; whatever is kept of a load is
    # kept in each round.
    rounds = 80
    noise = max(growth(pickle.loads, rows, rounds), 0)
    found = growth(loading.loads, rows, rounds)
    assert found < noise + rounds, (found, noise)
