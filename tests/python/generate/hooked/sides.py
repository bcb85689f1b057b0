"""A program run in a world of its own by one library: what each dump and each load came to, and who was asked meanwhile, in
which order."""

import uuid
from dataclasses import dataclass

from compare import ADDRESS, TRACKER_ID, Outcome, outcome

from ..describe import describe
from . import events
from .world import made_in, run


@dataclass
class Dump:
    protocol: int
    outcome: Outcome
    events: list


@dataclass
class Load:
    said: list
    """What it loads as, or the type and the words of the error."""
    is_error: bool
    events: list
    first: "Load" = None
    """How the same pickle was loaded into new classes, if this load is into those that live."""


def one_side(program, protocols, dumps, loads):
    with made_in() as namespace:
        obj = run(program, namespace)
        records, pickles = [], []
        for n, protocol in enumerate(protocols):
            if 0 < n <= len(program.between):
                # Stop is for hooks.
                try:
                    events.act("between", program.between[n - 1])
                except events.Stop:
                    pass
            found = outcome(dumps, obj, protocol)
            records.append(Dump(protocol, found, events.taken()))
            pickles += [found.data] if found.data is not None else []
        # First into new classes, while both sides have been asked alike.
        first = [loaded(with_new_ids(data), loads) for data in pickles[-2:]]
        records += first + [loaded(data, loads, before) for data, before in zip(pickles[-2:], first)]
    return records


def loaded(data, loads, first=None):
    try:
        obj = loads(data)
    except Exception as error:
        return Load([type(error).__name__, ADDRESS.sub("0x", str(error))], True, events.taken(), first)
    return Load(describe(obj), False, events.taken(), first)


def with_new_ids(data):
    seen = {}
    return TRACKER_ID.sub(lambda found: seen.setdefault(found.group(), uuid.uuid4().hex.encode()), data)
