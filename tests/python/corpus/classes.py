"""Classes by value: bases, members of all kinds, slots, instances, classes in classes."""

from .row import source

# --- the class itself

source("class empty", "class result: pass", "assert isinstance(result, type) and result.__name__ == 'result' and result().__class__ is result")
source("class twice", "class C: pass\nresult = [C, C, C()]", "assert result[0] is result[1] is type(result[2])")
source(
    "class with a doc and methods",
    """
    class C:
        'The doc.'
        limit = 100
        def __init__(self, x=1): self.x = x
        def get(self): return self.x + self.limit
        def __repr__(self): return 'C(%r)' % self.x
        def __eq__(self, other): return type(self) is type(other) and self.x == other.x
        def __hash__(self): return hash(self.x)
    result = C
    """,
    "assert result.__doc__ == 'The doc.' and result(2).get() == 102 and repr(result(3)) == 'C(3)' and {result(1)} == {result(1)}\n"
    "assert (result.__module__, result.__qualname__) == ('__main__', 'C')",
)
source("class with __eq__ only", "class result:\n    def __eq__(self, other): return True", "assert result() == 5 and result.__hash__ is None")
source("class with a doc of None", "class result:\n    __doc__ = None", "assert result.__doc__ is None")
source("class with a made doc", "class result: pass\nresult.__doc__ = [1]", "assert result.__doc__ == [1]")
source("class of one char", "class C: pass\nresult = C", "assert result.__name__ == result.__qualname__ == 'C'")
source("class of a non-ASCII name", "class Größe:\n    maß = 1\nresult = Größe", "assert result.__name__ == 'Größe' and result.maß == 1")
source("class of a long name", "class %s: pass\nresult = %s" % ("N" * 300, "N" * 300), "assert len(result.__name__) == 300")
source("class renamed", "class C: pass\nC.__name__, C.__qualname__ = 'D', 'E.F'\nresult = C", "assert (result.__name__, result.__qualname__) == ('D', 'E.F')")
source("class of another module", "class C: pass\nC.__module__ = 'no_such_module'\nresult = C", "assert result.__module__ == 'no_such_module'")
source("class of module None", "class C: pass\nC.__module__ = None\nresult = C", "assert result.__module__ is None")
source("class of module 5", "class C: pass\nC.__module__ = 5\nresult = C", "assert result.__module__ == 5")
source("class without a module", "ns = {}\nexec(\"C = type('C', (), {'x': 1})\", ns)\nresult = ns['C']", "assert result.x == 1")
source("class by type()", "result = type('Made', (), {'x': 1})", "assert result.x == 1 and result.__name__ == 'Made'")
source("class by type() with all", "result = type('Made', (list, ), {'__module__': 'somewhere', '__qualname__': 'In.Made', '__doc__': 'd', 'f': lambda self: len(self)})", "assert result([1, 2]).f() == 2 and result.__qualname__ == 'In.Made'")
source("class by types.new_class", "import types\nresult = types.new_class('Made', (dict,), {}, lambda ns: ns.update(x=[1]))", "assert result(a=1)['a'] == 1 and result.x == [1]")
source("class made in a function", "def make():\n    class Local:\n        def m(self): return Local\n    return Local\nresult = make()", "assert result().m() is result and result.__qualname__ == 'make.<locals>.Local'")
source("classes of one definition", "def make(n):\n    class Local:\n        def m(self): return n\n    return Local\nresult = [make(n) for n in range(3)]", "assert [c().m() for c in result] == [0, 1, 2]")
source("class that its global names", "class C:\n    def twin(self): return C\nresult = C", "assert result().twin() is result")
source("class that names another", "class A:\n    def b(self): return B()\nclass B:\n    def a(self): return A()\nresult = A", "assert type(result().b().a()) is result")
source("class in a list with its function", "class C: pass\ndef f(): return C\nresult = [f, C]", "assert result[0]() is result[1]")
source("class as key and value", "class A: pass\nclass B: pass\nresult = {A: B, B: A}", "(a, b) = result; assert result[a] is b")
source("class as a default", "class C: pass\ndef result(x=C): return x", "assert isinstance(result(), type)")
source("class in a closure", "def make():\n    class C:\n        n = 5\n    return lambda: C().n\nresult = make()", "assert result() == 5")
source("class that holds itself", "class C: pass\nC.me, C.all = C, [C]\nresult = C", "assert result.me is result.all[0] is result")
source("class that holds an instance of itself", "class C: pass\nC.default = C()\nC.default.x = 1\nresult = C", "assert type(result.default) is result and result.default.x == 1")
source("class that holds its subclass", "class C: pass\nclass D(C): pass\nC.D = D\nresult = C", "assert issubclass(result.D, result)")
source("inner classes", "class A:\n    class B:\n        class C:\n            x = 1\n    def f(self): return self.B.C.x\nresult = A", "assert result().f() == 1 and result.B.C.__qualname__ == 'A.B.C'")
source("inner class alone", "class A:\n    class B: pass\nresult = A.B", "assert result.__qualname__ == 'A.B'")
source("class with odd attribute names", "class C: pass\nsetattr(C, 'a b', 1)\nsetattr(C, '', 2)\nsetattr(C, 'x' * 300, 3)\nsetattr(C, ''.join(['na', 'me']), 4)\nresult = C", "assert getattr(result, 'a b') == 1 and getattr(result, '') == 2 and result.name == 4")
source("class with private names", "class C:\n    __x = 1\n    _y = 2\n    def get(self): return self.__x\nresult = C", "assert result().get() == 1")
source("class with text shared", "t = 'shared ' * 3\nclass C:\n    a = t\n    b = [t]\nresult = [C, t]", "assert result[0].a is result[0].b[0] is result[1]")
source("class with keys like values", "class C:\n    name = 'name'\n    key = 'key'\n    C = 'C'\n    x = '__module__'\nresult = C", "assert result.name == 'name' and result.x == '__module__'")
source("class with values of all kinds", "class result:\n    a = None; b = True; c = ...; e = 1.5; f = 2j; g = b'x'; h = frozenset([1]); i = (1, (2,)); j = range(3); l = int; m = len; n = {}; o = []; p = {1: [2]}; q = bytearray(b'y')", "assert result.i == (1, (2,)) and result.m is len and result.p == {1: [2]}")
source("class with the values of its base", "class A:\n    x = [1]\n    y = 2\nclass B(A):\n    x = A.x\n    y = 2\n    z = A.y\nresult = B", "assert result.x is result.__mro__[1].x and result.z == 2")
source("class with the values of two bases", "class A:\n    x = [1]\nclass B:\n    x = [2]\n    y = [3]\nclass C(A, B):\n    x = B.x\n    y = B.y\nresult = C", "assert result.x == [2] and result.y == [3]")
source("class with many attributes", "class result:\n" + "".join("    a%d = %d\n" % (n, n) for n in range(1100)), "assert result.a1099 == 1099")
source("class with a thousand members or about", "result = [type('C', (), {'a%d' % n: n for n in range(count)}) for count in range(995, 1003)]", "assert result[-1].a1001 == 1001")
source("class without attributes to speak of", "result = type('C', (), {'__module__': 'm', '__doc__': None})", "assert result.__doc__ is None")
source("class that counts its subclasses", "class A:\n    seen = []\n    def __init_subclass__(cls, **kw): A.seen.append(cls.__name__)\nclass B(A): pass\nresult = [A, B]", "assert result[0].seen[0] == 'B'")
source("class whose base takes keywords", "class A:\n    def __init_subclass__(cls, flag=False, **kw):\n        super().__init_subclass__(**kw)\n        cls.flag = flag\nclass B(A, flag=True): pass\nresult = B", "assert result.flag is True")
source("class with __set_name__", "class D:\n    def __set_name__(self, owner, name): self.name = name\n    def __get__(self, obj, owner): return self if obj is None else self.name\nclass C:\n    x = D()\nresult = C", "assert result().x == 'x'")
source("class with __class_getitem__", "class C:\n    def __class_getitem__(cls, item): return (cls, item)\nresult = C", "assert result[5] == (result, 5)")
source("class with super()", "class A:\n    def f(self): return 'A'\nclass B(A):\n    def f(self): return 'B' + super().f()\n    @classmethod\n    def g(cls): return __class__\nresult = B", "assert result().f() == 'BA' and result.g() is result")
source("class with super() and its base", "class A:\n    def __init__(self): self.n = 1\nclass B(A):\n    def __init__(self):\n        super().__init__()\n        self.n += 1\nclass C(B):\n    def __init__(self):\n        super().__init__()\n        self.n += 1\nresult = [C, B, A, C()]", "assert result[0]().n == 3 and result[3].n == 3")
source("class with __new__", "class C:\n    def __new__(cls, *a):\n        self = super().__new__(cls)\n        self.args = a\n        return self\nresult = C", "assert result(1, 2).args == (1, 2)")
source("class with __call__, __getattr__, __getitem__", "class C:\n    def __call__(self, x): return x\n    def __getattr__(self, n): return n\n    def __getitem__(self, k): return k\nresult = C", "c = result(); assert c(1) == 1 and c.abc == 'abc' and c[5] == 5")
source("class with operators", "class C:\n    def __add__(self, o): return 'add'\n    __radd__ = __add__\n    def __lt__(self, o): return True\n    def __len__(self): return 7\n    def __contains__(self, x): return x == 1\n    def __iter__(self): return iter([1, 2])\n    def __bool__(self): return False\nresult = C", "c = result(); assert c + 1 == 1 + c == 'add' and len(c) == 7 and 1 in c and list(c) == [1, 2] and not c")
source("class with context and async", "class C:\n    def __enter__(self): return 1\n    def __exit__(self, *a): return True\n    async def __aenter__(self): return 2\n    async def __aexit__(self, *a): return False\n    async def __aiter__(self): yield 3\nresult = C", "import asyncio\nwith result() as x: raise ValueError\nasync def main():\n    async with result() as y: return x, y, [z async for z in result()]\nassert asyncio.run(main()) == (1, 2, [3])")
source("class with __del__", "class C:\n    def __del__(self): pass\nresult = C", "result()")
source("class with __match_args__", "class C:\n    __match_args__ = ('a', 'b')\nresult = C", "assert result.__match_args__ == ('a', 'b')")
source("class changed after it was made", "class C:\n    x = 1\n    y = 2\ndel C.x\nC.z = lambda self: self.y\nresult = C", "assert result().z() == 2 and not hasattr(result, 'x')")
source("class whose bases changed", "class A:\n    x = 'A'\nclass B:\n    x = 'B'\nclass C(A): pass\nC.__bases__ = (B,)\nresult = C", "assert result.x == 'B'")

# --- bases

for base in ("object", "int", "str", "bytes", "float", "complex", "list", "dict", "set", "frozenset", "tuple", "bytearray", "type", "property", "Exception", "KeyError", "OSError", "BaseException", "staticmethod", "classmethod"):
    source("class of base " + base, "class result(%s):\n    x = 1\n    def m(self): return type(self).__mro__" % base, "assert result.x == 1 and result.__bases__ == (%s,)" % base)
for base in ("collections.OrderedDict", "collections.Counter", "collections.deque", "collections.defaultdict", "collections.UserDict", "collections.abc.Mapping", "collections.abc.Sequence", "threading.Thread", "io.StringIO", "io.RawIOBase", "datetime.datetime", "decimal.Decimal", "random.Random", "json.JSONEncoder", "types.SimpleNamespace", "types.ModuleType", "weakref.ref", "functools.partial", "logging.Handler", "argparse.Action", "unittest.TestCase", "ctypes.Structure", "enum.EnumMeta", "abc.ABC"):
    module = base.rsplit(".", 1)[0]
    source("class of base " + base, "import %s\nclass result(%s):\n    x = 1" % (module, base), "import %s\nassert result.x == 1 and %s in result.__mro__" % (module, base))
source("class of an importable class", "from corpus.importable import Plain\nclass result(Plain):\n    def more(self): return self.method()", "from corpus.importable import Plain\nr = result(); assert r.more() is r and result.__bases__ == (Plain,)")
source("class of a base by value", "class A:\n    x = 1\nclass B(A):\n    y = 2\nresult = B", "assert result.x == 1 and result.__bases__[0].__name__ == 'A'")
source("class of three bases", "class A: pass\nclass B: pass\nclass C(A, B, dict): pass\nresult = C", "assert [b.__name__ for b in result.__bases__] == ['A', 'B', 'dict']")
source("diamond", "class A:\n    x = 'a'\nclass B(A):\n    x = 'b'\nclass C(A):\n    x = 'c'\nclass D(B, C): pass\nresult = D", "assert [k.__name__ for k in result.__mro__] == ['D', 'B', 'C', 'A', 'object'] and result.x == 'b'")
source("chain of 40 classes", "C = object\nfor n in range(40): C = type('C%d' % n, (C,), {'n%d' % n: n})\nresult = C", "assert result.n0 == 0 and len(result.__mro__) == 41")
source("sister classes", "class A: pass\nresult = [type('S%d' % n, (A,), {}) for n in range(20)]", "assert len({c.__bases__ for c in result}) == 1")
source("mixin", "import json\nclass Mixin:\n    def dumps(self): return json.dumps(self)\nclass C(Mixin, dict): pass\nresult = C", "assert result(a=1).dumps() == '{\"a\": 1}'")
source("base of __mro_entries__", "class Base: pass\nclass Fake:\n    def __mro_entries__(self, bases): return (Base,)\nclass C(Fake()): pass\nresult = C", "assert result.__bases__[0].__name__ == 'Base' and type(result.__orig_bases__[0]).__name__ == 'Fake'")
source("base of no __mro_entries__", "class Base: pass\nclass Fake:\n    def __mro_entries__(self, bases): return ()\nclass C(Base, Fake()): pass\nresult = C", "assert len(result.__bases__) == 1 and len(result.__orig_bases__) == 2")
source("exception class and instance", "class E(ValueError):\n    def __init__(self, a, b=2):\n        super().__init__(a)\n        self.b = b\nresult = [E, E(1, b=5)]", "assert result[1].args == (1,) and result[1].b == 5 and isinstance(result[1], result[0])")
source("singleton by its class", "class C:\n    _one = None\n    def __new__(cls):\n        if cls._one is None: cls._one = super().__new__(cls)\n        return cls._one\nC()\nresult = C", "assert result() is result()")

# --- slots

for name, slots in {
    "a tuple": "('a', 'b')", "a list": "['a', 'b']", "a str": "'a'", "a long str": "'attribute'", "none": "()", "no slots in a list": "[]", "a dict": "{'a': 'doc of a', 'b': None}",
    "a set": "{'a'}", "a frozenset": "frozenset(['a'])", "private": "('__private', '_c', '__both__')", "with a dict": "('a', '__dict__')", "with weak references": "('a', '__weakref__')",
    "with both": "('__weakref__', 'a', '__dict__')", "only __dict__": "'__dict__'", "only __weakref__": "('__weakref__',)", "an iterator": "iter(['a', 'b'])", "many": "tuple('s%d' % n for n in range(100))", "dict keys": "{'a': 1}.keys()",
}.items():
    source("slots: " + name, "class result:\n    __slots__ = %s\n    x = 5\n    def f(self): return self.x" % slots, "r = result(); assert r.f() == 5 and '__slots__' in vars(result)")
source("slots of a base by value", "class A:\n    __slots__ = ('a',)\nclass B(A):\n    __slots__ = ('b',)\nresult = B", "r = result(); r.a = r.b = 1; assert not hasattr(r, '__dict__')")
source("slots and a base with a dict", "class A: pass\nclass B(A):\n    __slots__ = ('b',)\nresult = B", "r = result(); r.b = r.other = 1")
source("slots of a builtin subclass", "class result(dict):\n    __slots__ = ('a',)", "r = result(k=1); r.a = 2; assert r == {'k': 1}")
source("slots of an int subclass", "class result(int):\n    __slots__ = ()", "assert result(5) + 1 == 6")
source("slots used by methods", "class P:\n    __slots__ = ('x', 'y')\n    def __init__(self, x, y): self.x, self.y = x, y\n    def __eq__(self, o): return (self.x, self.y) == (o.x, o.y)\nresult = P", "assert result(1, 2) == result(1, 2)")
source("slots, a class and instances", "class P:\n    __slots__ = ('x', 'y')\n    def __init__(self, x): self.x = x\nresult = [P, P(1), P([2])]", "assert result[1].x == 1 and type(result[2]) is result[0] and not hasattr(result[1], 'y')")
source("slots with weak references to instances", "import weakref\nclass C:\n    __slots__ = ('__weakref__', 'x')\nresult = C", "import weakref; r = result(); assert weakref.ref(r)() is r")
source("slots that were replaced", "class C:\n    __slots__ = ('a', 'b')\nC.a = 5\nresult = C", "assert '__slots__' in vars(result)")
source("slots with a deleted descriptor", "class C:\n    __slots__ = ('a', 'b')\ndel C.b\nresult = C", "r = result(); r.a = 1")
source("slots, a str whose descriptor was deleted", "class C:\n    __slots__ = 'a'\ndel C.a\nresult = C", "")
source("slots by hand", "class C: pass\nC.__slots__ = ('x',)\nC.x = 5\nresult = C", "assert result.__slots__ == ('x',)")
source("slots by hand, a number", "class C: pass\nC.__slots__ = 5\nresult = C", "")
source("slots by hand, of numbers", "class C: pass\nC.__slots__ = (1, 2)\nC.x = 3\nresult = C", "assert result.__slots__ == (1, 2) and result.x == 3")
source("slots by hand, of lists", "class C: pass\nC.__slots__ = ([],)\nresult = C", "")
source("slots by hand, a property", "class C:\n    @property\n    def __dict__(self): return {}\nC.__slots__ = None\nresult = C", "")
source("by value: instance whose class has slot names cached", "class C:\n    __slots__ = ('a',)\nc = C()\nc.a = 1\nresult = [c, C]", "assert result[0].a == 1 and type(result[0]) is result[1]")
source("by value: instance before its class", "class C:\n    def __init__(self): self.x = 1\nresult = [C(), C, C()]", "assert type(result[0]) is type(result[2]) is result[1]")

# --- __dict__, __weakref__ and the like overridden

source("__dict__ a property", "class C:\n    @property\n    def __dict__(self): return {'x': 1}\nresult = C", "assert result().__dict__ == {'x': 1}")
source("__dict__ a property of a base", "class A:\n    @property\n    def __dict__(self): return {'x': 1}\nclass B(A): pass\nresult = B", "assert result().__dict__ == {'x': 1}")
source("__dict__ a property with a setter", "class C:\n    def get(self): return 1\n    def put(self, x): pass\n    __dict__ = property(get, put, None, 'doc')\nresult = C", "assert result().__dict__ == 1")
source("__dict__ a property subclass", "class P(property): pass\nclass C:\n    __dict__ = P(lambda self: {'y': 2})\nresult = C", "assert result().__dict__ == {'y': 2}", protocols=(2, 3, 4, 5))
source("__dict__ no property", "class C:\n    __dict__ = {'a': 1}\nresult = C", "result()")
source("__dict__ of slots and property", "class C:\n    __slots__ = ('a',)\n    @property\n    def __dict__(self): return {'a': self.a}\nresult = C", "r = result(); r.a = 1; assert r.__dict__ == {'a': 1}")
source("__weakref__ replaced", "class C:\n    __weakref__ = 5\nresult = C", "result()")
source("__class__ a property", "class C:\n    @property\n    def __class__(self): return int\nresult = C", "assert result().__class__ is int")
source("__doc__ a property", "class C:\n    @property\n    def __doc__(self): return 'made'\nresult = C", "assert result().__doc__ == 'made'")
source("__module__ a property", "class C:\n    @property\n    def __module__(self): return 'made'\nresult = C", "assert result().__module__ == 'made'")
source("__slots__ a property", "class C: pass\nC.__slots__ = property(lambda self: ())\nresult = C", "")
source("__name__ in the dict", "class C:\n    __name__ = 'other'\n    __qualname__ = 'Q'\nresult = C", "assert result().__name__ == 'other' and result.__name__ == 'C'")
source("__bases__ and __mro__ in the dict", "class C:\n    __bases__ = 1\n    __mro__ = 2\nresult = C", "assert result().__bases__ == 1")
source("__orig_bases__ by hand", "class C: pass\nC.__orig_bases__ = (object,)\nresult = C", "assert result.__orig_bases__ == (object,)")
source("__orig_bases__ no tuple", "class C: pass\nC.__orig_bases__ = [object]\nresult = C", "")

# --- versions' own attributes

source("class with attributes set by its methods", "class C:\n    def a(self): self.x = self.y = 1\n    def b(self): self.z = lambda: self.w\nresult = C", "r = result(); r.a(); assert r.x == 1 and set(getattr(result, '__static_attributes__', ('x', 'y', 'z'))) == {'x', 'y', 'z'}")
source("class with its first line", "\n\n\nclass C:\n    x = 1\nresult = C", "assert getattr(result, '__firstlineno__', 4) == 4")
source("class with its first line removed", "class C:\n    x = 1\ndel C.__firstlineno__, C.__static_attributes__\nresult = C", "assert '__firstlineno__' not in vars(result)", since=(3, 13))

# --- annotations

source("annotations of a class", "class C:\n    x: int = 1\n    y: 'later'\n    z: list = None\nresult = C", "assert result.__annotations__ == {'x': int, 'y': 'later', 'z': list}", before=(3, 14))
source("annotations of a class, asked before", "class C:\n    x: int = 1\n    y: str\nC.__annotations__\nresult = C", "assert result.__annotations__ == {'x': int, 'y': str}")
source("annotations of a class, not asked", "class C:\n    x: int = 1\nresult = C", "assert result.x == 1", since=(3, 14))
source("annotations of a class as text", "from __future__ import annotations\nclass C:\n    x: int\n    y: Missing.Name\nresult = C", "assert result.__annotations__ == {'x': 'int', 'y': 'Missing.Name'}", before=(3, 14))
source("annotations of a class set", "class C: pass\nC.__annotations__ = {'x': [1]}\nresult = C", "assert result.__annotations__ == {'x': [1]}")
source("annotations of an empty class", "class C: pass\nC.__annotations__ if hasattr(C, '__annotations__') else None\nresult = C", "result()")
source("annotations of methods", "class C:\n    def f(self, x: int, y: 'C') -> 'C': return self\nresult = C", "assert result.f.__annotations__ == {'x': int, 'y': 'C', 'return': 'C'}")
source("annotations that name the class", "class C:\n    def f(self) -> int: ...\nC.f.__annotations__['return'] = C\nresult = C", "assert result.f.__annotations__['return'] is result")
source("annotations that would fail", "class C:\n    x: Missing\n    def f(self, y: int): return y\nresult = C", "assert result().f(1) == 1", since=(3, 14))
source("__annotate__ by hand", "class C: pass\nC.__annotate__ = lambda format: {'x': int}\nresult = C", "result()", since=(3, 14))

# --- instances

source("by value: instance", "class C:\n    def __init__(self): self.a, self.b = 1, [2]\nresult = C()", "assert (result.a, result.b) == (1, [2])")
source("by value: instance of a class of a function", "def make():\n    class C:\n        def f(self): return self.x\n    c = C()\n    c.x = 5\n    return c\nresult = make()", "assert result.f() == 5")
source("by value: instances that know each other", "class C: pass\na, b = C(), C()\na.b, b.a = b, a\nresult = a", "assert result.b.a is result")
source("by value: instance whose class holds it", "class C: pass\nresult = C()\nC.one = result", "assert type(result).one is result")
source("by value: instance with __getstate__", "class C:\n    def __init__(self): self.a, self.b = 1, lambda: 2\n    def __getstate__(self): return {'a': self.a + 1}\nresult = C()", "assert vars(result) == {'a': 2}")
source("by value: instance with __setstate__", "class C:\n    def __init__(self): self.a = 1\n    def __getstate__(self): return (self.a, C)\n    def __setstate__(self, state): self.b, self.c = state\nresult = C()", "assert result.b == 1 and result.c is type(result)")
source("by value: instance with __reduce__", "class C:\n    def __init__(self, x): self.x = x\n    def __reduce__(self): return C, (self.x,)\nresult = C([1])", "assert result.x == [1]")
source("by value: instance with __reduce__ of a lambda", "class C:\n    def __reduce__(self): return (lambda x: x + 1), (1,)\nresult = C()", "assert result == 2")
source("by value: instance with __reduce_ex__", "class C:\n    def __reduce_ex__(self, protocol): return str, ('made',)\nresult = C()", "assert result == 'made'")
source("by value: instance with __getnewargs__", "class C(tuple):\n    def __new__(cls, a, b): return super().__new__(cls, (a, b))\n    def __getnewargs__(self): return self[0], self[1]\nresult = C(1, [2])", "assert tuple(result) == (1, [2])", protocols=(2, 3, 4, 5))
source("by value: instance with __getnewargs_ex__", "class C:\n    def __new__(cls, *, a):\n        self = super().__new__(cls)\n        self.a = a\n        return self\n    def __getnewargs_ex__(self): return (), {'a': 5}\nresult = C(a=1)", "assert result.a == 1", protocols=(2, 3, 4, 5))
source("by value: instance with __call__", "class C:\n    def __call__(self, x): return x + self.n\nresult = C()\nresult.n = 2", "assert result(1) == 3")
source("by value: instance with a lambda", "class C: pass\nresult = C()\nresult.f = lambda: result", "assert result.f() is result")
source("by value: instances of builtin subclasses", "class I(int): pass\nclass S(str): pass\nclass L(list): pass\nclass D(dict): pass\nclass T(tuple): pass\nclass F(frozenset): pass\nresult = [I(1), S('s'), L([1]), D(a=1), T((1,)), F([1])]\nfor r in result: r.note = [r]", "assert [r.note[0] is r for r in result] == [True] * 6")
source("by value: instance in a global of a method", "class C:\n    def f(self): return ONE\nONE = C()\nresult = C", "assert type(result().f()) is result")
source("by value: bound method", "class C:\n    def f(self): return self.x\nc = C()\nc.x = 5\nresult = c.f", "assert result() == 5")
source("by value: bound method kept in its instance", "class C:\n    def f(self): return self\nresult = C()\nresult.g = result.f", "assert result.g() is result")
source("by value: bound class method", "class C:\n    @classmethod\n    def f(cls): return cls\nresult = C.f", "assert isinstance(result(), type)")
source("function of a class", "class C:\n    def f(self): return 1\nresult = C.f", "assert result(None) == 1 and result.__qualname__ == 'C.f'")
source("static method of a class", "class C:\n    @staticmethod\n    def f(): return 1\nresult = [C.f, C().f]", "assert result[0]() == 1 and result[0] is result[1]")
source("thousand instances", "class C:\n    def __init__(self, n): self.n = n\nresult = [C(n) for n in range(1500)]", "assert result[1499].n == 1499 and len(set(map(type, result))) == 1")
source("key with a hash of its own", "class C:\n    def __init__(self, n): self.n = n\n    def __hash__(self): return self.n\n    def __eq__(self, o): return self.n == o.n\nresult = {C(1): 'a', C(2): 'b'}", "(a, b) = result; assert result[a] == 'a'", protocols=(0, 1, 2, 3, 4, 5))

source("class: names in every order", "names = ['z', 'a', 'aa', 'a\\0', 'a\\0b', '__doc', '__doc__', '__doc___', '__module', 'abcdefgh', 'abcdefghi', 'abcdefg', 'é', 'zé', '漢字', '\\U0001f600', '']\nC = type('C', (), {name: n for n, name in enumerate(names)})\nD = type('D', (), {name: n for n, name in enumerate(names) if name.isascii()})\nresult = [C, D]", "assert result[0].a == result[1].a == 1 and getattr(result[0], 'é') == 12 and getattr(result[1], 'a\\0b') == 4")
