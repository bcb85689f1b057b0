"""Whatever objects do to each other while they are pickled, the pickle is cloudpickle's, and nothing crashes."""

import binding
import pytest
from compare import by_cloudpickle, difference, outcome
from trackers import another_tracker
from worlds import World

SEEDS = 400
PARTS = 8


@pytest.mark.parametrize("part", range(PARTS))
def test_objects_that_change_each_other(part):
    acted = 0
    for seed in range(part, SEEDS, PARTS):
        found = []
        for dumps in (binding.dumps, by_cloudpickle):
            world = World(seed)
            acted += len(world.acting)
            with another_tracker():
                found.append(outcome(dumps, world.root, world.protocol))
        assert difference(*found) is None, "world %d: %s" % (seed, difference(*found))
    assert acted > SEEDS // PARTS
