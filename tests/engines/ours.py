"""What each engine's program asks: was it our module, here and in the workers?"""

import importlib


def is_ours(name):
    """Is the module of this name ours: are its functions those of the library?"""
    import libcloudpickle

    module = importlib.import_module(name)
    return module.dumps is libcloudpickle.dumps and issubclass(module.CloudPickler, libcloudpickle.Pickler)


def check(name, in_workers):
    """`in_workers`: what `is_ours` said in each of them."""
    assert is_ours(name), "%s is not ours here" % name
    assert in_workers and all(in_workers), "not ours in the workers: %s" % in_workers
