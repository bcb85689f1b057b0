"""Whatever objects do to each other while they are pickled, the pickle is cloudpickle's, and nothing crashes.

EXAMPLES in the environment says how many worlds there are, for a long search, from a seed by chance on; without it they are the
same each time."""

import os
import random

import binding
import pytest
from compare import by_cloudpickle, difference, outcome
from trackers import another_tracker
from worlds import World

EXAMPLES = int(os.environ.get("EXAMPLES", 0))
USUAL_EXAMPLES = 400
PARTS = 8


@pytest.mark.parametrize("part", range(PARTS))
def test_objects_that_change_each_other(part):
    first = random.SystemRandom().randrange(2**40) if EXAMPLES else 0
    acted = 0
    for seed in range(first + part, first + (EXAMPLES or USUAL_EXAMPLES), PARTS):
        found = []
        for dumps in (binding.dumps, by_cloudpickle):
            world = World(seed)
            acted += len(world.acting)
            with another_tracker():
                found.append(outcome(dumps, world.root, world.protocol))
        assert difference(*found) is None, "world %d: %s" % (seed, difference(*found))
    assert acted
