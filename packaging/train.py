"""train.py: works with the library that LIBCLOUDPICKLE names as programs do, while it counts which way it goes (profile.sh).

The workloads of the benchmark at a fraction of their size, over and over, so that small pickles count as much as large
ones, through the doors that engines use; then the whole corpus of the tests, so that what is rare is not taken for
what never happens. The rounds are fixed: a second run counts the same.
"""

import contextlib
import gc
import importlib.machinery
import importlib.util
import io
import os
import re
import sys
import uuid
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "python"))

import binding  # noqa: E402  of the tests
import corpus  # noqa: E402
from compare import TRACKER_ID  # noqa: E402
from corpus.workloads import WORKLOADS  # noqa: E402

SCALE = 0.02
PROTOCOL = 5
BYTES = 10_000_000
"""So much each workload writes, in no more than MOST rounds."""
MOST, FEWEST = 100_000, 100


def module():
    """The library as a Python module."""
    loader = importlib.machinery.ExtensionFileLoader("libcloudpickle", binding.PATH)
    spec = importlib.util.spec_from_file_location("libcloudpickle", binding.PATH, loader=loader)
    made = importlib.util.module_from_spec(spec)
    loader.exec_module(made)
    return made


def new_classes(data):
    """The same pickle of classes that were not loaded yet."""
    ids = {}
    return TRACKER_ID.sub(lambda found: ids.setdefault(found.group(), uuid.uuid4().hex.encode()), data)


def work(made, face):
    obj = made.make(SCALE)
    data = binding.dumps(obj, PROTOCOL)
    rounds = max(FEWEST, min(MOST, BYTES // len(data)))
    for _ in range(rounds):
        binding.dumps(obj, PROTOCOL)
    for _ in range(rounds // 2):
        binding.loads(data)
    for _ in range(rounds // 16):
        binding.loads(binding.dumps(made.make(SCALE), PROTOCOL))
        if TRACKER_ID.search(data):
            binding.loads(new_classes(data))
        binding.dumps_to_memory(obj)
        binding.loads_from_memory(data)
        face.loads(face.dumps(obj))
        file = io.BytesIO()
        face.Pickler(file).dump(obj)
        face.Unpickler(io.BytesIO(file.getvalue())).load()


def look_at(row):
    with contextlib.suppress(BaseException), row.world():
        for protocol in (2, 4, PROTOCOL, PROTOCOL):
            obj = row.make()
            for _ in range(2 if not row.fresh else 1):
                data = binding.dumps(obj, protocol)
            binding.loads(data)


def main():
    warnings.simplefilter("ignore")
    gc.disable()
    face = module()
    for made in WORKLOADS:
        work(made, face)
    for row in corpus.rows:
        if not (row.endless or row.shared):
            look_at(row)


if __name__ == "__main__":
    main()
