"""Who was asked, in which order; and what a program does the moment that somebody is asked."""

LOG = []
"""In order, (label, the how many-th time, names of the objects), and (label, what was done then)."""
MOST = 3000
"""Questions of one dump or load; a hook that answers with what asks it again would have no end."""

_asked = {}
_actions = {}
_namespace = {}
_total = 0


class TooMany(RuntimeError):
    pass


class Stop(Exception):
    """What an action raises to leave the hook by an error."""


def begin(namespace, actions):
    """From here on the names of objects are those of `namespace`, and `actions`, label -> [(time, source)], are run in it."""
    global _namespace, _actions, _total
    _namespace, _actions, _total = namespace, actions, 0
    _asked.clear()
    LOG.clear()


def taken():
    """The events since the last call."""
    global _total
    _total = 0
    found = list(LOG)
    LOG.clear()
    return found


def asked(label, *objects):
    """Each hook says this first."""
    global _total
    _total += 1
    if _total > MOST:
        raise TooMany("too many questions")
    time = _asked[label] = _asked.get(label, 0) + 1
    LOG.append((label, time, *map(name_of, objects)))
    for when, source in _actions.get(label, ()):
        if when == time:
            act(label, source)


def act(label, source):
    """Runs it because of `label`; an error of its own is an event, but for Stop, which leaves the hook."""
    try:
        exec(source, _namespace)
        LOG.append((label, "done", source))
    except Stop:
        LOG.append((label, "done", source))
        raise
    except Exception as error:
        LOG.append((label, "failed", source, type(error).__name__))


def name_of(obj):
    # CPython 3.9 has more than one empty tuple.
    if type(obj) is tuple and not obj:
        return "tuple"
    return next((name for name, found in _namespace.items() if found is obj), type(obj).__name__)
