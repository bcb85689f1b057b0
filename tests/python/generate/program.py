"""A program that grows statement by statement. Each is run as it is written: what fails to run is taken back, so that the
next statements build on what is there."""

import builtins
import contextlib
import sys

from .describe import called

PRELUDE = """\
import abc, asyncio, collections, collections.abc, contextlib, copy, dataclasses, datetime, enum, functools, json, logging, operator, os.path
import string, sys, threading, types, typing, weakref, xml.dom, xml.etree.ElementTree as ET, concurrent.futures
from corpus import importable
from corpus.importable import STATE, function
T = typing.TypeVar('T')
K = typing.TypeVar('K', bound=int)
V = typing.TypeVar('V', int, str)
LIMIT, RATE, NAMES, TABLE, NOTHING, é = 10, 2.5, ['a', 'b'], {'k': (1, 'two')}, None, b'six'
"""
FUTURE = "from __future__ import annotations\n"


@contextlib.contextmanager
def world():
    """Modules that a program puts into `sys.modules` or into the register are gone afterwards."""
    register = sys.modules["cloudpickle.cloudpickle"]._PICKLE_BY_VALUE_MODULES
    registered, modules = set(register), set(sys.modules)
    try:
        yield
    finally:
        register.intersection_update(registered)
        for name in set(sys.modules) - modules:
            if name.startswith("made_"):
                del sys.modules[name]


def run(text):
    """The `result` of a program: new objects at each call."""
    namespace = {"__name__": "__main__", "__builtins__": builtins}
    exec(compile(text, "<generated>", "exec", dont_inherit=True), namespace)
    return namespace["result"]


class Program:
    def __init__(self, number, prelude=PRELUDE):
        self.number = number
        """number(low, high): every choice comes down to one of these."""
        self.later = self.chance(1, 6)
        """Annotations stay text (PEP 563)."""
        self.lines = [FUTURE + prelude if self.later else prelude]
        self.namespace = {"__name__": "__main__", "__builtins__": builtins}
        exec(compile(self.lines[0], "<generated>", "exec", dont_inherit=True), self.namespace)
        self.kinds = set()
        """What it has got."""
        self.made = {}
        """kind -> names: class, metaclass, descriptor, function, maker, instance, enum, value, module, generic, protocol."""
        self.count = 0

    # --- chances

    def chance(self, parts, of):
        """True in so many cases; a simple program has less of everything."""
        return self.number(1, of) > of - parts

    def pick(self, options):
        options = list(options)
        return options[self.number(0, len(options) - 1)]

    def some(self, options, most):
        """Up to so many of the options, each at most once, in any order."""
        left, found = list(options), []
        for _ in range(min(self.number(0, most), len(left))):
            found.append(left.pop(self.number(0, len(left) - 1)))
        return found

    # --- what is there

    def name(self, stem):
        self.count += 1
        return "%s%d" % (stem, self.count)

    def names(self, *kinds):
        return [name for kind in kinds for name in self.made.get(kind, ())]

    def all_names(self):
        return self.names(*self.made)

    def a(self, *kinds):
        """A name of one of the kinds, or None."""
        found = self.names(*kinds)
        return self.pick(found) if found else None

    def add(self, text, kind=None, name=None, *tags):
        """Writes a statement; false if it does not run."""
        source = (FUTURE if self.later else "") + text
        before = set(self.namespace)
        try:
            code = compile(source, "<generated>", "exec", dont_inherit=True)
        except SyntaxError:
            return False
        # Some would go on for ever: an alias of typing can be asked for one item after the other.
        if not called(exec, code, self.namespace)[0]:
            for gone in set(self.namespace) - before:
                del self.namespace[gone]
            return False
        self.lines.append(text)
        if kind:
            self.made.setdefault(kind, []).append(name)
            self.kinds.add(kind)
        self.kinds.update(tags)
        return True

    def text(self):
        return "\n".join(self.lines)
