"""Code objects that are taken again where the same opcodes come again, each against what C pickle makes of them."""

import ctypes
import functools
import os
import pickle
import subprocess
import sys
import sysconfig
import textwrap
import types

import binding
import cloudpickle
import loading
import pytest
from level import check_level

HERE = os.path.dirname(os.path.abspath(__file__))
TIMES = 5
"""Two loads only see opcodes, the third keeps what comes of them, the fourth takes it."""


def run(code):
    """What a process of its own prints."""
    return subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=HERE, stdout=subprocess.PIPE, check=True, text=True).stdout


def function(name, source, file="<codes>"):
    world = {"__name__": "__main__"}
    exec(compile(source, file, "exec"), world)
    return world[name]


def parts(code):
    """All that a code object says, and which of it is one object."""
    inner = [parts(const) if isinstance(const, types.CodeType) else (type(const), const) for const in code.co_consts]
    fields = sorted(set(name for name in dir(code) if name.startswith("co_")) - {"co_consts", "co_lnotab", "co_lines", "co_positions", "co_branches"})
    texts = [code.co_filename, code.co_name, getattr(code, "co_qualname", ""), *code.co_names, *code.co_varnames, *code.co_freevars]
    same = [texts.index(text) for text in texts], [[a is b for a in texts] for b in texts]
    return [(name, getattr(code, name)) for name in fields if not callable(getattr(code, name))] + inner + [same]


def check(data, code_of, oracle=pickle.loads):
    """What loads make that come one after the other, with nothing of it kept and then with all of it."""
    kept = []
    for keep in (False, True):
        for _ in range(TIMES):
            mine, theirs = loading.loads(data), oracle(data)
            for one, other in zip(code_of(mine), code_of(theirs)):
                assert one == other and parts(one) == parts(other)
            assert cloudpickle.dumps(mine, 5) == cloudpickle.dumps(theirs, 5)
            kept += [mine] if keep else []
    return kept


SOURCES = {
    "constants": "def f(a, *b, c=1, **d):\n 'Says.'\n return a, 1, 2.5, 10**30, 'text', '\\xe9\\u20ac', b'bytes', None, True, ..., (1, ('x', b'')), -0.0",
    "sets": "def f(x):\n return x in {1, 'a', b'b'}, x in {'only'}",
    "complex": "def f():\n return 1j",
    "names": "def f(first, second):\n global third\n import os.path as fourth\n third = first.fifth(second)\n return fourth, third",
    "inner": "def f(n):\n def g(m):\n  return lambda: [n + m + k for k in range(3)]\n return g",
    "generator": "async def f():\n async for x in y:\n  yield x",
    "many": "def f(%s):\n return (%s)" % (", ".join("a%d" % n for n in range(200)), ", ".join("'c%d'" % n for n in range(300))),
    "none": "def f(): pass",
}


@pytest.mark.parametrize("name", SOURCES)
def test_alone(name):
    check(cloudpickle.dumps(function("f", SOURCES[name]), 5), lambda f: [f.__code__])


def test_one_after_the_other():
    lines = "".join("def f%d(x, name%d): return x + %d\n" % (n % 7, n % 5, n) for n in range(7)) + "fs = [f0, f1, f2, f3, f4, f5, f6, f0]"
    data = cloudpickle.dumps(function("fs", lines), 5)
    check(data, lambda fs: [f.__code__ for f in fs])


def test_texts_from_elsewhere():
    """The names of a code object may be objects that the pickle makes before."""
    f = function("f", "def f(first): return first.second", "<file>")
    code = f.__code__
    for shared in (code.co_filename, code.co_name, code.co_names[0], code.co_varnames[0], code.co_consts):
        data = cloudpickle.dumps([shared, f, shared], 5)
        check(data, lambda loaded: [loaded[1].__code__])
        if type(shared) is str:
            # The same opcodes after another text, which is not the first of its kind: that one may be interned itself.
            another = sys.intern("~" * len(shared))
            other = data.replace(shared.encode(), another.encode(), 1)
            assert other != data
            check(other, lambda loaded: [loaded[1].__code__])
            check(data, lambda loaded: [loaded[1].__code__])


def test_what_may_differ():
    """Only what stands in the memo tells these apart, or what stands far behind."""
    every = []
    for n in range(12):
        f = function("f", "def f(x):\n '%s'\n return x + %d" % ("long " * 20, n % 3 + 1000), "<file %d>" % (n % 2))
        every.append(cloudpickle.dumps([["%d" % n] * (n % 4), f], 5))
    for _ in range(TIMES):
        for data in every + every[::-1]:
            check(data, lambda loaded: [loaded[1].__code__])


def test_a_number_that_was_left_out():
    """The memo is not in order then. CPython 3.15's `_pickle` counts on in another way there than its twin in Python."""
    oracle = pickle._loads if sys.version_info >= (3, 15) else pickle.loads
    for source in SOURCES.values():
        f = function("f", source, "<left out>")
        data = cloudpickle.dumps([[], f, f.__code__, f.__code__.co_consts], 5)
        assert data.count(b"]\x94(]\x94") == 1
        data = data.replace(b"]\x94(]\x94", b"]\x94(]r\x20\x03\x00\x00", 1)
        check(data[:2] + data[11:], lambda loaded: [loaded[1].__code__, loaded[2]], oracle)


def test_it_is_wrong_in_the_same_words():
    """As what is done opcode by opcode, also when it comes again."""

    def say(loads, data):
        try:
            return loads(data)
        except Exception as error:
            return type(error), str(error)

    for n in range(4):
        data = cloudpickle.dumps(function("f", "def f(x): return lambda: x", "<wrong %d>" % n).__code__, 5)
        begin = data.index(b"(K\x01", data.index(b"CodeType"))
        # A mark more, and more arguments than names.
        for wrong in (data[11:begin] + b"(" + data[begin:], data[11:begin] + b"(K\x09" + data[begin + 3 :]):
            wrong = b"\x80\x05" + wrong + b"N" * 40
            said = [say(loading.loads, wrong) for _ in range(TIMES * 2)]
            assert said == said[:1] * (TIMES * 2)
            assert isinstance(said[0], tuple) and (issubclass(said[0][0], pickle.UnpicklingError) or said[0][0] is say(pickle.loads, wrong)[0])


def count_calls(*arguments):
    count_calls.times += 1
    return count_calls.times


class Counted:
    def __init__(self, *arguments):
        self.arguments = arguments

    def __reduce__(self):
        return count_calls, self.arguments


def test_what_is_called_among_the_constants():
    """Each time."""
    code = function("f", "def f(x): return x + 1").__code__
    for arguments in ((1,), (1, 2, 3), (1, 2, 3, 4), (1, 2, 3, 4, 5)):
        data = cloudpickle.dumps([count_calls, code.replace(co_consts=(*code.co_consts, Counted(*arguments)))], 5)
        for loads in (pickle.loads, loading.loads):
            count_calls.times = 0
            assert [loads(data)[1].co_consts[-1] for _ in range(8)] == list(range(1, 9))


def test_more_than_are_kept():
    every = [cloudpickle.dumps(function("f", "def f(x): return x + %d, '%s'" % (n, "y" * 600)), 5) for n in range(1500)]
    for _ in range(2):
        for n, data in enumerate(every):
            mine = [loading.loads(data) for _ in range(TIMES)]
            assert all(f(1) == (1 + n, "y" * 600) for f in mine)


def test_globals_are_each_functions_own():
    f = function("f", "calls = 0\ndef f():\n global calls\n calls += 1\n return calls")
    data = cloudpickle.dumps(f, 5)
    loaded = [loading.loads(data) for _ in range(TIMES)]
    for _ in range(50):
        for n, f in enumerate(loaded):
            if n % 2:
                f()
    assert [f() for f in loaded] == [1, 51, 1, 51, 1]
    assert [f.__globals__["calls"] for f in loaded] == [1, 51, 1, 51, 1]


def keep_something(code):
    """Has CPython keep something for us with a code object."""
    api = ctypes.pythonapi
    names = ("PyUnstable_Eval_RequestCodeExtraIndex", "PyUnstable_Code_SetExtra")
    names = names if sys.version_info >= (3, 12) else ("_PyEval_RequestCodeExtraIndex", "_PyCode_SetExtra")
    request, set_extra = (getattr(api, name) for name in names)
    request.restype, request.argtypes = ctypes.c_ssize_t, [ctypes.c_void_p]
    set_extra.restype, set_extra.argtypes = ctypes.c_int, [ctypes.py_object, ctypes.c_ssize_t, ctypes.c_void_p]
    assert set_extra(code, request(None), 1) == 0


def watch(code):
    sys.monitoring.use_tool_id(3, "tests")
    sys.monitoring.set_local_events(3, code, sys.monitoring.events.LINE)


@pytest.mark.parametrize("keep", [keep_something] + [watch] * (sys.version_info >= (3, 12)))
def test_what_somebody_keeps_something_with_is_not_taken_again(keep):
    data = cloudpickle.dumps(function("f", "def f(%s): return lambda: 1" % keep.__name__), 5)
    codes = [loading.loads(data).__code__ for _ in range(40)]
    keep(codes[-1])
    try:
        after = [loading.loads(data).__code__ for _ in range(20)]
        assert all(code == codes[-1] for code in after)
        assert not any(code is codes[-1] for code in after)
        # A code object within another, likewise.
        inner = [const for const in after[-1].co_consts if isinstance(const, types.CodeType)]
        keep(inner[0]) if keep is keep_something else sys.monitoring.set_local_events(3, inner[0], sys.monitoring.events.LINE)
        assert not any(inner[0] is const for _ in range(20) for const in loading.loads(data).__code__.co_consts)
    finally:
        if keep is watch:
            sys.monitoring.free_tool_id(3)


def test_taken_again():
    """Else the tests above say nothing. On a free-threaded build nothing is kept."""
    data = cloudpickle.dumps(function("f", "def f(taken): return lambda: 1"), 5)
    # The tests before may have left other opcodes where these belong.
    codes = [loading.loads(data).__code__ for _ in range(40)]
    assert (codes[-2] is codes[-1]) != bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def test_all_of_many_are_taken_again():
    """One that is not breaks the chain: what the next ones ask the memo for is another object then. In a process of its
    own, where nobody has taken their places. On a free-threaded build nothing is kept."""
    taken = run(
        """
        import test_codes, cloudpickle, loading
        lines = "".join("def made_%d(taken_%d): return taken_%d.taken_%d, %d\\n" % (n, n % 9, n % 9, n % 7, n) for n in range(150))
        fs = test_codes.function("fs", lines + "fs = [%s]" % ", ".join("made_%d" % n for n in range(150)))
        data, last = cloudpickle.dumps(fs, 5), []
        for _ in range(8):
            before, last = last, [f.__code__ for f in loading.loads(data)]
        print(sum(a is b for a, b in zip(before, last)))
        test_codes.check(data, lambda fs: [f.__code__ for f in fs])
        """
    )
    assert int(taken) == 0 if sysconfig.get_config_var("Py_GIL_DISABLED") else int(taken) > 140


def test_audited():
    """Hooks hear the same of each load."""
    heard = run(
        """
        import pickle, sys
        import cloudpickle, loading
        def f(x):
            return lambda: [x, "a"]
        early, late = cloudpickle.dumps([f, lambda: 1], 5), cloudpickle.dumps([f, lambda: 1, f], 5)
        for _ in range(5):
            loading.loads(early)
        heard = []
        sys.addaudithook(lambda event, args: heard.append(args) if event == "code.__new__" else None)
        counts = []
        for data in [early] * 5 + [late] * 5:
            for loads in (pickle.loads, loading.loads):
                heard.clear()
                loads(data)
                counts.append(list(heard))
        assert counts[::2] == counts[1::2], counts
        # And what they hold is not taken again.
        codes = [f.__code__ for data in [early, late] * 6 for f in loading.loads(data)[:2]]
        assert len(set(map(id, codes))) == len(codes)
        print([len(count) for count in counts[::10]], counts[0][0][1:])
        """
    )
    assert heard.startswith("[3, 3] ('<string>', '<lambda>', 0, 0, 0, 0, "), heard


def test_a_hook_that_refuses():
    said = run(
        """
        import pickle, sys
        import cloudpickle, loading
        every = [cloudpickle.dumps(eval("lambda: %d" % n), 5) for n in range(5)]
        for n, data in enumerate(every):
            for _ in range(n):
                loading.loads(data)
        times = []
        def hook(event, args):
            if event == "code.__new__":
                times.append(1)
                raise RuntimeError("refused")
        sys.addaudithook(hook)
        # To begin with, one that is kept by this load.
        for data in (every[2:] + every[:2]) * 2:
            for loads in (pickle.loads, loading.loads):
                times.clear()
                try:
                    print(loads(data))
                except RuntimeError as error:
                    print(error, len(times))
        """
    )
    assert said == "refused 1\n" * 20


def test_damaged():
    """What is wrong in opcodes that came before and after is said as ever."""
    data = cloudpickle.dumps(function("f", "def f(x):\n def g(y): return x + y\n return g"), 5)
    for _ in range(TIMES):
        loading.loads(data)

    def say(loads, damaged):
        try:
            loads(damaged)
        except Exception as error:
            return type(error), str(error)

    code = data.index(b"CodeType")
    for at in range(code, min(code + 420, len(data)), 3):
        for byte in (0, ord("0"), ord("R"), ord("("), data[at] ^ 1):
            damaged = data[:at] + bytes([byte]) + data[at + 1 :]
            # The first load does it opcode by opcode.
            said = [say(loading.loads, damaged) for _ in range(TIMES)]
            assert said == said[:1] * TIMES, (at, byte)


def test_level():
    every = [cloudpickle.dumps(function("f", source), 5) for source in SOURCES.values()]
    check_level(lambda: [loading.loads(data) for data in every])


def test_no_memory():
    _testcapi = pytest.importorskip("_testcapi")
    felt = 0
    for number in range(160):
        f = function("f", "def f(x):\n def g(no_memory_%d): return x\n return g, 'second', %d" % (number, number))
        data = cloudpickle.dumps(f, 5)
        # Without a function of our own, see test_no_memory.
        loads = functools.partial(binding._loads_bytes, data)
        loads(), loads()
        # What comes of the opcodes is kept, and then taken.
        for _ in range(2):
            loaded = None
            _testcapi.set_nomemory(number, number + 1)
            try:
                loaded = loads()
            except (MemoryError, ctypes.ArgumentError):
                felt += 1
            finally:
                _testcapi.remove_mem_hooks()
            assert loaded is None or loaded(1)[1:] == ("second", number)
        for _ in range(TIMES):
            assert loading.loads(data)(1)[0](2) == 1 and loading.loads(data).__code__ == pickle.loads(data).__code__
    assert felt > 10
