"""Loads what the tests dumped, with nothing of this project but the corpus, and says for each row how it went.

The first argument says by what it is loaded: `pickle`, where nothing but cloudpickle is installed, or `ours`, by this
library where no cloudpickle is. The second is a file of pickled (name, protocol, ours, the oracle's bytes). Each line of
the output is a JSON triple: name, protocol, and null, a traceback, or [why the oracle's bytes do not load or do not do
what they should, the same of ours]. A row is announced before it is tried, so that a crash can be laid at its door.
"""

import importlib.util
import json
import pickle
import sys
import traceback

by, path = sys.argv[1:]
if by == "ours":
    import binding

    assert not importlib.util.find_spec("cloudpickle"), "there must be no cloudpickle"
    loads = binding.loads
else:
    assert importlib.util.find_spec("cloudpickle"), "cloudpickle must be installed"
    assert not importlib.util.find_spec("pytest"), "this must be an environment with nothing but cloudpickle"
    loads = pickle.loads

from corpus import ROWS  # noqa: E402
from corpus.importable import extensions  # noqa: E402
from corpus.row import Unchecked  # noqa: E402

extensions().__enter__()


def tried(loads, row, data):
    """None, or what went wrong."""
    try:
        row.check(loads(data))
    except Unchecked:
        raise
    except BaseException as error:
        # The place within the check changes nothing; the type and the words tell what happened.
        return "%s: %s" % (type(error).__name__, error), traceback.format_exc()
    return None


with open(path, "rb") as file:
    dumped = pickle.load(file)

# The checks may print; the results go to the real output.
results, sys.stdout = sys.stdout, sys.stderr
for name, protocol, ours, theirs in dumped:
    print(json.dumps([name, protocol, "the process ended here"]), file=results, flush=True)
    try:
        found = tried(loads, ROWS[name], ours)
        if found is not None:
            oracle = tried(pickle.loads, ROWS[name], theirs) if by == "pickle" else None
            found = found[1] if oracle is None else [oracle[0], found[0]]
    except Unchecked:
        found = "it loads, and the row has no check"
    print(json.dumps([name, protocol, found]), file=results, flush=True)
