"""Everything in `types`, and the types of the singletons."""

import types

from .row import row, source


def check_is(loaded, expected):
    assert loaded is expected


for name in sorted(vars(types)):
    value = getattr(types, name)
    if name.startswith("_") or isinstance(value, types.ModuleType):
        continue

    def check(loaded, value=value):
        assert loaded is value, loaded

    row("types." + name, lambda value=value: value, check)

source("types of the singletons", "result = [type(None), type(...), type(NotImplemented), type(None)]", "assert result == [type(None), type(...), type(NotImplemented), type(None)]")
source("type of None alone", "result = type(None)", "assert result is type(None)")
source("singletons", "result = [None, ..., NotImplemented, True, False]", "assert result[1] is ... and result[2] is NotImplemented")
source("types as globals and annotations", "import types\nN = type(None)\ndef result(f: types.FunctionType, g: type(None) = None): return N, types.CodeType", "import types; assert result(1) == (type(None), types.CodeType)")
source("types as bases", "import types\nclass result(types.SimpleNamespace, metaclass=type): pass", "assert result(x=1).x == 1")
source("types that have no name anywhere", "result = [type(iter([])), type({}.keys()), type(iter(int, 1))]", "")
for name, text in {
    "list iterator": "type(iter([]))", "dict keys": "type({}.keys())", "dict items iterator": "type(iter({}.items()))", "odict keys": "type(__import__('collections').OrderedDict().keys())", "str iterator": "type(iter(''))", "zip": "zip",
    "method descriptor": "type(str.join)", "wrapper": "type(object().__str__)", "weakref": "__import__('weakref').ref", "proxy": "__import__('weakref').ProxyType", "Struct": "__import__('struct').Struct", "lock": "type(__import__('_thread').allocate_lock())", "match": "type(__import__('re').match('', ''))",
    "pattern": "__import__('re').Pattern", "stat_result": "__import__('os').stat_result", "version_info": "type(__import__('sys').version_info)", "flags": "type(__import__('sys').flags)", "itertools": "__import__('itertools').count", "lru_cache": "type(__import__('functools').lru_cache(len))",
    "Context": "__import__('contextvars').Context", "symtable": "type(compile('', '', 'exec'))", "cell": "type((lambda x: lambda: x)(1).__closure__[0])", "generic alias": "type(list[int])", "exit": "type(exit) if 'exit' in dir(__builtins__) else int", "module spec": "type(__import__('sys').__spec__)",
}.items():
    source("type of " + name, "result = " + text, "assert result is " + text)
source("ellipsis in a slice", "result = [slice(None, ..., 1), (..., None)]", "assert result[0].stop is ...")
