"""Classes and instances out of generated programs, with hooks at every level and changes inside hooks and between dumps: the
bytes, the errors, who is asked in which order, and what is loaded, beside cloudpickle.

EXAMPLES in the environment says how many programs there are, for a long search, from a seed by chance on; without it they are
always the same few."""

import collections
import gc
import os
import random

import pytest
from generate.hooked.differences import compared
from generate.hooked.programs import program_of
from generate.hooked.sides import Dump

EXAMPLES = int(os.environ.get("EXAMPLES", 0))
USUAL_EXAMPLES = 120
# The programs warn of much.
pytestmark = pytest.mark.filterwarnings("ignore")


def test_programs_with_hooks():
    first = int(os.environ.get("FIRST_SEED", random.SystemRandom().randrange(2**40) if EXAMPLES else 0))
    seen, failures = collections.Counter(), []
    for seed in range(first, first + (EXAMPLES or USUAL_EXAMPLES)):
        program = program_of(seed)
        found, records = compared(program, seed)
        for record in records:
            if isinstance(record, Dump):
                seen["dumps" if record.outcome.error is None else "refused"] += 1
            else:
                seen["does not load" if record.is_error else "loads"] += 1
            seen["questions"] += len(record.events)
        if found:
            failures.append("seed %d, actions %s, between %s\n%s\n\n%s" % (seed, program.actions, program.between, program.text(), found))
        if seed % 200 == 0:
            gc.collect()
    print("from seed %d on:" % first, dict(seen))
    assert not failures, "%d failures:\n\n%s" % (len(failures), "\n\n====\n\n".join(failures[:30]))
    # They come to something.
    assert seen["dumps"] > seen["refused"] and seen["loads"] > seen["does not load"] and seen["questions"] > seen["dumps"], seen
