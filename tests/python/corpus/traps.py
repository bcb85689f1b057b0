"""Where the same bytes hang on which object is which: texts that are made or shared, what is memoised under whose name,
batches, and what dumping leaves behind."""

from . import importable
from .row import row, source

# --- "".join(name) is a new text, but for one of one character or none, which everybody shares

# Python interns the name of an attribute; one that was not interned before would be another one from the second run on.
NAME = "import sys\nNAME = sys.intern(%r)\n"
for name in ("f", "é", "ÿ", "Ā", "ff", "__name__", "x" * 300):
    text = "def f(x=1): return x\nf.__name__ = f.__qualname__ = NAME\nresult = [f, f.__name__, NAME, ''.join(list(NAME)), f]"
    source("trap: name of a function: %.10s" % name, NAME % name + text, "f, *names, again = result\nassert f is again and names == [f.__name__] * 3")
    text = "class C: pass\nC.__name__ = C.__qualname__ = NAME\nsetattr(C, NAME + '1', NAME)\nresult = [C, C.__name__, NAME, C]"
    source("trap: name of a class: %.10s" % name, NAME % name + text, "C, *names, again = result\nassert C is again and names == [C.__name__] * 2")
    text = "def f(): pass\nsetattr(f, NAME + 'x'[:0], NAME)\nclass C: pass\nsetattr(C, NAME, NAME)\nresult = [NAME, vars(f), f, C]"
    if name not in ("__name__",):
        source("trap: name of an attribute: %.10s" % name, NAME % name + text, "name, members, f, C = result\nassert members == {name: name} == vars(f) and getattr(C, name) == name")
source("trap: empty names", "def f(): pass\nf.__name__ = f.__qualname__ = ''\nresult = [f, '', f.__name__, type('', (), {'': ''})]", "assert result[0].__name__ == '' == result[3].__name__")
source("trap: one name for all", "def f(f=1):\n    def g(f='f'): return f\n    return g\nf.f = 'f'\nclass C:\n    f = 'f'\nresult = ['f', f, C, C.f, {'f': f}]", "assert result[1].f == result[2].f == 'f' and result[1]()() == 'f'")

# --- names that are interned are one object with those in cloudpickle, and equal ones that are not are others

STATE = "'__name__', '__qualname__', '__annotations__', '__kwdefaults__', '__defaults__', '__module__', '__doc__', '__closure__', '_cloudpickle_submodules', '__globals__', '__package__', '__path__', '__file__', '_abc_impl', '__dict__'"
for kind, words in {"interned": STATE, "not interned": "*(''.join(list(word)) for word in (%s))" % STATE}.items():
    for before in (True, False):
        parts = "%s, f, C" % words if before else "f, C, %s" % words
        text = "import abc\ndef f(x=1, *, k=2): return f, __name__\nclass C(abc.ABC):\n    def m(self): return f\nresult = [%s]" % parts
        source("trap: names of a state, %s, %s" % (kind, "before" if before else "after"), text, "assert len(result) == 17 and {str, type(lambda: 1), type(result[%d])} == set(map(type, result))" % (-1 if before else 1))

# --- parts of a code object

FUNCTION = "import json\nLIMIT = 10\ndef f(x=LIMIT):\n    y = json\n    return [LIMIT for z in (x, y)]\nc = f.__code__\n"
CHECK = "f = next(part for part in result if callable(part)); assert f() == [10, 10]"
for part in ("co_names", "co_names[0]", "co_code", "co_consts", "co_varnames", "co_filename", "co_name", "co_cellvars", "co_freevars"):
    source("trap: %s first" % part, FUNCTION + "result = [c.%s, f, c.%s]" % (part, part), CHECK)
    source("trap: %s last" % part, FUNCTION + "result = [f, c.%s, c.%s]" % (part, part), CHECK)
for part in ("co_exceptiontable", "co_linetable", "co_qualname"):
    source("trap: %s first" % part, FUNCTION + "result = [b'', c.%s, f, c.%s]" % (part, part), CHECK, since=(3, 11))
    source("trap: %s last" % part, FUNCTION + "result = [f, b'', c.%s, c.%s]" % (part, part), CHECK, since=(3, 11))
source("trap: empty bytes beside an empty exception table", "def f(): return 1\ndef g(): return 2\nresult = [f, b'', g, b'']", "f, b, g, c = result; assert (f(), g(), b, c) == (1, 2, b'', b'')")
source("trap: globals' keys are the code's names", "NAMES = {'NAMES': 1}\ndef f(): return NAMES, dict\ndef g(): return NAMES\nresult = [list(f.__code__.co_names), f, list(f.__globals__)[:3], g, {'NAMES': 'NAMES'}]", "assert result[1]()[0] is result[3]()")
source("trap: globals' keys are not the code's names", "space = {'__name__': '__main__', ''.join(['LI', 'MIT']): 5}\nexec('def f(): return LIMIT', space)\nresult = [list(space)[1], space['f'], 'LIMIT']", "assert result[1]() == 5")

# --- batches: a dict of a multiple of a thousand has an empty one more, wherever the dict is

for count in (999, 1000, 1001, 2000):
    many = "{'a%%d' %% n: n for n in range(%d)}" % count
    source("trap: function with %d attributes" % count, "def result(): pass\nvars(result).update(%s)" % many, "assert len(vars(result)) == %d" % count, shared=True)
    source("trap: function with %d annotations" % count, "def result(): pass\nresult.__annotations__ = %s" % many, "assert len(result.__annotations__) == %d" % count, shared=True)
    source("trap: function with %d keyword defaults" % count, "def result(): pass\nresult.__kwdefaults__ = %s" % many, "assert len(result.__kwdefaults__) == %d" % count, shared=True)
    source("trap: function of %d globals" % count, "globals().update(%s)\nexec('def result(): return ' + ' + '.join('a%%d' %% n for n in range(%d)))" % (many, count), "assert result() == sum(range(%d))" % count, shared=True)
    source("trap: module with %d names" % count, "import types\nresult = types.ModuleType('made')\nvars(result).update(%s)" % many, "assert result.a998 == 998", shared=True)
    source("trap: instance with %d attributes" % count, "class C: pass\nresult = C()\nvars(result).update(%s)" % many, "assert len(vars(result)) == %d" % count, shared=True)
    source("trap: mappingproxy of %d" % count, "import types\nresult = types.MappingProxyType(%s)" % many, "assert len(result) == %d" % count, shared=True)
    source("trap: ABC with %d registered" % count, "import abc\nclass result(abc.ABC): pass\nkept = [type('R%%d' %% n, (), {}) for n in range(%d)]\nfor one in kept: result.register(one)\nresult.kept = kept" % count if count < 1001 else "class result: kept = []", "assert all(issubclass(one, result) for one in result.kept)", shared=True, addressed=True)
source("trap: enum of 1,000", "import enum\nresult = enum.IntEnum('E', ['M%d' % n for n in range(1000)])", "assert len(result) == 1000 and result.M999.value == 1000", shared=True)

# --- a class has an entry more once an instance was pickled, and it has that in the same pickle from then on

SLOTS = "class C:\n    __slots__ = ('a', 'b')\nclass P: pass\no, p = C(), P()\no.a, p.a = 1, 2\n"
for name, order in {"class first": "[C, P, o, p, C, P]", "instance first": "[o, p, C, P, o]", "only instances": "[o, p, o]", "instance in the class": "(setattr(C, 'one', o), setattr(P, 'one', p), [P, C])[2]", "class, then a subclass's instance": "[C, type('D', (C, ), {})(), type('E', (P, ), {})(), P]"}.items():
    source("trap: %s" % name, SLOTS + "result = " + order, "assert len(result) >= 2")

# --- dataclasses' sentinels, a dict for each mappingproxy, and what goes as a function with its class

DATA = "import dataclasses\nshared = {'m': [1]}\n@dataclasses.dataclass\nclass C:\n    a: int = dataclasses.field(default=1, metadata=shared)\n    b: int = dataclasses.field(default=2, metadata=shared)\n    c: dataclasses.InitVar[int] = 3\n    d: 'dataclasses.ClassVar' = 4\nfields = vars(C)['__dataclass_fields__']\n"
source("trap: metadata that two fields share", DATA + "result = [C, shared, fields['a'].metadata, fields['b'].metadata]", "C, shared, a, b = result\nimport dataclasses\nassert [dict(f.metadata) for f in dataclasses.fields(C)[:2]] == [shared] * 2 and dict(a) == dict(b) == shared")
source("trap: sentinels", DATA + "result = [dataclasses._FIELD, dataclasses._FIELD_INITVAR, C, dataclasses._FIELD, fields['c']._field_type, dataclasses._FIELD_CLASSVAR]", "import dataclasses\nassert result[0] is result[3] is dataclasses._FIELD and result[1] is result[4] is dataclasses._FIELD_INITVAR")
row("trap: bound class method of an importable class", lambda: [importable.Plain.of_class, importable.Plain.of_class], lambda loaded: (loaded[0]() is loaded[1]() is importable.Plain) or 1 / 0)
row("trap: static method of an importable class", lambda: importable.Plain.of_nothing, lambda loaded: loaded() == "static" or 1 / 0)
source("trap: sets of text", "result = [{'a', 'b', 'c', 'd'}, frozenset('efgh'), {('a', 1), ('b', 2)}]", "assert result == [set('abcd'), frozenset('efgh'), {('a', 1), ('b', 2)}]")
