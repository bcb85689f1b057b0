"""train.py: works with the library that LIBCLOUDPICKLE names as programs do, while it counts which way it goes (profile.sh).

The workloads of the benchmark at a fraction of their size, over and over, so that small pickles count as much as large
ones, through the doors that engines use; then the whole corpus of the tests, so that what is rare is not taken for
what never happens. The rounds are fixed: a second run counts the same.
"""

import contextlib
import gc
import io
import os
import sys
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "python"))

import binding  # noqa: E402  of the tests
import corpus  # noqa: E402
from compare import TRACKER_ID, new_classes  # noqa: E402
from corpus.workloads import WORKLOADS  # noqa: E402
from face import libcloudpickle  # noqa: E402

SCALE = 0.02
PROTOCOL = 5
BYTES = 10_000_000
"""So much each workload writes, in no more than MOST rounds."""
MOST, FEWEST = 100_000, 100


def work(made):
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
        libcloudpickle.loads(libcloudpickle.dumps(obj))
        file = io.BytesIO()
        libcloudpickle.Pickler(file).dump(obj)
        libcloudpickle.Unpickler(io.BytesIO(file.getvalue())).load()


def look_at(row):
    with contextlib.suppress(BaseException), row.world():
        for protocol in (2, 4, PROTOCOL, PROTOCOL):
            obj = row.make()
            for _ in range(1 if row.fresh else 2):
                data = binding.dumps(obj, protocol)
            binding.loads(data)


def main():
    warnings.simplefilter("ignore")
    gc.disable()
    for made in WORKLOADS:
        work(made)
    for row in corpus.rows:
        if not (row.endless or row.shared):
            look_at(row)


if __name__ == "__main__":
    main()
