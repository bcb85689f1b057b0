"""Our bytes are those of C pickle for plain data and those of cloudpickle for everything, at every protocol."""

import binding
import pytest
from compare import by_cloudpickle, by_pickle, difference, outcome
from corpus import HIGHEST, rows


def check(row, oracle, protocols):
    """Cold: each side dumps an object that nobody has seen before, since dumping leaves traces (copyreg notes the slots
    in a class whose instance it reduces). Warm: both dump the very same object, and each has seen it."""
    with row.world():
        obj = twin = None
        for protocol in protocols:
            if obj is None or not row.shared:
                obj = row.make()
            theirs = outcome(oracle, obj, protocol)
            if not row.fresh:
                warm = outcome(oracle, obj, protocol)
                said("warm", row, protocol, outcome(binding.dumps, obj, protocol), warm)
            if row.addressed:
                continue
            if twin is None or not row.shared:
                twin = row.make()
            said("cold", row, protocol, outcome(binding.dumps, twin, protocol), theirs)
            if not row.fresh:
                warm = outcome(oracle, twin, protocol)
                said("seen by us first", row, protocol, outcome(binding.dumps, twin, protocol), warm)


def said(turn, row, protocol, ours, theirs):
    found = difference(ours, theirs)
    assert found is None, "%s, protocol %d, %s: %s" % (row.name, protocol, turn, found)


@pytest.mark.parametrize("row", rows, ids=str)
def test_as_cloudpickle(row):
    check(row, by_cloudpickle, row.protocols)


@pytest.mark.parametrize("row", [row for row in rows if row.plain], ids=str)
def test_as_pickle(row):
    check(row, by_pickle, row.protocols)


@pytest.mark.parametrize("row", [row for row in rows if not row.shared][::7], ids=str)
def test_the_highest_protocol(row):
    check(row, by_cloudpickle, [HIGHEST])


@pytest.mark.parametrize("protocol", (-2, -100, 6, 7, 100))
def test_protocols_out_of_range(protocol):
    found = difference(outcome(binding.dumps, [1], protocol), outcome(by_pickle, [1], protocol))
    assert found is None, found
