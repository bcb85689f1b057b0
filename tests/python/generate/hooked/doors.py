"""The ways to dump that programs go: name -> (ours, cloudpickle's). Some have hooks of their own, which say that they were
asked."""

import collections
import io
import sys

import binding
import cloudpickle
from face import libcloudpickle

from . import events, world


def importable():
    return sys.modules[world.IMPORTABLE]


def with_persistent_id(base):
    class Pickler(base):
        def persistent_id(self, obj):
            events.asked("persistent_id", obj)
            return "found" if type(obj) is bytes else None

    return Pickler


def with_reducer_override(base):
    class Pickler(base):
        def reducer_override(self, obj):
            events.asked("reducer_override", obj)
            return (importable().build, ()) if type(obj) is bytearray else base.reducer_override(self, obj)

    return Pickler


def with_dispatch_table(base):
    class Pickler(base):
        @property
        def dispatch_table(self):
            return collections.ChainMap({importable().Plain: lambda obj: (importable().build, (9,)), complex: lambda obj: (importable().build, ())}, base.dispatch_table)

    return Pickler


def dumps_of(pickler):
    def dumps(obj, protocol):
        out = io.BytesIO()
        pickler(out, protocol=protocol).dump(obj)
        return out.getvalue()

    return dumps


DOORS = {"C API": (binding.dumps, cloudpickle.dumps), "module": (libcloudpickle.dumps, cloudpickle.dumps)}
for made in (with_persistent_id, with_reducer_override, with_dispatch_table):
    DOORS[made.__name__] = tuple(dumps_of(made(face.Pickler)) for face in (libcloudpickle, cloudpickle))
