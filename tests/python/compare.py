"""What a dump came to, ours beside the oracle's, and the first place where they differ in words."""

import io
import pickle
import pickletools
import re
import uuid
from dataclasses import dataclass

import cloudpickle

TRACKER_ID = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


@dataclass
class Outcome:
    """Bytes, or the exception instead of them."""

    data: bytes = None
    error: BaseException = None


def outcome(dumps, obj, protocol):
    try:
        return Outcome(data=bytes(dumps(obj, protocol)))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and not error.__traceback__.tb_next:
            raise
        # Without the frames of its traceback, which hold the object in a cycle: the collector of CPython up to 3.15 at
        # least crashes on a cycle of a PickleBuffer and its memoryview.
        error.__traceback__ = error.__context__ = error.__cause__ = None
        return Outcome(error=error)


def by_pickle(obj, protocol):
    return pickle.dumps(obj, protocol)


def by_cloudpickle(obj, protocol):
    return cloudpickle.dumps(obj, protocol)


def with_anonymous_trackers(data):
    """Class tracker ids are random: each becomes its order of appearance."""
    seen = {}
    return TRACKER_ID.sub(lambda found: b"%032d" % seen.setdefault(found.group(), len(seen)), data)


def new_classes(data):
    """The same pickle of classes that this process has not loaded yet."""
    ids = {}
    return TRACKER_ID.sub(lambda found: ids.setdefault(found.group(), uuid.uuid4().hex.encode()), data)


def difference(ours, oracle):
    """None if two outcomes agree, else a text that says how they differ. Where both fail, our message may go on where
    the oracle's ends: it says where the culprit sits."""
    if oracle.error is not None:
        if ours.error is None:
            return "the oracle raises %r, we write %d bytes:\n%s" % (oracle.error, len(ours.data), listing(ours.data)[0])
        if type(ours.error) is not type(oracle.error):
            return "the oracle raises %r, we raise %r" % (oracle.error, ours.error)
        theirs, mine = (ADDRESS.sub("0x", str(outcome.error)) for outcome in (oracle, ours))
        if not mine.startswith(theirs):
            return "the oracle says %r, we say %r" % (theirs, mine)
        return None
    if ours.error is not None:
        return "the oracle writes %d bytes, we raise %r" % (len(oracle.data), ours.error)
    if ours.data == oracle.data:
        return None
    mine, theirs = with_anonymous_trackers(ours.data), with_anonymous_trackers(oracle.data)
    return None if mine == theirs else bytes_difference(mine, theirs)


BEFORE, AFTER = 8, 6


def bytes_difference(ours, oracle):
    place = next((n for n, (a, b) in enumerate(zip(ours, oracle)) if a != b), min(len(ours), len(oracle)))
    lines = ["%d bytes, the oracle has %d; they differ from byte %d on" % (len(ours), len(oracle), place)]
    (left, left_at), (right, right_at) = listing(ours, place), listing(oracle, place)
    lines += ["  " + line for line in left[max(0, left_at - BEFORE) : left_at]]
    lines += ["- " + line for line in left[left_at : left_at + AFTER]]
    lines += ["+ " + line for line in right[right_at : right_at + AFTER]]
    return "\n".join(lines) + "\n(- ours, + the oracle's)"


def listing(data, place=0):
    """A line for each opcode, and the index of the line that holds byte `place`."""
    lines, index = [], 0
    file = io.BytesIO(data)
    try:
        for opcode, argument, start in pickletools.genops(file):
            if start <= place:
                index = len(lines)
            shown = "" if argument is None else " " + repr(argument)[:100]
            lines.append("%6d: %s%s" % (start, opcode.name, shown))
    except Exception as error:
        lines.append("        not a pickle from here on: %s" % error)
    return lines, index
