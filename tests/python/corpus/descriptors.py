"""What lies in classes and around functions: properties, class and static methods, cells, methods, descriptors in C."""

import abc
import types

from .row import row, source

# --- properties and wrapped functions, alone and in classes

for kind in ("classmethod", "staticmethod"):
    source("%s alone" % kind, "result = %s(lambda *a: a)" % kind, "assert type(result) is %s and result.__func__(1) == (1,)" % kind)
    source("%s of an importable function" % kind, "from corpus.importable import function\nresult = %s(function)" % kind, "assert type(result) is %s and result.__func__(1) == 2" % kind)
    source("%s of no function" % kind, "result = %s([1])" % kind, "assert result.__func__ == [1]")
    source("%s with attributes" % kind, "result = %s(lambda: 1)\nif hasattr(result, '__dict__'): result.note = 5" % kind, "assert result.__func__() == 1")
    source("%s subclass" % kind, "class S(%s): pass\nclass C:\n    @S\n    def f(*a): return len(a)\nresult = C" % kind, "", protocols=(2, 3, 4, 5))
    source("%s twice in a class" % kind, "class C:\n    @%s\n    def f(*a): return len(a)\n    g = f\nresult = C" % kind, "assert result.f() == result.g()")
source("classmethod of a property", "class C:\n    @classmethod\n    @property\n    def f(cls): return 5\nresult = C", "assert isinstance(vars(result)['f'], classmethod)")
source("property alone", "result = property(lambda s: 1, lambda s, v: None, lambda s: None, 'doc')", "assert type(result) is property and result.__doc__ == 'doc' and result.fget(0) == 1")
source("property empty", "result = property()", "assert result.fget is None")
source("property of get only", "class C:\n    @property\n    def x(self):\n        'the doc'\n        return 5\nresult = C", "assert result().x == 5 and result.x.__doc__ == 'the doc'")
source("property of all", "class C:\n    @property\n    def x(self): return self.y\n    @x.setter\n    def x(self, v): self.y = v\n    @x.deleter\n    def x(self): del self.y\nresult = C", "c = result(); c.x = 5; assert c.x == 5\ndel c.x\nassert not hasattr(c, 'y')")
source("property with a doc by hand", "class C:\n    x = property(lambda self: 1, doc='given')\nresult = C", "assert result.x.__doc__ == 'given'")
source("property subclass in a class", "class P(property): pass\nclass C:\n    @P\n    def x(self): return 5\nresult = C", "", protocols=(2, 3, 4, 5))
source("property in a subclass of C", "class A:\n    @property\n    def x(self): return 1\nclass B(A):\n    @A.x.setter\n    def x(self, v): self.v = v\nresult = B", "b = result(); b.x = 3; assert b.x == 1 and b.v == 3")
source("property shared", "p = property(lambda self: 5)\nclass A:\n    x = p\nclass B:\n    y = p\nresult = [A, B]", "assert vars(result[0])['x'] is vars(result[1])['y'] and result[0]().x == 5")
for name in ("abstractproperty", "abstractclassmethod", "abstractstaticmethod"):
    row("%s alone" % name, lambda name=name: getattr(abc, name)(lambda: 1), lambda loaded, name=name: check_abstract(loaded, name))
source("descriptor with __get__ and __set__", "class D:\n    def __get__(self, o, t): return 5\n    def __set__(self, o, v): o.__dict__['v'] = v\nclass C:\n    x = D()\nresult = C", "c = result(); c.x = 3; assert c.x == 5 and c.v == 3")
source("descriptor that refuses the class", "class D:\n    def __get__(self, o, t):\n        if o is None: raise AttributeError\n        return 5\nclass C:\n    x = D()\nresult = C", "assert result().x == 5")
source("descriptor with a lambda", "class D:\n    def __init__(self, f): self.f = f\n    def __get__(self, o, t): return self.f(o)\nclass C:\n    x = D(lambda o: 7)\nresult = C", "assert result().x == 7")


def check_abstract(loaded, name):
    expected = property if name == "abstractproperty" else getattr(abc, name)
    assert type(loaded) is expected


# --- descriptors of types in C

for name, text in {
    "of a class": "type.__dict__['__dict__']", "of functions": "types.FunctionType.__code__", "of exceptions": "BaseException.__dict__['args']", "of int": "int.real", "of ours": "C.__dict__['__dict__']", "weakref of ours": "C.__dict__['__weakref__']", "of frames": "types.FrameType.f_locals",
}.items():
    source("getset descriptor " + name, "import types\nclass C: pass\nresult = %s" % text, "assert hasattr(result, '__get__')" if "C." not in text else "assert result is None or hasattr(result, '__get__') or isinstance(result, dict) or hasattr(result, 'keys')")
source("member descriptor of functions", "import types\nresult = types.FunctionType.__closure__", "import types; assert result.__name__ == '__closure__' or result is types.FunctionType.__closure__")
source("member descriptor of slots", "class C:\n    __slots__ = ('a',)\nresult = C.a", "")
source("method descriptor", "result = [str.upper, dict.get, list.append]", "assert result[0]('a') == 'A'")
source("class method descriptor", "result = vars(dict)['fromkeys']", "assert hasattr(result, '__get__')")
source("wrapper descriptor", "result = [int.__add__, object.__str__, type.__call__]", "assert result[0](1, 2) == 3")
source("method wrapper alone", "result = (5).__add__", "assert result(1) == 6")
source("builtin methods", "import math\nl = [1]\nresult = [l.append, l, 'a'.join, math.sqrt, {}.keys, int.from_bytes]", "result[0](2); assert result[1] == [1, 2]")
source("builtin method of an object by value", "class L(list): pass\nl = L()\nresult = [l.append, l]", "result[0](1); assert result[1] == [1]")

# --- methods

source("by value: method of a lambda", "import types\nresult = types.MethodType(lambda self: self, 5)", "assert result() == 5")
source("by value: method of a method", "import types\nclass C:\n    def f(self, x): return x\nresult = types.MethodType(C().f, 5)", "assert result() == 5")
source("by value: method of a partial", "import types, functools\nresult = types.MethodType(functools.partial(lambda a, b: (a, b), 1), 2)", "assert result() == (1, 2)")
source("by value: method of a class that is callable", "import types\nclass C:\n    def __call__(self, x): return x\nresult = types.MethodType(C(), 5)", "assert result() == 5")
source("methods of one object", "class C:\n    def f(self): return self\n    def g(self): return self\nc = C()\nresult = [c.f, c.g, c]", "f, g, c = result; assert f() is g() is c")
source("by value: method of a module function", "import types, os.path\nresult = types.MethodType(os.path.join, 'a')", "assert result('b') == 'a/b'")
source("by value: method of super", "class A:\n    def f(self): return 'A'\nclass B(A):\n    def f(self): return 'B'\nb = B()\nresult = super(B, b).f", "assert result() == 'A'")
source("methods as keys", "class C:\n    def f(self): return 1\nc = C()\nresult = {c.f: 1}", "(f,) = result; assert f() == 1")
source("by value: method with a decorator", "import functools\ndef deco(f):\n    @functools.wraps(f)\n    def w(self, *a): return [f(self, *a)]\n    return w\nclass C:\n    @deco\n    def f(self, x): return x\nresult = C().f", "assert result(1) == [1]")

# --- cells in classes

source("cell of a class", "def make():\n    class C:\n        def f(self): return __class__\n    return C\nresult = make().f.__closure__[0]", "assert result.cell_contents.__name__ == 'C'")
source("cell of itself by a function", "def make():\n    def f(): return f\n    return f.__closure__[0]\nresult = make()", "assert result.cell_contents().__name__ == 'f'")
source("cells shared by a class's methods", "def make():\n    n = [0]\n    class C:\n        def up(self): n[0] += 1\n        def get(self): return n[0]\n    return C\nresult = make()", "c = result(); c.up(); assert c.get() == 1")
row("made cell of a function", lambda: types.CellType(len), lambda loaded: check_cell(loaded))


def check_cell(loaded):
    assert loaded.cell_contents is len
