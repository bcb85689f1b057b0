"""What `import libcloudpickle` gives: the interface of cloudpickle. Put this file beside libcloudpickle.so."""

from collections import ChainMap
from collections.abc import Buffer, Callable, Iterable, Mapping
from pickle import PickleBuffer
from types import CellType as CellType, ModuleType
from typing import Any, Final, Protocol, type_check_only

class _Writer(Protocol):
    def write(self, data: Any, /) -> object: ...

class _Reader(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def readline(self) -> bytes: ...

_BufferCallback = Callable[[PickleBuffer], object] | None
_Reducer = Callable[[Any], str | tuple[Any, ...]]

DEFAULT_PROTOCOL: Final[int]
PYPY: Final = False
builtin_code_type: None
__version__: Final[str]

class _Pickler:
    dispatch_table: Mapping[type, _Reducer]
    globals_ref: dict[int, dict[str, Any]]
    bin: int
    fast: int
    proto: int
    @property
    def memo(self) -> PicklerMemoProxy: ...
    @memo.setter
    def memo(self, value: PicklerMemoProxy | dict[int, tuple[int, Any]]) -> None: ...
    def __init__(
        self,
        file: _Writer,
        protocol: int | None = None,
        buffer_callback: _BufferCallback = None,
        *,
        fix_imports: bool = True,
    ) -> None: ...
    def dump(self, obj: Any) -> None: ...
    def clear_memo(self) -> None: ...
    def persistent_id(self, obj: Any, /) -> Any: ...

class Pickler(_Pickler):
    _dispatch_table: dict[type, _Reducer]
    dispatch_table: ChainMap[type, _Reducer]  # type: ignore[assignment]
    dispatch: ChainMap[type, _Reducer]
    def reducer_override(self, obj: Any, /) -> Any: ...
    def _function_reduce(self, obj: Any, /) -> Any: ...
    def _dynamic_function_reduce(self, func: Any, /) -> tuple[Any, ...]: ...
    def _function_getnewargs(self, func: Any, /) -> tuple[Any, ...]: ...

CloudPickler = Pickler

@type_check_only
class PicklerMemoProxy:
    def clear(self) -> None: ...
    def copy(self) -> dict[int, tuple[int, Any]]: ...

@type_check_only
class UnpicklerMemoProxy:
    def clear(self) -> None: ...
    def copy(self) -> dict[int, Any]: ...

class Unpickler:
    @property
    def memo(self) -> UnpicklerMemoProxy: ...
    @memo.setter
    def memo(self, value: UnpicklerMemoProxy | dict[int, Any]) -> None: ...
    def __init__(
        self,
        file: _Reader,
        *,
        fix_imports: bool = True,
        encoding: str = "ASCII",
        errors: str = "strict",
        buffers: Iterable[Any] | None = None,
    ) -> None: ...
    def load(self) -> Any: ...
    def find_class(self, module_name: str, global_name: str, /) -> Any: ...
    def persistent_load(self, pid: Any, /) -> Any: ...

def dump(
    obj: Any,
    file: _Writer,
    protocol: int | None = None,
    buffer_callback: _BufferCallback = None,
    *,
    fix_imports: bool = True,
) -> None: ...
def dumps(
    obj: Any, protocol: int | None = None, buffer_callback: _BufferCallback = None, *, fix_imports: bool = True
) -> bytes: ...
def load(
    file: _Reader,
    *,
    fix_imports: bool = True,
    encoding: str = "ASCII",
    errors: str = "strict",
    buffers: Iterable[Any] | None = None,
) -> Any: ...
def loads(
    data: Buffer,
    /,
    *,
    fix_imports: bool = True,
    encoding: str = "ASCII",
    errors: str = "strict",
    buffers: Iterable[Any] | None = None,
) -> Any: ...
def register_pickle_by_value(module: ModuleType, /) -> None: ...
def unregister_pickle_by_value(module: ModuleType, /) -> None: ...
def list_registry_pickle_by_value() -> set[str]: ...
def install(replace: bool = False, *, package: str = "cloudpickle") -> bool: ...
def subimport(name: str) -> ModuleType: ...
def dynamic_subimport(name: str, vars: dict[str, Any]) -> ModuleType: ...
def instance(cls: type, /) -> Any: ...
def is_tornado_coroutine(func: Any, /) -> bool: ...
def __getattr__(name: str) -> Any: ...  # the underscored names of cloudpickle.cloudpickle
