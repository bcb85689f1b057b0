"""Functions by value: signatures, attributes, globals, kinds of bodies."""

from .row import source

source("lambda", "result = lambda x: x + 1", "assert result(1) == 2")
source("lambda twice", "f = lambda x: x + 1\nresult = [f, f]", "assert result[0] is result[1] and result[0](1) == 2")
source("lambdas equal", "result = [lambda x: x + 1, lambda x: x + 1]", "assert [f(1) for f in result] == [2, 2]")
source("lambdas in a loop", "result = [lambda x, n=n: x + n for n in range(20)]", "assert [f(1) for f in result] == list(range(1, 21))")
source("lambdas in a dict", "result = {'a': lambda: 1, 'b': lambda: 2}", "assert result['a']() + result['b']() == 3")
source("lambda as key", "result = {lambda: 1: 2}", "(f,) = result; assert f() == 1")
source("function empty", "def result(): pass", "assert result() is None and result.__name__ == 'result'")
source(
    "function",
    "def result(x, y=2):\n    'Adds.'\n    return x + y",
    "assert result(1) == 3 and result.__doc__ == 'Adds.' and result.__defaults__ == (2,) and result.__module__ == '__main__'",
)
source("function of one char", "def f(): return 1\nresult = f", "assert result.__name__ == result.__qualname__ == 'f' and result() == 1")
source(
    "function of one char, used",
    "def x(x): return x + y\ny = 1\nresult = [x, 'x', 'y']",
    "assert result[0](1) == 2",
)
source("function of a non-ASCII char", "def é(ö): return ö\nresult = é", "assert result.__name__ == 'é' and result(1) == 1")
source("function of a long name", "def %s(): return 1\nresult = %s" % ("n" * 300, "n" * 300), "assert result() == 1")
source(
    "signature",
    "def result(a, b=1, /, c=2, *args, d, e=3, **kw): return (a, b, c, args, d, e, kw)",
    "assert result(0, d=4, z=5) == (0, 1, 2, (), 4, 3, {'z': 5}) and result.__kwdefaults__ == {'e': 3}",
)
source("defaults shared", "d = []\ndef f(x=d): return x\ndef g(x=d): return x\nresult = [f, g, d]", "assert result[0]() is result[1]() is result[2]")
source("default is itself", "def result(me=None): return me\nresult.__defaults__ = (result,)", "assert result() is result")
source("kwdefault is itself", "def result(*, me=None): return me\nresult.__kwdefaults__ = {'me': result}", "assert result() is result")
source("default empty", "def result(x): return x\nresult.__defaults__ = ()", "assert result.__defaults__ == ()")
source("annotations", "def result(x: int, *a: 'later', k: str = 's', **kw: list) -> dict: return k", "assert result.__annotations__ == {'x': int, 'a': 'later', 'k': str, 'kw': list, 'return': dict} and result(1) == 's'")
source(
    "annotations as text",
    "from __future__ import annotations\ndef result(x: int, y: Missing.Name = 1) -> list[int]: return x",
    "assert result.__annotations__ == {'x': 'int', 'y': 'Missing.Name', 'return': 'list[int]'} and result(1) == 1",
)
source("annotations of collections", "import typing\ndef result(x: typing.List[int], y: typing.Optional[str], z: 'int') -> typing.Callable: return x", "import typing; assert result.__annotations__['x'] == typing.List[int]")
source("annotations generic", "def result(x: list[int], y: dict[str, tuple[int, ...]]): return x", "assert result.__annotations__['x'] == list[int]")
source("annotations union", "def result(x: int | None): return x", "assert result.__annotations__['x'] == int | None", since=(3, 10))
source("annotations set", "def result(x): return x\nresult.__annotations__ = {'x': [1, 2]}", "assert result.__annotations__ == {'x': [1, 2]}")
source("annotations read before", "def result(x: int): return x\nresult.__annotations__", "assert result.__annotations__ == {'x': int}")
source("annotations that fail", "def result(x: Missing): return x", "", since=(3, 14))
source("annotations of a global", "T = int\ndef result(x: T): return x", "assert result.__annotations__ == {'x': int}")
source("annotations of a closure", "def outer(T):\n    def inner(x: T): return x\n    return inner\nresult = outer(int)", "assert result.__annotations__ == {'x': int}")
source("attributes", "def result(): return 1\nresult.note = [1]\nresult.other = {'k': result.note}", "assert result.note == [1] and result.other['k'] is result.note")
source("attribute is itself", "def result(): return 1\nresult.me = result\nresult.list = [result]", "assert result.me is result and result.list[0] is result")
source("attribute with a made name", "def result(): return 1\nsetattr(result, ''.join(['na', 'me']), 1)\nsetattr(result, 'x' * 300, 2)\nresult.é = 3", "assert result.name == 1 and result.é == 3")
source("doc of a lambda", "result = lambda: 1\nresult.__doc__ = 'text'", "assert result.__doc__ == 'text'")
source("doc is no str", "result = lambda: 1\nresult.__doc__ = [1]", "assert result.__doc__ == [1]")
source("module None", "def result(): return 1\nresult.__module__ = None", "assert result() == 1 and result.__module__ is None")
source("module absent", "def result(): return 1\nresult.__module__ = 'no_such_module'", "assert result() == 1 and result.__module__ == 'no_such_module'")
source("module of the library, not there", "def result(): return 1\nresult.__module__ = 'json'", "assert result() == 1 and result.__module__ == 'json'")
source("module of the library, another there", "def dumps(): return 1\ndumps.__module__ = 'json'\nresult = dumps", "assert result() == 1")
source("module no str", "def result(): return 1\nresult.__module__ = 5", "assert result() == 1")
source("renamed", "def f(): return 1\nf.__name__ = 'g'\nf.__qualname__ = 'h.i'\nresult = f", "assert (result.__name__, result.__qualname__) == ('g', 'h.i')")
source("name empty", "def f(): return 1\nf.__name__ = f.__qualname__ = ''\nresult = f", "assert result.__name__ == ''")
source("name by a str subclass", "class S(str): pass\nimport collections\ndef f(): return 1\nf.__name__ = collections.UserString('ab').data\nresult = f", "assert result.__name__ == 'ab'")

# --- globals

GLOBALS = "G = [1]\nH = {'g': G}\nimport json, os.path\nfrom json import dumps\nN = None\nP = 3.5\n"
source("global int", "N = 1\ndef result(): return N", "assert result() == 1")
source("globals of all kinds", GLOBALS + "def result(): return (G, H, dumps(G), os.path.join('a', 'b'), json.loads('1'), N, P, len(G))", "assert result() == ([1], {'g': [1]}, '[1]', 'a/b', 1, None, 3.5, 1)")
source("globals shared by two", GLOBALS + "def f(): return G\ndef g(): return H\nresult = [f, g]", "f, g = result; assert f() is g()['g'] and f.__globals__ is g.__globals__")
source("global missing", "def result(): return missing", "assert 'missing' not in result.__globals__")
source("global that hides a builtin", "def len(x): return 'mine'\ndef result(): return len(())", "assert result() == 'mine'")
source("global stored", "def result():\n    global counter\n    counter = counter + 1\n    return counter\ncounter = 5", "assert result() == 6 and result() == 7")
source("global deleted", "def result():\n    global gone\n    del gone\ngone = 1", "result(); assert 'gone' not in result.__globals__")
source("global only stored", "def result():\n    global fresh\n    fresh = 1\n    return fresh", "assert result() == 1")
source("global of a nested function", "N = 2\ndef result():\n    return [(lambda: N * k)() for k in range(3)]", "assert result() == [0, 2, 4]")
source("globals in order", "a, b, c, d = 1, 2, 3, 4\ndef result():\n    def inner(): return (d, a)\n    return c, inner(), b, a", "assert result() == (3, (4, 1), 2, 1)")
source("global used in a default", "N = 1\ndef result(x=N): return x", "assert result() == 1 and 'N' not in result.__globals__")
source("globals of another namespace", "ns = {'N': 7, '__name__': 'elsewhere'}\nexec('def f(): return N', ns)\nN = 1\ndef g(): return N\nresult = [ns['f'], g]", "f, g = result; assert f() == 7 and g() == 1 and f.__globals__ is not g.__globals__")
source("globals without a name", "ns = {'N': 7}\nexec('def f(): return N', ns)\nresult = ns['f']", "assert result() == 7")
source("globals with a package", "ns = {'__name__': 'pkg.mod', '__package__': 'pkg', '__file__': '/x/mod.py', '__path__': ['/x']}\nexec('def f(): return 1', ns)\nresult = ns['f']", "assert result.__globals__['__package__'] == 'pkg' and result.__globals__['__path__'] == ['/x']")
source("globals that say __name__", "def result(): return __name__", "assert result() == '__main__'")
source("globals that say __file__", "__file__ = '/x.py'\ndef result(): return __file__, __name__", "assert result() == ('/x.py', '__main__')")
source("global is itself", "def result(n): return 1 if n == 0 else n * result(n - 1)", "assert result(5) == 120")
source("global is another function", "def helper(x): return x * 2\ndef result(x): return helper(x) + 1", "assert result(2) == 5")
source("mutual recursion", "def even(n): return n == 0 or odd(n - 1)\ndef odd(n): return n != 0 and even(n - 1)\nresult = even", "assert result(10) and not result(7)")
source("three in a ring", "def a(n): return b(n - 1) if n else 'a'\ndef b(n): return c(n - 1) if n else 'b'\ndef c(n): return a(n - 1) if n else 'c'\nresult = [b, a]", "assert result[0](0) == 'b' and result[1](5) == 'c' and result[0](2) == 'a'")
source("chain of 40 functions", "\n".join("def f%d(x): return f%d(x) + 1" % (n, n + 1) for n in range(40)) + "\ndef f40(x): return x\nresult = f0", "assert result(1) == 41")
source("importable function as a global", "from corpus.importable import function, STATE\ndef result(): return function(1), STATE['counter']", "assert result() == (2, 0)")
source("importable object as a global", "from corpus.importable import Plain\nP = Plain(a=[1])\ndef result(): return P, P.a", "p, a = result(); assert p.a is a")
source("global is a container of itself", "L = []\nL.append(L)\ndef result(): return L", "assert result()[0] is result()")
source("global container of the function", "def result(): return TABLE\nTABLE = {'f': result}", "assert result()['f'] is result")
source("global dict of globals", "def result(): return NS\nNS = {'N': 1, 'r': [1]}", "assert result() == {'N': 1, 'r': [1]}")
source("many globals", "\n".join("g%d = %d" % (n, n) for n in range(300)) + "\ndef result(): return " + " + ".join("g%d" % n for n in range(300)), "assert result() == sum(range(300))")
source("a global across a lot of names", "\n".join("def result():" if n < 0 else "    v%d = %d" % (n, n) for n in range(-1, 300)) + "\n    return v0 + v299 + later\nlater = 1", "assert result() == 300")
source("text shared by name and globals", "key = 'key'\ndef result(key2='key'): return key, key2, 'key'\nresult.key = 'key'", "assert result() == ('key',) * 3 and result.key == 'key'")

# --- imported packages: the submodules that the code uses are imported on loading

source("import package.submodule", "import xml.etree.ElementTree\ndef result(): return xml.etree.ElementTree.fromstring('<a/>').tag", "assert result() == 'a'")
source("import concurrent.futures", "import concurrent.futures\ndef result(): return concurrent.futures.Future().done()", "assert result() is False")
source("import os.path", "import os\ndef result(): return os.path.basename('a/b')", "assert result() == 'b'")
source("import json.decoder", "import json.decoder\ndef result(): return json.decoder.JSONDecoder().decode('[1]')", "assert result() == [1]")
source("import as", "import xml.etree.ElementTree as ET\ndef result(): return ET.fromstring('<b/>').tag", "assert result() == 'b'")
source("import in a closure", "def outer():\n    import email.mime.text\n    return lambda: email.mime.text.MIMEText('x').get_payload()\nresult = outer()", "assert result() == 'x'")
source("import within", "def result():\n    import xml.dom.minidom\n    return xml.dom.minidom.parseString('<a/>').documentElement.tagName", "assert result() == 'a'")
source("import many submodules", "import email.mime.text, email.mime.base, email.utils, email.header\ndef result(): return [email.mime.text.MIMEText, email.mime.base.MIMEBase, email.utils.quote, email.header.Header, email.policy]\nimport email.policy", "assert len(result()) == 5")
source("import in a nested function only", "import logging.handlers\ndef result():\n    return (lambda: logging.handlers.MemoryHandler)()", "assert callable(result)")  # cloudpickle looks into the outer code only, so that its call fails
source("import of the corpus", "import corpus.importable\ndef result(): return corpus.importable.function(1)", "assert result() == 2")
source("import twice", "import importlib, importlib.util\na = b = importlib\ndef result(): return a.util.find_spec, b.util.find_spec", "assert result()[0] is result()[1]")

# --- kinds of functions

source("generator function", "def result(n):\n    for k in range(n):\n        got = yield k\n        if got: yield got", "assert list(result(3)) == [0, 1, 2]")
source("generator delegating", "def inner():\n    yield 1\n    return 2\ndef result():\n    x = yield from inner()\n    yield x", "assert list(result()) == [1, 2]")
source("async function", "async def result(x):\n    return await other(x) + 1\nasync def other(x): return x * 2", "import asyncio; assert asyncio.run(result(2)) == 5")
source("async generator function", "async def result(n):\n    for k in range(n): yield k", "import asyncio\nasync def all():\n    return [k async for k in result(3)]\nassert asyncio.run(all()) == [0, 1, 2]")
source("async with and for", "import asyncio\nasync def result():\n    async with asyncio.Lock():\n        return [k async for k in numbers() if k]\nasync def numbers():\n    yield 0\n    yield 1", "import asyncio; assert asyncio.run(result()) == [1]")
source("comprehensions", "def result(n):\n    a = [x * n for x in range(3)]\n    b = {x: {y for y in range(x)} for x in a}\n    c = sum(x for x in b for _ in range(2) if x != n)\n    return a, b, c, [[(x, y) for x in a] for y in a]", "assert result(1)[2] == 4 and len(result(2)[3]) == 3")
source("walrus", "def result(data):\n    return [y for x in data if (y := x * 2) > 2], y", "assert result([1, 2, 3]) == ([4, 6], 6)")
source("try and with", "from corpus.importable import Manager\ndef result(x):\n    try:\n        with Manager() as m, Manager():\n            raise ValueError(x)\n        try: 1 / x\n        except ZeroDivisionError as e: return str(e)\n        else: return 'else'\n    finally:\n        m = None", "assert result(0) == 'division by zero' and result(1) == 'else'")
source("f-strings", "def result(x, w=8): return f'{x!r:>{w}} {x=} {{}} {x:%Y}' if w > 99 else f'{x!s:>{w}}|{x!r}|{x:.2f}'", "assert result(1.5) == '     1.5|1.5|1.50'")
source("class in a function", "def result():\n    class Local:\n        def m(self): return 'm'\n    return Local().m()", "assert result() == 'm'", addressed=True)
source("match", "def result(x):\n    match x:\n        case {'k': [a, *_]}: return a\n        case (1 | 2) as n: return n\n        case str() if x: return x\n        case _: return None", "assert result({'k': [5, 6]}) == 5 and result(2) == 2 and result('s') == 's' and result(()) is None", since=(3, 10))
source("except groups", "def result():\n    try:\n        raise ExceptionGroup('g', [ValueError(1)])\n    except* ValueError as g:\n        return_value = len(g.exceptions)\n    return return_value", "assert result() == 1", since=(3, 11))
source("star expressions", "def result(a, *b):\n    first, *rest = [*b, a]\n    return (first, rest, {**{'a': a}, 'b': b}, print)", "assert result(1, 2, 3)[:2] == (2, [3, 1])")
source("chained and bitwise", "def result(a, b): return (a < b <= 10 != 11, a ** b // 3 % 7 @ b if False else ~a << 2 | b & a ^ b, not a, a is b, a in [b], -a, +b)", "assert result(1, 2)[0] is True")
source("constants of all kinds", "def result(): return (1, -1, 2**70, 1.5, -0.0, 2j, 'text', b'bytes', None, True, ..., (1, (2, ('x',))), 'é€😀', '', b'', ())", "assert result()[:3] == (1, -1, 2**70) and str(result()[4]) == '-0.0'")
source("constant sets", "def result(x): return x in {1, 2, 'three'}, x in [4, 5]", "assert result(1) == (True, False)")
source("constant floats", "def result(): return [float('nan'), 1e400, -1e400, 1e400 - 1e400]", "assert result()[1] == float('inf')")
source("long constant text", "def result(): return '%s'" % ("x" * 70000), "assert len(result()) == 70000")
source("many constants", "def result(): return [%s]" % ", ".join("'c%d', %d.5" % (n, n) for n in range(400)), "assert len(result()) == 800")
source("many arguments", "def result(%s): return %s" % (", ".join("a%d=%d" % (n, n) for n in range(300)), " + ".join("a%d" % n for n in range(300))), "assert result() == sum(range(300))")
source("many names", "def result(x):\n" + "".join("    x.attribute%d = name%d\n" % (n, n % 290) for n in range(600)) + "    return x\n" + "\n".join("name%d = %d" % (n, n) for n in range(290)), "from corpus.importable import Plain; assert result(Plain()).attribute599 == 19")
source("long jumps", "def result(x):\n    for _ in range(2):\n        if x:\n" + "".join("            x += %d\n" % n for n in range(1000)) + "    return x", "assert result(0) == 0 and result(1) > 1000")
source("more than 65536 names", "def result():\n    if 0 > 1:\n        return [%s]\n    return last\nlast = 5" % ", ".join("n%d" % n for n in range(66000)), "assert result() == 5", shared=True)

# --- decorated, wrapped, partial

source("decorated", "import functools\ndef deco(f):\n    @functools.wraps(f)\n    def wrapper(*a): return ('w', f(*a))\n    return wrapper\n@deco\ndef result(x: int) -> int:\n    'doc'\n    return x", "assert result(1) == ('w', 1) and result.__doc__ == 'doc' and result.__wrapped__(1) == 1 and result.__name__ == 'result'")
source("decorated with an argument", "import functools\ndef times(n):\n    def deco(f):\n        @functools.wraps(f)\n        def wrapper(*a): return [f(*a)] * n\n        return wrapper\n    return deco\n@times(2)\n@times(3)\ndef result(x): return x", "assert result(1) == [[1] * 3] * 2")
source("partial of a lambda", "import functools\nresult = functools.partial(lambda x, y: (x, y), 1, y=2)", "assert result() == (1, 2)")
source("partials of one function, and what they hold", "import functools\np = functools.partial(lambda *a, **k: (a, k), 1, b=[2])\nresult = [p, p.func, functools.partial(p.func, 3), p.args, p.keywords, p, functools.partial(p)]", "assert result[1] is result[0].func is result[2].func and result[5] is result[0] and result[6]() == ((1,), {'b': [2]})")
source("partial with itself in its attributes", "import functools\nresult = functools.partial(lambda: 1)\nresult.me = [result]", "assert result.me[0] is result and result() == 1")
source("partial with itself in its keywords", "import functools\nresult = functools.partial(lambda **k: k)\nresult.keywords['me'] = result", "assert result.keywords['me'] is result")
source("partial with a __reduce__ of its own", "import functools\nresult = functools.partial(lambda: 1)\nresult.__reduce__ = lambda: (len, ('abc',))", "assert result == 3")
source("partial that cannot be reduced, refused", "import functools\nresult = functools.partial(lambda: 1)\nresult.__setstate__ = result.__reduce_ex__ = None", "")
source("partial of a class derived from it", "import functools\nclass P(functools.partial):\n    def f(self): return self.func\nresult = P(lambda x: x, 1)\nresult.note = 2", "assert result.f()(3) == 3 and result.note == 2 and result() == 1")
source("partial of a class derived from it with slots", "import functools\nclass P(functools.partial):\n    __slots__ = ('extra',)\nresult = P(lambda x: x, 1)\nresult.extra = 2", "assert result() == 1")
source("partial of a function that uses it", "import functools\ndef f(x): return p, x\np = functools.partial(f, 1)\nresult = p", "p, x = result(); assert x == 1 and p() [1] == 1")
source("lru_cache of the importable", "from corpus.importable import cached\ndef result(x): return cached(x)", "assert result(2) == 4")
source("lru_cache of a lambda, refused", "import functools\nresult = functools.lru_cache(lambda x: x)", "")
source("function in an object", "from corpus.importable import Plain\nresult = Plain(f=lambda x: x + 1)\nresult.g = result.f", "assert result.f is result.g and result.f(1) == 2")
source("task", "import functools\nCONFIG = {'scale': 3, 'names': ['a', 'b']}\ndef helper(x): return x * CONFIG['scale']\ndef outer(offset):\n    def task(x, y=1): return helper(x) + offset + y\n    return task\nresult = (outer(10), (2,), {'y': 5})", "f, a, k = result; assert f(*a, **k) == 21")
source("functions in default dicts", "import collections\nresult = collections.defaultdict(lambda: 5, a=1)", "assert result['b'] == 5 and result['a'] == 1")
source("sorted keys and callbacks", "import operator\nresult = [(operator.itemgetter(1), lambda p: -p[0]), sorted, max]", "assert result[1]([(1, 2), (2, 1)], key=result[0][1])[0] == (2, 1)")
