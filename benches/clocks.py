"""Time: what one call takes, and rounds in which all sides run in turn, so that what slows the machine slows each.

Clocks give the nanoseconds of this thread's processor time that one call takes. A ratio is taken within a round; shown
are the median of the rounds' ratios and its quartiles.
"""

import gc
import statistics
from itertools import repeat
from time import perf_counter, thread_time_ns

BATCH_NS = 5_000_000
"""So much time at least lies between two looks at the clock: what the other sides put out of the processor's caches is
back after a small part of it."""
ROUNDS = 3, 1000


def times_for(spent, most):
    """How often a clock calls between two looks."""
    count = 1
    while count < most and spent(count) < BATCH_NS:
        count *= 2
    return min(count, most)


def warm(call, *arguments):
    """A clock that calls with the same arguments again and again."""
    if len(arguments) == 2:

        def spent(count):
            one, two = arguments
            start = thread_time_ns()
            for _ in repeat(None, count):
                call(one, two)
            return thread_time_ns() - start

    else:

        def spent(count):
            (one,) = arguments
            start = thread_time_ns()
            for _ in repeat(None, count):
                call(one)
            return thread_time_ns() - start

    count = times_for(spent, 10_000)
    return lambda: spent(count) / count


def after(prepare, call, *arguments):
    """A clock that prepares before each call, and counts both: the preparation must cost next to nothing."""

    def spent(count):
        start = thread_time_ns()
        for _ in repeat(None, count):
            prepare()
            call(*arguments)
        return thread_time_ns() - start

    count = times_for(spent, 1000)
    return lambda: spent(count) / count


def once(call, make, count, *more):
    """A clock that calls with each of `count` new arguments once."""

    def spent():
        fresh = [make() for _ in range(count)]
        start = thread_time_ns()
        for argument in fresh:
            call(argument, *more)
        return (thread_time_ns() - start) / count

    return spent


class Rounds:
    """Nanoseconds for each side, round by round."""

    def __init__(self, times):
        self.times = times

    @classmethod
    def of(cls, clocks, seconds):
        """Lets the clocks run in turn, each time another one first."""
        times = {side: [] for side in clocks}
        sides = list(clocks)
        gc.collect()
        gc.disable()
        try:
            end = perf_counter() + seconds
            for n in range(ROUNDS[1]):
                if n >= ROUNDS[0] and perf_counter() > end:
                    break
                for side in sides[n % len(sides) :] + sides[: n % len(sides)]:
                    times[side].append(clocks[side]())
        finally:
            gc.enable()
            gc.collect()
        return cls(times)

    def time(self, side):
        return statistics.median(self.times[side])

    def ratio(self, side, by="ours"):
        """Of a side's time to another's."""
        ratios = [a / b for a, b in zip(self.times[side], self.times[by])]
        if len(ratios) == 1:
            return Ratio(*ratios * 3)
        return Ratio(*statistics.quantiles(ratios, n=4, method="inclusive"))


class Ratio:
    """A median with its quartiles."""

    def __init__(self, low, middle, high):
        self.low, self.middle, self.high = low, middle, high

    def __str__(self):
        low, middle, high = ("%.2f" % q if q < 9.95 else "%.0f" % q for q in (self.low, self.middle, self.high))
        return "%sx (%s-%s)" % (middle, low, high)


def shown_time(ns):
    for unit, size in (("ns", 1), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)):
        if ns < 1000 * size:
            break
    return "%.3g %s" % (ns / size, unit) if ns < 100 * size else "%.0f %s" % (ns / size, unit)


def shown_size(size):
    for unit, one in (("B", 1), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9)):
        if size < 1000 * one:
            break
    return "%d B" % size if one == 1 else "%.3g %s" % (size / one, unit)
