"""Our bytes are those of C pickle for plain data and those of cloudpickle for everything, at every protocol."""

import binding
import pytest
from compare import by_cloudpickle, by_pickle, difference, outcome
from corpus import rows


def each(rows):
    """A row at a protocol, for all that the rows have."""
    pairs = [(row, protocol) for row in rows for protocol in row.protocols]
    return pytest.mark.parametrize("row, protocol", pairs, ids=["%s-%d" % pair for pair in pairs])


def check(row, oracle, protocol):
    obj = row.make()
    for turn in ("first", "second"):
        # The very same object for both, since identity decides what is written once; the second turn is warm.
        theirs = outcome(oracle, obj, protocol)
        if row.fresh:
            obj = row.make()
        ours = outcome(binding.dumps, obj, protocol)
        found = difference(ours, theirs)
        assert found is None, "%s, protocol %d, %s turn: %s" % (row.name, protocol, turn, found)
        if row.fresh:
            obj = row.make()


@each(rows)
def test_as_cloudpickle(row, protocol):
    check(row, by_cloudpickle, protocol)


@each([row for row in rows if row.plain])
def test_as_pickle(row, protocol):
    check(row, by_pickle, protocol)


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
