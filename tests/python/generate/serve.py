"""A process that loads pickles and says what they are: by `pickle` where nothing but cloudpickle is installed, or by `ours`
where no cloudpickle is. Each message has its length in eight bytes before it; the answer is JSON."""

import gc
import importlib.util
import json
import os
import pickle
import sys

results = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
if sys.argv[1] == "ours":
    import binding

    assert not importlib.util.find_spec("cloudpickle"), "there must be no cloudpickle"
    loads = binding.loads
else:
    assert importlib.util.find_spec("cloudpickle"), "cloudpickle must be installed"
    assert not importlib.util.find_spec("pytest"), "this must be an environment with nothing but cloudpickle"
    loads = pickle.loads

from generate.describe import describe, said  # noqa: E402


def answer(data):
    """[description, None], or [None, why it does not load]."""
    try:
        loaded = loads(data)
    except Exception as error:
        return [None, said(error)]
    return [describe(loaded), None]


while True:
    head = sys.stdin.buffer.read(8)
    if len(head) < 8:
        break
    found = json.dumps(answer(sys.stdin.buffer.read(int.from_bytes(head, "big")))).encode()
    results.write(len(found).to_bytes(8, "big") + found)
    results.flush()
    if gc.get_count()[2] > 5:
        gc.collect()
