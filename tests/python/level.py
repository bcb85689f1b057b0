"""Is what is allocated, and what is referred to, level over rounds of the same work, which may fail?"""

import gc
import sys
import time

# So many rounds, as far as the time allows: a leak of one block a round cannot hide.
MOST_ROUNDS, FEWEST_ROUNDS, SECONDS = 1000, 8, 0.002


def attempt(work):
    """Result and error, one of them None."""
    try:
        return work(), None
    except BaseException as error:
        error.__traceback__ = error.__context__ = error.__cause__ = None
        return None, error


def rounds_of(work):
    start = time.perf_counter()
    work()
    once = time.perf_counter() - start
    return max(FEWEST_ROUNDS, min(MOST_ROUNDS, int(SECONDS / max(once, 1e-7))))


def grown(work, rounds):
    """By how many blocks a number of rounds grows what is allocated."""
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(rounds):
        work()
    gc.collect()
    return sys.getallocatedblocks() - before


def check_level(work):
    work()
    work()
    # The collections below look at what is made from here on, not at what pytest remembers of the tests before.
    gc.freeze()
    rounds = rounds_of(work)
    # A leak grows each time by at least a block a round. Caches of CPython fill and empty at their own times, more and
    # more slowly: the tolerance is a quarter of a block, and one level turn is proof.
    growths = []
    for _ in range(11):
        growths.append((rounds, grown(work, rounds)))
        if growths[-1][1] <= rounds // 4:
            return
        rounds *= 2
    raise AssertionError("it grew by so many blocks in so many rounds: %s" % growths)


def check_total(work):
    """A debug build counts all references; others have no such count, and the blocks must do."""
    count = getattr(sys, "gettotalrefcount", lambda: 0)
    growths = []
    for _ in range(3):
        work()
        gc.collect()
        before = count()
        for _ in range(5):
            work()
        gc.collect()
        growths.append(count() - before)
    assert min(growths) < 100, growths
