"""A world of its own for each run of a program: nothing that it changes outlives it."""

import builtins
import contextlib
import copyreg
import importlib.util
import sys

from . import events

HOME = __package__
IMPORTABLE = HOME + ".importable"


@contextlib.contextmanager
def made_in(actions=()):
    """The module that programs name by reference is new, and what they register with copyreg is gone afterwards. Gives the
    namespace for the program."""
    tables = [copyreg.dispatch_table, copyreg._extension_registry, copyreg._inverted_registry, copyreg._extension_cache]
    before = [dict(table) for table in tables]
    spec = importlib.util.find_spec(IMPORTABLE)
    module = sys.modules[IMPORTABLE] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    setattr(sys.modules[HOME], "importable", module)
    namespace = {"__name__": "__main__", "__builtins__": builtins}
    events.begin(namespace, dict(actions))
    try:
        yield namespace
    finally:
        for table, kept in zip(tables, before):
            table.clear()
            table.update(kept)
        events.begin({}, {})


def run(program, namespace):
    """Runs it; what its hooks said while it was made is forgotten."""
    exec(compile(program.text(), "<generated>", "exec", dont_inherit=True), namespace)
    events.begin(namespace, program.actions)
    return namespace["result"]
