"""Loads what the tests dumped, with nothing of this project but the corpus, and says for each row how it went.

The argument is a file of pickled (name, bytes) pairs. Each line of the output is a JSON pair: name, and null or a
traceback. A row is announced before it is tried, so that a crash can be laid at its door.
"""

import importlib.util
import json
import pickle
import sys
import traceback

from corpus.row import ROWS

assert importlib.util.find_spec("cloudpickle"), "cloudpickle must be installed"
assert not importlib.util.find_spec("pytest"), "this must be an environment with nothing but cloudpickle"

import corpus  # noqa: E402,F401

with open(sys.argv[1], "rb") as file:
    dumped = pickle.load(file)

# The checks may print; the results go to the real output.
results, sys.stdout = sys.stdout, sys.stderr
for name, data in dumped:
    print(json.dumps([name, "the process ended here"]), file=results, flush=True)
    try:
        ROWS[name].check(pickle.loads(data))
        found = None
    except BaseException:
        found = traceback.format_exc()
    print(json.dumps([name, found]), file=results, flush=True)
