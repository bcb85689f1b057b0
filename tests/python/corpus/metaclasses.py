"""Metaclasses, abstract base classes with their registrations."""

from .row import source

# --- metaclasses

source("metaclass of a class", "class Meta(type):\n    def hello(cls): return cls.__name__\nclass C(metaclass=Meta): pass\nresult = C", "assert result.hello() == 'C' and type(result).__name__ == 'Meta'")
source("metaclass alone", "class Meta(type):\n    x = 1\nresult = Meta", "assert issubclass(result, type) and result('N', (), {}).x == 1")
source("metaclass and classes", "class Meta(type): pass\nclass A(metaclass=Meta): pass\nclass B(A): pass\nresult = [B, A, Meta]", "b, a, m = result; assert type(a) is type(b) is m and b.__bases__ == (a,)")
source("importable metaclass", "from corpus.importable import Meta\nclass C(metaclass=Meta): pass\nresult = C", "from corpus.importable import Meta; assert type(result) is Meta")
source("metaclass with __new__", "class Meta(type):\n    def __new__(m, name, bases, ns):\n        ns['added'] = name.lower()\n        return super().__new__(m, name, bases, ns)\nclass C(metaclass=Meta): pass\nresult = C", "assert result.added == 'c'")
source("metaclass with __init__", "class Meta(type):\n    made = []\n    def __init__(cls, name, bases, ns):\n        super().__init__(name, bases, ns)\n        Meta.made.append(name)\nclass C(metaclass=Meta): pass\nresult = C", "assert 'C' in type(result).made")
source("metaclass with __call__", "class Meta(type):\n    one = None\n    def __call__(cls):\n        if cls.one is None: cls.one = super().__call__()\n        return cls.one\nclass C(metaclass=Meta): pass\nresult = C", "assert result() is result()")
source("metaclass with __prepare__", "import collections\nclass Meta(type):\n    @classmethod\n    def __prepare__(m, name, bases): return collections.OrderedDict(prepared=1)\n    def __new__(m, name, bases, ns): return super().__new__(m, name, bases, dict(ns))\nclass C(metaclass=Meta):\n    x = 1\nresult = C", "assert result.prepared == 1 and result.x == 1")
source("metaclass with keywords", "class Meta(type):\n    def __new__(m, name, bases, ns, **kw): return super().__new__(m, name, bases, {**ns, **kw})\n    def __init__(cls, name, bases, ns, **kw): pass\nclass C(metaclass=Meta, extra=5): pass\nresult = C", "assert result.extra == 5")
source("metaclass with a property", "class Meta(type):\n    @property\n    def x(cls): return 5\nclass C(metaclass=Meta): pass\nresult = C", "assert result.x == 5")
source("metaclass of a metaclass", "class MetaMeta(type): pass\nclass Meta(type, metaclass=MetaMeta): pass\nclass C(metaclass=Meta): pass\nresult = C", "assert type(type(result)).__name__ == 'MetaMeta'")
source("metaclass with __getattr__", "class Meta(type):\n    def __getattr__(cls, name):\n        if name.startswith('x'): return name\n        raise AttributeError(name)\nclass C(metaclass=Meta): pass\nresult = C", "assert result.xyz == 'xyz'")
source("metaclass with __iter__ and __len__", "class Meta(type):\n    def __iter__(cls): return iter('ab')\n    def __len__(cls): return 0\n    def __bool__(cls): return False\n    def __contains__(cls, x): return True\nclass C(metaclass=Meta): pass\nresult = [C, {'k': C}]", "assert list(result[0]) == ['a', 'b'] and not result[0]")
source("metaclass with __instancecheck__", "class Meta(type):\n    def __instancecheck__(cls, x): return x == 5\n    def __subclasscheck__(cls, x): return True\nclass C(metaclass=Meta): pass\nresult = C", "assert isinstance(5, result) and issubclass(int, result)")
source("metaclass with __dir__ and __repr__", "class Meta(type):\n    def __dir__(cls): return []\n    def __repr__(cls): return 'a class'\nclass C(metaclass=Meta): pass\nresult = C", "assert repr(result) == 'a class'")
source("metaclass with __setattr__", "class Meta(type):\n    def __setattr__(cls, name, value): super().__setattr__(name, value)\nclass C(metaclass=Meta):\n    x = 1\nresult = C", "assert result.x == 1")
source("metaclass with mro()", "class Meta(type):\n    def mro(cls): return super().mro()\nclass C(metaclass=Meta): pass\nresult = C", "assert result.__mro__ == (result, object)")
source("metaclass with __eq__ and __hash__", "class Meta(type):\n    def __eq__(cls, o): return cls is o\n    def __hash__(cls): return type.__hash__(cls)\nclass C(metaclass=Meta): pass\nresult = [C, C]", "assert result[0] is result[1]")
source("metaclass with equal names", "class Meta(type):\n    def __eq__(cls, o): return getattr(o, '__name__', None) == cls.__name__\n    def __hash__(cls): return hash(cls.__name__)\nresult = [Meta('C', (), {'x': 1}), Meta('D', (), {})]", "assert result[0] != result[1]")
source("metaclass with slots", "class Meta(type):\n    __slots__ = ()\nclass C(metaclass=Meta):\n    __slots__ = ('a',)\nresult = C", "r = result(); r.a = 1")
source("metaclass with __reduce__", "class Meta(type):\n    def __reduce__(cls): return str, ('never',)\n    def __reduce_ex__(cls, p): return str, ('never',)\nclass C(metaclass=Meta): pass\nresult = C", "assert isinstance(result, type)")
source("metaclass with __getattribute__", "class Meta(type):\n    asked = 0\n    def __getattribute__(cls, name):\n        return super().__getattribute__(name)\nclass C(metaclass=Meta):\n    x = 1\nresult = C", "assert result.x == 1")
source("metaclass that renames", "class Meta(type):\n    @property\n    def __name__(cls): return 'Named'\nclass C(metaclass=Meta): pass\nresult = C", "assert result.__name__ == 'Named'")
source("metaclass that moves", "class Meta(type):\n    @property\n    def __module__(cls): return 'moved'\nclass C(metaclass=Meta): pass\nresult = C", "")
source("metaclass with a __dict__ property", "class Meta(type):\n    @property\n    def __dict__(cls): return {'x': 1, '__module__': 'm'}\nclass C(metaclass=Meta): pass\nresult = C", "assert result.x == 1")
source("metaclass with a __bases__ property", "class Meta(type):\n    @property\n    def __bases__(cls): return (object,)\nclass C(metaclass=Meta): pass\nresult = C", "assert isinstance(result, type)")
source("metaclass with its own registry", "class Meta(type):\n    registry = {}\n    def __init__(cls, *a): cls.registry[cls.__name__] = cls\nclass A(metaclass=Meta): pass\nclass B(A): pass\nresult = A", "assert result.registry['A'] is result")
source("class decorated", "def deco(cls):\n    cls.added = lambda self: 'added'\n    return cls\n@deco\nclass C: pass\nresult = C", "assert result().added() == 'added'")
source("class replaced by its decorator", "def deco(cls): return type(cls.__name__, (cls,), {'extra': 1})\n@deco\nclass C:\n    x = 1\nresult = C", "assert result.x == result.extra == 1")
source("class with total_ordering", "import functools\n@functools.total_ordering\nclass C:\n    def __init__(self, n): self.n = n\n    def __eq__(self, o): return self.n == o.n\n    def __lt__(self, o): return self.n < o.n\nresult = C", "assert result(2) >= result(1) and result(1) <= result(1)")
source("class with singledispatchmethod", "import functools\nclass C:\n    @functools.singledispatchmethod\n    def f(self, x): return 'any'\nresult = C", "")
source("class with cached_property", "import functools\nclass C:\n    @functools.cached_property\n    def x(self): return 5\nresult = C", "assert result().x == 5", since=(3, 12))
source("class with cached_property and its lock", "import functools\nclass C:\n    @functools.cached_property\n    def x(self): return 5\nresult = C", "", before=(3, 12))
source("class with partialmethod", "import functools\nclass C:\n    def f(self, a, b): return a, b\n    g = functools.partialmethod(f, 1)\nresult = C", "assert result().g(2) == (1, 2)")

# --- abstract base classes

ABSTRACT = """
import abc
class Base(abc.ABC):
    @abc.abstractmethod
    def f(self): 'doc'
    @property
    @abc.abstractmethod
    def p(self): ...
    @classmethod
    @abc.abstractmethod
    def c(cls): ...
    @staticmethod
    @abc.abstractmethod
    def s(): ...
"""
REFUSES = "try: result()\nexcept TypeError as error: assert 'abstract' in str(error)\nelse: raise AssertionError"
source("ABC", ABSTRACT + "result = Base", REFUSES + "\nassert result.__abstractmethods__ == {'f', 'p', 'c', 's'}")
source("ABC by its metaclass", "import abc\nclass C(metaclass=abc.ABCMeta):\n    @abc.abstractmethod\n    def f(self): ...\nresult = C", REFUSES)
source("ABC and what is concrete", ABSTRACT + "class Full(Base):\n    def f(self): return 1\n    p = 2\n    @classmethod\n    def c(cls): return 3\n    @staticmethod\n    def s(): return 4\nresult = Full", "r = result(); assert (r.f(), r.p, r.c(), r.s()) == (1, 2, 3, 4)")
source("ABC half concrete", ABSTRACT + "class Half(Base):\n    def f(self): return 1\nresult = Half", REFUSES + "\nassert 'f' not in result.__abstractmethods__")
source("ABC empty", "import abc\nclass C(abc.ABC): pass\nresult = C", "result()")
source("ABC with a registered builtin", "import abc\nclass C(abc.ABC): pass\nC.register(int)\nresult = C", "assert isinstance(1, result) and not isinstance('', result)")
source("ABC with a registered class by value", "import abc\nclass C(abc.ABC): pass\nclass D: pass\nC.register(D)\nresult = [C, D]", "assert issubclass(result[1], result[0])")
source("ABC with a registered class that is a global", "import abc\nclass C(abc.ABC):\n    def f(self): return D\n@C.register\nclass D: pass\nresult = C", "assert issubclass(result().f(), result)")
source("ABC with its caches filled", "import abc\nclass C(abc.ABC): pass\nC.register(int)\nassert issubclass(bool, C) and not issubclass(str, C) and not isinstance([], C)\nresult = C", "assert issubclass(bool, result) and not issubclass(str, result)")
source("ABC with a dead registration", "import abc, gc\nclass C(abc.ABC): pass\nC.register(type('Dead', (), {}))\ngc.collect()\nresult = C", "assert not isinstance(1, result)")
source("ABC registered with another", "import abc\nclass A(abc.ABC): pass\nclass B(abc.ABC): pass\nA.register(B)\nresult = [A, B]", "assert issubclass(result[1], result[0])")
source("ABC with __subclasshook__", "import abc\nclass C(abc.ABC):\n    @classmethod\n    def __subclasshook__(cls, other): return hasattr(other, 'quack') or NotImplemented\nresult = C", "assert issubclass(type('Duck', (), {'quack': 1}), result) and not issubclass(int, result)")
source("ABC of collections.abc", "import collections.abc\nclass C(collections.abc.MutableMapping):\n    def __init__(self): self.d = {}\n    def __getitem__(self, k): return self.d[k]\n    def __setitem__(self, k, v): self.d[k] = v\n    def __delitem__(self, k): del self.d[k]\n    def __iter__(self): return iter(self.d)\n    def __len__(self): return len(self.d)\nresult = C", "r = result(); r['a'] = 1; assert r == {'a': 1} and r.pop('a') == 1")
source("ABC instance", "import abc\nclass A(abc.ABC):\n    @abc.abstractmethod\n    def f(self): ...\nclass B(A):\n    def f(self): return self.x\nresult = B()\nresult.x = 5", "assert result.f() == 5")
source("ABC with the old abstract ones", "import abc\nclass C(abc.ABC):\n    @abc.abstractproperty\n    def p(self): ...\n    @abc.abstractclassmethod\n    def c(cls): ...\n    @abc.abstractstaticmethod\n    def s(): ...\nresult = C", REFUSES)
source("ABC with a metaclass of its own", "import abc\nclass Meta(abc.ABCMeta):\n    x = 1\nclass C(metaclass=Meta): pass\nC.register(str)\nresult = C", "assert issubclass(str, result) and result.x == 1")
source("ABC in Python", "import _py_abc\nclass C(metaclass=_py_abc.ABCMeta):\n    x = 1\nresult = C", "assert result.x == 1")
source("ABC in Python, registered", "import _py_abc\nclass C(metaclass=_py_abc.ABCMeta): pass\nC.register(int)\nassert isinstance(1, C)\nresult = C", "assert isinstance(result, type)", addressed=True)
source("ABC with its own _abc_registry", "import abc\nclass C(abc.ABC): pass\nC._abc_registry = [int, str]\nresult = C", "assert issubclass(int, result) and issubclass(str, result)")
source("ABC with its own empty _abc_registry", "import abc\nclass C(abc.ABC): pass\nC._abc_registry = []\nC.register(int)\nresult = C", "assert not issubclass(int, result)")
source("ABC with its own _abc_registry of None", "import abc\nclass C(abc.ABC): pass\nC._abc_registry = None\nC.register(int)\nresult = C", "assert issubclass(int, result)")
source("ABC with its own _abc_registry of 5", "import abc\nclass C(abc.ABC): pass\nC._abc_registry = 5\nresult = C", "")
source("ABC with its own _abc_registry that fails", "import abc\nclass C(abc.ABC): pass\ndef fail():\n    yield int\n    raise KeyError('registry')\nC._abc_registry = fail()\nresult = C", "")
source("ABC with its own caches", "import abc\nclass C(abc.ABC): pass\nC._abc_cache = lambda: 1\nC._abc_negative_cache = 2\nC._abc_negative_cache_version = 3\nresult = C", "assert not hasattr(result, '_abc_cache')")
source("plain class with an ABC's attributes", "class C: pass\nC._abc_cache = 1\nC._abc_negative_cache = 2\nC._abc_registry = [int]\nresult = C", "assert result._abc_cache == 1 and result._abc_registry == [int]")
source("plain class with _abc_impl", "class C: pass\nC._abc_impl = []\nresult = C", "assert isinstance(result(), result)")
source("ABC with slots", "import abc\nclass C(abc.ABC):\n    __slots__ = ('a',)\nresult = C", "r = result(); r.a = 1")
