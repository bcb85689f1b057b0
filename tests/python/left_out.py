"""What cannot run on this machine, in words: the report at the end of a run of the tests says it."""

REASONS = []


def left_out(what, why):
    REASONS.append("left out: %s (%s)" % (what, why))
