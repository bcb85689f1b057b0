"""What makes dumping hard: metaclasses that raise, attributes that lie, proxies, modules that raise, and classes that
change while they are pickled."""

import collections
import contextlib
import sys
import types

from .decisions import modules
from .row import checked, row, run, source

# --- metaclasses whose classes cannot be asked

for method, text in {
    "__eq__": "def __eq__(cls, other): raise RuntimeError('no comparing')\n    __hash__ = type.__hash__",
    "__hash__": "def __hash__(cls): raise RuntimeError('no hash')",
    "__eq__ and __hash__": "def __eq__(cls, other): raise RuntimeError('no comparing')\n    def __hash__(cls): raise KeyError('no hash')",
    "no hash": "def __eq__(cls, other): return NotImplemented",
    "hash of all alike": "def __hash__(cls): return 5\n    def __eq__(cls, other): return cls is other",
    "equal to all": "def __hash__(cls): return hash(int)\n    def __eq__(cls, other): return True",
    "hash of None's type": "def __hash__(cls): return hash(type(None))\n    def __eq__(cls, other): return True",
    "__bool__": "def __bool__(cls): raise RuntimeError('no truth')",
    "__repr__": "def __repr__(cls): raise RuntimeError('no words')",
    "__subclasscheck__": "def __subclasscheck__(cls, other): raise RuntimeError('no subclass')\n    def __instancecheck__(cls, other): raise RuntimeError('no instance')",
    "__getattribute__ of dunders": "def __getattribute__(cls, name):\n        if name in ('__doc__', '__annotations__'): raise RuntimeError(name)\n        return type.__getattribute__(cls, name)",
    "__getattribute__ of __qualname__": "def __getattribute__(cls, name):\n        if name == '__qualname__': raise RuntimeError(name)\n        return type.__getattribute__(cls, name)",
    "no __qualname__": "def __getattribute__(cls, name):\n        if name == '__qualname__': raise AttributeError(name)\n        return type.__getattribute__(cls, name)",
    "no __module__": "def __getattribute__(cls, name):\n        if name == '__module__': raise AttributeError(name)\n        return type.__getattribute__(cls, name)",
    "no __dict__": "def __getattribute__(cls, name):\n        if name == '__dict__': raise AttributeError(name)\n        return type.__getattribute__(cls, name)",
    "no __bases__": "def __getattribute__(cls, name):\n        if name == '__bases__': raise AttributeError(name)\n        return type.__getattribute__(cls, name)",
    "no __name__": "def __getattribute__(cls, name):\n        if name == '__name__': raise AttributeError(name)\n        return type.__getattribute__(cls, name)",
    "no __slots__": "def __getattribute__(cls, name):\n        if name == '__slots__': raise AttributeError(name)\n        return type.__getattribute__(cls, name)",
    "__getattr__ that never fails": "def __getattr__(cls, name): return 'anything'",
    "__class__ that lies": "__class__ = property(lambda cls: int)",
    "__dict__ in another order": "__dict__ = property(lambda cls: dict(reversed(list(type.__dict__['__dict__'].__get__(cls).items()))))",
    "__dict__ of odd keys": "__dict__ = property(lambda cls: {('a', 'b'): 1, ('c',): 2})",
    "__dict__ of equal keys": "__dict__ = property(lambda cls: {('ab',): 1, ('a', 'b'): 2})",
    "__dict__ of numbers": "__dict__ = property(lambda cls: {1: 2})",
    "__dict__ of mixed keys": "__dict__ = property(lambda cls: {1: 2, 'a': 3})",
    "__dict__ a list": "__dict__ = property(lambda cls: ['a'])",
    "__bases__ empty": "__bases__ = property(lambda cls: ())",
    "__bases__ of two": "__bases__ = property(lambda cls: (int, str))",
    "__bases__ of no classes": "__bases__ = property(lambda cls: (5,))",
    "__bases__ a list": "__bases__ = property(lambda cls: [object])",
    "__name__ a number": "__name__ = property(lambda cls: 5)",
    "__qualname__ a number": "def __getattribute__(cls, name): return 5 if name == '__qualname__' else type.__getattribute__(cls, name)",
    "__qualname__ None": "def __getattribute__(cls, name): return None if name == '__qualname__' else type.__getattribute__(cls, name)",
    "__module__ a list": "__module__ = property(lambda cls: [])",
    "__module__ None": "__module__ = property(lambda cls: None)",
    "__slots__ of the metaclass": "__slots__ = ()",
    "__reduce_ex__ that raises": "def __reduce_ex__(cls, protocol): raise RuntimeError('no reduction')",
    "__mro__ that lies": "__mro__ = property(lambda cls: (cls,))",
    "__abstractmethods__": "__abstractmethods__ = property(lambda cls: frozenset(['x']))",
}.items():
    text = "class Meta(type):\n    %s\nclass C(metaclass=Meta):\n    x = 1\n    __slots__ = ('s',)\n    def f(self): return self.x\n" % text
    # What comes back is asked by way of `type`, past what the metaclass hides.
    by_type = "assert type.__call__(result).x == 1 and type(type(result)) is type"
    if method.startswith("__dict__ of") or method == "__getattribute__ of __qualname__":
        by_type = "assert type(type(result)) is type and type(result).__name__ == 'Meta'"
    source("metaclass: %s" % method, text + "result = C", by_type)
    source("metaclass: %s, in a list" % method, text + "result = [C, C, C()]", "result, again, one = result\nassert again is result is type(one)\n" + by_type)
    source("metaclass: %s, a method" % method, text + "result = C.f", "from corpus.importable import Plain; assert result(Plain(x=5)) == 5")
for method, text in {
    "__eq__": "def __eq__(cls, other): raise RuntimeError('no comparing')\n    __hash__ = abc.ABCMeta.__hash__",
    "__hash__": "def __hash__(cls): raise RuntimeError('no hash')",
    "register": "def register(cls, other): raise RuntimeError('no register')",
    "_abc_impl": "def __getattribute__(cls, name):\n        if name == '_abc_impl': raise RuntimeError(name)\n        return abc.ABCMeta.__getattribute__(cls, name)",
}.items():
    text = "import abc\nclass Meta(abc.ABCMeta):\n    %s\nclass C(metaclass=Meta):\n    x = 1\n" % text
    source("metaclass of ABCs: %s" % method, text + "result = C", "assert result().x == 1")
for method, text in {
    "__iter__ that raises": "def __iter__(cls): raise RuntimeError('no members')",
    "__iter__ of numbers": "def __iter__(cls): return iter([1])",
    "__iter__ of half": "def __iter__(cls): return iter([cls.A])",
    "__iter__ of two alike": "def __iter__(cls): return iter([cls.A, cls.A, cls.B])",
    "__iter__ of another's": "def __iter__(cls): return iter([O.Z])",
}.items():
    text = "import enum\nclass O(enum.Enum):\n    Z = 1\nclass Meta(enum.EnumMeta):\n    pass\nclass E(enum.Enum, metaclass=Meta):\n    A = 1\n    B = 2\n%s\nMeta.__iter__ = __iter__\n" % text
    source("metaclass of enums: %s" % method, text + "result = E", "assert result.A.value == 1")

# --- objects that answer to every name

NEVER = "class Never:\n    def __getattr__(self, name): return 'anything'\n"
SELF = "class Self:\n    def __getattr__(self, name): return self\n    def __call__(self, *a, **k): return self\n"
source("object that has every attribute", NEVER + "result = Never()", "assert result is not None")
source("object that is its every attribute", SELF + "result = Self()", "assert result is not None")
source("object that has every attribute but dunders", "class C:\n    def __getattr__(self, name):\n        if name.startswith('__'): raise AttributeError(name)\n        return 'anything'\nresult = C()", "assert result.x == 'anything'")
source("object that raises at every attribute", "class C:\n    def __getattr__(self, name): raise RuntimeError(name)\nresult = C()", "assert type(result).__name__ == 'C'")
source("object whose __getattribute__ raises", "class C:\n    def __getattribute__(self, name): raise RuntimeError(name)\nresult = C()", "")
source("global that has every attribute", NEVER + "n = Never()\ndef result(): return n.x", "assert result() == 'anything'")
source("global that raises at every attribute", "class C:\n    def __getattribute__(self, name): raise RuntimeError(name)\nn = C()\ndef result(): return n", "")
source("cell contents that have every attribute", NEVER + "def make(n): return lambda: n\nresult = make(Never())", "assert result() is not None")
source("class attribute that has every attribute", NEVER + "class C:\n    x = Never()\nresult = C", "assert result.x is not None")
source("class whose __class__ attribute lies", "class C:\n    __class__ = int\nresult = [C, C()]", "")
source("instance that claims to be a class", "class C:\n    __class__ = type\nresult = C()", "")
source("instance that claims to be a module", "import types\nclass C:\n    __class__ = types.ModuleType\nm = C()\ndef result(): return m", "")
source("instance that claims to be a module with a package", "import types\nclass C:\n    __class__ = types.ModuleType\n    __package__ = __name__ = 'xml'\nm = C()\nimport xml.dom\ndef result(): return m, m.dom", "")
source("instance that claims to be a function", "import types\nclass C:\n    __class__ = types.FunctionType\nresult = C()", "")
source("instance whose __class__ raises", "class C:\n    @property\n    def __class__(self): raise RuntimeError('no class')\nresult = C()", "")
source("global whose __class__ raises", "class C:\n    @property\n    def __class__(self): raise RuntimeError('no class')\nc = C()\ndef result(): return c", "")
source("mock", "import unittest.mock\nresult = unittest.mock.Mock()", "assert result is not None")
source("magic mock as a global", "import unittest.mock\nm = unittest.mock.MagicMock()\ndef result(): return m", "assert result() is not None")
source("mock sentinels", "import unittest.mock\nresult = [unittest.mock.sentinel.x, unittest.mock.DEFAULT]", "assert len(result) == 2")

# --- proxies

PROXY = """
class Proxy:
    def __init__(self, target): object.__setattr__(self, '_t', target)
    def __getattribute__(self, name): return getattr(object.__getattribute__(self, '_t'), name)
    def __setattr__(self, name, value): setattr(object.__getattribute__(self, '_t'), name, value)
    def __call__(self, *a, **k): return object.__getattribute__(self, '_t')(*a, **k)
    def __hash__(self): return hash(object.__getattribute__(self, '_t'))
    def __eq__(self, other): return object.__getattribute__(self, '_t') == other
"""
for name, target in {"a function": "lambda x: x + N", "an importable function": "__import__('json').dumps", "a class": "type('C', (), {'x': 1})", "an importable class": "__import__('json').JSONDecoder", "a module": "__import__('json')", "a dict": "{'a': 1}", "a list": "[1]", "None": "None", "a number": "5", "itself": "[]", "a closure": "(lambda n: lambda: n)(5)", "a function with defaults": "f"}.items():
    # A proxy of a function comes back as the function; others become what their target is reduced to, if that works.
    check = {"a function": "assert result(1) == 2", "an importable function": "assert result([1]) == '[1]'", "a closure": "assert result() == 5", "a function with defaults": "assert result.__kwdefaults__ == {'c': 3}", "a dict": "assert dict(result) == {'a': 1}" , "a list": "assert list(result) == [1]", "itself": "assert list(result) == []", "None": "assert result is not None", "a number": "assert result == 5"}.get(name, "")
    source("proxy of %s" % name, PROXY + "N = 1\ndef f(a, b=2, *, c=3) -> int:\n    'doc'\nf.note = 1\nresult = Proxy(%s)" % target, check)
    source("proxy of %s as a global" % name, PROXY + "N = 1\ndef f(a, b=2, *, c=3) -> int:\n    'doc'\np = Proxy(%s)\ndef result(): return p" % target, check and "result = result()\n" + check)
source("proxy and its function", PROXY + "f = lambda x: x\nresult = [Proxy(f), f, Proxy(f)]", "assert [f(5) for f in result] == [5] * 3")
source("weak proxy", "import weakref\nclass C:\n    def f(self): pass\nkept = C()\nC.kept = kept\nresult = [weakref.proxy(kept), kept]", "assert len(result) == 2")
# What nothing but a cycle holds would go at any collection.
KEPT = collections.deque(maxlen=8)
row("weak proxy of a function", lambda: run("import weakref\ndef f(): return 1\nkept.append(f)\nresult = weakref.proxy(f)", kept=KEPT)["result"], checked("assert result() == 1"))

# --- functions with odd parts

source("function with every attribute a proxy", PROXY + "def f(): return 1\nf.p = Proxy(5)\nresult = f", "assert result() == 1")
source("globals of a dict subclass", "class G(dict): pass\ng = G(__name__='made', N=5)\nexec('def f(): return N', g)\nresult = g['f']", "assert result() == 5")
source("globals of a dict subclass that is equal to nothing", "class G(dict):\n    def __eq__(self, other): raise RuntimeError('eq')\n    __hash__ = None\ng = G(__name__='made', N=5)\nexec('def f(): return N', g)\nresult = g['f']", "assert result() == 5")
source("globals of a dict subclass that has every key", "class G(dict):\n    def __contains__(self, key): return True\n    def __missing__(self, key): return 'missing ' + key\ng = G(__name__='made', N=5)\nexec('def f(): return N, other', g)\nresult = g['f']", "assert result() == (5, 'missing other')")
source("globals of a dict subclass that has no key", "class G(dict):\n    def __contains__(self, key): return False\ng = G(__name__='made', N=5)\nexec('def f(): return N', g)\nresult = g['f']", "assert 'N' not in result.__globals__")
source("globals of a dict subclass with its own items", "class G(dict):\n    def __getitem__(self, key): return 'item ' + key\ng = G(__name__='made', __file__='f', N=5)\nexec('def f(): return N', g)\nresult = [g['f'] if callable(g['f']) else dict.__getitem__(g, 'f')]", "assert result[0]() == 'item N'")
source("globals of a dict subclass that raises", "class G(dict):\n    def __contains__(self, key): raise KeyError('contains ' + key)\ng = G(__name__='made', N=5)\nexec('def f(): return N', g)\nresult = dict.get(g, 'f')", "")
source("globals of a defaultdict", "import collections\ng = collections.defaultdict(list, __name__='made', N=5)\nexec('def f(): return N', g)\nresult = g['f']", "assert result() == 5")
source("globals of an OrderedDict, two functions", "import collections\ng = collections.OrderedDict(__name__='made', N=5, __package__='p')\nexec('def f(): return N\\ndef h(): return f', g)\nresult = [g['f'], g['h'], g['f']]", "assert result[1]()() == 5")
source("globals without the module's names, two functions", "g = {'N': 5}\nexec('def f(): return N\\ndef h(): return f()', g)\nresult = [g['f'], g['h']]", "assert result[1]() == 5")
source("globals whose name is odd", "g = {'N': 5, '__name__': [1], '__package__': None, '__path__': {}, '__file__': 5.5}\nexec('def f(): return N\\ndef h(): return f()', g)\nresult = [g['f'], g['h']]", "assert result[1]() == 5")
source("globals that hold their dict", "g = {'__name__': 'made'}\ng['g'] = g\nexec('def f(): return g', g)\nresult = g['f']", "assert result()['__name__'] == 'made'")
source("globals that are in a list, too", "g = {'__name__': 'made', 'N': 5, '__builtins__': {}}\nexec('def f(): return N', g)\nresult = [g['f'], {k: v for k, v in g.items() if k != '__builtins__'}]", "assert result[0]() == 5")
source("function dict of odd keys", "def f(): return 1\nf.__dict__[('a', 'b')] = 1\nresult = f", "assert result.ab == 1")
source("function dict of numbers", "def f(): return 1\nf.__dict__[5] = 1\nresult = f", "")
source("function dict of a subclass", "class D(dict): pass\ndef f(): return 1\nf.__dict__ = D(a=1)\nresult = f", "assert result.a == 1")
source("function name of a str subclass", "class S(str): pass\ndef f(): return 1\nf.__name__ = S('n')\nf.__qualname__ = S('q')\nresult = f", "assert result.__name__ == 'n'")
source("function name of a str subclass with its own letters", "class S(str):\n    def __iter__(self): return iter('other')\ndef f(): return 1\nf.__name__ = S('name')\nf.__qualname__ = S('name')\nresult = f", "assert result() == 1 and result.__qualname__ == result.__name__")
source("function whose module has every attribute", "class Any:\n    def __getattr__(self, n): return self\n    def __eq__(self, o): return False\n    def __hash__(self): return 1\ndef f(): return 1\nf.__module__ = Any()\nresult = f", "assert result() == 1")
source("function whose module compares with nothing", "class M(str):\n    def __eq__(self, o): raise RuntimeError('eq')\n    __hash__ = str.__hash__\ndef f(): return 1\nf.__module__ = M('m')\nresult = f", "")
source("function whose module has no hash", "def f(): return 1\nf.__module__ = []\nresult = f", "")
source("annotations that raise", "class A(dict):\n    def __iter__(self): raise RuntimeError('iter')\ndef f(): return 1\nf.__annotations__ = A(x=1)\nresult = f", "assert result() == 1")
source("defaults that refuse", "def f(x=(n for n in ())): return 1\nresult = f", "")
source("closure that refuses", "import threading\ndef make():\n    lock = threading.Lock()\n    return lambda: lock\nresult = make()", "")
source("code with a constant that has no hash", "import types\ndef f(): return 5\nresult = types.FunctionType(f.__code__.replace(co_consts=(None, [5])), {})", "")
source("class attribute that refuses", "class C:\n    x = (n for n in ())\nresult = C", "")
source("class whose method refuses", "import threading\nclass C:\n    def f(self, lock=threading.Lock()): pass\nresult = [1, {'k': C}]", "")
source("instance that refuses", "class C:\n    def __getstate__(self): raise RuntimeError('no state')\nresult = [C()]", "")
source("instance whose state is a lambda's", "class C:\n    def __getstate__(self): return lambda: 1\n    def __setstate__(self, s): self.s = s\nresult = C()", "assert result.s() == 1")

# --- what changes while it is pickled

source("class that grows while it is pickled", "class Grows:\n    def __reduce__(self):\n        C.z_new = 1\n        C.a_new = 2\n        return int, ()\nclass C:\n    m = Grows()\n    n = 1\nresult = C", "assert result.m == 0 and result.n == 1", fresh=True)
source("class that shrinks while it is pickled", "class Shrinks:\n    def __reduce__(self):\n        if 'n' in vars(C): del C.n\n        return int, ()\nclass C:\n    m = Shrinks()\n    n = [1]\n    o = [2]\nresult = C", "assert result.m == 0 and result.n == [1]", fresh=True)
source("class that replaces itself while it is pickled", "class R:\n    def __reduce__(self):\n        C.n, C.m = [3], 4\n        return int, ()\nclass C:\n    m = R()\n    n = [1]\nresult = [C, C]", "assert result[0] is result[1] and result[0].n == [1]", fresh=True)
source("class that is pickled while it is pickled", "class R:\n    def __reduce__(self): return list, ([C],)\nclass C:\n    m = R()\nresult = C", "assert result.m[0] is result")
source("class that changes its bases while it is pickled", "class A: pass\nclass B: pass\nclass R:\n    def __reduce__(self):\n        C.__bases__ = (B,)\n        return int, ()\nclass C(A):\n    m = R()\nresult = C", "assert result.m == 0", fresh=True)
source("class that changes its name while it is pickled", "class R:\n    def __reduce__(self):\n        C.__name__ = 'D'\n        return int, ()\nclass C:\n    m = R()\nresult = [C, C]", "assert result[0] is result[1] and result[0].__name__ == 'C'", fresh=True)
source("class that changes by being asked", "class Meta(type):\n    n = 0\n    def __getattribute__(cls, name):\n        if name == '__dict__':\n            Meta.n += 1\n            type.__setattr__(cls, 'added%d' % Meta.n, Meta.n)\n        return type.__getattribute__(cls, name)\nclass C(metaclass=Meta): pass\nresult = C", "assert isinstance(result, type)", fresh=True)
source("function that changes while it is pickled", "class R:\n    def __reduce__(self):\n        f.extra = 5\n        f.__doc__ = 'changed'\n        return int, ()\ndef f(x=R()): return 1\nresult = f", "assert result() == 1", fresh=True)
source("function whose globals change while it is pickled", "class R:\n    def __reduce__(self):\n        globals_['N'] = 7\n        globals_.pop('M', None)\n        return int, ()\nglobals_ = globals()\nM = N = [5]\ndef f(x=R()): return N, M\nresult = f", "assert result()[0] in ([5], 7)", fresh=True)
source("list that grows while it is pickled", "class R:\n    def __reduce__(self):\n        if len(l) < 5: l.append(1)\n        return int, ()\nl = [R(), 2]\nresult = l", "assert result[:2] == [0, 2]", fresh=True)
source("dict that grows while it is pickled", "class R:\n    def __reduce__(self):\n        d['new'] = 1\n        return int, ()\nd = {'a': R(), 'b': 2}\nresult = d", "", fresh=True)
source("class registered by value while it is pickled", "class R:\n    def __reduce__(self): return (lambda: 1), ()\nclass C:\n    a = R()\n    b = R()\nresult = C", "assert result.a == 1")
source("object that dumps while it is dumped", "import pickle\nclass R:\n    def __reduce__(self): return pickle.loads, (pickle.dumps([1]),)\nresult = [R(), R()]", "assert result == [[1], [1]]")

# --- modules that are not as others

class Raising(types.ModuleType):
    """Raises whatever it is asked for, but for what the import machinery and the tests need."""

    def __getattr__(self, name):
        if name.startswith("__") or name in ("pytest_plugins",):
            raise AttributeError(name)
        raise RuntimeError("no attribute " + name)


class Always(types.ModuleType):
    """Has every attribute."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self


class Importing(types.ModuleType):
    """Imports another module when it is asked."""

    def __getattr__(self, name):
        sys.modules["imported by asking"] = types.ModuleType("x")
        raise AttributeError(name)


@contextlib.contextmanager
def odd_modules():
    odd = {"a raising one": Raising("a raising one"), "always": Always("always"), "importing": Importing("importing"), "number": 5, "none": None, "xml.odd": 5, "imported by asking": None, "namespace": types.SimpleNamespace(f=1)}
    with modules(odd):
        # They come first, so that all searches meet them.
        others = {name: value for name, value in sys.modules.items() if name not in odd}
        for name in others:
            del sys.modules[name]
        sys.modules.update(others)
        yield


def without_module(text):
    made = run(text)["result"]
    for part in made if isinstance(made, list) else [made]:
        part.__module__ = None
    return made


for name, (text, check) in {
    "function": ("def result(): return 1", "assert result() == 1"),
    "functions": ("def f(): return 1\ndef g(): return f\nresult = [f, g]", "assert result[1]() is result[0]"),
    "class": ("class result: pass", "assert isinstance(result(), result)"),
    "class of a dotted name": ("class A:\n    class B: pass\nresult = A.B", "assert result.__qualname__ == 'A.B'"),
    "local function": ("def make():\n    def local(): return 1\n    return local\nresult = make()", "assert result() == 1"),
}.items():
    row("odd modules: %s of module None" % name, lambda text=text: without_module(text), checked(check), world=odd_modules)
for name, (text, check) in {
    "function": ("import xml.dom, os\ndef result(): return xml.dom, os.path", "assert result()[1].join('a', 'b') == 'a/b'"),
    "class": ("class result:\n    def f(self): return always.x", "assert isinstance(result(), result)"),
    "TypeVar": ("import typing\nresult = typing.TypeVar('f')", "assert result.__name__ == 'f'"),
    "typing alias": ("import typing\nresult = typing.List[int]", "assert result.__args__ == (int,)"),
}.items():
    row("odd modules: %s" % name, lambda text=text: run(text)["result"], checked(check), world=odd_modules)
row("odd modules: a number for a submodule", lambda: run("import xml\ndef result(): return xml.odd")["result"], checked("assert callable(result)"), world=odd_modules)
for name in ("a raising one", "always", "importing", "number", "namespace"):
    row("function of the odd module %r" % name, lambda name=name: of_module(name), checked("assert result() == 1"), world=odd_modules)
    row("class of the odd module %r" % name, lambda name=name: type("f", (), {"__module__": name}), checked("assert result.__name__ == 'f'"), world=odd_modules)
    row("global of the odd module %r" % name, lambda name=name: run("def result(): return m", m=sys.modules.get(name))["result"], checked("assert result() is not None"), world=odd_modules)
row("function of an odd module that has it", lambda: of_module("always", "always"), checked("assert result() == 1"), world=odd_modules)


def of_module(name, called="f"):
    made = run("def f(): return 1")["f"]
    made.__name__ = made.__qualname__ = called
    made.__module__ = name
    return made
