"""What is in the standard library, and what it would be as part of `__main__`: the bytes are cloudpickle's.

STANDARD_LIBRARY in the environment says how much of it is looked at, of 100; without it a sample, another one each time."""

import json
import os
import random
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SHARE = float(os.environ.get("STANDARD_LIBRARY", 6))
SEED = 1 if os.environ.get("HYPOTHESIS_PROFILE") == "ci" else random.randrange(10**6)


def test_standard_library():
    command = [sys.executable, os.path.join(HERE, "standard_library.py"), str(SEED), str(SHARE)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE)
    assert done.returncode == 0, (command, done.returncode, done.stderr[-2000:])
    found = json.loads(done.stdout)
    assert not found["found"], "seed %d: %d differences:\n\n%s" % (SEED, found["found"], "\n\n".join(found["differences"]))
    print(found["seen"])
    seen = found["seen"]
    # So many there are at least, for each part of 100; most of them can be pickled, and few modules are missing.
    assert seen["object"] > 60 * SHARE and seen["copy, cold"] > 20 * SHARE, seen
    assert seen["refused"] < 0.3 * (seen["object"] + seen["copy"]), seen
    assert seen["modules that do not import"] < 30, seen
