"""Code objects."""

import types

from . import importable
from .row import row, run


def code(name, make, value, since=(3, 9)):
    def check(loaded):
        assert type(loaded) is types.CodeType and loaded == make() and eval(loaded, {}) == value

    row("code: " + name, make, check, since=since)


code("expression", lambda: compile("1 + 2", "<corpus>", "eval"), 3)
code("expression of a name", lambda: compile("len('abc')", "file.py", "eval"), 3)
code("module", lambda: compile("x = 1\ndef f(): return x\n", "<corpus>", "exec"), None)
code("module empty", lambda: compile("", "", "exec"), None)
code("interactive", lambda: compile("None", "<stdin>", "single"), None)
code("non-ASCII file", lambda: compile("1", "d\u00e9j\u00e0/\u20ac.py", "eval"), 1)


def code_only(name, make):
    row("code: " + name, make, lambda loaded: check_equal(loaded, make()))


def check_equal(loaded, expected):
    assert type(loaded) is types.CodeType and loaded == expected and loaded.co_consts == expected.co_consts


code_only("of an importable function", lambda: importable.function.__code__)
code_only("of a function with everything", lambda: run(EVERYTHING)["result"].__code__)
code_only("replaced", lambda: importable.function.__code__.replace(co_name="x", co_filename="y", co_firstlineno=70000))
code_only("replaced by a long name", lambda: importable.function.__code__.replace(co_name="n" * 300))
row(
    "code: twice, and its parts",
    lambda: (lambda made: [made, made, made.co_consts, made.co_names, made.co_name, made.co_filename, made.co_varnames])(run(EVERYTHING)["result"].__code__),
    lambda loaded: check_parts(loaded),
)
row(
    "code: with its function",
    lambda: (lambda made: [made.__code__, made])(run("def f(x): return x + 1")["f"]),
    lambda loaded: check_function(loaded),
)
row(
    "code: shared by two functions",
    lambda: (lambda f: [f, types.FunctionType(f.__code__, {"N": 5})])(run("N = 1\ndef f(): return N")["f"]),
    lambda loaded: check_shared(loaded),
)
row("code: with odd constants", lambda: importable.function.__code__.replace(co_consts=(None, [1], {"k": (2,)}, importable.Plain)), lambda loaded: check_constants(loaded))

EVERYTHING = """
def result(a, b=1, /, c=2, *args, d: int = 3, **kw):
    "doc"
    try:
        for x in range(a):
            yield [lambda: (x, y, b) for y in args]
    except (ValueError, KeyError) as error:
        raise RuntimeError from error
    finally:
        with open(c) as file:
            print(file, kw, d, sep="")
"""


def check_parts(loaded):
    assert loaded[0] is loaded[1] and loaded[0].co_names == loaded[3]


def check_function(loaded):
    assert loaded[1](1) == 2 and loaded[1].__code__ == loaded[0]


def check_shared(loaded):
    assert loaded[0]() == 1 and loaded[1]() == 5


def check_constants(loaded):
    assert loaded.co_consts == (None, [1], {"k": (2,)}, importable.Plain)
