"""What from_c.c dumps and loads."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "tests", "python"))

from corpus.workloads import WORKLOADS  # noqa: E402

NAMES = "small message", "lambda", "task: (function, args, kwargs)", "1 MB JSON-like", "100 MB array"


def objects(quick):
    made = {workload.name: workload for workload in WORKLOADS}
    return {name: made[name].make(0.01 if quick else 1) for name in NAMES}
