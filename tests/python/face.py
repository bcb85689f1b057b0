"""The library as a module: `from face import libcloudpickle`. The environment variable LIBCLOUDPICKLE says which file."""

import os
import sys

PATH = os.environ.get("LIBCLOUDPICKLE", "")
assert os.path.basename(PATH) == "libcloudpickle.so", "LIBCLOUDPICKLE must name libcloudpickle.so; it is %r" % PATH
FOLDER = os.path.dirname(os.path.abspath(PATH))
sys.path.append(FOLDER)

import libcloudpickle  # noqa: E402

assert os.path.samefile(libcloudpickle.__file__, PATH), libcloudpickle.__file__
