"""What we dump is loaded by plain `pickle.loads`, in a process of its own that has nothing but cloudpickle, and does
there what it should."""

import functools
import json
import os
import pickle
import subprocess
import tempfile

import binding
import pytest
from compare import by_cloudpickle, outcome
from corpus import PROTOCOLS, rows

HERE = os.path.dirname(os.path.abspath(__file__))
# The environment with nothing but cloudpickle; the Makefile says where it is.
PLAIN_PYTHON = os.environ["PLAIN_PYTHON"]


@functools.lru_cache(maxsize=None)
def can_be_loaded(row, protocol):
    """Whether the oracle's own bytes come back: what it cannot dump or load is compared by bytes alone."""
    theirs = outcome(by_cloudpickle, row.make(), protocol)
    if theirs.error is not None:
        return False
    try:
        pickle.loads(theirs.data)
    except Exception:
        return False
    return True


def load(pairs):
    """Loads (name, bytes) pairs in a fresh process: name -> None or what went wrong."""
    with tempfile.NamedTemporaryFile(suffix=".pickle") as file:
        pickle.dump(pairs, file)
        file.flush()
        environment = {**os.environ, "PYTHONPATH": HERE, "PYTHONHASHSEED": "1"}
        command = [PLAIN_PYTHON, "-W", "ignore", os.path.join(HERE, "load.py"), file.name]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=HERE)
    found = dict(map(json.loads, done.stdout.splitlines()))
    return {name: found.get(name, "not reached: %s" % done.stderr[-1000:]) for name, _ in pairs}


@functools.lru_cache(maxsize=None)
def results(protocol):
    pairs = []
    for row in rows:
        if protocol in loadable(row):
            ours = outcome(binding.dumps, row.make(), protocol)
            if ours.error is None:
                pairs.append((row.name, ours.data))
    return load(pairs)


def loadable(row):
    """The protocols at which a row can be loaded."""
    return [p for p in PROTOCOLS[:-1] if p in row.protocols and can_be_loaded(row, p)]


@pytest.mark.parametrize("row", filter(loadable, rows), ids=str)
def test_loaded_elsewhere(row):
    for protocol in loadable(row):
        found = results(protocol)
        assert row.name in found, "protocol %d: it cannot be dumped" % protocol
        assert found[row.name] is None, "protocol %d: %s" % (protocol, found[row.name])


@pytest.mark.parametrize("row", [row for row in rows if can_be_loaded(row, 5)], ids=str)
def test_loaded_by_ours(row):
    """cp_loads_bytes and cp_loads load what cloudpickle wrote, and stop at the end of the pickle."""
    data = by_cloudpickle(row.make(), 5)
    row.check(binding.loads(data))
    loaded, used = binding.loads_from_memory(data + b"what follows")
    row.check(loaded)
    assert used == len(data)
