"""Pickles functions, lambdas, closures, classes and modules by value. The interface is cloudpickle's.

This package is the C library: what is imported is the module that libcloudpickle.so itself has, and two functions that
say where a C compiler finds the library and its header.
"""

import importlib.machinery
import importlib.util
import os
import sys

_FOLDER = os.path.dirname(os.path.abspath(__file__))


def get_include():
    """The folder of cloudpickle.h, for a compiler's -I."""
    return os.path.join(_FOLDER, "include")


def get_library():
    """The shared library, for a linker; it is called by its soname, so its folder serves as a run path."""
    return os.path.join(_FOLDER, "libcloudpickle.so.0")


def _module():
    """The library as the module of this name, in the place of this one, so that what is set in it is seen by it."""
    loader = importlib.machinery.ExtensionFileLoader(__name__, get_library())
    spec = importlib.util.spec_from_file_location(
        __name__, get_library(), loader=loader, submodule_search_locations=[_FOLDER]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[__name__] = module
    loader.exec_module(module)
    module.get_include = get_include
    module.get_library = get_library
    return module


_module()
