"""Imported at the start of every process of an environment, by a .pth file: puts the module of the library that
LIBCLOUDPICKLE_IN_PLACE names in the place of cloudpickle, and of the copies that LIBCLOUDPICKLE_COPIES names."""

import os
import sys

path = os.environ.get("LIBCLOUDPICKLE_IN_PLACE")
if path:
    sys.path.append(os.path.dirname(path))
    import libcloudpickle

    for package in ["cloudpickle", *os.environ.get("LIBCLOUDPICKLE_COPIES", "").split()]:
        assert libcloudpickle.install(replace=True, package=package)
