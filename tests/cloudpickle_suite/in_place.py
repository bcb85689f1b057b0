"""Run at the start of every process of an environment: puts our module into the place of cloudpickle, and of the copies
of it that LIBCLOUDPICKLE_COPIES names."""

import os
import sys

path = os.environ.get("LIBCLOUDPICKLE_IN_PLACE")
if path:
    sys.path.append(os.path.dirname(path))
    import libcloudpickle

    for package in ["cloudpickle", *os.environ.get("LIBCLOUDPICKLE_COPIES", "").split()]:
        assert libcloudpickle.install(replace=True, package=package)
