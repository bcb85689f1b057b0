"""Sub-interpreters with a GIL of their own (CPython 3.12 on), many at the same time: each has a tracker and a register of
its own, and ends while others work. `tests/c/foreign.c` does the same by the C API."""

import json
import os
import subprocess
import sys

import face
import pytest

pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="before CPython 3.12 all interpreters share a GIL")

PROGRAM = """
import io, json, sys, types
import libcloudpickle

# A module of this interpreter only goes by value here.
module = types.ModuleType("own")
exec("def f(): return 5", vars(module))
sys.modules["own"] = module
named = libcloudpickle.dumps(module.f)
libcloudpickle.register_pickle_by_value(module)
by_value = libcloudpickle.dumps(module.f)
assert named != by_value and libcloudpickle.list_registry_pickle_by_value() == {"own"}

namespace = {"__name__": "__main__"}
exec('''
import enum, dataclasses
class Base:
    def method(self): return 1
class Made(Base):
    def method(self): return super().method() + NUMBER
class Color(enum.Enum):
    RED = 1
@dataclasses.dataclass
class Data:
    x: int = 1
NUMBER = 1
''', namespace)
Made, Color, Data = (namespace[name] for name in ("Made", "Color", "Data"))
for n in range(ROUNDS):
    objects = [Made, Made(), Color.RED, Data(n), lambda x, n=n: x + n, {"k": [n, (1.5, b"x")]}, module.f]
    data = libcloudpickle.dumps(objects)
    loaded = libcloudpickle.loads(data)
    assert loaded[0] is Made and loaded[1].method() == 2 and loaded[2] is Color.RED and loaded[3] == Data(n)
    assert loaded[4](1) == 1 + n and loaded[5] == objects[5] and loaded[6]() == 5
    try:
        libcloudpickle.dumps(sys._getframe())
    except TypeError:
        pass
    else:
        raise AssertionError("a frame was pickled")
    try:
        libcloudpickle.loads(data[: len(data) // 2])
    except Exception:
        pass
    else:
        raise AssertionError("half a pickle was loaded")
with open(RESULT, "wb") as file:
    file.write(libcloudpickle.dumps(Made))
"""

HOST = """
import json, sys, threading
import libcloudpickle

module = sys.argv[1]
interpreters = __import__(module)
program = json.loads(sys.argv[2])
folder = sys.argv[3]
failures = []

def create():
    # Isolated ones have a GIL of their own.
    return interpreters.create("isolated") if module == "_interpreters" else interpreters.create(isolated=True)

def work(number):
    try:
        for turn in range(3):
            one = create()
            result = "%s/%d.%d" % (folder, number, turn)
            failure = interpreters.run_string(one, "ROUNDS = 40; RESULT = %r\\n%s" % (result, program))
            if failure is not None:
                failures.append(str(failure))
            interpreters.destroy(one)
    except BaseException as error:
        failures.append(repr(error))

threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for thread in threads:
    thread.start()
while any(thread.is_alive() for thread in threads):
    assert libcloudpickle.loads(libcloudpickle.dumps(lambda: 42))() == 42
for thread in threads:
    thread.join()
assert not failures, failures[0]
assert libcloudpickle.list_registry_pickle_by_value() == set()
assert "own" not in sys.modules

# None of the classes is known here, and no two interpreters gave theirs the same identity.
classes = []
for number in range(4):
    for turn in range(3):
        with open("%s/%d.%d" % (folder, number, turn), "rb") as file:
            classes.append(libcloudpickle.loads(file.read()))
assert len(set(classes)) == 12 and all(made().method() == 2 for made in classes)
print("done")
"""


def test_each_has_its_own(tmp_path):
    module = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    environment = dict(os.environ, PYTHONPATH=face.FOLDER)
    command = [sys.executable, "-c", HOST, module, json.dumps(PROGRAM), str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stdout + done.stderr
