"""A row: one named object, how it is made, and how one that was loaded is checked."""

import builtins
import contextlib
import sys
import textwrap
import types
from dataclasses import dataclass
from typing import Any, Callable, ContextManager, Tuple

ROWS = {}
HIGHEST = -1
PROTOCOLS = (0, 1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Row:
    name: str
    make: Callable[[], Any]
    """A fresh object at each call."""
    check: Callable[[Any], None]
    """Raises if a loaded object is not what was dumped. Runs in a process of its own."""
    plain: bool
    """Plain data: C pickle writes the same bytes as cloudpickle."""
    fresh: bool
    """Dumping changes the object: each dump needs one of its own."""
    protocols: Tuple[int, ...]
    """Those at which the oracle comes to an end."""
    world: Callable[[], ContextManager]
    """What is around the dump: the object is made and dumped inside."""
    shared: bool
    """Costly to make: one object serves all protocols."""
    endless: bool
    """It goes on until a limit of depth is reached."""
    addressed: bool
    """Another one like it is written in another order or with another number: it hangs on addresses or descriptors."""

    def __repr__(self):
        return self.name


def equal(make):
    """The check of objects that know equality: what was loaded equals a fresh one, and has its type."""

    def check(loaded):
        expected = make()
        assert type(loaded) is type(expected), (type(loaded), type(expected))
        assert loaded == expected, (str(loaded)[:200], str(expected)[:200])

    return check


class Unchecked(Exception):
    """Something loads, and nothing says what it should be like."""


def refused(loaded):
    """The check of what the oracle refuses to dump, or writes in bytes that do not load."""
    raise Unchecked


def row(
    name,
    make,
    check=None,
    plain=False,
    fresh=False,
    since=(3, 9),
    before=(4,),
    protocols=PROTOCOLS,
    world=contextlib.nullcontext,
    shared=False,
    endless=False,
    addressed=False,
):
    """Adds a row, on the Pythons that have what it shows. Without a check the loaded object must equal a fresh one."""
    assert name not in ROWS, name
    if since <= sys.version_info < before:
        ROWS[name] = Row(name, make, check or equal(make), plain, fresh, protocols, world, shared, endless, addressed)


def plain(name, make, check=None, **more):
    """A row of plain data."""
    row(name, make, check, plain=True, **more)


def run(source, **names):
    """Runs source text as `__main__` would, and gives the namespace. The code is compiled anew at each call."""
    namespace = {"__name__": "__main__", "__builtins__": builtins, **names}
    exec(compile(source, "<corpus>", "exec"), namespace)
    return namespace


def source(name, text, check, **more):
    """A row for `result` in source text that runs as `__main__` would. The check is source text too, about `result`;
    without one the object must be such that it does not load."""
    text, check = textwrap.dedent(text), textwrap.dedent(check)
    row(name, lambda: run(text)["result"], checked(check), **more)


def checked(text):
    """A check of source text about `result`."""
    return (lambda loaded: run(text, result=loaded)) if text else refused


def module(name, text="", **names):
    """A module that exists only in memory."""
    made = types.ModuleType(name)
    vars(made).update(names)
    exec(compile(text, "<%s>" % name, "exec"), vars(made))
    return made
