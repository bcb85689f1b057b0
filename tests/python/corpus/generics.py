"""Typing: generic classes and aliases, protocols, type variables, NewType."""

from .row import source

T = "import typing\nfrom typing import *\nT = TypeVar('T')\nK = TypeVar('K')\n"

# --- type variables

source("TypeVar", "import typing\nresult = typing.TypeVar('T')", "import typing; assert type(result) is typing.TypeVar and result.__name__ == 'T'")
source("TypeVar twice", "import typing\nT = typing.TypeVar('T')\nresult = [T, T, {'T': T}]", "assert result[0] is result[1] is result[2]['T']")
source("TypeVars of one name", "import typing\nresult = [typing.TypeVar('T'), typing.TypeVar('T')]", "assert result[0] is not result[1]")
source("TypeVar bound", "import typing\nresult = typing.TypeVar('T', bound=int)", "assert result.__bound__ is int")
source("TypeVar bound to text", "import typing\nresult = typing.TypeVar('T', bound='later')", "assert result.__bound__.__forward_arg__ == 'later'")
source("TypeVar bound to a class by value", "import typing\nclass C: pass\nresult = [typing.TypeVar('T', bound=C), C]", "assert result[0].__bound__ is result[1]")
source("TypeVar constrained", "import typing\nresult = typing.TypeVar('T', int, str)", "assert result.__constraints__ == (int, str)")
source("TypeVar covariant", "import typing\nresult = [typing.TypeVar('T', covariant=True), typing.TypeVar('S', contravariant=True)]", "assert result[0].__covariant__ and result[1].__contravariant__")
source("TypeVar of the library", "import typing\nresult = [typing.AnyStr, typing.T]", "import typing; assert result[0] is typing.AnyStr", before=(3, 15))
source("TypeVar with a default", "import typing\nresult = typing.TypeVar('T', default=int)", "assert result.__name__ == 'T'", since=(3, 13))
source("TypeVar that infers", "import typing\nresult = typing.TypeVar('T', infer_variance=True)", "assert result.__name__ == 'T'", since=(3, 12))
source("TypeVar of another module", "import typing\nresult = typing.TypeVar('T')\nresult.__module__ = 'typing'", "assert result.__name__ == 'T'", before=(3, 12))
source("ParamSpec", "import typing\nresult = typing.ParamSpec('P')", "", since=(3, 10))
source("ParamSpec's args", "import typing\nresult = typing.ParamSpec('P').args", "", since=(3, 10))
source("TypeVarTuple", "import typing\nresult = typing.TypeVarTuple('Ts')", "", since=(3, 11))
source("NewType", "import typing\nresult = typing.NewType('UserId', int)", "assert result(5) == 5", before=(3, 10))
source("NewType from 3.10 on", "import typing\nresult = typing.NewType('UserId', int)", "", since=(3, 10))
source("NewType of a module that is not there", "import typing\nresult = typing.NewType('UserId', int)\nresult.__module__ = 'no_such_module'", "assert result(5) == 5")
source("NewType used by a function", "import typing\nUserId = typing.NewType('UserId', int)\ndef result(x): return UserId(x)", "assert result(5) == 5")

# --- generic classes

source("Generic", T + "class result(Generic[T]):\n    def f(self, x: T) -> T: return x", "assert result().f(1) == 1 and len(result.__parameters__) == 1 and result[int]().f(2) == 2 and result.__orig_bases__[0].__args__ == result.__parameters__")
source("Generic of two", T + "class result(Generic[K, T]):\n    pass", "assert [p.__name__ for p in result.__parameters__] == ['K', 'T']")
source("Generic and its variable", T + "class C(Generic[T]): pass\nresult = [C, T, C[int], C[T]]", "c, t, i, v = result; assert c.__parameters__ == (t,) and i.__origin__ is c and v.__args__ == (t,)")
source("Generic with a base", T + "class A(Generic[T]): pass\nclass result(A[int]): pass", "assert result.__orig_bases__[0].__args__ == (int,) and result.__parameters__ == ()")
source("Generic with a parameter passed on", T + "class A(Generic[T]): pass\nclass result(A[List[K]], Dict[str, K]): pass", "assert len(result.__parameters__) == 1 and result()  == {}")
source("Generic subclass without parameters", T + "class A(Generic[T]): pass\nclass B(A[int]): pass\nclass result(B): pass", "assert '__orig_bases__' not in vars(result)")
source("Generic of builtins", T + "class result(list[int]): pass", "assert result([1]) == [1] and result.__orig_bases__[0] == list[int]")
source("Generic of typing's builtins", T + "class result(List[int], Sized): pass", "assert result([1]) == [1]")
source("Generic with slots", T + "class result(Generic[T]):\n    __slots__ = ('x',)", "r = result(); r.x = 1")
source("Generic instance", T + "class C(Generic[T]):\n    def __init__(self, x): self.x = x\nresult = [C[int](5), C(6)]", "assert result[0].x == 5 and type(result[0]) is type(result[1])")
source("Generic with a metaclass", T + "import abc\nclass Meta(abc.ABCMeta): pass\nclass result(Generic[T], metaclass=Meta): pass", "assert type(result).__name__ == 'Meta' and result[int]")
source("Generic with a bound by value", T + "class B: pass\nS = TypeVar('S', bound=B)\nclass result(Generic[S]): pass", "assert result.__parameters__[0].__bound__.__name__ == 'B'")
source("Generic of ParamSpec", "import typing\nP = typing.ParamSpec('P')\nclass result(typing.Generic[P]): pass", "", since=(3, 10))
source("Generic of TypeVarTuple", "import typing\nTs = typing.TypeVarTuple('Ts')\nclass result(typing.Generic[typing.Unpack[Ts]]): pass", "", since=(3, 11))
source("class with parameters", "class result[T]:\n    def f(self, x: T) -> T: return x", "assert result().f(1) == 1 and len(result.__type_params__) == 1", since=(3, 12))
source("class with a bound parameter", "class result[T: (int, str), U: float]: pass", "assert result()", since=(3, 12))
source("class with all parameters", "class result[T, *Ts, **P]: pass", "", since=(3, 12))
source("class with parameters and a base", "class A[T]: pass\nclass result(A[int]): pass", "assert result()", since=(3, 12))
source("function with parameters", "def result[T](x: T) -> T: return x", "assert result(1) == 1", since=(3, 12))
source("function with a parameter that it names", "def result[T](x): return T", "assert result(1).__name__ == 'T'", since=(3, 12))
source("type alias", "type result = list[int]", "", since=(3, 12))
source("type alias with parameters", "type result[T] = list[T]", "", since=(3, 12))

# --- protocols

source("Protocol", T + "class result(Protocol):\n    x: int\n    def f(self) -> int: ...", "assert result._is_protocol")
source("Protocol checked at run time", T + "@runtime_checkable\nclass result(Protocol):\n    def f(self): ...", "assert isinstance(type('C', (), {'f': 1})(), result) and not isinstance(1, result)")
source("Protocol checked before", T + "@runtime_checkable\nclass P(Protocol):\n    def f(self): ...\nassert not isinstance(1, P)\nresult = P", "assert isinstance(type('C', (), {'f': 1})(), result)")
source("Protocol generic", T + "class result(Protocol[T]):\n    def f(self, x: T) -> T: ...", "assert result._is_protocol and len(result.__parameters__) == 1")
source("Protocol implemented", T + "class P(Protocol):\n    def f(self): return 1\nclass result(P): pass", "assert result().f() == 1 and not result._is_protocol")
source("Protocol of a Protocol", T + "class P(Protocol):\n    def f(self): ...\nclass result(P, Protocol):\n    def g(self): ...", "assert result._is_protocol")
source("Protocol of data", T + "@runtime_checkable\nclass result(Protocol):\n    x: int", "assert isinstance(type('C', (), {'x': 1})(), result)")

# --- aliases

for name, text in {
    "List[int]": "List[int]", "Dict": "Dict[str, List[int]]", "Optional": "Optional[int]", "Union": "Union[int, str, None]", "Callable": "Callable[[int, str], float]", "Callable of all": "Callable[..., int]", "Any": "Any",
    "Tuple": "Tuple[int, ...]", "Type": "Type[int]", "ClassVar": "ClassVar[int]", "Final": "Final[int]", "Literal": "Literal[1, 'a', None]", "bare": "List", "NoReturn": "NoReturn", "Annotated": "Annotated[int, 'note', [1]]",
    "builtin": "list[dict[str, tuple[int, ...]]]", "of a TypeVar": "List[T]", "of two TypeVars": "Dict[K, List[T]]", "builtin of a TypeVar": "list[T]", "text": "List['later']", "abc": "__import__('collections').abc.Callable[[int], str]",
    "type": "type[int]", "generic defaultdict": "DefaultDict[str, int]", "AnyStr": "List[AnyStr]", "Generator": "Generator[int, str, None]",
}.items():
    source("alias: " + name, T + "result = " + text, "from typing import *\nT = K = None\nassert repr(result) == repr(%s)" % text if "T" not in text.replace("Tuple", "").replace("Type", "") else "assert len(result.__parameters__) in (1, 2)")
source("alias: equal", T + "result = [List[int], Optional[str], Callable[[int], str], Literal['a'], Annotated[int, 5]]", "from typing import *\nassert result == [List[int], Optional[str], Callable[[int], str], Literal['a'], Annotated[int, 5]]")
source("alias: a | b", "result = int | str | None", "assert result == int | str | None", since=(3, 10))
source("alias: a | b of classes by value", "class A: pass\nresult = [A | int, A]", "assert result[0] == result[1] | int", since=(3, 10))
source("alias: Concatenate", "import typing\nP = typing.ParamSpec('P')\nresult = typing.Callable[typing.Concatenate[int, P], str]", "", since=(3, 10))
source("alias: Unpack", "import typing\nTs = typing.TypeVarTuple('Ts')\nresult = tuple[typing.Unpack[Ts]]", "", since=(3, 11))
source("alias: Self and others", "import typing\nresult = [typing.Self, typing.LiteralString, typing.Never, typing.Required[int]]", "import typing; assert result[0] is typing.Self", since=(3, 11))
source("alias: of a class by value", T + "class C: pass\nresult = [List[C], Dict[str, C], list[C], C]", "assert result[0].__args__[0] is result[2].__args__[0] is result[3]")
source("alias: ForwardRef", "import typing\nresult = typing.ForwardRef('later')", "assert result.__forward_arg__ == 'later'")
source("alias: annotations of a function with all", T + "def result(a: List[T], b: Optional['C'] = None, *c: Callable[[int], T], d: Union[int, str] = 1) -> Dict[str, T]: return a", "assert result([1]) == [1] and len(result.__annotations__) == 5")
source("typing.overload", T + "@overload\ndef f(x: int) -> int: ...\n@overload\ndef f(x: str) -> str: ...\ndef f(x): return x\nresult = f", "assert result(1) == 1")
source("typing.final and no_type_check", T + "@final\nclass C:\n    @no_type_check\n    def f(self): return 1\nresult = C", "assert result().f() == 1")
