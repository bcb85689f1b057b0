"""Closures: how many cells, what is in them, who shares them, how they recurse."""

import types

from .row import row, source

for count in (1, 2, 3, 10, 300):
    names = ["v%d" % n for n in range(count)]
    source(
        "closure of %d cells" % count,
        "def outer(%s):\n    return lambda: [%s]\nresult = outer(*range(%d))" % (", ".join(names), ", ".join(names), count),
        "assert result() == list(range(%d))" % count,
    )
source("closure", "def outer(n):\n    def inner(x): return x + n\n    return inner\nresult = outer(5)", "assert result(1) == 6 and result.__qualname__ == 'outer.<locals>.inner'")
source("closures of one definition", "def outer(n):\n    return lambda x: x + n\nresult = [outer(n) for n in range(5)]", "assert [f(1) for f in result] == [1, 2, 3, 4, 5]")
source("closure over all kinds", "def outer(a, b, c, d, e):\n    return lambda: (a, b, c, d, e)\nresult = outer([1], {'k': 2}, 'text', None, len)", "assert result() == ([1], {'k': 2}, 'text', None, len)")
source("cell empty", "def outer():\n    if False: late = 1\n    return lambda: late\nresult = outer()", "assert len(result.__closure__) == 1\ntry: result()\nexcept NameError: pass\nelse: raise AssertionError")
source("cells empty and full", "def outer(full):\n    if False: late = 1\n    return lambda x: full if x else late\nresult = outer(5)", "assert result(1) == 5")
source("cell shared by two closures", "def outer():\n    n = 0\n    def get(): return n\n    def add():\n        nonlocal n\n        n += 1\n    return get, add\nresult = outer()", "get, add = result; assert get() == 0")
source("cell value shared", "def outer(v):\n    return [lambda: v, lambda: v, v]\nresult = outer([1])", "a, b, v = result; assert a() is b() is v")
source("recursive through its cell", "def outer():\n    def fact(n): return 1 if n == 0 else n * fact(n - 1)\n    return fact\nresult = outer()", "assert result(5) == 120")
source("mutually recursive through cells", "def outer():\n    def even(n): return n == 0 or odd(n - 1)\n    def odd(n): return n != 0 and even(n - 1)\n    return even\nresult = outer()", "assert result(10) and not result(7)")
source("recursive through a container in its cell", "def outer():\n    table = {}\n    def walk(n): return n if n == 0 else table['walk'](n - 1)\n    table['walk'] = walk\n    return walk\nresult = outer()", "assert result(5) == 0")
source("recursive through an object in its cell", "from corpus.importable import Plain\ndef outer():\n    p = Plain()\n    def f(): return p\n    p.f = f\n    return f\nresult = outer()", "assert result().f is result")
source("nested three deep", "def a(x):\n    def b(y):\n        def c(z): return x + y + z\n        return c\n    return b\nresult = a(1)", "assert result(2)(3) == 6")
source(
    "nested ten deep",
    "def nest(n):\n" + "".join("%sdef f%d(x%d):\n" % ("    " * (k + 1), k, k) for k in range(10)) + "    " * 11 + "return n + %s\n" % " + ".join("x%d" % k for k in range(10)) + "".join("%sreturn f%d\n" % ("    " * (k + 1), k) for k in reversed(range(10))) + "result = nest(1)",
    "f = result\nfor k in range(10): f = f(k)\nassert f == 46",
)
source("closure passed through", "def outer(n):\n    def middle():\n        def inner(): return n\n        return inner\n    return middle\nresult = outer(3)", "assert result()() == 3")
source("closure over a function and its result", "def outer(f):\n    v = f(2)\n    return lambda x: f(x) + v\nresult = outer(lambda x: x * 10)", "assert result(1) == 30")
source("closure over a module", "def outer():\n    import math\n    return lambda x: math.floor(x)\nresult = outer()", "assert result(1.5) == 1")
source("closure and globals", "N = 10\ndef outer(n):\n    return lambda: n + N\nresult = outer(1)", "assert result() == 11")
source("chain of 30 closures", "def outer(f, n):\n    return lambda x: f(x) + n\nf = lambda x: x\nfor n in range(30): f = outer(f, 1)\nresult = f", "assert result(0) == 30")
source("composed", "import functools\nresult = functools.reduce(lambda f, g: lambda x: g(f(x)), [lambda x, n=n: x + n for n in range(6)])", "assert result(0) == 15")
source("closure over itself and data", "def outer(data):\n    def me(k): return me if k is None else data[k]\n    return [me, data]\nresult = outer({'a': [1]})", "me, data = result; assert me(None) is me and me('a') is data['a']")
source("cell variables of its own", "def result(n):\n    def inc(): return n + 1\n    m = n * 2\n    return inc(), (lambda: m)()", "assert result(2) == (3, 4)")
source("argument that is a cell", "def result(a, b):\n    return [lambda: a, lambda: b, lambda: (b, a)]", "assert [f() for f in result(1, 2)] == [1, 2, (2, 1)]")


# --- cells alone

def contents(expected):
    def check(loaded):
        assert type(loaded) is types.CellType and loaded.cell_contents == expected

    return check


def check_empty(loaded):
    assert loaded == types.CellType()


row("cell", lambda: types.CellType([1]), contents([1]))
row("cell of None", lambda: types.CellType(None), contents(None))
row("cell of a cell", lambda: types.CellType(types.CellType(1)), contents(types.CellType(1)))
row("cell empty alone", types.CellType, check_empty)
row("cells in a list", lambda: (lambda cell: [cell, cell, types.CellType(), types.CellType()])(types.CellType("x")), lambda loaded: check_cells(loaded))
row("cell in its contents", lambda: cell_in_its_contents(), lambda loaded: None)


def check_cells(loaded):
    assert loaded[0] is loaded[1] and loaded[0].cell_contents == "x" and loaded[2] == loaded[3] == types.CellType()


def cell_in_its_contents():
    box = []
    cell = types.CellType(box)
    box.append(cell)
    return cell
