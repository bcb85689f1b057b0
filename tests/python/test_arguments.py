"""Arguments by chance, in a process of their own; `tests/c/arguments.c` has each door with each bad argument by plan."""

import os
import subprocess
import sys
import tempfile
from ctypes import byref, c_void_p

import loading
import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
CALLS = int(os.environ.get("CALLS", 1500))
"""How many calls a process makes, four times over."""


@pytest.mark.parametrize("seed", range(1, 3 if "CALLS" not in os.environ else 9))
def test_random_arguments(seed):
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-X", "faulthandler", "random_arguments.py", str(seed), str(CALLS), str(log.fileno())]
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, pass_fds=[log.fileno()], timeout=3600)
        log.seek(0)
        last = log.read().decode().splitlines()[-1:]
    assert done.returncode == 0, (last, done.returncode, done.stderr[-3000:])
    assert done.stdout.count("\n") == 23, done.stdout
    print(done.stdout)


def test_what_ends_buffers_may_run_python_code():
    """An exception is on its way meanwhile, and gets there."""
    ended = []
    release = loading.ReleaseFunction(lambda buffer: ended.append(len([int(digit) for digit in "123"])))
    array = (loading.Buffer * 3)()
    for one in array:
        one.data, one.len, one.release = None, 0, release
    options = loading.options(buffers=array)
    with pytest.raises(TypeError, match="file must have"):
        loading._load_file(object(), byref(options), byref(c_void_p()), None)
    assert ended == [3, 3, 3]
