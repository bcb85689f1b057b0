"""What the tests of hostile pickles load against: a module with things that an allow-list lets through, which refers to
one with things that it does not, and opcodes by name."""

import pickletools
import struct
import sys
import types

OP = types.SimpleNamespace(**{opcode.name: opcode.code.encode("latin-1") for opcode in pickletools.opcodes})

TOUCHED = []

_text = """
class Point:
    def __init__(self, *args, **kwargs):
        self.args = args

    def method(self, *args):
        return args

class Text(str):
    # Says that it is another text than it is.
    def __eq__(self, other):
        return True
    def __hash__(self):
        return hash("Point")
    def __str__(self):
        return "Point"

def pair(*args):
    return args
"""


def _touch(*args, **kwargs):
    TOUCHED.append((args, kwargs))
    return "touched"


class Victim:
    def __new__(cls, *args, **kwargs):
        _touch(*args, **kwargs)
        return object.__new__(cls)

    def __setstate__(self, state):
        _touch(state)


def _module(name, text="", **names):
    made = types.ModuleType(name)
    made.__dict__.update(names)
    exec(text, made.__dict__)
    sys.modules[name] = made
    return made


victim = _module("hostile_victim", boom=_touch, Victim=Victim)
allowed = _module("hostile_allowed", _text, victim=victim, boom=_touch)
ALLOWED = {("hostile_allowed", "Point"), ("hostile_allowed", "Text"), ("hostile_allowed", "pair"), ("builtins", "set")}


class Policy:
    """Lets through what is on the list, and keeps what it was asked about."""

    def __init__(self, let_through=ALLOWED):
        self.let_through, self.asked = let_through, []

    def __call__(self, module, name):
        self.asked.append((module, name))
        if (module, name) not in self.let_through:
            raise ValueError("refused")


def text(value):
    """A str of up to 255 bytes."""
    data = value.encode("utf-8", "surrogatepass")
    return OP.SHORT_BINUNICODE + bytes([len(data)]) + data


def named(module, name):
    """STACK_GLOBAL of two texts."""
    return text(module) + text(name) + OP.STACK_GLOBAL


def old(module, name):
    return OP.GLOBAL + module.encode() + b"\n" + name.encode() + b"\n"


def extension(code):
    return {1: OP.EXT1 + struct.pack("<B", code & 0xFF)}.get(
        1 if code < 256 else 2, OP.EXT2 + struct.pack("<H", code) if code < 1 << 16 else OP.EXT4 + struct.pack("<i", code)
    )


def proto(number):
    return OP.PROTO + bytes([number])
