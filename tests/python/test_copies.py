"""Several copies of the library in one process, as engines have it that each bring one along: each with a register and
caches of its own."""

import shutil
import subprocess
import sys

import face

PROGRAM = """
import gc, importlib.util, sys

def load(path):
    spec = importlib.util.spec_from_file_location("libcloudpickle", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

first, second = (load(path) for path in sys.argv[1:])
assert first.dumps is not second.dumps

import types
own = types.ModuleType("own")
exec("def f(): return 5", vars(own))
sys.modules["own"] = own

namespace = {"__name__": "__main__"}
exec('''
import enum
class Base:
    __slots__ = ("a",)
    def __init__(self): self.a = 1
    def method(self): return __class__
class Color(enum.Enum):
    RED = 1
def function(x, *, y=[1]):
    return (lambda: (x, y, Base))
''', namespace)
data = {"k": [1.5, b"bytes"], "l": lambda x: x}
objects = [namespace[name] for name in ("Base", "Color", "function")] + [namespace["Base"](), namespace["function"](3)]
for _ in range(3):
    for object in objects:
        dumped = first.dumps(object)
        # Each makes ids of its own for classes, and loads what the other wrote.
        assert len(dumped) == len(second.dumps(object))
        assert type(second.loads(dumped)) is not None and type(first.loads(second.dumps(object))) is not None
    assert first.dumps([1, "a", data]) == second.dumps([1, "a", data])

first.register_pickle_by_value(own)
assert first.list_registry_pickle_by_value() == {"own"} and second.list_registry_pickle_by_value() == set()
assert first.dumps(own.f) != second.dumps(own.f)
del first
gc.collect()
assert second.loads(second.dumps(objects[2]))(1)()[0] == 1
print("done")
"""


def test_two_copies(tmp_path):
    """Loaded, used in turns, and ended with the interpreter."""
    copies = [shutil.copy(face.PATH, tmp_path / ("copy%d%s" % (n, ".so"))) for n in range(2)]
    run = subprocess.run([sys.executable, "-c", PROGRAM, *map(str, copies)], capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stdout) == (0, "done\n"), run.stderr
