"""What we dump is loaded in a process of its own and does there what it should: by plain `pickle.loads` where nothing
but cloudpickle is installed, and by this library where `import cloudpickle` fails."""

import functools
import json
import os
import pickle
import subprocess
import tempfile

import binding
import pytest
from compare import by_cloudpickle, outcome
from corpus import rows

HERE = os.path.dirname(os.path.abspath(__file__))
# The environment with nothing but cloudpickle; the Makefile says where it is.
PLAIN_PYTHON = os.environ["PLAIN_PYTHON"]


@functools.lru_cache(maxsize=None)
def dumped():
    """(name, protocol, our bytes, the oracle's) of all that the oracle can dump, each of an object of its own."""
    found = []
    for row in rows:
        with row.world():
            obj = row.make() if row.shared else None
            for protocol in row.protocols:
                ours = outcome(binding.dumps, obj or row.make(), protocol)
                theirs = outcome(by_cloudpickle, obj or row.make(), protocol)
                if ours.error is None and theirs.error is None:
                    found.append((row.name, protocol, ours.data, theirs.data))
    return found


def load(by, pickles):
    """Loads in a fresh process: (name, protocol) -> None or what went wrong."""
    with tempfile.NamedTemporaryFile(suffix=".pickle") as file:
        pickle.dump(pickles, file)
        file.flush()
        environment = {**os.environ, "PYTHONPATH": HERE, "PYTHONHASHSEED": "1"}
        # -S leaves site-packages out, and with it cloudpickle.
        flags = ["-S"] if by == "ours" else []
        command = [PLAIN_PYTHON, "-W", "ignore", *flags, os.path.join(HERE, "load.py"), by, file.name]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=HERE)
    found = {(name, protocol): how for name, protocol, how in map(json.loads, done.stdout.splitlines())}
    for name, protocol, _, _ in pickles:
        found.setdefault((name, protocol), "not reached: %s" % done.stderr[-1000:])
    return found


@functools.lru_cache(maxsize=None)
def loaded_by_pickle():
    return load("pickle", dumped())


@functools.lru_cache(maxsize=None)
def loaded_by_ours():
    """Without the rows at which the oracle's own bytes fail."""
    sound = loaded_by_pickle()
    return load("ours", [made for made in dumped() if sound[made[:2]] is None])


@pytest.mark.parametrize("row", rows, ids=str)
def test_loaded_elsewhere(row):
    for protocol in row.protocols:
        found = loaded_by_pickle().get((row.name, protocol))
        if isinstance(found, list):
            # The oracle's bytes fail: ours, which test_bytes compares, fail in the same way.
            theirs, ours = found
            assert ours == theirs
        else:
            assert found is None, "protocol %d: %s" % (protocol, found)


@pytest.mark.parametrize("row", rows, ids=str)
def test_loaded_without_cloudpickle(row):
    for protocol in row.protocols:
        found = loaded_by_ours().get((row.name, protocol))
        assert found is None, "protocol %d: %s" % (protocol, found)


def test_most_rows_load():
    """What the oracle refuses, or writes in bytes that fail, is the exception."""
    sound = {name for (name, _), found in loaded_by_pickle().items() if found is None}
    assert len(sound) > 0.8 * len(rows), sorted(row.name for row in rows if row.name not in sound)


@pytest.mark.parametrize("row", rows, ids=str)
def test_the_end_of_a_pickle(row):
    """cp_loads stops at the end of the pickle, and says where that is."""
    data = next((theirs for name, protocol, _, theirs in dumped() if name == row.name and protocol == 5), None)
    if data is None or loaded_by_pickle()[row.name, 5] is not None:
        return
    loaded, used = binding.loads_from_memory(data + b"what follows")
    row.check(loaded)
    assert used == len(data)
