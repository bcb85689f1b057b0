"""What importing the library leaves to the moment at which it is needed: `_pickle`, whose exceptions it raises, and
collections, of which it has a ChainMap. Each program is a process of its own, in which nobody has imported them."""

import os
import subprocess
import sys

import binding
import pytest

BEGIN = """
import os, sys
sys.path.insert(0, {folder!r})
for late in {late}:
    assert late not in sys.modules, late + " is imported by Python itself"
import libcloudpickle
"""
REFUSED = """
class Refusing:
    def find_spec(self, name, path=None, target=None):
        asked.append(name)
        if name == "_pickle":
            raise ImportError("not today")

asked = []
sys.meta_path.insert(0, Refusing())
"""
LATE = ["_pickle", "collections", "functools"]


def run(tmp_path, program, late=LATE):
    os.symlink(binding.PATH, str(tmp_path / "libcloudpickle.so"))
    text = BEGIN.format(folder=str(tmp_path), late=late) + program
    environment = dict(os.environ, PYTHONPATH=os.path.dirname(os.path.abspath(__file__)))
    # -S: what site imports depends on what is installed.
    done = subprocess.run(
        [sys.executable, "-S", "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_dumps_import_neither(tmp_path):
    program = """
libcloudpickle.loads(libcloudpickle.dumps([lambda x: x + 1, {"a": (1, 2.5)}, b"c"]))[0](1)
libcloudpickle.Pickler(type("F", (), {"write": lambda self, data: len(data)})()).dump(lambda: 1)
print([late for late in %r if late in sys.modules])
""" % LATE
    assert run(tmp_path, program) == "[]\n"


def test_the_table_is_what_it_is_in_the_package(tmp_path):
    program = """
Pickler = libcloudpickle.Pickler
class Sub(Pickler):
    dispatch = None
table = Sub.dispatch_table
import collections, copyreg
assert type(table) is collections.ChainMap and table is Pickler.dispatch_table is Pickler.dispatch
assert Pickler.__dict__["dispatch"] is Pickler.__dict__["dispatch_table"] is table
assert table.maps[1] is copyreg.dispatch_table and table.maps[0] is Pickler._dispatch_table
class Plain: pass
table[Plain] = lambda plain: (int, ("7",))
assert libcloudpickle.loads(libcloudpickle.dumps(Plain())) == 7
print(libcloudpickle.loads(libcloudpickle.dumps(Plain)).__name__)
"""
    assert run(tmp_path, program) == "Plain\n"


def test_an_instance_asks_for_the_table(tmp_path):
    program = """
class File:
    def __init__(self): self.all = b""
    def write(self, data): self.all += data
class Sub(libcloudpickle.Pickler): pass
file = File()
pickler = Sub(file)
assert len(pickler.dispatch_table.maps) == 2
pickler.dump(memoryview(b"abc"))
print(libcloudpickle.loads(file.all))
"""
    assert run(tmp_path, program) == "b'abc'\n"


@pytest.mark.parametrize("replaced", ["dispatch_table", "dispatch"])
def test_what_was_put_in_its_place_stays(tmp_path, replaced):
    program = """
Pickler = libcloudpickle.Pickler
class Plain: pass
Pickler.%s = {Plain: lambda plain: (int, ("7",))}
other = Pickler.%s
assert type(other).__name__ == "ChainMap", other
print(type(Pickler.%s).__name__, Plain in Pickler.%s)
""" % (replaced, "dispatch" if replaced == "dispatch_table" else "dispatch_table", replaced, replaced)
    assert run(tmp_path, program) == "dict True\n"


ERRORS = {
    "a reduce value": ("libcloudpickle.dumps(Bad())", "PicklingError"),
    "not found": ("libcloudpickle.dumps(Lost())", "PicklingError"),
    "too deep": ("libcloudpickle.dumps(Deep())", "PicklingError"),
    "bad opcode": ("libcloudpickle.loads(b'\\x80\\x05\\xff.')", "UnpicklingError"),
}
CLASSES = """
class Bad:
    def __reduce__(self): return 5
class Lost:
    def __reduce__(self): return "lost"
class Deep:
    def __reduce__(self): return self.__reduce__()
"""


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_those_of_pickle(tmp_path, name):
    program = CLASSES + """
try:
    %s
    print("nothing was raised")
except Exception as error:
    import pickle
    print(type(error) is pickle.%s)
""" % ERRORS[name]
    assert run(tmp_path, program) == "True\n"


@pytest.mark.parametrize("name", ERRORS)
def test_an_import_that_fails_is_the_error(tmp_path, name):
    program = CLASSES + REFUSED + """
for _ in range(3):
    try:
        %s
        print("nothing was raised")
    except ImportError as error:
        print(error)
sys.meta_path.pop(0)
try:
    %s
except Exception as error:
    print(type(error).__name__, "_pickle" in asked)
""" % (ERRORS[name][0], ERRORS[name][0])
    assert run(tmp_path, program) == "not today\n" * 3 + ERRORS[name][1] + " True\n"


def test_an_import_that_takes_the_objects_away(tmp_path):
    """The first foreign code of the dump is that of the import, which leaves nothing of what was met so far alive."""
    program = """
class Taking:
    def find_spec(self, name, path=None, target=None):
        asked.append(name)
        box.clear()
        gc.collect()

import gc, reports
asked = []
sys.meta_path.insert(0, Taking())
box = [[object(), "a" * 20], {"k": [1, "b" * 30]}, ("t" * 40, [[[[[[[[2.5]]]]]]]])]
box[0][0] = box[2]
report = reports.dumps(box, max_depth=6)
print(report.status == reports.LIMIT, report.message[:45], box, "_pickle" in asked)
"""
    assert run(tmp_path, program, late=["_pickle"]) == "True Could not pickle object as excessively deep r [] True\n"


def test_the_status_of_what_others_raise(tmp_path):
    program = """
class Mine:
    def __reduce__(self):
        import pickle
        raise pickle.PicklingError("mine")
class Other:
    def __reduce__(self): raise OSError("other")
import reports
assert "_pickle" not in sys.modules
for obj, status, message in [(Other(), reports.PYTHON, "other"), (Mine(), reports.PICKLING, "mine at obj[0]")] * 2:
    report = reports.dumps([obj])
    assert (report.status, report.message) == (status, message), report
class Loaded:
    def __reduce__(self): return eval, ("raising()",)
import pickle, builtins
def raising(): raise pickle.UnpicklingError("mine")
builtins.raising = raising
report = reports.loads(libcloudpickle.dumps(Loaded()))
assert report.status == reports.UNPICKLING, report
print("done")
"""
    assert run(tmp_path, program, late=["_pickle"]) == "done\n"
