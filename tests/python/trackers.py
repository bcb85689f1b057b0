"""Class trackers that end with a test."""

import weakref
from unittest import mock

import cloudpickle


def another_tracker():
    """The package has this one meanwhile, and the library with it."""
    package = cloudpickle.cloudpickle
    by_class, by_id = weakref.WeakKeyDictionary(), weakref.WeakValueDictionary()
    return mock.patch.multiple(package, _DYNAMIC_CLASS_TRACKER_BY_CLASS=by_class, _DYNAMIC_CLASS_TRACKER_BY_ID=by_id)
