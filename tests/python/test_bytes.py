"""Our bytes are those of C pickle for plain data and those of cloudpickle for everything, at every protocol."""

import binding
import pytest
from compare import by_cloudpickle, by_pickle, difference, outcome
from corpus import rows


def check(row, oracle, protocol):
    obj = row.make()
    for turn in ("first", "second"):
        # The very same object for both, since identity decides what is written once; the second turn is warm.
        theirs = outcome(oracle, obj, protocol)
        if row.fresh:
            obj = row.make()
        ours = outcome(binding.dumps, obj, protocol)
        found = difference(ours, theirs)
        if found is not None:
            return "%s, protocol %d, %s turn: %s" % (row.name, protocol, turn, found)
        if row.fresh:
            obj = row.make()
    return None


def check_each_protocol(row, oracle):
    found = [check(row, oracle, protocol) for protocol in row.protocols]
    assert not any(found), "\n".join(filter(None, found))


@pytest.mark.parametrize("row", rows, ids=str)
def test_as_cloudpickle(row):
    check_each_protocol(row, by_cloudpickle)


@pytest.mark.parametrize("row", [row for row in rows if row.plain], ids=str)
def test_as_pickle(row):
    check_each_protocol(row, by_pickle)


@pytest.mark.parametrize("row", rows, ids=str)
def test_ours_first(row):
    """The same when we are the first to see an object: what we leave behind is what the oracle leaves behind."""
    obj = row.make()
    ours = outcome(binding.dumps, obj, 5)
    theirs = outcome(by_cloudpickle, row.make() if row.fresh else obj, 5)
    found = difference(ours, theirs)
    assert found is None, "%s: %s" % (row.name, found)


@pytest.mark.parametrize("protocol", (-2, -100, 6, 7, 100))
def test_protocols_out_of_range(protocol):
    found = difference(outcome(binding.dumps, [1], protocol), outcome(by_pickle, [1], protocol))
    assert found is None, found
