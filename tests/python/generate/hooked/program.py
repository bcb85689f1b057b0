"""A program with hooks: its statements, the labels that its hooks say, and what is done when they say them."""

from ..program import Program

NAMES = ["a", "b", "c", "dd", "eee", "long_name_of_an_attribute", "é", "x1", "x2", "x3", "y_", "_p", "__m", "__d__", "name", "n" * 40]
PRELUDE = """\
import abc, collections, copyreg, dataclasses, datetime, enum, functools, gc, itertools, math, operator, sys, types, typing
from generate.hooked import events, importable
from generate.hooked.importable import Key, Plain, Slotted, Text
T = typing.TypeVar('T')
"""


class HookedProgram(Program):
    def __init__(self, number):
        super().__init__(number, PRELUDE)
        self.has_hooks = self.chance(3, 5)
        """Do classes have methods that pickle asks?"""
        self.attributes = self.some(NAMES, 7) or NAMES[:2]
        """The names of attributes, few enough to meet again."""
        self.labels = []
        """What hooks say when they are asked."""
        self.actions = {}
        """label -> [(the how many-th time, source)]."""
        self.between = []
        """Sources, run between one dump and the next."""

    def label(self, text):
        self.labels.append(text)
        return text

    def asked(self, label, *objects):
        """A hook's first statement."""
        return "events.asked(%s)" % ", ".join([repr(self.label(label)), *objects])


def indented(lines):
    return "\n".join("    " + line for part in lines for line in part.split("\n"))
