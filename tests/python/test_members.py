"""The members of enumerations where a program puts code of its own into `enum`: that is asked."""

import subprocess
import sys

import face
import pytest

PROGRAM = """
import enum, sys, types
sys.path.append(FOLDER)
import cloudpickle, libcloudpickle

class Color(enum.Enum):
    RED = 1
    GREEN = 2
    BLUE = [3]
Color.__module__ = "__main__"

def same():
    ours, theirs = libcloudpickle.dumps(Color), cloudpickle.dumps(Color)
    assert ours == theirs, (ours, theirs)
    return ours

if FIRST:
    before = same()
%s
after = same()
if FIRST:
    assert before != after
print("done")
"""

PATCHES = {
    "__iter__": "enum.EnumMeta.__iter__ = lambda cls: reversed([cls._member_map_[name] for name in cls._member_names_])",
    "code of __iter__": "def __iter__(cls): return iter([cls._member_map_[name] for name in cls._member_names_][:2])\n"
    "enum.EnumMeta.__iter__.__code__ = __iter__.__code__\n"
    "Color._member_names_.remove('BLUE'); type.__delattr__(Color, 'BLUE') if 'BLUE' in vars(Color) else None",
    "value": "enum.Enum.value = property(lambda self: [self._value_])",
    "code of value": "type.__getattribute__(enum.Enum, '__dict__')['value'].fget.__code__ = (lambda self: [self._value_]).__code__",
    "another function of value": "vars(type.__getattribute__(enum.Enum, '__dict__')['value'])['fget'] = lambda self: [self._value_]",
    "__get__ of the property": "original = type(type.__getattribute__(enum.Enum, '__dict__')['value']).__get__\n"
    "def get(self, instance, owner=None):\n"
    "    value = original(self, instance, owner)\n"
    "    return [value] if self.fget.__name__ == 'value' and instance is not None else value\n"
    "type(type.__getattribute__(enum.Enum, '__dict__')['value']).__get__ = get",
    "__getattribute__": "enum.EnumMeta.__getattribute__ = lambda cls, name: (\n"
    "    dict(reversed(list(type.__getattribute__(cls, name).items()))) if name == '_member_map_' else\n"
    "    type.__getattribute__(cls, name)[::-1] if name == '_member_names_' else type.__getattribute__(cls, name))",
    "map in the metaclass": "enum.EnumMeta._member_names_ = property(lambda cls: type.__getattribute__(cls, '__dict__')['_member_names_'][::-1])",
}


@pytest.mark.parametrize("first", [True, False], ids=["after a dump", "before any"])
@pytest.mark.parametrize("patch", PATCHES)
def test_patched(patch, first):
    """The same bytes as cloudpickle's, which runs that code, and other ones than before."""
    program = PROGRAM % PATCHES[patch]
    program = program.replace("FOLDER", repr(face.FOLDER)).replace("FIRST", repr(first))
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout) == (0, "done\n"), run.stderr
